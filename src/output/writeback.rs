//! Has a file brought to the disk while it is being written, and not only at the end.
//!
//! The kernel keeps what is written in memory for a while, by default for seconds, up to a tenth or a
//! fifth of all of it. An fsync then waits for all that, and a process that waits for its disk cannot be
//! ended. Asked for as the bytes come, the disk works meanwhile, and the fsync has little left to do: of
//! 1,500 MB written to a virtual disk, 2 ms after writing for 1.6 to 1.9 s, instead of 490 to 590 ms
//! after 2.0 to 7.4 s. Doing an fdatasync every 8 to 32 MiB took 2.0 to 3.5 s in all.

use std::fs::File;
use std::num::NonZeroU64;
use std::ops::Range;

use rustix::fs::{Advice, fadvise};

/// After so many bytes the disk is asked to start.
const PIECE: u64 = 8 * 1024 * 1024;

/// How far a file has been written, and how far the disk has been asked to.
#[derive(Debug, Default)]
pub(super) struct Writeback {
    written: u64,
    asked: u64,
}

impl Writeback {
    /// So many more bytes have been written at the end of `file`.
    pub(super) fn wrote(&mut self, file: &File, len: usize) {
        if let Some(range) = self.piece(len)
            && let Some(len) = NonZeroU64::new(range.end - range.start)
        {
            // "These bytes are not needed in memory": what is not on the disk yet starts on its way, and
            // what is may be let go. Only advice, for file systems that have a disk; fsync tells of faults.
            let _ = fadvise(file, range.start, Some(len), Advice::DontNeed);
        }
    }

    /// What the disk is to be asked for now.
    fn piece(&mut self, len: usize) -> Option<Range<u64>> {
        self.written += len as u64;
        if self.written - self.asked < PIECE {
            return None;
        }
        let range = self.asked..self.written;
        self.asked = self.written;
        Some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Seek as _, Write as _};

    #[test]
    fn pieces_follow_each_other() {
        let mut writeback = Writeback::default();
        let mut at = 0;
        let mut written = 0;
        for len in [1, 3 << 20, 0, 5 << 20, 8 << 20, 20 << 20, 1] {
            written += len as u64;
            if let Some(range) = writeback.piece(len) {
                assert_eq!(range, at..written);
                at = range.end;
            }
            assert!(written - at < PIECE);
        }
        assert_eq!(at, written - 1);
    }

    #[test]
    fn what_was_written_stays() {
        let mut file = tempfile::tempfile().unwrap();
        let mut writeback = Writeback::default();
        let pieces: Vec<Vec<u8>> = (0..10).map(|byte| vec![byte; 3 << 20]).collect();
        for piece in &pieces {
            file.write_all(piece).unwrap();
            writeback.wrote(&file, piece.len());
        }
        let mut content = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut content).unwrap();
        assert!(content == pieces.concat());
        // What cannot be advised is no fault.
        writeback.wrote(&File::open("/").unwrap(), 10 << 20);
    }
}
