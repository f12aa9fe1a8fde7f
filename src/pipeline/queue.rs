//! The chunks of all inputs, handed out one at a time; and the inputs themselves, to be opened.
//!
//! A mapped file is cut by whoever asks for a chunk. A stream is read by one worker, its driver: it
//! gives chunks to workers that have nothing to do, and works on them itself where there are none, or
//! where they do not keep up. So one compressed file keeps all workers busy, and of many files each
//! worker drives one.
//!
//! Inputs are started in order, and the chunks of each are taken in order. So the earliest chunk of an
//! input that is not done is in work, or the next that its driver would take; and the first input that
//! is not done is being worked on, or nothing after it is. The [sequencer](super::sequencer) relies on
//! it: those who wait for their turn there never wait for a chunk that nobody will take.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::input::{
    Block, Buffer, Chunks, Compression, Cut, FileRecord, Input, InputFile, StreamEnd, Way,
};

/// How far ahead of the chunk that is handed out a mapped file is asked for, in bytes. A disk that
/// always has so much to do reads as fast as it can; the kernel alone looks ahead by a fraction of a
/// chunk, and each worker would wait for the disk in turn.
const READ_AHEAD: usize = 64 * 1024 * 1024;

/// How many buffers a stream may always have: one that is being filled, and one that is worked on.
const OWN_BUFFERS: usize = 2;

/// How many buffers there may be in all for each worker, besides.
const BUFFERS: usize = 2;

/// A buffer that grew to more than so many blocks is not kept.
const KEPT_BLOCKS: usize = 4;

/// What the bytes of a chunk are in.
#[derive(Debug)]
pub(super) enum Text {
    Mapped(Arc<InputFile>),
    Buffer(Buffer),
}

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Text::Mapped(file) => file.bytes(),
            Text::Buffer(buffer) => buffer.bytes(),
        }
    }

    /// Takes note of a zero in an invalid line; no other line holds one.
    pub(super) fn look_for_zero(&self, line: Range<usize>) {
        if let Text::Mapped(file) = self
            && let Some(at) = memchr::memchr(0, &file.bytes()[line.clone()])
        {
            file.found_zero(line.start + at);
        }
    }
}

/// A chunk to work on, and its place in the run.
#[derive(Debug)]
pub(super) struct Task {
    /// The place of the chunk's input among the inputs.
    pub(super) input: usize,
    /// Counts the chunks of the input, from 0.
    pub(super) chunk: u64,
    pub(super) text: Text,
    /// Where in the text the chunk is. The text may go on behind it.
    pub(super) range: Range<usize>,
    /// The byte of the input that is the text's first.
    pub(super) offset: u64,
    /// Set if the chunk is no more than the start of one line, which was too long to be kept.
    pub(super) cut: Option<Cut>,
    /// What of a mapped file should be asked for now, before work on the chunk begins.
    pub(super) ahead: Range<usize>,
    /// Whether it is known to be the last chunk of its input; of a stream its driver finds out later.
    pub(super) is_last: bool,
}

/// What there is to do.
pub(super) enum Work {
    Chunk(Task),
    /// An input to be opened, and then [mapped](Queue::map) or driven; and how many threads it may be
    /// decompressed on.
    Input(usize, Box<Input>, NonZero<usize>),
}

/// What a driver is to do next.
pub(super) enum Next {
    /// Read a block into this.
    Read(Buffer),
    /// Work on a chunk of its own first.
    Chunk(Task),
}

/// What was read of an input, its lines aside.
#[derive(Clone, Debug, Default)]
pub(super) struct InputRead {
    pub(super) bytes: u64,
    pub(super) compressed: Option<(Compression, u64)>,
    pub(super) added: u64,
    /// What is to be remembered of its file.
    pub(super) record: Option<FileRecord>,
    pub(super) way: Way,
}

impl InputRead {
    pub(super) fn of_stream(end: StreamEnd, way: Way) -> InputRead {
        InputRead {
            bytes: end.bytes,
            compressed: end.compressed,
            added: end.added,
            record: end.record,
            // Had it been larger, or mapping been asked for, it would have been read all the same.
            way: match (way, end.compressed) {
                (Way::Read | Way::ReadSmall, Some((format, _))) => {
                    Way::ReadCompressed(format.name())
                }
                (way, _) => way,
            },
        }
    }
}

/// There is nothing more to do, or the run has been ended early.
#[derive(Debug)]
pub(super) struct Ended;

/// Hands out the chunks of the inputs.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    is_aborted: AtomicBool,
    /// There may be something to do.
    work: Condvar,
    /// There may be memory for a block.
    buffers: Condvar,
    workers: usize,
    chunk_size: usize,
    block_size: usize,
}

