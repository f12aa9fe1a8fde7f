//! The publisher of days: a folder with a folder for each day, as Hive names them, and in each the part of
//! the result that is of that day: `date=2024-01-31/daily_user_stats.csv`.
//!
//! All days are written and brought to the disk in a staging folder inside the output folder before the
//! first is put in place, and each is put in place by a rename that can be taken back. Nothing is kept open meanwhile but the
//! staging folder, so that there may be any number of days. Days that are what they were to the byte are
//! not touched, nor are days that the result does not speak of.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::Access;

use super::drafts::{self, Name};
use super::format::Format;
use super::publication::{Part, Publication, TakenBack};
use super::publish::{
    BUFFER, folder_of, follow_links, replaced, sync_folder, sync_folder_of, take_over_mode,
};
use super::same;
use super::steps::{self, Step};
use crate::error::{Action, Error, OutputPart, Result};
use crate::event::{Date, DateRange};

/// What the name of a day's folder begins with.
const DAY_PREFIX: &str = "date=";

/// How many files are brought to the disk side by side. One after the other each waits for the disk; side
/// by side they share its work, and 3,650 of them take half a second instead of ten.
const SYNCS: usize = 8;

/// Days that are being written.
///
/// ```
/// use daytally::output::{DayDrafts, Format};
///
/// # let root = tempfile::tempdir().unwrap();
/// # let folder = root.path().join("stats");
/// let mut days = DayDrafts::create(&folder, Format::default())?;
/// days.write("2024-01-31".parse().unwrap(), b"one\n")?;
/// days.write("2024-02-01".parse().unwrap(), b"two\n")?;
/// let mut days = days.finish(|| Ok(()))?;
/// // A day that there may be, and should not.
/// days.remove(["2024-02-29".parse().unwrap()])?;
/// assert_eq!(days.changes().added.len(), 2);
/// days.publish()?;
/// assert_eq!(std::fs::read(folder.join("date=2024-01-31/daily_user_stats.csv")).unwrap(), b"one\n");
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct DayDrafts {
    staging: Staging,
    open: Option<OpenDay>,
    /// In order.
    days: Vec<Day>,
    /// Days that are there already as they should be, in order.
    unchanged: Vec<Date>,
    bytes: u64,
    /// The memory of the last day's buffer.
    spare: Vec<u8>,
}

/// Where days wait for each other.
#[derive(Debug)]
struct Staging {
    // Dropped in this order.
    name: Name,
    /// Locks the staging folder for as long as it is open.
    lock: File,
    /// The output folder, if this run created it.
    created: Option<Name>,
    folder: PathBuf,
    /// What is in the files, which says what they are called.
    format: Format,
}

/// A day that is being written.
#[derive(Debug)]
struct OpenDay {
    date: Date,
    there: There,
    /// What is not yet in the file.
    buffer: Vec<u8>,
    /// The draft, once the buffer has been full.
    file: Option<File>,
    bytes: u64,
}

/// What is at the place of a day.
#[derive(Debug)]
struct There {
    has_folder: bool,
    file: Option<Metadata>,
}

/// A day that is complete, and differs from what is there.
#[derive(Clone, Copy, Debug)]
struct Day {
    date: Date,
    /// Whether its folder is there, so that only the file is put in place.
    has_folder: bool,
    /// Whether there is a file that it replaces.
    replaces: bool,
}

/// What publishing does to which days.
///
/// ```
/// use daytally::output::{DayDrafts, Format};
///
/// # let root = tempfile::tempdir().unwrap();
/// # let folder = root.path().join("stats");
/// # let january = "2024-01-31".parse().unwrap();
/// for bytes in [b"one\n", b"two\n"] {
///     let mut drafts = DayDrafts::create(&folder, Format::CSV)?;
///     drafts.write(january, bytes)?;
///     let finished = drafts.finish(|| Ok(()))?;
///     let changes = finished.changes();
///     let is_new = bytes == b"one\n";
///     assert_eq!((changes.added.len(), changes.changed.len()), if is_new { (1, 0) } else { (0, 1) });
///     finished.publish()?;
/// }
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DayChanges {
    /// Days that there were none of.
    pub added: Vec<Date>,
    /// Days that were there with other bytes.
    pub changed: Vec<Date>,
    /// Days that are there with the same bytes, and are not touched.
    pub unchanged: Vec<Date>,
    /// Days that are taken away.
    pub removed: Vec<Date>,
}

