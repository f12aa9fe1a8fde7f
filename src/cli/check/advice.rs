//! Options for the full run, and why.

use std::ffi::OsStr;

use super::show;
use crate::cli::args::Words;
use crate::cli::config::CheckConfig;
use daytally::event::{Date, DateRange, Reason, Schema};
use daytally::input::Found;
use daytally::survey::{Needs, Survey};

/// Other offsets than zero are proposed to be converted where at least one in so many timestamps has one.
const OFFSETS: u64 = 100;

/// From how many days on a file for each of them is proposed.
const MANY_DAYS: usize = 400;

/// Days that have fewer than one in so many events, and are far from the others, are strays.
const STRAY: u64 = 1000;
const FAR: u32 = 30;

/// What is proposed.
pub(super) struct Advice {
    /// Why each option.
    pub(super) reasons: Vec<String>,
    /// A command to copy; `None` if a name in it cannot be shown as it is, or there is nothing to read.
    pub(super) command: Option<String>,
}

pub(super) fn of(config: &CheckConfig, survey: &Survey, found: &Found) -> Advice {
    let mut draft = Draft {
        reasons: Vec::new(),
        words: Words::default(),
        typed: config.typed.clone(),
    };
    let part = &survey.part;
    // What is something else has to become JSON Lines first.
    if part.books.lines() == part.books.blank || survey.looks_like.is_some() {
        return Advice {
            reasons: draft.reasons,
            command: None,
        };
    }
    let fields = missing_fields(&config.settings.schema, survey);
    let is_about_fields = !fields.is_empty();
    for (option, path, why) in fields {
        draft.typed.remove(option);
        draft.add(&[option, &path], &why);
    }
    if is_about_fields {
        // What else there is to say is of events that are not seen yet.
        return draft.finish("check", &config.names);
    }
    purchase_types(&mut draft, survey);
    offsets(&mut draft, config, survey);
    rejects(&mut draft, config, survey, found);
    let limit = max_invalid(survey.invalid.high);
    if let Some(limit) = &limit {
        draft.add(
            &["--max-invalid", limit],
            "no result if there are far more invalid events than here",
        );
    }
    long_lines(&mut draft, survey);
    let needs = Needs::of(survey, &config.options);
    if let Some(needs) = needs.filter(|needs| needs.spills) {
        // For the reader to choose; the default does.
        draft.reasons.push(format!(
            "--temp-dir DIR: groups will not fit into the memory limit; up to {} of temporary files go \
             beside the output, or to DIR",
            daytally::text::about_size(needs.temporary)
        ));
    }
    days(&mut draft, config, survey);
    draft.finish("aggregate", &config.names)
}

/// What is proposed, on its way.
struct Draft {
    reasons: Vec<String>,
    words: Words,
    /// What was given here, and goes on to the next command.
    typed: Words,
}

impl Draft {
    /// Proposes an option.
    fn add(&mut self, option: &[&str], why: &str) {
        let shown: Vec<String> = option
            .iter()
            .filter_map(|word| quoted(word.as_ref()))
            .collect();
        self.reasons.push(format!("{}: {why}", shown.join(" ")));
        match option {
            [name, value] => self.words.option(name, Some(*value)),
            _ => self.words.0.extend(option.iter().map(Into::into)),
        }
    }

    fn finish(self, command: &str, names: &Words) -> Advice {
        let words = self.words.0.iter().chain(&self.typed.0).chain(&names.0);
        let words: Option<Vec<String>> = words.map(|word| quoted(word)).collect();
        Advice {
            reasons: self.reasons,
            command: words.map(|words| {
                let mut all = vec!["daytally".to_owned(), command.to_owned()];
                all.extend(words);
                all.join(" ")
            }),
        }
    }
}

