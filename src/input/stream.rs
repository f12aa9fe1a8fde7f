//! A stream of bytes, cut into blocks of whole lines as it is read.
//!
//! For what cannot be mapped: pipes, standard input, decompressed data, and small files, which are
//! read faster than they are mapped. Memory is bounded by the longest line that may be valid: of one
//! that is longer only the start is kept.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::compression::{Compression, Decompressor};
use super::file::RegularFile;
use crate::error::{Action, Error, Result};

/// A UTF-8 byte-order mark (RFC 3629 section 6), which may stand at the very start of an input.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How much is kept of a line that is too long to be valid, at least: more than any output shows.
const HEAD: usize = 8 * 1024;

/// How a stream is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cutting {
    /// How many bytes a block has at least, the last one aside.
    pub(crate) block_size: usize,
    /// The longest line that is kept whole, in bytes.
    pub(crate) line_bytes: usize,
}

/// Whole lines of a stream.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) buffer: Buffer,
    /// Where the first line starts in the buffer, and where the last one ends.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The byte of the stream that is the buffer's first.
    pub(crate) offset: u64,
    /// Set if the block holds no more than the start of one line, which was too long to be kept.
    pub(crate) cut: Option<Cut>,
}

/// What reading on gave.
#[derive(Debug)]
pub(crate) enum Read {
    Block(Block),
    /// The end; and the memory back.
    End(Buffer),
}

/// A line of which only the start was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whether all of the line is UTF-8.
    pub is_utf8: bool,
}

/// Memory for a block, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// What was read into it, which may go on past the block's end.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Makes it at least so large.
    fn grow(&mut self, size: usize) {
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
    }
}

/// What was read of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// Its bytes, decompressed.
    pub(crate) bytes: u64,
    /// How it was compressed, and its bytes as they came.
    pub(crate) compressed: Option<(Compression, u64)>,
    /// Bytes that were added at the end of the file since, and not read.
    pub(crate) added: u64,
}

/// Where a stream comes from, for messages.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Stdin,
    Path(PathBuf),
}

impl Place {
    fn fault(&self, source: io::Error) -> Error {
        match self {
            Place::Stdin => Error::Stdin { source },
            Place::Path(path) => Error::io(Action::Read, path, source),
        }
    }
}

/// The stream.
pub(crate) struct Stream {
    place: Place,
    reader: Box<dyn io::Read + Send>,
    compression: Option<Compression>,
    /// The file behind it, to be checked at the end.
    file: Option<RegularFile>,
    /// Bytes that came, before they were decompressed.
    came: Arc<AtomicU64>,
    cutting: Cutting,
    /// The start of the line that the last block ended before, and perhaps more.
    carry: Vec<u8>,
    /// The byte of the stream that the next block starts with.
    offset: u64,
    is_at_end: bool,
}

impl Stream {
    /// A stream of what `reader` gives, decompressed if it starts like compressed data.
    pub(super) fn new(
        place: Place,
        reader: Box<dyn io::Read + Send>,
        file: Option<RegularFile>,
        cutting: Cutting,
    ) -> Result<Stream> {
        let came = Arc::new(AtomicU64::new(0));
        let mut reader = Counted(reader, Arc::clone(&came));
        let mut start = Vec::with_capacity(Compression::MAGIC_LEN);
        (&mut reader)
            .take(Compression::MAGIC_LEN as u64)
            .read_to_end(&mut start)
            .map_err(|source| place.fault(source))?;
        let compression = Compression::detect(&start);
        let whole = Box::new(io::Cursor::new(start).chain(reader));
        let reader: Box<dyn io::Read + Send> = match compression {
            Some(format) => {
                let decompressor = Decompressor::new(format, whole);
                Box::new(decompressor.map_err(|source| place.fault(source))?)
            }
            None => whole,
        };
        Ok(Stream {
            place,
            reader,
            compression,
            file,
            came,
            cutting: Cutting {
                // The mark has to be in the first block as a whole.
                block_size: cutting.block_size.max(BOM.len()),
                line_bytes: cutting.line_bytes.max(HEAD),
            },
            carry: Vec::new(),
            offset: 0,
            is_at_end: false,
        })
    }

