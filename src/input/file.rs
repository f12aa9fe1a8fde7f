//! A regular file: which one it is, and whether it stays what it was while it is read.

use std::fs::{File, Metadata};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Seek as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use foldhash::quality::RandomState;

use super::compression::Compression;
use super::identity::{FileRecord, Verify};
use super::map::Mapping;
use super::split::{self, Split};
use crate::error::{Action, Error, Result};

/// Which file it is, whatever it is called: the numbers of its device and inode.
///
/// ```
/// use daytally::input::FileId;
///
/// let id = |path| std::fs::metadata(path).map(|there| FileId::new(&there));
/// assert_eq!(id("tests/data/events.jsonl")?, id("tests/data/../data/events.jsonl")?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The identity of the file that `metadata` describes.
    #[must_use]
    pub fn new(metadata: &Metadata) -> FileId {
        FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// The absolute path of an input, and what is there.
pub(super) fn inspect(path: &Path) -> Result<(PathBuf, Seen)> {
    let open = |path: &Path, source| Error::io(Action::Open, path, source);
    let absolute = std::path::absolute(path).map_err(|source| open(path, source))?;
    let metadata = std::fs::metadata(&absolute).map_err(|source| open(&absolute, source))?;
    if metadata.is_dir() {
        return Err(Error::InputIsFolder { path: absolute });
    }
    if metadata.file_type().is_socket() {
        return Err(Error::InputIsSocket { path: absolute });
    }
    // Whether it may be read is found now and not in the middle of the run.
    if !metadata.is_file() {
        rustix::fs::access(&absolute, rustix::fs::Access::READ_OK)
            .map_err(|error| open(&absolute, error.into()))?;
        return Ok((absolute, Seen::of_special(metadata)));
    }
    let seen = Seen::of_file(&absolute).map_err(|source| open(&absolute, source))?;
    Ok((absolute, seen))
}

/// What was at a path when it was named.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) metadata: Metadata,
    /// A hash of the start and the end of a regular file: what is read later may be another version of
    /// it, of which the length at this time says nothing.
    ends: u64,
    hasher: RandomState,
}

impl Seen {
    fn of_special(metadata: Metadata) -> Seen {
        Seen {
            metadata,
            ends: 0,
            hasher: RandomState::default(),
        }
    }

    fn of_file(path: &Path) -> io::Result<Seen> {
        let file = open_file(path)?;
        let metadata = file.metadata()?;
        let hasher = RandomState::default();
        let ends = ends_of(&file, metadata.len(), &hasher)?;
        Ok(Seen {
            metadata,
            ends,
            hasher,
        })
    }
}

/// Opens what should be a regular file. Something else may have been put in its place: opening a pipe
/// would wait for a writer.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// What is to be remembered of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recording {
    pub(crate) verify: Verify,
    /// How much of an unfinished last line is kept at most, in bytes.
    pub(crate) line_bytes: usize,
}

/// A regular file that is open for reading, and what it was when the run began.
#[derive(Debug)]
pub(super) struct RegularFile {
    /// Empty for standard input, which has none to look at.
    path: PathBuf,
    file: File,
    /// Where reading starts, and where it ends.
    start: u64,
    end: u64,
    before: Metadata,
    samples: u64,
    /// Seeded anew, so that no change can be made to pass for none.
    hasher: RandomState,
}

impl RegularFile {
    /// Opens the file at an absolute path, where this was seen.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened, or is another file by now, or was written to; unless that was only at
    /// its end.
    pub(super) fn open(path: PathBuf, seen: Seen) -> Result<RegularFile> {
        let fault = |action, source| Error::io(action, &path, source);
        let Seen {
            metadata: before,
            ends,
            hasher,
        } = seen;
        let file = open_file(&path).map_err(|source| fault(Action::Open, source))?;
        let now = file
            .metadata()
            .map_err(|source| fault(Action::Inspect, source))?;
        // The number of an inode that is gone may be given to whatever comes next.
        if !now.is_file() || FileId::new(&now) != FileId::new(&before) {
            return Err(changed(&path, REPLACED.into()));
        }
        let is_touched = modified(&now) != modified(&before);
        if is_touched && now.len() == before.len() {
            return Err(changed(&path, TOUCHED.into()));
        }
        if now.len() > before.len() {
            let ends_now = ends_of(&file, before.len(), &hasher)
                .map_err(|source| fault(Action::Read, source))?;
            if ends_now != ends {
                return Err(changed(&path, REWRITTEN.into()));
            }
        }
        let_dates_pass(&now);
        let samples = samples_of(&file, before.len(), &hasher)
            .map_err(|source| fault(Action::Read, source))?;
        let file = RegularFile {
            path,
            file,
            start: 0,
            end: before.len(),
            before,
            samples,
            hasher,
        };
        file.added(&now)?;
        Ok(file)
    }

