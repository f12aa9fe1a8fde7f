//! What a run reads: named before it starts, opened when its turn comes.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::ahead;
use super::compression::Compression;
use super::file::{self, FileId, Recording, RegularFile, Seen};
use super::file_system;
use super::mapped::InputFile;
use super::pipe::{KeepGoing, Pipe, Until};
use super::sample::PlainFile;
use super::split::{Split, SplitPlan};
use super::stdin;
use super::stream::{Cutting, Place, Start, Stream};
use crate::error::{Action, Error, Result};
use crate::text;

/// From how many bytes on a file is mapped. A smaller one is copied sooner than it is mapped, and
/// unmapped again: that interrupts every core.
const MAPPED_FROM: u64 = 1024 * 1024;

/// One input of a run: a file, a pipe, a device, standard input, or any reader.
///
/// What is compressed, by its first bytes, is decompressed as it is read. Large regular files that are
/// not are mapped into memory; unless they are on a file system where that is not safe, such as one
/// of a network, or the run is [not to map files](crate::Options::map_files), or has few threads and they are
/// not in the kernel's cache, where reading them is faster.
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let line = r#"{"user_id": 7, "event_type": "click", "timestamp": "2024-01-01T08Z"}"#;
/// let inputs = vec![
///     Input::open("tests/data/events.jsonl".as_ref())?,
///     Input::reader("from memory", line.as_bytes()),
/// ];
/// let outcome = Pipeline::new(Options::default())?.aggregate(inputs, &mut ())?;
/// assert_eq!(outcome.books.valid, 4);
/// # Ok::<(), daytally::Error>(())
/// ```
pub struct Input {
    name: String,
    origin: Origin,
    /// The first byte of a regular file that is to be read; and how many lines are before it.
    start: u64,
    lines_before: u64,
    /// The lines of a regular file that are to be read, if not all.
    split: Option<Split>,
    recording: Option<Recording>,
    map_files: bool,
    map_uncached: bool,
    until: Option<Until>,
}

enum Origin {
    Stdin,
    /// A regular file, as it was when it was named.
    File(PathBuf, Seen),
    /// A pipe or a device.
    Special(PathBuf),
    Reader(Box<dyn Read + Send>),
}

impl Input {
    /// The file, pipe or device at a path. It is looked at now, and opened when its turn comes.
    ///
    /// # Errors
    ///
    /// Where there is none, it may not be read, or it is a folder or a socket.
    pub fn open(path: &Path) -> Result<Input> {
        Input::named(path.to_string_lossy().into_owned(), path)
    }

    /// The same, with a name to show: in rejects, the log, the summary.
    ///
    /// # Errors
    ///
    /// As for [`Input::open`].
    pub fn named(name: String, path: &Path) -> Result<Input> {
        let (path, seen) = file::inspect(path)?;
        Ok(Input::of(
            name,
            if seen.metadata.is_file() {
                Origin::File(path, seen)
            } else {
                Origin::Special(path)
            },
        ))
    }

    /// Standard input, from where it is; shown as `-`.
    #[must_use]
    pub fn stdin() -> Input {
        Input::of("-".into(), Origin::Stdin)
    }

    /// What a reader gives, with a name to show. A run that is stopped waits until it gives something:
    /// it should not wait long.
    #[must_use]
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Input {
        Input::of(name.into(), Origin::Reader(Box::new(reader)))
    }

    fn of(name: String, origin: Origin) -> Input {
        Input {
            name,
            origin,
            start: 0,
            lines_before: 0,
            split: None,
            recording: None,
            map_files: true,
            map_uncached: true,
            until: None,
        }
    }

    /// Reads a regular file that is not compressed from a byte on that starts a line. So many lines are
    /// before it.
    pub(crate) fn start_at(&mut self, start: u64, lines_before: u64) {
        (self.start, self.lines_before) = (start, lines_before);
    }

    /// Reads the lines of a split and no others, which take their numbers from 1. For a compressed input that
    /// has to be all of them.
    ///
    /// # Errors
    ///
    /// [`Error::Split`] where the input is no regular file, or the split is not in it.
    ///
    /// ```
    /// use daytally::{Input, Options, Pipeline};
    ///
    /// let mut input = Input::open("tests/data/events.jsonl".as_ref())?;
    /// input.split("100..".parse().unwrap())?;
    /// let outcome = Pipeline::new(Options::default())?.aggregate(vec![input], &mut ())?;
    /// assert_eq!(outcome.books.lines(), 3);
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn split(&mut self, split: Split) -> Result<()> {
        if split != Split::WHOLE {
            let refused = |path: &Path, what: String| Err(Error::split(split, path, what));
            match &self.origin {
                Origin::File(path, seen) => {
                    if let Err(what) = split.of_len(seen.metadata.len()) {
                        return refused(path, what);
                    }
                }
                Origin::Special(_) | Origin::Stdin | Origin::Reader(_) => {
                    let what = "cannot be read: only regular files can be read in parts; leave the split out to read all of it";
                    return refused(self.name.as_ref(), what.into());
                }
            }
            self.split = Some(split);
        }
        Ok(())
    }

