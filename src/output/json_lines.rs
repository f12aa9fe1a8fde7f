//! The result as JSON Lines: an object for each group and line.
//!
//! The revenue is a string, as in the summary: readers that make a binary number of it would lose
//! digits. The user id is a number, as it was in the events.

use crate::aggregate::{Group, InOrder};
use crate::event::Date;
use crate::text::push_decimal;

/// Appends the lines of groups in order, and tells where those of each day end.
pub(crate) fn append_rows(groups: &InOrder, out: &mut Vec<u8>) -> Vec<(Date, usize)> {
    // A line takes about 110 bytes; growing once is cheaper than measuring first.
    out.reserve(groups.len() * 120);
    let mut ends: Vec<(Date, usize)> = Vec::new();
    let mut date_text = String::new();
    for Group { key, totals } in groups.iter() {
        if ends.last().map(|(date, _)| *date) != Some(key.date()) {
            ends.push((key.date(), 0));
            date_text = key.date().to_string();
        }
        out.extend_from_slice(b"{\"date\":\"");
        out.extend_from_slice(date_text.as_bytes());
        out.extend_from_slice(b"\",\"user_id\":");
        let user_id = key.user_id().get();
        if user_id < 0 {
            out.push(b'-');
        }
        // The magnitude of a user id has 64 bits.
        push_decimal(
            out,
            u64::try_from(user_id.unsigned_abs()).unwrap_or(u64::MAX),
        );
        out.extend_from_slice(b",\"event_count\":");
        push_decimal(out, totals.event_count);
        out.extend_from_slice(b",\"purchase_count\":");
        push_decimal(out, totals.purchase_count);
        out.extend_from_slice(b",\"total_revenue\":\"");
        out.extend_from_slice(totals.revenue.to_string().as_bytes());
        out.extend_from_slice(b"\"}\n");
        if let Some((_, end)) = ends.last_mut() {
            *end = out.len();
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{GroupKey, Revenue, Totals};
    use crate::event::UserId;
    use proptest::prelude::*;
    use serde_json::Value;

    proptest! {
        #[test]
        fn lines_are_what_any_reader_of_json_reads(
            groups in prop::collection::vec(
                (0..5_u32, i128::from(i64::MIN)..=i128::from(u64::MAX), any::<u64>(), any::<u64>(), 0..10_u128.pow(38)),
                0..20,
            ),
        ) {
            let groups: Vec<Group> = groups
                .into_iter()
                .map(|(day, user, event_count, purchase_count, units)| Group {
                    key: GroupKey::new(Date::from_days(800_000 + day).unwrap(), UserId::try_from(user).unwrap()),
                    totals: Totals { event_count, purchase_count, revenue: Revenue::from_units(units) },
                })
                .collect();
            let in_order = InOrder::merged(groups);
            let mut out = Vec::new();
            let ends = append_rows(&in_order, &mut out);
            let text = String::from_utf8(out.clone()).unwrap();
            let mut at = 0;
            for (line, group) in text.split_inclusive('\n').zip(in_order.iter()) {
                at += line.len();
                let row: Value = serde_json::from_str(line).unwrap();
                prop_assert_eq!(row["date"].as_str().unwrap(), group.key.date().to_string());
                prop_assert_eq!(row["user_id"].to_string(), group.key.user_id().to_string());
                prop_assert_eq!(row["event_count"].to_string(), group.totals.event_count.to_string());
                prop_assert_eq!(row["purchase_count"].to_string(), group.totals.purchase_count.to_string());
                prop_assert_eq!(row["total_revenue"].as_str().unwrap(), group.totals.revenue.to_string());
                let (_, end) = ends.iter().find(|(date, _)| *date == group.key.date()).unwrap();
                prop_assert!(at <= *end);
            }
            prop_assert_eq!(at, out.len());
            prop_assert_eq!(ends.last().map_or(0, |(_, end)| *end), out.len());
        }
    }
}