#[derive(Debug)]
struct State {
    /// The inputs that are not started.
    inputs: std::iter::Enumerate<std::vec::IntoIter<Input>>,
    /// Those that are, and have not been handed out to their ends.
    active: BTreeMap<usize, Active>,
    /// What was read of each input that has been read to its end.
    read: Vec<Option<InputRead>>,
    /// Workers with nothing to do.
    idle: usize,
    /// Chunks of streams that wait for a worker.
    pending: usize,
    /// Drivers that wait for a buffer.
    waiting: usize,
    /// Buffers that are in use.
    buffers: usize,
    spare: Vec<Buffer>,
}

/// An input that is being handed out.
#[derive(Debug)]
enum Active {
    /// One of those that may be mapped is being opened.
    Opening,
    Mapped(Cursor),
    Stream {
        pending: VecDeque<Task>,
        buffers: usize,
    },
}

/// How far a mapped file has been handed out.
#[derive(Debug)]
struct Cursor {
    file: Arc<InputFile>,
    at: usize,
    chunk: u64,
    /// How far it has been asked for.
    asked: usize,
}

impl Queue {
    /// How many buffers there are at most for each worker, all together.
    pub(super) const BUFFERS_EACH: usize = OWN_BUFFERS + BUFFERS;

    /// For so many workers. The chunks of mapped files have at least so many bytes, those of streams
    /// no more than about `block_size`.
    pub(super) fn new(
        inputs: Vec<Input>,
        workers: usize,
        chunk_size: usize,
        block_size: usize,
    ) -> Queue {
        Queue {
            state: Mutex::new(State {
                read: vec![None; inputs.len()],
                inputs: inputs.into_iter().enumerate(),
                active: BTreeMap::new(),
                idle: 0,
                pending: 0,
                buffers: 0,
                spare: Vec::new(),
                waiting: 0,
            }),
            is_aborted: AtomicBool::new(false),
            work: Condvar::new(),
            buffers: Condvar::new(),
            workers,
            chunk_size,
            block_size,
        }
    }

    /// The next thing to do, for a worker that has nothing to do; waits until there is something.
    /// `None` when there will be nothing any more.
    pub(super) fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            match self.look(&mut state) {
                Ok(Some(work)) => return Some(work),
                Err(Ended) => return None,
                Ok(None) => {}
            }
            state.idle += 1;
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The next thing to do, if there is something now.
    pub(super) fn next_now(&self) -> Option<Work> {
        self.look(&mut self.lock()).ok().flatten()
    }

    /// The same; an error if there will be nothing any more.
    fn look(&self, state: &mut State) -> std::result::Result<Option<Work>, Ended> {
        if self.is_aborted() {
            return Err(Ended);
        }
        if let Some(task) = state.take_chunk(self.chunk_size) {
            return Ok(Some(Work::Chunk(task)));
        }
        // What is being opened may be a large file, which has work for everybody.
        let is_opening = state
            .active
            .values()
            .any(|active| matches!(active, Active::Opening));
        if !is_opening && let Some((index, input)) = state.inputs.next() {
            let active = if input.may_be_mapped() {
                Active::Opening
            } else {
                Active::stream()
            };
            state.active.insert(index, active);
            // Where each worker has an input of its own, that keeps all cores busy.
            let inputs = state.active.len() + state.inputs.len();
            let threads = NonZero::new(self.workers.div_ceil(inputs));
            return Ok(Some(Work::Input(
                index,
                Box::new(input),
                threads.unwrap_or(NonZero::<usize>::MIN),
            )));
        }
        if state.active.is_empty() && state.inputs.len() == 0 {
            return Err(Ended);
        }
        Ok(None)
    }

    /// Takes over an input that was mapped. One without chunks is done with that: whether it is.
    pub(super) fn map(&self, input: usize, file: InputFile) -> Result<bool> {
        let at = file.text_start();
        let file = Arc::new(file);
        let is_empty = at >= file.text_end();
        let mut state = self.lock();
        if is_empty {
            state.active.remove(&input);
        } else {
            let cursor = Cursor {
                file: Arc::clone(&file),
                at,
                chunk: 0,
                asked: at,
            };
            state.active.insert(input, Active::Mapped(cursor));
        }
        drop(state);
        self.work.notify_all();
        self.release(input, Text::Mapped(file))?;
        Ok(is_empty)
    }

