//! What is remembered of a file that was read, so that a later run can tell whether it is still the
//! same, or has only grown.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::SystemTime;

use super::file::{open_file, sample, tick_of};
use crate::error::{Action, Error, Result};

/// How many bytes are read at a time.
const BLOCK: usize = 1 << 20;

/// How much of the end of a file is searched for a newline at a time, in bytes.
const TAIL: u64 = 64 * 1024;

/// A BLAKE3 hash.
pub(crate) type Digest = [u8; blake3::OUT_LEN];

/// How closely files are looked at, to tell whether they are what they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verify {
    /// Their size, their date, and samples of their bytes: the first and the last 64 KiB, and some places
    /// between. The least that is ever done; it takes well under a millisecond a file.
    #[default]
    Quick,
    /// All of their bytes.
    Full,
}

/// A file, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Its length, in bytes.
    pub len: u64,
    /// When it was last written to: seconds since 1970-01-01, and nanoseconds.
    pub modified: (i64, u32),
    /// Whether it was not written to in the tick of the clock in which it was read: if it was, it may
    /// have been written to once more with the same date.
    pub is_settled: bool,
    /// A hash of samples of its bytes.
    pub samples: Digest,
    /// A hash of all of its bytes, if that was asked for.
    pub whole: Option<Digest>,
    /// Its last line, if that does not end with a newline.
    pub unfinished: Option<Unfinished>,
}

/// A last line without a newline: more of it may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Where it starts, in bytes.
    pub offset: u64,
    /// What there is of it; `None` if it is longer than a valid line may be.
    pub line: Option<Vec<u8>>,
}

/// What has become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is what it was.
    None,
    /// It is what it was, and more has been written at its end.
    Grown,
    /// It is something else.
    Changed,
    /// It may be what it was, but all of its bytes were never looked at.
    Unknown,
}

impl FileRecord {
    /// What to remember of an open file of which `before` was read. Of the last line no more than
    /// `line_bytes` are kept.
    pub(super) fn of(
        file: &File,
        path: &Path,
        before: &Metadata,
        verify: Verify,
        line_bytes: usize,
    ) -> Result<FileRecord> {
        let fault = |source| Error::io(Action::Read, path, source);
        let len = before.len();
        Ok(FileRecord {
            len,
            modified: modified(before),
            is_settled: is_settled(before, SystemTime::now()),
            samples: samples(file, len).map_err(fault)?,
            whole: match verify {
                Verify::Quick => None,
                Verify::Full => Some(whole(file, len).map_err(fault)?),
            },
            unfinished: unfinished(file, len, line_bytes).map_err(fault)?,
        })
    }

    /// What has become of the file, which is now at `path`.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened or read.
    pub fn compare(&self, path: &Path, verify: Verify) -> Result<Change> {
        let fault = |action| move |source| Error::io(action, path, source);
        let file = open_file(path).map_err(fault(Action::Open))?;
        let now = file.metadata().map_err(fault(Action::Inspect))?;
        if !now.is_file() || now.len() < self.len {
            return Ok(Change::Changed);
        }
        let has_grown = now.len() > self.len;
        let has_new_date = modified(&now) != self.modified || !self.is_settled;
        if verify == Verify::Quick && !has_grown && has_new_date {
            return Ok(Change::Changed);
        }
        if samples(&file, self.len).map_err(fault(Action::Read))? != self.samples {
            return Ok(Change::Changed);
        }
        if verify == Verify::Full {
            let Some(then) = self.whole else {
                return Ok(Change::Unknown);
            };
            if whole(&file, self.len).map_err(fault(Action::Read))? != then {
                return Ok(Change::Changed);
            }
        }
        Ok(if has_grown {
            Change::Grown
        } else {
            Change::None
        })
    }

    /// Where the first line starts that was not there or not finished, in bytes.
    #[must_use]
    pub(crate) fn resumes_at(&self) -> u64 {
        self.unfinished
            .as_ref()
            .map_or(self.len, |line| line.offset)
    }
}

fn modified(metadata: &Metadata) -> (i64, u32) {
    // Below 10^9.
    (
        metadata.mtime(),
        u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
    )
}

/// Whether what is written to a file from now on shows in its date.
fn is_settled(metadata: &Metadata, now: SystemTime) -> bool {
    let Ok(modified) = metadata.modified() else {
        return false;
    };
    // A date in the future is a clock that is wrong, and then it does not tell anything.
    now.duration_since(modified)
        .is_ok_and(|age| age > tick_of(metadata))
}

/// A hash of samples of the first bytes of a file, and of their number.
fn samples(file: &File, len: u64) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&len.to_le_bytes());
    sample(file, len, |bytes| {
        hasher.update(bytes);
    })?;
    Ok(hasher.finalize().into())
}

/// A hash of so many first bytes of a file.
fn whole(file: &File, len: u64) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BLOCK];
    let mut at = 0;
    while at < len {
        let most = usize::try_from(len - at).unwrap_or(BLOCK).min(BLOCK);
        match file.read_at(&mut buffer[..most], at) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hasher.finalize().into())
}

