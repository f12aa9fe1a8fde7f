//! Groups that do not fit into memory go to the disk.
//!
//! When the groups in all partitions take more than they may, whoever notices takes them out, sorts
//! them and writes them to a file of their own, a spill, while the others go on counting into the
//! empty partitions. Who finds those full again before the spill is written helps with it. So no
//! worker waits for one that does something else, and memory holds what is being spilled and as
//! much again, never more.
//!
//! In the end all spills are read side by side, range by range in the order of the result, and what
//! was counted for the same group is added up. So that this takes bounded memory however many groups
//! there are, many spills are made one before they are too many to be read side by side: a spill of
//! the next level, which waits for others of its level. Each group is written as many times as there
//! are levels, and there are as many as the number of spills has digits.

mod file;
mod folder;
mod merge;
mod tasks;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::memory::Memory;
use super::partition::Partition;
use super::sorted::{Ranges, Share, sorted};
use crate::error::{Error, Result};
use file::{Draft, SpillFile};
use folder::Folder;
pub(super) use merge::{Merge, MergeRange};
use tasks::Tasks;

/// When groups go to the disk, and where.
#[derive(Clone, Debug)]
pub struct SpillSettings {
    /// How much memory groups may take, in bytes; while they are written to the disk, too.
    pub memory: usize,
    /// The folder of the temporary files. They have no names there.
    pub folder: PathBuf,
    /// How many files are read side by side at most, at least 2. Each takes about 200 kB for each
    /// worker.
    pub files: usize,
    /// The number of a signal stops the work on the disk; 0 does not.
    pub stop: Arc<AtomicUsize>,
}

impl SpillSettings {
    /// Tries whether files can be created in the folder.
    ///
    /// # Errors
    ///
    /// [`Error::TempFolder`] if not.
    pub(crate) fn check(&self) -> Result<()> {
        Folder::new(self.folder.clone()).check()
    }
}

/// What went to the disk.
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// // So few groups stay in memory.
/// assert_eq!(outcome.groups.spilled().files, 0);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spilled {
    /// How many files were written, those made of others included.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Takes groups to the disk.
#[derive(Debug)]
pub(super) struct Spiller {
    folder: Folder,
    most_files: usize,
    stop: Arc<AtomicUsize>,
    has_spilled: AtomicBool,
    has_failed: AtomicBool,
    desk: Mutex<Desk>,
}

/// What there is to do and what was done.
#[derive(Debug, Default)]
struct Desk {
    /// What is being written.
    job: Option<Arc<Job>>,
    files: Vec<Arc<SpillFile>>,
    /// The memory that was counted for knowing where groups are in the files.
    counted: usize,
    failure: Option<Error>,
    spilled: Spilled,
}

/// A file in the making.
#[derive(Debug)]
struct Job {
    source: Source,
    level: u32,
    draft: Draft,
    ranges: Tasks,
}

/// The groups that go into it.
#[derive(Debug)]
enum Source {
    Partitions {
        partitions: Vec<Mutex<Option<Partition>>>,
        bounds: Ranges,
        divisions: Tasks,
        /// Those that are divided, in no order.
        shares: RwLock<Vec<Share>>,
    },
    Files(Merge),
}

impl Spiller {
    pub(super) fn new(settings: SpillSettings) -> Spiller {
        Spiller {
            folder: Folder::new(settings.folder),
            most_files: settings.files.max(2),
            stop: settings.stop,
            has_spilled: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            desk: Mutex::default(),
        }
    }

    pub(super) fn has_spilled(&self) -> bool {
        self.has_spilled.load(Ordering::Relaxed)
    }

    /// Whether something went wrong, or the run is to stop.
    #[inline]
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// What went wrong, for the first who asks.
    pub(super) fn take_failure(&self) -> Option<Error> {
        lock(&self.desk).failure.take()
    }

