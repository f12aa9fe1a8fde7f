//! Results as CSV: exactly what [`output::csv`](crate::output::csv) writes, and nothing else.
//!
//! Rows are read by hand, as they are written: there may be hundreds of millions, and none has quotes. The
//! csv crate says in the tests what is in them.

use crate::aggregate::{Group, GroupKey, Revenue, Totals};
use crate::error::{Error, Result};
use crate::event::{DECIMALS, Date, UserId};
use crate::input::{Block, Buffer, Input, Read, Stream};
use crate::output::csv::HEADER;
use crate::text;

use super::Rows;

/// The longest row is 115 bytes. A longer line is none, and is shown by its start.
const LINE_LIMIT: usize = 4096;

/// The rows of a file.
pub(super) struct CsvRows {
    name: String,
    /// `None` when it has been read to its end.
    stream: Option<Stream>,
    buffer: Buffer,
    has_header: bool,
    /// Lines of the blocks before.
    lines: u64,
    dates: Dates,
}

impl CsvRows {
    pub(super) fn new(input: Input, name: String) -> Result<CsvRows> {
        Ok(CsvRows {
            name,
            stream: Some(super::start(input, LINE_LIMIT)?),
            buffer: Buffer::default(),
            has_header: false,
            lines: 0,
            dates: Dates::default(),
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
            let what = if self.has_header {
                not_a_row(text)
            } else {
                not_a_header(text)
            };
            return Err(self.fault(self.lines + 1, what));
        }
        while !text.is_empty() {
            self.lines += 1;
            let end = memchr::memchr(b'\n', text);
            let line = &text[..end.unwrap_or(text.len())];
            if self.has_header {
                if end.is_none() {
                    return Err(self.fault(self.lines, format!(
                        "has no line feed at its end, so the result is cut off there: {}; write it again",
                        text::excerpt(&String::from_utf8_lossy(line))
                    )));
                }
                match self.dates.row(line) {
                    Some(row) => rows.push(row),
                    None => return Err(self.fault(self.lines, not_a_row(line))),
                }
            } else if end.is_some() && line == &HEADER[..HEADER.len() - 1] {
                self.has_header = true;
            } else {
                return Err(self.fault(self.lines, not_a_header(line)));
            }
            text = &text[end.map_or(text.len(), |end| end + 1)..];
        }
        Ok(())
    }
}

impl Rows for CsvRows {
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
                if self.has_header {
                    Ok(false)
                } else {
                    Err(Error::NotAResult {
                        place: self.name.clone(),
                        what: "is empty, and a result has a header at least; write it again".into(),
                    })
                }
            }
        }
    }

    fn place(&self, row: u64) -> String {
        // After the header, and from 1.
        format!("line {} of {}", row.saturating_add(2), self.name)
    }
}

/// What is wrong with a line that should be the header.
#[cold]
fn not_a_header(line: &[u8]) -> String {
    let header = String::from_utf8_lossy(&HEADER[..HEADER.len() - 1]);
    if let Some(what) = carriage_return(line) {
        return what;
    }
    let others: [(&[u8], &str); 3] = [
        (b"PAR1", "Parquet"),
        (b"ARROW1", "Arrow IPC"),
        (b"{\"date\":", "JSON Lines"),
    ];
    if let Some((_, format)) = others.iter().find(|(start, _)| line.starts_with(start)) {
        return format!(
            "looks like {format}, and results are read as CSV only, compressed or not; write this one again with --format csv"
        );
    }
    format!(
        "is not the header of a result, {header}: {}; is it the file that is meant?",
        text::excerpt(&String::from_utf8_lossy(line))
    )
}

