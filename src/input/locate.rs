//! Finding a line of an input by its number, or by a byte of it.
//!
//! In a mapped file newlines are counted on all cores, and memory is let go of on the way. Anything else
//! is read from its start, as a run reads it, so the lines are those of a run.

use std::borrow::Cow;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Lines;
use super::compression::Decompressor;
use super::mapped::InputFile;
use super::source::{Input, Opened};
use super::stream::{Block, Buffer, Cut, Cutting, Read, Stream};
use crate::error::{Error, Result};
use crate::text;

/// How much a thread counts at a time, in bytes.
const PIECE: usize = 4 * 1024 * 1024;

/// How much each thread counts between two looks at the sum, in bytes.
const SHARE: usize = 16 * PIECE;

/// How far ahead the disk is asked for what will be counted, in bytes.
const AHEAD: usize = 64 * 1024 * 1024;

/// How many bytes are counted for nothing but the number of a line that has been found, at most: a
/// twentieth of a second's work.
const COUNTED: usize = 256 * 1024 * 1024;

/// How much is kept of a line that is not kept whole, in bytes.
const HEAD: usize = 4096;

/// Which line of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The line of that number, from 1.
    Number(NonZeroU64),
    /// The line that a byte is in, the `\n` at its end included: the byte's offset in the decompressed
    /// input, from 0. A byte-order mark is in the first line.
    Offset(u64),
    /// Every line.
    All,
}

/// A line that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLine<'a> {
    /// Its number, from 1; `None` if counting up to it would have taken a while and nobody asked.
    pub number: Option<u64>,
    /// The byte of the decompressed input at which it starts, from 0.
    pub offset: u64,
    /// Its text without its `\n`, or the start of it.
    pub bytes: Cow<'a, [u8]>,
    /// Set if it was too long to be kept.
    pub cut: Option<Cut>,
}

impl FoundLine<'_> {
    /// How many bytes it has, without its `\n`.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.cut.map_or(self.bytes.len() as u64, |cut| cut.len)
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same line, whatever becomes of its input.
    #[must_use]
    pub fn into_owned(self) -> FoundLine<'static> {
        FoundLine {
            bytes: Cow::Owned(self.bytes.into_owned()),
            ..self
        }
    }
}

/// How lines are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locator {
    /// How many threads count; by default as many as the machine, or the process's cgroup, allows.
    pub threads: NonZeroUsize,
    /// The longest line that is given whole, in bytes; by default 64 MiB.
    pub line_bytes: usize,
}