/// The fields that most events do not have, and most of those have by another name or in another place: the
/// options that say so, their paths, and why.
fn missing_fields(schema: &Schema, survey: &Survey) -> Vec<(&'static str, String, String)> {
    let part = &survey.part;
    let styles = &part.styles;
    let lacks = |missing: Option<&u64>| 2 * missing.copied().unwrap_or(0) > styles.objects;
    let mut names = schema.fields();
    let mut found = Vec::new();
    for (reason, option, path, is_missing) in [
        (
            Reason::MissingUserId,
            "--user-id-field",
            &mut names.user_id,
            lacks(styles.user_ids.get("missing")),
        ),
        (
            Reason::MissingEventType,
            "--event-type-field",
            &mut names.event_type,
            lacks(styles.event_types.get("(missing)")),
        ),
        (
            Reason::MissingTimestamp,
            "--timestamp-field",
            &mut names.timestamp,
            lacks(styles.timestamps.get("missing")),
        ),
        (
            Reason::MissingAmount,
            "--amount-field",
            &mut names.amount,
            styles.amounts.is_empty(),
        ),
    ] {
        let Some(elsewhere) = part.elsewhere.get(&reason).filter(|_| is_missing) else {
            continue;
        };
        // Of those that are as frequent the first one, in the order of their bytes.
        let most = elsewhere
            .paths
            .iter()
            .rev()
            .max_by_key(|(_, lines)| **lines);
        let Some((most, lines)) = most.filter(|(_, lines)| 2 * **lines > elsewhere.lines) else {
            continue;
        };
        let Ok(parsed) = most.parse() else {
            continue;
        };
        let why = format!(
            "{} of the lines without {} that were looked at have it; look again with it",
            show::percent(show::float(*lines) / show::float(elsewhere.lines.max(1))),
            daytally::text::quoted(&path.to_string())
        );
        *path = parsed;
        found.push((option, most.clone(), why));
    }
    // They may be in each other's way.
    if schema.clone().with_fields(names).is_err() {
        found.clear();
    }
    found
}

/// Amounts, and nothing that is a purchase.
fn purchase_types(draft: &mut Draft, survey: &Survey) {
    let part = &survey.part;
    let amounts: u64 = part.styles.amounts.values().sum();
    if part.purchases > 0 || part.books.valid == 0 || amounts == 0 {
        return;
    }
    let mut types: Vec<(&String, &u64)> = part.styles.event_types.iter().collect();
    types.sort_by_key(|(_, events)| std::cmp::Reverse(**events));
    let types: Vec<String> = types
        .into_iter()
        .filter(|(name, _)| !name.starts_with('('))
        .take(5)
        .map(|(name, _)| daytally::text::quoted(name).to_string())
        .collect();
    // For the reader to choose: only they know what is bought.
    draft.reasons.push(format!(
        "--purchase-type NAME: {} of the sample's events have an amount, and none is a purchase; the event types are {}",
        daytally::text::grouped(amounts),
        types.join(", ")
    ));
}

/// Timestamps of other offsets.
fn offsets(draft: &mut Draft, config: &CheckConfig, survey: &Survey) {
    let part = &survey.part;
    let is_offset = |form: &str| {
        ["99:99", "9999", "99"].iter().any(|digits| {
            form.strip_suffix(digits)
                .is_some_and(|before| before.contains("hh") && before.ends_with(['+', '-']))
        })
    };
    let forms = part.styles.timestamps.iter();
    let events: u64 = forms
        .filter(|(form, _)| is_offset(form))
        .map(|(_, events)| events)
        .sum();
    if OFFSETS * events >= part.styles.objects.max(1) && !config.settings.schema.accepts_offsets() {
        draft.add(
            &["--accept-offsets"],
            &format!(
                "{} of the sample's timestamps have another offset than zero; they are converted then",
                daytally::text::grouped(events)
            ),
        );
    }
}

/// A file for the invalid lines that is no input of the next run.
fn rejects(draft: &mut Draft, config: &CheckConfig, survey: &Survey, found: &Found) {
    if survey.part.books.invalid() == 0 {
        return;
    }
    // Folders leave the others out, and so do most patterns.
    let names = ["rejects.jsonl", "_rejects.jsonl", ".rejects.jsonl"];
    let Some(name) = config.search.free_name(&names, found) else {
        draft.reasons.push(
            "--rejects PATH: keeps the invalid lines, to look at and to mend; not where inputs are, or \
             the next run reads it"
                .into(),
        );
        return;
    };
    let why = if name == names[0] {
        "keeps the invalid lines, to look at and to mend"
    } else {
        "keeps the invalid lines, to look at and to mend, by a name that is no input of the next run"
    };
    draft.add(&["--rejects", name], why);
}