    /// Which version of a regular file it is: as it was when it was named.
    #[must_use]
    pub fn identity(&self) -> Option<InputIdentity> {
        match &self.origin {
            Origin::File(_, seen) => Some(InputIdentity::of(&seen.metadata)),
            _ => None,
        }
    }

    /// Checks that it is the version of the file that somebody has seen before.
    ///
    /// # Errors
    ///
    /// [`Error::InputNotExpected`] where it is another, or no regular file.
    pub fn expect(&self, size: Option<u64>, modified: Option<i64>) -> Result<()> {
        let found = self.identity();
        let is_it = |of: fn(InputIdentity) -> i128, expected: Option<i128>| {
            expected.is_none_or(|expected| found.map(of) == Some(expected))
        };
        if is_it(|found| found.size.into(), size.map(Into::into))
            && is_it(|found| found.modified.into(), modified.map(Into::into))
        {
            return Ok(());
        }
        let path = self
            .path()
            .map_or_else(|| self.name.clone().into(), Path::to_path_buf);
        Err(Error::InputNotExpected {
            path,
            size,
            modified,
            found,
        })
    }

    /// Looks at what has to be known to have it read in splits, by several runs at the same time.
    ///
    /// # Errors
    ///
    /// [`Error::NotSplittable`] where it can only be read as a whole, as a stream: it is no regular file, or one
    /// that the kernel makes up as it is read, or another file in each process, such as `/dev/stdin`. And where
    /// it cannot be read, or was changed since it was named.
    ///
    /// ```
    /// use daytally::Input;
    /// use std::num::NonZeroU64;
    ///
    /// let plan = Input::open("tests/data/events.jsonl".as_ref())?.plan_splits()?;
    /// assert_eq!((plan.identity.size, plan.compression), (422, None));
    /// let splits = plan.splits(NonZeroU64::new(200).expect("not zero"));
    /// let splits: Vec<_> = splits.map(|split| split.to_string()).collect();
    /// assert_eq!(splits, ["0..200", "200..422"]);
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn plan_splits(self) -> Result<SplitPlan> {
        let refused = |input| {
            let what = "can only be read as a whole, as a stream (daytally partial -), so there are no splits of it; leave it out, or write it to a file first";
            let what = what.into();
            Err(Error::NotSplittable { input, what })
        };
        let (path, seen) = match self.origin {
            Origin::File(path, seen) if !is_another_in_each_process(&path) => (path, seen),
            Origin::File(path, _) | Origin::Special(path) => {
                return refused(text::path(&path).to_string());
            }
            Origin::Stdin => return refused("standard input".into()),
            Origin::Reader(_) => return refused(text::name(&self.name).to_string()),
        };
        let identity = InputIdentity::of(&seen.metadata);
        let file = RegularFile::open(path, seen)?;
        if file.is_made_up()? {
            return refused(text::path(file.path()).to_string());
        }
        Ok(SplitPlan {
            identity,
            compression: compression_of(&file)?,
        })
    }

    /// How many lines are not read.
    pub(crate) fn lines_before(&self) -> u64 {
        self.lines_before
    }

    /// Has it told what to remember of it, if it is a regular file.
    pub(crate) fn record(&mut self, recording: Recording) {
        self.recording = Some(recording);
    }

