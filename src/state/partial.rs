//! A partial result as a file: the groups of one input in order, and what there is to know of it.
//!
//! | part | bytes | holds |
//! |---|---|---|
//! | start | 12 | [`MAGIC`], version |
//! | blocks | | [groups](crate::aggregate::block), as in temporary files |
//! | index | 20 each | first key, CRC-32, length and number of groups of each block |
//! | meta | | [what there is to know](super::PartialMeta), as JSON |
//! | end | 32 | length of the index and of the meta data, 8 each; CRC-32 of index and meta data; version; [`MAGIC`] |
//!
//! Numbers have their lowest byte first. The length of the file is the sum of its parts, and each of
//! them is under a checksum or compared with what it has to be, so that no bit can change unnoticed.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::commit::Written;
use super::folder::VERSION;
use super::meta::PartialMeta;
use crate::aggregate::block::{self, Block};
use crate::aggregate::{Group, GroupKey, Totals};
use crate::error::{Action, Error, Result};
use crate::event::DateRange;
use crate::output::DraftFile;

/// What the file starts and ends with.
const MAGIC: [u8; 8] = *b"daytpart";

const START: usize = 12;
const END: usize = 32;

/// How many blocks are read at a time.
const BLOCKS: usize = 64;

/// A partial result that is being written.
#[derive(Debug)]
pub(crate) struct Draft {
    file: BufWriter<DraftFile>,
    place: PathBuf,
    index: Vec<u8>,
}

impl Draft {
    pub(super) fn create(file: DraftFile, place: PathBuf) -> Result<Draft> {
        let mut draft = Draft {
            file: BufWriter::with_capacity(256 * 1024, file),
            place,
            index: Vec::new(),
        };
        draft.write(&MAGIC)?;
        draft.write(&VERSION.to_le_bytes())?;
        Ok(draft)
    }

    /// Writes the next groups, encoded.
    pub(crate) fn append(&mut self, bytes: &[u8], blocks: &[Block]) -> Result<()> {
        for block in blocks {
            self.index.extend_from_slice(&block.to_bytes());
        }
        self.write(bytes)
    }

    /// Writes the rest.
    pub(crate) fn finish(mut self, meta: &PartialMeta) -> Result<Written> {
        let index = std::mem::take(&mut self.index);
        let meta = meta.to_json();
        let mut crc = crc32fast::Hasher::new();
        crc.update(&index);
        crc.update(&meta);
        self.write(&index)?;
        self.write(&meta)?;
        self.write(&(index.len() as u64).to_le_bytes())?;
        self.write(&(meta.len() as u64).to_le_bytes())?;
        self.write(&crc.finalize().to_le_bytes())?;
        self.write(&VERSION.to_le_bytes())?;
        self.write(&MAGIC)?;
        let Draft { file, place, .. } = self;
        let draft = file
            .into_inner()
            .map_err(|error| Error::io(Action::Write, &place, error.into_error()))?;
        Ok(Written { draft, place })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|source| Error::io(Action::Write, &self.place, source))
    }
}

/// A partial result.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: File,
    path: PathBuf,
    meta: PartialMeta,
    /// Where the index is.
    index: u64,
    index_len: u64,
    len: u64,
}

