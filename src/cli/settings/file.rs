//! One config file: TOML 1.0, as a list of entries that know their line.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::SettingsError;
use super::places::Candidate;
use daytally::error::{Action, Error};

/// More than that is no config file, in bytes: 1 MiB.
const MAX_BYTES: u64 = 1 << 20;

/// A config file that is there.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// Its absolute path.
    pub(super) path: PathBuf,
    pub(super) entries: Vec<Entry>,
}

/// An option in a config file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The table it stands in; `None` at the top.
    pub(super) table: Option<String>,
    pub(super) key: String,
    pub(super) value: Value,
    /// The line of the key, from 1.
    pub(super) line: usize,
}

/// What an option is set to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A switch.
    Switch(bool),
    /// What would follow the option on the command line.
    Text(String),
    /// The same for an option that may be given several times.
    Texts(Vec<String>),
    /// A table, a list in a list, and whatever else no option takes; with what it is called.
    Other(&'static str),
}

impl ConfigFile {
    /// Reads a file; `None` if it is not there and does not have to be.
    pub(super) fn read(candidate: &Candidate) -> Result<Option<ConfigFile>, SettingsError> {
        let path = std::path::absolute(&candidate.path).unwrap_or_else(|_| candidate.path.clone());
        let unreadable =
            |action, source| SettingsError::Unreadable(Error::io(action, &path, source));
        // A pipe of that name would keep the program waiting for whoever writes to it.
        let mut options = File::options();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let file = match options.open(&path) {
            Ok(file) => file,
            // A place may also lie below something that is no folder.
            Err(error)
                if !candidate.is_named
                    && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error)
                if candidate.may_be_closed && error.kind() == ErrorKind::PermissionDenied =>
            {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(Action::Open, error)),
        };
        let there = file
            .metadata()
            .map_err(|source| unreadable(Action::Inspect, source))?;
        if there.file_type().is_fifo() {
            let source = std::io::Error::new(
                ErrorKind::InvalidInput,
                "it is a pipe, and config files are read from files",
            );
            return Err(unreadable(Action::Read, source));
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| unreadable(Action::Read, source))?;
        if bytes.len() as u64 > MAX_BYTES {
            let source = std::io::Error::new(
                ErrorKind::FileTooLarge,
                "it has more than 1 MiB, so it is no config file",
            );
            return Err(unreadable(Action::Read, source));
        }
        let entries = entries(&bytes).map_err(|(line, what)| SettingsError::Wrong {
            path: path.clone(),
            line,
            what,
        })?;
        Ok(Some(ConfigFile { path, entries }))
    }

    /// What is wrong with an entry.
    pub(super) fn wrong(&self, entry: &Entry, what: String) -> SettingsError {
        SettingsError::Wrong {
            path: self.path.clone(),
            line: entry.line,
            what,
        }
    }

    /// Where an entry stands, for people.
    pub(super) fn place(&self, entry: &Entry) -> String {
        place(&self.path, entry.line)
    }
}

fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", daytally::text::path(path))
}

/// All entries in the order of the file, or the line of what is wrong and what it is.
fn entries(bytes: &[u8]) -> Result<Vec<Entry>, (usize, String)> {
    let line_at = |at: usize| {
        let before = bytes.get(..at).unwrap_or(bytes);
        1 + memchr::memchr_iter(b'\n', before).count()
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let what = "a config file is UTF-8, and this is not".into();
            return Err((line_at(error.valid_up_to()), what));
        }
    };
    // Line feeds are the same in number with the mark and without it.
    let skipped = bytes.len() - text.len();
    let top = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        (
            line_at(at + skipped),
            format!("no TOML: {}", error.message()),
        )
    })?;

    let mut entries = Vec::new();
    for (key, value) in top.get_ref() {
        let line = line_at(key.span().start + skipped);
        match value.get_ref() {
            DeValue::Table(table) => {
                let table_name = key.get_ref().to_string();
                // So that its name is looked at first, and told with its own line.
                entries.push(Entry {
                    table: Some(table_name.clone()),
                    key: String::new(),
                    value: Value::Other("a table"),
                    line,
                });
                for (key, value) in table {
                    entries.push(Entry {
                        table: Some(table_name.clone()),
                        key: key.get_ref().to_string(),
                        value: read_value(value.get_ref()),
                        line: line_at(key.span().start + skipped),
                    });
                }
            }
            value => entries.push(Entry {
                table: None,
                key: key.get_ref().to_string(),
                value: read_value(value),
                line,
            }),
        }
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn read_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Array(list) => {
            let texts: Option<Vec<_>> = list.iter().map(|value| text(value.get_ref())).collect();
            texts.map_or(
                Value::Other("a list of other than texts and numbers"),
                Value::Texts,
            )
        }
        DeValue::Table(_) => Value::Other("a table"),
        value => text(value).map_or(Value::Other("this"), Value::Text),
    }
}

/// A value as it would be typed.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            i128::from_str_radix(digits, number.radix())
                .ok()
                .map(|number| number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        // Such as from = 2024-01-01.
        DeValue::Datetime(date) => Some(date.to_string()),
        DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_what_would_be_typed() {
        let text = "\u{feff}# a comment\nthreads = 0x10\n\"from\" = 2024-01-31\n\n[aggregate]\n\
            max-invalid = '1%'\nquiet = true\nlist = [1, \"b\"]\nin.side = 1\n[generate]\n\
            invalid-rate = 0.25\nlines = 1_000\nodd = [[1]]\n[state]\n";
        let of = |table: Option<&str>, key: &str, value, line| Entry {
            table: table.map(Into::into),
            key: key.into(),
            value,
            line,
        };
        let text_of = |text: &str| Value::Text(text.into());
        assert_eq!(
            entries(text.as_bytes()).unwrap(),
            [
                of(None, "threads", text_of("16"), 2),
                of(None, "from", text_of("2024-01-31"), 3),
                of(Some("aggregate"), "", Value::Other("a table"), 5),
                of(Some("aggregate"), "max-invalid", text_of("1%"), 6),
                of(Some("aggregate"), "quiet", Value::Switch(true), 7),
                of(
                    Some("aggregate"),
                    "list",
                    Value::Texts(vec!["1".into(), "b".into()]),
                    8
                ),
                of(Some("aggregate"), "in", Value::Other("a table"), 9),
                of(Some("generate"), "", Value::Other("a table"), 10),
                of(Some("generate"), "invalid-rate", text_of("0.25"), 11),
                of(Some("generate"), "lines", text_of("1000"), 12),
                of(
                    Some("generate"),
                    "odd",
                    Value::Other("a list of other than texts and numbers"),
                    13
                ),
                of(Some("state"), "", Value::Other("a table"), 14),
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        for (bytes, line, part) in [
            (&b"a = 1\nb = \n"[..], 2, "no TOML"),
            (b"a = 1\n\na = 2\n", 3, "duplicate"),
            (b"a = 1\r\n\r\nc = \"\xff\"", 3, "UTF-8"),
            (b"[aggregate\nx = 1", 1, "no TOML"),
            (b"\0", 1, "no TOML"),
        ] {
            let (at, what) = entries(bytes).unwrap_err();
            assert_eq!(at, line, "{what}");
            assert!(what.contains(part), "{what}");
        }
    }
}
