//! A stream of bytes, cut into blocks of whole lines as it is read.
//!
//! For what cannot be mapped: pipes, standard input, decompressed data, and small files, which are
//! read faster than they are mapped. Memory is bounded by the longest line that may be valid: of one
//! that is longer only the start is kept.

use std::io::{self, Read as _};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::compression::{Compression, Decompressor};
use super::file::{Recording, RegularFile};
use super::identity::FileRecord;
use super::pipe::{KeepGoing, Until, given_up};
use crate::error::{Error, Result};

/// A UTF-8 byte-order mark (RFC 3629 section 6), which may stand at the very start of an input.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// How much is kept of a line that is too long to be valid, at least: more than any output shows.
const HEAD: usize = 8 * 1024;

/// How a stream is read and cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cutting {
    /// How many bytes a block has at least, the last one aside.
    pub(crate) block_size: usize,
    /// The longest line that is kept whole, in bytes.
    pub(crate) line_bytes: usize,
    /// How many threads may decompress it, where its format lets more than one.
    pub(crate) threads: NonZero<usize>,
    /// How much memory decompressing it may take, in bytes.
    pub(crate) memory: u64,
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
#[non_exhaustive]
pub struct Cut {
    /// How long the line is, in bytes.
    pub len: u64,
    /// Whether all of it is UTF-8.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// Its bytes, decompressed.
    pub(crate) bytes: u64,
    /// How it was compressed, and its bytes as they came.
    pub(crate) compressed: Option<(Compression, u64)>,
    /// Bytes that were added at the end of the file since, and not read.
    pub(crate) added: u64,
    /// What is to be remembered of the file, if anything is.
    pub(crate) record: Option<FileRecord>,
}

/// Where a stream comes from, for messages.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Stdin,
    Path(PathBuf),
    /// A reader, by the name it was given.
    Reader(String),
}

impl Place {
    fn fault(&self, source: io::Error) -> Error {
        match self {
            Place::Stdin => Error::read_named("standard input", source),
            Place::Path(path) => Error::read(path, source),
            Place::Reader(name) => Error::read_named(&crate::text::name(name).to_string(), source),
        }
    }
}

/// What a stream starts as.
pub(super) struct Start {
    pub(super) place: Place,
    /// The byte that is its first: nothing that starts elsewhere than at 0 is compressed.
    pub(super) offset: u64,
    /// The file behind it.
    pub(super) file: Option<RegularFile>,
    /// What is to be remembered of that file.
    pub(super) recording: Option<Recording>,
    /// When it ends at the latest.
    pub(super) until: Option<Until>,
}

impl Start {
    /// At the first byte of something that is no file.
    pub(super) fn of(place: Place) -> Start {
        Start {
            place,
            offset: 0,
            file: None,
            recording: None,
            until: None,
        }
    }
}

/// What a stream's bytes are from.
enum Source {
    Plain(Box<dyn io::Read + Send>),
    Compressed(Box<Decompressor>),
}

impl io::Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Plain(reader) => reader.read(buffer),
            Source::Compressed(decompressor) => decompressor.read(buffer),
        }
    }
}

/// The stream.
pub(crate) struct Stream {
    place: Place,
    /// Asked before every read: there may be no end.
    keep_going: KeepGoing,
    until: Option<Until>,
    reader: Source,
    compression: Option<Compression>,
    /// The file behind it, to be checked at the end.
    file: Option<RegularFile>,
    recording: Option<Recording>,
    /// Bytes that came, before they were decompressed.
    came: Arc<AtomicU64>,
    cutting: Cutting,
    /// The start of the line that the last block ended before, and perhaps more.
    carry: Vec<u8>,
    /// The byte of the stream that the next block starts with.
    offset: u64,
    is_at_end: bool,
    /// How many bytes were read, decompressed; and whether no more were because time was up.
    given: u64,
    is_left: bool,
}

