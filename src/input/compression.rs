//! Decompressing inputs: the formats, told by their first bytes, and one reader for all of them.
//!
//! The libraries decompress; everything around that is the same for all formats and is here: when
//! the data has really ended, which is never just because a library has nothing more to say, and
//! what is wrong with it if it has not.
//!
//! # What can go unnoticed
//!
//! Content is verified as far as its format lets it be: gzip, bzip2 and xz have checksums always
//! (xz unless it was made with `--check=none`), zstd and lz4 unless they were made with
//! `--no-check` or `--no-frame-crc`, or by a library whose user did not ask for one. Without, a damaged
//! byte may show as another byte. What no format covers: names, dates and comments in a header of
//! gzip without a checksum of its own, the bits that fill the last byte of bzip2, the content of
//! skippable frames, and whole members, frames or streams that are missing, since a file may have any
//! number of them.
//!
//! # What was looked at
//!
//! All for 1 GiB of narrow lines (256 MiB for bzip2 and xz), in the page cache, one thread unless
//! said otherwise. In bytes of lines a second: gzip 1.5 GB, BGZF 1.3, zstd 1.5, lz4 1.6, xz 0.22, bzip2
//! 0.05. Time against that of the library's own reader: gzip, zstd, bzip2 and xz 1.0, lz4 1.1. The C
//! library of lz4 takes 1.0 times as long as what is here. For xz the pure Rust lzma-rust2 takes 1.7
//! times as long as liblzma.
//!
//! - xz on two threads, as its library has it: 0.54 of the time for a file of many blocks, the same
//!   processor time, and 51 MiB. Taken.
//! - One gzip member on several threads: rapidgzip-core 0.3.1 reads awkward files right (members by
//!   the hundred and empty ones, stored blocks, header checksums; of 400 damaged files it took none)
//!   but refuses zeros after the end. With two threads it takes 0.9 of the time of one thread of
//!   zlib-rs for one member, 1.0 for BGZF: lines compress to an eighth, and come out too fast for
//!   this to pay. It is 14 thousand lines of young code. Not taken.
//! - Members that can be told apart (blocks of BGZF, frames of pzstd, streams of pbzip2) side by side:
//!   no library does it. Tried on our own, on a machine that was busy with other work, it took 1.1
//!   times the processor time for BGZF, 1.4 for zstd, whose units of 8 MiB do not stay in the cache,
//!   and 2 for bzip2, whose threads get in each other's way. Two threads that are both busy, one with
//!   events, can only lose by that. Not taken.
//! - `zstd -T` makes one frame. There is nothing in it to share out.

use std::error;
use std::fmt;
use std::io::{self, Read};
use std::mem;
use std::num::NonZero;

#[cfg(feature = "bzip2")]
mod bzip2;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(test)]
mod tests;
#[cfg(feature = "xz")]
mod xz;
#[cfg(feature = "zstd")]
mod zstd;

/// How much compressed data is read at a time, in bytes.
const BUFFER: usize = 256 * 1024;

const ZSTD_FRAME: u32 = 0xfd2f_b528;
const LZ4_FRAME: u32 = 0x184d_2204;
const LZ4_LEGACY_FRAME: u32 = 0x184c_2102;

/// The first bytes of each format, as far as they are always the same. Frames to be skipped start with
/// others, see [`is_skippable`].
const MAGICS: [(Compression, &[u8]); 6] = [
    (Compression::Gzip, b"\x1f\x8b\x08"),
    (Compression::Zstd, &ZSTD_FRAME.to_le_bytes()),
    (Compression::Bzip2, b"BZh"),
    (Compression::Xz, b"\xfd7zXZ\0"),
    (Compression::Lz4, &LZ4_FRAME.to_le_bytes()),
    (Compression::Lz4, &LZ4_LEGACY_FRAME.to_le_bytes()),
];

/// How many times the memory for decompressing has to be the limit of a run: its pipeline gives an
/// eighth to that.
const LIMIT_SHARE: u64 = 8;

