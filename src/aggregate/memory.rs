//! The memory that groups stand in: how much of it there is, and chunks that are used again.
//!
//! # What did not help
//!
//! With 3.06 million groups of 1 GiB and two threads:
//!
//! - Large pages (`MADV_HUGEPAGE`, mappings of 4 MiB cut into chunks). Where their memory had been in use just
//!   before, they saved 0.04 s of 0.5; where not, each took up to 3 ms to be cleared, since a virtual
//!   machine gives free memory of that size back to its host: 0.34 s of the system's time instead of 0.20.
//! - The pages of mappings of 1 MiB had at once (`MADV_POPULATE_WRITE`): no difference.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::packed::Packed;

/// How many groups stand in a chunk.
pub(super) const CHUNK: usize = 256;

/// How many chunks are allocated for later with each that is needed: with it less than what glibc gets
/// from the system by itself and gives back to it at once, 128 KiB.
const TOGETHER: usize = 14;

/// Groups, as many as there is one allocation for.
pub(super) type Chunk = [Packed; CHUNK];

/// Counts what the groups of all partitions take, and keeps chunks that are not needed for those that
/// will be.
///
/// Given back to the allocator, they would leave holes between those of other partitions, in a heap
/// of each thread; what is then asked for does not fit the holes, and memory that is free stays taken.
#[derive(Debug)]
pub(super) struct Memory {
    /// What is in use, in bytes.
    used: AtomicUsize,
    /// How much may be.
    limit: usize,
    spare: Mutex<Vec<Box<Chunk>>>,
}

impl Memory {
    /// So much may be used, in bytes. It is for others to look.
    pub(super) fn new(limit: usize) -> Memory {
        Memory {
            used: AtomicUsize::new(0),
            limit,
            spare: Mutex::default(),
        }
    }

    /// Whether more is in use than may be.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }

    /// Whether so many groups more would leave half of what may be used free.
    pub(super) fn has_room_for(&self, groups: usize) -> bool {
        let used = self.used.load(Ordering::Relaxed);
        used.saturating_add(groups * 2 * size_of::<Packed>()) <= self.limit / 2
    }