impl PartialFile {
    /// Opens a partial result, and checks all of it but its groups.
    pub(super) fn open(path: &Path) -> Result<PartialFile> {
        let file = File::open(path).map_err(|source| Error::io(Action::Open, path, source))?;
        let len = file
            .metadata()
            .map_err(|source| Error::io(Action::Inspect, path, source))?
            .len();
        let mut start = [0; START];
        read(&file, path, &mut start, 0)?;
        let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
        if start[..8] != MAGIC {
            return Err(damaged(path, "it does not start like one"));
        }
        if version != VERSION {
            return Err(Error::StateVersion {
                path: path.into(),
                found: version,
                known: VERSION,
            });
        }
        let mut end = [0; END];
        let body = len
            .checked_sub((START + END) as u64)
            .ok_or_else(|| damaged(path, "it is too short"))?;
        read(&file, path, &mut end, START as u64 + body)?;
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&end[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let (index_len, meta_len) = (number(0), number(8));
        let crc = u32::from_le_bytes([end[16], end[17], end[18], end[19]]);
        if end[20..24] != VERSION.to_le_bytes() || end[24..] != MAGIC {
            return Err(damaged(path, "it does not end like one"));
        }
        let blocks = index_len
            .checked_add(meta_len)
            .and_then(|rest| body.checked_sub(rest))
            .filter(|_| index_len % Block::BYTES as u64 == 0)
            .ok_or_else(|| damaged(path, "the lengths of its parts do not add up"))?;
        let index = START as u64 + blocks;
        let mut hasher = crc32fast::Hasher::new();
        let mut piece = vec![0; 64 * 1024];
        let mut at = 0;
        while at < index_len {
            let len = usize::try_from(index_len - at).unwrap_or(piece.len());
            let piece = &mut piece[..len.min(64 * 1024)];
            read(&file, path, piece, index + at)?;
            hasher.update(piece);
            at += piece.len() as u64;
        }
        // What a path and some numbers take.
        let mut meta = vec![0; usize::try_from(meta_len.min(1 << 20)).unwrap_or(0)];
        if meta.len() as u64 != meta_len {
            return Err(damaged(path, "it says too much of its input"));
        }
        read(&file, path, &mut meta, index + index_len)?;
        hasher.update(&meta);
        if hasher.finalize() != crc {
            return Err(damaged(path, "its checksum is another"));
        }
        let meta = PartialMeta::from_json(&meta).map_err(|what| damaged(path, &what))?;
        Ok(PartialFile {
            file,
            path: path.into(),
            meta,
            index,
            index_len,
            len,
        })
    }

    pub(super) fn into_meta(self) -> PartialMeta {
        self.meta
    }

    /// The blocks, some at a time, that may hold groups of some days.
    pub(crate) fn pieces(&self, dates: DateRange) -> Result<Vec<Piece>> {
        let mut index = vec![0; usize::try_from(self.index_len).unwrap_or(0)];
        read(&self.file, &self.path, &mut index, self.index)?;
        let (mut blocks, mut offset) = (Vec::new(), START as u64);
        for bytes in index.as_chunks::<{ Block::BYTES }>().0 {
            let block = Block::from_bytes(*bytes, offset);
            offset = block.end();
            blocks.push(block);
        }
        if offset != self.index {
            return Err(damaged(&self.path, "its blocks do not add up"));
        }
        let (from, to) = keys_of(dates);
        // The first may be in the middle of the block before the one that starts past it.
        let start = blocks.partition_point(|block| block.first <= from);
        let end = to.map_or(blocks.len(), |to| {
            blocks.partition_point(|block| block.first < to)
        });
        let blocks = blocks.get(start.saturating_sub(1)..end).unwrap_or_default();
        Ok(blocks
            .chunks(BLOCKS)
            .map(|blocks| Piece {
                blocks: blocks.to_vec(),
                from,
                to,
            })
            .collect())
    }

    /// The groups of a piece, in order, behind those there are.
    pub(crate) fn read(&self, piece: &Piece, groups: &mut Vec<Group>) -> Result<()> {
        let (Some(first), Some(last)) = (piece.blocks.first(), piece.blocks.last()) else {
            return Ok(());
        };
        let len = usize::try_from(last.end() - first.offset).unwrap_or(0);
        let mut bytes = vec![0; len];
        read(&self.file, &self.path, &mut bytes, first.offset)?;
        let mut rest = &bytes[..];
        for block in &piece.blocks {
            let decoded = rest.split_at_checked(block.len()).and_then(|(own, after)| {
                rest = after;
                block::decode(block, own, piece.from, piece.to, groups)
            });
            decoded.ok_or_else(|| damaged(&self.path, "the checksum of some groups is another"))?;
        }
        Ok(())
    }

    /// Reads all groups, and compares them with the rest. Returns how many bytes there are.
    pub(super) fn check(&self) -> Result<u64> {
        let (mut count, mut sum) = (0, Totals::default());
        let mut dates = None;
        let mut last: Option<GroupKey> = None;
        let mut groups = Vec::new();
        for piece in self.pieces(DateRange::ALL)? {
            groups.clear();
            self.read(&piece, &mut groups)?;
            for Group { key, totals } in &groups {
                if last.is_some_and(|last| last >= *key) {
                    return Err(damaged(&self.path, "its groups are not in order"));
                }
                last = Some(*key);
                count += 1;
                sum.event_count += totals.event_count;
                sum.purchase_count += totals.purchase_count;
                let (first, _) = dates.unwrap_or((key.date(), key.date()));
                dates = Some((first, key.date()));
            }
        }
        let meta = &self.meta;
        if (count, sum.event_count, sum.purchase_count, dates)
            != (
                meta.groups,
                meta.books.valid,
                meta.purchase_count,
                meta.dates,
            )
        {
            return Err(damaged(&self.path, "its groups do not add up to its books"));
        }
        Ok(self.len)
    }
}

/// Some blocks of a partial result, to be read at a time.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    blocks: Vec<Block>,
    from: GroupKey,
    to: Option<GroupKey>,
}