    /// Takes over an input that is a stream; the worker that says so is its driver.
    pub(super) fn stream(&self, input: usize) {
        let mut state = self.lock();
        let mut was_opening = false;
        state.active.entry(input).and_modify(|active| {
            was_opening = matches!(active, Active::Opening);
            *active = Active::stream();
        });
        drop(state);
        if was_opening {
            // Others may be started now.
            self.work.notify_all();
        }
    }

    /// Memory for the next block of a stream, or a chunk to be worked on before there is some.
    pub(super) fn buffer(&self, input: usize) -> std::result::Result<Next, Ended> {
        let mut state = self.lock();
        loop {
            if self.is_aborted() {
                return Err(Ended);
            }
            let State {
                active,
                buffers: in_use,
                spare,
                pending: all_pending,
                ..
            } = &mut *state;
            let Some(Active::Stream { pending, buffers }) = active.get_mut(&input) else {
                return Err(Ended);
            };
            if *buffers < OWN_BUFFERS || *in_use < BUFFERS * self.workers {
                *buffers += 1;
                *in_use += 1;
                return Ok(Next::Read(spare.pop().unwrap_or_default()));
            }
            if let Some(task) = pending.pop_front() {
                *all_pending -= 1;
                return Ok(Next::Chunk(task));
            }
            state.waiting += 1;
            state = self
                .buffers
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// Offers the next chunk of a stream to whoever has nothing to do. Its driver gets one back, the
    /// first of the stream that nobody took, if it is to work on that itself.
    pub(super) fn offer(&self, input: usize, chunk: u64, block: Block) -> Option<Task> {
        let task = Task {
            input,
            chunk,
            text: Text::Buffer(block.buffer),
            range: block.start..block.end,
            offset: block.offset,
            cut: block.cut,
            ahead: 0..0,
            is_last: false,
        };
        let mut state = self.lock();
        // Where there may be helpers, they find one when they come back; where there are none, it is
        // best worked on while it is in this core's cache.
        let drivers = state.active.len();
        let may_wait = usize::from(self.workers > drivers);
        let has_helper = state.idle > state.pending;
        let Some(Active::Stream { pending, .. }) = state.active.get_mut(&input) else {
            return Some(task);
        };
        pending.push_back(task);
        if !has_helper && pending.len() > may_wait {
            return pending.pop_front();
        }
        state.pending += 1;
        drop(state);
        if has_helper {
            self.work.notify_one();
        }
        None
    }

    /// The next chunk of a stream that nobody took.
    pub(super) fn take(&self, input: usize) -> Option<Task> {
        let mut state = self.lock();
        let Some(Active::Stream { pending, .. }) = state.active.get_mut(&input) else {
            return None;
        };
        let task = pending.pop_front()?;
        state.pending -= 1;
        Some(task)
    }

    /// Takes back a stream that has been read to its end, all of its chunks being taken.
    pub(super) fn close(&self, input: usize, read: InputRead) {
        let mut state = self.lock();
        debug_assert!(
            matches!(state.active.get(&input), Some(Active::Stream { pending, .. }) if pending.is_empty())
        );
        state.active.remove(&input);
        state.read[input] = Some(read);
        let is_waited_for = state.idle > 0;
        drop(state);
        if is_waited_for {
            self.work.notify_all();
        }
    }

    /// Takes back what a chunk was in. A mapped file that nobody needs any more is checked.
    pub(super) fn release(&self, input: usize, text: Text) -> Result<()> {
        match text {
            Text::Buffer(buffer) => {
                let mut state = self.lock();
                state.buffers -= 1;
                if buffer.size() <= KEPT_BLOCKS * self.block_size
                    && state.spare.len() < BUFFERS * self.workers
                {
                    state.spare.push(buffer);
                }
                if let Some(Active::Stream { buffers, .. }) = state.active.get_mut(&input) {
                    *buffers -= 1;
                }
                let is_waited_for = state.waiting > 0;
                drop(state);
                if is_waited_for {
                    self.buffers.notify_all();
                }
            }
            Text::Mapped(file) => {
                // Exactly one of those who give it back at the same time is the last.
                if let Some(file) = Arc::into_inner(file) {
                    let record = file.record()?;
                    let added = file.check_unchanged()?;
                    self.lock().read[input] = Some(InputRead {
                        bytes: file.text_end() as u64,
                        compressed: None,
                        added,
                        record,
                        way: Way::Mapped,
                    });
                }
            }
        }
        Ok(())
    }

    /// Ends the run early: whoever waits here stops.
    pub(super) fn abort(&self) {
        // Whoever is about to wait has looked already, and holds the lock until it does.
        let state = self.lock();
        self.is_aborted.store(true, Ordering::Relaxed);
        drop(state);
        self.work.notify_all();
        self.buffers.notify_all();
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.is_aborted.load(Ordering::Relaxed)
    }

    /// What was read of each input, when all workers are done.
    pub(super) fn read(&self) -> Vec<InputRead> {
        let read = std::mem::take(&mut self.lock().read);
        read.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Whether an input has been read to its end, and was found to be what it was.
    pub(super) fn has_read(&self, input: usize) -> bool {
        self.lock().read.get(input).is_some_and(Option::is_some)
    }

    /// What was read of such an input.
    pub(super) fn read_of(&self, input: usize) -> InputRead {
        let read = self.lock().read.get(input).cloned().flatten();
        read.unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere ends the run by itself; the guard only has to be let through.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn stream() -> Active {
        Active::Stream {
            pending: VecDeque::new(),
            buffers: 0,
        }
    }
}

impl State {
    /// A chunk of the earliest input that has one.
    fn take_chunk(&mut self, chunk_size: usize) -> Option<Task> {
        for (&input, active) in &mut self.active {
            match active {
                Active::Opening => {}
                Active::Stream { pending, .. } => {
                    if let Some(task) = pending.pop_front() {
                        self.pending -= 1;
                        return Some(task);
                    }
                }
                Active::Mapped(cursor) => {
                    let task = cursor.next(input, chunk_size);
                    if cursor.at >= cursor.file.text_end() {
                        // The task holds on to the file.
                        self.active.remove(&input);
                    }
                    return task;
                }
            }
        }
        None
    }
}

impl Cursor {
    fn next(&mut self, input: usize, chunk_size: usize) -> Option<Task> {
        // What follows is not to be read.
        let bytes = &self.file.bytes()[..self.file.text_end()];
        let chunk = Chunks::starting_at(bytes, self.at, chunk_size).next()?;
        let range = chunk.offset..chunk.offset + chunk.bytes.len();
        let ahead = range.end.saturating_add(READ_AHEAD).min(bytes.len());
        let asked = std::mem::replace(&mut self.asked, ahead);
        let number = self.chunk;
        self.at = range.end;
        self.chunk += 1;
        Some(Task {
            input,
            chunk: number,
            text: Text::Mapped(Arc::clone(&self.file)),
            range,
            offset: 0,
            cut: None,
            ahead: asked..ahead,
            is_last: self.at >= bytes.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Cutting, Opened, Read};
    use std::io::{Cursor, Write as _};
    use std::num::NonZero;

    const CUTTING: Cutting = Cutting {
        block_size: 1000,
        line_bytes: 100_000,
        threads: NonZero::<usize>::MIN,
        memory: 0,
    };

    fn file_of(len: usize) -> (tempfile::NamedTempFile, Input) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![b'\n'; len]).unwrap();
        let input = Input::open(file.path()).unwrap();
        (file, input)
    }

    /// What workers of a run would do, without looking at the lines: the chunks that this one took.
    fn work(queue: &Queue) -> Vec<(usize, u64, usize)> {
        let mut taken = Vec::new();
        let mut take = |task: Task| {
            taken.push((task.input, task.chunk, task.range.len()));
            queue.release(task.input, task.text).unwrap();
        };
        while let Some(work) = queue.next() {
            match work {
                Work::Chunk(task) => take(task),
                Work::Input(index, input, _) => {
                    match input.start(CUTTING, Arc::new(|| true)).unwrap() {
                        Opened::Mapped(file) => {
                            queue.map(index, *file).unwrap();
                        }
                        Opened::Stream(mut stream, _) => {
                            queue.stream(index);
                            let mut chunk = 0;
                            loop {
                                let buffer = match queue.buffer(index).unwrap() {
                                    Next::Read(buffer) => buffer,
                                    Next::Chunk(task) => {
                                        take(task);
                                        continue;
                                    }
                                };
                                match stream.next(buffer).unwrap() {
                                    Read::Block(block) => {
                                        if let Some(task) = queue.offer(index, chunk, block) {
                                            take(task);
                                        }
                                        chunk += 1;
                                    }
                                    Read::End(buffer) => {
                                        queue.release(index, Text::Buffer(buffer)).unwrap();
                                        break;
                                    }
                                }
                            }
                            while let Some(task) = queue.take(index) {
                                take(task);
                            }
                            let end = stream.finish().unwrap();
                            queue.close(index, InputRead::of_stream(end, Way::Read));
                        }
                    }
                }
            }
        }
        taken
    }

    #[test]
    fn every_chunk_is_taken_once_whatever_the_inputs_and_workers() {
        for workers in [1, 2, 3, 8] {
            let mut inputs = Vec::new();
            let mut files = Vec::new();
            let lens = [0, 10, 5000, 3 << 20, 0, 70_000, 2 << 20, 1, 200_000, 0];
            for (number, len) in lens.into_iter().enumerate() {
                if number % 3 == 2 {
                    inputs.push(Input::reader("x", Cursor::new(vec![b'\n'; len])));
                } else {
                    let (file, input) = file_of(len);
                    files.push(file);
                    inputs.push(input);
                }
            }
            let queue = Queue::new(inputs, workers, 100_000, CUTTING.block_size);
            let mut taken: Vec<(usize, u64, usize)> = std::thread::scope(|scope| {
                let workers: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(&queue))).collect();
                workers
                    .into_iter()
                    .flat_map(|worker| worker.join().unwrap())
                    .collect()
            });
            taken.sort_unstable();
            let read = queue.read();
            for (input, len) in lens.into_iter().enumerate() {
                let chunks: Vec<_> = taken.iter().filter(|chunk| chunk.0 == input).collect();
                assert!(
                    (0..).zip(&chunks).all(|(number, chunk)| chunk.1 == number),
                    "each number once"
                );
                assert_eq!(chunks.iter().map(|chunk| chunk.2).sum::<usize>(), len);
                assert_eq!(read[input].bytes, len as u64);
            }
            let state = queue.lock();
            assert_eq!((state.buffers, state.pending), (0, 0));
            assert!(state.active.is_empty());
        }
    }

    #[test]
    fn memory_for_streams_is_bounded() {
        // Two drivers whose chunks nobody takes: each gets its own to work on instead of more memory.
        let queue = Queue::new(vec![], 4, 1000, 1000);
        for input in 0..2 {
            queue.lock().active.insert(input, Active::stream());
        }
        // As if there were helpers, who never come.
        queue.lock().idle = 100;
        let mut tasks = Vec::new();
        for input in 0..2 {
            for chunk in 0.. {
                assert!(chunk < 100, "there is no end to it");
                match queue.buffer(input).unwrap() {
                    Next::Read(buffer) => {
                        let block = Block {
                            buffer,
                            start: 0,
                            end: 1,
                            offset: 0,
                            cut: None,
                        };
                        assert!(queue.offer(input, chunk, block).is_none());
                    }
                    Next::Chunk(task) => {
                        assert_eq!((task.input, task.chunk), (input, 0));
                        tasks.push(task);
                        break;
                    }
                }
            }
            let in_use = queue.lock().buffers;
            assert_eq!(
                in_use,
                if input == 0 {
                    4 * BUFFERS
                } else {
                    4 * BUFFERS + OWN_BUFFERS
                }
            );
        }
        // What is given back is used again.
        for task in tasks {
            let input = task.input;
            queue.release(input, task.text).unwrap();
        }
        assert!(matches!(queue.buffer(1), Ok(Next::Read(_))));
    }

    #[test]
    fn a_driver_that_waits_for_memory_ends_with_the_run() {
        let queue = Queue::new(vec![], 1, 1000, 1000);
        queue.lock().active.insert(0, Active::stream());
        for _ in 0..BUFFERS.max(OWN_BUFFERS) {
            assert!(matches!(queue.buffer(0), Ok(Next::Read(_))));
        }
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| queue.buffer(0).is_err());
            let idles = scope.spawn(|| queue.next().is_none());
            queue.abort();
            assert!(waits.join().unwrap() && idles.join().unwrap());
        });
    }

    #[test]
    fn every_byte_of_a_mapped_file_is_asked_for_once_and_before_it_is_handed_out() {
        for len in [1 << 20, READ_AHEAD + 1000] {
            let (_file, input) = file_of(len);
            let queue = Queue::new(vec![input], 1, 1 << 20, 1 << 20);
            let (mut asked, mut handed_out) = (0, 0);
            while let Some(work) = queue.next() {
                match work {
                    Work::Input(index, input, _) => {
                        let Opened::Mapped(file) = input.start(CUTTING, Arc::new(|| true)).unwrap()
                        else {
                            panic!("it is large enough to be mapped")
                        };
                        assert!(!queue.map(index, *file).unwrap());
                    }
                    Work::Chunk(task) => {
                        assert_eq!(task.ahead.start, asked);
                        assert!(task.ahead.end >= task.ahead.start);
                        asked = task.ahead.end;
                        handed_out += task.range.len();
                        assert!(asked >= handed_out && asked - handed_out <= READ_AHEAD);
                        assert_eq!(task.is_last, handed_out == len);
                        queue.release(task.input, task.text).unwrap();
                    }
                }
            }
            assert_eq!((asked, handed_out), (len, len));
        }
    }
}
