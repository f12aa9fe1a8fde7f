//! Rows of a result as JSON Lines: exactly what [`output::json_lines`](crate::output) writes, and nothing else.
//!
//! The keys are always the same, in the same order and without white space, so a line is cut at them. What
//! `serde_json` reads of it is compared in the tests.

use crate::aggregate::Group;
use crate::text;

use super::fields::{self, Fields, RowReader};

/// What stands before each field, and at the end.
const BETWEEN: [&[u8]; 6] = [
    b"{\"date\":\"",
    b"\",\"user_id\":",
    b",\"event_count\":",
    b",\"purchase_count\":",
    b",\"total_revenue\":\"",
    b"\"}",
];

/// Reads rows.
#[derive(Debug, Default)]
pub(super) struct JsonRows(RowReader);

impl JsonRows {
    /// The row that a line is, without its line feed; `None` if it is none.
    #[inline]
    pub(super) fn row(&mut self, line: &[u8]) -> Option<Group> {
        self.0.row(cut(line)?)
    }
}

/// The fields of a line.
#[inline]
fn cut(line: &[u8]) -> Option<Fields<'_>> {
    let [first, inner @ .., last] = BETWEEN;
    let mut rest = line.strip_prefix(first)?.strip_suffix(last)?;
    let mut fields: Fields<'_> = [&[]; 5];
    for (field, between) in fields.iter_mut().zip(inner) {
        // No value has the first byte of what follows it.
        let end = rest.iter().position(|byte| *byte == between[0])?;
        *field = &rest[..end];
        rest = rest[end..].strip_prefix(between)?;
    }
    fields[4] = rest;
    Some(fields)
}

/// What is wrong with a line that should be a row.
#[cold]
pub(super) fn not_a_row(line: &[u8]) -> String {
    let what = match cut(line) {
        Some(found) => fields::fault(found),
        None => r#"it is not as {"date":"…","user_id":…,"event_count":…,"purchase_count":…,"total_revenue":"…"}, without white space"#.into(),
    };
    format!(
        "is no row of a result in JSON: {what}: {}; somebody has changed it; write the result again",
        text::excerpt(&String::from_utf8_lossy(line))
    )
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::{groups, read};
    use crate::aggregate::InOrder;
    use crate::output::json_lines::append_rows;
    use proptest::prelude::*;
    use serde_json::Value;

    const ROW: &str = r#"{"date":"2024-01-01","user_id":-7,"event_count":3,"purchase_count":1,"total_revenue":"0.125"}"#;

    proptest! {
        #[test]
        fn what_is_written_is_read(groups in groups()) {
            let mut groups = groups;
            groups.sort_by_key(|group| group.key);
            groups.dedup_by_key(|group| group.key);
            let mut text = Vec::new();
            append_rows(&InOrder::merged(groups.clone()), &mut text);
            if !groups.is_empty() {
                prop_assert_eq!(&read(&text).unwrap(), &groups);
            }
        }

        /// What is read as a row is the JSON that it looks like.
        #[test]
        fn bytes_changed_are_another_row_or_none(at in 0..ROW.len(), byte in any::<u8>()) {
            let mut line = ROW.as_bytes().to_vec();
            line[at] = byte;
            line.push(b'\n');
            let Ok(rows) = read(&line) else { return Ok(()) };
            let row = &rows[0];
            let value: Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(value["date"].as_str().unwrap(), row.key.date().to_string());
            prop_assert_eq!(value["user_id"].to_string(), row.key.user_id().to_string());
            prop_assert_eq!(value["event_count"].as_u64().unwrap(), row.totals.event_count);
            prop_assert_eq!(value["purchase_count"].as_u64().unwrap(), row.totals.purchase_count);
            prop_assert_eq!(value["total_revenue"].as_str().unwrap(), row.totals.revenue.to_string());
            let mut again = Vec::new();
            append_rows(&InOrder::merged(rows), &mut again);
            prop_assert_eq!(again, line);
        }
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told() {
        let with = |from: &str, to: &str| ROW.replacen(from, to, 1);
        for (line, expected) in [
            (with("2024-01-01", "2024-02-30"), "its date is no day"),
            (with("-7", "\"7\""), "its user_id is"),
            (with("-7", "007"), "its user_id is"),
            (with(":3", ":3.0"), "its event_count is"),
            (with(":1,", ":-1,"), "its purchase_count is"),
            (with("0.125", "1e3"), "its total_revenue is"),
            (with(":3", ":0"), "its counts do not go together"),
            (with(":\"0.125\"", ":0.125"), "it is not as"),
            (with("\":3", "\": 3"), "its event_count is"),
            (with("}", ",\"more\":1}"), "it is not as"),
            (with("2024-01-01", "\u{1b}[31m"), "\\u001b[31m"),
        ] {
            let error = read(format!("{line}\n").as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}: no {expected}");
            assert!(
                error.contains("line 1 of x is no row of a result in JSON"),
                "{error}"
            );
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }
}
