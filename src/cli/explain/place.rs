//! Which line was asked for: the ways of writing a place.

use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daytally::error::{Action, Error, Result};
use daytally::internals::Which;
use daytally::{Input, text};
use serde::Deserialize;

const HOW: &str = "give the place of a line as FILE:LINE or FILE@OFFSET, or - for standard input";

/// The place of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Place {
    /// The file; `None` is standard input.
    file: Option<PathBuf>,
    name: String,
    which: Which,
    /// What the line was, if a rejects file says so.
    rejected: Option<Rejected>,
}

/// The text of a line in a rejects file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    /// The line, or the start of it.
    pub(super) bytes: Vec<u8>,
    pub(super) is_whole: bool,
    /// Its number.
    pub(super) line: Option<u64>,
    pub(super) offset: u64,
}

impl Rejected {
    /// Whether a line is the one that was rejected, as far as that can be told.
    pub(super) fn is(&self, line: &[u8]) -> bool {
        if self.is_whole {
            line == self.bytes
        } else {
            line.starts_with(&self.bytes)
        }
    }
}

/// A line of a rejects file, or of a JSON log.
#[derive(Deserialize)]
struct Record {
    input: String,
    offset: u64,
    line: Option<u64>,
    raw: Option<String>,
    raw_base64: Option<String>,
    #[serde(default)]
    truncated: bool,
}

impl Record {
    /// What a rejects file says of the line; a log says nothing of it.
    fn rejected(self) -> Option<Rejected> {
        let bytes = match (self.raw, self.raw_base64) {
            (Some(raw), _) => raw.into_bytes(),
            (None, Some(encoded)) => STANDARD.decode(encoded).ok()?,
            (None, None) => return None,
        };
        Some(Rejected {
            bytes,
            is_whole: !self.truncated,
            line: self.line,
            offset: self.offset,
        })
    }
}