impl Stream {
    /// A stream of what `reader` gives, decompressed if it starts like compressed data.
    pub(super) fn new(
        start: Start,
        reader: Box<dyn io::Read + Send>,
        cutting: Cutting,
        keep_going: KeepGoing,
    ) -> Result<Stream> {
        let Start {
            place,
            offset,
            file,
            recording,
            until,
        } = start;
        let came = Arc::new(AtomicU64::new(0));
        let mut reader = Counted(reader, Arc::clone(&came));
        let mut start = Vec::with_capacity(Compression::MAGIC_LEN);
        (&mut reader)
            .take(Compression::MAGIC_LEN as u64)
            .read_to_end(&mut start)
            .map_err(|source| place.fault(source))?;
        if let Some(file) = &file {
            file.check_start(start.len())?;
        }
        let compression = match offset {
            0 => Compression::detect(&start),
            _ => None,
        };
        let whole = Box::new(io::Cursor::new(start).chain(reader));
        let reader = match compression {
            Some(format) => {
                let decompressor =
                    Decompressor::with_limits(format, whole, cutting.threads, cutting.memory);
                Source::Compressed(Box::new(
                    decompressor.map_err(|source| place.fault(source))?,
                ))
            }
            None => Source::Plain(whole),
        };
        Ok(Stream {
            place,
            keep_going,
            until,
            reader,
            compression,
            file,
            recording,
            came,
            cutting: Cutting {
                // The mark has to be in the first block as a whole.
                block_size: cutting.block_size.max(BOM.len()),
                line_bytes: cutting.line_bytes.max(HEAD),
                ..cutting
            },
            carry: Vec::new(),
            offset,
            is_at_end: false,
            given: 0,
            is_left: false,
        })
    }

    /// Reads the next block, into memory that is given for it.
    pub(crate) fn next(&mut self, buffer: Buffer) -> Result<Read> {
        self.read(buffer).map_err(|error| {
            // Data that cannot be decompressed, say, may be that of two files.
            match &self.file {
                Some(file) if (self.keep_going)() => file.check_unchanged().err().unwrap_or(error),
                _ => error,
            }
        })
    }

    fn read(&mut self, mut buffer: Buffer) -> Result<Read> {
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
            let longest = self.cutting.line_bytes.saturating_add(start + 1);
            wanted = searched.saturating_mul(2).min(longest);
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
        let mut len = (buffer.filled - start) as u64;
        let mut has_newline = false;
        let head = start + HEAD;
        loop {
            buffer.filled = head;
            let size = buffer.size();
            self.fill(&mut buffer, size)?;
            let more = &buffer.bytes()[head..];
            if let Some(newline) = memchr::memchr(b'\n', more) {
                utf8.feed(&more[..newline]);
                len += newline as u64;
                has_newline = true;
                self.carry.extend_from_slice(&more[newline + 1..]);
                break;
            }
            utf8.feed(more);
            len += more.len() as u64;
            if self.is_at_end {
                break;
            }
        }
        buffer.filled = head;
        let offset = self.offset;
        self.offset += start as u64 + len + u64::from(has_newline);
        Ok(Block {
            buffer,
            start,
            end: head,
            offset,
            cut: Some(Cut {
                len,
                is_utf8: utf8.finish(),
            }),
        })
    }

