//! The wiring: input → chunk → event → aggregate → output. The only place that knows all of them,
//! and the only one that names rayon.

mod budget;
mod incremental;
pub(crate) mod machine;
#[cfg(feature = "arrow")]
mod merge;
#[cfg(feature = "arrow")]
mod partial;
mod progress;
mod queue;
mod result;
mod sequencer;
mod sink;
mod stop;
mod tally;
mod users;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::aggregate::{Partitions, SortedGroups, SpillSettings};
use crate::books::Books;
use crate::error::{Error, Result};
use crate::event::decode::Run;
use crate::event::{DEFAULT_MAX_LINE_BYTES, DateRange, Decoder, Fault, Lanes, Schema, Verdict};
use crate::first_places::FirstPlaces;
use crate::input::{Compression, Cutting, Input, Opened, Read, Stream, Way};
use budget::Budget;
pub use incremental::Incremental;
pub(crate) use machine::{machine_memory, thread_time};
#[cfg(feature = "arrow")]
pub use merge::{Merged, PartialSet};
#[cfg(feature = "arrow")]
pub use partial::PartialSettings;
use progress::Counts;
pub use progress::{Phase, Progress, ProgressNow};
use queue::{InputRead, Next, Queue, Task, Text, Work};
use sequencer::{Aborted, Found, Sequencer};
pub use sink::{RejectBatch, RejectSink};
pub use stop::Stop;
use tally::{Counting, OpenInputs, Partials, Tally};

/// The default size of a chunk, in bytes: 4 MiB. Large enough that handing one out costs nothing
/// beside working on it, small enough that many cores end at about the same time.
pub const DEFAULT_CHUNK_SIZE: usize = 4 * 1024 * 1024;

/// How many bytes a block of a stream has, unless chunks are to be smaller: it is written by one core
/// and often read by another, so it should fit their caches.
const BLOCK_SIZE: usize = 1024 * 1024;

/// How much memory a run may take where nothing tells how much there is, in bytes.
const DEFAULT_MEMORY: u64 = 1 << 30;

/// With how many threads files that come from the disk are read: one reads for all, and more would be
/// faster than it.
const READERS: usize = 4;

/// How many lines a worker takes between looking at [`Stop`].
const LINES_BETWEEN_LOOKS: usize = 1024;

/// How a run is to be done. Little of it shows in the result.
///
/// ```
/// use daytally::event::DateRange;
/// use daytally::{Options, Pipeline};
///
/// let mut options = Options::default();
/// options.threads = 2.try_into().unwrap();
/// options.max_line_bytes = 64 * 1024;
/// let january = ["2024-01-01", "2024-01-31"].map(|date| date.parse().ok());
/// options.dates = DateRange::new(january[0], january[1]).unwrap();
/// let pipeline = Pipeline::new(options)?;
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How many worker threads; by default as many as the machine, or the process's cgroup, allows.
    pub threads: NonZeroUsize,
    /// How many bytes a chunk has at least: a file is cut there, at the next newline.
    pub chunk_size: usize,
    /// A line of more bytes, its `\n` not counted, is invalid. This one shows.
    pub max_line_bytes: usize,
    /// The days whose events are in the result. This one shows too.
    pub dates: DateRange,
    /// What events look like. This one shows as well.
    pub schema: Schema,
    /// Which ways of reading a line are taken.
    pub lanes: Lanes,
    /// How much private memory the run may take, in bytes; by default half of what there is
    /// ([`machine_memory`]). Groups that do not fit go to the disk. Below [`Options::least_memory`]
    /// everything does, and it may take more all the same; so it may where a line of several MB has
    /// to be copied. Mapped input is not private memory.
    pub memory_limit: u64,
    /// The folder for groups that do not fit into memory. By default that which `TMPDIR` names, or
    /// `/var/tmp`, which unlike `/tmp` is on a disk.
    pub temp_dir: Option<PathBuf>,
    /// Whether large files may be mapped into memory, which is faster; the result is the same. Where it
    /// is not safe, on file systems of a network for example, they are read in any case, and where it is
    /// slower, with few threads and a file that is not in the kernel's cache.
    pub map_files: bool,
    /// A way to stop the run from outside.
    pub stop: Stop,
    /// A way to see from outside how far the run is.
    pub progress: Progress,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            chunk_size: DEFAULT_CHUNK_SIZE,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            dates: DateRange::default(),
            schema: Schema::default(),
            lanes: Lanes::default(),
            memory_limit: machine_memory().map_or(DEFAULT_MEMORY, |all| all / 2),
            temp_dir: None,
            map_files: true,
            stop: Stop::default(),
            progress: Progress::default(),
        }
    }
}

