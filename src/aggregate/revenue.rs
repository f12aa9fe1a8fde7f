//! Exact sums of money.

use std::fmt;

use crate::event::{Amount, DECIMALS};

/// Units of 10^-18 in one unit of money.
const ONE: u128 = 10_u128.pow(DECIMALS);

/// The first total, in units, that is too large for a group: 10^20.
const TOO_LARGE: u128 = 10_u128.pow(20) * ONE;

/// A sum of amounts: an exact integer of 10^-18, so the order of adding cannot show.
///
/// Amounts are positive, so a sum only grows: once it is too large it stays so, in whatever order
/// and pieces it was added up. It saturates instead of overflowing, and
/// [`is_too_large`](Revenue::is_too_large) tells.
///
/// Shown as a plain decimal with at least two and at most eighteen decimals, without trailing zeros
/// past the second.
///
/// ```
/// use daytally::aggregate::Revenue;
/// use daytally::event::Amount;
///
/// let mut revenue = Revenue::default();
/// assert_eq!(revenue.to_string(), "0.00");
/// revenue.add(Amount::from_json_number("0.1").unwrap());
/// revenue.add(Amount::from_json_number("0.2").unwrap());
/// assert_eq!(revenue.to_string(), "0.30");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revenue(u128);

impl Revenue {
    /// Adds an amount.
    #[inline]
    pub fn add(&mut self, amount: Amount) {
        self.0 = self.0.saturating_add(amount.units());
    }

    /// Adds another sum.
    #[inline]
    pub fn merge(&mut self, other: Revenue) {
        self.0 = self.0.saturating_add(other.0);
    }

    /// The sum of that many units of 10^-18.
    #[inline]
    pub(crate) const fn from_units(units: u128) -> Revenue {
        Revenue(units)
    }

    /// The sum in units of 10^-18.
    #[must_use]
    pub const fn units(self) -> u128 {
        self.0
    }

    /// The whole part, and what is left in units.
    #[inline]
    pub(crate) fn to_parts(self) -> (u128, u64) {
        let whole = self.0 / ONE;
        // Below 10^18.
        let rest = u64::try_from(self.0 - whole * ONE).unwrap_or(0);
        (whole, rest)
    }

    /// Whether the sum is 10^20 or more, which no group's total may be.
    #[must_use]
    pub const fn is_too_large(self) -> bool {
        self.0 >= TOO_LARGE
    }

    /// Whether the sum stands for anything past the largest number it can hold, about 3.4 × 10^20.
    pub(crate) const fn is_saturated(self) -> bool {
        self.0 == u128::MAX
    }
}

impl fmt::Display for Revenue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0 / ONE, self.0 % ONE)
    }
}

/// The sum of many groups' revenues: wider than a [`Revenue`], since it has no limit to keep to.
///
/// 2^128 units are 3.4 × 10^20, and 3.4 × 10^38 whole units fit: 10^18 groups of the most that a
/// revenue can hold. Memory ends long before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrandTotal {
    /// Units, modulo 2^128.
    units: u128,
    /// How many times 2^128 units.
    carried: u64,
}

impl GrandTotal {
    /// Adds a group's revenue.
    #[inline]
    pub fn add(&mut self, revenue: Revenue) {
        let (units, has_carried) = self.units.overflowing_add(revenue.0);
        self.units = units;
        self.carried += u64::from(has_carried);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: GrandTotal) {
        self.add(Revenue(other.units));
        self.carried += other.carried;
    }

    /// The whole part, and what is left in units.
    fn to_parts(self) -> (u128, u128) {
        /// 2^128 in whole parts, and what is left of it in units.
        const CARRIED_WHOLE: u128 = u128::MAX / ONE;
        const CARRIED_REST: u128 = u128::MAX % ONE + 1;
        // Below 2^64 * 10^18, so the sum fits.
        let rest = u128::from(self.carried) * CARRIED_REST + self.units % ONE;
        let whole = u128::from(self.carried)
            .saturating_mul(CARRIED_WHOLE)
            .saturating_add(self.units / ONE + rest / ONE);
        (whole, rest % ONE)
    }
}

impl GrandTotal {
    /// What has been added since it was `before`, or taken away.
    ///
    /// ```
    /// use daytally::aggregate::GrandTotal;
    ///
    /// let nothing = GrandTotal::default().since(GrandTotal::default());
    /// assert_eq!((nothing.to_string().as_str(), nothing.is_zero()), ("0.00", true));
    /// ```
    #[must_use]
    pub fn since(self, before: GrandTotal) -> RevenueChange {
        let number = |total: GrandTotal| (total.carried, total.units);
        let is_negative = number(self) < number(before);
        let (greater, lesser) = if is_negative {
            (before, self)
        } else {
            (self, before)
        };
        let (units, has_borrowed) = greater.units.overflowing_sub(lesser.units);
        RevenueChange {
            is_negative,
            by: GrandTotal {
                units,
                carried: greater.carried - lesser.carried - u64::from(has_borrowed),
            },
        }
    }
}

