//! Settings: what data to generate, and which settings make sense.

use std::fmt;
use std::str::FromStr;

use super::clock::MAX_DAYS;

/// What the lines look like.
///
/// The same seed describes the same events in all profiles: with equal settings otherwise,
/// [`Narrow`](Self::Narrow) and [`Wide`](Self::Wide) data of [`Length::Lines`] have the same daily
/// statistics, and [`Mixed`](Self::Mixed) data differ from them only where a user id was replaced by one
/// at the edge of what is read.
///
/// ```
/// use daytally::generate::Profile;
///
/// let profile: Profile = "wide".parse()?;
/// assert_eq!(profile, Profile::Wide);
/// assert_eq!(profile.to_string(), "wide");
/// # Ok::<(), daytally::generate::UnknownName>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The four fields and nothing else, about 80 bytes a line.
    #[default]
    Narrow,
    /// The four fields anywhere among nested objects, arrays and text with escapes and many scripts,
    /// about 310 bytes a line. Nested values repeat the event's keys, which must not count.
    Wide,
    /// Every valid spelling: key order, white space, extra and duplicate keys, escapes, forms of numbers
    /// and timestamps.
    Mixed,
}

impl Profile {
    /// All profiles, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::Narrow, Self::Wide, Self::Mixed];

    /// The name, as [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Narrow => "narrow",
            Self::Wide => "wide",
            Self::Mixed => "mixed",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Profile {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or_else(|| UnknownName::new(name, "narrow, wide or mixed"))
    }
}

/// In which order the events come.
///
/// ```
/// use daytally::generate::Order;
///
/// assert_eq!("time".parse(), Ok(Order::Time));
/// assert_eq!(Order::Random.to_string(), "random");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Timestamps never go back, and are spread evenly over the days. (The mixed profile also writes
    /// less exact forms, of which only the days are in order.)
    Time,
    /// Each timestamp is anywhere in the days.
    #[default]
    Random,
}

impl Order {
    /// All orders, in the order of their declaration.
    pub const ALL: [Self; 2] = [Self::Time, Self::Random];

    /// The name, as [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Random => "random",
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Order {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|order| order.name() == name)
            .ok_or_else(|| UnknownName::new(name, "time or random"))
    }
}

/// A name that is not a [`Profile`]'s or not an [`Order`]'s.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not one of {expected}")]
pub struct UnknownName {
    name: String,
    expected: &'static str,
}

impl UnknownName {
    fn new(name: &str, expected: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            expected,
        }
    }
}

/// How much to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    /// This many lines.
    Lines(u64),
    /// Whole lines until there are at least this many bytes, line ends counted: the result is this long
    /// or longer by less than one line. For 0 there is no line.
    Bytes(u64),
}

/// What to generate. Equal settings give equal bytes, on every machine and in every version.
///
/// ```
/// use daytally::generate::{Length, Profile, Settings};
///
/// let settings = Settings {
///     length: Length::Bytes(4 << 20),
///     profile: Profile::Wide,
///     ..Settings::default()
/// };
/// assert_eq!(settings.seed, 42);
/// assert_eq!(settings.validate(), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How much; 1,000,000 lines if not set otherwise.
    pub length: Length,
    /// Where the random numbers start; 42 if not set otherwise.
    pub seed: u64,
    /// User ids go from 1 to this, each as likely as the others; at least 1; 1,000 if not set otherwise.
    pub users: u64,
    /// Timestamps are within this many days from 2024-01-01; 1 to 2,913,174, which ends with the year
    /// 9999; 31 if not set otherwise.
    pub days: u32,
    /// What the lines look like; narrow if not set otherwise.
    pub profile: Profile,
    /// The probability that a line is invalid, 0 to 1; 0.001 if not set otherwise.
    ///
    /// Which lines are invalid, and for what, depends on the seed and this alone, and a higher rate adds
    /// invalid lines to those of a lower one.
    pub invalid_rate: f64,
    /// In which order the events come; random if not set otherwise.
    pub order: Order,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            length: Length::Lines(1_000_000),
            seed: 42,
            users: 1_000,
            days: 31,
            profile: Profile::default(),
            invalid_rate: 0.001,
            order: Order::default(),
        }
    }
}

impl Settings {
    /// Checks that there are events with these settings.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range.
    ///
    /// ```
    /// use daytally::generate::{Settings, SettingsError};
    ///
    /// let settings = Settings { users: 0, ..Settings::default() };
    /// assert_eq!(settings.validate(), Err(SettingsError::NoUsers));
    /// ```
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.users == 0 {
            return Err(SettingsError::NoUsers);
        }
        if !(1..=MAX_DAYS).contains(&self.days) {
            return Err(SettingsError::Days { days: self.days });
        }
        // Not a number is in no range.
        if !(0.0..=1.0).contains(&self.invalid_rate) {
            return Err(SettingsError::InvalidRate {
                rate: self.invalid_rate,
            });
        }
        Ok(())
    }
}

/// A setting that is out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// [`Settings::users`] is 0.
    #[error("the number of users must be at least 1")]
    NoUsers,
    /// [`Settings::days`] is 0, or goes past the year 9999.
    #[error(
        "the number of days must be from 1 to {MAX_DAYS} (2024-01-01 to 9999-12-31), not {days}"
    )]
    Days {
        /// The number of days asked for.
        days: u32,
    },
    /// [`Settings::invalid_rate`] is not a probability.
    #[error("the rate of invalid lines must be from 0 to 1, not {rate}")]
    InvalidRate {
        /// The rate asked for.
        rate: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        for order in Order::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        let error = "Wide".parse::<Profile>().expect_err("names are lower case");
        assert_eq!(
            error.to_string(),
            "\"Wide\" is not one of narrow, wide or mixed"
        );
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.validate()
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|s| s.users = u64::MAX), Ok(()));
        assert_eq!(with(|s| s.users = 0), Err(SettingsError::NoUsers));
        assert_eq!(with(|s| s.days = MAX_DAYS), Ok(()));
        assert_eq!(with(|s| s.days = 0), Err(SettingsError::Days { days: 0 }));
        let days = MAX_DAYS + 1;
        assert_eq!(
            with(|s| s.days = MAX_DAYS + 1),
            Err(SettingsError::Days { days })
        );
        for rate in [0.0, -0.0, 1.0, 0.25, f64::MIN_POSITIVE] {
            let settings = Settings {
                invalid_rate: rate,
                ..Settings::default()
            };
            assert_eq!(settings.validate(), Ok(()), "{rate}");
        }
        for rate in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
            let settings = Settings {
                invalid_rate: rate,
                ..Settings::default()
            };
            let message = settings.validate().expect_err("out of range").to_string();
            assert_eq!(
                message,
                format!("the rate of invalid lines must be from 0 to 1, not {rate}")
            );
        }
    }
}
