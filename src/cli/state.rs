//! The command `daytally state`.

use std::fmt::Write as _;
use std::io::Write as _;

use super::args::StateArgs;
use super::exit::Exit;
use super::report;
use daytally::error::{Error, Result};
use daytally::input::Verify;
use daytally::internals::Change;
use daytally::internals::PartialMeta;
use daytally::internals::path_text;
use daytally::state::State;
use serde::Serialize;

/// Runs the command and tells how it went.
pub(super) fn run(args: &StateArgs) -> Exit {
    match show(args) {
        Ok(()) => Exit::Done,
        Err(error) => {
            if !error.is_closed_stdout() {
                report(&error);
            }
            Exit::from(&error)
        }
    }
}

fn show(args: &StateArgs) -> Result<()> {
    let partials = State::look(&args.folder)?;
    let rows: Vec<Row> = partials.iter().map(Row::of).collect();
    let mut text = if args.json {
        // Numbers, strings and string keys: nothing here can fail to serialise.
        let lines = rows
            .iter()
            .map(|row| serde_json::to_string(row).unwrap_or_default() + "\n");
        lines.collect()
    } else {
        table(&rows)
    };
    if args.check {
        let bytes = State::check(&args.folder)?;
        if !args.json {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "checked {bytes} bytes: all is as it was written, and adds up"
            );
        }
    }
    let text = daytally::text::lines(&text).to_string();
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|source| Error::Stdout { source })
}

/// An input of the state.
#[derive(Debug, Serialize)]
struct Row {
    input: String,
    /// What has become of its file: `unchanged`, `grown`, `changed`, `missing`, or why that is not known.
    now: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<&'static str>,
    lines: u64,
    valid: u64,
    invalid: u64,
    groups: u64,
    first_date: Option<String>,
    last_date: Option<String>,
}

impl Row {
    fn of(meta: &PartialMeta) -> Row {
        let now = match meta.record.compare(&meta.path, Verify::Quick) {
            Ok(Change::None) => "unchanged".into(),
            Ok(Change::Grown) => "grown".into(),
            Ok(Change::Changed | Change::Unknown) => "changed".into(),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                "missing".into()
            }
            Err(error) => error.to_string(),
        };
        Row {
            input: path_text(meta.path.clone()),
            now,
            bytes: meta.bytes,
            compression: meta.compression.map(daytally::input::Compression::name),
            lines: meta.books.lines(),
            valid: meta.books.valid,
            invalid: meta.books.invalid(),
            groups: meta.groups,
            first_date: meta.dates.map(|(first, _)| first.to_string()),
            last_date: meta.dates.map(|(_, last)| last.to_string()),
        }
    }

    /// The columns of the table, the input aside, which is the last.
    fn columns(&self) -> [String; 7] {
        let date = |date: &Option<String>| date.clone().unwrap_or_else(|| "-".into());
        [
            self.now.clone(),
            self.bytes.to_string(),
            self.valid.to_string(),
            self.invalid.to_string(),
            self.groups.to_string(),
            date(&self.first_date),
            date(&self.last_date),
        ]
    }
}

/// The rows as a table for people, and their sums.
fn table(rows: &[Row]) -> String {
    const TITLES: [&str; 7] = [
        "now", "bytes", "valid", "invalid", "groups", "first", "last",
    ];
    let sum = |number: fn(&Row) -> u64| rows.iter().map(number).sum();
    let all = Row {
        input: match rows.len() {
            1 => "1 input".into(),
            count => format!("{count} inputs"),
        },
        now: "all".into(),
        bytes: sum(|row| row.bytes),
        compression: None,
        lines: sum(|row| row.lines),
        valid: sum(|row| row.valid),
        invalid: sum(|row| row.invalid),
        groups: sum(|row| row.groups),
        first_date: rows.iter().filter_map(|row| row.first_date.clone()).min(),
        last_date: rows.iter().filter_map(|row| row.last_date.clone()).max(),
    };
    let mut lines = vec![(TITLES.map(String::from), "input".to_owned())];
    for row in rows.iter().chain([&all]) {
        lines.push((row.columns(), row.input.clone()));
    }
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let widths = lines.iter().map(|(columns, _)| columns[column].len());
        widths.max().unwrap_or(0)
    });
    let mut text = String::new();
    for (columns, input) in lines {
        for (at, column) in columns.iter().enumerate() {
            let width = widths[at];
            // Words to the left, numbers to the right. Writing to a string cannot fail.
            let _ = match at {
                0 => write!(text, "{column:<width$}  "),
                _ => write!(text, "{column:>width$}  "),
            };
        }
        text.push_str(&input);
        text.push('\n');
    }
    text
}