/// Lines that are over the limit.
fn long_lines(draft: &mut Draft, survey: &Survey) {
    let part = &survey.part;
    let is_long = |(reason, count)| reason == Reason::LineTooLong && count > 0;
    if part.books.invalid_by_reason().any(is_long)
        && let Some(longest) = part.styles.lengths.max()
    {
        let mebibytes = longest.div_ceil(1 << 20);
        // Instead of what was given here.
        draft.typed.remove("--max-line-bytes");
        draft.add(
            &["--max-line-bytes", &format!("{mebibytes}MiB")],
            &format!(
                "the longest line here has {}; if those are events",
                daytally::text::counted(longest, "byte")
            ),
        );
    }
}

/// Days that are strays, and days that are many.
fn days(draft: &mut Draft, config: &CheckConfig, survey: &Survey) {
    let dates = survey.part.dates.iter();
    let days: Vec<(Date, u64)> = dates.map(|(date, count)| (*date, count.events)).collect();
    if config.settings.dates == DateRange::default()
        && let Some((from, to)) = without_strays(&days)
    {
        if from > days[0].0 {
            draft.add(
                &["--from", &from.to_string()],
                &format!("few events are of days long before, from {}", days[0].0),
            );
        }
        let last = days[days.len() - 1].0;
        if to < last {
            draft.add(
                &["--to", &to.to_string()],
                &format!("few events are of days long after, up to {last}"),
            );
        }
    }
    if days.len() > MANY_DAYS {
        draft.add(
            &["--partition-by", "date"],
            &format!("a file for each day; {} days were seen", days.len()),
        );
    }
}

/// A round limit well above a rate; `None` if nearly all may be invalid.
fn max_invalid(high: f64) -> Option<String> {
    [0.01, 0.1, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
        .into_iter()
        .find(|percent| *percent >= 200.0 * high)
        .map(|percent| format!("{percent}%"))
}

/// The days without those few at the ends that are far from the others.
fn without_strays(days: &[(Date, u64)]) -> Option<(Date, Date)> {
    let all: u64 = days.iter().map(|(_, events)| events).sum();
    let is_gap = |pair: &[(Date, u64)]| pair[1].0.days() - pair[0].0.days() > FAR;
    let (mut first, mut last) = (0, days.len().checked_sub(1)?);
    for at in 0..last {
        let before: u64 = days[..=at].iter().map(|(_, events)| events).sum();
        if before * STRAY > all {
            break;
        }
        if is_gap(&days[at..at + 2]) {
            first = at + 1;
        }
    }
    for at in (first + 1..days.len()).rev() {
        let after: u64 = days[at..].iter().map(|(_, events)| events).sum();
        if after * STRAY > all {
            break;
        }
        if is_gap(&days[at - 1..=at]) {
            last = at - 1;
        }
    }
    Some((days[first].0, days[last].0))
}

/// A word as a shell reads it; `None` if it cannot be shown.
fn quoted(word: &OsStr) -> Option<String> {
    let text = word.to_str()?;
    if daytally::text::name(text).to_string() != text {
        return None;
    }
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:=@%+".contains(c);
    Some(if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in [
            ("a/b-1.jsonl", Some("a/b-1.jsonl")),
            ("a b", Some("'a b'")),
            ("logs/*.jsonl", Some("'logs/*.jsonl'")),
            ("it's", Some(r"'it'\''s'")),
            ("", Some("''")),
            ("a\u{1b}[1m", None),
        ] {
            assert_eq!(quoted(word.as_ref()).as_deref(), expected, "{word:?}");
        }
    }

    #[test]
    fn days_at_the_ends_that_are_far_and_few_are_strays() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let days = [
            (day("1970-01-01"), 1),
            (day("2024-01-01"), 5000),
            (day("2024-01-02"), 5000),
            (day("2124-01-01"), 2),
        ];
        let kept = without_strays(&days).unwrap();
        assert_eq!(
            (kept.0.to_string(), kept.1.to_string()),
            ("2024-01-01".into(), "2024-01-02".into())
        );
        assert_eq!(without_strays(&[]), None);
        assert!(without_strays(&days[..1]).is_some());
    }

    #[test]
    fn limits_are_round() {
        for (high, limit) in [
            (0.0, Some("0.01%")),
            (0.001, Some("1%")),
            (0.2, Some("50%")),
            (0.9, None),
        ] {
            assert_eq!(max_invalid(high).as_deref(), limit);
        }
    }
}
