//! What a partial result tells of its input and of itself, besides the groups.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::aggregate::Group;
use crate::books::Books;
use crate::event::{Amount, Date, Event, Reason, UserId, Verdict};
use crate::first_places::{FirstPlaces, LinePlace};
use crate::input::{Compression, FileRecord, Unfinished};

/// Which writing of a partial result it is, so that its rejects can tell that they are of the same.
pub(crate) type Generation = [u8; 16];

/// What is kept of an input, but for its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialMeta {
    /// The absolute path of the input.
    pub path: PathBuf,
    /// What its file was.
    pub record: FileRecord,
    /// How it was compressed.
    pub compression: Option<Compression>,
    /// Its bytes, decompressed.
    pub bytes: u64,
    /// What became of its lines, whatever their days. None is filtered.
    pub books: Books,
    /// Where each reason was found first, in it as input 0.
    pub first: FirstPlaces,
    /// How many groups its events are of.
    pub groups: u64,
    /// How many of its events are purchases.
    pub purchase_count: u64,
    /// The days of its first and its last event, if it has events.
    pub dates: Option<(Date, Date)>,
    /// Its last line, if that does not end with a newline, and what became of it. The line is counted.
    pub unfinished: Option<UnfinishedLine>,
    /// Whether every group's revenue is what it says, and not more than can be counted.
    pub(crate) is_exact: bool,
    pub(crate) generation: Generation,
}

/// What became of a last line without a newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedLine {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// What it is so far.
    pub verdict: LineVerdict,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineVerdict {
    /// Nothing but white space.
    Blank,
    /// A valid event.
    Valid(Event),
    /// An invalid event.
    Invalid(Reason),
}

impl UnfinishedLine {
    /// What a decoder for lines of so many bytes says of such a line.
    pub(crate) fn judge(line: &Unfinished, decoder: &mut crate::event::Decoder) -> UnfinishedLine {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        let verdict = match &line.line {
            None => LineVerdict::Invalid(Reason::LineTooLong),
            Some(text) => {
                let text = match text.strip_prefix(BOM) {
                    Some(text) if line.offset == 0 => text,
                    _ => text,
                };
                match decoder.decode(text) {
                    Verdict::Blank => LineVerdict::Blank,
                    Verdict::Valid(event) => LineVerdict::Valid(event),
                    Verdict::Invalid(fault) => LineVerdict::Invalid(fault.reason()),
                }
            }
        };
        UnfinishedLine {
            offset: line.offset,
            verdict,
        }
    }

    /// The books of this line alone.
    fn books(&self) -> Books {
        let mut books = Books::default();
        match &self.verdict {
            LineVerdict::Blank => books.blank = 1,
            LineVerdict::Valid(_) => books.valid = 1,
            LineVerdict::Invalid(reason) => books.count_invalid(*reason),
        }
        books
    }
}

impl PartialMeta {
    /// Whether what is added at the end of the file can be read alone.
    pub(crate) fn may_be_read_on(&self) -> bool {
        self.compression.is_none() && self.is_exact && self.books_before_unfinished().is_some()
    }

    /// Whether the last line is unfinished and invalid, so that the last reject may not stay one.
    pub(crate) fn is_unfinished_invalid(&self) -> bool {
        self.unfinished
            .as_ref()
            .is_some_and(|line| matches!(line.verdict, LineVerdict::Invalid(_)))
    }

    /// The books of all lines but an unfinished one.
    pub(crate) fn books_before_unfinished(&self) -> Option<Books> {
        match &self.unfinished {
            None => Some(self.books.clone()),
            Some(line) => self.books.without(&line.books()),
        }
    }

    /// Where each reason was found first in all lines but an unfinished one.
    pub(crate) fn first_before_unfinished(&self) -> FirstPlaces {
        match &self.unfinished {
            None => self.first.clone(),
            Some(line) => self.first.before(line.offset),
        }
    }