impl Options {
    /// The least [`memory_limit`](Options::memory_limit) that makes sense with so many threads, in
    /// bytes: 64 MiB plus 32 MiB for each thread.
    #[must_use]
    pub fn least_memory(threads: NonZeroUsize) -> u64 {
        Budget::least(threads)
    }

    /// How much of the memory limit is for groups when they are counted, in bytes.
    pub(crate) fn memory_for_groups(&self) -> u64 {
        Budget::new(self.memory_limit, self.threads).groups as u64
    }

    /// The folder for temporary files.
    fn temp_dir(&self) -> PathBuf {
        let from_environment = || std::env::var_os("TMPDIR").filter(|dir| !dir.is_empty());
        self.temp_dir
            .clone()
            .or_else(|| from_environment().map(PathBuf::from))
            .unwrap_or_else(|| "/var/tmp".into())
    }
}

/// What a run found.
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let pipeline = Pipeline::new(Options::default())?;
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// assert_eq!((outcome.books.valid, outcome.books.invalid()), (3, 2));
/// for group in outcome.groups.iter() {
///     // They come in order, and may come from the disk.
///     let group = group?;
///     assert_eq!(group.key.date().to_string(), "2024-01-01");
/// }
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What became of the lines.
    pub books: Books,
    /// Where each reason was found first.
    pub first: FirstPlaces,
    /// The inputs, in order.
    pub inputs: Vec<InputOutcome>,
    /// The groups.
    pub groups: SortedGroups,
    /// Inputs that a [state](crate::state) has and the run has not; the result is without them.
    pub forgotten: Vec<PathBuf>,
    /// By which paths a state knows the inputs.
    pub(crate) known_as: Vec<PathBuf>,
}

/// What was read of an input.
///
/// ```
/// use daytally::{Input, InputSource, Options, Pipeline};
///
/// let inputs = vec![Input::reader("queue", "{}\n\n".as_bytes())];
/// let outcome = Pipeline::new(Options::default())?.aggregate(inputs, &mut ())?;
/// let read = &outcome.inputs[0];
/// assert_eq!((read.name.as_str(), read.lines, read.bytes), ("queue", 2, 4));
/// assert_eq!(read.source, InputSource::New);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputOutcome {
    /// The input as it was named; `-` for standard input.
    pub name: String,
    /// Its absolute path, if it has one.
    pub path: Option<PathBuf>,
    /// Its lines.
    pub lines: u64,
    /// Its bytes, decompressed.
    pub bytes: u64,
    /// How it was compressed, and how many bytes it had then.
    pub compressed: Option<(Compression, u64)>,
    /// Bytes that were added at the end of its file during the run, and not read.
    pub bytes_added_since: u64,
    /// How its bytes were had; `None` if it was not read.
    pub way: Option<Way>,
    /// Where its events come from.
    pub source: InputSource,
}

/// Where the events of an input come from: all from reading it, unless there is a
/// [state](crate::state).
///
/// ```
/// use daytally::InputSource;
/// assert_eq!(InputSource::ReadOn { from: 4096 }.name(), "grown");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputSource {
    /// It was read for the first time.
    New,
    /// It is something else than it was, or more is wanted of it, and was read again.
    Changed,
    /// It had grown, and was read from there.
    ReadOn {
        /// The first byte that was read.
        from: u64,
    },
    /// It is what it was, and what was kept of it was taken.
    Kept,
}

impl InputSource {
    /// What it is called in a summary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            InputSource::New => "new",
            InputSource::Changed => "changed",
            InputSource::ReadOn { .. } => "grown",
            InputSource::Kept => "kept",
        }
    }
}

/// The worker threads, and how they work.
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let pipeline = Pipeline::new(Options::default())?;
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// assert_eq!((outcome.books.valid, outcome.books.invalid()), (3, 2));
///
/// let mut csv = Vec::new();
/// let totals = pipeline.write_csv(&outcome, |bytes| Ok(csv.extend_from_slice(bytes)))?;
/// assert_eq!((totals.groups, totals.purchase_count), (2, 1));
/// assert_eq!(
///     String::from_utf8_lossy(&csv),
///     "date,user_id,event_count,purchase_count,total_revenue\n\
///      2024-01-01,123,2,1,19.99\n\
///      2024-01-01,456,1,0,0.00\n"
/// );
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct Pipeline {
    options: Options,
    pool: rayon::ThreadPool,
}