    /// The file behind standard input, to be read from where it is.
    pub(super) fn stdin(mut file: File) -> io::Result<RegularFile> {
        let before = file.metadata()?;
        let_dates_pass(&before);
        let start = file.stream_position()?.min(before.len());
        // It may be open for writing only, which reading nothing would not tell.
        file.read_at(&mut [0], start)?;
        let hasher = RandomState::default();
        let samples = samples_of(&file, before.len(), &hasher)?;
        Ok(RegularFile {
            path: PathBuf::new(),
            file,
            start,
            end: before.len(),
            before,
            samples,
            hasher,
        })
    }

    /// The file in memory.
    pub(super) fn map(&self) -> io::Result<Mapping> {
        let len = usize::try_from(self.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        Mapping::new(&self.file, len)
    }

    /// Whether the kernel makes the file up as it is read: those of `/proc` say that they are empty
    /// and are not.
    pub(super) fn is_made_up(&self) -> Result<bool> {
        if self.len() > 0 {
            return Ok(false);
        }
        let read = self.file.read_at(&mut [0], 0);
        // One that was empty, and has been written to since, says so.
        let len = self.file.metadata().map(|now| now.len());
        match (read, len) {
            (Ok(read), Ok(len)) => Ok(read > 0 && len == 0),
            (Err(source), _) | (_, Err(source)) => Err(self.fault(Action::Read, source)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// How many bytes the file had when the run began.
    pub(super) fn len(&self) -> u64 {
        self.before.len()
    }

    /// Where reading starts.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Reading starts there, and not at the first byte.
    pub(super) fn start_at(&mut self, start: u64) -> Result<()> {
        if start > self.len() {
            let change = format!("it had {start} bytes and is {} bytes long", self.len());
            return Err(changed(&self.path, change));
        }
        self.start = start;
        Ok(())
    }

    /// Where reading ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// No more than the lines of a split are read; where they start, and where they end.
    ///
    /// # Errors
    ///
    /// Where the split is not in the file, or the file cannot be read.
    pub(super) fn read_split(&mut self, split: Split) -> Result<Range<u64>> {
        let bytes = split
            .of_len(self.len())
            .map_err(|what| Error::split(split, &self.path, what))?;
        let lines = split::lines_of(&self.file, bytes, self.len())
            .map_err(|source| self.fault(Action::Read, source))?;
        (self.start, self.end) = (lines.start, lines.end);
        Ok(lines)
    }

    /// What is to be remembered of it, now that it has been read. To be asked for before
    /// [`RegularFile::check_unchanged`], which then holds for it too.
    pub(super) fn record(&self, recording: Recording) -> Result<FileRecord> {
        let record = FileRecord::of(
            &self.file,
            &self.path,
            &self.before,
            recording.verify,
            recording.line_bytes,
        );
        // If it cannot be read, it may have been cut shorter, and that says more.
        record.or_else(|error| self.check_unchanged().and(Err(error)))
    }

    /// How many of them are to be read.
    pub(super) fn to_read(&self) -> u64 {
        self.end - self.start
    }

    pub(super) fn id(&self) -> FileId {
        FileId::new(&self.before)
    }

    /// Whether what was read is still there: the same inode behind the path, not shorter than it
    /// was when the run began, and not written to in place. Returns how many bytes have been added
    /// at its end since, which is what an active log does and takes nothing from what was read.
    ///
    /// Two dates tell that a file was written to: when it was modified, which its owner can set to what
    /// it was, and when anything of it changed, which nobody can. The second alone also changes with
    /// the file's mode, owner, or number of names; where one of those is different now, that is taken
    /// for the cause.
    ///
    /// Whether a file that grew was also changed before its old end is judged by samples of its
    /// bytes: its start, its end, and some places between. What is written through a shared memory
    /// map may go unnoticed: the kernel changes the file's date when a page is first written to, and
    /// not again until it has been brought to the disk.
    pub(super) fn check_unchanged(&self) -> Result<u64> {
        let changed = |change: String| Err(changed(&self.path, change));
        let now = if self.path.as_os_str().is_empty() {
            self.file.metadata()
        } else {
            std::fs::metadata(&self.path)
        };
        let now = match now {
            Ok(now) if FileId::new(&now) == self.id() => now,
            Ok(_) => return changed(REPLACED.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return changed("it was moved or deleted".into());
            }
            Err(source) => return Err(self.fault(Action::Inspect, source)),
        };
        let added = self.added(&now)?;
        if added == 0 && modified(&now) != modified(&self.before) {
            return changed(TOUCHED.into());
        }
        let touched = |metadata: &Metadata| (metadata.ctime(), metadata.ctime_nsec());
        let attributes = |of: &Metadata| (of.mode(), of.uid(), of.gid(), of.nlink());
        if added == 0
            && touched(&now) != touched(&self.before)
            && attributes(&now) == attributes(&self.before)
        {
            return changed(
                "its dates or attributes were set, which also hides that it was written to".into(),
            );
        }
        let samples = samples_of(&self.file, self.before.len(), &self.hasher)
            .map_err(|source| self.fault(Action::Read, source))?;
        if samples != self.samples {
            return changed(REWRITTEN.into());
        }
        Ok(added)
    }

    /// How many bytes longer the file is now.
    fn added(&self, now: &Metadata) -> Result<u64> {
        now.len().checked_sub(self.before.len()).ok_or_else(|| {
            changed(
                &self.path,
                format!(
                    "it was {} bytes long and is now {}",
                    self.before.len(),
                    now.len()
                ),
            )
        })
    }

    /// Whether the byte at a place, which was zero when it was read, still is.
    pub(super) fn is_zero_at(&self, at: u64) -> Result<bool> {
        let mut byte = [1];
        match self.file.read_at(&mut byte, at) {
            Ok(read) => Ok(read == 1 && byte == [0]),
            Err(source) => Err(self.fault(Action::Read, source)),
        }
    }

    /// The error for a file that was not what it is when it was read.
    pub(super) fn rewritten(&self) -> Error {
        changed(&self.path, REWRITTEN.into())
    }

    /// The error for what the operating system refused.
    fn fault(&self, action: Action, source: io::Error) -> Error {
        if self.path.as_os_str().is_empty() {
            Error::read_named("standard input", source)
        } else {
            Error::io(action, &self.path, source)
        }
    }

    /// Whether `len` bytes are all that can be had of its start, of which
    /// [`Compression::MAGIC_LEN`] are wanted: it is not to be judged by fewer than there are.
    pub(super) fn check_start(&self, len: usize) -> Result<()> {
        if len < Compression::MAGIC_LEN && (len as u64) < self.to_read() {
            self.check_unchanged()?;
            return Err(self.faulted());
        }
        Ok(())
    }

    /// The error for a file of which a part could not be read.
    pub(super) fn faulted(&self) -> Error {
        let change = "a part of it could not be read; it was cut shorter, or its disk has a fault";
        changed(&self.path, change.into())
    }
}

const TOUCHED: &str = "it was written to";
pub(super) const REPLACED: &str = "another file was put in its place";
const REWRITTEN: &str = "it was written to before its end";

/// How long a file may be changed again and again before its dates tell: a tick of the kernel's clock,
/// which is 10 ms at most; and where they are kept in seconds, two of them (FAT).
const TICK: Duration = Duration::from_millis(10);
const TICK_OF_SECONDS: Duration = Duration::from_secs(2);

/// The tick of the clock that a file's dates are from.
pub(super) fn tick_of(metadata: &Metadata) -> Duration {
    if (metadata.mtime_nsec(), metadata.ctime_nsec()) == (0, 0) {
        TICK_OF_SECONDS
    } else {
        TICK
    }
}

/// Waits until whatever is done to a file from now on gives it other dates than it has.
fn let_dates_pass(metadata: &Metadata) {
    let tick = tick_of(metadata);
    let since = |seconds: i64, nanoseconds: i64| {
        let seconds = Duration::from_secs(u64::try_from(seconds).ok()?);
        let nanoseconds = Duration::from_nanos(u64::try_from(nanoseconds).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(seconds + nanoseconds)
    };
    let dates = [
        since(metadata.ctime(), metadata.ctime_nsec()),
        since(metadata.mtime(), metadata.mtime_nsec()),
    ];
    let now = SystemTime::now();
    let wait = dates.into_iter().flatten().filter_map(|date| {
        // A date far ahead is another machine's, or was set: waiting for it would not help.
        let left = (date + tick).duration_since(now).ok()?;
        (left <= 2 * tick).then_some(left)
    });
    if let Some(longest) = wait.max() {
        std::thread::sleep(longest);
    }
}

pub(super) fn changed(path: &Path, change: String) -> Error {
    Error::InputChanged {
        path: path.to_path_buf(),
        change,
    }
}

/// The size of a sample at the start and the end of a file, in bytes.
const SAMPLE: usize = 64 * 1024;

/// The places between start and end that are sampled too, and how many bytes at each.
const PLACES_BETWEEN: u64 = 16;
const SAMPLE_BETWEEN: usize = 512;

fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// How much of the start and the end of a file is looked at when it is named, in bytes: a page, as there
/// may be many files.
const END: usize = 4096;

/// A hash of the start and the end of the first so many bytes of a file.
fn ends_of(file: &File, len: u64, hasher: &RandomState) -> io::Result<u64> {
    let mut hash = hasher.build_hasher();
    let mut buffer = [0; END];
    for start in [0, len.saturating_sub(END as u64)] {
        let most = usize::try_from(len - start).unwrap_or(END).min(END);
        let filled = read_at(file, &mut buffer[..most], start)?;
        hash.write(&buffer[..filled]);
        if len <= END as u64 {
            break;
        }
    }
    Ok(hash.finish())
}

/// Fills the buffer from a place in a file, as far as there is something; how far.
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A hash of samples of a file of so many bytes; of one that is shorter by now, of what is there.
fn samples_of(file: &File, len: u64, hasher: &RandomState) -> io::Result<u64> {
    let mut hash = hasher.build_hasher();
    sample(file, len, |bytes| hash.write(bytes))?;
    Ok(hash.finish())
}

/// Samples of a file of so many bytes, one after the other.
pub(super) fn sample(file: &File, len: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let size = usize::try_from(len).unwrap_or(SAMPLE).min(SAMPLE);
    let mut buffer = vec![0; size];
    let mut sample = |at: u64, most: usize| -> io::Result<()> {
        let most = usize::try_from(len - at).unwrap_or(size).min(most);
        let filled = read_at(file, &mut buffer[..most], at)?;
        each(&buffer[..filled]);
        Ok(())
    };
    sample(0, SAMPLE)?;
    if len > SAMPLE as u64 {
        sample(len - SAMPLE as u64, SAMPLE)?;
        let step = len / (PLACES_BETWEEN + 1);
        for place in 1..=PLACES_BETWEEN {
            sample(place * step, SAMPLE_BETWEEN)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file_with(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn open(file: &tempfile::NamedTempFile) -> RegularFile {
        let (path, seen) = inspect(file.path()).unwrap();
        RegularFile::open(path, seen).unwrap()
    }

    #[test]
    fn what_is_not_what_it_was_is_not_opened() {
        let expect = |path: &Path, seen: Seen, expected: &str| {
            let error = RegularFile::open(path.into(), seen).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        };
        let (file, other) = (file_with(b"one"), file_with(b"one"));
        let seen = || inspect(file.path()).unwrap().1;
        expect(other.path(), seen(), "another file was put in its place");
        let before = seen();
        file.as_file().set_len(1).unwrap();
        expect(file.path(), before, "was 3 bytes long and is now 1");
        let before = seen();
        file.as_file().write_all_at(b"2", 0).unwrap();
        file.as_file().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        expect(file.path(), before, "it was written to");
        let before = seen();
        let path = file.path().to_path_buf();
        drop(file);
        expect(&path, before, "no such file");
    }

    #[test]
    fn what_grew_before_its_turn_is_read_unless_it_was_written_over() {
        for (len, at, is_noticed) in [
            (3, 0, true),
            (4097, 4096, true),
            (100_000, 0, true),
            (100_000, 99_999, true),
            // In the middle, where nobody looks that early.
            (100_000, 50_000, false),
        ] {
            let mut content = vec![b'x'; len];
            let file = file_with(&content);
            let (path, seen) = inspect(file.path()).unwrap();
            content.push(b'x');
            std::fs::write(file.path(), &content).unwrap();
            let grown = RegularFile::open(path, seen).unwrap();
            assert_eq!(grown.check_unchanged().unwrap(), 1);
            assert_eq!(grown.len(), len as u64);

            let (path, seen) = inspect(file.path()).unwrap();
            content[at] = b'y';
            content.push(b'x');
            std::fs::write(file.path(), &content).unwrap();
            match RegularFile::open(path, seen) {
                Ok(_) => assert!(!is_noticed),
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains("written to before its end"), "{error}");
                }
            }
        }
    }

    /// Written over, and its date of modification set back.
    #[test]
    fn a_date_that_was_set_back_hides_nothing() {
        let len = 600_000;
        let file = file_with(&vec![b'x'; len]);
        let modified = file.as_file().metadata().unwrap().modified().unwrap();
        let input = open(&file);
        // Not where the samples are.
        file.as_file().write_all_at(b"y", 100_000).unwrap();
        file.as_file().set_modified(modified).unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(
            error.contains("its dates or attributes were set"),
            "{error}"
        );
    }

    #[test]
    fn a_mode_and_a_second_name_are_no_changes() {
        let file = file_with(b"one");
        let input = open(&file);
        let mut mode = file.as_file().metadata().unwrap().permissions();
        mode.set_readonly(true);
        file.as_file().set_permissions(mode).unwrap();
        assert_eq!(input.check_unchanged().unwrap(), 0);
        let input = open(&file);
        let other = file.path().with_extension("second");
        std::fs::hard_link(file.path(), &other).unwrap();
        assert_eq!(input.check_unchanged().unwrap(), 0);
        std::fs::remove_file(other).unwrap();
        // It has as many names as it had.
        assert!(input.check_unchanged().is_err());
    }

    /// Right after it was written, as often as it takes to hit one tick of the clock twice.
    #[test]
    fn a_change_in_the_same_tick_is_noticed() {
        for _ in 0..30 {
            let file = file_with(&vec![b'x'; 300_000]);
            let input = open(&file);
            file.as_file().write_all_at(b"y", 100_000).unwrap();
            assert!(input.check_unchanged().is_err());
        }
    }

    #[test]
    fn what_cannot_be_read_again_is_named() {
        let unreadable = |file: &tempfile::NamedTempFile| {
            // As a disk that fails meanwhile, in that nothing can be read.
            File::options().write(true).open(file.path()).unwrap()
        };
        let file = file_with(b"one");
        let mut input = open(&file);
        input.file = unreadable(&file);
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(
            error.contains(&format!("cannot read {}: ", file.path().display())),
            "{error}"
        );

        let mut input = RegularFile::stdin(File::open(file.path()).unwrap()).unwrap();
        input.file = unreadable(&file);
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("cannot read standard input: "), "{error}");
        let error = input.is_made_up().map(|_| ());
        assert!(error.is_ok(), "only what has no length is read for that");
        let empty = file_with(b"");
        let mut input = RegularFile::stdin(File::open(empty.path()).unwrap()).unwrap();
        input.file = unreadable(&empty);
        let error = input.is_made_up().unwrap_err().to_string();
        assert!(error.contains("cannot read standard input: "), "{error}");
    }

    #[test]
    fn changes_are_noticed() {
        let mut file = file_with(b"one");
        let input = open(&file);
        assert_eq!(input.check_unchanged().unwrap(), 0);
        file.write_all(b"two").unwrap();
        assert_eq!(input.check_unchanged().unwrap(), 3);
        file.as_file().set_len(2).unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("was 3 bytes long and is now 2"), "{error}");

        let file = file_with(b"one");
        let input = open(&file);
        file.as_file().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("was written to"), "{error}");

        let file = file_with(b"one");
        let input = open(&file);
        let path = file.path().to_path_buf();
        file.close().unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("it was moved or deleted"), "{error}");
        std::fs::write(&path, "one").unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        // A file system may give the new file the old one's number.
        assert!(
            error.contains("in its place") || error.contains("written to"),
            "{error}"
        );
        std::fs::remove_file(path).unwrap();

        // Written over and made longer is not grown.
        for (len, places) in [(600_000, [0, 300_000, 599_999]), (1000, [0, 500, 999])] {
            for at in places {
                let mut content = vec![b'x'; len];
                let file = file_with(&content);
                let input = open(&file);
                content[at..].fill(b'y');
                content.push(b'y');
                std::fs::write(file.path(), &content).unwrap();
                let error = input.check_unchanged().unwrap_err().to_string();
                assert!(error.contains("written to before its end"), "{error}");
            }
        }
    }
}
