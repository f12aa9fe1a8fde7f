//! How many events may be invalid.

use std::fmt;
use std::str::FromStr;

/// The number of invalid events, or their share of all events, that a run allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidLimit {
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count(u64),
    /// In billionths of a percent, so that a decimal percentage is exact.
    Share(u64),
}

const PERCENT: u64 = 1_000_000_000;

impl InvalidLimit {
    /// Whether `invalid` out of `events` (valid, filtered and invalid, without blank lines) is more than
    /// allowed.
    pub(super) fn is_exceeded(&self, invalid: u64, events: u64) -> bool {
        match self.kind {
            Kind::Count(limit) => invalid > limit,
            Kind::Share(share) => {
                u128::from(invalid) * 100 * u128::from(PERCENT)
                    > u128::from(share) * u128::from(events)
            }
        }
    }
}

impl FromStr for InvalidLimit {
    type Err = String;

    /// `N` or `P%`, where P is 0 to 100 with up to nine decimals.
    fn from_str(text: &str) -> Result<InvalidLimit, String> {
        let kind = match text.strip_suffix('%') {
            None => Kind::Count(text.parse().map_err(
                |_| "give a whole number of events such as 100, or a percentage such as 0.5%",
            )?),
            Some(percentage) => Kind::Share(
                billionths(percentage)
                    .filter(|share| *share <= 100 * PERCENT)
                    .ok_or("a percentage is from 0% to 100%, with up to nine decimals")?,
            ),
        };
        Ok(InvalidLimit {
            kind,
            text: text.to_owned(),
        })
    }
}

/// A decimal with up to nine decimals, in billionths.
fn billionths(decimal: &str) -> Option<u64> {
    let (whole, decimals) = decimal.split_once('.').unwrap_or((decimal, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let decimals: u64 = format!("{decimals:0<9}").parse().ok()?;
    whole.checked_mul(PERCENT)?.checked_add(decimals)
}

impl fmt::Display for InvalidLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limit_exceeds_it() {
        for (limit, invalid, events, exceeded) in [
            ("0", 0, 0, false),
            ("0", 1, 9, true),
            ("2", 2, 9, false),
            ("2", 3, 9, true),
            ("0%", 0, 9, false),
            ("0%", 1, u64::MAX, true),
            ("50%", 1, 2, false),
            ("50%", 2, 3, true),
            ("0.1%", 1, 1000, false),
            ("0.1%", 1, 999, true),
            ("0.1%", 2, 1999, true),
            ("33.333333333%", 1, 3, true),
            ("33.333333334%", 1, 3, false),
            ("100%", 7, 7, false),
            ("10%", 0, 0, false),
            ("99.999999999%", u64::MAX, u64::MAX, true),
        ] {
            let parsed: InvalidLimit = limit.parse().unwrap();
            assert_eq!(
                parsed.is_exceeded(invalid, events),
                exceeded,
                "{limit} {invalid} {events}"
            );
            assert_eq!(parsed.to_string(), limit);
        }
        for wrong in [
            "",
            "%",
            "-1",
            "1.5",
            "x",
            "101%",
            "100.1%",
            "1.0000000001%",
            ".5%",
            "5.%",
            "1e1%",
            "-1%",
        ] {
            assert!(wrong.parse::<InvalidLimit>().is_err(), "{wrong}");
        }
    }
}
