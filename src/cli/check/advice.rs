//! Options for the full run, and why.

use std::ffi::OsStr;

use crate::cli::config::CheckConfig;
use daytally::event::{Date, DateRange, Reason};
use daytally::survey::{Needs, Survey};

/// From how many days on a file for each of them is proposed.
const MANY_DAYS: usize = 400;

/// Days that have fewer than one in so many events, and are far from the others, are strays.
const STRAY: u64 = 1000;
const FAR: u32 = 30;

/// What is proposed.
pub(super) struct Advice {
    /// Why each option.
    pub(super) reasons: Vec<String>,
    /// A command to copy; `None` if a name in it cannot be shown as it is.
    pub(super) command: Option<String>,
}

pub(super) fn of(config: &CheckConfig, survey: &Survey) -> Advice {
    let mut reasons: Vec<String> = Vec::new();
    let mut words: Vec<String> = vec!["daytally".into(), "aggregate".into()];
    let mut typed = config.words.clone();
    let part = &survey.part;
    let mut add = |option: &[&str], why: String| {
        words.extend(option.iter().map(|word| (*word).to_owned()));
        reasons.push(if option.is_empty() {
            why
        } else {
            format!("{}: {why}", option.join(" "))
        });
    };
    if part.books.invalid() > 0 {
        add(
            &["--rejects", "rejects.jsonl"],
            "keeps the invalid lines, to look at and to mend".into(),
        );
    }
    let limit = max_invalid(survey.invalid.high);
    if let Some(limit) = &limit {
        add(
            &["--max-invalid", limit],
            "no result if there are far more invalid events than here".into(),
        );
    }
    let long = part.books.invalid_by_reason();
    if long
        .into_iter()
        .any(|(reason, count)| reason == Reason::LineTooLong && count > 0)
        && let Some(longest) = part.styles.lengths.max()
    {
        let mebibytes = longest.div_ceil(1 << 20);
        // Instead of what was given here.
        if let Some(at) = typed.iter().position(|word| word == "--max-line-bytes") {
            typed.drain(at..at + 2);
        }
        add(
            &["--max-line-bytes", &format!("{mebibytes}MiB")],
            format!("the longest line here has {longest} bytes; if those are events"),
        );
    }
    let needs = Needs::of(survey, &config.options);
    if let Some(needs) = needs.filter(|needs| needs.spills) {
        // For the reader to choose; the default does.
        add(
            &[],
            format!(
                "--temp-dir DIR: groups will not fit into the memory limit; up to {} of temporary \
             files go beside the output, or to DIR",
                super::show::size(needs.temporary)
            ),
        );
    }
    let days: Vec<(Date, u64)> = part
        .dates
        .iter()
        .map(|(date, count)| (*date, count.events))
        .collect();
    if config.settings.dates == DateRange::default()
        && let Some((from, to)) = without_strays(&days)
    {
        if from > days[0].0 {
            add(
                &["--from", &from.to_string()],
                format!("few events are of days long before, from {}", days[0].0),
            );
        }
        let last = days[days.len() - 1].0;
        if to < last {
            add(
                &["--to", &to.to_string()],
                format!("few events are of days long after, up to {last}"),
            );
        }
    }
    if days.len() > MANY_DAYS {
        add(
            &["--partition-by", "date"],
            format!("a file for each day; {} days were seen", days.len()),
        );
    }
    let typed: Option<Vec<String>> = typed.iter().map(|word| quoted(word)).collect();
    Advice {
        reasons,
        command: typed.map(|typed| {
            words.extend(typed);
            words.join(" ")
        }),
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
