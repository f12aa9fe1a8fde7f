//! What was found out, for people.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use daytally::survey::{Distinct, Example, Form, Rate};
use daytally::text::{self, counted, grouped};

use super::Checked;

/// How many values of a field are shown.
const TOP: usize = 5;

/// Where the second column starts.
const COLUMN: usize = 14;

/// The text, with a line feed after it.
pub(super) fn text(checked: &Checked) -> String {
    let mut out = String::new();
    let survey = &checked.survey;
    row(&mut out, "read", read(checked));
    if survey.only_begun > 0 {
        let what = format!(
            "only the beginning of {} or {}: rates and groups may not be those of the rest",
            counted(survey.only_begun as u64, "compressed input"),
            if survey.only_begun == 1 {
                "stream"
            } else {
                "streams"
            }
        );
        row(&mut out, "", what);
    }
    if survey.still_open > 0 {
        let what = format!(
            "{} {} still open after {} s: only what had come by then was read; see --time",
            counted(survey.still_open as u64, "stream"),
            if survey.still_open == 1 {
                "was"
            } else {
                "were"
            },
            checked.time.as_secs_f64()
        );
        row(&mut out, "", what);
    } else if survey.is_late {
        row(
            &mut out,
            "",
            "time was up before the whole sample was read; see --time",
        );
    }
    if survey.lines_left > 0 {
        let what = format!(
            "{} had not ended by then, of one {} were read; not counted",
            counted(survey.lines_left as u64, "line"),
            text::about_size(float(survey.unended)),
        );
        row(&mut out, "", what);
    }
    if let Some(schema) = &checked.schema {
        row(&mut out, "schema", schema);
    }
    if let Some((input, form)) = &survey.looks_like {
        let what = match form {
            Form::JsonArray => "one JSON array",
            Form::Csv => "CSV",
            Form::Parquet => "Parquet",
            Form::Avro => "Avro",
            _ => "something else",
        };
        let way = if *form == Form::JsonArray {
            "; jq -c '.[]' writes them so"
        } else {
            ""
        };
        let what = format!(
            "{what}: {} starts so, and daytally reads JSON Lines, an event on each line{way}",
            text::name(input)
        );
        row(&mut out, "looks like", what);
    }
    if checked.has_nothing() {
        let lines = survey.part.books.lines();
        let what = if lines > 0 {
            ", all of them blank: there are no events to tell of".into()
        } else if survey.is_whole {
            ": the inputs have no lines, so there is nothing for aggregate to read".into()
        } else if survey.unended > 0 {
            format!(
                ": none ended in the pieces that were read; there are lines of more than {}",
                text::about_size(float(survey.unended))
            )
        } else {
            ": nothing has come, so there is nothing to tell".to_owned()
        };
        row(&mut out, "lines", grouped(lines) + &what);
        return out;
    }
    lines(&mut out, checked);
    invalid(&mut out, checked);
    fields(&mut out, checked);
    groups(&mut out, checked);
    full_run(&mut out, checked);
    if !checked.advice.reasons.is_empty() {
        out.push_str("\noptions to consider\n");
        for reason in &checked.advice.reasons {
            let _ = writeln!(out, "  {reason}");
        }
    }
    if let Some(command) = &checked.advice.command {
        let _ = writeln!(out, "\n{command}");
    }
    out
}

/// How many lines there are, and how long they are.
fn lines(out: &mut String, checked: &Checked) {
    let survey = &checked.survey;
    let part = &survey.part;
    let books = &part.books;
    let lines = if survey.is_whole {
        format!("{}, {} blank", grouped(books.lines()), grouped(books.blank))
    } else {
        let (all, how_sure) = match (survey.lines, survey.lines_margin) {
            (Some(lines), Some(margin)) => (about_within(lines, margin), "95 %; "),
            (Some(lines), None) => (about(lines), ""),
            (None, _) => ("unknown".into(), ""),
        };
        format!(
            "{all} ({how_sure}{} in the sample, {} blank)",
            grouped(books.lines()),
            grouped(books.blank)
        )
    };
    row(out, "lines", lines);
    if let (Some(min), Some(median), Some(max)) = (
        part.styles.lengths.min(),
        part.styles.lengths.median(),
        part.styles.lengths.max(),
    ) {
        let what = format!(
            "{} to {} bytes, median {}",
            grouped(min),
            grouped(max),
            grouped(median)
        );
        row(out, "", what);
    }
}

