//! Rows of a result and groups that are to be counted into them, both in order, become the rows of the next
//! result. Rows stream past; nothing is kept of them.

use std::iter::Peekable;

use crate::aggregate::{Group, Totals, too_large};
use crate::error::{Error, Result};
use crate::result::ResultReader;

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Merged {
    /// All rows that there are now.
    pub(super) rows: u64,
    /// Rows that there were none of.
    pub(super) added: u64,
    /// Rows that have more in them than before.
    pub(super) changed: u64,
}

/// Merges the rows of a result, if there is one, with groups, and gives `sink` every row.
///
/// # Errors
///
/// Where the result cannot be read or is none, where a row comes to more than there may be, and what `sink`
/// says.
pub(super) fn merge(
    mut result: Option<ResultReader>,
    groups: impl Iterator<Item = Group>,
    mut sink: impl FnMut(&Group) -> Result<()>,
) -> Result<Merged> {
    let mut merged = Merged::default();
    let mut groups = groups.peekable();
    while let Some(row) = result.as_mut().map_or(Ok(None), ResultReader::next_row)? {
        while let Some(group) = next_if(&mut groups, |group| group.key < row.key) {
            merged.added += 1;
            merged.rows += 1;
            sink(&checked(group)?)?;
        }
        let row = match next_if(&mut groups, |group| group.key == row.key) {
            None => row,
            Some(group) => {
                merged.changed += 1;
                sum(&row, &group.totals)?
            }
        };
        merged.rows += 1;
        sink(&row)?;
    }
    for group in groups {
        merged.added += 1;
        merged.rows += 1;
        sink(&checked(group)?)?;
    }
    Ok(merged)
}

fn next_if(
    groups: &mut Peekable<impl Iterator<Item = Group>>,
    is_next: impl Fn(&Group) -> bool,
) -> Option<Group> {
    groups.next_if(is_next)
}

/// A row with more in it.
fn sum(row: &Group, more: &Totals) -> Result<Group> {
    let count = |had: u64, more: u64, column| {
        had.checked_add(more).ok_or(Error::CountTooLarge {
            date: row.key.date(),
            user_id: row.key.user_id(),
            column,
        })
    };
    let old = row.totals;
    let mut revenue = old.revenue;
    revenue.merge(more.revenue);
    checked(Group {
        key: row.key,
        totals: Totals {
            event_count: count(old.event_count, more.event_count, "event_count")?,
            purchase_count: count(old.purchase_count, more.purchase_count, "purchase_count")?,
            revenue,
        },
    })
}

/// A row that may be one.
fn checked(row: Group) -> Result<Group> {
    if row.totals.revenue.is_too_large() {
        return Err(too_large(&row.key, row.totals.revenue));
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{GroupKey, Revenue};
    use crate::event::{Date, UserId};
    use crate::output::{CsvFile, Format};
    use crate::result::ResultPlace;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Merges through a file.
    fn merged(rows: &[Group], more: &[Group]) -> Result<(Vec<Group>, Merged)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.csv");
        let mut bytes = Vec::new();
        let mut write = |some: &[u8]| {
            bytes.extend_from_slice(some);
            Ok(())
        };
        let mut file = CsvFile::start(Format::CSV)?;
        for row in rows {
            file.push(row, &mut write)?;
        }
        file.finish(&mut write)?;
        std::fs::write(&path, bytes).unwrap();
        let reader = ResultReader::open(&ResultPlace::at(&path)?)?;
        let mut all = Vec::new();
        let counts = merge(Some(reader), more.iter().copied(), |row| {
            all.push(*row);
            Ok(())
        })?;
        Ok((all, counts))
    }

    fn group(day: u32, user: i64, events: u64, purchases: u64, units: u128) -> Group {
        Group {
            key: GroupKey::new(Date::from_days(day).unwrap(), UserId::from(user)),
            totals: Totals {
                event_count: events,
                purchase_count: purchases,
                revenue: Revenue::from_units(units),
            },
        }
    }

    fn groups() -> impl Strategy<Value = Vec<Group>> {
        let one = (0..4_u32, -3..4_i64, 1..9_u64, 0..9_u64, 0..10_u128.pow(19));
        proptest::collection::vec(one, 0..12).prop_map(|groups| {
            let unique: BTreeMap<_, _> = groups
                .into_iter()
                .map(|(day, user, events, purchases, units)| {
                    let purchases = purchases.min(events);
                    let units = if purchases == 0 { 0 } else { units };
                    let group = group(day, user, events, purchases, units);
                    (group.key, group)
                })
                .collect();
            unique.into_values().collect()
        })
    }

    proptest! {
        #[test]
        fn merging_is_what_a_map_makes(rows in groups(), more in groups()) {
            let mut expected: BTreeMap<GroupKey, Totals> =
                rows.iter().map(|row| (row.key, row.totals)).collect();
            for group in &more {
                expected.entry(group.key).or_default().merge(&group.totals);
            }
            let (all, counts) = merged(&rows, &more).unwrap();
            prop_assert_eq!(counts.rows, all.len() as u64);
            prop_assert_eq!(counts.added, (all.len() - rows.len()) as u64);
            prop_assert_eq!(counts.added + counts.changed, more.len() as u64);
            let all: BTreeMap<_, _> = all.iter().map(|row| (row.key, row.totals)).collect();
            prop_assert_eq!(all, expected);
        }
    }

    #[test]
    fn what_comes_to_too_much_is_an_error() {
        let day: Date = "2024-01-01".parse().unwrap();
        let one = 10_u128.pow(18);
        let most = 10_u128.pow(20) * one - 1;
        for (row, more, expected) in [
            (
                group(day.days(), 1, u64::MAX, 1, 1),
                group(day.days(), 1, 1, 0, 0),
                Some("user 1 on 2024-01-01 would have 2^64 or more in event_count"),
            ),
            (
                group(day.days(), 1, u64::MAX - 1, 1, 1),
                group(day.days(), 1, 1, 0, 0),
                None,
            ),
            (
                group(day.days(), 1, 1, 1, most),
                group(day.days(), 1, 1, 1, 1),
                Some("is 100000000000000000000.00, and totals have to stay below 10^20"),
            ),
            (
                group(day.days(), 1, 1, 1, most - 1),
                group(day.days(), 1, 1, 1, 1),
                None,
            ),
            (
                group(day.days(), 2, 1, 0, 0),
                group(day.days(), 1, 1, 1, u128::MAX),
                Some("is more than 340282366920938463463"),
            ),
        ] {
            let made = merged(&[row], &[more]);
            match expected {
                None => assert!(made.is_ok()),
                Some(expected) => {
                    let text = made.unwrap_err().to_string();
                    assert!(text.contains(expected), "{text}");
                }
            }
        }
    }
}