    /// A group without the event of an unfinished line; `None` if nothing is left of it. An error if the
    /// event was never in it.
    pub(crate) fn without_unfinished(&self, group: &Group) -> Result<Option<Group>, ()> {
        let Some(UnfinishedLine {
            verdict: LineVerdict::Valid(event),
            ..
        }) = &self.unfinished
        else {
            return Ok(Some(*group));
        };
        if !group.key.is_of(event) {
            return Ok(Some(*group));
        }
        let totals = group.totals.without(event).ok_or(())?;
        Ok((totals.event_count > 0).then_some(Group { totals, ..*group }))
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        // Numbers, strings and string keys: nothing here can fail to serialise.
        serde_json::to_vec(&Stored::from(self)).unwrap_or_default()
    }

    /// From JSON, or what is wrong with it.
    pub(crate) fn from_json(json: &[u8]) -> Result<PartialMeta, String> {
        let stored: Stored = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        stored
            .into_meta()
            .ok_or_else(|| "a value in it means nothing".into())
    }
}

/// The meta data as they are written.
#[derive(Debug, Deserialize, Serialize)]
struct Stored {
    path: String,
    /// The bytes of a path that is not UTF-8 (RFC 4648 section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    len: u64,
    modified_seconds: i64,
    modified_nanoseconds: u32,
    is_settled: bool,
    samples: String,
    whole: Option<String>,
    compression: Option<String>,
    bytes: u64,
    blank: u64,
    valid: u64,
    invalid: BTreeMap<String, u64>,
    /// The line and the offset of the first of each.
    first: BTreeMap<String, (u64, u64)>,
    groups: u64,
    purchase_count: u64,
    first_date: Option<String>,
    last_date: Option<String>,
    unfinished: Option<StoredLine>,
    is_exact: bool,
    generation: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct StoredLine {
    offset: u64,
    #[serde(flatten)]
    verdict: StoredVerdict,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum StoredVerdict {
    Blank,
    Valid {
        date: String,
        user_id: String,
        /// The amount of a purchase, in units of 10^-18.
        amount: Option<String>,
    },
    Invalid {
        reason: String,
    },
}

impl From<&PartialMeta> for Stored {
    fn from(meta: &PartialMeta) -> Stored {
        let bytes = meta.path.as_os_str().as_bytes();
        let record = &meta.record;
        Stored {
            path: meta.path.to_string_lossy().into_owned(),
            path_base64: meta.path.to_str().is_none().then(|| STANDARD.encode(bytes)),
            len: record.len,
            modified_seconds: record.modified.0,
            modified_nanoseconds: record.modified.1,
            is_settled: record.is_settled,
            samples: hex(&record.samples),
            whole: record.whole.as_ref().map(|digest| hex(digest)),
            compression: meta.compression.map(|format| format.name().into()),
            bytes: meta.bytes,
            blank: meta.books.blank,
            valid: meta.books.valid,
            invalid: meta
                .books
                .invalid_by_reason()
                .map(|(reason, count)| (reason.code().to_owned(), count))
                .collect(),
            first: meta
                .first
                .iter()
                .map(|(reason, place)| (reason.code().to_owned(), (place.line, place.offset)))
                .collect(),
            groups: meta.groups,
            purchase_count: meta.purchase_count,
            first_date: meta.dates.map(|(first, _)| first.to_string()),
            last_date: meta.dates.map(|(_, last)| last.to_string()),
            unfinished: meta.unfinished.as_ref().map(StoredLine::from),
            is_exact: meta.is_exact,
            generation: hex(&meta.generation),
        }
    }
}

impl From<&UnfinishedLine> for StoredLine {
    fn from(line: &UnfinishedLine) -> StoredLine {
        StoredLine {
            offset: line.offset,
            verdict: match &line.verdict {
                LineVerdict::Blank => StoredVerdict::Blank,
                LineVerdict::Valid(event) => StoredVerdict::Valid {
                    date: event.date().to_string(),
                    user_id: event.user_id().get().to_string(),
                    amount: event.purchase().map(|amount| amount.units().to_string()),
                },
                LineVerdict::Invalid(reason) => StoredVerdict::Invalid {
                    reason: reason.code().into(),
                },
            },
        }
    }
}

impl Stored {
    fn into_meta(self) -> Option<PartialMeta> {
        let path = match self.path_base64 {
            None => PathBuf::from(self.path),
            Some(bytes) => PathBuf::from(OsString::from_vec(STANDARD.decode(bytes).ok()?)),
        };
        let mut books = Books {
            blank: self.blank,
            valid: self.valid,
            ..Books::default()
        };
        for (code, count) in &self.invalid {
            books.add_invalid(reason(code)?, *count);
        }
        // The first of each is there, and of no others.
        if !self.first.keys().eq(self.invalid.keys()) {
            return None;
        }
        let mut first = FirstPlaces::default();
        for (code, (line, offset)) in &self.first {
            let place = LinePlace {
                input: 0,
                line: *line,
                offset: *offset,
            };
            first.add(reason(code)?, place);
        }
        let unfinished = match self.unfinished {
            None => None,
            Some(line) => Some(line.into_line()?),
        };
        let dates = match (self.first_date, self.last_date) {
            (None, None) => None,
            (Some(first), Some(last)) => Some((first.parse().ok()?, last.parse().ok()?)),
            _ => return None,
        };
        Some(PartialMeta {
            path: absolute(path)?,
            record: FileRecord {
                len: self.len,
                modified: (self.modified_seconds, self.modified_nanoseconds),
                is_settled: self.is_settled,
                samples: from_hex(&self.samples)?,
                whole: match self.whole {
                    None => None,
                    Some(whole) => Some(from_hex(&whole)?),
                },
                unfinished: unfinished.as_ref().map(|line| Unfinished {
                    offset: line.offset,
                    line: None,
                }),
            },
            compression: match self.compression {
                None => None,
                Some(name) => Some(Compression::from_name(&name)?),
            },
            bytes: self.bytes,
            books,
            first,
            groups: self.groups,
            purchase_count: self.purchase_count,
            dates,
            unfinished,
            is_exact: self.is_exact,
            generation: from_hex(&self.generation)?,
        })
    }
}

impl StoredLine {
    fn into_line(self) -> Option<UnfinishedLine> {
        let verdict = match self.verdict {
            StoredVerdict::Blank => LineVerdict::Blank,
            StoredVerdict::Valid {
                date,
                user_id,
                amount,
            } => {
                let user_id = user_id.parse::<i128>().ok()?;
                let units = amount.map(|units| units.parse()).transpose().ok()?;
                LineVerdict::Valid(Event::new(
                    date.parse().ok()?,
                    UserId::try_from(user_id).ok()?,
                    units.map(Amount::from_units),
                ))
            }
            StoredVerdict::Invalid { reason: code } => LineVerdict::Invalid(reason(&code)?),
        };
        Some(UnfinishedLine {
            offset: self.offset,
            verdict,
        })
    }
}

fn reason(code: &str) -> Option<Reason> {
    Reason::ALL
        .iter()
        .copied()
        .find(|reason| reason.code() == code)
}

fn absolute(path: PathBuf) -> Option<PathBuf> {
    Path::is_absolute(&path).then_some(path)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::aggregate::{GroupKey, Totals};
    use crate::event::Decoder;

    pub(in super::super) fn meta() -> PartialMeta {
        let mut books = Books {
            blank: 3,
            valid: 12,
            ..Books::default()
        };
        books.add_invalid(Reason::InvalidJson, 2);
        let mut first = FirstPlaces::default();
        let place = LinePlace {
            input: 0,
            line: 7,
            offset: 700,
        };
        first.add(Reason::InvalidJson, place);
        PartialMeta {
            first,
            path: "/data/events.jsonl".into(),
            record: FileRecord {
                len: 1000,
                modified: (-5, 999_999_999),
                is_settled: true,
                samples: [7; 32],
                whole: Some([255; 32]),
                unfinished: None,
            },
            compression: None,
            bytes: 1000,
            books,
            groups: 4,
            purchase_count: 5,
            dates: Some((Date::MIN, Date::MAX)),
            unfinished: None,
            is_exact: true,
            generation: [9; 16],
        }
    }

    fn event(line: &str) -> Event {
        match Decoder::default().decode(line.as_bytes()) {
            Verdict::Valid(event) => event,
            other => panic!("{other:?}"),
        }
    }

    const PURCHASE: &str =
        r#"{"user_id":-7,"event_type":"purchase","timestamp":"2024-01-01T08Z","amount":0.125}"#;

    #[test]
    fn what_was_written_is_read_back() {
        let lines = [
            LineVerdict::Blank,
            LineVerdict::Invalid(Reason::NonPositiveAmount),
            LineVerdict::Valid(event(PURCHASE)),
            LineVerdict::Valid(event(
                r#"{"user_id":18446744073709551615,"event_type":"x","timestamp":"9999-12-31T08Z"}"#,
            )),
        ];
        let mut metas = vec![meta()];
        for verdict in lines {
            let mut with_line = meta();
            with_line.unfinished = Some(UnfinishedLine {
                offset: 990,
                verdict,
            });
            with_line.record.unfinished = Some(Unfinished {
                offset: 990,
                line: None,
            });
            metas.push(with_line);
        }
        metas.push(PartialMeta {
            path: OsString::from_vec(b"/data/\xff\n\".gz".to_vec()).into(),
            compression: Some(Compression::Gzip),
            dates: None,
            ..meta()
        });
        metas[5].record.whole = None;
        for meta in metas {
            let json = meta.to_json();
            assert_eq!(PartialMeta::from_json(&json), Ok(meta));
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let json = String::from_utf8(meta().to_json()).unwrap();
        for (from, to) in [
            ("{", "["),
            ("invalid_json", "no_such_reason"),
            ("\"first\":{\"invalid_json\":[7,700]}", "\"first\":{}"),
            ("0000-01-01", "0000-00-01"),
            ("\"last_date\":\"9999-12-31\"", "\"last_date\":null"),
            ("0707", "07"),
            ("0707", "\u{e9}0\u{e9}"),
            ("0909", "xx09"),
            ("/data/", "data/"),
            ("\"len\":1000", "\"len\":-1"),
        ] {
            let changed = json.replacen(from, to, 1);
            assert_ne!(changed, json);
            PartialMeta::from_json(changed.as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn an_unfinished_line_can_be_taken_back() {
        let unfinished = |offset, line: &str| Unfinished {
            offset,
            line: Some(line.as_bytes().to_vec()),
        };
        let judge = |line: &Unfinished| UnfinishedLine::judge(line, &mut Decoder::default());
        let mut meta = meta();
        meta.unfinished = Some(judge(&unfinished(990, PURCHASE)));
        let books = meta.books_before_unfinished().unwrap();
        assert_eq!((books.valid, books.blank), (11, 3));

        let purchase = event(PURCHASE);
        let key = GroupKey::new(purchase.date(), purchase.user_id());
        let mut totals = Totals::default();
        totals.add(&purchase);
        let one = Group { key, totals };
        assert_eq!(meta.without_unfinished(&one), Ok(None));
        totals.add(&purchase);
        let two = Group { key, totals };
        assert_eq!(meta.without_unfinished(&two), Ok(Some(one)));
        let other = Group {
            key: GroupKey::new(Date::MAX, purchase.user_id()),
            totals,
        };
        assert_eq!(meta.without_unfinished(&other), Ok(Some(other)));
        let none = Group {
            key,
            totals: Totals::default(),
        };
        assert_eq!(meta.without_unfinished(&none), Err(()));

        meta.unfinished = Some(judge(&unfinished(0, "\u{feff}  ")));
        assert_eq!(meta.books_before_unfinished().unwrap().blank, 2);
        meta.unfinished = Some(judge(&unfinished(990, "{\"user_id\":")));
        assert_eq!(meta.books_before_unfinished().unwrap().invalid(), 1);
        meta.unfinished = Some(judge(&Unfinished {
            offset: 990,
            line: None,
        }));
        // It was not counted as that, so something is wrong.
        assert_eq!(meta.books_before_unfinished(), None);
        assert!(!meta.may_be_read_on());
    }
}
