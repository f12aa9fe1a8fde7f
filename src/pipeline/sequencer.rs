//! Putting what workers find back into input order.
//!
//! Workers finish chunks in any order; rejects have to come out in input order and with line numbers
//! that count from the start of the input. So a worker only [notes](Sequencer::note) where the
//! rejects of its chunk are, [submits](Sequencer::submit) them at its end, and goes on. When the
//! lines of all chunks of the input before are counted, whoever is at hand makes batches of them,
//! with the numbers that are known now; batches are made side by side. When those of all chunks
//! before, and of all inputs before, are written, whoever is at hand passes the next batch to the
//! sink, one at a time, while the others go on.
//!
//! Memory stays bounded, see the limits below: a worker that has more than it may leave waits. It is
//! never the one that the others wait for. The first chunk of an input that is not counted is being
//! worked on, or will be by a worker that does not wait here (see [`Queue`]), and its worker knows its
//! line numbers. Of the chunks that are counted the first one that is not written is the first that
//! somebody took to make batches of, and may always be written: nobody takes one of a later input than
//! that of the chunk just submitted, so that who works on the first input never waits for its own end.
//!
//! # What did not help
//!
//! Runs of two threads over 512 MiB of which every fifth line is invalid, with rejects and log in files; in
//! processor time, of which such a run takes 0.76 s.
//!
//! - Smaller chunks, so that the lines of one whose turn came late are still in the core's cache: the same
//!   with 256 KiB to 1 MiB as with 4 MiB. Asking for the lines ahead is what helps: 0.84 s without.
//! - Asking for them 4 or 16 lines ahead instead of 8: the same.
//! - Batches of 384 or 512 KiB instead of 256 KiB: the same.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::queue::{Queue, Task, Text};
use super::sink::{RejectBatch as _, RejectSink};
use crate::error::{Error, Result};
use crate::event::Fault;
use crate::first_places::{FirstInChunk, FirstPlaces};
use crate::input::Cut;
use crate::output::Reject;
use crate::text::json_ascii::will_read;

/// How many rejects a worker notes before it waits for its chunk's line number.
const NOTES_LIMIT: usize = 1 << 14;

/// How many it notes before it looks whether the number is known. The lines are still in the core's
/// cache then, which is why it looks at all.
const NOTES_BETWEEN_LOOKS: usize = 64;

/// How many lines ahead of the one that is worked on are asked for: those of a chunk whose turn came late
/// have left the core's cache, and are too far apart for the processor to foresee.
const LINES_AHEAD: usize = 8;

/// How many notes may wait for the lines before them to be counted, those of a chunk in work aside.
const NOTES_WAITING_LIMIT: usize = 1 << 16;

/// How large a batch gets, in bytes: small enough to be still in a core's cache when it is written.
const BATCH_SIZE: usize = 256 * 1024;

/// How many bytes of batches may wait for the sink.
const BATCHES_WAITING_LIMIT: usize = 8 * 1024 * 1024;

/// What a batch counts for besides its size: its place in the queue takes memory too.
const BATCH_OVERHEAD: usize = 1024;

/// What a chunk counts for besides its notes, in notes: the place for them takes memory too.
const CHUNK_OVERHEAD: usize = 16;

/// How many empty batches, and places for notes, are kept for later.
const SPARE: usize = BATCHES_WAITING_LIMIT / BATCH_SIZE;

/// The run has ended early; whoever gets this just stops.
#[derive(Debug)]
pub(super) struct Aborted;

type Outcome<T = ()> = std::result::Result<T, Aborted>;

/// The place of a chunk in the run: that of its input among the inputs, and its own in that.
type Place = (usize, u64);

/// The lines of a chunk, as far as its worker has read it; `B` is a batch.
#[derive(Debug)]
pub(super) struct Found<B> {
    place: Place,
    text: Text,
    /// The byte of the input that is the text's first.
    offset: u64,
    cut: Option<Cut>,
    lines: u64,
    rejects: Vec<Note>,
    /// Where in the chunk each reason is found first.
    first: FirstInChunk,
    /// How many lines of the input are before the chunk, once that is known.
    lines_before: Option<u64>,
    /// The batch that rejects go to then.
    batch: Option<B>,
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

impl<B> Found<B> {
    /// What the chunk is in.
    pub(super) fn text(&self) -> &Text {
        &self.text
    }