/// Whether frames that start so are to be skipped: both zstd and lz4 have them.
fn is_skippable(magic: u32) -> bool {
    magic & 0xffff_fff0 == 0x184d_2a50
}

/// A format of compression, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// gzip: RFC 1952.
    Gzip,
    /// Zstandard: RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// LZ4 frames.
    Lz4,
}

impl Compression {
    /// How many bytes of an input's start are enough to tell its format, unless it starts with longer
    /// skippable frames, of which both zstd and lz4 may have any number. If they do not end within
    /// the bytes given, it is taken for zstd, which has tools that make them.
    pub const MAGIC_LEN: usize = 4096;

    /// All formats.
    pub const ALL: &'static [Compression] = &[
        Compression::Gzip,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Xz,
        Compression::Lz4,
    ];

    /// The format of an input that starts so, if it is compressed. `start` is the first
    /// [`MAGIC_LEN`](Compression::MAGIC_LEN) bytes, or all of a shorter input.
    ///
    /// None of the formats can start a JSON text. An input that ends within a format's first bytes is of
    /// that format, and cut off, where nobody could take it for text: `1f`, `1f 8b`, `fd` and on, and
    /// two or three bytes of zstd's and lz4's, but not `B`, `BZ`, `(`, or `04`.
    ///
    /// ```
    /// use daytally::input::Compression;
    ///
    /// assert_eq!(Compression::detect(b"\x1f\x8b\x08\0"), Some(Compression::Gzip));
    /// assert_eq!(Compression::detect(b"\x1f"), Some(Compression::Gzip));
    /// assert_eq!(Compression::detect(b"{\"user_id\":1}"), None);
    /// assert_eq!(Compression::detect(b""), None);
    /// ```
    #[must_use]
    pub fn detect(start: &[u8]) -> Option<Compression> {
        match start {
            [0x1f, 0x8b, 8, ..] | [0x1f, 0x8b] | [0x1f] => Some(Compression::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Compression::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Compression::Xz),
            [0xfd, ..] => Compression::begun(start, Compression::Xz),
            [0x28, 0xb5] | [0x28, 0xb5, _] => Compression::begun(start, Compression::Zstd),
            [0x04, 0x22] | [0x04, 0x22, _] | [0x02, 0x21] | [0x02, 0x21, _] => {
                Compression::begun(start, Compression::Lz4)
            }
            _ => Compression::detect_frames(start),
        }
    }

    /// How many bytes the longest of the formats' first bytes has.
    pub(super) const LONGEST_MAGIC: u64 = 6;

    /// The format of an input that has no more in it than a part of a format's first bytes, if it is
    /// supposed to be compressed: `likely`, if it may be that.
    pub(super) fn begun(whole: &[u8], likely: Compression) -> Option<Compression> {
        let begins = |magic: &[u8]| whole.len() < magic.len() && magic.starts_with(whole);
        let mut formats = MAGICS
            .iter()
            .filter(|(_, magic)| begins(magic))
            .map(|(format, _)| *format)
            .chain(match whole {
                [b'B', b'Z', b'h'] => Some(Compression::Bzip2),
                [0x50..=0x5f, rest @ ..] if rest.len() < 3 && b"\x2a\x4d\x18".starts_with(rest) => {
                    Some(Compression::Zstd)
                }
                _ => None,
            })
            .collect::<Vec<_>>();
        formats.sort_by_key(|format| *format != likely);
        formats.first().copied().filter(|_| !whole.is_empty())
    }

    /// The format of frames; skippable ones may go first.
    fn detect_frames(start: &[u8]) -> Option<Compression> {
        let number = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(*start.get(at..)?.first_chunk()?))
        };
        let mut at = 0_usize;
        while let Some(magic) = number(at) {
            match magic {
                ZSTD_FRAME => return Some(Compression::Zstd),
                LZ4_FRAME | LZ4_LEGACY_FRAME => return Some(Compression::Lz4),
                _ if is_skippable(magic) => {
                    let len = number(at + 4).and_then(|len| usize::try_from(len).ok());
                    // Cut off, it is still a skippable frame.
                    at = len.map_or(usize::MAX, |len| (at + 8).saturating_add(len));
                }
                // After a skippable frame, the format's reader will say that this is wrong.
                _ => break,
            }
        }
        (at > 0).then_some(Compression::Zstd)
    }

    /// What it is called, which is also the name of its Cargo feature: `gzip`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
        }
    }

    /// The format of a name.
    pub(crate) fn from_name(name: &str) -> Option<Compression> {
        Compression::ALL
            .iter()
            .copied()
            .find(|format| format.name() == name)
    }

    /// Whether this build reads it: each format is a Cargo feature, and all of them are on unless
    /// they are turned off.
    #[must_use]
    pub fn is_built_in(self) -> bool {
        match self {
            Compression::Gzip => cfg!(feature = "gzip"),
            Compression::Zstd => cfg!(feature = "zstd"),
            Compression::Bzip2 => cfg!(feature = "bzip2"),
            Compression::Xz => cfg!(feature = "xz"),
            Compression::Lz4 => cfg!(feature = "lz4"),
        }
    }

    /// What decompresses it, with as many threads where its library can use them, in so much memory.
    #[cfg_attr(
        not(all(feature = "xz", feature = "zstd")),
        expect(
            unused_variables,
            reason = "only xz has a use for threads, and few for much memory"
        )
    )]
    fn codec(self, threads: NonZero<usize>, memory: u64) -> Result<Box<dyn Codec>, Fault> {
        match self {
            #[cfg(feature = "gzip")]
            Compression::Gzip => Ok(Box::new(gzip::Gzip::new())),
            #[cfg(feature = "zstd")]
            Compression::Zstd => Ok(Box::new(zstd::Zstd::new(memory)?)),
            #[cfg(feature = "bzip2")]
            Compression::Bzip2 => Ok(Box::new(bzip2::Bzip2::new())),
            #[cfg(feature = "xz")]
            Compression::Xz => Ok(Box::new(xz::Xz::new(threads, memory))),
            #[cfg(feature = "lz4")]
            Compression::Lz4 => Ok(Box::new(lz4::Lz4::new())),
            #[cfg(not(all(
                feature = "gzip",
                feature = "zstd",
                feature = "bzip2",
                feature = "xz",
                feature = "lz4"
            )))]
            _ => Err(Fault::NotBuiltIn),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why compressed data could not be decompressed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The data ends in the middle.
    CutOff,
    /// The data breaks the rules of its format, or fails a checksum.
    Corrupt {
        /// What is wrong with it, in the words of the library where it has any.
        what: String,
    },
    /// The compressed data ends well, and something else follows it.
    Trailing,
    /// The data uses something of its format that is not read.
    Unsupported {
        /// What it uses, as the rest of a sentence: `was compressed with a dictionary`.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// Decompressing it takes more memory than it may.
    NeedsMemory {
        /// How much it may take, in bytes.
        allowed: u64,
        /// How much it has to be allowed, in bytes, where the data tells.
        needed: Option<u64>,
    },
    /// There was not enough memory.
    OutOfMemory,
    /// This build does not read the format: its Cargo feature was turned off.
    NotBuiltIn,
}

