//! Decompressing side by side what can be told apart without decompressing it: the blocks of BGZF,
//! frames of zstd, streams of bzip2.
//!
//! The compressed data is cut into units of whole members, each is decompressed and verified on a
//! thread of its own, as a file for itself, and they are given in order. Whatever is unusual, a unit
//! that is too large, cut off, corrupt or cut at the wrong place, ends this way of reading: from that
//! unit on all is decompressed one after another, which finds out what it is.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::mem;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use memchr::memmem;

use super::{Compression, Decompressor};

/// How many compressed bytes a unit has, unless a single member has more. Tests have many small
/// units.
const UNIT: usize = if cfg!(test) { 1024 } else { 256 * 1024 };

/// The most compressed bytes of a unit.
const UNIT_MAX: usize = if cfg!(test) {
    32 * 1024
} else {
    8 * 1024 * 1024
};

/// The most decompressed bytes of a unit.
const CONTENT_MAX: usize = UNIT_MAX * 4;

/// How much compressed data is read at a time, in bytes.
const READ: usize = UNIT;

/// By how much the memory for a unit's content grows, in bytes.
const GROWTH: usize = 1024 * 1024;

/// The most units in memory at a time: together 240 MiB.
const UNITS_MAX: usize = 6;

/// Decompresses units while it can.
pub(super) struct Units {
    format: Compression,
    source: Box<dyn Read + Send>,
    /// What was read of the source and is in no unit.
    rest: Vec<u8>,
    /// Up to where the rest is known to be whole members.
    whole: usize,
    source_ended: bool,
    threads: usize,
    /// Where the threads get their jobs; they are started for the first unit.
    jobs: Option<SyncSender<Job>>,
    /// The units being decompressed, in order.
    pending: VecDeque<Receiver<Unit>>,
    /// The unit being given, and how much of it was.
    current: Unit,
    given: usize,
    /// Whether a unit was decompressed.
    gave_one: bool,
}

/// Some whole members.
#[derive(Default)]
struct Unit {
    compressed: Arc<[u8]>,
    /// Memory for the content, used again and again.
    memory: Vec<u8>,
    /// How much of it is content, if they could be decompressed.
    len: Option<usize>,
}

struct Job {
    unit: Unit,
    done: Sender<Unit>,
}

/// What reading units came to.
pub(super) enum Progress {
    /// So many bytes were given.
    Given(usize),
    /// Nothing more can be read so.
    Over {
        /// What was not read, from a member's start.
        source: Box<dyn Read + Send>,
        /// Whether members went before.
        resumed: bool,
    },
}

impl Units {
    /// Whether a format has anything that can be told apart.
    pub(super) fn suit(format: Compression, threads: NonZero<usize>) -> bool {
        threads.get() > 1
            && matches!(
                format,
                Compression::Gzip | Compression::Zstd | Compression::Bzip2
            )
    }

    pub(super) fn new(
        format: Compression,
        source: Box<dyn Read + Send>,
        threads: NonZero<usize>,
    ) -> Units {
        Units {
            format,
            source,
            rest: Vec::new(),
            whole: 0,
            source_ended: false,
            threads: threads.get().min(UNITS_MAX - 1),
            jobs: None,
            pending: VecDeque::new(),
            current: Unit::default(),
            given: 0,
            gave_one: false,
        }
    }

    /// Gives some bytes, or what is left to read another way.
    ///
    /// # Errors
    ///
    /// Those of the source.
    pub(super) fn read(&mut self, output: &mut [u8]) -> io::Result<Progress> {
        loop {
            let len = self.current.len.unwrap_or(0);
            if self.given < len {
                let len = output.len().min(len - self.given);
                output[..len].copy_from_slice(&self.current.memory[self.given..][..len]);
                self.given += len;
                return Ok(Progress::Given(len));
            }
            // One for every thread, and one that is done before it is asked for.
            while self.pending.len() <= self.threads {
                let Some(compressed) = self.next_unit()? else {
                    break;
                };
                if self.jobs.is_none() {
                    match start(self.format, self.threads) {
                        Ok(jobs) => self.jobs = Some(jobs),
                        // There are no more threads to be had; one can do it too.
                        Err(_) => return self.over(&compressed),
                    }
                }
                self.submit(compressed.into())?;
            }
            let Some(first) = self.pending.pop_front() else {
                return self.over(&[]);
            };
            self.current = first.recv().map_err(|_| gone())?;
            self.given = 0;
            if self.current.len.is_none() {
                let failed = Arc::clone(&self.current.compressed);
                return self.over(&failed);
            }
            self.gave_one = true;
        }
    }

