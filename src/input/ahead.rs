//! Finds out whether a file is in the kernel's cache, so that reading ahead can be spared.
//!
//! Telling the kernel what will be read has it look for each page of that, also where all are there:
//! 3 to 4 % of the processor time of a run over narrow lines. So a few bytes are read first, on
//! condition that nobody has to wait for them (`RWF_NOWAIT`).

use std::fs::File;
use std::io::IoSliceMut;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{ReadWriteFlags, preadv2};

/// How far apart the bytes are that are tried. The kernel lets go of what is cached in large pieces.
const STEP: usize = 1024 * 1024;

/// What is known of a file in the cache: that all that was looked for was there, so far, or not.
#[derive(Debug, Default)]
pub(super) struct Cached(AtomicBool);

impl Cached {
    /// Whether a range of the file need not be read ahead. Once something is missing, nothing is looked
    /// for any more: then that costs more than it spares.
    pub(super) fn holds(&self, file: &File, range: Range<usize>) -> bool {
        let is_missing = &self.0;
        if is_missing.load(Ordering::Relaxed) {
            return false;
        }
        let holds = range.step_by(STEP).all(|at| is_there(file, at));
        if !holds {
            is_missing.store(true, Ordering::Relaxed);
        }
        holds
    }
}

/// Whether a byte of a file can be read without waiting, or is past its end. Where the file system
/// cannot say, it is not.
fn is_there(file: &File, at: usize) -> bool {
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    preadv2(file, &mut bytes, at as u64, ReadWriteFlags::NOWAIT).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Advice, fadvise};
    use std::io::Write as _;

    #[test]
    fn a_file_that_was_just_written_is_there_until_it_is_let_go() {
        let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        file.write_all(&vec![b'\n'; 4 * STEP]).unwrap();
        let cached = Cached::default();
        let can_say = is_there(&file, 0);
        assert_eq!(cached.holds(&file, 0..4 * STEP), can_say);
        assert_eq!(cached.holds(&file, 4 * STEP - 1..4 * STEP), can_say);
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        if !is_there(&file, 2 * STEP) {
            let cached = Cached::default();
            assert!(cached.holds(&file, 5..5));
            assert!(!cached.holds(&file, 0..4 * STEP));
            // Also where somebody has read it by now.
            std::fs::read(format!(
                "/proc/self/fd/{}",
                std::os::fd::AsRawFd::as_raw_fd(&file)
            ))
            .unwrap();
            assert!(!cached.holds(&file, 0..1));
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_there() {
        let folder = File::open("/").unwrap();
        assert!(!Cached::default().holds(&folder, 0..1));
    }
}
