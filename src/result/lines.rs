//! Results as lines of text: CSV, or JSON Lines, as the first line says.

use crate::aggregate::Group;
use crate::error::{Error, Result};
use crate::input::{Block, Buffer, Input, Read, Stream};
use crate::output::csv::HEADER;
use crate::text;

use super::Rows;
use super::csv::CsvRows;
use super::json_lines::JsonRows;

/// The longest row is 115 bytes in CSV, and 188 in JSON. A longer line is none, and is shown by its start.
const LINE_LIMIT: usize = 4096;

/// What the lines of a file are.
enum Kind {
    Csv(CsvRows),
    Json(JsonRows),
}

impl Kind {
    /// The row that a line is, without its line feed; `None` if it is none.
    #[inline]
    fn row(&mut self, line: &[u8]) -> Option<Group> {
        match self {
            Kind::Csv(rows) => rows.row(line),
            Kind::Json(rows) => rows.row(line),
        }
    }

    /// What is wrong with a line that should be a row.
    fn fault(&self, line: &[u8]) -> String {
        match self {
            Kind::Csv(_) => super::csv::not_a_row(line),
            Kind::Json(_) => super::json_lines::not_a_row(line),
        }
    }
}

/// The rows of a file.
pub(super) struct LineRows {
    name: String,
    /// `None` when it has been read to its end.
    stream: Option<Stream>,
    buffer: Buffer,
    /// `None` before the first line.
    kind: Option<Kind>,
    /// Whether a file without lines is a result without rows, as its name says.
    may_be_empty: bool,
    /// Lines of the blocks before.
    lines: u64,
}

impl LineRows {
    pub(super) fn new(input: Input, name: String, may_be_empty: bool) -> Result<LineRows> {
        Ok(LineRows {
            name,
            stream: Some(super::start(input, LINE_LIMIT)?),
            buffer: Buffer::default(),
            kind: None,
            may_be_empty,
            lines: 0,
        })
    }

    fn fault(&self, line: u64, what: impl Into<String>) -> Error {
        Error::NotAResult {
            place: format!("line {line} of {}", self.name),
            what: what.into(),
        }
    }

    fn block(&mut self, block: &Block, rows: &mut Vec<Group>) -> Result<()> {
        if block.offset == 0 && block.start > 0 {
            return Err(self.fault(
                1,
                "starts with a byte-order mark, so an editor has saved it; write the result again",
            ));
        }
        let mut text = &block.buffer.bytes()[block.start..block.end];
        if block.cut.is_some() {
            return Err(self.fault(self.lines + 1, self.not_a_line(text)));
        }
        while !text.is_empty() {
            self.lines += 1;
            let end = memchr::memchr(b'\n', text);
            let line = &text[..end.unwrap_or(text.len())];
            text = &text[end.map_or(text.len(), |end| end + 1)..];
            match &mut self.kind {
                None if end.is_some() && line == &HEADER[..HEADER.len() - 1] => {
                    self.kind = Some(Kind::Csv(CsvRows::default()));
                    continue;
                }
                None if line.starts_with(b"{\"date\":") => {
                    self.kind = Some(Kind::Json(JsonRows::default()));
                }
                None => return Err(self.fault(self.lines, self.not_a_line(line))),
                Some(_) => {}
            }
            let row = self.kind.as_mut().and_then(|kind| kind.row(line));
            match row {
                _ if end.is_none() => {
                    return Err(self.fault(
                        self.lines,
                        format!(
                            "has no line feed at its end, so the result is cut off there: {}; write it again",
                            text::excerpt(&String::from_utf8_lossy(line))
                        ),
                    ));
                }
                Some(row) => rows.push(row),
                None => return Err(self.fault(self.lines, self.not_a_line(line))),
            }
        }
        Ok(())
    }

    /// What is wrong with the next line.
    #[cold]
    fn not_a_line(&self, line: &[u8]) -> String {
        if line.ends_with(b"\r") {
            return "ends in a carriage return, and lines of a result do not; an editor or git has changed it; write the result again, or take them out (sed 's/\\r$//')".into();
        }
        match &self.kind {
            Some(kind) => kind.fault(line),
            None => not_a_start(line),
        }
    }
}

impl Rows for LineRows {
    fn next_rows(&mut self, rows: &mut Vec<Group>) -> Result<bool> {
        let Some(stream) = &mut self.stream else {
            return Ok(false);
        };
        match stream.next(std::mem::take(&mut self.buffer))? {
            Read::Block(block) => {
                self.block(&block, rows)?;
                self.buffer = block.buffer;
                Ok(true)
            }
            Read::End(_) => {
                if let Some(stream) = self.stream.take() {
                    stream.finish()?;
                }
                if self.kind.is_some() || self.may_be_empty {
                    Ok(false)
                } else {
                    Err(Error::NotAResult {
                        place: self.name.clone(),
                        what: "is empty, and a result in CSV has a header at least; write it again"
                            .into(),
                    })
                }
            }
        }
    }