    /// Reads until the buffer holds so many bytes, or there are no more.
    fn fill(&mut self, buffer: &mut Buffer, wanted: usize) -> Result<()> {
        while buffer.filled < wanted && !self.is_at_end {
            if !(self.keep_going)() {
                return Err(self.place.fault(given_up()));
            }
            if self.is_time_up() {
                (self.is_at_end, self.is_left) = (true, true);
                break;
            }
            match self.reader.read(&mut buffer.bytes[buffer.filled..wanted]) {
                Ok(0) => self.is_at_end = true,
                Ok(read) => {
                    buffer.filled += read;
                    self.given += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What is compressed ended in the middle of something, and not by itself.
                Err(_) if self.until.as_ref().is_some_and(Until::is_up) => self.is_at_end = true,
                Err(error) => return Err(self.place.fault(error)),
            }
        }
        Ok(())
    }

    /// Whether to read no further, be there more at once: a line need not end, nor what is compressed. The
    /// first block is read in any case, and what was made to end by the time gives what it still holds.
    fn is_time_up(&self) -> bool {
        let until = self.until.as_ref();
        until.is_some_and(|until| {
            self.given >= self.cutting.block_size as u64 && !until.is_up() && until.is_past()
        })
    }

    /// Whether it was left before its end because time was up.
    pub(crate) fn is_left(&self) -> bool {
        self.is_left
    }

    /// Of how many bytes as they came how many could be decompressed so far, what was not given yet
    /// included; `None` if it is not compressed. What it holds is gone then.
    pub(crate) fn decompressed(&mut self) -> Option<(u64, u64)> {
        match &mut self.reader {
            Source::Plain(_) => None,
            Source::Compressed(decompressor) => Some(decompressor.settle()),
        }
    }

    /// How many bytes have come, before they were decompressed. More may have come than was given yet.
    pub(crate) fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    /// What was read, when it has been read to its end, and that the file behind it is what it was.
    pub(crate) fn finish(self) -> Result<StreamEnd> {
        let came = self.came.load(Ordering::Relaxed);
        let (mut added, mut record) = (0, None);
        if let Some(file) = &self.file {
            record = self
                .recording
                .map(|recording| file.record(recording))
                .transpose()?;
            added = file.check_unchanged()?;
            if came < file.to_read() {
                return Err(file.faulted());
            }
        }
        Ok(StreamEnd {
            bytes: self.offset,
            compressed: self.compression.map(|format| (format, came)),
            added,
            record,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives its bytes in pieces of given sizes, again and again, and is interrupted between them.
    struct Pieces {
        bytes: Vec<u8>,
        at: usize,
        sizes: Vec<usize>,
        turn: usize,
    }

    impl io::Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.turn += 1;
            let size = self.sizes[self.turn % self.sizes.len()];
            if size == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let len = size.min(buffer.len()).min(self.bytes.len() - self.at);
            buffer[..len].copy_from_slice(&self.bytes[self.at..][..len]);
            self.at += len;
            Ok(len)
        }
    }

    fn always() -> KeepGoing {
        Arc::new(|| true)
    }

    fn stream(bytes: &[u8], sizes: &[usize], cutting: Cutting) -> Stream {
        let pieces = Pieces {
            bytes: bytes.to_vec(),
            at: 0,
            sizes: sizes.to_vec(),
            turn: 0,
        };
        Stream::new(Start::of(Place::Stdin), Box::new(pieces), cutting, always()).unwrap()
    }

    /// What is known of a line: where it starts, its text or the start of it, and the rest.
    type Line = (u64, Vec<u8>, Option<Cut>);

    /// The lines of all blocks, and the bytes that were read.
    fn lines(mut stream: Stream) -> (Vec<Line>, u64) {
        let mut lines = Vec::new();
        let mut buffer = Buffer::default();
        while let Read::Block(block) = stream.next(buffer).unwrap() {
            assert!(block.start < block.end);
            let bytes = &block.buffer.bytes()[block.start..block.end];
            let start = block.offset + block.start as u64;
            if block.cut.is_some() {
                lines.push((start, bytes.to_vec(), block.cut));
            } else {
                for line in crate::input::Lines::new(bytes) {
                    let at = start + line.offset as u64;
                    lines.push((at, line.bytes.to_vec(), None));
                }
            }
            buffer = block.buffer;
        }
        (lines, stream.finish().unwrap().bytes)
    }

    /// The same, from the whole text at once.
    fn expected(text: &[u8], longest: usize) -> Vec<Line> {
        let start = if text.starts_with(BOM) { BOM.len() } else { 0 };
        crate::input::Lines::new(&text[start..])
            .map(|line| {
                let at = (start + line.offset) as u64;
                if line.bytes.len() > longest {
                    let cut = Cut {
                        len: line.bytes.len() as u64,
                        is_utf8: std::str::from_utf8(line.bytes).is_ok(),
                    };
                    (at, line.bytes[..HEAD].to_vec(), Some(cut))
                } else {
                    (at, line.bytes.to_vec(), None)
                }
            })
            .collect()
    }

    /// Whole lines, some longer than may be kept, some not UTF-8.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            8 => prop::collection::vec(any::<u8>(), 0..40),
            8 => "[a-z]{0,30}\r?".prop_map(String::into_bytes),
            2 => (HEAD - 2..HEAD + 3).prop_map(|len| vec![b'x'; len]),
            2 => (1_usize..20_000).prop_map(|len| "aä€𝄞".bytes().cycle().take(len).collect()),
            1 => (1_usize..5_000).prop_map(|len| "aä€𝄞".repeat(len).into_bytes()),
        ];
        (
            prop::bool::weighted(0.2),
            prop::collection::vec(line, 0..12),
            any::<bool>(),
        )
            .prop_map(|(has_bom, lines, ends)| {
                let mut text = if has_bom { BOM.to_vec() } else { Vec::new() };
                text.extend(lines.join(&b'\n'));
                if ends {
                    text.push(b'\n');
                }
                text
            })
            // Not by chance something compressed.
            .prop_filter("compressed", |text| Compression::detect(text).is_none())
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_whole_text(
            text in text(),
            sizes in prop::collection::vec(prop_oneof![0_usize..5, 0_usize..10_000], 1..6)
                .prop_map(|mut sizes| { sizes.push(7); sizes }),
            block_size in prop_oneof![1_usize..20, 1_usize..30_000],
            line_bytes in prop_oneof![Just(1), Just(HEAD), HEAD..15_000, usize::MAX - 4..=usize::MAX],
        ) {
            let cutting = Cutting { block_size, line_bytes, threads: NonZero::<usize>::MIN, memory: 0 };
            let (lines, bytes) = lines(stream(&text, &sizes, cutting));
            let expected = expected(&text, line_bytes.max(HEAD));
            // A line that is too long for the reader of its block may still have come as a whole.
            let is_same = |(found, wanted): (&Line, &Line)| {
                found == wanted
                    || wanted.2.is_some()
                        && found.2.is_none()
                        && found.0 == wanted.0
                        && found.1.len() <= block_size
                        && found.1.starts_with(&wanted.1)
            };
            prop_assert_eq!(lines.len(), expected.len());
            prop_assert!(lines.iter().zip(&expected).all(is_same));
            prop_assert_eq!(bytes, text.len() as u64);
        }

        #[test]
        fn utf8_in_pieces_is_utf8_as_a_whole(
            text in prop_oneof![
                "\\PC{0,30}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..12),
                prop::collection::vec(prop_oneof![Just(0xf0), Just(0x90), Just(0xe2), Just(b'a')], 0..9),
            ],
            cuts in prop::collection::vec(0_usize..40, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let mut check = Utf8Check::default();
            let mut at = 0;
            for cut in cuts {
                check.feed(&text[at..cut]);
                at = cut;
            }
            prop_assert_eq!(check.finish(), std::str::from_utf8(&text).is_ok());
        }
    }

    #[test]
    fn a_line_without_end_takes_no_more_than_a_buffer() {
        let cutting = Cutting {
            block_size: 1 << 16,
            line_bytes: 1 << 20,
            threads: NonZero::<usize>::MIN,
            memory: 0,
        };
        let endless = io::Read::take(io::repeat(b'x'), 1 << 28);
        let mut stream = Stream::new(
            Start::of(Place::Stdin),
            Box::new(endless),
            cutting,
            always(),
        )
        .unwrap();
        let Read::Block(block) = stream.next(Buffer::default()).unwrap() else {
            panic!()
        };
        let cut = Cut {
            len: 1 << 28,
            is_utf8: true,
        };
        assert_eq!(block.cut, Some(cut));
        assert_eq!(block.end, HEAD);
        assert!(block.buffer.size() <= (1 << 20) + 1);
        let Read::End(_) = stream.next(block.buffer).unwrap() else {
            panic!()
        };
        assert_eq!(stream.finish().unwrap().bytes, 1 << 28);
    }

    #[test]
    fn a_line_without_end_is_left_when_time_is_up() {
        for line_bytes in [1 << 17, 1 << 24] {
            let cutting = Cutting {
                block_size: 1 << 16,
                line_bytes,
                threads: NonZero::<usize>::MIN,
                memory: 0,
            };
            let start = Start {
                until: Some(Until::new(std::time::Instant::now())),
                ..Start::of(Place::Stdin)
            };
            let endless = Box::new(io::Cursor::new(b"ab\n").chain(io::repeat(b'x')));
            let mut stream = Stream::new(start, endless, cutting, always()).unwrap();
            // The first block is read, be it late; of what comes then no more.
            let Read::Block(block) = stream.next(Buffer::default()).unwrap() else {
                panic!()
            };
            assert_eq!(&block.buffer.bytes()[..block.end], b"ab\n");
            assert!(!stream.is_left());
            let Read::Block(block) = stream.next(block.buffer).unwrap() else {
                panic!()
            };
            assert!(stream.is_left());
            assert_eq!(block.end, (1 << 16) - 3);
        }
    }

    #[test]
    fn a_line_without_end_can_be_given_up() {
        for line_bytes in [1 << 20, 1 << 24] {
            let looks = AtomicU64::new(0);
            // Somebody stops the run some time after the start.
            let keep_going: KeepGoing =
                Arc::new(move || looks.fetch_add(1, Ordering::Relaxed) < 1000);
            let cutting = Cutting {
                block_size: 1 << 16,
                line_bytes,
                threads: NonZero::<usize>::MIN,
                memory: 0,
            };
            let zeros = Box::new(io::repeat(0));
            let mut stream =
                Stream::new(Start::of(Place::Stdin), zeros, cutting, keep_going).unwrap();
            assert!(stream.next(Buffer::default()).is_err());
        }
    }

    /// What it is would be told by no bytes at all, and compressed data be taken for lines.
    #[test]
    fn a_file_whose_start_is_missing_is_not_taken_for_another_kind() {
        struct Late(bool, io::Cursor<Vec<u8>>);
        impl io::Read for Late {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    self.1.read(buffer)
                } else {
                    Ok(0)
                }
            }
        }
        let bytes = b"BZh9 and so on".to_vec();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let regular = || {
            let (path, seen) = crate::input::file::inspect(file.path()).unwrap();
            RegularFile::open(path, seen).unwrap()
        };
        let open = |regular: RegularFile| {
            let cutting = Cutting {
                block_size: 100,
                line_bytes: 100,
                threads: NonZero::<usize>::MIN,
                memory: 0,
            };
            let start = Start {
                file: Some(regular),
                ..Start::of(Place::Path(file.path().into()))
            };
            let reader = Box::new(Late(false, io::Cursor::new(bytes.clone())));
            Stream::new(start, reader, cutting, always()).map(drop)
        };
        let error = open(regular()).unwrap_err().to_string();
        assert!(error.contains("a part of it could not be read"), "{error}");
        // Where it is known what happened, that is said.
        let before = regular();
        file.as_file().set_len(3).unwrap();
        let error = open(before).unwrap_err().to_string();
        assert!(error.contains("14 bytes long and is now 3"), "{error}");
    }

    #[test]
    fn a_reader_that_fails_is_an_error_with_its_place() {
        struct Fails;
        impl io::Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let cutting = Cutting {
            block_size: 100,
            line_bytes: 100,
            threads: NonZero::<usize>::MIN,
            memory: 0,
        };
        let reader = io::Read::chain(
            io::Cursor::new(b"some lines\nand no more".repeat(1000)),
            Fails,
        );
        let place = Place::Path("/x/y".into());
        let mut stream =
            Stream::new(Start::of(place), Box::new(reader), cutting, always()).unwrap();
        let error = loop {
            match stream.next(Buffer::default()) {
                Ok(Read::Block(_)) => {}
                Ok(Read::End(_)) => panic!("taken for the end"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(
            error.contains("/x/y") && error.contains("broken"),
            "{error}"
        );
    }
}
