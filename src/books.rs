//! The books of a run: what became of every line, and the check that nothing is missing.

use crate::aggregate::GrandTotals;
use crate::error::{Error, Result};
use crate::event::Reason;

/// What became of the lines of a run, or of a part of it.
///
/// ```
/// use daytally::event::Reason;
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let books = Pipeline::new(Options::default())?.aggregate(inputs, &mut ())?.books;
/// assert_eq!((books.lines(), books.blank, books.valid, books.invalid()), (5, 0, 3, 2));
/// let reasons: Vec<_> = books.invalid_by_reason().collect();
/// assert_eq!(reasons, [(Reason::InvalidTimestamp, 1), (Reason::NonPositiveAmount, 1)]);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Books {
    /// Lines of nothing but white space.
    pub blank: u64,
    /// Valid events that are in the result.
    pub valid: u64,
    /// Valid events of days that were not asked for.
    pub filtered: u64,
    pub(crate) invalid: [u64; Reason::ALL.len()],
}

impl Books {
    /// Counts an invalid event.
    pub(crate) fn count_invalid(&mut self, reason: Reason) {
        self.invalid[reason.index()] += 1;
    }

    /// Counts invalid events of one reason.
    pub(crate) fn add_invalid(&mut self, reason: Reason, count: u64) {
        self.invalid[reason.index()] += count;
    }

    /// The books without those of a part of the run; `None` if they are not a part.
    pub(crate) fn without(&self, part: &Books) -> Option<Books> {
        let mut books = Books {
            blank: self.blank.checked_sub(part.blank)?,
            valid: self.valid.checked_sub(part.valid)?,
            filtered: self.filtered.checked_sub(part.filtered)?,
            invalid: self.invalid,
        };
        for (count, less) in books.invalid.iter_mut().zip(part.invalid) {
            *count = count.checked_sub(less)?;
        }
        Some(books)
    }

    /// The invalid events of all reasons.
    #[must_use]
    pub fn invalid(&self) -> u64 {
        self.invalid.iter().sum()
    }

    /// The invalid events of each reason that occurred, in the order of the rules.
    pub fn invalid_by_reason(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL
            .iter()
            .copied()
            .zip(self.invalid)
            .filter(|(_, count)| *count > 0)
    }

    /// All lines that got a verdict.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.blank + self.valid + self.filtered + self.invalid()
    }

    /// Adds the books of another part of the run.
    pub(crate) fn merge(&mut self, other: &Books) {
        self.blank += other.blank;
        self.valid += other.valid;
        self.filtered += other.filtered;
        for (count, more) in self.invalid.iter_mut().zip(other.invalid) {
            *count += more;
        }
    }

    /// Checks the books against what was counted elsewhere: the lines that were read, and the
    /// result.
    ///
    /// # Errors
    ///
    /// [`Error::Unbalanced`] where they differ: a fault of this program that must not be published.
    pub(crate) fn check(&self, lines_read: u64, result: &GrandTotals) -> Result<()> {
        let unbalanced = |what: String| Err(Error::Unbalanced { what });
        if lines_read != self.lines() {
            return unbalanced(format!(
                "{lines_read} lines were read, {} blank + {} valid + {} filtered + {} invalid were counted",
                self.blank,
                self.valid,
                self.filtered,
                self.invalid()
            ));
        }
        if result.event_count != self.valid {
            return unbalanced(format!(
                "the rows hold {} events, {} were valid",
                result.event_count, self.valid
            ));
        }
        if result.purchase_count > result.event_count {
            return unbalanced(format!(
                "the rows hold {} purchases in {} events",
                result.purchase_count, result.event_count
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_that_do_not_balance_are_an_error() {
        let mut books = Books {
            blank: 1,
            valid: 2,
            filtered: 1,
            ..Books::default()
        };
        books.count_invalid(Reason::InvalidJson);
        let mut more = Books {
            filtered: 2,
            ..Books::default()
        };
        more.count_invalid(Reason::InvalidJson);
        more.count_invalid(Reason::LineTooLong);
        books.merge(&more);
        let sum = books.clone();
        assert_eq!(sum.without(&more).unwrap().lines(), 5);
        assert_eq!(more.without(&sum), None);
        books.blank = 0;
        assert_eq!(books.without(&sum), None);
        books.blank = 1;
        let by_reason: Vec<_> = books.invalid_by_reason().collect();
        assert_eq!(
            by_reason,
            [(Reason::LineTooLong, 1), (Reason::InvalidJson, 2)]
        );

        let result = |event_count, purchase_count| GrandTotals {
            event_count,
            purchase_count,
            ..GrandTotals::default()
        };
        books.check(9, &result(2, 2)).unwrap();
        for (lines, events, purchases) in [(10, 2, 0), (6, 2, 0), (9, 1, 0), (9, 3, 0), (9, 2, 3)] {
            let error = books.check(lines, &result(events, purchases)).unwrap_err();
            assert!(error.to_string().contains("do not add up"), "{error}");
        }
    }
}