impl Fault {
    #[cfg_attr(
        not(any(
            feature = "gzip",
            feature = "zstd",
            feature = "bzip2",
            feature = "xz",
            feature = "lz4"
        )),
        expect(dead_code, reason = "no format can be corrupt")
    )]
    fn corrupt(what: &str) -> Fault {
        Fault::Corrupt {
            what: what.to_owned(),
        }
    }
}

/// What went wrong with compressed data, and where. A [`Decompressor`] gives it inside an
/// [`io::Error`]; [`DecompressError::of`] finds it there, and
/// [`Error::read`](crate::Error::read) makes it an error of the run.
///
/// ```
/// use daytally::error::Error;
/// use daytally::input::{Compression, Fault};
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::reader("events.jsonl.gz", &b"\x1f\x8b\x08\x00"[..])];
/// let error = Pipeline::new(Options::default())?.aggregate(inputs, &mut ()).unwrap_err();
/// let Error::Decompress { source, .. } = error else { unreachable!() };
/// assert_eq!((source.format, source.offset), (Compression::Gzip, 0));
/// assert_eq!(source.fault, Fault::CutOff);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecompressError {
    /// The format of the data.
    pub format: Compression,
    /// How many decompressed bytes there were before, which is the offset of the first missing one.
    pub offset: u64,
    /// What went wrong.
    pub fault: Fault,
}