impl Pipeline {
    /// Starts the worker threads.
    ///
    /// # Errors
    ///
    /// [`Error::Threads`] where the operating system does not allow so many.
    pub fn new(options: Options) -> Result<Pipeline> {
        let threads = options.threads.get();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("daytally-{index}"))
            .build()
            .map_err(|source| Error::Threads {
                threads,
                source: source.into(),
            })?;
        Ok(Pipeline { options, pool })
    }

    /// Aggregates the events of the inputs. The invalid ones go to `rejects`, in input order.
    ///
    /// Nothing is returned unless the inputs are what they were at the start. The books are compared
    /// with the groups when those are read, by [`write_csv`](Pipeline::write_csv) or
    /// [`totals`](Pipeline::totals).
    ///
    /// # Errors
    ///
    /// Where an input cannot be read or decompressed, or changed, `rejects` failed, groups could not be
    /// taken to the disk, or the run was stopped.
    pub fn aggregate<S: RejectSink>(&self, inputs: Vec<Input>, rejects: &mut S) -> Result<Outcome> {
        let tally = Arc::new(Tally::new(self.partitions(1)?));
        let (read, first) = self.read(inputs, rejects, &Counted::Together(&tally))?;
        // The reduction: each worker's books into one.
        let (partitions, books) = Tally::into_parts(tally)?;
        self.options.progress.enter(Phase::Sorting);
        Ok(Outcome {
            books,
            first,
            inputs: read,
            groups: self.sort(partitions)?,
            forgotten: Vec::new(),
            known_as: Vec::new(),
        })
    }

    /// Reads the inputs, and counts their events. The first places are those of what is counted together.
    fn read<S: RejectSink>(
        &self,
        mut inputs: Vec<Input>,
        rejects: &mut S,
        counted: &Counted<'_>,
    ) -> Result<(Vec<InputOutcome>, FirstPlaces)> {
        if !self.options.map_files {
            inputs.iter_mut().for_each(Input::do_not_map);
        } else if self.options.threads.get() <= READERS {
            inputs.iter_mut().for_each(Input::do_not_map_uncached);
        }
        let names: Vec<String> = inputs.iter().map(|input| input.name().to_owned()).collect();
        let paths: Vec<Option<PathBuf>> = inputs
            .iter()
            .map(|input| input.path().map(Into::into))
            .collect();
        let to_read = inputs.iter().map(Input::bytes_to_read);
        self.options.progress.start(to_read.sum());
        let lines_before: Vec<u64> = inputs.iter().map(Input::lines_before).collect();
        let queue = Arc::new(Queue::new(
            inputs,
            self.options.threads.get(),
            self.options.chunk_size,
            self.block_size(),
        ));
        let sequencer = Sequencer::new(&queue, &names, &lines_before, rejects);

        // What the workers share is not looked at again after a panic.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.pool.broadcast(|_| {
                let _guard = sequencer.abort_on_panic();
                Worker::new(self, &queue, &sequencer, counted).run();
            })
        }))
        .map_err(|_| Error::Panicked)?;
        let lines = sequencer.finish();
        if lines.is_ok() || self.options.stop.signal().is_some() {
            self.check_stop()?;
        }
        let (lines, first) = lines?;

        let read = queue.read();
        let outcomes = names
            .into_iter()
            .zip(paths)
            .zip(lines.into_iter().zip(read))
            .map(|((name, path), (lines, read))| InputOutcome {
                name,
                path,
                lines,
                bytes: read.bytes,
                compressed: read.compressed,
                bytes_added_since: read.added,
                way: Some(read.way),
                source: InputSource::New,
            })
            .collect();
        Ok((outcomes, first))
    }

    fn block_size(&self) -> usize {
        self.options.chunk_size.min(BLOCK_SIZE)
    }

    fn budget(&self) -> Budget {
        Budget::new(self.options.memory_limit, self.options.threads)
    }

    /// Empty partitions, with their share of the memory, so many sharing it.
    fn partitions(&self, shares: usize) -> Result<Partitions> {
        self.partitions_in(self.budget().groups / shares.max(1))
    }

    /// The same with so many bytes of memory.
    fn partitions_in(&self, memory: usize) -> Result<Partitions> {
        let budget = self.budget();
        let settings = SpillSettings {
            memory,
            folder: self.options.temp_dir(),
            files: budget.files,
            stop: self.options.stop.cell(),
        };
        // Where nobody chose the folder, nobody will mind as long as it is not needed.
        if self.options.temp_dir.is_some() {
            settings.check()?;
        }
        Ok(Partitions::default()
            .for_workers(self.options.threads)
            .with_tables(budget.tables)
            .with_spill(settings))
    }

    fn check_stop(&self) -> Result<()> {
        match self.options.stop.signal() {
            None => Ok(()),
            Some(signal) => Err(Error::Stopped { signal }),
        }
    }
}

