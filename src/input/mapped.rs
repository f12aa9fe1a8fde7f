//! An input file that is mapped into memory as a whole.

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::ahead::Cached;
use super::file::{self, Recording, RegularFile};
use super::identity::FileRecord;
use super::map::Mapping;
use super::stream::BOM;
use crate::error::{Action, Error, Result};

/// A regular file of JSON Lines, mapped into memory.
#[derive(Debug)]
pub struct InputFile {
    file: RegularFile,
    mapping: Mapping,
    cached: Cached,
    recording: Option<Recording>,
    /// Where zeros were found.
    zeros: Mutex<Vec<u64>>,
}

/// How many places with zeros are kept in mind.
const ZEROS: usize = 64 * 1024;

impl InputFile {
    /// Opens and maps a file.
    ///
    /// # Errors
    ///
    /// Where there is no such file, it may not be read, or it is not a regular file.
    pub fn open(path: &Path) -> Result<InputFile> {
        let (path, seen) = file::inspect(path)?;
        if !seen.metadata.is_file() {
            return Err(Error::InputNotRegular { path });
        }
        let file = RegularFile::open(path, seen)?;
        let mapping = file
            .map()
            .map_err(|source| Error::io(Action::Read, file.path(), source))?;
        Ok(InputFile::of(file, mapping, None))
    }

    /// A file that is mapped.
    pub(super) fn of(
        file: RegularFile,
        mapping: Mapping,
        recording: Option<Recording>,
    ) -> InputFile {
        InputFile {
            file,
            mapping,
            cached: Cached::default(),
            recording,
            zeros: Mutex::default(),
        }
    }

    /// What is to be remembered of it, if anything is, now that it has been read; see
    /// [`InputFile::check_unchanged`] for what comes next.
    pub(crate) fn record(&self) -> Result<Option<FileRecord>> {
        self.recording
            .map(|recording| self.file.record(recording))
            .transpose()
    }

    /// All bytes of the file, as long as it was when it was opened.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    /// Says that a range of the bytes will soon be read: where it is not in memory yet, the disk can
    /// start.
    pub(crate) fn will_read(&self, range: Range<usize>) {
        if !self.cached.holds(self.file.file(), range.clone()) {
            self.mapping.will_read(range);
        }
    }

    /// Says that a range of the bytes has been read and is not needed in memory any more. Reading it
    /// again takes longer, no more.
    pub(crate) fn release(&self, range: Range<usize>) {
        self.mapping.release(range);
    }

    /// Where the first line starts that is to be read: after the byte-order mark, if there is one.
    #[must_use]
    pub(crate) fn text_start(&self) -> usize {
        let start = usize::try_from(self.file.start()).unwrap_or(usize::MAX);
        if start > 0 {
            start
        } else if self.bytes().starts_with(BOM) {
            BOM.len()
        } else {
            0
        }
    }

    /// Where the last line ends that is to be read.
    #[must_use]
    pub(crate) fn text_end(&self) -> usize {
        let end = usize::try_from(self.file.end()).unwrap_or(usize::MAX);
        end.min(self.bytes().len())
    }

    /// Whether a part of the file could not be read; what was read of it means nothing.
    #[must_use]
    pub(crate) fn has_faulted(&self) -> bool {
        self.mapping.has_faulted()
    }

    /// Says that the byte at a place was found to be zero, which no text holds. It may be what shows of
    /// a file that has been cut shorter, in the rest of its last page, and if that file grows again,
    /// nothing else tells; so such places are looked at again by
    /// [`check_unchanged`](InputFile::check_unchanged). The first 65,536 are kept in mind.
    pub(crate) fn found_zero(&self, at: usize) {
        let mut zeros = self.zeros.lock().unwrap_or_else(PoisonError::into_inner);
        if zeros.len() < ZEROS {
            zeros.push(at as u64);
        }
    }

    /// Whether what was read is still there: the same inode behind the path, not shorter than it
    /// was when it was opened, and not written to in place. Returns how many bytes have been added
    /// at its end since, which is what an active log does and takes nothing from what was read.
    ///
    /// Two dates tell that a file was written to: when it was modified, which its owner can set to what
    /// it was, and when anything of it changed, which nobody can. The second alone also changes with
    /// the file's mode, owner, or number of names; where one of those is different now, that is taken
    /// for the cause.
    ///
    /// Whether a file that grew was also changed before its old end is judged by samples of its
    /// bytes: its start, its end, and some places between, and all where there were zeros. What is written through a shared memory
    /// map may go unnoticed: the kernel changes the file's date when a page is first written to, and
    /// not again until it has been brought to the disk.
    ///
    /// # Errors
    ///
    /// [`Error::InputChanged`] with what is different.
    pub(crate) fn check_unchanged(&self) -> Result<u64> {
        let added = self.file.check_unchanged()?;
        if self.has_faulted() {
            return Err(self.file.faulted());
        }
        if added > 0 {
            let zeros = self.zeros.lock().unwrap_or_else(PoisonError::into_inner);
            for at in zeros.iter() {
                if !self.file.is_zero_at(*at)? {
                    return Err(self.file.rewritten());
                }
            }
        }
        Ok(added)
    }
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

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        for (bytes, start) in [
            (&b""[..], 0),
            (b"{}", 0),
            (b"\xef\xbb", 0),
            (b"\xef\xbb\xbf", 3),
            (b"\xef\xbb\xbf\xef\xbb\xbf{}", 3),
        ] {
            let file = file_with(bytes);
            let input = InputFile::open(file.path()).unwrap();
            assert_eq!(input.bytes(), bytes);
            assert_eq!(input.text_start(), start, "{bytes:?}");
            input.check_unchanged().unwrap();
        }
    }

    #[test]
    fn a_part_that_could_not_be_read_is_noticed_even_if_it_came_back() {
        let file = file_with(&vec![b'x'; 100_000]);
        let input = InputFile::open(file.path()).unwrap();
        file.as_file().set_len(0).unwrap();
        assert_eq!(input.bytes().last(), Some(&0));
        file.as_file().set_len(100_001).unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(
            error.contains("written to before its end") || error.contains("could not be read"),
            "{error}"
        );
        assert!(input.has_faulted());
    }

    /// Cut shorter within its last page, read, and grown again to more than it had: no signal, no other
    /// bytes, no other length than a log has that is written to.
    #[test]
    fn zeros_that_are_gone_are_noticed() {
        let text = vec![b'x'; 100_000];
        let mut file = file_with(&text);
        let input = InputFile::open(file.path()).unwrap();
        file.as_file().set_len(99_990).unwrap();
        let at = memchr::memchr(0, input.bytes()).unwrap();
        assert_eq!(at, 99_990);
        input.found_zero(at);
        file.as_file_mut().set_len(0).unwrap();
        std::fs::write(file.path(), [&text[..], b"more"].concat()).unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("written to before its end"), "{error}");

        // Those that were there are there.
        let file = file_with(b"x\0\n");
        let input = InputFile::open(file.path()).unwrap();
        input.found_zero(1);
        std::fs::write(file.path(), b"x\0\nmore").unwrap();
        assert_eq!(input.check_unchanged().unwrap(), 4);
    }

    #[test]
    fn what_cannot_be_mapped_is_refused() {
        for (path, expected) in [
            ("/", "is a folder"),
            ("/dev/null", "is not a regular file"),
            ("/no/such/file", "no such file or folder"),
        ] {
            let error = InputFile::open(Path::new(path)).unwrap_err().to_string();
            assert!(error.contains(path) && error.contains(expected), "{error}");
        }
    }
}
