//! Sample and benchmark data: event logs made from a seed.
//!
//! [`write_events`] writes JSON Lines that look like the log of a shop: users, events, amounts, and a
//! known share of invalid lines of every kind. [`Settings`] say how much and what; [`Generator`] gives
//! the lines one by one, each with the verdict it should get, which is what a test wants.
//!
//! The same settings give the same bytes on every machine and in every version: random numbers come
//! from xoshiro256++, seeded with splitmix64, and are only ever used in integer arithmetic. Benchmarks
//! and bug reports can therefore name their data by its settings.
//!
//! ```
//! use daytally::generate::{Length, Settings, write_events};
//!
//! let settings = Settings {
//!     length: Length::Lines(2),
//!     invalid_rate: 0.0,
//!     ..Settings::default()
//! };
//! let mut log = Vec::new();
//! let written = write_events(&settings, &mut log)?;
//! assert_eq!((written.lines, written.invalid), (2, 0));
//! assert_eq!(
//!     String::from_utf8_lossy(&log),
//!     concat!(
//!         r#"{"user_id": 815, "event_type": "purchase", "timestamp": "2024-01-10T08:11:49Z", "amount": 192.14}"#,
//!         "\n",
//!         r#"{"user_id": 702, "event_type": "login", "timestamp": "2024-01-25T10:55:24Z"}"#,
//!         "\n",
//!     )
//! );
//! # Ok::<(), std::io::Error>(())
//! ```

mod clock;
mod draft;
mod event;
mod invalid;
mod mixed;
mod narrow;
#[cfg(test)]
mod oracle;
mod rng;
mod settings;
#[cfg(test)]
mod tests;
mod text;
mod timestamp;
mod wide;

use std::io;

use clock::{DAY_SECONDS, Day, Moment};
use draft::Draft;
use event::Event;
use rng::Stream;

pub use invalid::Defect;
pub use settings::{Length, Order, Profile, Settings, SettingsError, UnknownName};

/// Bytes gathered before they are written: large enough that the cost of a system call is lost in the
/// copying, small enough to stay in the cache.
const BLOCK: usize = 256 * 1024;

/// A rate of 1: rates are compared in units of 2^-53, which every `f64` from 0 to 1 can be cut to.
const RATE_UNITS: f64 = 9_007_199_254_740_992.0;

/// The verdict a generated line should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The line is a valid event.
    Valid,
    /// The line is invalid, for this.
    Invalid(Defect),
}

/// What [`write_events`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Written {
    /// Lines, valid and invalid; none is blank.
    pub lines: u64,
    /// Bytes, line ends counted.
    pub bytes: u64,
    /// Invalid lines.
    pub invalid: u64,
}

/// Makes the lines of an event log, one by one.
///
/// ```
/// use daytally::generate::{Defect, Generator, Length, Settings, Verdict};
///
/// let settings = Settings {
///     length: Length::Lines(1_000),
///     invalid_rate: 0.5,
///     ..Settings::default()
/// };
/// let mut generator = Generator::new(&settings)?;
/// let mut line = Vec::new();
/// let mut cut_short = 0;
/// while let Some(verdict) = generator.next_line(&mut line) {
///     if verdict == Verdict::Invalid(Defect::InvalidJson) && !line.ends_with(b"}\n") {
///         cut_short += 1;
///     }
///     line.clear();
/// }
/// assert!(cut_short > 0);
/// assert_eq!(generator.written().lines, 1_000);
/// # Ok::<(), daytally::generate::SettingsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    settings: Settings,
    /// Below this, in units of 2^-53, a draw makes the line invalid.
    invalid_below: u64,
    /// The span of the timestamps, in seconds.
    span: u64,
    /// What happens; three words a line.
    events: Stream,
    /// Whether it is written as it should be; one word a line.
    verdicts: Stream,
    /// How it is written; as many words as that takes.
    styles: Stream,
    draft: Draft,
    written: Written,
}