    /// How much may be in use.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Counts bytes that are in use now.
    pub(super) fn count(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that are no longer in use.
    pub(super) fn discount(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A chunk of whatever groups.
    pub(super) fn chunk(&self) -> Box<Chunk> {
        let spare = self.spare().pop();
        spare.unwrap_or_else(|| self.some_chunks())
    }

    /// A new chunk, and some more for later.
    #[cold]
    fn some_chunks(&self) -> Box<Chunk> {
        // Room for all of them, given back at once: glibc's heaps of threads grow by what is missing and
        // no more, so each chunk would be a system call, and page faults have to wait for it: 2,500 of them instead
        // of 10,700 for 2.7 million groups, and 0.83 of the system's part of the processor time.
        drop(std::hint::black_box(Vec::<Chunk>::with_capacity(
            TOGETHER + 1,
        )));
        let new = || Box::new([Packed::default(); CHUNK]);
        self.spare().extend((0..TOGETHER).map(|_| new()));
        new()
    }

    /// Takes chunks to be used again.
    pub(super) fn give_back(&self, chunks: Vec<Box<Chunk>>) {
        self.spare().extend(chunks);
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Box<Chunk>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// As much as there is.
impl Default for Memory {
    fn default() -> Memory {
        Memory::new(usize::MAX)
    }
}

/// Groups in chunks. Those that are in stay where they are.
#[derive(Debug, Default)]
pub(super) struct Groups {
    chunks: Vec<Box<Chunk>>,
    len: usize,
}

impl Groups {
    /// What a chunk counts for: a copy of it is made when groups are put in order on their way to
    /// the disk, while others take their place.
    const CHUNK_COUNTS: usize = 2 * size_of::<Chunk>();

    /// So many groups, whatever they are.
    pub(super) fn any(len: usize, memory: &Memory) -> Groups {
        Groups {
            chunks: (0..len.div_ceil(CHUNK)).map(|_| memory.chunk()).collect(),
            len,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, number: usize) -> &Packed {
        &self.chunks[number / CHUNK][number % CHUNK]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: usize) -> &mut Packed {
        &mut self.chunks[number / CHUNK][number % CHUNK]
    }

    /// Puts a group at the end. What that takes is counted.
    #[inline]
    pub(super) fn push(&mut self, group: Packed, memory: &Memory) {
        if self.len == self.chunks.len() * CHUNK {
            self.chunks.push(memory.chunk());
            memory.count(Groups::CHUNK_COUNTS);
        }
        self.len += 1;
        *self.get_mut(self.len - 1) = group;
    }

    /// Puts so many empty groups at the end, of which a chunk takes a whole number.
    pub(super) fn push_empty<const COUNT: usize>(&mut self, memory: &Memory) {
        const { assert!(CHUNK.is_multiple_of(COUNT)) };
        if self.len == self.chunks.len() * CHUNK {
            self.chunks.push(memory.chunk());
            memory.count(Groups::CHUNK_COUNTS);
        }
        let first = self.len % CHUNK;
        if let Some(chunk) = self.chunks.last_mut() {
            chunk[first..first + COUNT].fill(Packed::default());
        }
        self.len += COUNT;
    }

    /// Lets go of all groups from a number on.
    pub(super) fn truncate(&mut self, len: usize, memory: &Memory) {
        self.len = self.len.min(len);
        let rest = self.chunks.split_off(self.len.div_ceil(CHUNK));
        memory.discount(rest.len() * Groups::CHUNK_COUNTS);
        memory.give_back(rest);
    }

    /// Takes all groups, which are no longer counted.
    pub(super) fn take(&mut self, memory: &Memory) -> Groups {
        memory.discount(self.chunks.len() * Groups::CHUNK_COUNTS);
        std::mem::take(self)
    }

    /// All groups.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Packed> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .take(self.len)
    }

    /// The groups from one number to before another, in pieces.
    pub(super) fn slices(&self, mut start: usize, end: usize) -> impl Iterator<Item = &[Packed]> {
        std::iter::from_fn(move || {
            if start >= end {
                return None;
            }
            let first = start % CHUNK;
            let len = (CHUNK - first).min(end - start);
            let slice = &self.chunks[start / CHUNK][first..first + len];
            start += len;
            Some(slice)
        })
    }

    /// Lets the chunks be used again.
    pub(super) fn give_back(self, memory: &Memory) {
        memory.give_back(self.chunks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::GroupKey;
    use crate::event::{Date, UserId};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slices_are_the_groups_between(len in 0..1500_usize, start in 0..1500_usize, end in 0..1500_usize) {
            let memory = Memory::new(10);
            let mut groups = Groups::default();
            let group = |n: usize| Packed::new(GroupKey::new(Date::MIN, UserId::from(n as u64)));
            for n in 0..len {
                groups.push(group(n), &memory);
            }
            let end = end.min(len);
            let between: Vec<Packed> = groups.slices(start, end).flatten().copied().collect();
            prop_assert_eq!(between, (start..end).map(group).collect::<Vec<_>>());
            prop_assert_eq!(groups.iter().count(), len);
            prop_assert_eq!(memory.is_full(), len > 0);
            let taken = groups.take(&memory);
            prop_assert_eq!((groups.len(), taken.len(), memory.used()), (0, len, 0));
            taken.give_back(&memory);
            let spare = memory.spare().len();
            let used = len.div_ceil(CHUNK);
            prop_assert!((used..=used + TOGETHER).contains(&spare));
            prop_assert_eq!(Groups::any(len, &memory).len(), len);
            prop_assert_eq!(memory.spare().len(), spare - used);
        }
    }
}