    fn place(&self, row: u64) -> String {
        // From 1, and after the header if there is one.
        let before = match self.kind {
            Some(Kind::Json(_)) => 1,
            _ => 2,
        };
        format!("line {} of {}", row.saturating_add(before), self.name)
    }
}

/// What is wrong with a line that should be the first of a result.
#[cold]
fn not_a_start(line: &[u8]) -> String {
    let header = String::from_utf8_lossy(&HEADER[..HEADER.len() - 1]);
    let binary: [(&[u8], &str); 2] = [(b"PAR1", "Parquet"), (b"ARROW1", "Arrow IPC")];
    if let Some((_, format)) = binary.iter().find(|(start, _)| line.starts_with(start)) {
        return format!(
            "looks like {format}, which is read from its end: give a file that can be, as it was written, and not a pipe or a compressed one"
        );
    }
    format!(
        "is not the header of a result, {header}, nor a row in JSON: {}; is it the file that is meant?",
        text::excerpt(&String::from_utf8_lossy(line))
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::aggregate::{GroupKey, Revenue, Totals};
    use crate::event::{Date, UserId};
    use crate::result::BLOCK;
    use proptest::prelude::*;

    /// All rows of a text, or what is wrong with it.
    pub(in crate::result) fn read(text: &[u8]) -> std::result::Result<Vec<Group>, String> {
        let input = Input::reader("x", std::io::Cursor::new(text.to_vec()));
        let mut file =
            LineRows::new(input, "x".into(), false).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        while file
            .next_rows(&mut rows)
            .map_err(|error| error.to_string())?
        {}
        Ok(rows)
    }

    pub(in crate::result) fn with_header(rows: &str) -> Vec<u8> {
        [HEADER, rows.as_bytes()].concat()
    }

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..200_u64]
    }

    /// Any groups that a result can have, in any order.
    pub(in crate::result) fn groups() -> impl Strategy<Value = Vec<Group>> {
        let group = (
            0..=Date::MAX.days(),
            prop_oneof![
                any::<i64>().prop_map(UserId::from),
                any::<u64>().prop_map(UserId::from),
            ],
            number(),
            number(),
            (0..10_u128.pow(38), 0..38_u32),
        )
            .prop_map(|(days, user, events, purchases, (units, shift))| Group {
                key: GroupKey::new(Date::from_days(days).unwrap(), user),
                totals: Totals {
                    event_count: events.max(purchases).max(1),
                    purchase_count: purchases,
                    revenue: match purchases {
                        0 => Revenue::default(),
                        _ => Revenue::from_units(units - units % 10_u128.pow(shift)),
                    },
                },
            });
        proptest::collection::vec(group, 0..20)
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let start = "line 1 of x is not the header of a result";
        let json = r#"{"date":"2024-01-01","user_id":1,"event_count":1,"purchase_count":0,"total_revenue":"0.00"}"#;
        for (text, expected) in [
            (b"".to_vec(), "x is empty, and a result in CSV has a header"),
            (b"\n".to_vec(), start),
            (b"a,b\n".to_vec(), start),
            (b"{\"a\":1}\n".to_vec(), start),
            (HEADER[..HEADER.len() - 1].to_vec(), start),
            (b"PARX\x00\xff\x00".to_vec(), start),
            (
                b"PAR1\x00\xff\x00".to_vec(),
                "line 1 of x looks like Parquet",
            ),
            (b"ARROW1\0\0".to_vec(), "looks like Arrow IPC"),
            (
                b"{\"date\":\"2024-01-01\"}\n".to_vec(),
                "line 1 of x is no row of a result in JSON",
            ),
            (vec![b'x'; 3 * BLOCK], start),
            (
                [b"\xef\xbb\xbf", HEADER].concat(),
                "line 1 of x starts with a byte-order mark",
            ),
            (
                b"date,user_id,event_count,purchase_count,total_revenue\r\n".to_vec(),
                "line 1 of x ends in a carriage return",
            ),
            (
                with_header("2024-01-01,1,1,0,0.00\r\n"),
                "line 2 of x ends in a carriage return",
            ),
            (
                with_header("2024-01-01,1,1,0,0.00\n2024-01-01,2,1,0,0.0"),
                "line 3 of x has no line feed at its end",
            ),
            (
                format!("{json}\n{}", &json[..40]).into_bytes(),
                "line 2 of x has no line feed at its end",
            ),
            (
                format!("{json}\n2024-01-01,1,1,0,0.00\n").into_bytes(),
                "line 2 of x is no row of a result in JSON",
            ),
            (
                with_header(&format!("{json}\n")),
                "line 2 of x is no row of a result: its date is no day",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected), "{error}: no {expected}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
        assert_eq!(read(HEADER).unwrap(), []);
        let input = || Input::reader("x", std::io::empty());
        let mut empty = LineRows::new(input(), "x".into(), true).unwrap();
        assert!(!empty.next_rows(&mut Vec::new()).unwrap());
    }
}