impl DayChanges {
    /// Whether nothing changes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// The days in an output folder, in order: those that have a folder with a file of that format. A folder
/// that is not there has none.
///
/// # Errors
///
/// Where the folder cannot be read.
///
/// ```
/// use daytally::output::{DayDrafts, Format, days_in};
///
/// # let root = tempfile::tempdir().unwrap();
/// # let folder = root.path().join("stats");
/// assert!(days_in(&folder, Format::CSV)?.is_empty());
/// let date = "2024-01-31".parse().unwrap();
/// let mut drafts = DayDrafts::create(&folder, Format::CSV)?;
/// drafts.write(date, b"one\n")?;
/// drafts.finish(|| Ok(()))?.publish()?;
/// assert_eq!(days_in(&folder, Format::CSV)?, [date]);
/// # Ok::<(), daytally::Error>(())
/// ```
pub fn days_in(folder: &Path, format: Format) -> Result<Vec<Date>> {
    let mut days = Vec::new();
    let read = |source| Error::io(Action::Read, folder, source);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(days),
        Err(error) => return Err(read(error)),
    };
    for entry in entries {
        let name = entry.map_err(read)?.file_name();
        let date = name.to_str().and_then(|name| name.strip_prefix(DAY_PREFIX));
        if let Some(date) = date.and_then(|date| date.parse().ok())
            && day_file(folder, date, format).symlink_metadata().is_ok()
        {
            days.push(date);
        }
    }
    days.sort_unstable();
    Ok(days)
}

/// The folder of a day.
fn day_folder(folder: &Path, date: Date) -> PathBuf {
    folder.join(format!("{DAY_PREFIX}{date}"))
}

/// The file of a day in an output folder.
///
/// ```
/// use daytally::output::{Format, date_of_day_file, day_file};
///
/// let date = "2024-01-31".parse().unwrap();
/// let path = day_file("stats".as_ref(), date, Format::default());
/// assert_eq!(path, std::path::Path::new("stats/date=2024-01-31/daily_user_stats.csv"));
/// assert_eq!(date_of_day_file(&path), Some(date));
/// ```
#[must_use]
pub fn day_file(folder: &Path, date: Date, format: Format) -> PathBuf {
    day_folder(folder, date).join(format.default_file())
}

/// The day that a path is the file of, in any format, if it is called as one.
#[must_use]
pub fn date_of_day_file(path: &Path) -> Option<Date> {
    let is_one = |format: Format| path.ends_with(format.default_file());
    let is_day_file = Format::ALL.iter().copied().any(is_one);
    let folder = path.parent().filter(|_| is_day_file)?;
    let name = folder.file_name()?.to_str()?;
    name.strip_prefix(DAY_PREFIX)?.parse().ok()
}