    /// Where in the text the rejects noted are.
    fn extent(&self) -> Range<usize> {
        match (self.rejects.first(), self.rejects.last()) {
            (Some(first), Some(last)) => first.offset..last.offset + last.len,
            _ => 0..0,
        }
    }

    /// Counts lines.
    #[inline]
    pub(super) fn count_lines(&mut self, lines: u64) {
        self.lines += lines;
    }
}

/// Passes the rejects of all workers on in input order, and counts the lines of each input.
pub(super) struct Sequencer<'a, S: RejectSink> {
    queue: &'a Queue,
    names: &'a [String],
    state: Mutex<State<'a, S>>,
    /// Something that somebody may be waiting for has happened.
    turn: Condvar,
    /// How many chunks of each input are counted, as in the state, for a look without the lock.
    counted: Vec<AtomicU64>,
}

struct State<'a, S: RejectSink> {
    inputs: Vec<Progress>,
    /// Where each reason was found first, in the chunks that are counted; of each input that has any, until
    /// that is asked for.
    first: BTreeMap<usize, FirstPlaces>,
    /// Chunks that have been read before one before them.
    uncounted: BTreeMap<Place, Found<S::Batch>>,
    /// How many notes are in those, and one for each chunk.
    notes_waiting: usize,
    /// Chunks that are counted, to be made batches of.
    ready: BTreeMap<Place, Found<S::Batch>>,

    /// The chunk that is being written: all before it are, and some of its batches.
    written: Place,
    /// The batches that were made of chunks.
    batches: BTreeMap<Place, Batches<S::Batch>>,
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

/// How far an input is.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// How many of its chunks are counted: all before this one.
    counted: u64,
    /// The lines in these.
    lines: u64,
    /// How many chunks it has, once that is known.
    chunks: Option<u64>,
}

/// The batches of a chunk that wait for their turn.
struct Batches<B> {
    /// Each with what it counts for: a batch might not say the same again.
    waiting: VecDeque<(usize, B)>,
    /// Whether no more will come.
    are_all: bool,
}