impl Default for Locator {
    fn default() -> Locator {
        Locator {
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            line_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Locator {
    /// Finds a line of an input, or all of them, and gives it to `sink`; all of them in their order.
    ///
    /// ```
    /// use std::num::NonZeroU64;
    ///
    /// use daytally::Input;
    /// use daytally::internals::{Locator, Which};
    ///
    /// let second = Which::Number(NonZeroU64::new(2).unwrap());
    /// let input = Input::open("tests/data/events.jsonl".as_ref())?;
    /// let mut found = None;
    /// Locator::default().find(input, second, |line| {
    ///     found = Some((line.offset, line.len()));
    ///     Ok(())
    /// })?;
    /// assert_eq!(found, Some((77, 96)));
    /// # Ok::<(), daytally::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLine`] and [`Error::NoSuchByte`] where there is none, what went wrong with reading
    /// the input, and what `sink` gives.
    pub fn find(
        &self,
        input: Input,
        which: Which,
        mut sink: impl FnMut(FoundLine<'_>) -> Result<()>,
    ) -> Result<()> {
        let name = match input.path() {
            Some(path) => text::path(path).to_string(),
            None if input.name() == "-" => "standard input".into(),
            None => text::name(input.name()).to_string(),
        };
        let cutting = Cutting {
            block_size: PIECE,
            line_bytes: self.line_bytes,
            threads: self.threads,
            memory: Decompressor::MEMORY,
        };
        match input.start(cutting, Arc::new(|| true))? {
            Opened::Mapped(file) => {
                let result = self.find_in_map(&file, which, &name, &mut sink);
                if file.has_faulted() {
                    file.check_unchanged()?;
                }
                result
            }
            Opened::Stream(stream, _) => self.find_in_stream(*stream, which, &name, &mut sink),
        }
    }

    fn find_in_map(
        &self,
        file: &InputFile,
        which: Which,
        name: &str,
        sink: &mut impl FnMut(FoundLine<'_>) -> Result<()>,
    ) -> Result<()> {
        let (text, start) = (file.bytes(), file.text_start());
        let (number, start) = match which {
            Which::Number(number) => {
                let before = number.get() - 1;
                let found = if before == 0 {
                    Ok(start)
                } else {
                    nth_newline(file, start, before, self.threads).map(|newline| newline + 1)
                };
                let lines = match found {
                    Ok(at) if at < text.len() => {
                        let line = self.line_at(text, at, Some(number.get()));
                        return sink(line);
                    }
                    Ok(_) => before,
                    Err(newlines) => {
                        let has_rest = start < text.len() && !text.ends_with(b"\n");
                        newlines + u64::from(has_rest)
                    }
                };
                return Err(Error::NoSuchLine {
                    input: name.to_owned(),
                    line: number.get(),
                    lines,
                });
            }
            Which::Offset(offset) => {
                let at = usize::try_from(offset).ok().filter(|at| *at < text.len());
                let Some(at) = at.filter(|_| start < text.len()) else {
                    return Err(Error::NoSuchByte {
                        input: name.to_owned(),
                        offset,
                        bytes: text.len() as u64,
                        is_compressed: false,
                    });
                };
                let before = &text[start..at.max(start)];
                let line = memchr::memrchr(b'\n', before).map_or(start, |at| start + at + 1);
                let number = (line <= COUNTED).then(|| {
                    count_in(file, start..line, self.threads)
                        .iter()
                        .sum::<u64>()
                        + 1
                });
                (number, line)
            }
            Which::All => {
                let mut number = 0;
                for line in Lines::new(&text[start..]) {
                    number += 1;
                    sink(self.line_at(text, start + line.offset, Some(number)))?;
                }
                return Ok(());
            }
        };
        sink(self.line_at(text, start, number))
    }

    /// The line that starts at a byte of a text.
    fn line_at(&self, text: &[u8], start: usize, number: Option<u64>) -> FoundLine<'static> {
        let rest = &text[start..];
        let line = memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
        // A copy, because somebody may write to the file while the line is looked at.
        self.kept(line, start as u64, number).into_owned()
    }

    /// A line, or the start of it if it is too long to be kept.
    fn kept<'a>(&self, line: &'a [u8], offset: u64, number: Option<u64>) -> FoundLine<'a> {
        let is_long = line.len() > self.line_bytes;
        FoundLine {
            number,
            offset,
            bytes: Cow::Borrowed(if is_long {
                &line[..line.len().min(HEAD)]
            } else {
                line
            }),
            cut: is_long.then(|| Cut {
                len: line.len() as u64,
                is_utf8: simdutf8::basic::from_utf8(line).is_ok(),
            }),
        }
    }

    fn find_in_stream(
        &self,
        mut stream: Stream,
        which: Which,
        name: &str,
        sink: &mut impl FnMut(FoundLine<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut lines = 0_u64;
        let mut buffer = Buffer::default();
        // A line whose end is the byte that was asked for, if it has an end.
        let mut perhaps: Option<FoundLine<'static>> = None;
        while let Read::Block(block) = stream.next(buffer)? {
            if let Some(line) = perhaps {
                return sink(line);
            }
            let text = &block.buffer.bytes()[block.start..block.end];
            let start = block.offset + block.start as u64;
            if let Some(cut) = block.cut {
                lines += 1;
                let line = FoundLine {
                    number: Some(lines),
                    offset: start,
                    bytes: Cow::Borrowed(&text[..text.len().min(HEAD)]),
                    cut: Some(cut),
                };
                match which {
                    Which::Number(number) if number.get() == lines => return sink(line),
                    Which::Offset(offset) if offset < start + cut.len => return sink(line),
                    Which::Offset(offset) if offset == start + cut.len => {
                        perhaps = Some(line.into_owned());
                    }
                    Which::All => sink(line)?,
                    _ => {}
                }
            } else {
                let found = match which {
                    Which::Number(number) => nth_line(text, number.get() - lines),
                    Which::Offset(offset) => line_of_byte(&block, offset),
                    Which::All => {
                        for (at, line) in (1..).zip(Lines::new(text)) {
                            let offset = start + line.offset as u64;
                            sink(self.kept(line.bytes, offset, Some(lines + at)))?;
                        }
                        None
                    }
                };
                if let Some(at) = found {
                    let number = lines + newlines(&text[..at]) + 1;
                    let line = Lines::new(&text[at..])
                        .next()
                        .map_or(&[][..], |line| line.bytes);
                    return sink(self.kept(line, start + at as u64, Some(number)));
                }
                lines += newlines(text) + u64::from(!text.ends_with(b"\n"));
            }
            buffer = block.buffer;
        }
        let end = stream.finish()?;
        match which {
            Which::Number(number) => Err(Error::NoSuchLine {
                input: name.to_owned(),
                line: number.get(),
                lines,
            }),
            Which::Offset(offset) => match perhaps {
                Some(line) if offset < end.bytes => sink(line),
                _ => Err(Error::NoSuchByte {
                    input: name.to_owned(),
                    offset,
                    bytes: end.bytes,
                    is_compressed: end.compressed.is_some(),
                }),
            },
            Which::All => Ok(()),
        }
    }
}

/// Where the line of a number from 1 starts in a text of whole lines.
fn nth_line(text: &[u8], number: u64) -> Option<usize> {
    let start = match usize::try_from(number - 1).ok()?.checked_sub(1) {
        None => 0,
        Some(before) => memchr::memchr_iter(b'\n', text).nth(before)? + 1,
    };
    (start < text.len()).then_some(start)
}

/// Where in a block the line starts that has a byte of the stream in it. A byte before the block is in
/// its first line: it is of the byte-order mark.
fn line_of_byte(block: &Block, offset: u64) -> Option<usize> {
    let text = &block.buffer.bytes()[block.start..block.end];
    let at = offset.saturating_sub(block.offset + block.start as u64);
    let before = text.get(..usize::try_from(at).ok()?)?;
    if before.len() == text.len() {
        return None;
    }
    Some(memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1))
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Where the newline of a number from 1 is, counted from the byte `start`; or how many there are, if
/// there are fewer.
fn nth_newline(
    file: &InputFile,
    start: usize,
    number: u64,
    threads: NonZeroUsize,
) -> std::result::Result<usize, u64> {
    let text = file.bytes();
    let (mut at, mut before) = (start, 0);
    while at < text.len() {
        let window = at..at
            .saturating_add(SHARE.saturating_mul(threads.get()))
            .min(text.len());
        for newlines in count_in(file, window.clone(), threads) {
            let piece = &text[at..window.end.min(at + PIECE)];
            if before + newlines >= number {
                let nth = usize::try_from(number - before - 1).ok();
                let found = nth.and_then(|nth| memchr::memchr_iter(b'\n', piece).nth(nth));
                // Not there any more: the file is being written to.
                return found.map(|newline| at + newline).ok_or(before);
            }
            before += newlines;
            at += piece.len();
        }
    }
    Err(before)
}

/// How many newlines each piece of a range has.
fn count_in(file: &InputFile, range: Range<usize>, threads: NonZeroUsize) -> Vec<u64> {
    let text = file.bytes();
    let pieces = range.len().div_ceil(PIECE);
    let next = AtomicUsize::new(0);
    let count = || {
        let mut counts = Vec::new();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                return counts;
            }
            let start = range.start + piece * PIECE;
            let end = range.end.min(start + PIECE);
            let ahead = start.saturating_add(AHEAD).min(text.len());
            file.will_read(ahead..ahead.saturating_add(PIECE).min(text.len()));
            counts.push((piece, newlines(&text[start..end])));
            file.release(start..end);
        }
    };
    let mut all = vec![0; pieces];
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads.get().min(pieces))
            // Where no more threads can be had, there is one.
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, count).ok())
            .collect();
        let mut keep = |counts: Vec<(usize, u64)>| {
            for (piece, newlines) in counts {
                all[piece] = newlines;
            }
        };
        keep(count());
        for other in others {
            match other.join() {
                Ok(counts) => keep(counts),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    type Line = (Option<u64>, u64, Vec<u8>);

    /// The lines of a text by the plain reading of the rules.
    fn plain(text: &[u8]) -> Vec<Line> {
        let start = if text.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let mut at = start;
        let mut lines = Vec::new();
        for line in text[start..].split_inclusive(|byte| *byte == b'\n') {
            let bytes = line.strip_suffix(b"\n").unwrap_or(line);
            lines.push((Some(lines.len() as u64 + 1), at as u64, bytes.to_vec()));
            at += line.len();
        }
        lines
    }

    fn mapped(text: &[u8]) -> (tempfile::NamedTempFile, InputFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        let input = InputFile::open(file.path()).unwrap();
        (file, input)
    }

    /// What is found both ways, which has to be the same.
    fn found(
        text: &[u8],
        which: Which,
        locator: Locator,
    ) -> std::result::Result<Vec<Line>, String> {
        let (_file, input) = mapped(text);
        found_in(&input, which, locator)
    }

    fn found_in(
        input: &InputFile,
        which: Which,
        locator: Locator,
    ) -> std::result::Result<Vec<Line>, String> {
        let line_bytes = locator.line_bytes as u64;
        let mut lines = Vec::new();
        let in_map = locator.find_in_map(input, which, "it", &mut |line| {
            lines.push(seen(&line, line_bytes));
            Ok(())
        });
        let in_map = in_map.map(|()| lines).map_err(|error| error.to_string());
        let mut lines = Vec::new();
        let stream = Input::reader("it", std::io::Cursor::new(input.bytes().to_vec()));
        let in_stream = locator.find(stream, which, |line| {
            lines.push(seen(&line, line_bytes));
            Ok(())
        });
        let in_stream = in_stream.map(|()| lines).map_err(|error| error.to_string());
        assert_eq!(in_map, in_stream, "{which:?}");
        in_map
    }

    /// Of a line that was cut the length is as good as the text.
    fn seen(line: &FoundLine<'_>, line_bytes: u64) -> Line {
        assert_eq!(line.cut.is_some(), line.len() > line_bytes);
        let bytes = match line.cut {
            Some(cut) => vec![b'x'; usize::try_from(cut.len).unwrap()],
            None => line.bytes.to_vec(),
        };
        (line.number, line.offset, bytes)
    }

    fn number(number: u64) -> Which {
        Which::Number(NonZeroU64::new(number).unwrap())
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let locator = Locator::default();
        for (text, which, expected) in [
            (&b""[..], number(1), "it has no lines"),
            (
                b"",
                Which::Offset(0),
                "it has 0 bytes, and no byte 0; offsets count from 0",
            ),
            (b"\xef\xbb\xbf", number(1), "it has no lines"),
            (
                b"\xef\xbb\xbf",
                Which::Offset(0),
                "it has 3 bytes, and no byte 0; offsets count from 0",
            ),
            (b"a", number(2), "it has 1 line, and no line 2"),
            (b"a\n", number(2), "it has 1 line, and no line 2"),
            (b"a\n\n", number(3), "it has 2 lines, and no line 3"),
            (b"a\nb", number(3), "it has 2 lines, and no line 3"),
            (
                b"a\nb",
                number(u64::MAX),
                "it has 2 lines, and no line 18446744073709551615",
            ),
            (
                b"a\nb",
                Which::Offset(3),
                "it has 3 bytes, and no byte 3; offsets count from 0",
            ),
            (
                b"a\nb",
                Which::Offset(u64::MAX),
                "it has 3 bytes, and no byte 18446744073709551615; offsets count from 0",
            ),
        ] {
            assert_eq!(
                found(text, which, locator).unwrap_err(),
                expected,
                "{text:?} {which:?}"
            );
        }
        assert_eq!(found(b"", Which::All, locator), Ok(Vec::new()));
    }

    /// Large enough for several pieces and several looks at the sum, with lines across their ends.
    #[test]
    fn lines_of_large_files() {
        let mut text = Vec::new();
        let mut starts = Vec::new();
        let mut count = 0_u64;
        while text.len() < 40 * 1024 * 1024 {
            starts.push(text.len() as u64);
            let len = usize::try_from(count * 7919 % 3001).unwrap();
            text.extend(std::iter::repeat_n(b'x', len));
            text.push(b'\n');
            count += 1;
        }
        let (_file, input) = mapped(&text);
        let threads = NonZeroUsize::new(3).unwrap();
        let counts = count_in(&input, 5..text.len() - 7, threads);
        assert_eq!(counts.len(), (text.len() - 12).div_ceil(PIECE));
        assert_eq!(
            counts.iter().sum::<u64>(),
            newlines(&text[5..text.len() - 7])
        );
        let locator = Locator {
            threads,
            line_bytes: 1 << 20,
        };
        for at in [0, 1, 2, 3000, starts.len() / 2, starts.len() - 1] {
            for which in [number(at as u64 + 1), Which::Offset(starts[at])] {
                let mut seen = None;
                locator
                    .find_in_map(&input, which, "it", &mut |line| {
                        seen = Some((line.number, line.offset));
                        Ok(())
                    })
                    .unwrap();
                assert_eq!(seen, Some((Some(at as u64 + 1), starts[at])), "{which:?}");
            }
        }
        assert_eq!(nth_newline(&input, 0, count + 1, threads), Err(count));
        assert_eq!(
            nth_newline(&input, 0, count, NonZeroUsize::MIN),
            Ok(text.len() - 1)
        );
    }

    /// A stream keeps the start alone of what is longer than a block and than may be kept.
    #[test]
    fn lines_that_are_too_long_to_be_kept() {
        let long = vec![b'x'; PIECE + 10_000];
        for end in ["", "\n", "\nb"] {
            let text = [b"a\n", &long[..], end.as_bytes()].concat();
            let locator = Locator {
                line_bytes: 10_000,
                ..Locator::default()
            };
            let expected = plain(&text);
            for (at, line) in (1..).zip(expected.iter().map(Some).chain([None])) {
                assert_eq!(
                    found(&text, number(at), locator).ok(),
                    line.map(|line| vec![line.clone()]),
                    "{at} {end:?}"
                );
            }
            assert_eq!(found(&text, Which::All, locator).unwrap(), expected);
            let length = text.len() as u64;
            for offset in [2, 3, length - 3, length - 2, length - 1, length] {
                let line = expected
                    .iter()
                    .rfind(|line| line.1 <= offset && offset < length);
                assert_eq!(
                    found(&text, Which::Offset(offset), locator).ok(),
                    line.map(|line| vec![line.clone()]),
                    "{offset} {end:?}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn lines_are_found_by_number_and_by_byte(
            mark in any::<bool>(),
            body in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x')], 0..40),
            threads in 1..4_usize,
            line_bytes in 0..60_usize,
        ) {
            let text = if mark { [b"\xef\xbb\xbf", &body[..]].concat() } else { body };
            let locator = Locator { threads: NonZeroUsize::new(threads).unwrap(), line_bytes };
            let (_file, input) = mapped(&text);
            let expected: Vec<Line> = plain(&text).into_iter().map(|(number, offset, bytes)| {
                let is_long = bytes.len() > line_bytes;
                (number, offset, if is_long { vec![b'x'; bytes.len()] } else { bytes })
            }).collect();
            prop_assert_eq!(found_in(&input, Which::All, locator).unwrap(), expected.clone());
            for at in 0..expected.len() + 2 {
                let line = expected.get(at).map(|line| vec![line.clone()]);
                prop_assert_eq!(found_in(&input, number(at as u64 + 1), locator).ok(), line);
            }
            for offset in 0..text.len() as u64 + 2 {
                let line = expected.iter().rfind(|line| line.1 <= offset).or(expected.first());
                let line = line.filter(|_| offset < text.len() as u64).map(|line| vec![line.clone()]);
                prop_assert_eq!(found_in(&input, Which::Offset(offset), locator).ok(), line);
            }
        }
    }
}
