//! Results, read back and compared: a row for each user and day, in order, whatever they are stored as.
//!
//! A result is a file, or a folder of days. Text is read line by line (`lines`), Parquet and Arrow from the end of a file
//! (`stored`); each format has a file of its own here. They give the rows of one file (the trait `Rows`); that they are
//! in order, and of the day that their folder says, is checked for all formats alike. A result that is not as
//! `daytally aggregate` writes it is an error with its place: what somebody has edited or cut off is not to be compared,
//! and not to be added to.
//!
//! [`ResultReader`] reads, and [`diff`] compares.

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(any(feature = "parquet", feature = "arrow"))]
mod columns;
mod csv;
mod diff;
mod fields;
mod json_lines;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;
mod stored;

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::aggregate::{Group, GroupKey};
use crate::error::{Action, Error, Result};
use crate::event::Date;
use crate::input::{Decompressor, Input};
use crate::output::{Encoding, Format, day_file, days_in};
use crate::text;

#[cfg(any(feature = "parquet", feature = "arrow"))]
use stored::StoredFile;

pub use diff::{Difference, RowDifference, Sums, Tally, diff};

/// How many bytes of a file are read at a time.
const BLOCK: usize = 256 * 1024;

/// Where a result is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultPlace {
    /// Standard input.
    Stdin,
    /// A file of any format, its text compressed or not.
    File(PathBuf),
    /// A folder with a folder for each day.
    Days(PathBuf),
}

impl ResultPlace {
    /// The result at a path as it is typed: `-` is standard input.
    ///
    /// # Errors
    ///
    /// Where there is nothing, or it cannot be looked at.
    ///
    /// ```
    /// use daytally::result::ResultPlace;
    /// assert_eq!(ResultPlace::at("-".as_ref())?, ResultPlace::Stdin);
    /// assert!(ResultPlace::at("not/there.csv".as_ref()).is_err());
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn at(path: &Path) -> Result<ResultPlace> {
        if path.as_os_str() == "-" {
            return Ok(ResultPlace::Stdin);
        }
        if path.as_os_str().is_empty() {
            return Err(Error::NotAResult {
                place: "the name of a result".into(),
                what: "is empty; give a file, or a folder of days".into(),
            });
        }
        match std::fs::metadata(path) {
            Ok(there) if there.is_dir() => Ok(ResultPlace::Days(path.to_path_buf())),
            Ok(_) => Ok(ResultPlace::File(path.to_path_buf())),
            Err(source) => Err(Error::io(Action::Open, path, source)),
        }
    }
}

/// What it is called in messages.
impl fmt::Display for ResultPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResultPlace::Stdin => f.write_str("standard input"),
            ResultPlace::File(path) | ResultPlace::Days(path) => text::path(path).fmt(f),
        }
    }
}

/// The rows of one file. A format that is to be read implements this, and is chosen in `open`.
trait Rows {
    /// Appends the next rows, some thousand at most; `false` if there are no more, and what was read is
    /// still there unchanged.
    fn next_rows(&mut self, rows: &mut Vec<Group>) -> Result<bool>;

    /// How people find a row: its line, say. Rows count from 0.
    fn place(&self, row: u64) -> String;
}

/// Opens a file of a result: the one place that knows which formats there are. What is in it says which it is.
fn open(input: Input, name: String) -> Result<Box<dyn Rows + Send>> {
    Ok(match stored::encoding(&input)? {
        #[cfg(feature = "parquet")]
        Some(Encoding::Parquet) => {
            Box::new(parquet::ParquetRows::open(StoredFile::open(&input, name)?)?)
        }
        #[cfg(feature = "arrow")]
        Some(Encoding::Arrow) => Box::new(arrow::ArrowRows::open(StoredFile::open(&input, name)?)?),
        #[cfg(not(feature = "parquet"))]
        Some(Encoding::Parquet) => {
            return Err(stored::is_not_built_in(&name, "Parquet", "parquet"));
        }
        #[cfg(not(feature = "arrow"))]
        Some(Encoding::Arrow) => return Err(stored::is_not_built_in(&name, "Arrow IPC", "arrow")),
        _ => {
            // In JSON Lines there is nothing but rows.
            let may_be_empty = input
                .path()
                .is_some_and(|path| Format::of_path(path).encoding() == Encoding::JsonLines);
            Box::new(lines::LineRows::new(input, name, may_be_empty)?)
        }
    })
}

/// The rows of a result, in order.
///
/// ```
/// use daytally::result::{ResultPlace, ResultReader};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("daily_user_stats.csv");
/// std::fs::write(&path, "date,user_id,event_count,purchase_count,total_revenue\n2024-01-31,7,2,1,19.99\n").unwrap();
/// let mut rows = ResultReader::open(&ResultPlace::at(&path)?)?;
/// let row = rows.next_row()?.unwrap();
/// assert_eq!((row.key.user_id().get(), row.totals.event_count), (7, 2));
/// assert_eq!(rows.next_row()?, None);
/// # Ok::<(), daytally::Error>(())
/// ```
pub struct ResultReader {
    /// Files that are still to be read, with the day that each is of.
    files: VecDeque<(PathBuf, Date)>,
    file: Option<Box<dyn Rows + Send>>,
    /// The day of all rows of the file.
    day: Option<Date>,
    rows: Vec<Group>,
    /// The next of these rows.
    at: usize,
    /// How many rows of the file were before these.
    before: u64,
    last: Option<GroupKey>,
}