    /// Reads the next block, into memory that is given for it.
    pub(crate) fn next(&mut self, mut buffer: Buffer) -> Result<Read> {
        buffer.grow(self.cutting.block_size.max(self.carry.len()));
        buffer.bytes[..self.carry.len()].copy_from_slice(&self.carry);
        buffer.filled = self.carry.len();
        self.carry.clear();
        let is_first = self.offset == 0;
        let (mut start, mut searched) = (0, 0);
        let mut wanted = self.cutting.block_size;
        let end = loop {
            self.fill(&mut buffer, wanted)?;
            if is_first && searched == 0 && buffer.bytes().starts_with(BOM) {
                start = BOM.len();
            }
            if let Some(newline) = memchr::memrchr(b'\n', &buffer.bytes()[searched..]) {
                break searched + newline + 1;
            }
            searched = buffer.filled;
            if self.is_at_end {
                break searched;
            }
            if searched - start > self.cutting.line_bytes {
                return self.long_line(buffer, start).map(Read::Block);
            }
            // One byte more than may be kept tells that the line is longer.
            wanted = (2 * searched).min(start + self.cutting.line_bytes + 1);
            buffer.grow(wanted);
        };
        if end <= start {
            self.offset += end as u64;
            return Ok(Read::End(buffer));
        }
        self.carry.extend_from_slice(&buffer.bytes()[end..]);
        let offset = self.offset;
        self.offset += end as u64;
        Ok(Read::Block(Block {
            buffer,
            start,
            end,
            offset,
            cut: None,
        }))
    }

    /// Passes over a line that is too long to be kept. It starts at `start`, and has not ended yet.
    #[cold]
    fn long_line(&mut self, mut buffer: Buffer, start: usize) -> Result<Block> {
        let mut utf8 = Utf8Check::default();
        utf8.feed(&buffer.bytes()[start..]);
        let mut passed = buffer.filled as u64;
        let head = start + HEAD;
        loop {
            buffer.filled = head;
            let size = buffer.size();
            self.fill(&mut buffer, size)?;
            let more = &buffer.bytes()[head..];
            if let Some(newline) = memchr::memchr(b'\n', more) {
                utf8.feed(&more[..newline]);
                passed += newline as u64 + 1;
                self.carry.extend_from_slice(&more[newline + 1..]);
                break;
            }
            utf8.feed(more);
            passed += more.len() as u64;
            if self.is_at_end {
                break;
            }
        }
        buffer.filled = head;
        let offset = self.offset;
        self.offset += passed;
        Ok(Block {
            buffer,
            start,
            end: head,
            offset,
            cut: Some(Cut {
                is_utf8: utf8.finish(),
            }),
        })
    }

    /// Reads until the buffer holds so many bytes, or there are no more.
    fn fill(&mut self, buffer: &mut Buffer, wanted: usize) -> Result<()> {
        while buffer.filled < wanted && !self.is_at_end {
            match self.reader.read(&mut buffer.bytes[buffer.filled..wanted]) {
                Ok(0) => self.is_at_end = true,
                Ok(read) => buffer.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let delivered = self.offset + buffer.filled as u64;
                    return Err(self.fault(error, delivered));
                }
            }
        }
        Ok(())
    }

    fn fault(&self, error: io::Error, delivered: u64) -> Error {
        let _ = delivered;
        self.place.fault(error)
    }

    /// What was read, when it has been read to its end, and that the file behind it is what it was.
    pub(crate) fn finish(self) -> Result<StreamEnd> {
        let came = self.came.load(Ordering::Relaxed);
        let mut added = 0;
        if let Some(file) = &self.file {
            added = file.check_unchanged()?;
            if came < file.len() {
                return Err(file.faulted());
            }
        }
        Ok(StreamEnd {
            bytes: self.offset,
            compressed: self.compression.map(|format| (format, came)),
            added,
        })
    }
}

/// Counts what comes.
struct Counted(Box<dyn io::Read + Send>, Arc<AtomicU64>);

impl io::Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Whether bytes that come in pieces are UTF-8 as a whole.
#[derive(Debug, Default)]
struct Utf8Check {
    /// The start of a character that the last piece broke off in.
    pending: Vec<u8>,
    is_broken: bool,
}

impl Utf8Check {
    fn feed(&mut self, mut bytes: &[u8]) {
        while !self.pending.is_empty()
            && !self.is_broken
            && let [first, rest @ ..] = bytes
        {
            self.pending.push(*first);
            bytes = rest;
            match std::str::from_utf8(&self.pending) {
                Ok(_) => self.pending.clear(),
                Err(error) => self.is_broken = error.error_len().is_some(),
            }
        }
        if let Err(error) = simdutf8::compat::from_utf8(bytes) {
            self.is_broken |= error.error_len().is_some();
            self.pending
                .extend_from_slice(&bytes[error.valid_up_to()..]);
        }
    }

    fn finish(self) -> bool {
        !self.is_broken && self.pending.is_empty()
    }
}
