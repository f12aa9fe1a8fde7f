//! The amount of a purchase: an exact decimal, read from the digits as they were written.

/// How many decimal places an amount keeps.
pub(crate) const DECIMALS: u32 = 18;

/// The digits before the decimal point that an amount may have: 10^15 and more is out of range.
const INTEGER_DIGITS: i64 = 15;

/// A positive amount of money in units of 10^-18, rounded half-even from the decimal as written.
///
/// Never a binary float: `0.1` is exactly 10^17 units. An amount written below half a unit is
/// positive all the same, and counts as zero units.
///
/// ```
/// use daytally::event::Amount;
/// assert_eq!(Amount::from_json_number("19.99").unwrap().units(), 19_990_000_000_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

/// Why a number is not an amount.
///
/// ```
/// use daytally::event::{Amount, AmountFault};
/// assert_eq!(Amount::from_json_number("-0.00"), Err(AmountFault::NonPositive));
/// assert_eq!(Amount::from_json_number("1e15"), Err(AmountFault::OutOfRange));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AmountFault {
    /// The written decimal is zero or negative.
    NonPositive,
    /// The written decimal is 10^15 or more.
    OutOfRange,
}

impl Amount {
    /// The amount in units of 10^-18: 0 to 10^33, the latter where just under 10^15 rounds up.
    #[must_use]
    #[inline]
    pub const fn units(self) -> u128 {
        self.0
    }

    /// The amount of that many units of 10^-18.
    #[inline]
    pub(crate) const fn from_units(units: u128) -> Amount {
        Amount(units)
    }

    /// Reads an amount from the text of a JSON number (RFC 8259 section 6).
    ///
    /// Both the sign and the range are decided on the written decimal, of any length and with any
    /// exponent: `1e-400` is positive, `999999999999999.9999999999999999999` is in range.
    ///
    /// # Errors
    ///
    /// [`AmountFault`] where the number is not positive, or is 10^15 or more. The text must be a
    /// JSON number; for any other text the answer means nothing.
    #[inline]
    pub fn from_json_number(number: &str) -> Result<Amount, AmountFault> {
        let (mantissa, exponent) = match number.find(['e', 'E']) {
            None => (number, 0),
            Some(at) => (&number[..at], exponent(&number[at + 1..])),
        };
        let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));

        // The digits without the zeros in front; an amount of nothing but zeros is zero.
        let digits = || integer.bytes().chain(fraction.bytes());
        let Some(zeros) = digits().position(|digit| digit != b'0') else {
            return Err(AmountFault::NonPositive);
        };
        if is_negative {
            return Err(AmountFault::NonPositive);
        }

        // The first digit that counts stands `point` places before the decimal point: the value is
        // at least 10^(point - 1) and below 10^point.
        let point = length(integer.len()) - length(zeros) + exponent;
        if point > INTEGER_DIGITS {
            return Err(AmountFault::OutOfRange);
        }
        Ok(Amount(round_to_units(digits().skip(zeros), point)))
    }
}

/// The digits before the end of unit precision, as a number of units; what follows is rounded
/// half-even. `digits` starts with a digit other than 0, worth less than 10^`point`.
fn round_to_units(mut digits: impl Iterator<Item = u8>, point: i64) -> u128 {
    let kept = point + i64::from(DECIMALS);
    if kept < 0 {
        // Below a tenth of a unit.
        return 0;
    }
    let mut units = 0_u128;
    for _ in 0..kept {
        // At most 15 + 18 digits, so this stays below 10^33.
        units = units * 10 + u128::from(digits.next().map_or(0, |digit| digit - b'0'));
    }
    let round_up = match digits.next() {
        Some(b'5') => digits.any(|digit| digit != b'0') || units % 2 == 1,
        Some(digit) => digit > b'5',
        None => false,
    };
    units + u128::from(round_up)
}

/// The value of an exponent's text, held to ±2^62: far past where it could matter, and far enough
/// from the ends of an `i64` that adding a length to it cannot overflow.
fn exponent(text: &str) -> i64 {
    const BOUND: i64 = 1 << 62;
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let size = digits.iter().fold(0_i64, |size, digit| {
        size.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
            .min(BOUND)
    });
    if is_negative { -size } else { size }
}

/// A length as a signed number; slices are never longer than `isize::MAX` bytes.
fn length(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: u128 = 1_000_000_000_000_000_000;

    #[test]
    fn decimals_are_read_as_written() {
        for (text, units) in [
            ("1", ONE),
            ("1.0", ONE),
            ("1e0", ONE),
            ("0.10e1", ONE),
            ("1000000e-6", ONE),
            ("100e-2", ONE),
            ("0.00001E+5", ONE),
            ("19.99", 1999 * ONE / 100),
            ("0.1", ONE / 10),
            ("1e2", 100 * ONE),
            ("123456789012345.67", 12_345_678_901_234_567 * ONE / 100),
            ("0.000000000000000001", 1),
            ("1e-18", 1),
            (
                "999999999999999.999999999999999999",
                1_000_000_000_000_000 * ONE - 1,
            ),
        ] {
            assert_eq!(Amount::from_json_number(text), Ok(Amount(units)), "{text}");
        }
    }

    #[test]
    fn the_nineteenth_place_is_rounded_half_even() {
        for (text, units) in [
            ("0.0000000000000000005", 0),
            ("0.00000000000000000050", 0),
            ("0.00000000000000000050000000000001", 1),
            ("0.0000000000000000015", 2),
            ("0.0000000000000000025", 2),
            ("0.0000000000000000035", 4),
            ("0.00000000000000000249999", 2),
            ("0.0000000000000000026", 3),
            ("0.00000000000000000049999", 0),
            ("1e-19", 0),
            ("5e-19", 0),
            ("6e-19", 1),
            ("9.99e-20", 0),
            ("1e-400", 0),
            ("1e-99999999999999999999999", 0),
            // Rounding may carry to 10^15 although the written decimal is below it.
            (
                "999999999999999.9999999999999999995",
                1_000_000_000_000_000 * ONE,
            ),
        ] {
            assert_eq!(Amount::from_json_number(text), Ok(Amount(units)), "{text}");
        }
    }

    #[test]
    fn sign_and_range_are_those_of_the_written_decimal() {
        for text in [
            "0",
            "-0",
            "0.0",
            "-0.0",
            "0e9",
            "0E+999999999999999999999",
            "-1",
            "-1e-400",
            "-1e400",
        ] {
            assert_eq!(
                Amount::from_json_number(text),
                Err(AmountFault::NonPositive),
                "{text}"
            );
        }
        for text in [
            "1000000000000000",
            "1e15",
            "1e400",
            "0.001e18",
            "1e99999999999999999999999",
            "9223372036854775807",
        ] {
            assert_eq!(
                Amount::from_json_number(text),
                Err(AmountFault::OutOfRange),
                "{text}"
            );
        }
        assert!(Amount::from_json_number("999999999999999.9999999999999999999999").is_ok());
    }

    #[test]
    fn long_digit_strings_cost_no_precision() {
        let zeros = "0".repeat(100_000);
        assert_eq!(
            Amount::from_json_number(&format!("0.{zeros}1e100001")),
            Ok(Amount(ONE))
        );
        assert_eq!(
            Amount::from_json_number(&format!("1{zeros}e-100000")),
            Ok(Amount(ONE))
        );
        assert_eq!(
            Amount::from_json_number(&format!("0.0000000000000000005{zeros}1")),
            Ok(Amount(1))
        );
        assert_eq!(
            Amount::from_json_number(&"9".repeat(100_000)),
            Err(AmountFault::OutOfRange)
        );
    }
}
