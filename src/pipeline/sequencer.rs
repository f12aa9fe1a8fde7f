//! Putting what workers find back into input order.
//!
//! Workers finish chunks in any order; rejects have to come out in input order and with line numbers
//! that count from the start of the input. So a worker only notes where the rejects of its chunk are,
//! [submits](Sequencer::submit) them, and goes on. When the lines of all chunks before are counted,
//! whoever is at hand makes a batch of them, with the numbers that are known now; batches are made
//! side by side. When those of all chunks before are written, whoever is at hand passes the batch to
//! the sink, one at a time, while the others go on.
//!
//! Memory stays bounded, see the limits below: a worker that has more than it may leave waits. It is
//! never the one that the others wait for: the first chunk that is not counted is being read, and
//! its worker knows its line numbers; and of the chunks that are counted the first one that is not
//! written is the first that somebody took to make batches of, and may always be written.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::queue::Task;
use super::sink::{RejectBatch as _, RejectSink};
use crate::error::{Error, Result};
use crate::event::Fault;
use crate::input::InputFile;
use crate::output::Reject;

/// How many rejects a worker notes before it waits for its chunk's line number.
const NOTES_LIMIT: usize = 1 << 14;

/// How many notes may wait for the lines before them to be counted, those of a chunk in work aside.
const NOTES_WAITING_LIMIT: usize = 1 << 16;

/// How large a batch gets, in bytes: small enough to be still in a core's cache when it is written.
const BATCH_SIZE: usize = 256 * 1024;

/// How many bytes of batches may wait for the sink.
const BATCHES_WAITING_LIMIT: usize = 8 * 1024 * 1024;

/// What a batch counts for besides its size: its place in the queue takes memory too.
const BATCH_OVERHEAD: usize = 256;

/// The run has ended early; whoever gets this just stops.
#[derive(Debug)]
pub(super) struct Aborted;

type Outcome<T = ()> = std::result::Result<T, Aborted>;

/// The lines of a chunk, as far as its worker has read it.
#[derive(Debug)]
pub(super) struct Found {
    sequence: u64,
    input: usize,
    lines: u64,
    rejects: Vec<Note>,
    /// How many lines of the input are before the chunk, once that is known.
    lines_before: Option<u64>,
}

/// Where an invalid line is.
#[derive(Debug)]
struct Note {
    /// The number of the line in its chunk, from 1.
    line: u64,
    offset: usize,
    len: usize,
    fault: Fault,
}

impl Found {
    /// Counts a line.
    #[inline]
    pub(super) fn count_line(&mut self) {
        self.lines += 1;
    }

    /// Notes that the line counted last is a reject.
    #[inline]
    pub(super) fn note(&mut self, offset: usize, len: usize, fault: Fault) {
        self.rejects.push(Note {
            line: self.lines,
            offset,
            len,
            fault,
        });
    }

    /// Whether there are so many rejects that the sequencer should have a part.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.rejects.len() >= NOTES_LIMIT
    }
}

/// Passes the rejects of all workers on in input order, and counts the lines of each input.
pub(super) struct Sequencer<'a, S: RejectSink> {
    inputs: &'a [InputFile],
    state: Mutex<State<'a, S>>,
    /// Something that somebody may be waiting for has happened.
    turn: Condvar,
}

struct State<'a, S: RejectSink> {
    /// How many chunks are counted: all before this one.
    counted: u64,
    /// The lines of each input in these chunks.
    lines: Vec<u64>,
    /// Chunks that have been read before one before them.
    uncounted: BTreeMap<u64, Found>,
    /// How many notes are in those, and one for each chunk.
    notes_waiting: usize,
    /// Chunks that are counted, to be made batches of, in order.
    ready: VecDeque<Found>,

    /// How many chunks are written: all before this one, and some of its batches.
    written: u64,
    /// The batches that were made of chunks.
    batches: BTreeMap<u64, Batches<S::Batch>>,
    bytes_waiting: usize,
    /// Not here while somebody writes.
    sink: Option<&'a mut S>,

    /// What new batches are copies of.
    empty: S::Batch,
    /// Batches and notes that are empty again, kept for their memory.
    spare_batches: Vec<S::Batch>,
    spare_notes: Vec<Vec<Note>>,

    is_aborted: bool,
    failure: Option<Error>,
}

