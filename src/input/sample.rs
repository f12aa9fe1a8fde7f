//! Tiles of a file: pieces of equal size, of which any can be read without the others.
//!
//! A line belongs to the tile that its first byte is in, so that each line is in exactly one tile, and
//! all tiles together are the file. Tiles are read and not mapped: a file that is cut shorter while it is
//! sampled is an error of that read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::file::{self, FileId};
use super::stream::BOM;
use crate::error::{Action, Error, Result};

/// How much is read at a time behind a tile's end, to find the end of its last line: at first, and at most.
const FIRST_STEP: usize = 2 * 1024;
const STEP: usize = 64 * 1024;

/// A regular file that is not compressed, as it was when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct PlainFile {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) len: u64,
}

/// The lines of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// The byte of the file at which the buffer's text starts.
    pub(crate) offset: u64,
    /// Set if the last line is too long to be kept, and not in the buffer: where it starts, and how many
    /// bytes it has.
    pub(crate) cut: Option<(u64, u64)>,
    /// How many bytes were seen of a line whose end was not: all of the tile if there is no newline in it, or
    /// those of a last line that was left. 0 if there is none.
    pub(crate) unended: u64,
    /// Whether the last line was left because time was up. It is not in the buffer.
    pub(crate) is_left: bool,
    /// How many bytes of the file were read for it.
    pub(crate) read: u64,
}

/// What there is of a line behind a place: so many bytes, or more if it was left.
struct RestOfLine {
    len: u64,
    is_left: bool,
}