    /// The name to show; bytes of a path that are not UTF-8 show as U+FFFD.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The absolute path; `None` for standard input and readers.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File(path, _) | Origin::Special(path) => Some(path),
            Origin::Stdin | Origin::Reader(_) => None,
        }
    }

    /// Which file it is, if it is a regular file.
    #[must_use]
    pub fn id(&self) -> Option<FileId> {
        match &self.origin {
            Origin::File(_, seen) => Some(FileId::new(&seen.metadata)),
            _ => None,
        }
    }

    /// How many bytes it has as it is stored, where that is known: for a regular file.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        match &self.origin {
            Origin::File(_, seen) => Some(seen.metadata.len()),
            _ => None,
        }
    }

    /// How many bytes of it are to be read, as it is stored, where that is known.
    pub(crate) fn bytes_to_read(&self) -> Option<u64> {
        let len = self.len()?;
        let split = self.split.and_then(|split| split.of_len(len).ok());
        Some(split.map_or(len.saturating_sub(self.start), |bytes| {
            bytes.end - bytes.start
        }))
    }

    /// Whether it is known to have no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Has it read rather than mapped, whatever it is.
    pub(crate) fn do_not_map(&mut self) {
        self.map_files = false;
    }

    /// Has it read rather than mapped if it is not in the cache.
    pub(crate) fn do_not_map_uncached(&mut self) {
        self.map_uncached = false;
    }

    /// Has what is not mapped end at a time, if it has not by then.
    pub(crate) fn read_until(&mut self, until: Until) {
        self.until = Some(until);
    }

    /// Whether it will be mapped, unless it turns out to be compressed, or not to be in the cache, or its file
    /// system to be one where that is not safe.
    pub(crate) fn may_be_mapped(&self) -> bool {
        self.map_files && self.len().is_some_and(|len| len >= MAPPED_FROM)
    }

    /// Looks at whether it can be read at any place.
    pub(crate) fn sampled(self) -> Result<Sampled> {
        let (path, seen) = match self.origin {
            Origin::File(path, seen) => (path, seen),
            origin => return Ok(Sampled::Other(Box::new(Input { origin, ..self }))),
        };
        let (id, len) = (FileId::new(&seen.metadata), seen.metadata.len());
        let file = RegularFile::open(path.clone(), seen)?;
        if file.is_made_up()? || compression_of(&file)?.is_some() {
            let input = Input::named(self.name, &path)?;
            return Ok(Sampled::Other(Box::new(input)));
        }
        Ok(Sampled::Plain(PlainFile { path, id, len }))
    }

    /// Opens it, to be read to its end. `keep_going` is asked from time to time where reading has to
    /// wait for somebody.
    pub(crate) fn start(self, cutting: Cutting, keep_going: KeepGoing) -> Result<Opened> {
        let may_be_mapped = self.may_be_mapped();
        let mut way = match &self.origin {
            Origin::File(_, seen) if seen.metadata.len() < MAPPED_FROM => Way::ReadSmall,
            Origin::Special(_) => Way::ReadSpecial,
            Origin::Stdin => Way::ReadStdin,
            Origin::File(..) | Origin::Reader(_) => Way::Read,
        };
        // The first byte that is read.
        let mut first = 0;
        let (place, reader, file): (_, Box<dyn Read + Send>, _) = match self.origin {
            Origin::File(path, seen) => {
                let mut file = RegularFile::open(path.clone(), seen)?;
                file.start_at(self.start)?;
                // What is read on was not compressed at its start.
                let mut may_be_compressed = self.start == 0;
                if let Some(split) = self.split {
                    let is_part = split.of_len(file.len()) != Ok(0..file.len());
                    let compression = compression_of(&file)?;
                    if let Some(format) = compression.filter(|_| is_part) {
                        let what = format!(
                            "cannot be read: the file is compressed ({}), and can only be read as a whole; leave the split out",
                            format.name()
                        );
                        return Err(Error::split(split, &path, what));
                    }
                    if is_part {
                        file.read_split(split)?;
                        may_be_compressed = false;
                    }
                }
                first = file.start();
                if may_be_mapped && !(may_be_compressed && compression_of(&file)?.is_some()) {
                    if let Some(name) = file_system::not_to_be_mapped(file.file()) {
                        way = Way::ReadFrom(name);
                    } else if !self.map_uncached
                        && ahead::is_missing(file.file(), file.start()..file.end())
                    {
                        way = Way::ReadUncached;
                    } else if let Ok(mapping) = file.map() {
                        let mapped = InputFile::of(file, mapping, self.recording);
                        return Ok(Opened::Mapped(Box::new(mapped)));
                    }
                    // Not every file system can; then it is read.
                }
                let mut reader = file
                    .file()
                    .try_clone()
                    .map_err(|source| Error::io(Action::Open, &path, source))?;
                if first > 0 {
                    reader
                        .seek(SeekFrom::Start(first))
                        .map_err(|source| Error::io(Action::Read, &path, source))?;
                }
                if file.is_made_up()? {
                    way = Way::ReadSpecial;
                    (Place::Path(path), Box::new(reader), None)
                } else {
                    // What was added to it since it was named is not read.
                    let reader = reader.take(file.to_read());
                    (Place::Path(path), Box::new(reader), Some(file))
                }
            }
            Origin::Special(path) => {
                // Without waiting for a writer, which `Pipe` does. Only then: a terminal or a device
                // behaves the same.
                let mut options = File::options();
                options.read(true).custom_flags(libc::O_NONBLOCK);
                let file = stdin::check_path(&path)
                    .and_then(|()| options.open(&path))
                    .map_err(|source| Error::io(Action::Open, &path, source))?;
                let pipe = Pipe::new(file, keep_going.clone(), self.until.clone());
                (Place::Path(path), Box::new(pipe), None)
            }
            Origin::Stdin => {
                let fault = |source| Error::read_named("standard input", source);
                let stdin = stdin::open().map_err(fault)?;
                if stdin.metadata().map_err(fault)?.is_file() {
                    let reader = stdin.try_clone().map_err(fault)?;
                    let file = RegularFile::stdin(stdin).map_err(fault)?;
                    if file.is_made_up()? {
                        (Place::Stdin, Box::new(reader), None)
                    } else {
                        let reader = reader.take(file.to_read());
                        (Place::Stdin, Box::new(reader), Some(file))
                    }
                } else {
                    let pipe = Pipe::new(stdin, keep_going.clone(), self.until.clone());
                    (Place::Stdin, Box::new(pipe), None)
                }
            }
            Origin::Reader(reader) => (Place::Reader(self.name), reader, None),
        };
        let start = Start {
            offset: first,
            file,
            recording: self.recording,
            until: self.until,
            ..Start::of(place)
        };
        Stream::new(start, reader, cutting, keep_going)
            .map(|stream| Opened::Stream(Box::new(stream), way))
    }
}