/// The batches of a chunk that wait for their turn.
struct Batches<B> {
    waiting: VecDeque<B>,
    /// Whether no more will come.
    are_all: bool,
}

impl<'a, S: RejectSink> Sequencer<'a, S> {
    pub(super) fn new(inputs: &'a [InputFile], sink: &'a mut S) -> Self {
        Sequencer {
            inputs,
            state: Mutex::new(State {
                counted: 0,
                lines: vec![0; inputs.len()],
                uncounted: BTreeMap::new(),
                notes_waiting: 0,
                ready: VecDeque::new(),
                written: 0,
                batches: BTreeMap::new(),
                bytes_waiting: 0,
                empty: sink.batch(),
                sink: Some(sink),
                spare_batches: Vec::new(),
                spare_notes: Vec::new(),
                is_aborted: false,
                failure: None,
            }),
            turn: Condvar::new(),
        }
    }

    /// For the worker of a chunk to note in what it finds.
    pub(super) fn start(&self, task: &Task<'a>) -> Found {
        Found {
            sequence: task.sequence,
            input: task.input,
            lines: 0,
            rejects: self.lock().spare_notes.pop().unwrap_or_default(),
            lines_before: None,
        }
    }

    /// Takes the rejects found so far in a chunk of many, when the chunks before are counted. What is
    /// found is left without them.
    pub(super) fn submit_part(&self, found: &mut Found) -> Outcome {
        if found.lines_before.is_none() {
            let state = self.wait_while(|state| state.counted != found.sequence)?;
            found.lines_before = Some(state.lines[found.input]);
        }
        self.batch(found)
    }

    /// Takes what was found in a whole chunk, and works off what can be.
    pub(super) fn submit(&self, found: Found) -> Outcome {
        let notes = found.rejects.len() + 1;
        let mut state = self.wait_while(|state| {
            state.counted != found.sequence && state.notes_waiting + notes > NOTES_WAITING_LIMIT
        })?;
        state.notes_waiting += notes;
        state.uncounted.insert(found.sequence, found);
        let has_counted = state.count();
        drop(state);
        if has_counted {
            self.turn.notify_all();
        }
        let next = || self.lock().ready.pop_front();
        while let Some(mut found) = next() {
            self.batch(&mut found)?;
            self.hand_over(found.sequence, None)?;
            self.lock().spare_notes.push(found.rejects);
        }
        Ok(())
    }

    /// Makes batches of the rejects of a chunk that is counted.
    fn batch(&self, found: &mut Found) -> Outcome {
        if found.rejects.is_empty() {
            return Ok(());
        }
        let input = &self.inputs[found.input];
        let lines_before = found.lines_before.unwrap_or_default();
        let mut batch = self.empty_batch();
        for note in found.rejects.drain(..) {
            batch.add(&Reject {
                input: input.name(),
                line: lines_before + note.line,
                offset: note.offset as u64,
                fault: note.fault,
                raw: &input.bytes()[note.offset..][..note.len],
            });
            if batch.size() >= BATCH_SIZE {
                self.hand_over(found.sequence, Some(batch))?;
                batch = self.empty_batch();
            }
        }
        self.hand_over(found.sequence, Some(batch))
    }

    fn empty_batch(&self) -> S::Batch {
        let mut state = self.lock();
        let spare = state.spare_batches.pop();
        spare.unwrap_or_else(|| state.empty.clone())
    }