impl PlainFile {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Reads a tile, by its number from 0, of tiles of `size` bytes. Whole lines are put into `buffer`,
    /// which is emptied first; only the last one may be without its `\n`, at the end of the file. How far
    /// that goes nobody knows: once time is up, which is asked before every read behind the tile but the
    /// first, it is left.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, is another one by now, or has become shorter.
    pub(crate) fn tile(
        &self,
        number: u64,
        size: u64,
        line_bytes: usize,
        is_time_up: &dyn Fn() -> bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Tile> {
        let file = self.open()?;
        let first = number.saturating_mul(size);
        let end = first.saturating_add(size).min(self.len);
        // The byte before tells whether a line starts with the tile.
        let from = first.saturating_sub(1).min(end);
        buffer.clear();
        self.read_to(&file, from, end, buffer)?;
        let mut unended = 0;
        let start = if first > 0 {
            memchr::memchr(b'\n', buffer).map_or_else(
                || {
                    unended = end.saturating_sub(first);
                    buffer.len()
                },
                |at| at + 1,
            )
        } else if buffer.starts_with(BOM) {
            BOM.len()
        } else {
            0
        };
        buffer.drain(..start);
        let offset = from + start as u64;
        let mut tile = Tile {
            offset,
            cut: None,
            unended,
            is_left: false,
            read: end - from,
        };
        if buffer.is_empty() || buffer.ends_with(b"\n") {
            return Ok(tile);
        }
        let last = memchr::memrchr(b'\n', buffer).map_or(0, |at| at + 1);
        let (mut at, mut step) = (end, FIRST_STEP);
        while at < self.len {
            let searched = buffer.len();
            let next = at.saturating_add(step as u64).min(self.len);
            self.read_to(&file, at, next, buffer)?;
            tile.read += next - at;
            at = next;
            step = STEP.min(2 * step);
            if let Some(newline) = memchr::memchr(b'\n', &buffer[searched..]) {
                buffer.truncate(searched + newline + 1);
                return Ok(tile);
            }
            let len = (buffer.len() - last) as u64;
            if buffer.len() - last > line_bytes {
                let rest = self.rest_of_line(&file, at, is_time_up)?;
                tile.read += rest.len;
                buffer.truncate(last);
                if rest.is_left {
                    (tile.unended, tile.is_left) = (len + rest.len, true);
                } else {
                    tile.cut = Some((offset + last as u64, len + rest.len));
                }
                return Ok(tile);
            }
            if at < self.len && is_time_up() {
                buffer.truncate(last);
                (tile.unended, tile.is_left) = (len, true);
                return Ok(tile);
            }
        }
        Ok(tile)
    }

    /// Its first bytes, so many at most.
    ///
    /// # Errors
    ///
    /// As for [`PlainFile::tile`].
    pub(crate) fn start(&self, size: usize) -> Result<Vec<u8>> {
        let mut start = Vec::new();
        self.read_to(&self.open()?, 0, self.len.min(size as u64), &mut start)?;
        Ok(start)
    }

    /// Opens it, if it is still the same file.
    fn open(&self) -> Result<File> {
        let file = file::open_file(&self.path)
            .map_err(|source| Error::io(Action::Open, &self.path, source))?;
        let now = file
            .metadata()
            .map_err(|source| Error::io(Action::Read, &self.path, source))?;
        if FileId::new(&now) == self.id {
            Ok(file)
        } else {
            Err(file::changed(&self.path, file::REPLACED.into()))
        }
    }

    /// How many bytes there are from a place to the next newline, or the end.
    fn rest_of_line(
        &self,
        file: &File,
        from: u64,
        is_time_up: &dyn Fn() -> bool,
    ) -> Result<RestOfLine> {
        let mut piece = Vec::new();
        let mut at = from;
        let mut is_left = false;
        while at < self.len {
            is_left = is_time_up();
            if is_left {
                break;
            }
            piece.clear();
            let next = at.saturating_add(STEP as u64).min(self.len);
            self.read_to(file, at, next, &mut piece)?;
            if let Some(newline) = memchr::memchr(b'\n', &piece) {
                at += newline as u64;
                break;
            }
            at = next;
        }
        let len = at - from;
        Ok(RestOfLine { len, is_left })
    }

    /// Appends the bytes of a range.
    fn read_to(&self, file: &File, from: u64, to: u64, buffer: &mut Vec<u8>) -> Result<()> {
        let before = buffer.len();
        buffer.resize(before + usize::try_from(to - from).unwrap_or(0), 0);
        match file.read_exact_at(&mut buffer[before..], from) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let len = file.metadata().map_or(0, |now| now.len());
                let what = format!("it was {} bytes long and is now {len}", self.len);
                Err(file::changed(&self.path, what))
            }
            Err(source) => Err(Error::io(Action::Read, &self.path, source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Input, Sampled};
    use proptest::prelude::*;

    fn plain(bytes: &[u8]) -> (tempfile::NamedTempFile, PlainFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let Sampled::Plain(plain) = Input::open(file.path()).unwrap().sampled().unwrap() else {
            panic!("it is a plain file")
        };
        (file, plain)
    }

    proptest! {
        #[test]
        fn all_tiles_together_are_the_file(
            text in proptest::collection::vec(prop_oneof![3 => Just(b'a'), 1 => Just(b'\n')], 1..200),
            size in 1_u64..40,
        ) {
            let (_file, plain) = plain(&text);
            let (mut all, mut buffer) = (Vec::new(), Vec::new());
            for number in 0..plain.len().div_ceil(size) {
                let tile = plain.tile(number, size, 1000, &|| false, &mut buffer).unwrap();
                prop_assert_eq!(tile.cut, None);
                if !buffer.is_empty() {
                    prop_assert_eq!(tile.offset, all.len() as u64);
                    prop_assert_eq!(tile.offset / size, number);
                }
                all.extend_from_slice(&buffer);
            }
            prop_assert_eq!(all, text);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_measured() {
        let text = [&b"ab\n"[..], &vec![b'x'; 300_000], b"\ncd\n"].concat();
        let (_file, plain) = plain(&text);
        let mut buffer = Vec::new();
        let tile = plain.tile(0, 10, 1000, &|| false, &mut buffer).unwrap();
        assert_eq!((&buffer[..], tile.cut), (&b"ab\n"[..], Some((3, 300_000))));
        let tile = plain
            .tile(30_000, 10, 1000, &|| false, &mut buffer)
            .unwrap();
        assert_eq!((&buffer[..], tile.offset), (&b"cd\n"[..], 300_004));
    }

    #[test]
    fn a_line_that_does_not_end_in_time_is_left() {
        let text = [&b"ab\n"[..], &vec![b'x'; 300_000], b"\ncd\n"].concat();
        let (_file, plain) = plain(&text);
        let mut buffer = Vec::new();
        for line_bytes in [1000, 1_000_000] {
            for looks in [0, 1, 2] {
                let left: std::cell::Cell<u32> = std::cell::Cell::new(looks);
                let is_time_up = || left.replace(left.get().saturating_sub(1)) == 0;
                let tile = plain
                    .tile(0, 10, line_bytes, &is_time_up, &mut buffer)
                    .unwrap();
                assert_eq!((&buffer[..], tile.cut), (&b"ab\n"[..], None));
                assert!(tile.is_left);
                assert!((2000..150_000).contains(&tile.unended), "{tile:?}");
                assert_eq!(tile.unended + 3, tile.read);
            }
        }
        // What ends at once is read in any case, and within a line there is nothing to read on for.
        let tile = plain.tile(30_000, 10, 1000, &|| true, &mut buffer).unwrap();
        assert_eq!((&buffer[..], tile.is_left), (&b"cd\n"[..], false));
        let tile = plain.tile(1, 10, 1000, &|| true, &mut buffer).unwrap();
        assert_eq!((buffer.len(), tile.is_left, tile.unended), (0, false, 10));
    }

    #[test]
    fn a_file_that_becomes_shorter_is_an_error() {
        let (file, plain) = plain(&[b'\n'; 100]);
        file.as_file().set_len(50).unwrap();
        let error = plain
            .tile(6, 10, 1000, &|| false, &mut Vec::new())
            .unwrap_err();
        assert!(error.to_string().contains("is now 50"), "{error}");
    }
}
