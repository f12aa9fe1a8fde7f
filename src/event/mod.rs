//! Events: the rules that make a line a valid event, and the reasons it is not one.
//!
//! Knows nothing of files, threads or tables. [`Decoder`] turns a line into a [`Verdict`]; the other
//! types are what an event is made of.

mod amount;
mod date;
mod decode;
mod fast;
mod fault;
mod field;
mod json;
mod reason;
mod rules;
mod timestamp;
mod user_id;

pub(crate) use amount::DECIMALS;
pub use amount::{Amount, AmountFault};
pub use date::Date;
pub use decode::{DEFAULT_MAX_LINE_BYTES, Decoded, Decoder, Lanes, Run, Verdict};
pub use fault::Fault;
pub use reason::Reason;
pub use timestamp::{TimestampFault, parse_timestamp};
pub use user_id::UserId;

/// The one event type that has an amount.
pub const PURCHASE: &str = "purchase";

/// A valid event: who, on which day, and what was paid if it is a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    date: Date,
    user_id: UserId,
    purchase: Option<Amount>,
}

impl Event {
    #[inline]
    pub(crate) const fn new(date: Date, user_id: UserId, purchase: Option<Amount>) -> Event {
        Event {
            date,
            user_id,
            purchase,
        }
    }

    /// The UTC calendar date the event falls on.
    #[must_use]
    #[inline]
    pub const fn date(&self) -> Date {
        self.date
    }

    /// Whose event it is.
    #[must_use]
    #[inline]
    pub const fn user_id(&self) -> UserId {
        self.user_id
    }

    /// The amount paid; `None` if the event is not a purchase.
    #[must_use]
    #[inline]
    pub const fn purchase(&self) -> Option<Amount> {
        self.purchase
    }
}