    /// Takes the next batch of a chunk, or, by none, that there will be no more; and writes what can
    /// be, unless somebody is writing already.
    fn hand_over(&self, sequence: u64, batch: Option<S::Batch>) -> Outcome {
        let bytes = batch.as_ref().map_or(0, weight::<S>);
        let mut state = self.wait_while(|state| {
            let is_turn = state.written == sequence && state.sink.is_some();
            !is_turn && state.bytes_waiting + bytes > BATCHES_WAITING_LIMIT
        })?;
        state.bytes_waiting += bytes;
        let batches = state.batches.entry(sequence).or_insert_with(|| Batches {
            waiting: VecDeque::new(),
            are_all: false,
        });
        match batch {
            Some(batch) => batches.waiting.push_back(batch),
            None => batches.are_all = true,
        }
        self.write(state)
    }

    /// Passes all batches whose turn has come to the sink.
    fn write<'run>(&'run self, mut state: MutexGuard<'run, State<'a, S>>) -> Outcome {
        let Some(sink) = state.sink.take() else {
            // Whoever writes now looks for more.
            return Ok(());
        };
        let mut has_written = Ok(());
        while has_written.is_ok()
            && !state.is_aborted
            && let Some(mut batch) = state.next_batch()
        {
            drop(state);
            let bytes = weight::<S>(&batch);
            has_written = sink.take(&mut batch);
            state = self.lock();
            state.bytes_waiting -= bytes;
            state.spare_batches.push(batch);
            self.turn.notify_all();
        }
        state.sink = Some(sink);
        if let Err(failure) = has_written {
            state.failure = Some(failure);
            state.is_aborted = true;
        }
        let is_aborted = state.is_aborted;
        drop(state);
        self.turn.notify_all();
        if is_aborted { Err(Aborted) } else { Ok(()) }
    }

    /// Ends the run early.
    pub(super) fn abort(&self) -> Aborted {
        self.lock().is_aborted = true;
        self.turn.notify_all();
        Aborted
    }

    /// Ends the run early if the thread panics while the guard lives: the others may be waiting for
    /// a turn that would never come.
    pub(super) fn abort_on_panic(&self) -> impl Drop + '_ {
        struct Guard<'run, 'a, S: RejectSink>(&'run Sequencer<'a, S>);
        impl<S: RejectSink> Drop for Guard<'_, '_, S> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    self.0.abort();
                }
            }
        }
        Guard(self)
    }

    /// The lines of each input, when all workers are done; or why the run failed.
    pub(super) fn finish(self) -> Result<Vec<u64>> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match state.failure {
            Some(failure) => Err(failure),
            None if !state.is_aborted && state.written != state.counted => Err(Error::Unbalanced {
                what: format!(
                    "the rejects of {} chunks were written, and {} were read",
                    state.written, state.counted
                ),
            }),
            None => Ok(state.lines),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'a, S>> {
        // A panic elsewhere ends the run by itself; the guard only has to be let through.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(
        &self,
        is_early: impl Fn(&State<'a, S>) -> bool,
    ) -> Outcome<MutexGuard<'_, State<'a, S>>> {
        let state = self
            .turn
            .wait_while(self.lock(), |state| !state.is_aborted && is_early(state))
            .unwrap_or_else(PoisonError::into_inner);
        if state.is_aborted {
            return Err(Aborted);
        }
        Ok(state)
    }
}

impl<S: RejectSink> State<'_, S> {
    /// Counts the chunks that can be; whether there were any.
    fn count(&mut self) -> bool {
        let counted = self.counted;
        while let Some(mut found) = self.uncounted.remove(&self.counted) {
            self.notes_waiting -= found.rejects.len() + 1;
            let lines = &mut self.lines[found.input];
            found.lines_before = Some(*lines);
            *lines += found.lines;
            self.ready.push_back(found);
            self.counted += 1;
        }
        self.counted != counted
    }

    /// The next batch in order, if it is there.
    fn next_batch(&mut self) -> Option<S::Batch> {
        loop {
            let batches = self.batches.get_mut(&self.written)?;
            if let Some(batch) = batches.waiting.pop_front() {
                return Some(batch);
            }
            if !batches.are_all {
                return None;
            }
            self.batches.remove(&self.written);
            self.written += 1;
        }
    }
}

/// What a batch counts for while it waits.
fn weight<S: RejectSink>(batch: &S::Batch) -> usize {
    batch.size() + BATCH_OVERHEAD
}
