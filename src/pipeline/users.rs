//! From groups by day to users over all days: the groups are counted once more, with one date for all.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::Pipeline;
use crate::aggregate::{Group, GroupKey, GroupRange, SortedGroups, UserTotals};
use crate::error::{Error, Result};
use crate::event::Date;

/// How many ranges of users are added up at a time, for each worker.
const RANGES_AT_ONCE: usize = 16;

impl Pipeline {
    /// What the users of the groups come to, over all days. Takes the groups, since their memory is
    /// needed; users that do not fit into what is left of it go to the disk, as groups do.
    ///
    /// # Errors
    ///
    /// Where groups cannot be taken to the disk or read back, or the run was stopped.
    ///
    /// ```
    /// use daytally::{Input, Options, Pipeline};
    ///
    /// let pipeline = Pipeline::new(Options::default())?;
    /// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
    /// let outcome = pipeline.aggregate(inputs, &mut ())?;
    /// let users = pipeline.users(outcome.groups)?;
    /// assert_eq!(users.users(), 2);
    /// assert_eq!(users.most_events()[0].user_id.get(), 123);
    /// # Ok::<(), daytally::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn users(&self, groups: SortedGroups) -> Result<UserTotals> {
        let memory = self.budget().groups.saturating_sub(groups.memory());
        let partitions = Arc::new(self.partitions_in(memory)?);
        let ranges = Mutex::new(groups.ranges());
        let counted: Vec<Result<()>> =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.pool.broadcast(|_| {
                    let mut counter = partitions.shared_counter();
                    let next = || ranges.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let mut done = Ok(());
                    while let Some(range) = next() {
                        done = self.check_stop().and_then(|()| {
                            range.for_each(|Group { key, totals }| {
                                counter.merge(&Group {
                                    key: GroupKey::new(Date::MIN, key.user_id()),
                                    totals: *totals,
                                });
                            })
                        });
                        if done.is_err() || counter.has_failed() {
                            break;
                        }
                    }
                    counter.finish();
                    done
                })
            }))
            .map_err(|_| Error::Panicked)?;
        drop(ranges);
        if let Some(failure) = partitions.take_failure() {
            return Err(failure);
        }
        counted.into_iter().collect::<Result<()>>()?;
        drop(groups);

        let partitions = Arc::into_inner(partitions).ok_or(Error::Panicked)?;
        if partitions.has_spilled() {
            return self.add_up_sorted(&self.sort(partitions)?);
        }
        // Adding up does not ask for an order, and so there is no sorting.
        let partitions = partitions.into_partitions();
        self.pool.install(|| {
            partitions
                .into_par_iter()
                .map(|partition| {
                    self.check_stop()?;
                    Ok(UserTotals::of(partition.resolved()))
                })
                .try_reduce(UserTotals::default, |mut all, some| {
                    all.merge(some);
                    Ok(all)
                })
        })
    }

    /// From the disk users come in order, or those in several files would be counted several times.
    fn add_up_sorted(&self, users: &SortedGroups) -> Result<UserTotals> {
        let ranges: Vec<GroupRange<'_>> = users.ranges().collect();
        let mut all = UserTotals::default();
        for ranges in ranges.chunks(RANGES_AT_ONCE * self.options.threads.get()) {
            let some: Vec<Result<UserTotals>> = self.pool.install(|| {
                let ranges = ranges.par_iter().map(|range| {
                    self.check_stop()?;
                    Ok(UserTotals::of(range.sorted()?.iter().copied()))
                });
                ranges.collect()
            });
            for users in some {
                all.merge(users?);
            }
        }
        Ok(all)
    }
}
