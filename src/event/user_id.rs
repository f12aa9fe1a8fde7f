//! The user of an event: an integer that spans both signed and unsigned 64-bit ids.

use std::fmt;

/// A user id: an integer from −2^63 to 2^64−1, so that ids of either 64-bit type fit.
///
/// Ordered as numbers are.
///
/// ```
/// use daytally::event::UserId;
/// assert!(UserId::from(-1_i64) < UserId::from(u64::MAX));
/// assert_eq!(UserId::from(7_u64).to_string(), "7");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId {
    // False sorts before true, and among negatives the two's complement bits rise with the number,
    // so the derived order is the numeric one.
    is_non_negative: bool,
    bits: u64,
}

/// Why a number's text is not a user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserIdFault {
    /// It has a fraction or an exponent.
    NotAnInteger,
    /// It does not fit.
    OutOfRange,
}

impl UserId {
    /// The id as a number.
    #[must_use]
    pub fn get(self) -> i128 {
        if self.is_non_negative {
            i128::from(self.bits)
        } else {
            i128::from(self.bits.cast_signed())
        }
    }

    /// Whether the id is zero or more, and its low 64 bits: a compact key that compares as the id.
    #[inline]
    pub(crate) const fn to_parts(self) -> (bool, u64) {
        (self.is_non_negative, self.bits)
    }

    /// The id that [`UserId::to_parts`] took apart.
    #[inline]
    pub(crate) const fn from_parts(is_non_negative: bool, bits: u64) -> UserId {
        UserId {
            is_non_negative,
            bits,
        }
    }

    /// The id written as `number`, which is a JSON number (RFC 8259 section 6).
    pub(crate) fn from_json_number(number: &str) -> Result<UserId, UserIdFault> {
        let digits = number.strip_prefix('-').unwrap_or(number);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(UserIdFault::NotAnInteger);
        }
        // JSON has no leading zeros, so more than 20 digits is past 2^64 and 20 fit in an i128.
        if digits.len() > 20 {
            return Err(UserIdFault::OutOfRange);
        }
        let id: i128 = number.parse().map_err(|_| UserIdFault::OutOfRange)?;
        UserId::try_from(id).map_err(|_| UserIdFault::OutOfRange)
    }
}

impl From<u64> for UserId {
    #[inline]
    fn from(id: u64) -> UserId {
        UserId::from_parts(true, id)
    }
}

impl From<i64> for UserId {
    #[inline]
    fn from(id: i64) -> UserId {
        UserId::from_parts(id >= 0, id.cast_unsigned())
    }
}

impl TryFrom<i128> for UserId {
    type Error = std::num::TryFromIntError;

    fn try_from(id: i128) -> Result<UserId, Self::Error> {
        match i64::try_from(id) {
            Ok(id) => Ok(UserId::from(id)),
            Err(_) => u64::try_from(id).map(UserId::from),
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_non_negative {
            fmt::Display::fmt(&self.bits, f)
        } else {
            fmt::Display::fmt(&self.bits.cast_signed(), f)
        }
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_range_is_minus_two_to_the_63_up_to_two_to_the_64() {
        let accepted = [
            ("0", 0),
            ("-0", 0),
            ("7", 7),
            ("-1", -1),
            ("9223372036854775807", i128::from(i64::MAX)),
            ("9223372036854775808", i128::from(i64::MAX) + 1),
            ("-9223372036854775808", i128::from(i64::MIN)),
            ("18446744073709551615", i128::from(u64::MAX)),
        ];
        for (text, id) in accepted {
            let parsed = UserId::from_json_number(text).unwrap();
            assert_eq!(parsed.get(), id, "{text}");
            assert_eq!(parsed.to_string(), id.to_string());
        }
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "99999999999999999999",
            "100000000000000000000",
            "-123123123123123123123123123123",
        ] {
            assert_eq!(
                UserId::from_json_number(text),
                Err(UserIdFault::OutOfRange),
                "{text}"
            );
        }
        for text in [
            "1.0",
            "1e3",
            "1E3",
            "-0.0",
            "0e0",
            "123123123123123123123123123123e0",
        ] {
            assert_eq!(
                UserId::from_json_number(text),
                Err(UserIdFault::NotAnInteger),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn order_parts_and_text_agree_with_the_number(
            a in i128::from(i64::MIN)..=i128::from(u64::MAX),
            b in i128::from(i64::MIN)..=i128::from(u64::MAX),
        ) {
            let (x, y) = (UserId::try_from(a).unwrap(), UserId::try_from(b).unwrap());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.get(), a);
            let (sign, bits) = x.to_parts();
            prop_assert_eq!(UserId::from_parts(sign, bits), x);
            prop_assert_eq!(UserId::from_json_number(&a.to_string()), Ok(x));
        }
    }
}