/// What is wrong with a line that should be a row.
#[cold]
fn not_a_row(line: &[u8]) -> String {
    if let Some(what) = carriage_return(line) {
        return what;
    }
    let shown = text::excerpt(&String::from_utf8_lossy(line)).to_string();
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
    let what = match fields[..] {
        [date, user, events, purchases, revenue] => {
            let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
            if text(date).parse::<Date>().is_err() {
                "its date is no day as YYYY-MM-DD".into()
            } else if user_id(user).is_none() {
                "its user_id is no whole number from -2^63 to 2^64-1 without zeros before it".into()
            } else if let Some(name) = [(events, "event_count"), (purchases, "purchase_count")]
                .into_iter()
                .find_map(|(digits, name)| number(digits).is_none().then_some(name))
            {
                format!("its {name} is no whole number below 2^64 without zeros before it")
            } else if self::revenue(revenue).is_none() {
                "its total_revenue is no amount below 10^20 with two to eighteen decimals and no more zeros than needed".into()
            } else {
                "its counts do not go together".into()
            }
        }
        _ => format!(
            "it has {} {}, and a row has 5",
            fields.len(),
            if fields.len() == 1 { "field" } else { "fields" }
        ),
    };
    format!(
        "is no row of a result: {what}: {shown}; somebody has changed it; write the result again"
    )
}

fn carriage_return(line: &[u8]) -> Option<String> {
    line.ends_with(b"\r").then(|| {
        "ends in a carriage return, and lines of a result do not; an editor or git has changed it; write the result again, or take them out (sed 's/\\r$//')".into()
    })
}

/// Reads rows. The date stays the same for many in a row, so it is remembered.
#[derive(Debug, Default)]
struct Dates {
    text: [u8; 10],
    date: Option<Date>,
}

impl Dates {
    /// The row that a line is, without its line feed; `None` if it is none.
    #[inline]
    fn row(&mut self, line: &[u8]) -> Option<Group> {
        let (date, rest) = line.split_first_chunk::<10>()?;
        if self.date.is_none() || *date != self.text {
            self.date = std::str::from_utf8(date).ok()?.parse().ok();
            self.text = *date;
        }
        let date = self.date?;
        let (user, rest) = field(rest.strip_prefix(b",")?)?;
        let (events, rest) = field(rest)?;
        let (purchases, rest) = field(rest)?;
        let totals = Totals {
            event_count: number(events)?,
            purchase_count: number(purchases)?,
            revenue: revenue(rest)?,
        };
        // A group has events, a revenue purchases.
        let is_whole = totals.event_count > 0
            && totals.purchase_count <= totals.event_count
            && (totals.purchase_count > 0 || totals.revenue == Revenue::default());
        let key = GroupKey::new(date, user_id(user)?);
        is_whole.then_some(Group { key, totals })
    }
}

/// What is before the next comma, and what after it.
#[inline]
fn field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b',')?;
    Some((&text[..end], &text[end + 1..]))
}

/// A whole number, without zeros before it.
#[inline]
fn number(digits: &[u8]) -> Option<u64> {
    match digits {
        [] | [b'0', _, ..] => None,
        _ => digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.wrapping_sub(b'0');
            (digit < 10).then_some(())?;
            number.checked_mul(10)?.checked_add(u64::from(digit))
        }),
    }
}

#[inline]
fn user_id(text: &[u8]) -> Option<UserId> {
    match text.split_first() {
        Some((b'-', digits)) => {
            let magnitude = number(digits).filter(|magnitude| *magnitude > 0)?;
            0_i64.checked_sub_unsigned(magnitude).map(UserId::from)
        }
        _ => number(text).map(UserId::from),
    }
}

