//! What was found out, as a JSON object.

use std::collections::BTreeMap;

use daytally::output::SchemaSummary;
use daytally::survey::{Distinct, Needs, Survey};
use serde::Serialize;

use super::Checked;
use super::show::float;

#[derive(Serialize)]
struct Object<'a> {
    whole: bool,
    late: bool,
    inputs: usize,
    inputs_read: usize,
    only_begun: usize,
    still_open: usize,
    lines_left: usize,
    unended: u64,
    looks_like: Option<LooksLike<'a>>,
    bytes: Option<u64>,
    bytes_read: u64,
    pieces: usize,
    seconds: f64,
    lines: Option<Interval>,
    sample: Sample,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a SchemaSummary>,
    invalid_rate: Interval,
    reasons: BTreeMap<&'static str, Reason<'a>>,
    fields: Fields<'a>,
    first_date: Option<String>,
    last_date: Option<String>,
    dates: usize,
    groups: Option<Interval>,
    users: Option<Interval>,
    full_run: Option<FullRun>,
    suggestions: &'a [String],
    command: Option<&'a str>,
}

/// What an input starts like.
#[derive(Serialize)]
struct LooksLike<'a> {
    input: &'a str,
    form: &'static str,
}

/// Counts of the sample.
#[derive(Serialize)]
struct Sample {
    lines: u64,
    blank: u64,
    valid: u64,
    filtered: u64,
    invalid: u64,
    purchases: u64,
}

#[derive(Serialize)]
struct Interval {
    estimate: f64,
    low: f64,
    /// Not known where the beginning of an input has to stand for the rest of it.
    high: Option<f64>,
}

#[derive(Serialize)]
struct Reason<'a> {
    count: u64,
    input: &'a str,
    line: Option<u64>,
    offset: u64,
    message: &'a str,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Fields<'a> {
    user_id: &'a BTreeMap<&'static str, u64>,
    event_type: BTreeMap<&'a str, u64>,
    timestamp: BTreeMap<&'a str, u64>,
    amount: BTreeMap<&'a str, u64>,
    other_keys: BTreeMap<&'a str, u64>,
    key_orders: usize,
    duplicate_keys: u64,
    escapes: u64,
    crlf: u64,
    shortest: Option<u64>,
    median: Option<u64>,
    longest: Option<u64>,
}

#[derive(Serialize)]
struct FullRun {
    seconds: f64,
    processor_seconds: f64,
    memory_bytes: f64,
    spills: bool,
    temporary_bytes: f64,
    csv_bytes: f64,
}

/// How many values of a field are given: the most frequent ones.
const TOP: usize = 100;

/// The object, with a line feed after it.
pub(super) fn object(checked: &Checked) -> String {
    let survey = &checked.survey;
    let (part, styles) = (&survey.part, &survey.part.styles);
    let books = &part.books;
    let counts: BTreeMap<_, _> = books.invalid_by_reason().collect();
    let object = Object {
        whole: survey.is_whole,
        late: survey.is_late,
        inputs: survey.inputs,
        inputs_read: survey.inputs_read,
        only_begun: survey.only_begun,
        still_open: survey.still_open,
        lines_left: survey.lines_left,
        unended: survey.unended,
        looks_like: survey.looks_like.as_ref().map(|(input, form)| LooksLike {
            input,
            form: form.code(),
        }),
        bytes: survey.bytes,
        bytes_read: survey.bytes_read,
        pieces: survey.tiles,
        seconds: survey.elapsed.as_secs_f64(),
        lines: survey.lines.map(|number| lines(survey, number)),
        sample: Sample {
            lines: books.lines(),
            blank: books.blank,
            valid: books.valid,
            filtered: books.filtered,
            invalid: books.invalid(),
            purchases: part.purchases,
        },
        schema: checked.schema.as_ref(),
        invalid_rate: Interval {
            estimate: survey.invalid.seen,
            low: survey.invalid.low,
            high: Some(survey.invalid.high),
        },
        reasons: part
            .examples
            .iter()
            .map(|(reason, example)| {
                let of_reason = Reason {
                    count: counts.get(reason).copied().unwrap_or(0),
                    input: &example.input,
                    line: example.line,
                    offset: example.offset,
                    message: &example.message,
                    hint: example.hint.as_deref(),
                };
                (reason.code(), of_reason)
            })
            .collect(),
        fields: Fields {
            user_id: &styles.user_ids,
            event_type: top(&styles.event_types),
            timestamp: top(&styles.timestamps),
            amount: top(&styles.amounts),
            other_keys: top(&styles.other_keys),
            key_orders: styles.key_orders.len(),
            duplicate_keys: styles.duplicate_keys,
            escapes: styles.escapes,
            crlf: styles.crlf,
            shortest: styles.lengths.min(),
            median: styles.lengths.median(),
            longest: styles.lengths.max(),
        },
        first_date: part.dates.keys().next().map(ToString::to_string),
        last_date: part.dates.keys().next_back().map(ToString::to_string),
        dates: part.dates.len(),
        groups: survey.groups.map(interval),
        users: survey.users.map(interval),
        full_run: checked.needs.map(full_run),
        suggestions: &checked.advice.reasons,
        command: checked.advice.command.as_deref(),
    };
    // Numbers, strings and string keys: nothing here can fail to serialise.
    let text = serde_json::to_string(&object).unwrap_or_default();
    daytally::text::name(&text).to_string() + "\n"
}

fn top(counts: &BTreeMap<String, u64>) -> BTreeMap<&str, u64> {
    let mut by_count: Vec<(&str, u64)> = counts
        .iter()
        .map(|(key, number)| (key.as_str(), *number))
        .collect();
    by_count.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    by_count.into_iter().take(TOP).collect()
}

/// How many lines there are: no fewer than those in the sample.
fn lines(survey: &Survey, number: f64) -> Interval {
    let seen = float(survey.part.books.lines());
    Interval {
        estimate: number,
        low: survey
            .lines_margin
            .map_or(seen, |margin| seen.max(number * (1.0 - margin))),
        high: survey.lines_margin.map(|margin| number * (1.0 + margin)),
    }
}

fn interval(distinct: Distinct) -> Interval {
    Interval {
        estimate: distinct.estimate,
        low: float(distinct.seen),
        high: Some(distinct.high),
    }
}

fn full_run(needs: Needs) -> FullRun {
    FullRun {
        seconds: needs.seconds,
        processor_seconds: needs.processor_seconds,
        memory_bytes: needs.memory.ceil(),
        spills: needs.spills,
        temporary_bytes: needs.temporary.ceil(),
        csv_bytes: needs.csv.ceil(),
    }
}