impl DayDrafts {
    /// Starts a result of days: creates the output folder, if it is not there, and the staging folder in
    /// it. So a place that cannot be written to is found before any work is done. Symbolic links are
    /// followed. Staging folders of killed processes are removed.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be created or written to, and [`Error::Occupied`] where it is no folder.
    pub fn create(folder: &Path, format: Format) -> Result<DayDrafts> {
        let fault = |source| Error::io(Action::Create, folder, source);
        let (place, created) = match std::fs::metadata(folder) {
            Ok(there) => {
                expect_folder(folder, &there)?;
                (folder.canonicalize().map_err(fault)?, None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let place = follow_links(folder).map_err(fault)?;
                let created = drafts::create_place(&place).map_err(fault)?;
                (place, Some(created))
            }
            Err(error) => return Err(fault(error)),
        };
        drafts::sweep_once(&place);
        let (lock, name) = drafts::create_folder(&place).map_err(fault)?;
        Ok(DayDrafts {
            staging: Staging {
                name,
                lock,
                created,
                folder: place,
                format,
            },
            open: None,
            days: Vec::new(),
            unchanged: Vec::new(),
            bytes: 0,
            spare: Vec::new(),
        })
    }

    /// Writes the next bytes of a day. Days come in order, and what is of one day comes together.
    ///
    /// # Errors
    ///
    /// Where they cannot be written: a full disk, or something else at the place of the day
    /// ([`Error::Occupied`]).
    pub fn write(&mut self, date: Date, bytes: &[u8]) -> Result<()> {
        if self.open.as_ref().map(|open| open.date) != Some(date) {
            self.close()?;
            self.open(date)?;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.bytes += bytes.len() as u64;
        if open.buffer.len() + bytes.len() < BUFFER {
            open.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.staging.flush(open)?;
        self.staging.write_now(open, bytes)
    }

    fn open(&mut self, date: Date) -> Result<()> {
        let last = [
            self.days.last().map(|day| day.date),
            self.unchanged.last().copied(),
        ];
        if last.into_iter().flatten().any(|last| last >= date) {
            let out_of_order = io::Error::other("the days of the result are out of order");
            return Err(self.staging.fault(Action::Write, date, out_of_order));
        }
        self.open = Some(OpenDay {
            date,
            there: self.staging.look_at(date)?,
            buffer: std::mem::take(&mut self.spare),
            file: None,
            bytes: 0,
        });
        Ok(())
    }

    /// Completes the day that is being written, and compares it with what is there.
    fn close(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        self.bytes += open.bytes;
        let is_unchanged = self.staging.complete(&mut open)?;
        if is_unchanged {
            self.unchanged.push(open.date);
        } else {
            self.days.push(Day {
                date: open.date,
                has_folder: open.there.has_folder,
                replaces: open.there.file.is_some(),
            });
        }
        self.spare = open.buffer;
        self.spare.clear();
        Ok(())
    }

    /// Completes the result: all days written, compared with what is there, and on the disk, those too
    /// that stay what they are. Between files `keep_going` is asked; an error of its ends this.
    ///
    /// # Errors
    ///
    /// As [`write`](DayDrafts::write), where the disk reports a fault, and what `keep_going` says. The
    /// drafts are then gone.
    pub fn finish(mut self, keep_going: impl Fn() -> Result<()> + Sync) -> Result<FinishedDays> {
        self.close()?;
        let (staging, days, unchanged) = (&self.staging, &self.days, &self.unchanged);
        sync_each(days.len(), &keep_going, |at| {
            let day = days[at];
            let draft = staging.draft(day.date, day.has_folder);
            sync_file(&draft)?;
            // A folder that is renamed takes its names along.
            if day.has_folder {
                Ok(())
            } else {
                sync_folder_of(&draft)
            }
        })
        .map_err(|(at, error)| {
            error.of(|source| staging.fault(Action::Sync, days[at].date, source))
        })?;
        sync_each(unchanged.len(), &keep_going, |at| {
            let file = staging.file(unchanged[at]);
            sync_file(&file)?;
            sync_folder_of(&file)
        })
        .map_err(|(at, error)| {
            error.of(|source| staging.fault(Action::Sync, unchanged[at], source))
        })?;
        Ok(FinishedDays {
            days: self,
            removed: Vec::new(),
        })
    }
}

impl Staging {
    /// The file of a day.
    fn file(&self, date: Date) -> PathBuf {
        day_file(&self.folder, date, self.format)
    }

    /// That a day has no file of another format, which would be taken for more of it.
    fn expect_no_other_format(&self, date: Date) -> Result<()> {
        let others = Format::ALL
            .iter()
            .copied()
            .filter(|format| *format != self.format);
        let mut files = others.map(|format| day_file(&self.folder, date, format));
        match files.find(|file| file.symlink_metadata().is_ok()) {
            None => Ok(()),
            Some(path) => Err(Error::OtherFormat {
                path,
                format: self.format,
            }),
        }
    }

    fn fault(&self, action: Action, date: Date, source: io::Error) -> Error {
        Error::io(action, &self.file(date), source)
    }

    /// Where the draft of a day is: in a folder of its own, if that is to be put in place with it.
    fn draft(&self, date: Date, has_folder: bool) -> PathBuf {
        if has_folder {
            self.name.path().join(format!("{date}.csv"))
        } else {
            day_file(self.name.path(), date, self.format)
        }
    }

    /// What is at the place of a day, and that it may be replaced.
    fn look_at(&self, date: Date) -> Result<There> {
        let folder = day_folder(&self.folder, date);
        let fault = |source| self.fault(Action::Create, date, source);
        match std::fs::metadata(&folder) {
            Ok(there) => {
                expect_folder(&folder, &there)?;
                if self.lock.metadata().map_err(fault)?.dev() != there.dev() {
                    return Err(Error::Occupied {
                        path: folder,
                        found: "on another file system",
                        expected: "a folder on that of the output folder",
                    });
                }
                rustix::fs::access(&folder, Access::WRITE_OK | Access::EXEC_OK)
                    .map_err(|error| fault(error.into()))?;
            }
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && folder.symlink_metadata().is_err() =>
            {
                return Ok(There {
                    has_folder: false,
                    file: None,
                });
            }
            Err(error) => return Err(fault(error)),
        }
        self.expect_no_other_format(date)?;
        let file = self.file(date);
        match file.symlink_metadata() {
            Ok(there) if !there.is_file() => Err(Error::Occupied {
                path: file,
                found: kind_of(&there),
                expected: "a regular file",
            }),
            Ok(_) => Ok(There {
                has_folder: true,
                file: replaced(&file).map_err(fault)?,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(There {
                has_folder: true,
                file: None,
            }),
            Err(error) => Err(fault(error)),
        }
    }

    /// Completes the draft of a day. `true` if what is there has the same bytes; there is no draft then.
    fn complete(&self, open: &mut OpenDay) -> Result<bool> {
        let place = self.file(open.date);
        let replaced = open.there.file.as_ref();
        // Most days are small enough not to become files for nothing.
        let is_in_buffer = open.file.is_none();
        if is_in_buffer && replaced.is_some() && same::file_if_bytes(&place, &open.buffer).is_some()
        {
            return Ok(true);
        }
        self.flush(open)?;
        let (Some(file), replaced) = (&open.file, open.there.file.as_ref()) else {
            return Ok(false);
        };
        if !is_in_buffer
            && replaced.is_some()
            && same::file_if_same(&place, file, open.bytes).is_some()
        {
            let draft = self.draft(open.date, open.there.has_folder);
            std::fs::remove_file(&draft)
                .map_err(|source| Error::io(Action::Remove, &draft, source))?;
            return Ok(true);
        }
        take_over_mode(file, replaced);
        Ok(false)
    }

    fn flush(&self, open: &mut OpenDay) -> Result<()> {
        let buffer = std::mem::take(&mut open.buffer);
        self.write_now(open, &buffer)?;
        open.buffer = buffer;
        open.buffer.clear();
        Ok(())
    }

    fn write_now(&self, open: &mut OpenDay, bytes: &[u8]) -> Result<()> {
        let date = open.date;
        let create = |source| self.fault(Action::Create, date, source);
        let file = if let Some(file) = &mut open.file {
            file
        } else {
            let draft = self.draft(date, open.there.has_folder);
            if !open.there.has_folder {
                std::fs::create_dir(folder_of(&draft)).map_err(create)?;
            }
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(draft)
                .map_err(create)?;
            open.file.insert(file)
        };
        file.write_all(bytes)
            .map_err(|source| self.fault(Action::Write, date, source))
    }

    /// Puts a day in place.
    fn put(&self, day: Day, steps: &mut Vec<Step>) -> io::Result<()> {
        let draft = self.draft(day.date, day.has_folder);
        let file = self.file(day.date);
        if day.has_folder {
            return steps::put(&draft, &file, steps);
        }
        let back = self.draft(day.date, true);
        steps::put_with_folder(&draft, &file, back, steps)
    }

    /// Takes the file of a day away.
    fn remove(&self, date: Date, steps: &mut Vec<Step>) -> io::Result<()> {
        let kept = self.draft(date, true);
        steps::remove(&self.file(date), &kept, steps)
    }
}

/// Days that are complete but not yet to be seen. Dropping them discards them.
///
/// ```
/// use daytally::output::{DayDrafts, Format};
/// use daytally::{Input, Options, Pipeline};
///
/// # let root = tempfile::tempdir().unwrap();
/// # let folder = root.path().join("stats");
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let mut drafts = DayDrafts::create(&folder, Format::CSV)?;
/// pipeline.write_csv_by_day(&outcome, |date, bytes| drafts.write(date, bytes))?;
/// let finished = drafts.finish(|| Ok(()))?;
/// assert_eq!(finished.days().count(), 1);
/// finished.publish()?;
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct FinishedDays {
    days: DayDrafts,
    /// In order.
    removed: Vec<Date>,
}

impl FinishedDays {
    /// How many bytes all days of the result have together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.days.bytes
    }

    /// The days of the result, those that stay what they are too; in no order.
    pub fn days(&self) -> impl Iterator<Item = Date> {
        let written = self.days.days.iter().map(|day| day.date);
        written.chain(self.days.unchanged.iter().copied())
    }

    /// What publishing will do to which days.
    #[must_use]
    pub fn changes(&self) -> DayChanges {
        let dates = |replaces| {
            let days = self.days.days.iter();
            days.filter(move |day| day.replaces == replaces)
                .map(|day| day.date)
                .collect()
        };
        DayChanges {
            added: dates(false),
            changed: dates(true),
            unchanged: self.days.unchanged.clone(),
            removed: self.removed.clone(),
        }
    }

    /// Takes these days away when the others are put in place: their file, and their folder if nothing
    /// else is in it. Days of the result stay, and those that are not there are left out.
    ///
    /// # Errors
    ///
    /// Where one may not be removed, or is no regular file ([`Error::Occupied`]).
    pub fn remove(&mut self, days: impl IntoIterator<Item = Date>) -> Result<()> {
        for date in days {
            let in_result = self
                .days
                .days
                .binary_search_by_key(&date, |day| day.date)
                .is_ok()
                || self.days.unchanged.binary_search(&date).is_ok();
            if in_result {
                continue;
            }
            let there = self.days.staging.look_at(date)?;
            if there.file.is_some()
                && let Err(at) = self.removed.binary_search(&date)
            {
                self.removed.insert(at, date);
            }
        }
        Ok(())
    }

    /// The same for all days of a range that there are and that are not in the result.
    ///
    /// # Errors
    ///
    /// As [`remove`](FinishedDays::remove), and where the folder cannot be read.
    pub fn remove_others(&mut self, range: DateRange) -> Result<()> {
        let staging = &self.days.staging;
        for format in Format::ALL
            .iter()
            .copied()
            .filter(|format| *format != staging.format)
        {
            let days = days_in(&staging.folder, format)?;
            if let Some(date) = days.into_iter().find(|date| range.contains(*date)) {
                staging.expect_no_other_format(date)?;
            }
        }
        let mut days = days_in(&staging.folder, staging.format)?;
        days.retain(|date| range.contains(*date));
        self.remove(days)
    }

    /// Puts all days in place, one after the other, and makes sure that they stay there.
    ///
    /// # Errors
    ///
    /// As [`Publication::publish`]: where one cannot be put in place, removed, or brought to the disk, all
    /// are what they were.
    pub fn publish(self) -> Result<()> {
        let mut publication = Publication::default();
        publication.add_days(self);
        publication.publish().map(drop)
    }

    /// What is to be put in place.
    pub(super) fn into_part(self) -> Box<dyn Part> {
        Box::new(DaysPart {
            days: self,
            steps: Vec::new(),
        })
    }
}

/// Days on their way to their places.
#[derive(Debug)]
struct DaysPart {
    days: FinishedDays,
    steps: Vec<Step>,
}

impl DaysPart {
    fn staging(&self) -> &Staging {
        &self.days.days.staging
    }

    /// The folders in which names changed; and the output folder also where no day changed: those that are
    /// there may have been renamed just before.
    fn folders(&self) -> Vec<PathBuf> {
        let folder = &self.staging().folder;
        let changed = self.steps.iter().map(Step::folder);
        let mut folders: Vec<PathBuf> = changed
            .filter(|changed| changed != folder)
            .map(Path::to_path_buf)
            .collect();
        folders.push(folder.clone());
        if self.staging().created.is_some() {
            folders.push(folder_of(folder).to_path_buf());
        }
        folders
    }

    /// Days, for a message.
    fn part(&self, mut days: Vec<Date>) -> Option<OutputPart> {
        days.sort_unstable();
        let folder = self.staging().folder.clone();
        (!days.is_empty()).then_some(OutputPart::Days { folder, days })
    }
}

impl Part for DaysPart {
    fn prepare(&mut self) -> Result<()> {
        // Every draft has its name since it was begun.
        Ok(())
    }

    fn hold(&mut self) -> Result<()> {
        let staging = &mut self.days.days.staging;
        let held = staging.name.hold();
        held.map_err(|source| Error::io(Action::Publish, &staging.folder, source))
    }

    fn put(&mut self) -> Result<()> {
        let DaysPart { days, steps } = self;
        let staging = &days.days.staging;
        for day in &days.days.days {
            staging
                .put(*day, steps)
                .map_err(|source| staging.fault(Action::Publish, day.date, source))?;
        }
        for date in &days.removed {
            staging
                .remove(*date, steps)
                .map_err(|source| staging.fault(Action::Remove, *date, source))?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        let folders = self.folders();
        sync_each(folders.len(), &|| Ok(()), |at| {
            sync_folder(&folders[at], &File::open(&folders[at])?)
        })
        .map_err(|(at, error)| error.of(|source| Error::io(Action::Sync, &folders[at], source)))
    }

    fn take_back(&mut self) -> TakenBack {
        let (folders, was_put) = (self.folders(), !self.steps.is_empty());
        self.steps.reverse();
        self.steps.retain(|step| step.take_back().is_err());
        let is_durable = AtomicBool::new(true);
        if was_put {
            // As many as can be, and not only up to the first that cannot.
            let _ = sync_each(folders.len(), &|| Ok(()), |at| {
                let folder = &folders[at];
                match File::open(folder).and_then(|file| sync_folder(folder, &file)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        is_durable.store(false, Ordering::Relaxed);
                    }
                    // Or it has gone again.
                    _ => {}
                }
                Ok(())
            });
        }
        let changed: BTreeSet<Date> = self
            .steps
            .iter()
            .filter_map(|step| date_of_day_file(step.place()))
            .collect();
        let all = self.days.days.days.iter().map(|day| day.date);
        let all = all.chain(self.days.removed.iter().copied());
        let unchanged = all.filter(|day| !changed.contains(day)).collect();
        let stray = self.staging().name.path().to_path_buf();
        let kept = (!self.steps.is_empty()).then_some(stray);
        if kept.is_none() {
            let _ = self.staging().name.remove();
        } else {
            remove_empty(&self.steps, &self.staging().folder);
        }
        TakenBack {
            changed: self.part(changed.into_iter().collect()),
            unchanged: self.part(unchanged),
            kept,
            is_durable: is_durable.into_inner(),
        }
    }

    fn settle(&mut self) -> Option<PathBuf> {
        let staging = &mut self.days.days.staging;
        if let Some(created) = staging.created.take() {
            created.keep();
        }
        remove_empty(&self.steps, &staging.folder);
        let removed = staging.name.remove();
        removed.is_err().then(|| staging.name.path().to_path_buf())
    }
}

/// Removes the folders that files were taken away from, unless something else is in them.
fn remove_empty(steps: &[Step], folder: &Path) {
    let mut has_removed = false;
    for removal in steps.iter().filter(|step| step.is_removal()) {
        has_removed |= std::fs::remove_dir(folder_of(removal.place())).is_ok();
    }
    if has_removed {
        // At worst empty folders come back.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// Why files were not all brought to the disk.
enum Unsynced {
    Disk(io::Error),
    /// Something else ended it.
    Ended(Error),
}

impl Unsynced {
    fn of(self, fault: impl FnOnce(io::Error) -> Error) -> Error {
        match self {
            Unsynced::Disk(source) => fault(source),
            Unsynced::Ended(error) => error,
        }
    }
}

/// Does `sync` for each of so many files, some side by side. Of what goes wrong one is told, and with
/// which file.
fn sync_each(
    count: usize,
    keep_going: &(impl Fn() -> Result<()> + Sync),
    sync: impl Fn(usize) -> io::Result<()> + Sync,
) -> std::result::Result<(), (usize, Unsynced)> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return;
            }
            let done = keep_going()
                .map_err(Unsynced::Ended)
                .and_then(|()| sync(at).map_err(Unsynced::Disk));
            if let Err(error) = done {
                // Nobody needs to go on.
                next.store(count, Ordering::Relaxed);
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert((at, error));
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..SYNCS.min(count) {
            // Where there can be no more threads, those that there are do it.
            let thread = std::thread::Builder::new().name("daytally-sync".into());
            if thread.spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), Err)
}

/// Brings a file to the disk, whatever its mode lets one do with it.
fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)
        .or_else(|_| File::options().write(true).open(path))?
        .sync_all()
}

fn expect_folder(path: &Path, there: &Metadata) -> Result<()> {
    if there.is_dir() {
        return Ok(());
    }
    Err(Error::Occupied {
        path: path.to_path_buf(),
        found: kind_of(there),
        expected: "a folder",
    })
}

/// What something is, with its article.
fn kind_of(there: &Metadata) -> &'static str {
    let kind = there.file_type();
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_file() {
        "a file"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn entries(folder: &Path) -> usize {
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }

    fn finished(folder: &Path, days: &[(&str, &[u8])]) -> FinishedDays {
        let mut drafts = DayDrafts::create(folder, Format::default()).unwrap();
        for (date, bytes) in days {
            // In pieces.
            for piece in bytes.chunks(100_000) {
                drafts.write(day(date), piece).unwrap();
            }
        }
        drafts.finish(|| Ok(())).unwrap()
    }

    #[test]
    fn days_are_compared_whatever_their_size() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("out");
        for len in [1, BUFFER - 1, BUFFER, 5 * BUFFER + 7] {
            let old = vec![b'x'; len];
            let mut new = old.clone();
            new[len - 1] = b'y';
            finished(&folder, &[("2024-01-01", &old), ("2024-01-02", &old)])
                .publish()
                .unwrap();
            let next = finished(
                &folder,
                &[
                    ("2024-01-01", &new),
                    ("2024-01-02", &old),
                    ("2024-01-03", &old),
                ],
            );
            assert_eq!(next.bytes(), 3 * len as u64);
            let changes = next.changes();
            assert_eq!(changes.changed, [day("2024-01-01")]);
            assert_eq!(changes.unchanged, [day("2024-01-02")]);
            assert_eq!(changes.added, [day("2024-01-03")]);
            next.publish().unwrap();
            for (date, bytes) in [("2024-01-01", &new), ("2024-01-02", &old)] {
                let file = day_file(&folder, day(date), Format::default());
                assert!(&std::fs::read(file).unwrap() == bytes);
            }
            assert_eq!(entries(&folder), 3);
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("out");
        let mut drafts = DayDrafts::create(&folder, Format::default()).unwrap();
        assert_eq!(entries(&folder), 1);
        drafts.write(day("2024-01-01"), b"x").unwrap();
        drafts.write(day("2024-01-02"), b"x").unwrap();
        drop(drafts);
        assert_eq!(entries(root.path()), 0);
        drop(finished(&folder, &[("2024-01-01", b"x")]));
        assert_eq!(entries(root.path()), 0);
        // What somebody put there keeps the folder.
        let drafts = DayDrafts::create(&folder, Format::default()).unwrap();
        std::fs::write(folder.join("notes"), "").unwrap();
        drop(drafts);
        assert_eq!(entries(&folder), 1);
    }

    #[test]
    fn only_days_that_are_there_and_not_in_the_result_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("out");
        let dates = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"];
        let days = dates.map(|date| (date, &b"x"[..]));
        finished(&folder, &days).publish().unwrap();
        std::fs::create_dir(folder.join("date=2024-01-05")).unwrap();
        std::fs::write(folder.join("date=2024-01-5"), "").unwrap();
        assert_eq!(days_in(&folder, Format::default()).unwrap(), dates.map(day));

        let mut next = finished(&folder, &[("2024-01-02", b"x"), ("2024-01-03", b"y")]);
        next.remove(
            [
                "2024-01-05",
                "2024-01-04",
                "2024-01-02",
                "2024-01-04",
                "1999-01-01",
            ]
            .map(day),
        )
        .unwrap();
        assert_eq!(next.changes().removed, [day("2024-01-04")]);
        next.remove_others(DateRange::new(None, Some(day("2024-01-03"))).unwrap())
            .unwrap();
        assert_eq!(
            next.changes().removed,
            ["2024-01-01", "2024-01-04"].map(day)
        );
        next.publish().unwrap();
        assert_eq!(
            days_in(&folder, Format::default()).unwrap(),
            ["2024-01-02", "2024-01-03"].map(day)
        );
        assert!(!folder.join("date=2024-01-04").exists());
        // It was empty before, and not of this run.
        assert!(folder.join("date=2024-01-05").exists());
    }

    #[test]
    fn days_come_in_order() {
        let root = tempfile::tempdir().unwrap();
        for dates in [["2024-01-02", "2024-01-01"], ["2024-01-02", "2024-01-03"]] {
            let mut drafts = DayDrafts::create(root.path(), Format::default()).unwrap();
            for date in dates {
                let written = drafts.write(day(date), b"x");
                assert_eq!(written.is_err(), date == "2024-01-01");
            }
            assert!(drafts.write(day("2024-01-02"), b"x").is_err());
        }
        assert_eq!(entries(root.path()), 0);
    }

    #[test]
    fn whoever_stops_it_leaves_the_days_as_they_were() {
        let root = tempfile::tempdir().unwrap();
        let mut drafts = DayDrafts::create(root.path(), Format::default()).unwrap();
        drafts.write(day("2024-01-01"), b"x").unwrap();
        let error = drafts
            .finish(|| Err(Error::Stopped { signal: 15 }))
            .unwrap_err();
        assert!(matches!(error, Error::Stopped { signal: 15 }), "{error}");
        assert_eq!(entries(root.path()), 0);
    }

    #[test]
    fn each_file_is_synced_once_and_a_fault_ends_it() {
        for count in [0, 1, 2, 7, 8, 9, 1000] {
            let seen = Mutex::new(BTreeSet::new());
            let sync = |at| {
                assert!(seen.lock().unwrap().insert(at));
                if at == 500 {
                    Err(io::ErrorKind::Other.into())
                } else {
                    Ok(())
                }
            };
            match sync_each(count, &|| Ok(()), sync) {
                Ok(()) => assert_eq!(seen.lock().unwrap().len(), count),
                Err((at, Unsynced::Disk(_))) => {
                    assert_eq!((at, count), (500, 1000));
                    assert!(seen.lock().unwrap().len() < 1000);
                }
                Err((_, Unsynced::Ended(error))) => panic!("{error}"),
            }
        }
    }
}
