//! A file of sorted groups, in the making and made.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::super::block::{self, Block};
use super::super::group::{Group, GroupKey};
use super::super::sorted::InOrder;
use super::folder::Folder;
use super::lock;
use crate::error::{Error, Result};

/// A file in the making: ranges of groups are written in any order, by whomever.
#[derive(Debug)]
pub(super) struct Draft {
    file: Arc<File>,
    folder: Arc<Path>,
    /// How many groups there will be, or more.
    groups: u64,
    /// How many bytes are in other files.
    elsewhere: u64,
    /// Where the next range goes.
    end: AtomicU64,
    /// How many bytes have got there.
    written: AtomicU64,
    /// The number of each range that is written, and its blocks.
    blocks: Mutex<Vec<(usize, Vec<Block>)>>,
}

impl Draft {
    /// An empty file for so many groups. `elsewhere` is how many bytes the folder already holds.
    pub(super) fn create(folder: &Folder, groups: u64, elsewhere: u64) -> Result<Draft> {
        Ok(Draft {
            file: Arc::new(folder.create()?),
            folder: folder.path().into(),
            groups,
            elsewhere,
            end: AtomicU64::new(0),
            written: AtomicU64::new(0),
            blocks: Mutex::default(),
        })
    }

    /// Writes a range.
    pub(super) fn write(&self, range: usize, groups: &InOrder) -> Result<()> {
        let mut bytes = Vec::with_capacity(groups.len() * 16);
        let mut blocks = block::encode(groups.iter(), &mut bytes);
        let len = bytes.len() as u64;
        let offset = self.end.fetch_add(len, Ordering::Relaxed);
        self.file
            .write_all_at(&bytes, offset)
            .map_err(|source| Error::SpillWrite {
                folder: self.folder.to_path_buf(),
                written: self.elsewhere + self.written.load(Ordering::Relaxed),
                needed: self.still_needed(offset, len, groups.len() as u64),
                source,
            })?;
        self.written.fetch_add(len, Ordering::Relaxed);
        for block in &mut blocks {
            block.offset += offset;
        }
        lock(&self.blocks).push((range, blocks));
        Ok(())
    }

    /// How many bytes are yet to be written, about, judging by a range of which that is known.
    fn still_needed(&self, written: u64, len: u64, groups: u64) -> u64 {
        let all = u128::from(self.groups) * u128::from(len) / u128::from(groups.max(1));
        u64::try_from(all)
            .unwrap_or(u64::MAX)
            .saturating_sub(written)
            .max(len)
    }

    /// The file with all ranges.
    pub(super) fn finish(&self, level: u32) -> SpillFile {
        let mut ranges = std::mem::take(&mut *lock(&self.blocks));
        ranges.sort_unstable_by_key(|(range, _)| *range);
        let blocks = ranges.iter().map(|(_, blocks)| blocks.len()).sum();
        let mut all = Vec::with_capacity(blocks);
        all.extend(ranges.into_iter().flat_map(|(_, blocks)| blocks));
        SpillFile {
            file: Arc::clone(&self.file),
            folder: Arc::clone(&self.folder),
            blocks: all,
            level,
            bytes: self.end.load(Ordering::Relaxed),
        }
    }
}

/// A file of groups in order, each key once.
#[derive(Debug)]
pub(super) struct SpillFile {
    file: Arc<File>,
    folder: Arc<Path>,
    blocks: Vec<Block>,
    level: u32,
    bytes: u64,
}

impl SpillFile {
    /// How often its groups were written.
    pub(super) fn level(&self) -> u32 {
        self.level
    }