/// The first key of some days, and the first after them.
fn keys_of(dates: DateRange) -> (GroupKey, Option<GroupKey>) {
    // The sign is in the lowest bit of the first number, the day above.
    let first = |days: u32| GroupKey::from_parts(days << 1, 0);
    (
        dates.from().map_or(first(0), |date| first(date.days())),
        dates.to().map(|date| first(date.days() + 1)),
    )
}

pub(super) fn damaged(path: &Path, what: &str) -> Error {
    Error::StateDamaged {
        path: path.into(),
        what: what.into(),
        remedy: "delete this file, and its input will be read again",
    }
}

/// Fills the buffer from a place in a file; one that ends before is damaged.
pub(super) fn read(file: &File, path: &Path, buffer: &mut [u8], at: u64) -> Result<()> {
    file.read_exact_at(buffer, at)
        .map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => damaged(path, "it is cut off"),
            _ => Error::io(Action::Read, path, source),
        })
}

#[cfg(test)]
mod tests {
    use super::super::meta::tests::meta;
    use super::*;
    use crate::event::{Date, UserId};

    /// 40 days of 100 users each.
    fn groups() -> Vec<Group> {
        let days = (0..40).flat_map(|day| (0..100_u64).map(move |user| (738_000 + day, user)));
        days.map(|(day, user)| Group {
            key: GroupKey::new(Date::from_days(day).unwrap(), UserId::from(user)),
            totals: Totals {
                event_count: user + 1,
                ..Totals::default()
            },
        })
        .collect()
    }

    fn written(folder: &Path, groups: &[Group], change: impl FnOnce(&mut PartialMeta)) -> PathBuf {
        let place = folder.join("x.partial");
        let mut draft = Draft::create(DraftFile::create(folder).unwrap(), place.clone()).unwrap();
        // In pieces, as they come.
        for groups in groups.chunks(700) {
            let mut bytes = Vec::new();
            let blocks = block::encode(groups.iter(), &mut bytes);
            draft.append(&bytes, &blocks).unwrap();
        }
        let mut meta = meta();
        meta.groups = groups.len() as u64;
        meta.books.valid = groups.iter().map(|group| group.totals.event_count).sum();
        meta.purchase_count = 0;
        meta.dates = groups
            .first()
            .zip(groups.last())
            .map(|(first, last)| (first.key.date(), last.key.date()));
        change(&mut meta);
        let written = draft.finish(&meta).unwrap();
        written.draft.put_at(&place).unwrap();
        place
    }

    #[test]
    fn the_groups_of_some_days_are_those() {
        let folder = tempfile::tempdir().unwrap();
        let groups = groups();
        let file = PartialFile::open(&written(folder.path(), &groups, |_| {})).unwrap();
        assert_eq!(file.check().unwrap(), file.len);
        let day = |day: u32| Date::from_days(738_000 + day);
        for (from, to) in [
            (None, None),
            (day(0), day(0)),
            (day(7), day(9)),
            (None, day(5)),
            (day(39), None),
            (day(40), None),
            (Some(Date::MIN), Some(Date::MAX)),
            (None, Some(Date::MIN)),
        ] {
            let dates = DateRange::new(from, to).unwrap();
            let mut read = Vec::new();
            for piece in file.pieces(dates).unwrap() {
                file.read(&piece, &mut read).unwrap();
            }
            let wanted = groups
                .iter()
                .filter(|group| dates.contains(group.key.date()));
            assert_eq!(read, wanted.copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_groups_are_a_partial_result_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = PartialFile::open(&written(folder.path(), &[], |_| {})).unwrap();
        file.check().unwrap();
        assert!(file.pieces(DateRange::ALL).unwrap().is_empty());
    }

    /// Written by a program that counts otherwise: no checksum tells.
    #[test]
    fn what_does_not_add_up_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let changes: [fn(&mut PartialMeta); 4] = [
            |meta| meta.groups += 1,
            |meta| meta.books.valid -= 1,
            |meta| meta.purchase_count += 1,
            |meta| meta.dates = None,
        ];
        for change in changes {
            let file = PartialFile::open(&written(folder.path(), &groups(), change)).unwrap();
            let error = file.check().unwrap_err().to_string();
            assert!(error.contains("do not add up to its books"), "{error}");
        }
        let mut unordered = groups();
        unordered.swap(3, 4);
        let file = PartialFile::open(&written(folder.path(), &unordered, |_| {})).unwrap();
        let error = file.check().unwrap_err().to_string();
        assert!(error.contains("not in order"), "{error}");
    }
}
