//! Files of sorted groups, read side by side.

use std::sync::Arc;

use super::super::block::Block;
use super::super::group::GroupKey;
use super::super::sorted::InOrder;
use super::file::SpillFile;
use crate::error::Result;

/// How many groups are read of each file at a time, about: four blocks, and on average one more of
/// which half is before and half is after what is wanted.
const ROWS_EACH: usize = 2048;

/// How many groups a range has at least, about, where there are so many.
const ROWS: usize = 1 << 14;

/// How many blocks are looked at when the ranges are chosen, at most.
const SAMPLE: usize = 1 << 20;

/// Before all keys.
const FIRST: GroupKey = GroupKey::from_parts(0, 0);

/// The groups of some files, in ranges that can be read apart from each other.
#[derive(Debug)]
pub(crate) struct Merge {
    files: Vec<Arc<SpillFile>>,
    /// The first key of each range but the first.
    bounds: Vec<GroupKey>,
}

impl Merge {
    pub(super) fn new(files: Vec<Arc<SpillFile>>) -> Merge {
        Merge::with_rows(files, ROWS, ROWS_EACH)
    }

    /// With ranges of at least so many groups, and so many of each file.
    fn with_rows(files: Vec<Arc<SpillFile>>, rows: usize, rows_each: usize) -> Merge {
        let all: usize = files
            .iter()
            .flat_map(|file| file.blocks())
            .map(Block::rows)
            .sum();
        let count = all.div_ceil(rows.max(files.len() * rows_each).max(1));
        let blocks: usize = files.iter().map(|file| file.blocks().len()).sum();
        // Blocks have about the same number of groups, so their first keys are a fair sample.
        let mut keys: Vec<GroupKey> = files
            .iter()
            .flat_map(|file| file.blocks().iter().step_by(blocks.div_ceil(SAMPLE).max(1)))
            .map(|block| block.first)
            .collect();
        keys.sort_unstable();
        let bounds = (1..count).filter_map(|range| keys.get(range * keys.len() / count));
        let mut bounds: Vec<GroupKey> = bounds.copied().collect();
        bounds.dedup();
        Merge { files, bounds }
    }

    /// How many ranges there are.
    pub(crate) fn ranges(&self) -> usize {
        if self.files.is_empty() {
            0
        } else {
            self.bounds.len() + 1
        }
    }

    pub(crate) fn range(&self, number: usize) -> MergeRange<'_> {
        let before = number.checked_sub(1);
        MergeRange {
            files: &self.files,
            from: before.map_or(FIRST, |before| self.bounds[before]),
            to: self.bounds.get(number).copied(),
        }
    }

    /// The most that its groups were written.
    pub(super) fn level(&self) -> u32 {
        let levels = self.files.iter().map(|file| file.level());
        levels.max().unwrap_or(0)
    }

    /// How many groups there are, those that are in several files counted for each.
    pub(super) fn groups(&self) -> u64 {
        let blocks = self.files.iter().flat_map(|file| file.blocks());
        blocks.map(|block| block.rows() as u64).sum()
    }

    /// How many bytes the files have.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes()).sum()
    }
}

/// The groups of all files from one key to before another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MergeRange<'a> {
    files: &'a [Arc<SpillFile>],
    from: GroupKey,
    to: Option<GroupKey>,
}

impl MergeRange<'_> {
    pub(crate) fn sorted(&self) -> Result<InOrder> {
        let mut groups = Vec::with_capacity(self.files.len() * ROWS_EACH);
        let mut bytes = Vec::new();
        for file in self.files {
            file.read(self.from, self.to, &mut bytes, &mut groups)?;
        }
        Ok(InOrder::merged(groups))
    }
}