impl Place {
    /// The place that was typed, in one word or in those of a log line.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(in crate::cli) fn parse(words: &[OsString]) -> std::result::Result<Place, String> {
        match words {
            [] => Err(HOW.into()),
            [word] => Place::of_word(word),
            _ => Place::of_log(&words.join(OsStr::new(" "))).unwrap_or_else(|| {
                Err(format!(
                    "these are {} places, and one line is explained at a time; {HOW}",
                    words.len()
                ))
            }),
        }
    }

    /// The input that the line is in.
    ///
    /// # Errors
    ///
    /// Where there is none, it may not be read, or it would be read forever.
    pub(super) fn open(&self) -> Result<Input> {
        let endless = || io::Error::other("it is a device without end, and no line in it ends");
        match &self.file {
            None if is_endless(Path::new("/dev/stdin")) => Err(Error::Stream {
                input: "standard input".into(),
                source: endless(),
            }),
            None => Ok(Input::stdin()),
            Some(file) if file.as_os_str().is_empty() => Err(Error::EmptyName),
            Some(file) if is_endless(file) => Err(Error::io(Action::Read, file, endless())),
            Some(file) => Input::named(self.name.clone(), file),
        }
    }

    /// The input, as it was typed.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn which(&self) -> Which {
        self.which
    }

    fn new(file: &OsStr, which: Which) -> Place {
        Place {
            file: (file != "-").then(|| file.into()),
            name: file.to_string_lossy().into_owned(),
            which,
            rejected: None,
        }
    }

    /// What the line was when it was rejected, if that is known.
    pub(super) fn rejected(&self) -> Option<&Rejected> {
        self.rejected.as_ref()
    }

    /// The line itself, if it came from standard input, which nobody has any more, and is whole.
    pub(super) fn line_of_stream(&self) -> Option<&Rejected> {
        self.rejected()
            .filter(|rejected| self.file.is_none() && rejected.is_whole)
    }

    fn of_word(word: &OsStr) -> std::result::Result<Place, String> {
        if word == "-" {
            return Ok(Place::new(word, Which::All));
        }
        let split = split(word);
        let there = std::fs::metadata(word);
        if let Ok(there) = &there {
            let shown = text::name(&word.to_string_lossy()).to_string();
            if there.is_dir() {
                return Err(format!(
                    "{shown} is a folder, and a line is in a file; {HOW}"
                ));
            }
            let others = if let Some((file, sign, number)) = split {
                let file = text::name(&file.to_string_lossy()).to_string();
                format!("`daytally explain -{sign}{number} < {file}` for a line of {file}")
            } else {
                format!("`daytally explain - < {shown}` for all its invalid lines")
            };
            return Err(format!(
                "there is a file of the name {shown}, so this names a file and no line; write {shown}:1 for its first line, or {others}"
            ));
        }
        if let Some(place) = Place::of_record(word).or_else(|| Place::of_log(word)) {
            return place;
        }
        let Some((file, sign, number)) = split else {
            let shown = text::quoted(&word.to_string_lossy()).to_string();
            return Err(format!("{shown} is no place of a line, and no file; {HOW}"));
        };
        if file.is_empty() {
            return Err(format!(
                "there is no name of a file before the {sign}; {HOW}"
            ));
        }
        // As compilers and editors have it.
        if sign == ':'
            && let Some((outer, ':', line)) = self::split(file)
            && std::fs::metadata(file).is_err()
            && std::fs::metadata(outer).is_ok()
        {
            let outer = text::name(&outer.to_string_lossy()).to_string();
            return Err(format!(
                "a place has a line and no column; write {outer}:{line}"
            ));
        }
        which(sign, number).map(|which| Place::new(file, which))
    }

    /// The words at the end of a log line: `input=FILE line=LINE offset=OFFSET`. `None` if it is none.
    fn of_log(text: &OsStr) -> Option<std::result::Result<Place, String>> {
        let bytes = text.as_bytes();
        let start = memchr::memmem::rfind(bytes, b"input=")?;
        if start > 0 && bytes[start - 1] != b' ' {
            return None;
        }
        let rest = &bytes[start + b"input=".len()..];
        let (name, rest) = split_at(rest, b" line=")?;
        let (line, rest) = split_at(rest, b" offset=").unwrap_or((rest, b""));
        let digits = |text: &[u8]| {
            let end = text.iter().position(|byte| !byte.is_ascii_digit());
            let digits = &text[..end.unwrap_or(text.len())];
            String::from_utf8_lossy(digits).into_owned()
        };
        // A name with spaces is in quotes there, which are still there if all of it was in others.
        let unquoted: Option<String> = serde_json::from_slice(name).ok();
        let name = match &unquoted {
            Some(name) => OsStr::new(name),
            None => OsStr::from_bytes(name),
        };
        let offset = digits(rest);
        let found = if offset.is_empty() {
            which(':', &digits(line))
        } else {
            which('@', &offset)
        };
        Some(found.map(|which| Place::new(name, which)))
    }

    /// A line of a rejects file or of a JSON log. `None` if it is none.
    fn of_record(text: &OsStr) -> Option<std::result::Result<Place, String>> {
        if !text.as_bytes().trim_ascii_start().starts_with(b"{") {
            return None;
        }
        let Ok(record) = serde_json::from_slice::<Record>(text.as_bytes()) else {
            return Some(Err(
                "this is JSON, but no line of a rejects file or of a JSON log, which have an input and an offset; to have an event itself explained, pipe it to `daytally explain -`"
                    .into(),
            ));
        };
        let place = Place::new(OsStr::new(&record.input), Which::Offset(record.offset));
        Some(Ok(Place {
            rejected: record.rejected(),
            ..place
        }))
    }
}

/// What is before and after the last of some bytes.
fn split_at<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let start = memchr::memmem::rfind(text, at)?;
    Some((&text[..start], &text[start + at.len()..]))
}

/// The name, the sign and the digits of a word such as `FILE:4`.
fn split(word: &OsStr) -> Option<(&OsStr, char, &str)> {
    let bytes = word.as_bytes();
    let at = bytes.iter().rposition(|byte| !byte.is_ascii_digit())?;
    let sign = match bytes[at] {
        sign @ (b':' | b'@') => char::from(sign),
        _ => return None,
    };
    let digits = std::str::from_utf8(&bytes[at + 1..]).ok()?;
    (!digits.is_empty()).then(|| (OsStr::from_bytes(&bytes[..at]), sign, digits))
}

