//! The result file: a row for each group, as CSV (RFC 4180 with `\n` line ends).

use serde::Serialize;

use crate::aggregate::{Group, GroupRange};
use crate::event::Date;

/// The header line.
pub const HEADER: &[u8] = b"date,user_id,event_count,purchase_count,total_revenue\n";

/// A row of the result, in the order of its columns.
#[derive(Serialize)]
struct Row<'a> {
    date: &'a str,
    user_id: i128,
    event_count: u64,
    purchase_count: u64,
    total_revenue: &'a str,
}

/// The rows of a range of groups, in order, without the header.
#[must_use]
pub fn rows(range: &GroupRange<'_>) -> Vec<u8> {
    // A row takes about 30 bytes; growing once is cheaper than measuring first.
    let out = Vec::with_capacity(range.len() * 32);
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(out);
    let mut date = DateText::default();
    for Group { key, totals } in range.sorted().iter() {
        let row = Row {
            date: date.of(key.date()),
            user_id: key.user_id().get(),
            event_count: totals.event_count,
            purchase_count: totals.purchase_count,
            total_revenue: &totals.revenue.to_string(),
        };
        // A vector takes everything, and rows are flat: neither can fail.
        if writer.serialize(row).is_err() {
            unreachable!("a row could not be written to memory");
        }
    }
    writer
        .into_inner()
        .unwrap_or_else(|error| unreachable!("rows could not be flushed to memory: {error}"))
}

/// The text of a date, kept while the date stays the same, as it does for many rows in a row.
#[derive(Default)]
struct DateText {
    date: Option<Date>,
    text: String,
}

impl DateText {
    fn of(&mut self, date: Date) -> &str {
        if self.date != Some(date) {
            self.date = Some(date);
            self.text = date.to_string();
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Partitions;
    use crate::event::{Amount, Event, UserId};

    #[test]
    fn rows_are_sorted_by_date_and_then_by_user_as_a_number() {
        let partitions = Partitions::default();
        let mut counter = partitions.counter();
        let mut add = |day: u32, user: i128, amount: Option<&str>| {
            let date = Date::from_ymd(2024, 1, day).unwrap();
            let amount = amount.map(|text| Amount::from_json_number(text).unwrap());
            counter.add(Event::new(date, UserId::try_from(user).unwrap(), amount));
        };
        add(2, 1, None);
        add(1, 10, Some("0.125"));
        add(1, 9, Some("19.99"));
        add(1, 9, None);
        add(1, i128::from(u64::MAX), None);
        add(1, -10, None);
        add(1, i128::from(i64::MIN), Some("1e-400"));
        counter.finish();
        let groups = partitions.finish_sorted();
        let text: Vec<u8> = groups.ranges().flat_map(|range| rows(&range)).collect();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "2024-01-01,-9223372036854775808,1,1,0.00\n\
             2024-01-01,-10,1,0,0.00\n\
             2024-01-01,9,2,1,19.99\n\
             2024-01-01,10,1,1,0.125\n\
             2024-01-01,18446744073709551615,1,0,0.00\n\
             2024-01-02,1,1,0,0.00\n"
        );
    }
}
