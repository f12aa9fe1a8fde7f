//! What is counted together: all inputs of a run, or each for itself.
//!
//! Where each is, an input is complete when all of its chunks have been worked on, every worker has
//! handed over what it counted of it, and its file was found to be what it was. Whoever finds that out
//! makes a [`Partial`] of it, while the others go on with the next inputs. A worker hands over what it
//! has counted when it goes on to another input, and before it waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::queue::{InputRead, Queue};
use crate::aggregate::{Counter, Group, Partitions, SortedGroups};
use crate::books::Books;
use crate::error::{Error, Result};
use crate::first_places::FirstPlaces;

/// What is counted together.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) partitions: Arc<Partitions>,
    books: Mutex<Books>,
}

impl Tally {
    pub(super) fn new(partitions: Partitions) -> Tally {
        Tally {
            partitions: Arc::new(partitions),
            books: Mutex::default(),
        }
    }

    /// What workers have handed over, when none counts any more.
    pub(super) fn into_parts(tally: Arc<Tally>) -> Result<(Partitions, Books)> {
        // Whoever counted is done and has dropped its own.
        let tally = Arc::into_inner(tally).ok_or(Error::Panicked)?;
        let partitions = Arc::into_inner(tally.partitions).ok_or(Error::Panicked)?;
        let books = tally.books.into_inner();
        Ok((partitions, books.unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What one worker counts.
#[derive(Debug)]
pub(super) struct Counting {
    tally: Arc<Tally>,
    pub(super) counter: Counter<Arc<Partitions>>,
    pub(super) books: Books,
}

impl Counting {
    pub(super) fn new(tally: Arc<Tally>) -> Counting {
        Counting {
            counter: tally.partitions.shared_counter(),
            tally,
            books: Books::default(),
        }
    }

    /// Hands over what was counted. If that failed, why, for the first who finds out.
    pub(super) fn finish(self) -> Option<Error> {
        lock(&self.tally.books).merge(&self.books);
        self.counter.finish();
        self.tally.partitions.take_failure()
    }

    /// The same, but the groups are for whoever asks: nobody else counts any.
    fn finish_alone(self) -> SortedGroups {
        lock(&self.tally.books).merge(&self.books);
        self.counter.finish_alone()
    }
}

/// One input, counted for itself.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) groups: SortedGroups,
    pub(super) books: Books,
    pub(super) read: InputRead,
}

/// Whoever wants each input for itself.
pub(super) trait Partials: Sync {
    /// Groups that are to be counted with an input, besides those of its events: of what of it was read
    /// by an earlier run.
    fn recall(&self, input: usize, add: &mut dyn FnMut(&Group)) -> Result<()>;

    /// Takes an input that is complete, and where each reason was found first in what was read. Called by the workers, many at a time, and in no order.
    fn keep(&self, input: usize, partial: Partial, first: FirstPlaces) -> Result<()>;
}

/// The inputs that are being counted, each for itself.
#[derive(Debug, Default)]
pub(super) struct OpenInputs(Mutex<BTreeMap<usize, OpenInput>>);

/// An input that is not complete.
#[derive(Debug)]
struct OpenInput {
    tally: Arc<Tally>,
    /// How many workers count it.
    counting: usize,
    /// How many of its chunks have been worked on.
    done: u64,
    /// How many it has, once that is known.
    chunks: Option<u64>,
    /// The groups, if one worker had them all.
    groups: Option<SortedGroups>,
    /// Whether a worker has handed over groups.
    has_groups: bool,
}

impl OpenInputs {
    /// An input has been started.
    pub(super) fn start(&self, input: usize, partitions: Partitions) {
        let open = OpenInput {
            tally: Arc::new(Tally::new(partitions)),
            counting: 0,
            done: 0,
            chunks: None,
            groups: None,
            has_groups: false,
        };
        lock(&self.0).insert(input, open);
    }

    /// For a worker that is going to count a started input.
    pub(super) fn count(&self, input: usize) -> Option<Counting> {
        let mut all = lock(&self.0);
        let open = all.get_mut(&input)?;
        open.counting += 1;
        Some(Counting::new(Arc::clone(&open.tally)))
    }

    /// A chunk of an input has been worked on.
    pub(super) fn add_chunk(&self, input: usize) {
        if let Some(open) = lock(&self.0).get_mut(&input) {
            open.done += 1;
        }
    }

    /// An input has so many chunks.
    pub(super) fn end(&self, input: usize, chunks: u64) {
        if let Some(open) = lock(&self.0).get_mut(&input) {
            open.chunks = Some(chunks);
        }
    }

    /// Hands over what a worker has counted of an input. If that failed, why.
    pub(super) fn finish(&self, input: usize, mut counting: Counting) -> Option<Error> {
        let is_alone = lock(&self.0).get(&input).is_some_and(|open| {
            !open.has_groups && open.counting == 1 && open.chunks == Some(open.done)
        });
        let (groups, failure) = if is_alone && counting.counter.has_all() {
            (Some(counting.finish_alone()), None)
        } else {
            (None, counting.finish())
        };
        if let Some(open) = lock(&self.0).get_mut(&input) {
            open.counting -= 1;
            open.has_groups |= groups.is_none();
            open.groups = groups;
        }
        failure
    }

    /// Takes an input out that is complete, if one is; `sort` puts groups in order that were counted by
    /// many, or were many.
    pub(super) fn take_complete(
        &self,
        queue: &Queue,
        sort: impl FnOnce(Partitions) -> Result<SortedGroups>,
    ) -> Option<(usize, Result<Partial>)> {
        let mut all = lock(&self.0);
        let is_complete = |(input, open): (&usize, &OpenInput)| {
            let is_counted = open.counting == 0 && open.chunks == Some(open.done);
            (is_counted && queue.has_read(*input)).then_some(*input)
        };
        let input = all.iter().find_map(is_complete)?;
        let open = all.remove(&input)?;
        drop(all);
        let partial = Tally::into_parts(open.tally).and_then(|(partitions, books)| {
            let groups = match open.groups {
                Some(groups) => groups,
                None => sort(partitions)?,
            };
            Ok(Partial {
                groups,
                books,
                read: queue.read_of(input),
            })
        });
        Some((input, partial))
    }

    /// How many inputs are not complete.
    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

/// What is locked, whether or not another worker panicked while it held it: that panic ends the run.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
