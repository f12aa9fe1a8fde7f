//! A regular file: which one it is, and whether it stays what it was while it is read.

use std::fs::{File, Metadata};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Seek as _};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use foldhash::quality::RandomState;

use super::compression::Compression;
use super::map::Mapping;
use crate::error::{Action, Error, Result};

/// Which file it is, whatever it is called: the numbers of its device and inode.
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
pub(super) fn inspect(path: &Path) -> Result<(PathBuf, Metadata)> {
    let open = |path: &Path, source| Error::io(Action::Open, path, source);
    let absolute = std::path::absolute(path).map_err(|source| open(path, source))?;
    let metadata = std::fs::metadata(&absolute).map_err(|source| open(&absolute, source))?;
    if metadata.is_dir() {
        return Err(Error::InputIsFolder { path: absolute });
    }
    if metadata.file_type().is_socket() {
        return Err(Error::InputIsSocket { path: absolute });
    }
    // Found now and not in the middle of the run.
    rustix::fs::access(&absolute, rustix::fs::Access::READ_OK)
        .map_err(|error| open(&absolute, error.into()))?;
    Ok((absolute, metadata))
}

/// A regular file that is open for reading, and what it was when the run began.
#[derive(Debug)]
pub(super) struct RegularFile {
    /// Empty for standard input, which has none to look at.
    path: PathBuf,
    file: File,
    /// Where reading starts.
    start: u64,
    before: Metadata,
    samples: u64,
    /// Seeded anew, so that no change can be made to pass for none.
    hasher: RandomState,
}

impl RegularFile {
    /// Opens the file at an absolute path that was found to be as `before` says.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened, or is another file by now, or shorter.
    pub(super) fn open(path: PathBuf, before: Metadata) -> Result<RegularFile> {
        let fault = |action, source| Error::io(action, &path, source);
        // Something else may have been put in its place: opening a pipe would wait for a writer.
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .map_err(|source| fault(Action::Open, source))?;
        let now = file
            .metadata()
            .map_err(|source| fault(Action::Inspect, source))?;
        // The number of an inode that is gone may be given to whatever comes next.
        if !now.is_file() || FileId::new(&now) != FileId::new(&before) {
            return Err(changed(&path, REPLACED.into()));
        }
        let hasher = RandomState::default();
        let samples = samples_of(&file, before.len(), &hasher)
            .map_err(|source| fault(Action::Read, source))?;
        let file = RegularFile {
            path,
            file,
            start: 0,
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
        let start = file.stream_position()?.min(before.len());
        // It may be open for writing only, which reading nothing would not tell.
        file.read_at(&mut [0], start)?;
        let hasher = RandomState::default();
        let samples = samples_of(&file, before.len(), &hasher)?;
        Ok(RegularFile {
            path: PathBuf::new(),
            file,
            start,
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

    /// How many of them are to be read.
    pub(super) fn to_read(&self) -> u64 {
        self.before.len() - self.start
    }

    pub(super) fn id(&self) -> FileId {
        FileId::new(&self.before)
    }

    /// Whether what was read is still there: the same inode behind the path, not shorter than it
    /// was when the run began, and not written to in place. Returns how many bytes have been added
    /// at its end since, which is what an active log does and takes nothing from what was read.
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
        let modified = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
        if added == 0 && modified(&now) != modified(&self.before) {
            return changed("it was written to".into());
        }
        let samples = samples_of(&self.file, self.before.len(), &self.hasher)
            .map_err(|source| self.fault(Action::Read, source))?;
        if samples != self.samples {
            return changed("it was written to before its end".into());
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

const REPLACED: &str = "another file was put in its place";

fn changed(path: &Path, change: String) -> Error {
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

/// A hash of samples of a file of so many bytes; of one that is shorter by now, of what is there.
fn samples_of(file: &File, len: u64, hasher: &RandomState) -> io::Result<u64> {
    let mut hash = hasher.build_hasher();
    let size = usize::try_from(len).unwrap_or(SAMPLE).min(SAMPLE);
    let mut buffer = vec![0; size];
    let mut sample = |at: u64, most: usize| -> io::Result<()> {
        let most = usize::try_from(len - at).unwrap_or(size).min(most);
        let mut filled = 0;
        while filled < most {
            match file.read_at(&mut buffer[filled..most], at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        hash.write(&buffer[..filled]);
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
    Ok(hash.finish())
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
        let metadata = std::fs::metadata(file.path()).unwrap();
        RegularFile::open(file.path().into(), metadata).unwrap()
    }

    #[test]
    fn what_is_not_what_it_was_is_not_opened() {
        let (file, other) = (file_with(b"one"), file_with(b"one"));
        let before = std::fs::metadata(file.path()).unwrap();
        let error = RegularFile::open(other.path().into(), before.clone())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("another file was put in its place"),
            "{error}"
        );
        file.as_file().set_len(1).unwrap();
        let error = RegularFile::open(file.path().into(), before.clone())
            .unwrap_err()
            .to_string();
        assert!(error.contains("was 3 bytes long and is now 1"), "{error}");
        let path = file.path().to_path_buf();
        drop(file);
        let error = RegularFile::open(path, before).unwrap_err().to_string();
        assert!(error.contains("no such file"), "{error}");
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
        file.as_file()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
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