/// The line that a sign and digits ask for.
fn which(sign: char, digits: &str) -> std::result::Result<Which, String> {
    let number: Option<u64> = digits.parse().ok();
    match (sign, number, number.and_then(NonZeroU64::new)) {
        (':', Some(_), Some(number)) => Ok(Which::Number(number)),
        (':', Some(0), _) => Err("lines are counted from 1; there is no line 0".into()),
        ('@', Some(offset), _) => Ok(Which::Offset(offset)),
        _ => Err(format!(
            "{} is no number of a line or byte",
            text::quoted(digits)
        )),
    }
}

/// Whether it is a device that gives zeros, and no end.
fn is_endless(path: &Path) -> bool {
    let device = |path: &Path| {
        let there = std::fs::metadata(path).ok()?;
        there.file_type().is_char_device().then(|| there.rdev())
    };
    device(path).is_some_and(|found| {
        ["/dev/zero", "/dev/full"]
            .iter()
            .any(|zeros| device(Path::new(zeros)) == Some(found))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> std::result::Result<(String, String), String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Place::parse(&words).map(|place| {
            let which = match place.which {
                Which::Number(number) => format!("line {number}"),
                Which::Offset(offset) => format!("byte {offset}"),
                Which::All => "all".into(),
            };
            assert_eq!(place.file.is_none(), place.name == "-");
            (place.name, which)
        })
    }

    #[test]
    fn places() {
        for (words, name, which) in [
            (&["-"][..], "-", "all"),
            (&["-:4"], "-", "line 4"),
            (&["-@0"], "-", "byte 0"),
            (&["a.jsonl:4"], "a.jsonl", "line 4"),
            (&["a.jsonl@251"], "a.jsonl", "byte 251"),
            (&["a:b@c:4"], "a:b@c", "line 4"),
            (&["s3:1@2"], "s3:1", "byte 2"),
            (
                &["a b:18446744073709551615"],
                "a b",
                "line 18446744073709551615",
            ),
            (&["./-:007"], "./-", "line 7"),
            (
                &["input=a", "line=4", "offset=251", "reason=x"],
                "a",
                "byte 251",
            ),
            (&["input=a", "line=4", "offset=251"], "a", "byte 251"),
            (&["input=a", "line=4"], "a", "line 4"),
            (&["input=a line=4 offset=251 reason=x"], "a", "byte 251"),
            (&["input=a b", "line=4", "offset=251"], "a b", "byte 251"),
            (&["input=\"a b\" line=4 offset=251"], "a b", "byte 251"),
            (&["input=-", "line=4", "offset=251"], "-", "byte 251"),
            (
                &["2026Z  WARN user_id \"1\" input=x input=a line=4 offset=9"],
                "a",
                "byte 9",
            ),
            (
                &[r#"{"input":"a","line":4,"offset":251,"reason":"x","raw":"{}"}"#],
                "a",
                "byte 251",
            ),
        ] {
            assert_eq!(parse(words), Ok((name.into(), which.into())), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_place_is_told() {
        for (words, expected) in [
            (&[][..], "give the place"),
            (&[""], "is no place"),
            (&["a"], "\"a\" is no place of a line, and no file"),
            (&["a:"], "is no place"),
            (&["a:x"], "is no place"),
            (&["a:-1"], "is no place"),
            (&["4"], "is no place"),
            (&[":4"], "there is no name of a file before the :"),
            (&["a:0"], "counted from 1"),
            (
                &["a:18446744073709551616"],
                "\"18446744073709551616\" is no number",
            ),
            (&["a:1", "b:2"], "these are 2 places"),
            (&["input=a", "offset=3"], "these are 2 places"),
            (&["input=a", "line=0"], "counted from 1"),
            (&["input=a", "line=x"], "is no number"),
            (&[r#"{"user_id":1}"#], "pipe it to"),
            (&["/"], "/ is a folder"),
            (
                &["Cargo.toml"],
                "there is a file of the name Cargo.toml, so this names a file and no line; write Cargo.toml:1 for its first line, or `daytally explain - < Cargo.toml`",
            ),
            (&["Cargo.toml:4:7"], "write Cargo.toml:4"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(expected), "{words:?}: {error}");
        }
    }
}
