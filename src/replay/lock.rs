//! That one process at a time replays into a result: a file beside it that is locked meanwhile.
//!
//! Neither the result nor its record can be locked themselves, as both are replaced. The file is removed at
//! the end; one that a killed process has left is locked by nobody, and taken over. What has anything else
//! in it than a lock has is somebody's file, and left alone.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};

use crate::error::{Action, Error, Result};
use crate::input::FileId;
use crate::output::Temporary;

/// How often the file may be gone when it is locked. Each time somebody has ended in that moment.
const ATTEMPTS: usize = 100;

/// How many bytes a lock has at most: a number, and a line feed.
const MOST_BYTES: u64 = 21;

/// A lock that is held for as long as this is there.
#[derive(Debug)]
pub(super) struct Lock {
    // Dropped in this order: it is removed while it is locked, so that nobody removes another's.
    _there: Temporary,
    /// Locked as long as it is open.
    _file: File,
}

impl Lock {
    /// Takes the lock at a path for a result.
    ///
    /// # Errors
    ///
    /// [`Error::ReplayInUse`] where somebody holds it, [`Error::NotALock`] where something else is there, and
    /// where the file cannot be created.
    pub(super) fn take(path: &Path, result: &Path) -> Result<Lock> {
        for _ in 0..ATTEMPTS {
            let fault = |action| move |source| Error::io(action, path, source);
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                // Nothing that a link leads to is to be written over.
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(path)
                .map_err(fault(Action::Create))?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut process = String::new();
                    // It may be about to write it.
                    let _ = file.take(MOST_BYTES).read_to_string(&mut process);
                    return Err(Error::ReplayInUse {
                        path: result.to_path_buf(),
                        process: process.trim().parse().ok(),
                    });
                }
                Err(error) => return Err(fault(Action::Lock)(error.into())),
            }
            // Who had it before may have removed it in between: then somebody else can lock another.
            let ours = file.metadata().map_err(fault(Action::Inspect))?;
            let is_there = std::fs::symlink_metadata(path)
                .is_ok_and(|there| FileId::new(&there) == FileId::new(&ours));
            if !is_there {
                continue;
            }
            let mut has = Vec::new();
            let is_lock = ours.is_file() && {
                let mut start = (&file).take(MOST_BYTES + 1);
                start.read_to_end(&mut has).map_err(fault(Action::Read))?;
                is_of_a_lock(&has)
            };
            if !is_lock {
                return Err(Error::NotALock {
                    path: path.to_path_buf(),
                });
            }
            let written = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            written.map_err(fault(Action::Write))?;
            let there = Temporary::at(path.to_path_buf()).map_err(fault(Action::Create))?;
            return Ok(Lock {
                _there: there,
                _file: file,
            });
        }
        Err(Error::ReplayInUse {
            path: result.to_path_buf(),
            process: None,
        })
    }
}

/// Whether that is what a lock has in it, or had when its process was killed.
fn is_of_a_lock(bytes: &[u8]) -> bool {
    let number = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    number.len() as u64 <= MOST_BYTES && number.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let take = || Lock::take(&path, Path::new("/result.csv"));
        // What a killed process has left says nothing.
        std::fs::write(&path, "123456789\n").unwrap();
        let lock = take().unwrap();
        let text = take().unwrap_err().to_string();
        let process = std::process::id();
        assert!(
            text.ends_with(&format!(
                "/result.csv by process {process}; wait until it ends"
            )),
            "{text}"
        );
        drop(lock);
        assert!(!path.exists());
        drop(take().unwrap());
        assert!(!path.exists());

        // What is somebody's stays.
        for text in ["theirs", "1 2\n", "1\n2\n", "12345678901234567890123"] {
            std::fs::write(&path, text).unwrap();
            let error = take().unwrap_err();
            assert!(matches!(error, Error::NotALock { .. }), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::remove_file(&path).unwrap();
        // A link is not followed.
        let other = folder.path().join("other");
        std::fs::write(&other, "theirs").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(take().is_err());
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
    }
}