/// The invalid events, with an example for each reason.
fn invalid(out: &mut String, checked: &Checked) {
    let survey = &checked.survey;
    let part = &survey.part;
    let books = &part.books;
    let events = books.lines() - books.blank;
    row(
        out,
        "invalid",
        rate(survey.invalid, survey.is_whole, books.invalid(), events),
    );
    for (reason, example) in &part.examples {
        let number = books
            .invalid_by_reason()
            .find(|(of, _)| of == reason)
            .map_or(0, |(_, n)| n);
        let _ = writeln!(out, "  {} {}", reason.code(), grouped(number));
        let _ = writeln!(out, "    {}", place(example));
        let _ = writeln!(out, "    {}", example.message);
        if let Some(hint) = &example.hint {
            let _ = writeln!(out, "    hint: {hint}");
        }
    }
}

/// Days, groups and users.
fn groups(out: &mut String, checked: &Checked) {
    let survey = &checked.survey;
    let part = &survey.part;
    let books = &part.books;
    if let (Some((first, _)), Some((last, _))) =
        (part.dates.first_key_value(), part.dates.last_key_value())
    {
        let mut what = format!(
            "{first} to {last}, {} seen",
            counted(part.dates.len() as u64, "day")
        );
        if books.filtered > 0 {
            let _ = write!(what, "; {} filtered", counted(books.filtered, "event"));
        }
        row(out, "days", what);
    }
    row(
        out,
        "groups",
        distinct(survey.groups, survey.is_whole, "day and user"),
    );
    row(out, "users", distinct(survey.users, survey.is_whole, ""));
}

/// What the full run will need.
fn full_run(out: &mut String, checked: &Checked) {
    match checked.needs {
        Some(needs) => {
            let seconds = match needs.seconds {
                less if less < 0.1 => "less than 0.1 s".to_owned(),
                few if few < 10.0 => format!("about {few:.1} s"),
                more if more < 600.0 => format!("about {more:.0} s"),
                much => format!("about {:.0} minutes", much / 60.0),
            };
            let spill = if needs.spills {
                format!(
                    ", and up to {} of temporary files",
                    text::about_size(needs.temporary)
                )
            } else {
                ", no temporary files".into()
            };
            let processor = match needs.processor_seconds {
                less if less < 0.1 => String::new(),
                few if few < 10.0 => format!(", {few:.1} s of processor time"),
                more => format!(", {more:.0} s of processor time"),
            };
            row(out, "full run", seconds + &processor);
            row(
                out,
                "",
                format!("up to {} of memory{spill}", text::about_size(needs.memory)),
            );
            row(
                out,
                "",
                format!("a result of about {}", text::about_size(needs.csv)),
            );
        }
        None => row(out, "full run", "how much there is to read is not known"),
    }
}

fn read(checked: &Checked) -> String {
    let survey = &checked.survey;
    let inputs = counted(survey.inputs as u64, "input");
    let read = text::about_size(float(survey.bytes_read));
    let took = format!("{:.1} s", survey.elapsed.as_secs_f64());
    if survey.is_whole {
        return format!("all of {inputs}, {read}, in {took}: figures are exact");
    }
    let all = survey.bytes.map_or("an unknown size".into(), |bytes| {
        text::about_size(float(bytes)).to_string()
    });
    let of = if survey.inputs_read < survey.inputs {
        format!("{} of {inputs}", grouped(survey.inputs_read as u64))
    } else {
        inputs
    };
    format!(
        "{read} of {all}, in {} of {of}, in {took}",
        counted(survey.tiles as u64, "piece")
    )
}

fn rate(rate: Rate, is_whole: bool, invalid: u64, events: u64) -> String {
    let seen = format!("{} of {}", grouped(invalid), counted(events, "event"));
    if events == 0 {
        return seen;
    }
    if is_whole {
        return format!("{} ({seen})", percent(rate.seen));
    }
    format!(
        "{}, {} to {} (95 %; {seen})",
        percent(rate.seen),
        percent(rate.low),
        percent(rate.high)
    )
}

fn distinct(distinct: Option<Distinct>, is_whole: bool, of: &str) -> String {
    let of = if of.is_empty() {
        String::new()
    } else {
        format!(" of {of}")
    };
    match distinct {
        None => "unknown".into(),
        Some(there) if is_whole || there.high <= float(there.seen) => {
            format!("{}{of}", grouped(there.seen))
        }
        Some(there) => format!(
            "{}{of}, {} to {}",
            about(there.estimate),
            grouped(there.seen),
            about(there.high).trim_start_matches("about ")
        ),
    }
}