impl DecompressError {
    /// That data has ended before there was any of it.
    pub(super) fn cut_off(format: Compression) -> DecompressError {
        DecompressError {
            format,
            offset: 0,
            fault: Fault::CutOff,
        }
    }

    /// What a [`Decompressor`] found wrong with the data, unless `error` is one of the source that it
    /// reads from.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&DecompressError> {
        error.get_ref()?.downcast_ref()
    }

    fn into_io(self) -> io::Error {
        let kind = match self.fault {
            Fault::CutOff => io::ErrorKind::UnexpectedEof,
            Fault::Corrupt { .. } | Fault::Trailing => io::ErrorKind::InvalidData,
            Fault::OutOfMemory | Fault::NeedsMemory { .. } => io::ErrorKind::OutOfMemory,
            Fault::Unsupported { .. } | Fault::NotBuiltIn => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, self)
    }
}

/// What is wrong and what to do, as the rest of a sentence that starts with the file.
impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DecompressError {
            format,
            offset,
            fault,
        } = self;
        match fault {
            Fault::CutOff => write!(
                f,
                "the {format} data is cut off after {offset} decompressed bytes; get a complete copy of the file"
            ),
            Fault::Corrupt { what } => write!(
                f,
                "the {format} data is corrupt after {offset} decompressed bytes ({what}); get an undamaged copy of the file"
            ),
            Fault::Trailing => write!(
                f,
                "the {format} data ends after {offset} decompressed bytes, and something else follows it; cut that off if it does not belong there"
            ),
            Fault::Unsupported { what, advice } => {
                write!(
                    f,
                    "after {offset} decompressed bytes, the {format} data {what}; {advice}"
                )
            }
            Fault::NeedsMemory { allowed, needed } => {
                let allowed_megabytes = allowed / 1_000_000;
                write!(
                    f,
                    "after {offset} decompressed bytes, the {format} data needs "
                )?;
                match needed {
                    Some(needed) => write!(
                        f,
                        "{} MB of memory to decompress, and may take {allowed_megabytes} MB",
                        needed.div_ceil(1_000_000)
                    )?,
                    None => write!(
                        f,
                        "more than {allowed_megabytes} MB of memory to decompress, which is all it may take"
                    )?,
                }
                match needed {
                    Some(needed) if *needed <= Decompressor::MEMORY => write!(
                        f,
                        "; give --memory-limit at least {}MB for each input that is decompressed at a time (one with --threads 1), or decompress it first",
                        (needed * LIMIT_SHARE).div_ceil(1_000_000)
                    ),
                    None if *allowed < Decompressor::MEMORY => f.write_str(
                        "; raise the memory limit (--memory-limit), read fewer inputs at a time (--threads), or decompress it first",
                    ),
                    _ => f.write_str("; decompress it first"),
                }
            }
            Fault::OutOfMemory => write!(
                f,
                "there is not enough memory to decompress {format} data; free some, or decompress the file first"
            ),
            Fault::NotBuiltIn => write!(
                f,
                "this build cannot read {format}; decompress the file first, or use a build with the feature {format}"
            ),
        }
    }
}

impl error::Error for DecompressError {}

