//! Groups: what is counted for one user on one day.

use super::revenue::Revenue;
use crate::event::{Date, Event, UserId};

/// Which group an event belongs to: its date and its user. Ordered by date, then user as a number.
///
/// Twelve bytes of content instead of the twenty that a date and a user id take apart.
///
/// ```
/// use daytally::aggregate::GroupKey;
///
/// let date = "2024-01-01".parse().unwrap();
/// let key = GroupKey::new(date, 7_u64.into());
/// assert_eq!((key.date(), key.user_id().get()), (date, 7));
/// assert!(key < GroupKey::new(date, 10_u64.into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    // The date's days above, whether the user id is non-negative in the lowest bit: 23 bits in all.
    // With the id's own bits after it this compares as (date, user id) does.
    date_and_sign: u32,
    user_bits: u64,
}

impl GroupKey {
    /// The key of a user's events on a day.
    #[must_use]
    #[inline]
    pub fn new(date: Date, user_id: UserId) -> GroupKey {
        let (is_non_negative, user_bits) = user_id.to_parts();
        GroupKey {
            date_and_sign: date.days() << 1 | u32::from(is_non_negative),
            user_bits,
        }
    }

    /// Whether an event is of this group.
    pub(crate) fn is_of(self, event: &Event) -> bool {
        self == GroupKey::new(event.date(), event.user_id())
    }

    /// The day above a sign, in 23 bits, and the user's own bits: a key that compares as this does.
    #[inline]
    pub(crate) fn to_parts(self) -> (u32, u64) {
        (self.date_and_sign, self.user_bits)
    }

    /// The key that [`GroupKey::to_parts`] took apart.
    #[inline]
    pub(crate) const fn from_parts(date_and_sign: u32, user_bits: u64) -> GroupKey {
        GroupKey {
            date_and_sign,
            user_bits,
        }
    }

    /// How many days are in a block.
    pub(super) const BLOCK_DAYS: u32 = 64;

    /// The bits that tell the days of a block apart.
    const DAY_OF_BLOCK: u32 = (GroupKey::BLOCK_DAYS - 1) << 1;

    /// The user and the block of days, as the key of the block's first day.
    #[inline]
    pub(super) fn row(self) -> GroupKey {
        GroupKey {
            date_and_sign: self.date_and_sign & !GroupKey::DAY_OF_BLOCK,
            ..self
        }
    }

    /// Which day of its block it is.
    #[inline]
    pub(super) fn day_of_block(self) -> usize {
        ((self.date_and_sign & GroupKey::DAY_OF_BLOCK) >> 1) as usize
    }

    /// Which block of days: the later, the larger the number.
    #[inline]
    pub(super) fn block(self) -> u32 {
        self.date_and_sign / (2 * GroupKey::BLOCK_DAYS)
    }

    /// The key as a number of 87 bits that compares as it does.
    #[inline]
    pub(super) fn to_number(self) -> u128 {
        u128::from(self.date_and_sign) << 64 | u128::from(self.user_bits)
    }

    /// The day.
    #[must_use]
    pub fn date(self) -> Date {
        // Made from a date, so it is one.
        Date::from_days(self.date_and_sign >> 1).unwrap_or(Date::MAX)
    }

    /// The user.
    #[must_use]
    pub fn user_id(self) -> UserId {
        UserId::from_parts(self.date_and_sign & 1 == 1, self.user_bits)
    }
}

/// What is counted for a group.
///
/// ```
/// use daytally::aggregate::Totals;
/// use daytally::event::{Decoder, Verdict};
///
/// let line = br#"{"user_id":7,"event_type":"purchase","timestamp":"2024-01-01T08:00Z","amount":0.1}"#;
/// let Verdict::Valid(event) = Decoder::default().decode(line) else { unreachable!() };
/// let mut totals = Totals::default();
/// totals.add(&event);
/// let mut all = totals;
/// all.merge(&totals);
/// assert_eq!((all.event_count, all.purchase_count), (2, 2));
/// assert_eq!(all.revenue.to_string(), "0.20");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Valid events of any type.
    pub event_count: u64,
    /// Those that are purchases.
    pub purchase_count: u64,
    /// The sum of the purchases' amounts.
    pub revenue: Revenue,
}

impl Totals {
    /// Counts an event of the group.
    #[inline]
    pub fn add(&mut self, event: &Event) {
        self.event_count += 1;
        if let Some(amount) = event.purchase() {
            self.purchase_count += 1;
            self.revenue.add(amount);
        }
    }

    /// The totals without an event that was counted; `None` if it cannot have been. They must not be
    /// more than can be counted.
    pub(crate) fn without(&self, event: &Event) -> Option<Totals> {
        let mut totals = *self;
        totals.event_count = totals.event_count.checked_sub(1)?;
        if let Some(amount) = event.purchase() {
            totals.purchase_count = totals.purchase_count.checked_sub(1)?;
            let units = totals.revenue.units().checked_sub(amount.units())?;
            totals.revenue = Revenue::from_units(units);
        }
        Some(totals)
    }

    /// Adds what was counted elsewhere for the same group. The order of merging does not matter.
    #[inline]
    pub fn merge(&mut self, other: &Totals) {
        self.event_count += other.event_count;
        self.purchase_count += other.purchase_count;
        self.revenue.merge(other.revenue);
    }
}

/// A group and its totals.
///
/// ```
/// use daytally::aggregate::{Group, GroupKey, Totals};
///
/// let key = GroupKey::new("2024-01-01".parse().unwrap(), 7_u64.into());
/// let group = Group { key, totals: Totals::default() };
/// assert_eq!(group.totals.event_count, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which group.
    pub key: GroupKey,
    /// What was counted.
    pub totals: Totals,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_group_takes_48_bytes() {
        assert_eq!(size_of::<Group>(), 48);
        assert_eq!(size_of::<(GroupKey, Totals)>(), 48);
    }

    proptest! {
        #[test]
        fn keys_hold_and_compare_as_date_and_user(
            days in proptest::array::uniform2(0..=Date::MAX.days()),
            same_day: bool,
            users in proptest::array::uniform2(i128::from(i64::MIN)..=i128::from(u64::MAX)),
        ) {
            let pair = |n: usize| (
                Date::from_days(days[if same_day { 0 } else { n }]).unwrap(),
                UserId::try_from(users[n]).unwrap(),
            );
            let ((date, user), other) = (pair(0), pair(1));
            let key = GroupKey::new(date, user);
            prop_assert_eq!((key.date(), key.user_id()), (date, user));
            let (date_and_sign, user_bits) = key.to_parts();
            prop_assert_eq!(GroupKey::from_parts(date_and_sign, user_bits), key);
            let other_key = GroupKey::new(other.0, other.1);
            prop_assert_eq!(key.cmp(&other_key), (date, user).cmp(&other));
            prop_assert_eq!(key.to_number().cmp(&other_key.to_number()), (date, user).cmp(&other));
        }
    }
}