/// What the events of a run are counted into.
enum Counted<'run> {
    /// All of them together.
    Together(&'run Arc<Tally>),
    /// Each input for itself.
    Apart {
        inputs: &'run OpenInputs,
        partials: &'run dyn Partials,
        /// How many inputs share the memory.
        shares: usize,
    },
}

/// One thread's share of the work: its decoder, and what it counts.
struct Worker<'run, 'sink, S: RejectSink> {
    pipeline: &'run Pipeline,
    options: &'run Options,
    block_size: usize,
    /// How much memory each worker may take to decompress, in bytes.
    decompression: u64,
    queue: &'run Arc<Queue>,
    sequencer: &'run Sequencer<'sink, S>,
    decoder: Decoder,
    dates: DateRange,
    counted: &'run Counted<'run>,
    /// The input that is counted, where each is for itself, and what of it was.
    counting: Option<(usize, Counting)>,
    /// Lines to go until the next look; chunks may be shorter than that.
    until_look: usize,
    /// Lines that are no valid events, of those read since: what is before each, its length without its
    /// `\n`, and what it is. Empty between chunks.
    others: Vec<(Run, usize, Verdict)>,
}

impl<'run, 'sink, S: RejectSink> Worker<'run, 'sink, S> {
    fn new(
        pipeline: &'run Pipeline,
        queue: &'run Arc<Queue>,
        sequencer: &'run Sequencer<'sink, S>,
        counted: &'run Counted<'run>,
    ) -> Self {
        let options = &pipeline.options;
        Worker {
            pipeline,
            options,
            block_size: pipeline.block_size(),
            decompression: pipeline.budget().decompression,
            queue,
            sequencer,
            decoder: Decoder::with_schema(options.max_line_bytes, options.lanes, &options.schema),
            dates: match counted {
                Counted::Together(_) => options.dates,
                // Which days are wanted may be another question the next time.
                Counted::Apart { .. } => DateRange::ALL,
            },
            counted,
            counting: None,
            until_look: LINES_BETWEEN_LOOKS,
            others: Vec::new(),
        }
    }

    /// Does what there is to do until there is nothing left, or the run ends early.
    fn run(mut self) {
        while let Some(work) = self.next() {
            let done = match work {
                Work::Chunk(task) => self.chunk(task),
                Work::Input(index, input, threads) => self.input(index, *input, threads),
            };
            if done.and_then(|()| self.keep_complete()).is_err() {
                break;
            }
        }
        // Whoever failed has said so.
        let _ = self.hand_over().and_then(|()| self.keep_complete());
    }

    /// The next thing to do. Before this waits for it, what was counted of an input for itself is handed
    /// over: the input may be waiting for just that.
    fn next(&mut self) -> Option<Work> {
        if matches!(self.counted, Counted::Apart { .. }) && self.counting.is_some() {
            if let Some(work) = self.queue.next_now() {
                return Some(work);
            }
            self.hand_over().and_then(|()| self.keep_complete()).ok()?;
        }
        self.queue.next()
    }

    /// Makes sure that what is counted goes to an input's account.
    fn count(&mut self, input: usize) -> std::result::Result<(), Aborted> {
        let is_apart = match (&self.counting, self.counted) {
            (None, Counted::Apart { .. }) => true,
            (Some((counted, _)), Counted::Apart { .. }) => *counted != input,
            (None, Counted::Together(tally)) => {
                self.counting = Some((input, Counting::new(Arc::clone(tally))));
                false
            }
            (Some(_), Counted::Together(_)) => false,
        };
        if is_apart && let Counted::Apart { inputs, .. } = self.counted {
            self.hand_over()?;
            self.counting = inputs.count(input).map(|counting| (input, counting));
            self.keep_complete()?;
        }
        Ok(())
    }