/// One format's library.
trait Codec: Send {
    /// Decompresses some of `input` to `output`, which is not empty, and says in `done` how much that
    /// was, also where it fails. `last` says that nothing follows the input.
    ///
    /// Does as much as it can: with input it may do nothing once, to go on to its next state, but not
    /// twice in a row.
    fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        last: bool,
        done: &mut Step,
    ) -> Result<(), Fault>;

    /// Whether the data may end here.
    fn is_complete(&self) -> bool;

    /// How many bytes it has taken and only keeps until there are enough to decompress, where that may
    /// be many.
    fn gathered(&self) -> usize {
        0
    }
}

/// How many bytes a codec took and gave.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    read: usize,
    written: usize,
}

impl Step {
    /// What happened between two totals of bytes taken and given.
    #[cfg(any(feature = "gzip", feature = "bzip2", feature = "xz"))]
    fn since(before: (u64, u64), now: (u64, u64)) -> Step {
        // One step's bytes lie in memory.
        let len =
            |before, now: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
        Step {
            read: len(before.0, now.0),
            written: len(before.1, now.1),
        }
    }

    fn is_none(self) -> bool {
        self.read == 0 && self.written == 0
    }
}

/// The decompressed bytes of a stream.
///
/// Reads to the end of all members, frames or streams that follow each other. It only gives
/// `Ok(0)`, for a buffer that is not empty, when the compressed data has ended where it may end and
/// all its checksums have been compared; anything else is an error, and reading on gives the same
/// error again. What was read before an error has not been verified as a whole, and counts for
/// nothing.
///
/// An error in the data holds a [`DecompressError`]; others come from the source as they are, except
/// for [`Interrupted`](io::ErrorKind::Interrupted), after which reading just goes on.
///
/// Takes no more memory than its format's window: at most 8 MiB for gzip, bzip2 and lz4, 130 MiB for
/// zstd, 256 MiB for xz.
///
/// ```
/// use std::io::Read as _;
///
/// use daytally::input::{Compression, DecompressError, Fault};
/// use daytally::internals::Decompressor;
///
/// # #[cfg(feature = "gzip")]
/// # fn main() -> std::io::Result<()> {
/// let empty = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
/// let mut text = String::new();
/// Decompressor::new(Compression::Gzip, Box::new(&empty[..]))?.read_to_string(&mut text)?;
/// assert_eq!(text, "");
///
/// let cut = &empty[..15];
/// let error = Decompressor::new(Compression::Gzip, Box::new(cut))?.read(&mut [0]).unwrap_err();
/// assert_eq!(DecompressError::of(&error).unwrap().fault, Fault::CutOff);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "gzip"))]
/// # fn main() {}
/// ```
pub struct Decompressor {
    format: Compression,
    codec: Box<dyn Codec>,
    source: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// The part of the buffer that was not decompressed yet.
    unread: (usize, usize),
    /// Whether the source has given all it has.
    source_ended: bool,
    /// Whether the codec may have more to give without more input.
    may_hold_more: bool,
    /// How many bytes the codec has taken.
    taken: u64,
    /// How many decompressed bytes were given.
    offset: u64,
    /// What the data has turned out to be.
    outcome: Option<Result<(), Fault>>,
}

impl Decompressor {
    /// How much memory one may take if nothing else is said, in bytes: 256 MiB. Only what was made with
    /// windows or dictionaries set by hand needs more.
    pub const MEMORY: u64 = 256 * 1024 * 1024;

    /// A reader of the decompressed bytes of `source`, which is of that format.
    ///
    /// # Errors
    ///
    /// A [`DecompressError`] where this build does not read the format, or there is no memory for it.
    pub fn new(format: Compression, source: Box<dyn Read + Send>) -> io::Result<Decompressor> {
        Decompressor::with_limits(format, source, NonZero::<usize>::MIN, Decompressor::MEMORY)
    }

