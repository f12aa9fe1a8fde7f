//! Events: the rules that make a line a valid event, and the reasons it is not one.
//!
//! Knows nothing of files, threads or tables. [`Decoder`] turns a line into a [`Verdict`], [`Diagnosis`] tells somebody
//! who looks at one line all that is wrong with it, and [`Schema`] says what else than the usual events may look like.
//! The other types are what an event is made of.
//!
//! ```
//! use daytally::event::{Decoder, Lanes, Reason, Schema, Verdict};
//!
//! let line = br#"{"user_id": 7, "event_type": "view", "timestamp": "2024-01-01T23:30:00-02:00"}"#;
//! let Verdict::Invalid(fault) = Decoder::default().decode(line) else { unreachable!() };
//! assert_eq!(fault.reason(), Reason::TimestampNotUtc);
//! println!("{}", fault.message(line));
//!
//! let schema = Schema::default().accepting_offsets(true);
//! let mut decoder = Decoder::with_schema(1024, Lanes::All, &schema);
//! let Verdict::Valid(event) = decoder.decode(line) else { unreachable!() };
//! assert_eq!(event.date().to_string(), "2024-01-02");
//! ```

mod amount;
mod date;
pub(crate) mod decode;
mod diagnose;
pub(crate) mod fast;
pub(crate) mod fault;
mod field;
mod hint;
mod json;
mod reason;
mod rules;
mod schema;
pub(crate) mod style;
mod timestamp;
mod user_id;
mod zone;

pub(crate) use amount::DECIMALS;
pub use amount::{Amount, AmountFault};
pub use date::{Date, DateRange, NoDate};
pub use decode::{DEFAULT_MAX_LINE_BYTES, Decoded, Decoder, Lanes, Verdict};
pub use diagnose::Diagnosis;
pub use fault::Fault;
pub use hint::Hint;
pub use reason::Reason;
pub use schema::{FieldNames, FieldPath, NoFieldPath, NoSchema, Schema};
pub(crate) use style::Styles;
pub use timestamp::{TimestampFault, parse_timestamp};
pub use user_id::UserId;
pub use zone::{NoZone, Zone};

use std::fmt;

/// The one event type that has an amount, unless a [`Schema`] says otherwise.
pub(crate) const PURCHASE: &str = "purchase";

/// How far up in [`Event::money`] the number of purchases stands. An amount is at most 10^33 units,
/// which is below 2^110.
pub(crate) const PURCHASES_SHIFT: u32 = 112;

/// A valid event: who, on which day, and what was paid if it is a purchase.
///
/// In 32 bytes, in the form in which it is counted.
///
/// ```
/// use daytally::event::{Decoder, Verdict};
///
/// let line = br#"{"user_id":7,"event_type":"purchase","timestamp":"2024-01-01T08:00Z","amount":2.5}"#;
/// let Verdict::Valid(event) = Decoder::default().decode(line) else { unreachable!() };
/// assert_eq!((event.date().to_string(), event.user_id().get()), ("2024-01-01".into(), 7));
/// // In units of 10^-18.
/// assert_eq!(event.purchase().unwrap().units(), 2_500_000_000_000_000_000);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event {
    // How many purchases it is, 0 or 1, above the units of the amount. Adding up such numbers counts
    // the purchases and sums the amounts at once, without a branch that is hard to foretell.
    money: u128,
    user_bits: u64,
    date: Date,
    is_non_negative: bool,
}

impl Event {
    #[inline]
    pub(crate) const fn new(date: Date, user_id: UserId, purchase: Option<Amount>) -> Event {
        let money = match purchase {
            Some(amount) => {
                debug_assert!(amount.units() >> (PURCHASES_SHIFT - 2) == 0);
                1 << PURCHASES_SHIFT | amount.units()
            }
            None => 0,
        };
        Event::of_parts(date, user_id, money)
    }

    /// The same, its amount given as [`money`](Event::money).
    #[inline]
    pub(crate) const fn of_parts(date: Date, user_id: UserId, money: u128) -> Event {
        let (is_non_negative, user_bits) = user_id.to_parts();
        Event {
            money,
            user_bits,
            date,
            is_non_negative,
        }
    }

    /// The calendar date the event falls on, in UTC or the zone of the [`Schema`].
    #[must_use]
    #[inline]
    pub const fn date(&self) -> Date {
        self.date
    }

    /// Whose event it is.
    #[must_use]
    #[inline]
    pub const fn user_id(&self) -> UserId {
        UserId::from_parts(self.is_non_negative, self.user_bits)
    }

    /// The amount paid; `None` if the event is not a purchase.
    #[must_use]
    #[inline]
    pub const fn purchase(&self) -> Option<Amount> {
        if self.money == 0 {
            return None;
        }
        Some(Amount::from_units(
            self.money & ((1 << PURCHASES_SHIFT) - 1),
        ))
    }

    /// The number of purchases it is, 0 or 1, from bit [`PURCHASES_SHIFT`] up; below, the units of the
    /// amount, 0 where there is none.
    #[inline]
    pub(crate) const fn money(&self) -> u128 {
        self.money
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("date", &self.date())
            .field("user_id", &self.user_id())
            .field("purchase", &self.purchase())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_event_takes_32_bytes() {
        assert_eq!(size_of::<Event>(), 32);
    }

    proptest! {
        #[test]
        fn an_event_gives_back_what_it_was_made_of(
            days in 0..=Date::MAX.days(),
            user in i128::from(i64::MIN)..=i128::from(u64::MAX),
            units in proptest::option::of(prop_oneof![0..=3_u128, 0..=10_u128.pow(33)]),
        ) {
            let date = Date::from_days(days).unwrap();
            let user = UserId::try_from(user).unwrap();
            let purchase = units.map(Amount::from_units);
            let event = Event::new(date, user, purchase);
            prop_assert_eq!((event.date(), event.user_id(), event.purchase()), (date, user, purchase));
        }
    }
}