fn fields(out: &mut String, checked: &Checked) {
    let styles = &checked.survey.part.styles;
    row(out, "user_id", top(&styles.user_ids));
    row(out, "event_type", top(&styles.event_types));
    row(out, "timestamp", top(&styles.timestamps));
    row(out, "amount", top(&styles.amounts));
    let others = styles.other_keys.len();
    if others > 0 {
        // A line has many of them.
        row(
            out,
            "other keys",
            top_of(&styles.other_keys, styles.objects),
        );
    }
    let mut notes = Vec::new();
    if styles.key_orders.len() > 1 {
        notes.push(format!(
            "{} orders of keys",
            grouped(styles.key_orders.len() as u64)
        ));
    }
    for (number, what) in [
        (styles.duplicate_keys, "lines with a key twice"),
        (styles.escapes, "lines with escapes"),
        (styles.crlf, "lines with CR LF"),
    ] {
        if number > 0 {
            notes.push(format!("{} {what}", grouped(number)));
        }
    }
    if !notes.is_empty() {
        row(out, "written with", notes.join(", "));
    }
}

/// The most frequent ones, with their shares.
fn top<K: AsRef<str>>(counts: &BTreeMap<K, u64>) -> String {
    top_of(counts, counts.values().sum())
}

/// The same, with their shares of so many lines.
fn top_of<K: AsRef<str>>(counts: &BTreeMap<K, u64>, all: u64) -> String {
    let mut by_count: Vec<(&K, &u64)> = counts.iter().collect();
    by_count.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let mut shown: Vec<String> = by_count
        .iter()
        .take(TOP)
        .map(|(key, number)| {
            let share = percent(float(**number) / float(all.max(1)));
            format!("{} {share}", text::name(key.as_ref()))
        })
        .collect();
    if counts.len() > TOP {
        shown.push(format!("{} more", grouped((counts.len() - TOP) as u64)));
    }
    if shown.is_empty() {
        return "none".into();
    }
    // No more in a line than fits.
    let mut lines = String::new();
    let mut width = COLUMN;
    for (at, item) in shown.iter().enumerate() {
        let len = item.chars().count() + 2;
        if at > 0 {
            lines.push(',');
            if width + len > 78 {
                lines.push('\n');
                lines.push_str(&" ".repeat(COLUMN));
                width = COLUMN;
            } else {
                lines.push(' ');
            }
        }
        lines.push_str(item);
        width += len;
    }
    lines
}

/// The place of an example, as `explain` takes it.
pub(super) fn place(example: &Example) -> String {
    let name = text::name(&example.input);
    match example.line {
        Some(line) => format!("{name}:{line}"),
        None => format!("{name}@{}", example.offset),
    }
}

fn row(out: &mut String, name: &str, what: impl Display) {
    let _ = writeln!(out, "{name:<COLUMN$}{what}");
}

/// An estimate in three digits.
fn about(number: f64) -> String {
    about_to(number, three_digits(number))
}

/// An estimate that may be more or less by a share of it: in as many digits as that leaves, and three at least.
fn about_within(number: f64, margin: f64) -> String {
    let unit = 10_f64.powf((number * margin).log10().floor());
    let unit = unit.clamp(1.0, three_digits(number).max(1.0));
    format!("{} ± {}", about_to(number, unit), percent(margin))
}

/// What three digits of a number are counted in.
fn three_digits(number: f64) -> f64 {
    10_f64.powf(number.log10().floor() - 2.0)
}

fn about_to(number: f64, unit: f64) -> String {
    if number < 1000.0 {
        return format!("about {number:.0}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and casts to integers saturate"
    )]
    let rounded = ((number / unit).round() * unit) as u64;
    format!("about {}", grouped(rounded))
}

/// A share with two digits or three.
pub(super) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        none if none <= 0.0 => "0 %".into(),
        tiny if tiny < 0.001 => "<0.001 %".into(),
        small if small < 0.1 => format!("{small:.3} %"),
        some if some < 10.0 => format!("{some:.2} %"),
        most if (99.95..100.0).contains(&most) => ">99.9 %".into(),
        all if all >= 100.0 => "100 %".into(),
        many => format!("{many:.1} %"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is shown has fewer digits")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_for_people() {
        assert_eq!(about(1_234_567.0), "about 1,230,000");
        assert_eq!(about(12.4), "about 12");
        for (number, margin, shown) in [
            (299_754.7, 0.000_657, "about 299,800 ± 0.066 %"),
            (299_754.7, 0.000_002, "about 299,755 ± <0.001 %"),
            (299_754.7, 0.0, "about 299,755 ± 0 %"),
            (1_234_567.0, 0.034, "about 1,230,000 ± 3.40 %"),
            (1_234_567.0, 1.5, "about 1,230,000 ± 100 %"),
            (12.4, 0.5, "about 12 ± 50.0 %"),
        ] {
            assert_eq!(about_within(number, margin), shown);
        }
        for (share, shown) in [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.9999, ">99.9 %"),
            (0.001_234, "0.12 %"),
            (0.000_001, "<0.001 %"),
        ] {
            assert_eq!(percent(share), shown);
        }
    }
}
