//! The rejects of an input that are kept beside its partial result, so that a rejects file holds those
//! of inputs that were not read again, too.
//!
//! Each is a line as in a rejects file, without its start, which names the input: it may be named
//! otherwise by another run. After the lines come 48 bytes: the generation of the partial result, 16;
//! the length of the lines, and of the last one, in bytes, 8 each; the CRC-32 of lines and numbers;
//! the version; and [`MAGIC`].

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::commit::Written;
use super::folder::VERSION;
use super::meta::{Generation, PartialMeta};
use super::partial::{damaged, read};
use crate::error::{Action, Error, Result};
use crate::output::DraftFile;

const MAGIC: [u8; 8] = *b"daytreje";

const END: usize = 48;

/// How much is read at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// Rejects that are being written.
#[derive(Debug)]
pub(crate) struct Draft {
    file: BufWriter<DraftFile>,
    place: PathBuf,
    crc: crc32fast::Hasher,
    len: u64,
    /// The length of the last line.
    last: u64,
}

impl Draft {
    pub(super) fn create(file: DraftFile, place: PathBuf) -> Draft {
        Draft {
            file: BufWriter::with_capacity(PIECE, file),
            place,
            crc: crc32fast::Hasher::new(),
            len: 0,
            last: 0,
        }
    }

    /// Writes some lines, whole ones.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<()> {
        let Some((_newline, before)) = lines.split_last() else {
            return Ok(());
        };
        let last = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        self.last = (lines.len() - last) as u64;
        self.len += lines.len() as u64;
        self.crc.update(lines);
        self.put(lines)
    }

    /// Writes the rest.
    pub(crate) fn finish(mut self, generation: Generation) -> Result<Written> {
        let mut numbers = generation.to_vec();
        numbers.extend_from_slice(&self.len.to_le_bytes());
        numbers.extend_from_slice(&self.last.to_le_bytes());
        self.crc.update(&numbers);
        let crc = self.crc.clone().finalize();
        numbers.extend_from_slice(&crc.to_le_bytes());
        numbers.extend_from_slice(&VERSION.to_le_bytes());
        numbers.extend_from_slice(&MAGIC);
        self.put(&numbers)?;
        let Draft { file, place, .. } = self;
        let draft = file
            .into_inner()
            .map_err(|error| Error::io(Action::Write, &place, error.into_error()))?;
        Ok(Written { draft, place })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|source| Error::io(Action::Write, &self.place, source))
    }
}

/// Rejects that are kept.
#[derive(Debug)]
pub(crate) struct KeptRejects {
    file: File,
    path: PathBuf,
    len: u64,
    last: u64,
    /// The numbers at the end that are under the checksum, and the checksum.
    numbers: [u8; 32],
    crc: u32,
}

impl KeptRejects {
    /// Opens the rejects of a partial result; `None` if there are none, or they are of another: a run
    /// was killed between the two.
    pub(super) fn of(path: &Path, generation: Generation) -> Result<Option<KeptRejects>> {
        let Some(kept) = KeptRejects::open(path)? else {
            return Ok(None);
        };
        if kept.numbers[..16] == generation {
            return Ok(Some(kept));
        }
        // It is either of another, or damaged.
        kept.lines(true, |_| Ok(()))?;
        Ok(None)
    }