impl<'a, S: RejectSink> Sequencer<'a, S> {
    /// For inputs of these names, whose chunks come from the queue.
    /// So many lines of each are before the first chunk.
    pub(super) fn new(
        queue: &'a Queue,
        names: &'a [String],
        lines_before: &[u64],
        sink: &'a mut S,
    ) -> Self {
        let inputs = lines_before.iter().map(|lines| Progress {
            lines: *lines,
            ..Progress::default()
        });
        Sequencer {
            queue,
            names,
            state: Mutex::new(State {
                inputs: inputs.collect(),
                first: BTreeMap::new(),
                uncounted: BTreeMap::new(),
                notes_waiting: 0,
                ready: BTreeMap::new(),
                written: (0, 0),
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
            counted: names.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// For the worker of a chunk to note in what it finds.
    pub(super) fn start(&self, task: Task) -> Found<S::Batch> {
        Found {
            place: (task.input, task.chunk),
            text: task.text,
            offset: task.offset,
            cut: task.cut,
            lines: 0,
            rejects: self.lock().spare_notes.pop().unwrap_or_default(),
            first: FirstInChunk::default(),
            lines_before: None,
            batch: None,
        }
    }

    /// Notes that the line counted last is a reject.
    #[inline]
    pub(super) fn note(
        &self,
        found: &mut Found<S::Batch>,
        offset: usize,
        len: usize,
        fault: Fault,
    ) -> Outcome {
        let at = found.offset + offset as u64;
        found.first.note(fault.reason(), found.lines, at);
        found.rejects.push(Note {
            line: found.lines,
            offset,
            len,
            fault,
        });
        if found.rejects.len().is_multiple_of(NOTES_BETWEEN_LOOKS) {
            self.submit_part(found)
        } else {
            Ok(())
        }
    }

    /// Takes the rejects found so far in a chunk, once the chunks before are counted: waits for that
    /// if they are too many to keep.
    fn submit_part(&self, found: &mut Found<S::Batch>) -> Outcome {
        if found.lines_before.is_none() {
            let (input, chunk) = found.place;
            let is_turn = self.counted[input].load(Ordering::Relaxed) == chunk;
            if !is_turn && found.rejects.len() < NOTES_LIMIT {
                return Ok(());
            }
            let state = self.wait_while(|state| state.inputs[input].counted != chunk)?;
            found.lines_before = Some(state.inputs[input].lines);
        }
        self.batch(found)
    }

    /// Where each reason was found first in an input, all of whose chunks have been submitted.
    pub(super) fn take_first(&self, input: usize) -> FirstPlaces {
        self.lock().first.remove(&input).unwrap_or_default()
    }

    /// Takes what was found in a whole chunk, and works off what can be.
    pub(super) fn submit(&self, found: Found<S::Batch>) -> Outcome {
        let own = found.place;
        let notes = found.rejects.len() + CHUNK_OVERHEAD;
        let mut state = self.wait_while(|state| {
            state.inputs[own.0].counted != own.1
                && state.notes_waiting + notes > NOTES_WAITING_LIMIT
        })?;
        state.notes_waiting += notes;
        state.uncounted.insert(own, found);
        let has_counted = state.count(own.0);
        self.counted[own.0].store(state.inputs[own.0].counted, Ordering::Relaxed);
        drop(state);
        if has_counted {
            self.turn.notify_all();
        }
        let next = || self.lock().next_ready(own.0);
        while let Some(mut found) = next() {
            let lines = found.extent();
            self.batch(&mut found)?;
            if let (Text::Mapped(file), true) = (&found.text, found.place != own) {
                // The worker that read them let them go before; of its own it will.
                file.release(lines);
            }
            let Found {
                place,
                text,
                rejects,
                batch,
                ..
            } = found;
            // Before its last batch waits for its turn: others may wait for the memory.
            self.release(place.0, text)?;
            if let Some(batch) = batch {
                self.hand_over(place, Some(batch))?;
            }
            self.hand_over(place, None)?;
            let mut state = self.lock();
            if state.spare_notes.len() < SPARE {
                state.spare_notes.push(rejects);
            }
        }
        Ok(())
    }

    /// Says that an input has so many chunks and no more.
    pub(super) fn end_input(&self, input: usize, chunks: u64) -> Outcome {
        let mut state = self.lock();
        state.inputs[input].chunks = Some(chunks);
        // Those of the input after it may be waiting for just that.
        self.write(state)
    }

    /// Gives back what a chunk was in.
    pub(super) fn release(&self, input: usize, text: Text) -> Outcome {
        self.queue
            .release(input, text)
            .map_err(|error| self.fail(error))
    }

    /// Makes batches of the rejects of a chunk that is counted.
    fn batch(&self, found: &mut Found<S::Batch>) -> Outcome {
        if found.rejects.is_empty() {
            return Ok(());
        }
        let lines_before = found.lines_before.unwrap_or_default();
        let mut batch = found.batch.take().unwrap_or_else(|| self.empty_batch());
        let text = found.text.bytes();
        let line = |note: &Note| &text[note.offset..][..note.len];
        for ahead in found.rejects.iter().take(LINES_AHEAD) {
            will_read(line(ahead));
        }
        for (at, note) in found.rejects.iter().enumerate() {
            if let Some(ahead) = found.rejects.get(at + LINES_AHEAD) {
                will_read(line(ahead));
            }
            batch.add(&Reject {
                input: &self.names[found.place.0],
                input_index: found.place.0,
                line: lines_before + note.line,
                offset: found.offset + note.offset as u64,
                fault: note.fault,
                raw: line(note),
                cut: found.cut,
            });
            if batch.size() >= BATCH_SIZE {
                self.hand_over(found.place, Some(batch))?;
                batch = self.empty_batch();
            }
        }
        found.rejects.clear();
        found.batch = Some(batch);
        Ok(())
    }

    fn empty_batch(&self) -> S::Batch {
        let mut state = self.lock();
        let spare = state.spare_batches.pop();
        spare.unwrap_or_else(|| state.empty.clone())
    }

    /// Takes the next batch of a chunk, or, by none, that there will be no more; and writes what can
    /// be, unless somebody is writing already.
    fn hand_over(&self, place: Place, batch: Option<S::Batch>) -> Outcome {
        let bytes = batch.as_ref().map_or(0, weight::<S>);
        let mut state = self.wait_while(|state| {
            let is_turn = state.written == place && state.sink.is_some();
            !is_turn && state.bytes_waiting + bytes > BATCHES_WAITING_LIMIT
        })?;
        state.bytes_waiting += bytes;
        let batches = state.batches.entry(place).or_insert_with(|| Batches {
            waiting: VecDeque::new(),
            are_all: false,
        });
        match batch {
            Some(batch) => batches.waiting.push_back((bytes, batch)),
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
            && let Some((bytes, mut batch)) = state.next_batch()
        {
            drop(state);
            has_written = sink.take(&mut batch);
            state = self.lock();
            state.bytes_waiting -= bytes;
            if state.spare_batches.len() < SPARE {
                state.spare_batches.push(batch);
            }
            self.turn.notify_all();
        }
        state.sink = Some(sink);
        // Whoever writes next finds out at once.
        state.is_aborted |= has_written.is_err();
        let is_aborted = state.is_aborted;
        drop(state);
        if let Err(failure) = has_written {
            return Err(self.fail(failure));
        }
        self.turn.notify_all();
        if is_aborted { Err(Aborted) } else { Ok(()) }
    }

    /// Ends the run early, because of something that it then fails with.
    pub(super) fn fail(&self, failure: Error) -> Aborted {
        self.lock().failure.get_or_insert(failure);
        self.abort()
    }

    /// Ends the run early.
    pub(super) fn abort(&self) -> Aborted {
        self.lock().is_aborted = true;
        self.turn.notify_all();
        self.queue.abort();
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

    /// The lines of each input, and where each reason was found first in all whose first places were not
    /// taken, when all workers are done; or why the run failed.
    pub(super) fn finish(self) -> Result<(Vec<u64>, FirstPlaces)> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match state.failure {
            Some(failure) => Err(failure),
            None if state.is_aborted || state.written != (state.inputs.len(), 0) => {
                Err(Error::Unbalanced {
                    what: format!(
                        "the rejects of {} inputs were written, and {} were read",
                        state.written.0,
                        state.inputs.len()
                    ),
                })
            }
            None => {
                let mut first = FirstPlaces::default();
                state.first.values().for_each(|of| first.merge(of));
                let lines = state.inputs.iter().map(|input| input.lines).collect();
                Ok((lines, first))
            }
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
    /// Counts the chunks of an input that can be; whether there were any.
    fn count(&mut self, input: usize) -> bool {
        let progress = &mut self.inputs[input];
        let counted = progress.counted;
        while let Some(mut found) = self.uncounted.remove(&(input, progress.counted)) {
            self.notes_waiting -= found.rejects.len() + CHUNK_OVERHEAD;
            found.lines_before = Some(progress.lines);
            for (reason, place) in found.first.places(input, progress.lines) {
                self.first.entry(input).or_default().add(reason, place);
            }
            progress.lines += found.lines;
            progress.counted += 1;
            self.ready.insert(found.place, found);
        }
        progress.counted != counted
    }

    /// The first chunk to be made batches of, if it is of an input up to this one.
    fn next_ready(&mut self, input: usize) -> Option<Found<S::Batch>> {
        let first = self.ready.first_entry()?;
        (first.key().0 <= input).then(|| first.remove())
    }

    /// The next batch in order, if it is there.
    fn next_batch(&mut self) -> Option<(usize, S::Batch)> {
        loop {
            let (input, chunk) = self.written;
            if self.inputs.get(input)?.chunks == Some(chunk) {
                self.written = (input + 1, 0);
                continue;
            }
            let batches = self.batches.get_mut(&self.written)?;
            if let Some(batch) = batches.waiting.pop_front() {
                return Some(batch);
            }
            if !batches.are_all {
                return None;
            }
            self.batches.remove(&self.written);
            self.written.1 += 1;
        }
    }
}

/// What a batch counts for while it waits.
fn weight<S: RejectSink>(batch: &S::Batch) -> usize {
    batch.size() + BATCH_OVERHEAD
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::num::NonZeroUsize;

    use super::*;
    use crate::input::Input;
    use crate::pipeline::{Options, Pipeline, RejectBatch};

    /// Lines as they came, in batches that each count for so many bytes.
    #[derive(Clone)]
    struct Lines {
        lines: Vec<(String, u64, Vec<u8>)>,
        bytes_each: usize,
    }

    impl RejectBatch for Lines {
        fn add(&mut self, reject: &Reject<'_>) {
            let (input, raw) = (reject.input.to_owned(), reject.raw.to_vec());
            self.lines.push((input, reject.line, raw));
        }

        fn size(&self) -> usize {
            self.lines.len() * self.bytes_each
        }
    }

    struct Sink {
        taken: Lines,
        batches: usize,
        /// Which batch to fail at.
        fails_at: Option<usize>,
    }

    impl RejectSink for Sink {
        type Batch = Lines;

        fn batch(&self) -> Lines {
            Lines {
                lines: Vec::new(),
                ..self.taken
            }
        }

        fn take(&mut self, batch: &mut Lines) -> Result<()> {
            self.batches += 1;
            if self.fails_at.is_some_and(|at| at <= self.batches) {
                return Err(Error::Panicked);
            }
            self.taken.lines.append(&mut batch.lines);
            Ok(())
        }
    }

    /// Texts with many rejects each: more than a worker may note.
    fn texts() -> Vec<String> {
        (0..3)
            .map(|input| {
                let mut text = String::new();
                for line in 0..2 * NOTES_LIMIT {
                    // Some lines are blank, some stretches have none that is.
                    if line % 5000 < 1000 && line % 3 == 0 {
                        text += " \n";
                    }
                    writeln!(text, "{input}{line}").unwrap();
                }
                text
            })
            .collect()
    }

    /// As inputs, mapped or streams.
    fn inputs(texts: &[String], are_streams: bool) -> (Vec<tempfile::NamedTempFile>, Vec<Input>) {
        let mut files = Vec::new();
        let mut inputs = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let name = number.to_string();
            if are_streams && number != 1 {
                inputs.push(Input::reader(name, std::io::Cursor::new(text.clone())));
            } else {
                let file = tempfile::NamedTempFile::new().unwrap();
                // Long enough to be mapped.
                std::fs::write(file.path(), text.clone() + &" ".repeat(1 << 20)).unwrap();
                inputs.push(Input::named(name, file.path()).unwrap());
                files.push(file);
            }
        }
        (files, inputs)
    }

    fn run(inputs: Vec<Input>, threads: usize, chunk_size: usize, sink: &mut Sink) -> Result<()> {
        let options = Options {
            threads: NonZeroUsize::new(threads).unwrap(),
            chunk_size,
            ..Options::default()
        };
        let outcome = Pipeline::new(options)?.aggregate(inputs, sink)?;
        assert_eq!(outcome.books.invalid(), sink.taken.lines.len() as u64);
        Ok(())
    }

    fn sink(bytes_each: usize, fails_at: Option<usize>) -> Sink {
        Sink {
            taken: Lines {
                lines: Vec::new(),
                bytes_each,
            },
            batches: 0,
            fails_at,
        }
    }

    #[test]
    fn rejects_come_in_input_order_however_they_are_batched() {
        let texts = texts();
        let mut expected = Vec::new();
        for (input, text) in texts.iter().enumerate() {
            for (line, raw) in (1..).zip(text.lines()) {
                if !raw.trim_ascii().is_empty() {
                    expected.push((input.to_string(), line, raw.as_bytes().to_vec()));
                }
            }
        }
        // From batches that never fill up to one for each reject, and more than may wait.
        for bytes_each in [0, 100, BATCH_SIZE, BATCHES_WAITING_LIMIT + 1] {
            for (threads, chunk_size) in [(1, 1 << 30), (2, 1 << 16), (3, 1 << 30), (8, 1 << 10)] {
                for are_streams in [false, true] {
                    let (_files, inputs) = inputs(&texts, are_streams);
                    let mut sink = sink(bytes_each, None);
                    run(inputs, threads, chunk_size, &mut sink).unwrap();
                    let found = sink.taken.lines;
                    assert!(found == expected, "{bytes_each} {threads} {chunk_size}");
                }
            }
        }
    }

    #[test]
    fn a_sink_that_fails_ends_the_run() {
        let texts = texts();
        for fails_at in [1, 2, 50] {
            for bytes_each in [100, BATCHES_WAITING_LIMIT + 1] {
                for (threads, chunk_size) in [(1, 1 << 30), (3, 1 << 10)] {
                    let mut sink = sink(bytes_each, Some(fails_at));
                    let (_files, inputs) = inputs(&texts, fails_at == 2);
                    let ended = run(inputs, threads, chunk_size, &mut sink);
                    // Large chunks of small batches do not have as many.
                    if sink.batches >= fails_at {
                        assert!(matches!(ended, Err(Error::Panicked)), "{ended:?}");
                        assert_eq!(sink.batches, fails_at, "nothing is passed on after it");
                    } else {
                        ended.unwrap();
                    }
                }
            }
        }
    }
}
