//! A group in 32 bytes: the form in which groups are counted, handed on and kept.
//!
//! Two to a cache line, and counting is one addition of 128 bits and one of 32 without a branch that
//! is hard to foretell. The price is that the fields are narrow. What does not fit them is rare, and
//! is dealt with where it shows, in [`Packed::plus`].

use super::group::{Group, GroupKey, Totals};
use super::revenue::Revenue;
use crate::event::{Event, PURCHASES_SHIFT};

/// The bit above the largest number of events: one more bit is kept free above it in each field, so
/// that a sum of two never overflows, and tells by its free bit that it does not fit.
const EVENTS_FULL: u32 = 1 << 31;

/// The same for purchases and for units of revenue: 32,767 purchases and 2^111 units fit.
const MONEY_FULL: u128 = 1 << 127 | 1 << (PURCHASES_SHIFT - 1);

/// Marks a group whose totals are elsewhere: where, is in the bits below. Whatever is added to it
/// does not fit, so that the mark costs no check of its own.
const WIDE: u128 = 1 << 127;

/// A group whose totals fit narrow fields, or are elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(32))]
pub(super) struct Packed {
    /// The purchases, from bit [`PURCHASES_SHIFT`] up, and the units of the revenue below.
    money: u128,
    user_bits: u64,
    date_and_sign: u32,
    events: u32,
}

impl Packed {
    /// A group without events.
    #[inline]
    pub(super) fn new(key: GroupKey) -> Packed {
        let (date_and_sign, user_bits) = key.to_parts();
        Packed {
            money: 0,
            user_bits,
            date_and_sign,
            events: 0,
        }
    }

    /// Which group.
    #[inline]
    pub(super) fn key(&self) -> GroupKey {
        GroupKey::from_parts(self.date_and_sign, self.user_bits)
    }

    /// Whether nothing was counted.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.money | u128::from(self.events) == 0
    }

    /// Takes over another's key.
    #[inline]
    pub(super) fn set_key_of(&mut self, other: &Packed) {
        self.user_bits = other.user_bits;
        self.date_and_sign = other.date_and_sign;
    }

    /// What was counted, unless the totals are elsewhere.
    #[inline]
    pub(super) fn totals(&self) -> Result<Totals, usize> {
        if self.money & WIDE != 0 {
            // Made from a usize.
            return Err(usize::try_from(self.money & !WIDE).unwrap_or(usize::MAX));
        }
        Ok(Totals {
            event_count: self.events.into(),
            purchase_count: self.purchases(),
            revenue: Revenue::from_units(self.money & ((1 << PURCHASES_SHIFT) - 1)),
        })
    }

    fn purchases(&self) -> u64 {
        // 16 bits.
        u64::try_from(self.money >> PURCHASES_SHIFT).unwrap_or(u64::MAX)
    }

    #[inline]
    pub(super) fn is_of_key_of(&self, other: &Packed) -> bool {
        // One branch, not two: the dates alone are the same for everyone on a day.
        u64::from(self.date_and_sign ^ other.date_and_sign) | (self.user_bits ^ other.user_bits)
            == 0
    }

    /// The sum of two of the same key; `None` if it does not fit, or one's totals are elsewhere.
    #[inline]
    pub(super) fn plus(&self, other: &Packed) -> Option<Packed> {
        debug_assert!(self.is_of_key_of(other));
        debug_assert!(other.totals().is_ok());
        let sum = Packed {
            money: self.money + other.money,
            events: self.events + other.events,
            ..*self
        };
        if (sum.money & MONEY_FULL) | u128::from(sum.events & EVENTS_FULL) != 0 {
            return None;
        }
        Some(sum)
    }

    /// A group in as many pieces as it takes for each to fit; their sum is the group. One piece is
    /// enough for nearly all.
    pub(super) fn pieces(group: &Group) -> impl Iterator<Item = Packed> {
        const EVENTS: u64 = EVENTS_FULL as u64 - 1;
        const PURCHASES: u64 = (1 << (u128::BITS - 1 - PURCHASES_SHIFT)) - 1;
        const UNITS: u128 = (1 << (PURCHASES_SHIFT - 1)) - 1;
        let Group { key, totals } = *group;
        let (mut events, mut purchases) = (totals.event_count, totals.purchase_count);
        let mut units = totals.revenue.units();
        std::iter::from_fn(move || {
            if events == 0 && purchases == 0 && units == 0 {
                return None;
            }
            let (some_events, some_purchases) = (events.min(EVENTS), purchases.min(PURCHASES));
            let some_units = units.min(UNITS);
            events -= some_events;
            purchases -= some_purchases;
            units -= some_units;
            Some(Packed {
                money: u128::from(some_purchases) << PURCHASES_SHIFT | some_units,
                // Less than 2^31.
                events: u32::try_from(some_events).unwrap_or(u32::MAX),
                ..Packed::new(key)
            })
        })
    }

    /// A group of which so much was counted, for tests.
    #[cfg(test)]
    pub(super) fn counted(key: GroupKey, events: u32, purchases: u128, units: u128) -> Packed {
        Packed {
            money: purchases << PURCHASES_SHIFT | units,
            events,
            ..Packed::new(key)
        }
    }

    /// The group, with its totals elsewhere.
    pub(super) fn elsewhere(&self, place: usize) -> Packed {
        Packed {
            money: WIDE | place as u128,
            events: 0,
            ..*self
        }
    }
}