impl From<Revenue> for GrandTotal {
    fn from(revenue: Revenue) -> GrandTotal {
        GrandTotal {
            units: revenue.0,
            carried: 0,
        }
    }
}

/// By how much a sum of money is another, up or down, exactly.
///
/// ```
/// use daytally::aggregate::{GrandTotal, Revenue};
/// use daytally::event::Amount;
///
/// let mut revenue = Revenue::default();
/// revenue.add(Amount::from_json_number("1.50").unwrap());
/// let (before, now) = (GrandTotal::from(revenue), GrandTotal::default());
/// assert_eq!(now.since(before).to_string(), "-1.50");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevenueChange {
    is_negative: bool,
    by: GrandTotal,
}

impl RevenueChange {
    /// Whether nothing has changed.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.by == GrandTotal::default()
    }
}

/// A plain decimal, with a `-` before it if the sum has become less; with `{:+}` also with a `+`.
impl fmt::Display for RevenueChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative {
            f.write_str("-")?;
        } else if f.sign_plus() && !self.is_zero() {
            f.write_str("+")?;
        }
        fmt::Display::fmt(&self.by, f)
    }
}

impl fmt::Display for GrandTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = self.to_parts();
        write_decimal(f, whole, rest)
    }
}

/// `whole.rest`, where `rest` is below [`ONE`].
fn write_decimal(f: &mut fmt::Formatter<'_>, whole: u128, rest: u128) -> fmt::Result {
    let decimals = format!("{rest:018}");
    let kept = decimals.trim_end_matches('0').len().max(2);
    write!(f, "{whole}.{}", &decimals[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn revenue(amounts: &[&str]) -> Revenue {
        let mut sum = Revenue::default();
        for amount in amounts {
            sum.add(Amount::from_json_number(amount).unwrap());
        }
        sum
    }

    #[test]
    fn sums_are_exact_and_shown_with_two_to_eighteen_decimals() {
        for (amounts, shown) in [
            (&[][..], "0.00"),
            (&["19.99"], "19.99"),
            (&["0.1", "0.2"], "0.30"),
            (&["0.125"], "0.125"),
            (&["100"], "100.00"),
            (&["1.10"], "1.10"),
            (&["0.000000000000000001"], "0.000000000000000001"),
            (&["0.123456789012345678"], "0.123456789012345678"),
            (&["123456789012345.67"], "123456789012345.67"),
            (&["999999999999999", "1"], "1000000000000000.00"),
            (&["0.99", "0.01"], "1.00"),
        ] {
            assert_eq!(revenue(amounts).to_string(), shown);
        }
    }

    #[test]
    fn a_total_of_ten_to_the_twentieth_is_too_large() {
        let just_below = Revenue(TOO_LARGE - 1);
        assert!(!just_below.is_too_large());
        assert_eq!(
            just_below.to_string(),
            "99999999999999999999.999999999999999999"
        );
        let mut sum = just_below;
        sum.merge(Revenue(1));
        assert!(sum.is_too_large() && !sum.is_saturated());
        for _ in 0..4 {
            sum.merge(just_below);
        }
        assert!(sum.is_too_large() && sum.is_saturated());
    }

    #[test]
    fn changes_have_a_sign_and_no_limit() {
        let mut large = GrandTotal::default();
        for _ in 0..10 {
            large.add(Revenue(TOO_LARGE - 1));
        }
        let small = GrandTotal::from(revenue(&["19.99"]));
        assert_eq!(small.since(GrandTotal::default()).to_string(), "19.99");
        assert_eq!(
            format!("{:+}", small.since(GrandTotal::default())),
            "+19.99"
        );
        assert_eq!(format!("{:+}", small.since(small)), "0.00");
        assert_eq!(GrandTotal::default().since(small).to_string(), "-19.99");
        assert_eq!(
            small.since(large).to_string(),
            "-999999999999999999980.00999999999999999"
        );
        let mut sum = small;
        sum.merge(large.since(small).by);
        assert_eq!(sum, large);
    }

    proptest! {
        #[test]
        fn a_grand_total_is_the_sum(
            units in proptest::collection::vec((0..TOO_LARGE, any::<bool>()), 0..40),
        ) {
            let mut total = GrandTotal::default();
            let mut other = GrandTotal::default();
            let mut halves = (0_u128, 0_u128);
            for (units, is_other) in units {
                if is_other { &mut other } else { &mut total }.add(Revenue(units));
                // Long addition in base 10^19, apart from the code under test.
                let base = 10_u128.pow(19);
                let low = halves.1 + units % base;
                halves = (halves.0 + units / base + low / base, low % base);
            }
            total.merge(other);
            let digits = format!("{}{:019}", halves.0, halves.1);
            let digits = format!("{:0>20}", digits.trim_start_matches('0'));
            let (whole, decimals) = digits.split_at(digits.len() - 18);
            let whole = whole.trim_start_matches('0');
            let decimals = &decimals[..decimals.trim_end_matches('0').len().max(2)];
            let whole = if whole.is_empty() { "0" } else { whole };
            prop_assert_eq!(total.to_string(), format!("{whole}.{decimals}"));
        }
    }
}
