//! Rows of a result as CSV: exactly what [`output::csv`](crate::output::csv) writes, and nothing else.
//!
//! None has quotes, so a line is cut at its commas. The csv crate says in the tests what is in it.

use crate::aggregate::Group;
use crate::text;

use super::fields::{self, RowReader};

/// Reads rows.
#[derive(Debug, Default)]
pub(super) struct CsvRows(RowReader);

impl CsvRows {
    /// The row that a line is, without its line feed; `None` if it is none.
    #[inline]
    pub(super) fn row(&mut self, line: &[u8]) -> Option<Group> {
        let (date, rest) = field(line)?;
        let (user, rest) = field(rest)?;
        let (events, rest) = field(rest)?;
        let (purchases, revenue) = field(rest)?;
        self.0.row([date, user, events, purchases, revenue])
    }
}

/// What is before the next comma, and what after it.
#[inline]
fn field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b',')?;
    Some((&text[..end], &text[end + 1..]))
}

/// What is wrong with a line that should be a row.
#[cold]
pub(super) fn not_a_row(line: &[u8]) -> String {
    let found: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
    let what = match <[&[u8]; 5]>::try_from(found) {
        Ok(found) => fields::fault(found),
        Err(found) => format!(
            "it has {} {}, and a row has 5",
            found.len(),
            if found.len() == 1 { "field" } else { "fields" }
        ),
    };
    format!(
        "is no row of a result: {what}: {}; somebody has changed it; write the result again",
        text::excerpt(&String::from_utf8_lossy(line))
    )
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::{groups, read, with_header};
    use crate::output::csv::{HEADER, RowWriter};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(groups in groups()) {
            let mut text = HEADER.to_vec();
            let mut writer = RowWriter::default();
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
                RowWriter::default().push(&rows[0], &mut text);
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
    fn the_longest_row_is_read() {
        let most = "9999-12-31,18446744073709551615,18446744073709551615,18446744073709551615,99999999999999999999.999999999999999999\n";
        assert_eq!(read(&with_header(most)).unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told() {
        for (text, expected) in [
            (
                with_header("\n"),
                "line 2 of x is no row of a result: it has 1 field, and",
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