    /// Opens rejects, if there are any.
    fn open(path: &Path) -> Result<Option<KeptRejects>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io(Action::Open, path, source)),
        };
        let all = file
            .metadata()
            .map_err(|source| Error::io(Action::Inspect, path, source))?
            .len();
        let body = all
            .checked_sub(END as u64)
            .ok_or_else(|| damaged(path, "it is too short"))?;
        let mut end = [0; END];
        read(&file, path, &mut end, body)?;
        let (mut numbers, mut crc, mut version) = ([0; 32], [0; 4], [0; 4]);
        numbers.copy_from_slice(&end[..32]);
        crc.copy_from_slice(&end[32..36]);
        version.copy_from_slice(&end[36..40]);
        if end[40..] != MAGIC {
            return Err(damaged(path, "it does not end like rejects"));
        }
        let version = u32::from_le_bytes(version);
        if version != VERSION {
            return Err(Error::StateVersion {
                path: path.into(),
                found: version,
                known: VERSION,
            });
        }
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&numbers[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let (len, last) = (number(16), number(24));
        if len != body || last > len {
            return Err(damaged(path, "its lengths do not add up"));
        }
        Ok(Some(KeptRejects {
            file,
            path: path.into(),
            len,
            last,
            numbers,
            crc: u32::from_le_bytes(crc),
        }))
    }

    /// Reads all lines, whole ones at a time; but for the last, if that is not wanted. What was read
    /// before an error is not to be used.
    pub(crate) fn lines(
        &self,
        is_last_wanted: bool,
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let end = if is_last_wanted {
            self.len
        } else {
            self.len - self.last
        };
        let mut crc = crc32fast::Hasher::new();
        let mut piece = Vec::new();
        let mut at = 0;
        while at < self.len {
            // What is left of the piece before is the start of a line.
            let kept = piece.len();
            let more = usize::try_from(self.len - at).unwrap_or(PIECE).min(PIECE);
            piece.resize(kept + more, 0);
            read(&self.file, &self.path, &mut piece[kept..], at)?;
            crc.update(&piece[kept..]);
            let start = at - kept as u64;
            at += more as u64;
            let whole = memchr::memrchr(b'\n', &piece).map_or(0, |newline| newline + 1);
            let wanted = usize::try_from(end.saturating_sub(start)).unwrap_or(whole);
            let lines = &piece[..whole.min(wanted)];
            if !lines.is_empty() {
                each(lines)?;
            }
            piece.drain(..whole);
        }
        crc.update(&self.numbers);
        if !piece.is_empty() || crc.finalize() != self.crc {
            return Err(damaged(&self.path, "its checksum is another"));
        }
        Ok(())
    }
}

/// Reads all rejects that are kept beside a partial result, if any are. Returns how many bytes there are.
pub(super) fn check(path: &Path, meta: &PartialMeta) -> Result<u64> {
    let Some(kept) = KeptRejects::open(path)? else {
        return Ok(0);
    };
    let mut count = 0;
    kept.lines(true, |lines| {
        count += memchr::memchr_iter(b'\n', lines).count() as u64;
        Ok(())
    })?;
    if kept.numbers[..16] == meta.generation && count != meta.books.invalid() {
        return Err(damaged(path, "there are not as many as in the books"));
    }
    Ok(kept.len + END as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of kept rejects that were written in some batches.
    fn kept(batches: &[&[u8]], is_last_wanted: bool) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("x.rejects");
        let mut draft = Draft::create(DraftFile::create(folder.path()).unwrap(), place.clone());
        for batch in batches {
            draft.write(batch).unwrap();
        }
        let written = draft.finish([3; 16]).unwrap();
        written.draft.put_at(&place).unwrap();
        assert!(KeptRejects::of(&place, [4; 16]).unwrap().is_none());
        let kept = KeptRejects::of(&place, [3; 16]).unwrap().unwrap();
        let mut lines = Vec::new();
        kept.lines(is_last_wanted, |whole| {
            assert!(whole.ends_with(b"\n"));
            lines.extend_from_slice(whole);
            Ok(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn lines_come_back_whole_with_the_last_or_without() {
        let long = [&vec![b'x'; PIECE][..], b"\n"].concat();
        let many = b"one\ntwo\n".repeat(PIECE / 4);
        for batches in [
            &[][..],
            &[&b""[..]],
            &[b"one\n"],
            &[b"one\ntwo\n", b"three\n"],
            &[b"\n", b"\n"],
            &[&long],
            &[&many, &long],
            &[&long, &many, b"last\n"],
        ] {
            let all = batches.concat();
            assert_eq!(kept(batches, true), all);
            let without = all.len().checked_sub(1).map_or(0, |end| {
                memchr::memrchr(b'\n', &all[..end]).map_or(0, |newline| newline + 1)
            });
            assert_eq!(kept(batches, false), all[..without]);
        }
    }

    #[test]
    fn no_rejects_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("x.rejects");
        assert!(KeptRejects::of(&place, [0; 16]).unwrap().is_none());
    }
}