    /// Works on what is to be written until the partitions are no longer full.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&self, partitions: &[Mutex<Partition>], memory: &Memory) {
        self.work(partitions, memory, false);
    }

    /// Writes what is left, and makes as few files of all as can be read side by side. Many may do so
    /// together.
    pub(super) fn finish(&self, partitions: &[Mutex<Partition>], memory: &Memory) {
        self.work(partitions, memory, true);
    }

    fn work(&self, partitions: &[Mutex<Partition>], memory: &Memory, is_end: bool) {
        loop {
            let job = {
                let mut desk = lock(&self.desk);
                if self.has_failed() {
                    return;
                }
                match &desk.job {
                    Some(job) if is_end || memory.is_full() => Arc::clone(job),
                    Some(_) => return,
                    None => match self.next_job(&mut desk, partitions, memory, is_end) {
                        Some(job) => Arc::clone(desk.job.insert(Arc::new(job))),
                        None => return,
                    },
                }
            };
            self.work_on(&job, memory);
            // Everything is done now, and whoever comes first puts it away.
            let mut desk = lock(&self.desk);
            if desk
                .job
                .as_ref()
                .is_some_and(|there| Arc::ptr_eq(there, &job))
            {
                desk.job = None;
                self.put_away(&mut desk, &job, memory);
            }
        }
    }

    /// What is to be written next, if anything is.
    fn next_job(
        &self,
        desk: &mut Desk,
        partitions: &[Mutex<Partition>],
        memory: &Memory,
        is_end: bool,
    ) -> Option<Job> {
        let merged = self.files_to_merge(desk, false);
        let source = if !merged.is_empty() {
            Source::Files(Merge::new(merged))
        } else if memory.is_full() || is_end {
            let taken: Vec<Partition> = partitions
                .iter()
                .map(|partition| lock(partition).take(memory))
                .collect();
            if taken.iter().any(|partition| partition.len() > 0) {
                Source::of_partitions(taken)
            } else {
                let merged = self.files_to_merge(desk, is_end);
                if merged.is_empty() {
                    return None;
                }
                Source::Files(Merge::new(merged))
            }
        } else {
            return None;
        };
        let (level, ranges, groups, merged) = match &source {
            Source::Partitions {
                partitions, bounds, ..
            } => {
                let len = |partition: &Mutex<Option<Partition>>| {
                    lock(partition).as_ref().map_or(0, Partition::len)
                };
                let groups: usize = partitions.iter().map(len).sum();
                (0, bounds.count(), groups as u64, 0)
            }
            Source::Files(merge) => (
                merge.level() + 1,
                merge.ranges(),
                merge.groups(),
                merge.bytes(),
            ),
        };
        let elsewhere = desk.files.iter().map(|file| file.bytes()).sum::<u64>() + merged;
        match Draft::create(&self.folder, groups, elsewhere) {
            Ok(draft) => Some(Job {
                source,
                level,
                draft,
                ranges: Tasks::new(ranges),
            }),
            Err(error) => {
                self.fail(desk, error);
                None
            }
        }
    }

    /// Takes the files that should be made one now: those of a level that are enough, or in the end
    /// the smallest if there are too many of all levels.
    fn files_to_merge(&self, desk: &mut Desk, is_end: bool) -> Vec<Arc<SpillFile>> {
        // So that they are in groups of a level, and the smallest first.
        desk.files.sort_by_key(|file| (file.level(), file.bytes()));
        let mut start = 0;
        for level in desk.files.chunk_by(|a, b| a.level() == b.level()) {
            if level.len() >= self.most_files {
                let level = start..start + self.most_files;
                return desk.files.drain(level).collect();
            }
            start += level.len();
        }
        let too_many = desk.files.len().saturating_sub(self.most_files);
        if !is_end || too_many == 0 {
            return Vec::new();
        }
        let fewest = (too_many + 1).min(self.most_files);
        desk.files.drain(..fewest).collect()
    }

    fn work_on(&self, job: &Job, memory: &Memory) {
        if let Source::Partitions {
            partitions,
            bounds,
            divisions,
            shares,
        } = &job.source
        {
            divisions.work(|at| {
                if let Some(partition) = lock(&partitions[at]).take() {
                    let share = bounds.divide(partition, memory);
                    write(shares).push(share);
                }
            });
            // A range is in all of them.
            divisions.wait();
        }
        job.ranges.work(|range| {
            if self.has_failed() {
                return;
            }
            let signal = self.stop.load(Ordering::Relaxed);
            if signal != 0 {
                let signal = i32::try_from(signal).unwrap_or(0);
                self.fail(&mut lock(&self.desk), Error::Stopped { signal });
                return;
            }
            let groups = match &job.source {
                Source::Partitions { shares, .. } => Ok(sorted(
                    &shares.read().unwrap_or_else(PoisonError::into_inner),
                    range,
                )),
                Source::Files(merge) => merge.range(range).sorted(),
            };
            let written = groups.and_then(|groups| job.draft.write(range, &groups));
            if let Err(error) = written {
                self.fail(&mut lock(&self.desk), error);
            }
        });
        job.ranges.wait();
    }

    fn put_away(&self, desk: &mut Desk, job: &Job, memory: &Memory) {
        if let Source::Partitions { shares, .. } = &job.source {
            for share in std::mem::take(&mut *write(shares)) {
                share.give_back(memory);
            }
        }
        let file = job.draft.finish(job.level);
        desk.spilled.files += 1;
        desk.spilled.bytes += file.bytes();
        desk.files.push(Arc::new(file));
        // Where the groups are in the files takes memory, too. Half is left for groups all the same: few
        // at a time would make ever more files.
        let places: usize = desk.files.iter().map(|file| file.memory()).sum();
        memory.discount(desk.counted);
        desk.counted = places.min(memory.limit() / 2);
        memory.count(desk.counted);
        self.has_spilled.store(true, Ordering::Relaxed);
    }

    /// The first error is the one to tell.
    fn fail(&self, desk: &mut Desk, error: Error) {
        desk.failure.get_or_insert(error);
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// All groups, after [`Spiller::finish`].
    pub(super) fn into_merge(self) -> Result<(Merge, Spilled)> {
        let desk = self
            .desk
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match desk.failure {
            Some(failure) => Err(failure),
            None => Ok((Merge::new(desk.files), desk.spilled)),
        }
    }
}