impl fmt::Debug for ResultReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultReader")
            .field("files", &self.files.len())
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl ResultReader {
    /// Opens a result.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, and [`Error::NotAResult`] where it is none: a folder without days, say.
    pub fn open(place: &ResultPlace) -> Result<ResultReader> {
        let name = place.to_string();
        match place {
            ResultPlace::Stdin => Ok(ResultReader::of(open(Input::stdin(), name)?)),
            ResultPlace::File(path) => Ok(ResultReader::of(open(Input::open(path)?, name)?)),
            ResultPlace::Days(folder) => {
                let mut days = Vec::new();
                for format in Format::ALL.iter().copied() {
                    let of_format = days_in(folder, format)?.into_iter();
                    days.extend(of_format.map(|date| (day_file(folder, date, format), date)));
                }
                days.sort_by_key(|(_, date)| *date);
                if days.is_empty() {
                    return Err(Error::NotAResult {
                        place: name,
                        what: "is a folder without any day (date=YYYY-MM-DD/daily_user_stats.csv, say), so no result; check its name".into(),
                    });
                }
                Ok(ResultReader {
                    files: days.into(),
                    ..ResultReader::none()
                })
            }
        }
    }

    /// Opens the file of one day in a folder of days.
    pub(crate) fn of_day(file: PathBuf, date: Date) -> ResultReader {
        ResultReader {
            files: VecDeque::from([(file, date)]),
            ..ResultReader::none()
        }
    }

    fn of(file: Box<dyn Rows + Send>) -> ResultReader {
        ResultReader {
            file: Some(file),
            ..ResultReader::none()
        }
    }

    fn none() -> ResultReader {
        ResultReader {
            files: VecDeque::new(),
            file: None,
            day: None,
            rows: Vec::new(),
            at: 0,
            before: 0,
            last: None,
        }
    }

    /// The next row; `None` at the end, when all of the result was found to be as it should be.
    ///
    /// # Errors
    ///
    /// Where it cannot be read on, and [`Error::NotAResult`] where a row is not one, or out of order.
    pub fn next_row(&mut self) -> Result<Option<Group>> {
        loop {
            if let Some(row) = self.rows.get(self.at) {
                let row = *row;
                self.check(row.key)?;
                self.at += 1;
                return Ok(Some(row));
            }
            self.before += self.rows.len() as u64;
            self.rows.clear();
            self.at = 0;
            if let Some(file) = &mut self.file {
                if file.next_rows(&mut self.rows)? {
                    continue;
                }
                self.file = None;
            }
            let Some((path, date)) = self.files.pop_front() else {
                return Ok(None);
            };
            (self.before, self.day) = (0, Some(date));
            let name = text::path(&path).to_string();
            self.file = Some(open(Input::open(&path)?, name)?);
        }
    }

    /// That a row may follow the one before it, and be where it is.
    #[inline]
    fn check(&mut self, key: GroupKey) -> Result<()> {
        if self.last.is_some_and(|last| last >= key)
            || self.day.is_some_and(|day| day != key.date())
        {
            return Err(self.misplaced(key));
        }
        self.last = Some(key);
        Ok(())
    }

    #[cold]
    fn misplaced(&self, key: GroupKey) -> Error {
        let row = self.before + self.at as u64;
        let place = match &self.file {
            Some(file) => file.place(row),
            None => format!("row {}", row + 1),
        };
        let (date, user) = (key.date(), key.user_id());
        let what = match (self.day, self.last) {
            (Some(day), _) if day != date => {
                format!("is of {date}, in the folder of {day}; move it, or write the day again")
            }
            (_, Some(last)) if last == key => {
                format!(
                    "is a second row of user {user} on {date}; there may be one; write the result again"
                )
            }
            _ => format!(
                "is out of order: user {user} on {date} comes after {}; a result is sorted by date and then by user_id as a number; write it again",
                match self.last {
                    Some(last) => format!("user {} on {}", last.user_id(), last.date()),
                    None => "nothing".into(),
                }
            ),
        };
        Error::NotAResult { place, what }
    }
}

/// How a file of a result is read: in blocks, whole lines of which may not be longer than any row.
fn cutting(line_bytes: usize) -> crate::input::Cutting {
    crate::input::Cutting {
        block_size: BLOCK,
        line_bytes,
        threads: std::num::NonZero::<usize>::MIN,
        memory: Decompressor::MEMORY,
    }
}

/// Starts reading an input in blocks, whatever it is.
fn start(mut input: Input, line_bytes: usize) -> Result<crate::input::Stream> {
    input.do_not_map();
    match input.start(cutting(line_bytes), Arc::new(|| true))? {
        crate::input::Opened::Stream(stream, _) => Ok(*stream),
        // Only what may be mapped is.
        crate::input::Opened::Mapped(_) => Err(Error::Panicked),
    }
}