/// Which version of a file it is, as far as its size and date tell.
///
/// ```
/// use daytally::Input;
/// let input = Input::open("tests/data/events.jsonl".as_ref())?;
/// assert_eq!(input.identity().unwrap().size, 422);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputIdentity {
    /// Its length, in bytes, as it is stored.
    pub size: u64,
    /// When it was last written to: nanoseconds since 1970-01-01T00:00:00Z.
    pub modified: i64,
}

impl InputIdentity {
    fn of(metadata: &Metadata) -> InputIdentity {
        let seconds = metadata.mtime().saturating_mul(1_000_000_000);
        InputIdentity {
            size: metadata.len(),
            // Until the year 2262.
            modified: seconds.saturating_add(metadata.mtime_nsec()),
        }
    }
}

/// How the bytes of an input were had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// They were read, a block at a time: as was asked for, or since nothing else is possible.
    #[default]
    Read,
    /// They were read, since the file is so small that mapping it takes longer.
    ReadSmall,
    /// They were read, since they are compressed, in the format of that name.
    ReadCompressed(&'static str),
    /// They were read, since the input is standard input.
    ReadStdin,
    /// They were read, since the input is a pipe or a device, or the kernel makes it up.
    ReadSpecial,
    /// They were read, since mapping them would not be safe on the file system of that name.
    ReadFrom(&'static str),
    /// They were read, since much of the file was not in the cache of the kernel.
    ReadUncached,
    /// The file was mapped into memory.
    Mapped,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Read => f.write_str("read"),
            Way::ReadSmall => write!(
                f,
                "read, not mapped: it is smaller than {} MiB",
                MAPPED_FROM / (1024 * 1024)
            ),
            Way::ReadCompressed(name) => {
                write!(f, "read, not mapped: it is compressed ({name})")
            }
            Way::ReadStdin => f.write_str("read, not mapped: it is standard input"),
            Way::ReadSpecial => f.write_str("read, not mapped: it is a pipe or a device"),
            Way::ReadFrom(name) => write!(f, "read, not mapped: it is on {name}"),
            Way::ReadUncached => f.write_str("read, not mapped: it is not in the page cache"),
            Way::Mapped => f.write_str("mapped"),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// An input to take samples of.
pub(crate) enum Sampled {
    /// At any place of it.
    Plain(PlainFile),
    /// From its start.
    Other(Box<Input>),
}

/// An input that is being read.
pub(crate) enum Opened {
    Mapped(Box<InputFile>),
    Stream(Box<Stream>, Way),
}

/// Whether a path is one of those that stand for what a process has open.
fn is_another_in_each_process(path: &Path) -> bool {
    path == Path::new("/dev/stdin")
        || ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

/// How a file is compressed, by its first bytes.
fn compression_of(file: &RegularFile) -> Result<Option<Compression>> {
    let mut start = [0; Compression::MAGIC_LEN];
    let mut len = 0;
    while len < start.len() {
        match file.file().read_at(&mut start[len..], len as u64) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::io(Action::Read, file.path(), source)),
        }
    }
    file.check_start(len)?;
    Ok(Compression::detect(&start[..len]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A large compressed file would be mapped, and taken for lines.
    #[test]
    fn a_file_whose_start_is_missing_is_not_taken_for_another_kind() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"BZh9 and so on").unwrap();
        let (path, seen) = file::inspect(file.path()).unwrap();
        let regular = RegularFile::open(path, seen).unwrap();
        assert_eq!(compression_of(&regular).unwrap(), Some(Compression::Bzip2));
        file.as_file().set_len(3).unwrap();
        let error = compression_of(&regular).unwrap_err().to_string();
        assert!(error.contains("14 bytes long and is now 3"), "{error}");
    }
}