impl Source {
    fn of_partitions(partitions: Vec<Partition>) -> Source {
        Source::Partitions {
            bounds: Ranges::of(&partitions, Ranges::ROWS),
            divisions: Tasks::new(partitions.len()),
            shares: RwLock::new(Vec::with_capacity(partitions.len())),
            partitions: partitions
                .into_iter()
                .map(|partition| Mutex::new(Some(partition)))
                .collect(),
        }
    }
}

/// What is locked, whether or not another worker panicked while it held it: that panic ends the run.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::hash::KeyHasher;
    use crate::aggregate::{GrandTotals, Group, GroupKey, Partitions, Totals};
    use crate::event::{Amount, Date, Event, UserId};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn settings(folder: &tempfile::TempDir, memory: usize, files: usize) -> SpillSettings {
        SpillSettings {
            memory,
            folder: folder.path().into(),
            files,
            stop: Arc::default(),
        }
    }

    fn counted(partitions: Partitions) -> (Vec<(GroupKey, Totals)>, Spilled) {
        let groups = partitions.finish_sorted().unwrap();
        let flat = |group: Result<Group>| group.map(|Group { key, totals }| (key, totals));
        let all = groups.iter().map(flat).collect::<Result<_>>().unwrap();
        (all, groups.spilled())
    }

    fn event(day: u32, user: i64, units: u128) -> Event {
        let amount = (units > 0).then(|| Amount::from_units(units));
        Event::new(Date::from_days(day).unwrap(), UserId::from(user), amount)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// From everything on the disk to nothing, by several threads, on one level to many; with totals
        /// that fit narrow fields and others.
        #[test]
        fn groups_on_the_disk_are_those_in_memory(
            seed: u64,
            events in proptest::collection::vec(
                (
                    0..9_u32,
                    -300..300_i64,
                    prop_oneof![4 => 0..3_u128, 1 => Just(10_u128.pow(33)), 1 => Just(10_u128.pow(16))],
                ),
                0..20_000,
            ),
            memory in prop_oneof![Just(0), 0..6_000_000_usize],
            files in 2..5_usize,
            threads in 1..4_usize,
            try_at in 1..60_usize,
            spare_cells in 0..2_000_usize,
        ) {
            let mut expected: BTreeMap<GroupKey, Totals> = BTreeMap::new();
            for (day, user, units) in &events {
                let event = event(*day, *user, *units);
                expected.entry(GroupKey::new(event.date(), event.user_id())).or_default().add(&event);
            }
            let folder = tempfile::tempdir().unwrap();
            let partitions = Partitions::new(KeyHasher::with_seed(seed))
                .with_tables(0)
                .trying_at(try_at, spare_cells)
                .with_spill(settings(&folder, memory, files));
            std::thread::scope(|scope| {
                for share in events.chunks(events.len().div_ceil(threads).max(1)) {
                    let partitions = &partitions;
                    scope.spawn(move || {
                        let mut counter = partitions.counter();
                        for (day, user, units) in share {
                            counter.add(event(*day, *user, *units));
                        }
                        counter.finish();
                    });
                }
            });
            // Some of them by all, or all by one.
            std::thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(|| partitions.spill_rest());
                }
            });
            let has_spilled = partitions.has_spilled();
            let (groups, spilled) = counted(partitions);
            prop_assert_eq!(groups, expected.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(has_spilled, spilled.files > 0);
            if memory == 0 && !events.is_empty() {
                prop_assert!(has_spilled);
            }
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    /// As many files as can be read side by side are made one, and so are as many of those.
    #[test]
    fn many_files_are_merged_level_by_level() {
        let folder = tempfile::tempdir().unwrap();
        let partitions =
            Partitions::new(KeyHasher::with_seed(1)).with_spill(settings(&folder, 0, 2));
        let rounds = 40;
        for round in 0..rounds {
            let groups: Vec<_> = (0..100)
                .map(|user| super::super::packed::Packed::from(&event(round % 3, user, 1)))
                .collect();
            partitions.merge(round as usize, &groups);
        }
        let spiller = partitions.spiller().unwrap();
        {
            let desk = lock(&spiller.desk);
            // One of each binary digit of the number of rounds.
            assert_eq!(desk.files.len(), rounds.count_ones() as usize);
            assert_eq!(desk.spilled.files, 40 + 20 + 10 + 5 + 2 + 1);
            let levels: Vec<u32> = desk.files.iter().map(|file| file.level()).collect();
            assert!(
                levels.iter().all(|level| rounds >> level & 1 == 1),
                "{levels:?}"
            );
        }
        let (groups, _) = counted(partitions);
        assert_eq!(groups.len(), 300);
        assert_eq!(
            groups
                .iter()
                .map(|(_, totals)| totals.event_count)
                .sum::<u64>(),
            4000
        );
    }

    /// Past 10^20, and past what can be counted: each part of them fits.
    #[test]
    fn totals_that_are_too_large_stay_so() {
        let folder = tempfile::tempdir().unwrap();
        let key = GroupKey::new(Date::MIN, UserId::from(7_u64));
        // A tenth of 10^20, which is as much as fits a narrow field, at most.
        let part = super::super::packed::Packed::counted(key, 1, 1, (1 << 111) - 1);
        for (parts, expected) in [
            (40_000, "103845937170696552570.60992658440188"),
            (
                140_000,
                "more than 340282366920938463463.374607431768211455",
            ),
        ] {
            let partitions = Partitions::default().with_spill(settings(&folder, 0, 2));
            for part in vec![part; parts].chunks(parts / 9) {
                partitions.merge(3, part);
            }
            let groups = partitions.finish_sorted().unwrap();
            assert!(groups.spilled().files > 9);
            let sorted = groups.ranges().next().unwrap().sorted().unwrap();
            let error = GrandTotals::of(&sorted).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn without_a_folder_counting_goes_on_and_the_end_tells() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&folder, 0, 2);
        settings.folder.push("missing");
        assert!(settings.check().is_err());
        let partitions = Partitions::default().with_spill(settings);
        let mut counter = partitions.counter();
        for user in 0..100_000 {
            counter.add(event(5, user, 0));
        }
        assert!(partitions.has_failed() || !counter.has_failed());
        counter.finish();
        assert!(partitions.has_failed() && !partitions.has_spilled());
        let message = partitions.finish_sorted().unwrap_err().to_string();
        assert!(
            message.contains("missing: no such file or folder"),
            "{message}"
        );
    }

    #[test]
    fn a_wish_to_stop_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(&folder, 0, 2);
        settings.stop.store(15, Ordering::Relaxed);
        let partitions = Partitions::default().with_spill(settings);
        let mut counter = partitions.counter();
        counter.add(event(5, 1, 0));
        counter.finish();
        let ended = partitions.finish_sorted();
        assert!(
            matches!(ended, Err(Error::Stopped { signal: 15 })),
            "{ended:?}"
        );
    }

    /// What is counted as used is no less than nothing when all is on the disk, and not forgotten.
    #[test]
    fn memory_is_counted_from_round_to_round() {
        let folder = tempfile::tempdir().unwrap();
        let limit = 12 << 20;
        let partitions = Partitions::default().with_spill(settings(&folder, limit, 64));
        let mut counter = partitions.counter();
        for user in 0..1_000_000 {
            counter.add(event(5, user, 10_u128.pow(33)));
        }
        counter.finish();
        partitions.spill_rest();
        let used = partitions.memory().used();
        // What is left are indexes, and where groups are in files.
        assert!(used > 0 && used < limit / 2, "{used}");
        assert_eq!(counted(partitions).0.len(), 1_000_000);
    }
}