    /// Hands over what was counted.
    fn hand_over(&mut self) -> std::result::Result<(), Aborted> {
        let Some((input, counting)) = self.counting.take() else {
            return Ok(());
        };
        let failure = match self.counted {
            Counted::Together(_) => counting.finish(),
            Counted::Apart { inputs, .. } => inputs.finish(input, counting),
        };
        // Somebody may be waiting for the next line of a pipe.
        failure.map_or(Ok(()), |failure| Err(self.sequencer.fail(failure)))
    }

    /// Hands inputs on that are complete.
    fn keep_complete(&mut self) -> std::result::Result<(), Aborted> {
        let Counted::Apart {
            inputs, partials, ..
        } = self.counted
        else {
            return Ok(());
        };
        while !self.is_over()
            && let Some((input, partial)) =
                inputs.take_complete(self.queue, |partitions| self.pipeline.sort_here(partitions))
        {
            partial
                .and_then(|partial| partials.keep(input, partial, self.sequencer.take_first(input)))
                .map_err(|error| self.fail_to_read(error))?;
        }
        Ok(())
    }

    /// Opens an input, and reads it if it is a stream.
    fn input(
        &mut self,
        index: usize,
        input: Input,
        threads: NonZeroUsize,
    ) -> std::result::Result<(), Aborted> {
        let keep_going = {
            let (queue, stop) = (Arc::clone(self.queue), self.options.stop.clone());
            Arc::new(move || stop.signal().is_none() && !queue.is_aborted())
        };
        let cutting = Cutting {
            block_size: self.block_size,
            line_bytes: self.options.max_line_bytes,
            threads,
            memory: self.decompression * threads.get() as u64,
        };
        if let Counted::Apart {
            inputs,
            partials,
            shares,
        } = self.counted
        {
            let partitions = self.pipeline.partitions(*shares);
            inputs.start(index, partitions.map_err(|error| self.fail_to_read(error))?);
            self.count(index)?;
            if let Some((_, counting)) = &mut self.counting {
                partials
                    .recall(index, &mut |group| counting.counter.merge(group))
                    .map_err(|error| self.fail_to_read(error))?;
            }
        }
        match input.start(cutting, keep_going) {
            Ok(Opened::Mapped(file)) => match self.queue.map(index, *file) {
                Ok(true) => self.end_input(index, 0),
                Ok(false) => Ok(()),
                Err(error) => Err(self.sequencer.fail(error)),
            },
            Ok(Opened::Stream(stream, way)) => {
                self.queue.stream(index);
                self.drive(index, *stream, way)
            }
            Err(error) => Err(self.fail_to_read(error)),
        }
    }

    /// Reads a stream to its end; works on what nobody else does.
    fn drive(
        &mut self,
        index: usize,
        mut stream: Stream,
        way: Way,
    ) -> std::result::Result<(), Aborted> {
        let mut chunks = 0;
        let mut came = 0;
        loop {
            let buffer = match self.queue.buffer(index) {
                Ok(Next::Read(buffer)) => buffer,
                Ok(Next::Chunk(task)) => {
                    self.chunk(task)?;
                    continue;
                }
                Err(queue::Ended) => return Err(Aborted),
            };
            match stream.next(buffer) {
                Ok(Read::Block(block)) => {
                    if let Some(task) = self.queue.offer(index, chunks, block) {
                        self.chunk(task)?;
                    }
                    chunks += 1;
                }
                Ok(Read::End(buffer)) => {
                    self.sequencer.release(index, Text::Buffer(buffer))?;
                    break;
                }
                Err(error) => return Err(self.fail_to_read(error)),
            }
            let came_before = std::mem::replace(&mut came, stream.came());
            self.options.progress.add_bytes(came - came_before);
            if self.is_over() {
                return Err(self.sequencer.abort());
            }
        }
        self.end_input(index, chunks)?;
        while let Some(task) = self.queue.take(index) {
            self.chunk(task)?;
        }
        match stream.finish() {
            Ok(end) => {
                self.queue.close(index, InputRead::of_stream(end, way));
                Ok(())
            }
            Err(error) => Err(self.sequencer.fail(error)),
        }
    }

    /// An input has so many chunks and no more.
    fn end_input(&self, input: usize, chunks: u64) -> std::result::Result<(), Aborted> {
        if let Counted::Apart { inputs, .. } = self.counted {
            inputs.end(input, chunks);
        }
        self.sequencer.end_input(input, chunks)
    }

