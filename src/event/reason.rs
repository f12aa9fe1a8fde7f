//! The reasons an event is invalid: stable codes, in the order in which the rules are tried.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why a line is not a valid event. The first rule that fails gives the reason; the order
        /// of the variants is the order of the rules.
        ///
        /// The codes are stable names: they stand in the log, the rejects file and the summary.
        ///
        /// ```
        /// use daytally::event::Reason;
        /// assert_eq!(Reason::MissingUserId.code(), "missing_user_id");
        /// assert!(Reason::InvalidUtf8 < Reason::InvalidJson);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the rules.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// The stable name of the reason.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }
        }
    };
}

reasons! {
    /// The line is longer than the limit, its `\n` not counted.
    LineTooLong = "line_too_long",
    /// The line is not UTF-8 (RFC 3629).
    InvalidUtf8 = "invalid_utf8",
    /// The line is not exactly one JSON text (RFC 8259), is nested deeper than 1,024 levels, or
    /// holds a `\u` escape that is a lone surrogate.
    InvalidJson = "invalid_json",
    /// The line is JSON, but not an object.
    NotAnObject = "not_an_object",
    /// There is no key `user_id`.
    MissingUserId = "missing_user_id",
    /// `user_id` is not a JSON number written as an integer.
    InvalidUserId = "invalid_user_id",
    /// `user_id` is an integer outside −2^63 … 2^64−1.
    UserIdOutOfRange = "user_id_out_of_range",
    /// There is no key `event_type`.
    MissingEventType = "missing_event_type",
    /// `event_type` is not a string.
    InvalidEventType = "invalid_event_type",
    /// `event_type` is the empty string.
    EmptyEventType = "empty_event_type",
    /// There is no key `timestamp`.
    MissingTimestamp = "missing_timestamp",
    /// `timestamp` is not a string, or not a date-time (ISO 8601-1:2019, RFC 3339).
    InvalidTimestamp = "invalid_timestamp",
    /// `timestamp` is a date-time whose offset is not zero, or that has none.
    TimestampNotUtc = "timestamp_not_utc",
    /// `event_type` is `purchase` and there is no key `amount`.
    MissingAmount = "missing_amount",
    /// `amount` is not a JSON number.
    InvalidAmount = "invalid_amount",
    /// `amount` is zero or negative.
    NonPositiveAmount = "non_positive_amount",
    /// `amount` is 10^15 or more.
    AmountOutOfRange = "amount_out_of_range",
}

impl Reason {
    /// The place of the reason in [`Reason::ALL`], for tables of counts.
    #[must_use]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// The number of the rule that the line breaks, from 1.
    ///
    /// ```
    /// assert_eq!(daytally::event::Reason::InvalidTimestamp.rule(), 12);
    /// ```
    #[must_use]
    pub const fn rule(self) -> usize {
        self.index() + 1
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_indices_point_back() {
        for (index, reason) in Reason::ALL.iter().copied().enumerate() {
            assert_eq!(reason.index(), index);
            assert_eq!(reason.to_string(), reason.code());
            let same = Reason::ALL.iter().filter(|r| r.code() == reason.code());
            assert_eq!(same.count(), 1, "{reason}");
        }
        assert_eq!(Reason::ALL.len(), 17);
    }
}