    /// How many bytes it has.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where its groups are, block by block in order.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// How much memory it takes to know that.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&self.blocks[..])
    }

    /// Puts the groups with a key of at least `from` and before `to` behind those there are. `bytes` is
    /// any memory.
    pub(super) fn read(
        &self,
        from: GroupKey,
        to: Option<GroupKey>,
        bytes: &mut Vec<u8>,
        groups: &mut Vec<Group>,
    ) -> Result<()> {
        // The first may be in the middle of the block before the one that starts past it.
        let start = self.blocks.partition_point(|block| block.first <= from);
        let end = match to {
            Some(to) => self.blocks.partition_point(|block| block.first < to),
            None => self.blocks.len(),
        };
        let blocks = self.blocks.get(start.saturating_sub(1)..end);
        // Those that were written together are read together.
        for blocks in blocks
            .unwrap_or_default()
            .chunk_by(|one, next| one.end() == next.offset)
        {
            let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
                continue;
            };
            let len = usize::try_from(last.end() - first.offset).unwrap_or(usize::MAX);
            bytes.resize(len, 0);
            self.file
                .read_exact_at(bytes, first.offset)
                .map_err(|source| self.read_error(source))?;
            let mut rest = &bytes[..];
            for block in blocks {
                let (bytes, after) = rest
                    .split_at_checked(block.len())
                    .ok_or_else(|| self.damaged())?;
                rest = after;
                block::decode(block, bytes, from, to, groups).ok_or_else(|| self.damaged())?;
            }
        }
        Ok(())
    }

    fn read_error(&self, source: io::Error) -> Error {
        match source.kind() {
            // It was there.
            io::ErrorKind::UnexpectedEof => self.damaged(),
            _ => Error::SpillRead {
                folder: self.folder(),
                source,
            },
        }
    }

    fn damaged(&self) -> Error {
        Error::SpillDamaged {
            folder: self.folder(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.folder.to_path_buf()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Totals;
    use crate::event::{Date, UserId};

    fn group(user: u64) -> Group {
        Group {
            key: GroupKey::new(Date::MAX, UserId::from(user)),
            totals: Totals {
                event_count: user,
                ..Totals::default()
            },
        }
    }

    /// Ranges written in another order than theirs.
    fn file(folder: &Path) -> SpillFile {
        let draft = Draft::create(&Folder::new(folder.into()), 3000, 0).unwrap();
        for range in [1, 0, 2] {
            let groups = (range * 1000..(range + 1) * 1000).map(|user| group(user as u64));
            draft
                .write(range, &InOrder::merged(groups.collect()))
                .unwrap();
        }
        draft.finish(3)
    }

    fn read(file: &SpillFile, from: u64, to: Option<u64>) -> Result<Vec<Group>> {
        let mut groups = Vec::new();
        let to = to.map(|user| group(user).key);
        file.read(group(from).key, to, &mut Vec::new(), &mut groups)?;
        Ok(groups)
    }

    #[test]
    fn what_was_written_is_read_between_any_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        assert_eq!((file.level(), file.blocks().len()), (3, 6));
        for from in [0, 1, 511, 512, 513, 999, 1000, 2500, 3000, 4000] {
            for to in [0, 1, 512, 600, 1000, 2047, 2999, 3000, 5000] {
                let expected: Vec<Group> = (from..to.min(3000)).map(group).collect();
                assert_eq!(read(&file, from, Some(to)).unwrap(), expected);
            }
            let expected: Vec<Group> = (from..3000).map(group).collect();
            assert_eq!(read(&file, from, None).unwrap(), expected);
        }
    }

    #[test]
    fn a_disk_that_returns_something_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for damage in [
            |file: &File, len| file.set_len(len - 1),
            |file: &File, len| file.set_len(len / 2),
            |file: &File, len| {
                let mut byte = [0];
                file.read_exact_at(&mut byte, len / 3)?;
                file.write_all_at(&[byte[0] ^ 64], len / 3)
            },
            // Blocks of one length in each other's place.
            |file: &File, _| {
                let mut bytes = [0; 1000];
                file.read_exact_at(&mut bytes, 0)?;
                file.write_all_at(&bytes, 1000)
            },
        ] {
            let file = file(folder.path());
            damage(&file.file, file.bytes()).unwrap();
            let message = read(&file, 0, None).unwrap_err().to_string();
            assert!(
                message.contains(folder.path().to_str().unwrap()),
                "{message}"
            );
            assert!(message.contains("something else"), "{message}");
        }
    }

    #[test]
    fn a_disk_that_takes_no_more_is_an_error_that_tells_how_much_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::new(folder.path().into());
        let mut draft = Draft::create(&folder, 10_000, 5_000_000).unwrap();
        // As a full disk, in that it takes nothing.
        draft.file = Arc::new(File::open("/dev/null").unwrap());
        let groups = (0..1000).map(|user| group(user + 1));
        let error = draft.write(0, &InOrder::merged(groups.collect()));
        let Err(Error::SpillWrite {
            written, needed, ..
        }) = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(written, 5_000_000);
        assert!((30_000..60_000).contains(&needed), "{needed}");
    }
}
