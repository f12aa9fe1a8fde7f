//! Putting what workers find back into input order.
//!
//! Workers finish chunks in any order; rejects have to come out in input order and with line numbers
//! that count from the start of the input. So a worker collects rejects with line numbers relative
//! to what it has handed over, and the sequencer passes them on when the lines before are counted.
//!
//! Memory stays bounded: the worker whose chunk is next passes its rejects straight on, another one
//! may leave what it has if that is little, and has to wait for its turn otherwise. Since chunks are
//! handed out in order, the next one is always being worked on by somebody who does not wait.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::RejectSink;
use super::queue::Task;
use crate::error::{Error, Result};
use crate::event::Fault;
use crate::input::InputFile;
use crate::output::Reject;

/// How many rejects may be left with the sequencer by workers whose turn it is not.
const WAITING_LIMIT: usize = 1 << 16;

/// The run has ended early; whoever gets this just stops.
#[derive(Debug)]
pub(super) struct Aborted;

/// What a worker has found in consecutive lines of a chunk.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    lines: u64,
    rejects: Vec<Found<'a>>,
}

/// An invalid line whose number is not known yet.
#[derive(Debug)]
struct Found<'a> {
    /// The line in its batch, from 1.
    line: u64,
    offset: usize,
    fault: Fault,
    raw: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Counts lines.
    #[inline]
    pub(super) fn count_lines(&mut self, lines: u64) {
        self.lines += lines;
    }

    /// Adds the line counted last as a reject.
    pub(super) fn reject(&mut self, offset: usize, fault: Fault, raw: &'a [u8]) {
        self.rejects.push(Found {
            line: self.lines,
            offset,
            fault,
            raw,
        });
    }

    /// How many rejects there are.
    pub(super) fn rejects(&self) -> usize {
        self.rejects.len()
    }
}

/// Passes the rejects of all workers on in input order, and counts the lines of each input.
pub(super) struct Sequencer<'a> {
    inputs: &'a [InputFile],
    state: Mutex<State<'a>>,
    turn: Condvar,
}

struct State<'a> {
    sink: &'a mut dyn RejectSink,
    /// The chunk whose turn it is.
    next: u64,
    /// The lines of each input that have been passed on.
    lines: Vec<u64>,
    /// Finished chunks whose turn has not come, by sequence.
    waiting: BTreeMap<u64, (usize, Batch<'a>)>,
    rejects_waiting: usize,
    is_aborted: bool,
    failure: Option<Error>,
}

impl<'a> Sequencer<'a> {
    pub(super) fn new(inputs: &'a [InputFile], sink: &'a mut dyn RejectSink) -> Self {
        Sequencer {
            inputs,
            state: Mutex::new(State {
                sink,
                next: 0,
                lines: vec![0; inputs.len()],
                waiting: BTreeMap::new(),
                rejects_waiting: 0,
                is_aborted: false,
                failure: None,
            }),
            turn: Condvar::new(),
        }
    }

    /// Takes the first lines of a chunk whose worker has collected many rejects: waits for the
    /// chunk's turn and passes them on. The batch is left empty.
    pub(super) fn submit_part(
        &self,
        task: &Task<'a>,
        batch: &mut Batch<'a>,
    ) -> std::result::Result<(), Aborted> {
        let mut state = self.wait_for_turn(task.sequence)?;
        self.pass_on(&mut state, task.input, batch)
    }

    /// Takes the last lines of a chunk, at once or when its turn comes.
    pub(super) fn submit_rest(
        &self,
        task: &Task<'a>,
        mut batch: Batch<'a>,
    ) -> std::result::Result<(), Aborted> {
        let mut state = self.lock();
        if state.is_aborted {
            return Err(Aborted);
        }
        // A batch without rejects takes memory too.
        let waiting = state.rejects_waiting + state.waiting.len();
        let fits = waiting + batch.rejects() < WAITING_LIMIT;
        if state.next != task.sequence && fits {
            state.rejects_waiting += batch.rejects();
            state.waiting.insert(task.sequence, (task.input, batch));
            return Ok(());
        }
        drop(state);
        let mut state = self.wait_for_turn(task.sequence)?;
        self.pass_on(&mut state, task.input, &mut batch)?;
        state.next += 1;
        loop {
            let next = state.next;
            let Some((input, mut batch)) = state.waiting.remove(&next) else {
                break;
            };
            state.rejects_waiting -= batch.rejects();
            self.pass_on(&mut state, input, &mut batch)?;
            state.next += 1;
        }
        drop(state);
        self.turn.notify_all();
        Ok(())
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
        struct Guard<'run, 'a>(&'run Sequencer<'a>);
        impl Drop for Guard<'_, '_> {
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
            None => Ok(state.lines),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        // A panic elsewhere ends the run by itself; the guard only has to be let through.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_turn(
        &self,
        sequence: u64,
    ) -> std::result::Result<MutexGuard<'_, State<'a>>, Aborted> {
        let state = self
            .turn
            .wait_while(self.lock(), |state| {
                !state.is_aborted && state.next != sequence
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.is_aborted {
            return Err(Aborted);
        }
        Ok(state)
    }

    fn pass_on(
        &self,
        state: &mut State<'a>,
        input: usize,
        batch: &mut Batch<'a>,
    ) -> std::result::Result<(), Aborted> {
        let lines_before = state.lines[input];
        for found in batch.rejects.drain(..) {
            let passed = state.sink.reject(&Reject {
                input: self.inputs[input].name(),
                line: lines_before + found.line,
                offset: found.offset as u64,
                fault: found.fault,
                raw: found.raw,
            });
            if let Err(failure) = passed {
                state.failure = Some(failure);
                state.is_aborted = true;
                self.turn.notify_all();
                return Err(Aborted);
            }
        }
        state.lines[input] += batch.lines;
        batch.lines = 0;
        Ok(())
    }
}