    /// As [`new`](Decompressor::new), and up to `threads` threads may decompress. What is read is the
    /// same for any number.
    ///
    /// Only xz makes use of it, for files of several blocks, as xz makes since version 5.6 and with
    /// `-T` before. Its library starts the threads, and falls back to fewer where they would take more
    /// than `memory`, in bytes. What cannot be decompressed in so much at all is an error; below 8 MiB
    /// that may be anything.
    ///
    /// # Errors
    ///
    /// As [`new`](Decompressor::new).
    pub fn with_limits(
        format: Compression,
        source: Box<dyn Read + Send>,
        threads: NonZero<usize>,
        memory: u64,
    ) -> io::Result<Decompressor> {
        let codec = format.codec(threads, memory).map_err(|fault| {
            DecompressError {
                format,
                offset: 0,
                fault,
            }
            .into_io()
        })?;
        Ok(Decompressor {
            format,
            codec,
            source,
            buffer: vec![0; BUFFER].into(),
            unread: (0, 0),
            source_ended: false,
            may_hold_more: false,
            taken: 0,
            offset: 0,
            outcome: None,
        })
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Compression {
        self.format
    }

    /// How many decompressed bytes were read so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes of the source were decompressed, and how many bytes that is: what was given, and
    /// what the codec still holds. That is gone then; reading on would miss it.
    ///
    /// What was read of the source is more, by as much as fits a buffer, and what was given is less, by as
    /// much as a block of the format: the ratio of those is that of the data only after many of both.
    pub(super) fn settle(&mut self) -> (u64, u64) {
        let mut held = vec![0; BUFFER];
        while self.may_hold_more && self.outcome.is_none() {
            let mut step = Step::default();
            let result = self.codec.step(&[], &mut held, false, &mut step);
            self.offset += step.written as u64;
            self.may_hold_more = step.written == held.len();
            self.outcome = result.err().map(Err);
        }
        (self.taken - self.codec.gathered() as u64, self.offset)
    }

    /// Decompresses until there is something to give, or the end.
    fn advance(&mut self, output: &mut [u8]) -> io::Result<Result<usize, Fault>> {
        let mut idle = false;
        loop {
            let (start, end) = self.unread;
            if start == end && !self.source_ended && !self.may_hold_more {
                match self.source.read(&mut self.buffer) {
                    Ok(len) => {
                        self.unread = (0, len);
                        self.source_ended = len == 0;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            let mut step = Step::default();
            let result = self.codec.step(
                &self.buffer[start..end],
                output,
                self.source_ended,
                &mut step,
            );
            self.unread.0 += step.read;
            self.taken += step.read as u64;
            self.may_hold_more = step.written == output.len();
            if step.written > 0 {
                // What came before a fault is given before it.
                self.outcome = result.err().map(Err);
                return Ok(Ok(step.written));
            }
            if let Err(fault) = result {
                return Ok(Err(fault));
            }
            if start < end {
                if step.is_none() && mem::replace(&mut idle, true) {
                    // It has input and room and does nothing: going on would never end.
                    return Ok(Err(Fault::Corrupt {
                        what: "it cannot be read on from there".to_owned(),
                    }));
                }
                idle = step.is_none();
                continue;
            }
            if self.source_ended {
                return Ok(if self.codec.is_complete() {
                    Ok(0)
                } else {
                    Err(Fault::CutOff)
                });
            }
        }
    }
}

impl Read for Decompressor {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        if self.outcome.is_none() {
            match self.advance(output)? {
                Ok(0) => self.outcome = Some(Ok(())),
                Ok(len) => {
                    self.offset += len as u64;
                    return Ok(len);
                }
                Err(fault) => self.outcome = Some(Err(fault)),
            }
        }
        match &self.outcome {
            Some(Err(fault)) => Err(DecompressError {
                format: self.format,
                offset: self.offset,
                fault: fault.clone(),
            }
            .into_io()),
            _ => Ok(0),
        }
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor")
            .field("format", &self.format)
            .field("offset", &self.offset)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