impl Generator {
    /// Starts at the first line.
    ///
    /// # Errors
    ///
    /// If the settings are not valid; see [`Settings::validate`].
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        let [events, verdicts, styles] = Stream::split(settings.seed);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the rate is from 0 to 1, and multiplying by a power of two is exact"
        )]
        let invalid_below = (settings.invalid_rate * RATE_UNITS) as u64;
        Ok(Self {
            settings: settings.clone(),
            invalid_below,
            span: u64::from(settings.days) * DAY_SECONDS,
            events,
            verdicts,
            styles,
            draft: Draft::default(),
            written: Written::default(),
        })
    }

    /// Appends the next line and its `\n` to `buf`, which is not cleared, and returns the verdict the line
    /// should get; `None`, and nothing appended, after the last line.
    #[inline]
    pub fn next_line(&mut self, buf: &mut Vec<u8>) -> Option<Verdict> {
        let (done, total) = match self.settings.length {
            Length::Lines(lines) => (self.written.lines, lines),
            Length::Bytes(bytes) => (self.written.bytes, bytes),
        };
        if done >= total {
            return None;
        }
        let moment = match self.settings.order {
            Order::Time => Some(moment_at(done, total, self.span)),
            Order::Random => None,
        };
        let Settings {
            users,
            days,
            profile,
            ..
        } = self.settings;
        let event = Event::draw(&mut self.events, users, days, moment);
        let verdict = self.draw_verdict();

        let start = buf.len();
        let styles = &mut self.styles;
        match (verdict, profile) {
            (Verdict::Valid, Profile::Narrow) => narrow::write_event(&event, buf),
            (Verdict::Valid, Profile::Wide) => {
                self.draft.fill(&event);
                wide::write_draft(&self.draft, styles, buf);
            }
            (Verdict::Valid, Profile::Mixed) => {
                mixed::fill(&mut self.draft, &event, styles);
                mixed::write_draft(&self.draft, styles, buf);
            }
            (Verdict::Invalid(defect), _) => {
                invalid::write_line(defect, profile, event, &mut self.draft, styles, buf);
                self.written.invalid += 1;
            }
        }
        buf.push(b'\n');
        self.written.lines += 1;
        self.written.bytes += (buf.len() - start) as u64;
        Some(verdict)
    }

    /// What the lines up to now come to.
    #[must_use]
    pub fn written(&self) -> Written {
        self.written
    }

    /// Takes one word whatever comes of it: the verdict of line `i` is a function of seed and rate.
    #[inline]
    fn draw_verdict(&mut self) -> Verdict {
        let word = self.verdicts.word();
        if word >> 11 < self.invalid_below {
            // The eleven bits that did not decide, so that the defect stays the same at a higher rate.
            let choice = (word & 0x7ff) as usize * Defect::ALL.len() / 0x800;
            Verdict::Invalid(Defect::ALL[choice])
        } else {
            Verdict::Valid
        }
    }
}

/// The moment at `done / total` of a span of `span` seconds from the first day on.
///
/// `done` is less than `total`.
#[inline]
fn moment_at(done: u64, total: u64, span: u64) -> Moment {
    let seconds = if let Some(product) = done.checked_mul(span) {
        product / total
    } else {
        // Only the longest logs need the slow division. It is less than `span`, and so fits.
        let seconds = u128::from(done) * u128::from(span) / u128::from(total);
        u64::try_from(seconds).unwrap_or(span - 1)
    };
    // The mask takes nothing away: there are at most MAX_DAYS days.
    let days = (seconds / DAY_SECONDS) & 0xffff_ffff;
    Moment {
        day: Day::from_offset(days as u32),
        second: (seconds % DAY_SECONDS) as u32,
    }
}

/// Writes an event log to `out`, in blocks of 256 KiB, and flushes it.
///
/// # Errors
///
/// Of kind [`io::ErrorKind::InvalidInput`] if the settings are not valid ([`Settings::validate`]), in
/// which case nothing is written; else what `out` answers.
///
/// ```
/// use daytally::generate::{Length, Order, Settings, write_events};
///
/// let settings = Settings {
///     length: Length::Bytes(10_000),
///     order: Order::Time,
///     ..Settings::default()
/// };
/// let mut log = Vec::new();
/// let written = write_events(&settings, &mut log)?;
/// assert_eq!(written.bytes, log.len() as u64);
/// assert!((10_000..10_200).contains(&written.bytes));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_events<W: io::Write>(settings: &Settings, out: &mut W) -> io::Result<Written> {
    let mut generator = Generator::new(settings)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    // A line longer than the rest of the block makes the buffer grow once.
    let mut block = Vec::with_capacity(BLOCK + 4 * 1024);
    while generator.next_line(&mut block).is_some() {
        if block.len() >= BLOCK {
            out.write_all(&block)?;
            block.clear();
        }
    }
    out.write_all(&block)?;
    out.flush()?;
    Ok(generator.written())
}
