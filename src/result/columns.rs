//! Rows of results that are stored in columns.

use crate::aggregate::{Group, GroupKey, Revenue, Totals};
use crate::event::{DECIMALS, Date, UserId};
use crate::output::EPOCH;

use super::fields::is_whole;

/// The columns of a result, in order.
pub(super) const NAMES: [&str; 5] = [
    "date",
    "user_id",
    "event_count",
    "purchase_count",
    "total_revenue",
];

/// What the numbers of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Days from 1970-01-01, and nothing else.
    pub(super) is_date: bool,
    /// How many of their digits are decimals.
    pub(super) scale: i64,
}

impl Kind {
    /// What to multiply numbers of a column with; `None` if the column cannot have such.
    ///
    /// The first column has days, the last money with as many decimals as are kept, the others integers.
    pub(super) fn factor(self, column: usize) -> Option<i128> {
        let most = if column == NAMES.len() - 1 {
            DECIMALS
        } else {
            0
        };
        if self.is_date != (column == 0) {
            return None;
        }
        let zeros = i64::from(most).checked_sub(self.scale)?;
        if self.scale < 0 {
            return None;
        }
        10_i128.checked_pow(u32::try_from(zeros).ok()?)
    }
}

/// Appends the rows that these columns are, in the order of [`NAMES`] and all of one length; or tells which row is
/// none, counted from 0, and what is wrong with it.
pub(super) fn append(
    columns: &[Vec<i128>; 5],
    rows: &mut Vec<Group>,
) -> Result<(), (usize, &'static str)> {
    let [days, users, events, purchases, units] = columns;
    let pairs = days.iter().zip(users).zip(events.iter().zip(purchases));
    for (at, (((days, user), (events, purchases)), units)) in pairs.zip(units).enumerate() {
        let row = row([*days, *user, *events, *purchases, *units]);
        rows.push(row.map_err(|what| (at, what))?);
    }
    Ok(())
}

/// The row that these numbers are, in the order of [`NAMES`]; or what is wrong with them.
fn row(numbers: [i128; 5]) -> Result<Group, &'static str> {
    let [days, user, events, purchases, units] = numbers;
    let date = u32::try_from(days + i128::from(EPOCH))
        .ok()
        .and_then(Date::from_days)
        .ok_or("its date is not from 0000-01-01 to 9999-12-31")?;
    let user = UserId::try_from(user).map_err(|_| "its user_id is not from -2^63 to 2^64-1")?;
    let totals = Totals {
        event_count: u64::try_from(events)
            .map_err(|_| "its event_count is not from 0 to 2^64-1")?,
        purchase_count: u64::try_from(purchases)
            .map_err(|_| "its purchase_count is not from 0 to 2^64-1")?,
        revenue: u128::try_from(units)
            .ok()
            .map(Revenue::from_units)
            .filter(|revenue| !revenue.is_too_large())
            .ok_or("its total_revenue is not from 0 to below 10^20")?,
    };
    if !is_whole(&totals) {
        return Err("its counts do not go together");
    }
    Ok(Group {
        key: GroupKey::new(date, user),
        totals,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_row_is_told() {
        let most = [2_932_896, i128::from(u64::MAX), 7, 7, 10_i128.pow(38) - 1];
        assert_eq!(row(most).unwrap().key.date(), Date::MAX);
        assert_eq!(row([-719_528, -1, 1, 0, 0]).unwrap().key.date(), Date::MIN);
        for (numbers, expected) in [
            ([2_932_897, 1, 1, 0, 0], "its date"),
            ([-719_529, 1, 1, 0, 0], "its date"),
            ([i128::MAX - 719_528, 1, 1, 0, 0], "its date"),
            ([0, 1 << 64, 1, 0, 0], "its user_id"),
            ([0, 1, -1, 0, 0], "its event_count"),
            ([0, 1, 1, 1 << 64, 0], "its purchase_count"),
            ([0, 1, 1, 1, -1], "its total_revenue"),
            ([0, 1, 1, 1, 10_i128.pow(38)], "its total_revenue"),
            ([0, 1, 0, 0, 0], "its counts"),
            ([0, 1, 1, 0, 1], "its counts"),
        ] {
            let fault = row(numbers).unwrap_err();
            assert!(fault.starts_with(expected), "{fault}");
        }
    }

    #[test]
    fn columns_have_kinds() {
        let number = |scale| Kind {
            is_date: false,
            scale,
        };
        let date = Kind {
            is_date: true,
            scale: 0,
        };
        assert_eq!(date.factor(0), Some(1));
        assert_eq!(number(0).factor(0), None);
        assert_eq!(date.factor(1), None);
        assert_eq!(number(0).factor(2), Some(1));
        assert_eq!(number(2).factor(3), None);
        assert_eq!(number(18).factor(4), Some(1));
        assert_eq!(number(2).factor(4), Some(10_i128.pow(16)));
        assert_eq!(number(19).factor(4), None);
        assert_eq!(number(-1).factor(4), None);
    }
}