    /// Hands a unit to the threads.
    fn submit(&mut self, compressed: Arc<[u8]>) -> io::Result<()> {
        let memory = match self.current.len {
            // It has been given.
            Some(len) if self.given == len => mem::take(&mut self.current).memory,
            _ => Vec::new(),
        };
        let unit = Unit {
            compressed,
            memory,
            len: None,
        };
        let (done, pending) = channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { unit, done }).map_err(|_| gone())?;
        self.pending.push_back(pending);
        Ok(())
    }

    /// What was not given: a unit that failed, those after it, and the rest.
    fn over(&mut self, failed: &[u8]) -> io::Result<Progress> {
        let mut left = failed.to_vec();
        for pending in mem::take(&mut self.pending) {
            left.extend_from_slice(&pending.recv().map_err(|_| gone())?.compressed);
        }
        left.append(&mut self.rest);
        let source = mem::replace(&mut self.source, Box::new(io::empty()));
        Ok(Progress::Over {
            source: Box::new(Cursor::new(left).chain(source)),
            resumed: self.gave_one,
        })
    }

    /// The next whole members, if they can be told.
    fn next_unit(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let mut next = Next::Unknown;
            while self.whole < UNIT {
                next = next_member(self.format, &self.rest[self.whole..], self.source_ended);
                let Next::Ends(len) = next else { break };
                self.whole += len;
            }
            let is_last = self.source_ended
                || self.rest.len() >= UNIT_MAX
                || matches!(next, Next::CannotTell);
            if self.whole >= UNIT || self.whole > 0 && is_last {
                let rest = self.rest.split_off(self.whole);
                self.whole = 0;
                return Ok(Some(mem::replace(&mut self.rest, rest)));
            }
            if is_last {
                return Ok(None);
            }
            let before = self.rest.len();
            // What was read before an error stays.
            (&mut self.source)
                .take(READ as u64)
                .read_to_end(&mut self.rest)?;
            self.source_ended = self.rest.len() - before < READ;
        }
    }
}

/// Starts threads that decompress what they are sent, until nobody can send any more.
fn start(format: Compression, threads: usize) -> io::Result<SyncSender<Job>> {
    let (jobs, queue) = sync_channel(UNITS_MAX);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..threads {
        let queue: Arc<Mutex<Receiver<Job>>> = Arc::clone(&queue);
        thread::Builder::new()
            .name("decompress".into())
            .spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(Job { mut unit, done }) = job else {
                        return;
                    };
                    decompress(format, &mut unit);
                    // If nobody waits for it any more, that is fine.
                    drop(done.send(unit));
                }
            })?;
    }
    Ok(jobs)
}

/// Decompresses a unit as the file that it is, unless it is too large or has a fault.
fn decompress(format: Compression, unit: &mut Unit) {
    let source = Box::new(Cursor::new(Arc::clone(&unit.compressed)));
    let Ok(mut reader) = Decompressor::new(format, source) else {
        return;
    };
    let mut len = 0;
    loop {
        if len == unit.memory.len() {
            if len == CONTENT_MAX {
                return;
            }
            unit.memory.resize((len + GROWTH).min(CONTENT_MAX), 0);
        }
        match reader.read(&mut unit.memory[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(_) => return,
        }
    }
    unit.len = Some(len);
}

/// What can be told of the member that starts at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It has this many bytes.
    Ends(usize),
    /// More bytes have to be seen.
    Unknown,
    /// It has to be decompressed to know.
    CannotTell,
}

/// Where the member at the start of `bytes` ends. `last` says that nothing follows the bytes.
///
/// It may be wrong, where the data is.
fn next_member(format: Compression, bytes: &[u8], last: bool) -> Next {
    if bytes.is_empty() {
        return Next::Unknown;
    }
    match format {
        Compression::Gzip => next_bgzf(bytes),
        #[cfg(feature = "zstd")]
        Compression::Zstd => super::zstd::next_frame(bytes),
        Compression::Bzip2 => next_bzip2(bytes, last),
        _ => Next::CannotTell,
    }
}

/// A block of BGZF, the gzip of bgzip and of genomics, has its size in its header: SAM format
/// specification, section 4.1.
fn next_bgzf(bytes: &[u8]) -> Next {
    let Some(header) = bytes.first_chunk::<18>() else {
        return Next::Unknown;
    };
    match header {
        [
            0x1f,
            0x8b,
            8,
            4,
            _,
            _,
            _,
            _,
            _,
            _,
            6,
            0,
            b'B',
            b'C',
            2,
            0,
            low,
            high,
        ] => {
            let len = usize::from(u16::from_le_bytes([*low, *high])) + 1;
            if len <= bytes.len() {
                Next::Ends(len)
            } else {
                Next::Unknown
            }
        }
        _ => Next::CannotTell,
    }
}

/// Streams of bzip2 start at whole bytes, with ten that are not in its data but by an odd chance, and
/// then the unit that is cut there turns out to have a fault.
fn next_bzip2(bytes: &[u8], last: bool) -> Next {
    const BLOCK: &[u8] = b"1AY&SY";
    let starts = memmem::find_iter(bytes, BLOCK).filter_map(|block| block.checked_sub(4));
    let is_start = |&at: &usize| matches!(bytes[at..], [b'B', b'Z', b'h', b'1'..=b'9', ..]);
    match starts.filter(|&at| at > 0).find(is_start) {
        Some(at) => Next::Ends(at),
        None if last => Next::Ends(bytes.len()),
        None => Next::Unknown,
    }
}

fn gone() -> io::Error {
    io::Error::other("a thread that decompresses ended unexpectedly")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_apart() {
        let block = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0\x1b\0\x03\0\0\0\0\0\0\0\0\0";
        assert_eq!(next_bgzf(block), Next::Ends(28));
        assert_eq!(next_bgzf(&block[..27]), Next::Unknown);
        assert_eq!(next_bgzf(&block[..17]), Next::Unknown);
        assert_eq!(next_bgzf(&[0; 18]), Next::CannotTell);

        let streams = b"BZh91AY&SY....1AY&SY..BZhx1AY&SY..BZh11AY&SY...";
        assert_eq!(next_bzip2(streams, false), Next::Ends(34));
        assert_eq!(next_bzip2(&streams[34..], false), Next::Unknown);
        assert_eq!(next_bzip2(&streams[34..], true), Next::Ends(13));
        assert_eq!(next_bzip2(&streams[..43], false), Next::Unknown);
    }
}
