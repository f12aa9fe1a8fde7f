//! How the memory of a run is divided among those who need some.

use std::num::NonZeroUsize;

use super::queue::Queue;
use crate::input::Decompressor;

const MIB: u64 = 1 << 20;

/// For what there always is: the program's own data, and holes that the allocator leaves.
const BASE: u64 = 8 * MIB;

/// For rejects: batches that wait and batches that are kept, and notes of rejects that wait; and the
/// notes of each worker.
const REJECTS: u64 = 24 * MIB;
const REJECTS_EACH: u64 = MIB;

/// For each worker's stack and scratch space.
const WORKER: u64 = MIB;

/// For what each worker reads of streams: its buffers, and what is carried from one to the next.
const STREAM: u64 = (Queue::BUFFERS_EACH as u64 + 1) * super::BLOCK_SIZE as u64;

/// For each worker that decompresses: an eighth of all for all of them, but enough for what `xz -6` and
/// `zstd -19` make, and no more than anything needs.
const DECOMPRESSION_SHARE: u64 = 8;
const DECOMPRESSION: std::ops::RangeInclusive<u64> = 12 * MIB..=Decompressor::MEMORY;

/// For the workers' own tables at most, and the share of all they take where there is less: an eighth.
const TABLES: u64 = 64 * MIB;
const TABLES_SHARE: u64 = 8;

/// How many files of groups are read side by side at most, and at least.
const FILES: std::ops::RangeInclusive<u64> = 8..=64;

/// How much memory each of them takes for each worker: about 2,048 groups of 48 bytes with their place
/// in order, and what they were decoded from.
const FILE: u64 = 2048 * 100;

/// How many bytes of a limit are for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// The workers' own tables, all together.
    pub(super) tables: usize,
    /// Groups, when they are counted and when they are taken to the disk.
    pub(super) groups: usize,
    /// No bytes, but how many files of groups are read side by side.
    pub(super) files: usize,
    /// What each worker may take to decompress.
    pub(super) decompression: u64,
}

impl Budget {
    /// Divides a limit among so many threads and what they share. Of one that is too small nothing is
    /// left for groups.
    pub(super) fn new(limit: u64, threads: NonZeroUsize) -> Budget {
        let threads = threads.get() as u64;
        let tables = (limit / TABLES_SHARE).min(TABLES);
        let merge = limit / TABLES_SHARE;
        let files = (merge / threads / FILE).clamp(*FILES.start(), *FILES.end());
        let decompression = (limit / DECOMPRESSION_SHARE / threads)
            .clamp(*DECOMPRESSION.start(), *DECOMPRESSION.end());
        let rest = [
            BASE,
            REJECTS,
            threads * (REJECTS_EACH + WORKER + STREAM + decompression),
            tables,
            threads * files * FILE,
        ];
        let groups = limit.saturating_sub(rest.into_iter().sum());
        Budget {
            tables: bytes(tables),
            groups: bytes(groups),
            files: bytes(files),
            decompression,
        }
    }

    /// The least limit that leaves something for groups.
    pub(super) fn least(threads: NonZeroUsize) -> u64 {
        (64 + 32 * threads.get() as u64) * MIB
    }
}

/// A number of bytes that there may be.
fn bytes(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(limit: u64, threads: usize) -> Budget {
        Budget::new(limit, NonZeroUsize::new(threads).unwrap())
    }

    /// A sixth at least: whoever allows so much wants it used.
    #[test]
    fn the_least_leaves_a_sixth_for_groups() {
        for threads in [1, 2, 3, 4, 8, 16, 64, 100, 1024] {
            let least = Budget::least(NonZeroUsize::new(threads).unwrap());
            let budget = budget(least, threads);
            assert!(budget.groups as u64 >= least / 6, "{threads}: {budget:?}");
            assert!(budget.files >= 8);
        }
    }

    #[test]
    fn all_shares_together_are_within_the_limit_and_the_larger_the_more_is_for_groups() {
        let mut last = 0;
        for limit in [128, 192, 256, 512, 1024, 4096, 1 << 20].map(|mib| mib * MIB) {
            let budget = budget(limit, 2);
            let shares = [
                budget.groups as u64,
                budget.tables as u64,
                2 * budget.decompression,
                2 * budget.files as u64 * FILE,
                2 * (STREAM + WORKER + REJECTS_EACH),
                BASE + REJECTS,
            ];
            assert!(shares.iter().sum::<u64>() <= limit, "{limit}: {budget:?}");
            assert!(budget.groups > last, "{limit}: {budget:?}");
            last = budget.groups;
        }
        let unlimited = budget(u64::MAX, 2);
        assert!(unlimited.groups as u64 > u64::MAX / 2);
        assert_eq!(unlimited.tables as u64, TABLES);
    }

    #[test]
    fn too_little_is_nothing_for_groups() {
        for limit in [0, 1, 20 * MIB] {
            assert_eq!(budget(limit, 8).groups, 0);
        }
    }
}