    /// Ends the run because an input could not be read; unless that is because the run has ended.
    fn fail_to_read(&self, error: Error) -> Aborted {
        if self.options.stop.signal().is_some() || self.queue.is_aborted() {
            self.sequencer.abort()
        } else {
            self.sequencer.fail(error)
        }
    }

    /// Whether the run is to end early, because of a signal or because groups could not go to the disk.
    fn is_over(&self) -> bool {
        let has_failed = |(_, counting): &(usize, Counting)| counting.counter.has_failed();
        self.options.stop.signal().is_some() || self.counting.as_ref().is_some_and(has_failed)
    }

    fn chunk(&mut self, task: Task) -> std::result::Result<(), Aborted> {
        if self.is_over() {
            return Err(self.sequencer.abort());
        }
        self.count(task.input)?;
        let (input, chunk, range, is_last) =
            (task.input, task.chunk, task.range.clone(), task.is_last);
        let mapped = match &task.text {
            Text::Mapped(file) => {
                // What follows a page that could not be read is not worth reading.
                if file.has_faulted() {
                    return match file.check_unchanged() {
                        Ok(_) => Err(self.sequencer.abort()),
                        Err(error) => Err(self.sequencer.fail(error)),
                    };
                }
                file.will_read(task.ahead.clone());
                Some(Arc::clone(file))
            }
            Text::Buffer(_) => None,
        };
        let cut = task.cut;
        let counts = self.counts();
        let mut found = self.sequencer.start(task);
        if let Some(cut) = cut {
            // The start of one line, which was too long to be kept.
            let fault = Fault::line_too_long(cut.len, self.options.max_line_bytes);
            found.count_lines(1);
            if let Some((_, counting)) = &mut self.counting {
                counting.books.count_invalid(fault.reason());
            }
            self.sequencer
                .note(&mut found, range.start, range.len(), fault)?;
        } else {
            self.lines(&mut found, range.clone())?;
        }
        // What came of a stream was added as it came.
        if mapped.is_some() {
            self.options.progress.add_bytes(range.len() as u64);
        }
        let progress = &self.options.progress;
        progress.add_chunk(range.len(), counts, self.counts());
        self.sequencer.submit(found)?;
        if let Counted::Apart { inputs, .. } = self.counted {
            inputs.add_chunk(input);
        }
        if is_last {
            self.end_input(input, chunk + 1)?;
        }
        if let Some(file) = mapped {
            // By each worker for what it has read: at the end, one would do it for all.
            file.release(range);
            self.sequencer.release(input, Text::Mapped(file))?;
        }
        if self.is_over() {
            return Err(self.sequencer.abort());
        }
        Ok(())
    }

    fn counts(&self) -> Counts {
        match &self.counting {
            Some((_, counting)) => Counts::of(&counting.books),
            None => Counts::default(),
        }
    }

    /// The lines of a chunk.
    fn lines(
        &mut self,
        found: &mut Found<S::Batch>,
        range: Range<usize>,
    ) -> std::result::Result<(), Aborted> {
        let Some((_, Counting { counter, books, .. })) = &mut self.counting else {
            return Err(self.sequencer.fail(Error::Panicked));
        };
        let (mut at, end) = (range.start, range.end);
        while at < end {
            let text = &found.text().bytes()[at..];
            let mut valid = 0;
            let (others, dates) = (&mut self.others, self.dates);
            let run = self.decoder.decode_lines(
                text,
                end - at,
                self.until_look,
                |event| {
                    if dates.contains(event.date()) {
                        valid += 1;
                        counter.add(event);
                    }
                },
                |before, other| others.push((before, other.line.len(), other.verdict)),
            );
            books.valid += valid;
            books.filtered += (run.lines - others.len()) as u64 - valid;
            let mut counted = 0;
            for (before, len, verdict) in others.drain(..) {
                found.count_lines((before.lines + 1 - counted) as u64);
                counted = before.lines + 1;
                if let Verdict::Invalid(fault) = verdict {
                    let start = at + before.len;
                    found.text().look_for_zero(start..start + len);
                    books.count_invalid(fault.reason());
                    self.sequencer.note(found, start, len, fault)?;
                } else {
                    books.blank += 1;
                }
            }
            found.count_lines((run.lines - counted) as u64);
            at += run.len;
            self.until_look -= run.lines;
            if self.until_look == 0 {
                self.until_look = LINES_BETWEEN_LOOKS;
                if self.options.stop.signal().is_some() || counter.has_failed() {
                    return Err(self.sequencer.abort());
                }
            }
        }
        Ok(())
    }
}