/// The last line of a file of so many bytes, if it does not end with a newline.
fn unfinished(file: &File, len: u64, line_bytes: usize) -> io::Result<Option<Unfinished>> {
    let mut start = len;
    let mut buffer = Vec::new();
    let offset = loop {
        if start == 0 {
            break 0;
        }
        let end = start;
        start = end.saturating_sub(TAIL);
        // At most 64 KiB.
        buffer.resize(usize::try_from(end - start).unwrap_or(0), 0);
        file.read_exact_at(&mut buffer, start)?;
        if let Some(newline) = memchr::memrchr(b'\n', &buffer) {
            break start + newline as u64 + 1;
        }
    };
    if offset == len {
        return Ok(None);
    }
    let line = match usize::try_from(len - offset) {
        Ok(len) if len <= line_bytes => {
            let mut line = vec![0; len];
            file.read_exact_at(&mut line, offset)?;
            Some(line)
        }
        _ => None,
    };
    Ok(Some(Unfinished { offset, line }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::time::Duration;

    const LINE_BYTES: usize = 1000;

    fn file_with(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file.as_file()
            .set_modified(SystemTime::now() - Duration::from_mins(1))
            .unwrap();
        file
    }

    fn record(file: &tempfile::NamedTempFile, verify: Verify) -> FileRecord {
        let before = file.as_file().metadata().unwrap();
        FileRecord::of(file.as_file(), file.path(), &before, verify, LINE_BYTES).unwrap()
    }

    #[test]
    fn a_file_is_what_it_was_or_has_grown_or_is_another() {
        for len in [0, 1, 1000, 100_000, 3_000_000] {
            let content = vec![b'x'; len];
            for verify in [Verify::Quick, Verify::Full] {
                let mut file = file_with(&content);
                let then = record(&file, verify);
                let compare = |file: &tempfile::NamedTempFile| then.compare(file.path(), verify);
                assert_eq!(compare(&file).unwrap(), Change::None);
                let other_path = tempfile::NamedTempFile::new().unwrap();
                std::fs::write(other_path.path(), &content).unwrap();
                // A copy has another date, and is the same for who looks at all bytes.
                let expected = match verify {
                    Verify::Quick => Change::Changed,
                    Verify::Full => Change::None,
                };
                assert_eq!(compare(&other_path).unwrap(), expected);
                file.write_all(b"y").unwrap();
                assert_eq!(compare(&file).unwrap(), Change::Grown);
                if len > 0 {
                    file.as_file().set_len(len as u64 - 1).unwrap();
                    assert_eq!(compare(&file).unwrap(), Change::Changed);
                }
            }
        }
        let then = record(&file_with(b"x"), Verify::Quick);
        let error = then
            .compare("/no/such/file".as_ref(), Verify::Quick)
            .unwrap_err();
        assert!(
            error.to_string().contains("/no/such/file: no such file"),
            "{error}"
        );
    }

    #[test]
    fn what_was_written_over_is_noticed() {
        let len = 3_000_000;
        for (at, verify, is_noticed) in [
            (0, Verify::Quick, true),
            (len - 1, Verify::Quick, true),
            // Between two samples.
            (100_000, Verify::Quick, false),
            (100_000, Verify::Full, true),
        ] {
            for grown in [0, 10] {
                let mut content = vec![b'x'; len];
                let file = file_with(&content);
                let date = file.as_file().metadata().unwrap().modified().unwrap();
                let then = record(&file, verify);
                content[at] = b'y';
                content.resize(len + grown, b'z');
                std::fs::write(file.path(), &content).unwrap();
                // By somebody who puts the date back.
                file.as_file().set_modified(date).unwrap();
                let change = then.compare(file.path(), verify).unwrap();
                assert_eq!(change == Change::Changed, is_noticed, "{at} {verify:?}");
            }
        }
    }

    #[test]
    fn bytes_that_were_never_looked_at_are_unknown() {
        let file = file_with(b"x");
        let then = record(&file, Verify::Quick);
        assert_eq!(
            then.compare(file.path(), Verify::Full).unwrap(),
            Change::Unknown
        );
        // What is known to be different is not.
        std::fs::write(file.path(), "y").unwrap();
        assert_eq!(
            then.compare(file.path(), Verify::Full).unwrap(),
            Change::Changed
        );
    }

    #[test]
    fn a_date_of_just_now_does_not_tell() {
        let file = file_with(b"x");
        file.as_file().set_modified(SystemTime::now()).unwrap();
        let then = record(&file, Verify::Quick);
        assert!(!then.is_settled);
        assert_eq!(
            then.compare(file.path(), Verify::Quick).unwrap(),
            Change::Changed
        );
        let at = |seconds: u64, nanos: u32| {
            let date = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            file.as_file().set_modified(date).unwrap();
            file.as_file().metadata().unwrap()
        };
        let now = SystemTime::UNIX_EPOCH + Duration::new(1000, 500_000_000);
        for (seconds, nanos, expected) in [
            (1000, 499_000_000, false),
            (1000, 470_000_000, true),
            (1000, 0, true),
            (2000, 1, false),
        ] {
            assert_eq!(
                is_settled(&at(seconds, nanos), now),
                expected,
                "{seconds} {nanos}"
            );
        }
    }

    #[test]
    fn a_last_line_without_newline_is_found() {
        let long = vec![b'x'; 200_000];
        let two_long = [&b"a\n"[..], &long].concat();
        let line = |line: &'static str| Some(line.as_bytes());
        for (bytes, expected) in [
            (&b""[..], None),
            (b"a\n", None),
            (b"a", Some((0, line("a")))),
            (b"a\nb", Some((2, line("b")))),
            (b"a\n\r", Some((2, line("\r")))),
            (&long, Some((0, None))),
            (&two_long, Some((2, None))),
        ] {
            let then = record(&file_with(bytes), Verify::Quick);
            let found = then
                .unfinished
                .as_ref()
                .map(|line| (line.offset, line.line.as_deref()));
            assert_eq!(found, expected);
            let resumes_at = expected.map_or(bytes.len() as u64, |(offset, _)| offset);
            assert_eq!(then.resumes_at(), resumes_at);
        }
    }
}
