//! Finds out whether a file is in the kernel's cache, so that it is read in the way that is faster, and
//! reading ahead can be spared.
//!
//! Reads have the kernel take what comes from the disk in large pieces, a map page by page: without the
//! cache reading a file takes 0.6 to 0.7 of the time of mapping it with two threads (512 MiB of narrow, wide
//! and dirty lines), and with it 1.07. But then one worker reads for all.
//!
//! What did not help there: two to eight blocks that wait for a worker instead of one, so that the one that
//! reads goes on for longer. The other worker is busy all the time then, instead of half of it, and runs take
//! 0.93 to 1.00 of their time on a quiet disk, and 0.95 to 1.1 otherwise. Nor did three or four threads.
//!
//! Telling the kernel what will be read has it look for each page of that, also where all are there:
//! 3 to 4 % of the processor time of a run over narrow lines. So a few bytes are read first, on
//! condition that nobody has to wait for them (`RWF_NOWAIT`).

use std::fs::File;
use std::io::IoSliceMut;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// How far apart the bytes are that are tried. The kernel lets go of what is cached in large pieces.
///
/// Where one is missing, the one in the middle between it and the next is tried too: a page at which the kernel means
/// to start reading ahead, as it marks them where a file was mapped, counts as missing although it is there.
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
        let holds = range
            .step_by(STEP)
            .all(|at| is_there(file, at) || is_there(file, at + STEP / 2));
        if !holds {
            is_missing.store(true, Ordering::Relaxed);
        }
        holds
    }
}

/// How many places of a file are tried.
const PLACES: u64 = 32;

/// How many of them have to be missing for much of the file to be. Reading what is there costs less than half
/// of an eighth of what mapping the rest would.
const MISSING: usize = 4;

/// Whether much of a range of a file would have to come from the disk. Where the file system cannot say, it
/// would not.
pub(super) fn is_missing(file: &File, range: Range<u64>) -> bool {
    let len = range.end.saturating_sub(range.start);
    // Between those places that a file is known by, which have just been read.
    let places = (0..PLACES).map(|place| range.start + (2 * place + 1) * (len / (2 * PLACES)));
    let missing = places.filter(|at| try_byte(file, *at) == Err(Errno::AGAIN));
    missing.take(MISSING).count() == MISSING
}

/// Whether a byte of a file can be read without waiting, or is past its end. Where the file system
/// cannot say, it is not.
fn is_there(file: &File, at: usize) -> bool {
    try_byte(file, at as u64).is_ok()
}

/// Reads a byte, if nobody has to wait for it.
fn try_byte(file: &File, at: u64) -> rustix::io::Result<usize> {
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    preadv2(file, &mut bytes, at, ReadWriteFlags::NOWAIT)
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
        let whole = 0..4 * STEP as u64;
        assert!(!is_missing(&file, whole.clone()));
        assert!(!is_missing(&file, 0..0));
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
        if try_byte(&file, 2 * STEP as u64) == Err(Errno::AGAIN) {
            assert!(is_missing(&file, whole));
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
