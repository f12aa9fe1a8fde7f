//! A replay told to programs, as one JSON object.

use std::collections::BTreeMap;

use daytally::internals::path_text;
use daytally::output::{SchemaSummary, day_file};
use daytally::replay::Replayed;
use serde::Serialize;

use super::Ends;
use crate::cli::config::ReplayConfig;

/// All there is to say. Amounts are text, to keep them exact.
#[derive(Serialize)]
struct Summary {
    status: &'static str,
    rejects_read: Vec<String>,
    records: u64,
    replayed: u64,
    purchases: u64,
    revenue: String,
    already_replayed: u64,
    different: u64,
    repeated: u64,
    blank: u64,
    filtered: u64,
    truncated: u64,
    invalid: u64,
    invalid_by_reason: BTreeMap<&'static str, u64>,
    undone: Vec<Undone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<SchemaSummary>,
    from: Option<String>,
    to: Option<String>,
    result: String,
    format: String,
    files: Vec<File>,
    record: String,
    round: Option<u64>,
    rest: Option<String>,
    elapsed_seconds: f64,
}

#[derive(Serialize)]
struct Undone {
    date: Option<String>,
    events: u64,
    known: bool,
}

#[derive(Serialize)]
struct File {
    path: String,
    date: Option<String>,
    rows: u64,
    rows_added: u64,
    rows_changed: u64,
    bytes: u64,
    sha256_before: Option<String>,
    sha256: String,
}

/// The object, and a line feed.
pub(super) fn object(config: &ReplayConfig, replayed: &Replayed, ends: &Ends<'_>) -> Vec<u8> {
    let replay = replayed.replay();
    let counts = replay.counts();
    let dates = config.settings.dates;
    let summary = Summary {
        status: match replayed.round() {
            _ if ends.is_dry => "dry_run",
            Some(_) => "published",
            None => "nothing_new",
        },
        rejects_read: config
            .files
            .iter()
            .map(|file| path_text(daytally::output::Target::new(file.clone()).absolute()))
            .collect(),
        records: counts.records,
        replayed: counts.books.valid,
        purchases: counts.purchases,
        revenue: counts.revenue.to_string(),
        already_replayed: counts.already,
        different: counts.different,
        repeated: counts.repeated,
        blank: counts.books.blank,
        filtered: counts.books.filtered,
        truncated: counts.truncated,
        invalid: counts.books.invalid(),
        invalid_by_reason: counts
            .books
            .invalid_by_reason()
            .map(|(reason, count)| (reason.code(), count))
            .collect(),
        undone: replay
            .undone()
            .iter()
            .map(|undone| Undone {
                date: undone.date.map(|date| date.to_string()),
                events: undone.events,
                known: undone.is_known,
            })
            .collect(),
        schema: SchemaSummary::of(&config.settings.schema),
        from: dates.from().map(|date| date.to_string()),
        to: dates.to().map(|date| date.to_string()),
        result: path_text(replay.places().result().to_path_buf()),
        format: replay.places().format().to_string(),
        files: replayed
            .files()
            .iter()
            .map(|file| File {
                path: path_text(match file.date {
                    Some(date) => {
                        day_file(replay.places().result(), date, replay.places().format())
                    }
                    None => replay.places().result().to_path_buf(),
                }),
                date: file.date.map(|date| date.to_string()),
                rows: file.rows,
                rows_added: file.added,
                rows_changed: file.changed,
                bytes: file.bytes,
                sha256_before: file.before.clone(),
                sha256: file.after.clone(),
            })
            .collect(),
        record: path_text(replay.places().record().to_path_buf()),
        round: replayed.round(),
        rest: ends
            .rest
            .filter(|_| !ends.is_dry)
            .map(|rest| path_text(rest.absolute())),
        elapsed_seconds: ends.started.elapsed().as_secs_f64(),
    };
    // Numbers, strings and string keys: nothing here can fail to serialise.
    let text = serde_json::to_string(&summary).unwrap_or_default();
    // Names are from outside, and what is not safe to show may be escaped in strings.
    format!("{}\n", daytally::text::name(&text)).into_bytes()
}
