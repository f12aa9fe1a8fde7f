//! A replay told to people: what was counted, what was not and why, and where it is now.

use std::io::{self, Write};

use daytally::internals::path_text;
use daytally::replay::{FileChange, Replayed, Undone};
use daytally::text::{self, grouped};

use super::Ends;
use crate::cli::words::{counted, label};

/// What there is to be warned of.
pub(super) fn warnings(replayed: &Replayed) -> Vec<String> {
    let replay = replayed.replay();
    let mut warnings: Vec<String> = replay
        .undone()
        .iter()
        .map(|undone| told(replayed, undone))
        .collect();
    for different in replay.different() {
        warnings.push(format!(
            "{} says something else than what was replayed before of line {} of {}; that goes on to count, and this does not (if it is of another input of the same name, give it another name as its input)",
            different.place,
            different.line,
            text::name(&different.input),
        ));
    }
    let more = replay.counts().different - replay.different().len() as u64;
    if more > 0 {
        warnings.push(format!("so do {}", counted(more, "more line")));
    }
    warnings
}

fn told(replayed: &Replayed, undone: &Undone) -> String {
    let replay = replayed.replay();
    let of = match undone.date {
        None => text::path(replay.places().result()).to_string(),
        Some(date) => format!("the day {date} of {}", text::path(replay.places().result())),
    };
    let were = match undone.events {
        1 => "1 event was".into(),
        number => format!("{} events were", grouped(number)),
    };
    let is = if undone.is_known {
        format!(
            "{of} is what it was before {were} replayed into it (a replay was killed in the middle, or aggregate has made it anew)"
        )
    } else {
        format!("{of} was made anew after {were} replayed into it")
    };
    format!("{is}; those that this replay has count now, and others have to be replayed again")
}

/// Writes the text.
pub(super) fn write(out: &mut dyn Write, replayed: &Replayed, ends: &Ends<'_>) -> io::Result<()> {
    let replay = replayed.replay();
    let counts = replay.counts();
    if ends.is_dry {
        label(out, "dry run", &"nothing is changed; this is what would be")?;
    }
    let events = match counts.books.valid {
        0 => "0 events".into(),
        number => format!(
            "{}, {}, revenue {}",
            counted(number, "event"),
            counted(counts.purchases, "purchase"),
            grouped(counts.revenue)
        ),
    };
    label(out, "replayed", &events)?;
    for (name, count, what) in [
        ("already", counts.already, "replayed before"),
        ("repeated", counts.repeated, "there twice, and counted once"),
        (
            "blank",
            counts.books.blank,
            "made blank, and no events any more",
        ),
        (
            "filtered",
            counts.books.filtered,
            "of days before --from or after --to",
        ),
        (
            "cut",
            counts.truncated,
            "cut at 4 KiB, and not whole yet: make raw the whole line, and take truncated out",
        ),
    ] {
        if count > 0 {
            label(out, name, &format!("{} {what}", grouped(count)))?;
        }
    }
    if counts.books.invalid() > 0 {
        let still = format!("{} still", grouped(counts.books.invalid()));
        label(out, "invalid", &still)?;
        let mut reasons: Vec<_> = counts.books.invalid_by_reason().collect();
        reasons.retain(|(_, count)| *count > 0);
        // The most frequent first, as in the summary of a run.
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let width = reasons.first().map_or(0, |(_, most)| grouped(*most).len());
        for (reason, count) in reasons {
            let row = format!("{:>width$}  {}", grouped(count), reason.code());
            label(out, "", &row)?;
        }
    }
    let path = text::path(replay.places().result());
    match replayed.files() {
        [] => label(out, "result", &format!("{path}, unchanged"))?,
        [file] if file.date.is_none() => label(out, "result", &format!("{path}: {}", rows(file)))?,
        files => {
            label(
                out,
                "result",
                &format!("{path}: {}", counted(files.len() as u64, "day")),
            )?;
            for file in files.iter().take(DAYS) {
                let date = file.date.map(|date| date.to_string()).unwrap_or_default();
                label(out, "", &format!("{date}: {}", rows(file)))?;
            }
            let more = files.len().saturating_sub(DAYS) as u64;
            if more > 0 {
                label(out, "", &format!("… and {}", counted(more, "more day")))?;
            }
        }
    }
    if let Some(round) = replayed.round() {
        label(
            out,
            "record",
            &format!("{}, round {round}", text::path(replay.places().record())),
        )?;
    }
    match ends.rest {
        Some(rest) if !ends.is_dry => label(out, "rest", &text::name(&path_text(rest.absolute()))),
        None if counts.still_invalid() > 0 => label(
            out,
            "rest",
            &"not written; --rest writes what is still invalid",
        ),
        _ => Ok(()),
    }
}

/// How many days are shown.
const DAYS: usize = 20;

fn rows(file: &FileChange) -> String {
    format!(
        "{}, {} added, {} changed",
        counted(file.rows, "row"),
        grouped(file.added),
        grouped(file.changed)
    )
}