/// An amount of money with two to eighteen decimals, no zeros at the end past the second, below 10^20.
#[inline]
fn revenue(text: &[u8]) -> Option<Revenue> {
    const MOST: usize = DECIMALS as usize;
    let point = text.iter().position(|byte| *byte == b'.')?;
    let (whole, decimals) = (&text[..point], &text[point + 1..]);
    if !(2..=MOST).contains(&decimals.len()) || (decimals.len() > 2 && decimals.ends_with(b"0")) {
        return None;
    }
    let whole = match number(whole) {
        Some(whole) => u128::from(whole),
        // From 2^64 to 10^20.
        None if whole.len() == 20 && whole[0] != b'0' => {
            let (first, rest) = whole.split_at(1);
            let rest = rest.iter().try_fold(0_u128, |number, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| number * 10 + u128::from(digit - b'0'))
            })?;
            u128::from(number(first)?) * 10_u128.pow(19) + rest
        }
        None => return None,
    };
    let mut rest = 0_u64;
    for digit in decimals {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        rest = rest * 10 + u64::from(digit);
    }
    let zeros = u32::try_from(MOST - decimals.len()).ok()?;
    let units = whole * 10_u128.pow(DECIMALS) + u128::from(rest) * 10_u128.pow(zeros);
    Some(Revenue::from_units(units)).filter(|revenue| !revenue.is_too_large())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All rows of a text, or what is wrong with it.
    fn read(text: &[u8]) -> std::result::Result<Vec<Group>, String> {
        let input = Input::reader("x.csv", std::io::Cursor::new(text.to_vec()));
        let mut file = CsvRows::new(input, "x.csv".into()).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        while file
            .next_rows(&mut rows)
            .map_err(|error| error.to_string())?
        {}
        Ok(rows)
    }

    fn with_header(rows: &str) -> Vec<u8> {
        [HEADER, rows.as_bytes()].concat()
    }

    fn number_text() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..200_u64]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            groups in proptest::collection::vec(
                (
                    0..=Date::MAX.days(),
                    prop_oneof![
                        any::<i64>().prop_map(UserId::from),
                        any::<u64>().prop_map(UserId::from),
                    ],
                    number_text(),
                    number_text(),
                    (0..10_u128.pow(38), 0..38_u32),
                ),
                0..20,
            ),
        ) {
            let groups: Vec<Group> = groups
                .into_iter()
                .map(|(days, user, events, purchases, (units, shift))| Group {
                    key: GroupKey::new(Date::from_days(days).unwrap(), user),
                    totals: Totals {
                        event_count: events.max(purchases).max(1),
                        purchase_count: purchases,
                        revenue: match purchases {
                            0 => Revenue::default(),
                            _ => Revenue::from_units(units - units % 10_u128.pow(shift)),
                        },
                    },
                })
                .collect();
            let mut text = HEADER.to_vec();
            let mut writer = crate::output::csv::RowWriter::default();
            for group in &groups {
                writer.push(group, &mut text);
            }
            prop_assert_eq!(&read(&text).unwrap(), &groups);
            // The csv crate finds the same fields in it.
            let mut reader = csv::Reader::from_reader(&text[..]);
            prop_assert_eq!(reader.records().count(), groups.len());
        }

        /// Whatever is read is exactly what would be written: there is one text for a row.
        #[test]
        fn what_is_read_is_what_is_written(
            fields in (
                "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
                "-?[0-9]{1,3}",
                "[0-9]{1,2}",
                "[0-9]{1,2}",
                "[0-9]{1,2}\\.[0-9]{1,4}",
            ),
        ) {
            let (date, user, events, purchases, revenue) = fields;
            let line = format!("{date},{user},{events},{purchases},{revenue}\n");
            if let Ok(rows) = read(&with_header(&line)) {
                let mut text = Vec::new();
                crate::output::csv::RowWriter::default().push(&rows[0], &mut text);
                prop_assert_eq!(String::from_utf8(text).unwrap(), line);
            }
        }

        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = read(&with_header(&String::from_utf8_lossy(&bytes)));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let header = "line 1 of x.csv is not the header of a result";
        for (text, expected) in [
            (b"".to_vec(), "x.csv is empty, and a result has a header"),
            (b"\n".to_vec(), header),
            (b"a,b\n".to_vec(), header),
            (HEADER[..HEADER.len() - 1].to_vec(), header),
            (b"PARX\x00\xff\x00".to_vec(), header),
            (
                b"PAR1\x00\xff\x00".to_vec(),
                "line 1 of x.csv looks like Parquet",
            ),
            (b"ARROW1\0\0".to_vec(), "looks like Arrow IPC"),
            (
                b"{\"date\":\"2024-01-01\"}\n".to_vec(),
                "looks like JSON Lines",
            ),
            (vec![b'x'; 3 * super::super::BLOCK], header),
            (
                [b"\xef\xbb\xbf", HEADER].concat(),
                "line 1 of x.csv starts with a byte-order mark",
            ),
            (
                b"date,user_id,event_count,purchase_count,total_revenue\r\n".to_vec(),
                "line 1 of x.csv ends in a carriage return",
            ),
            (
                with_header("2024-01-01,1,1,0,0.00\r\n"),
                "line 2 of x.csv ends in a carriage return",
            ),
            (
                with_header("2024-01-01,1,1,0,0.00\n2024-01-01,2,1,0,0.0"),
                "line 3 of x.csv has no line feed at its end",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected), "{error}: no {expected}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
        assert_eq!(read(HEADER).unwrap(), []);
        let most = "9999-12-31,18446744073709551615,18446744073709551615,18446744073709551615,99999999999999999999.999999999999999999\n";
        assert_eq!(read(&with_header(most)).unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told() {
        for (text, expected) in [
            (
                with_header("\n"),
                "line 2 of x.csv is no row of a result: it has 1 field, and",
            ),
            (with_header("2024-01-01,1,1,0\n"), "it has 4 fields"),
            (with_header("2024-01-01,1,1,0,0.00,\n"), "it has 6 fields"),
            (with_header("2024-02-30,1,1,0,0.00\n"), "its date is no day"),
            (with_header("2024-1-1,1,1,0,0.00\n"), "its date is no day"),
            (with_header("2024-01-01,\"1\",1,0,0.00\n"), "its user_id is"),
            (with_header("2024-01-01,01,1,0,0.00\n"), "its user_id is"),
            (with_header("2024-01-01,-0,1,0,0.00\n"), "its user_id is"),
            (with_header("2024-01-01,+1,1,0,0.00\n"), "its user_id is"),
            (
                with_header("2024-01-01,18446744073709551616,1,0,0.00\n"),
                "its user_id is",
            ),
            (
                with_header("2024-01-01,-9223372036854775809,1,0,0.00\n"),
                "its user_id is",
            ),
            (
                with_header("2024-01-01,1,18446744073709551616,0,0.00\n"),
                "its event_count is",
            ),
            (
                with_header("2024-01-01,1,1,x,0.00\n"),
                "its purchase_count is",
            ),
            (
                with_header("2024-01-01,1,1,1,0.0\n"),
                "its total_revenue is",
            ),
            (
                with_header("2024-01-01,1,1,1,0.100\n"),
                "its total_revenue is",
            ),
            (
                with_header("2024-01-01,1,1,1,-1.00\n"),
                "its total_revenue is",
            ),
            (
                with_header("2024-01-01,1,1,1,1e3\n"),
                "its total_revenue is",
            ),
            (
                with_header("2024-01-01,1,1,1,.50\n"),
                "its total_revenue is",
            ),
            (
                with_header("2024-01-01,1,1,1,100000000000000000000.00\n"),
                "its total_revenue is",
            ),
            (
                with_header("2024-01-01,1,1,1,0.0000000000000000001\n"),
                "its total_revenue is",
            ),
            (
                with_header("2024-01-01,1,0,0,0.00\n"),
                "its counts do not go together",
            ),
            (
                with_header("2024-01-01,1,1,2,0.00\n"),
                "its counts do not go together",
            ),
            (
                with_header("2024-01-01,1,1,0,0.01\n"),
                "its counts do not go together",
            ),
            (
                with_header("2024-01-01,\u{1b}[31m,1,0,0.00\n"),
                "\\u001b[31m",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected), "{error}: no {expected}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }
}