impl From<&Event> for Packed {
    #[inline]
    fn from(event: &Event) -> Packed {
        Packed {
            money: event.money(),
            events: 1,
            ..Packed::new(GroupKey::new(event.date(), event.user_id()))
        }
    }
}

impl From<&Packed> for Packed {
    #[inline]
    fn from(packed: &Packed) -> Packed {
        *packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Amount, Date, UserId};
    use proptest::prelude::*;

    /// The sum as [`Totals`] have it, or `None` if a field does not fit.
    fn wide_sum(one: &Packed, other: &Packed) -> Option<Totals> {
        let mut sum = one.totals().unwrap();
        sum.merge(&other.totals().unwrap());
        (sum.event_count < 1 << 31
            && sum.purchase_count < 1 << 15
            && sum.revenue.units() < 1 << 111)
            .then_some(sum)
    }

    fn packed(events: u32, purchases: u128, units: u128) -> Packed {
        let key = GroupKey::new(Date::MIN, UserId::from(0_u64));
        Packed::counted(key, events, purchases, units)
    }

    #[test]
    fn a_group_takes_32_bytes() {
        assert_eq!((size_of::<Packed>(), align_of::<Packed>()), (32, 32));
    }

    #[test]
    fn totals_elsewhere_take_no_addition() {
        let largest = packed((1 << 31) - 1, (1 << 15) - 1, (1 << 111) - 1);
        for place in [0, 1, usize::MAX] {
            let elsewhere = largest.elsewhere(place);
            assert_eq!(elsewhere.totals(), Err(place));
            assert_eq!(elsewhere.key(), largest.key());
            assert_eq!(elsewhere.plus(&packed(0, 0, 0)), None);
            assert_eq!(elsewhere.plus(&largest), None);
        }
    }

    /// Up to `limit`, and often near one of its ends.
    fn up_to(limit: u128) -> impl Strategy<Value = u128> {
        prop_oneof![
            0..limit,
            (0..limit.min(3)),
            (limit - limit.min(3)..limit),
            limit / 2 - 1..limit / 2 + 2,
        ]
    }

    proptest! {
        #[test]
        fn a_sum_is_exact_or_refused(
            one in (up_to(1 << 31), up_to(1 << 15), up_to(1 << 111)),
            other in (up_to(1 << 31), up_to(1 << 15), up_to(1 << 111)),
        ) {
            let pair = [one, other].map(|(events, purchases, units)| {
                packed(events.try_into().unwrap(), purchases, units)
            });
            let sum = pair[0].plus(&pair[1]);
            prop_assert_eq!(sum.map(|sum| sum.totals().unwrap()), wide_sum(&pair[0], &pair[1]));
            prop_assert!(sum.is_none_or(|sum| sum.key() == pair[0].key()));
        }

        /// Also totals that take thousands of pieces.
        #[test]
        fn pieces_fit_and_add_up_to_the_group(
            event_count in prop_oneof![1..3_u64, (1 << 30)..1_u64 << 36],
            purchase_count in prop_oneof![0..3_u64, 32_766..32_769_u64, 0..10_000_000_u64],
            units in prop_oneof![0..3_u128, (1 << 111) - 2..(1_u128 << 111) + 2, 0..1_u128 << 122],
        ) {
            let key = GroupKey::new(Date::MAX, UserId::from(-3_i64));
            let totals = Totals { event_count, purchase_count, revenue: Revenue::from_units(units) };
            let mut sum = Totals::default();
            for piece in Packed::pieces(&Group { key, totals }) {
                prop_assert_eq!(piece.key(), key);
                // It fits, and so does nothing more added to it.
                prop_assert_eq!(piece.plus(&Packed::new(key)), Some(piece));
                sum.merge(&piece.totals().unwrap());
            }
            prop_assert_eq!(sum, totals);
        }

        #[test]
        fn an_event_is_a_group_of_one(
            days in 0..=Date::MAX.days(),
            user in i128::from(i64::MIN)..=i128::from(u64::MAX),
            units in proptest::option::of(0..=10_u128.pow(33)),
        ) {
            let event = Event::new(
                Date::from_days(days).unwrap(),
                UserId::try_from(user).unwrap(),
                units.map(Amount::from_units),
            );
            let mut totals = Totals::default();
            totals.add(&event);
            let packed = Packed::from(&event);
            prop_assert_eq!(packed.key(), GroupKey::new(event.date(), event.user_id()));
            prop_assert_eq!(packed.totals(), Ok(totals));
        }
    }
}
