//! The wiring: input → chunk → event → aggregate → output. The only place that knows all of them,
//! and the only one that names rayon.

mod budget;
mod machine;
mod queue;
mod result;
mod sequencer;
mod sink;
mod stop;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::aggregate::{Counter, Partitions, SortedGroups, SpillSettings};
use crate::books::Books;
use crate::error::{Error, Result};
use crate::event::{DEFAULT_MAX_LINE_BYTES, Decoder, Lanes, Verdict};
use crate::input::InputFile;
use budget::Budget;
pub use machine::machine_memory;
use queue::{ChunkQueue, Task};
use sequencer::Sequencer;
pub use sink::{RejectBatch, RejectSink};
pub use stop::Stop;

/// The default size of a chunk, in bytes: 4 MiB. Large enough that handing one out costs nothing
/// beside working on it, small enough that many cores end at about the same time.
pub const DEFAULT_CHUNK_SIZE: usize = 4 * 1024 * 1024;

/// How much memory a run may take where nothing tells how much there is, in bytes.
const DEFAULT_MEMORY: u64 = 1 << 30;

/// How many lines a worker takes between looking at [`Stop`].
const LINES_BETWEEN_LOOKS: usize = 1024;

/// How a run is to be done. None of it shows in the result.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many worker threads; by default as many as the machine, or the process's cgroup, allows.
    pub threads: NonZeroUsize,
    /// How many bytes a chunk has at least; see [`Chunks`](crate::input::Chunks).
    pub chunk_size: usize,
    /// A line of more bytes, its `\n` not counted, is invalid. This one shows.
    pub max_line_bytes: usize,
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
    /// A way to stop the run from outside.
    pub stop: Stop,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            chunk_size: DEFAULT_CHUNK_SIZE,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            lanes: Lanes::default(),
            memory_limit: machine_memory().map_or(DEFAULT_MEMORY, |all| all / 2),
            temp_dir: None,
            stop: Stop::default(),
        }
    }
}

impl Options {
    /// The least [`memory_limit`](Options::memory_limit) that makes sense with so many threads, in
    /// bytes: 64 MiB, and 16 MiB for each thread.
    #[must_use]
    pub fn least_memory(threads: NonZeroUsize) -> u64 {
        Budget::least(threads)
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
#[derive(Debug)]
pub struct Outcome {
    /// What became of the lines.
    pub books: Books,
    /// The inputs, in order.
    pub inputs: Vec<InputOutcome>,
    /// The groups.
    pub groups: SortedGroups,
}

/// What was read of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputOutcome {
    /// Its lines.
    pub lines: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Bytes that were added at its end during the run, and not read.
    pub bytes_added_since: u64,
}

/// The worker threads, and how they work.
///
/// ```
/// use daytally::{InputFile, Options, Pipeline};
///
/// let pipeline = Pipeline::new(Options::default())?;
/// let inputs = [InputFile::open("tests/data/events.jsonl".as_ref())?];
/// let outcome = pipeline.aggregate(&inputs, &mut ())?;
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
            .map_err(|source| Error::Threads { threads, source })?;
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
    /// Where an input changed, `rejects` failed, groups could not be taken to the disk, or the run was
    /// stopped.
    pub fn aggregate<S: RejectSink>(
        &self,
        inputs: &[InputFile],
        rejects: &mut S,
    ) -> Result<Outcome> {
        let queue = ChunkQueue::new(inputs, self.options.chunk_size);
        let sequencer = Sequencer::new(inputs, rejects);
        let partitions = self.partitions()?;

        // What the workers share is not looked at again after a panic.
        let workers = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.pool.broadcast(|_| {
                let _guard = sequencer.abort_on_panic();
                Worker::new(self, &sequencer, &partitions).run(&queue)
            })
        }))
        .map_err(|_| Error::Panicked)?;
        // The reduction: each worker's books into one.
        let mut books = Books::default();
        for worker in &workers {
            books.merge(worker);
        }
        if partitions.has_failed() {
            return Err(partitions.into_failure());
        }
        let lines = sequencer.finish()?;
        self.check_stop()?;

        let mut inputs_read = Vec::with_capacity(inputs.len());
        for (input, lines) in inputs.iter().zip(lines) {
            inputs_read.push(InputOutcome {
                lines,
                bytes: input.bytes().len() as u64,
                bytes_added_since: input.check_unchanged()?,
            });
        }

        Ok(Outcome {
            books,
            inputs: inputs_read,
            groups: self.sort(partitions)?,
        })
    }

    /// Empty partitions, with the share of the memory that is for them.
    fn partitions(&self) -> Result<Partitions> {
        let budget = Budget::new(self.options.memory_limit, self.options.threads);
        let settings = SpillSettings {
            memory: budget.groups,
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

/// One thread's share of the work: its decoder, its counter, its books.
struct Worker<'run, 'data, S: RejectSink> {
    stop: &'run Stop,
    sequencer: &'run Sequencer<'data, S>,
    decoder: Decoder,
    counter: Counter<'run>,
    books: Books,
    /// Lines to go until the next look; chunks may be shorter than that.
    until_look: usize,
}

impl<'run, 'data, S: RejectSink> Worker<'run, 'data, S> {
    fn new(
        pipeline: &'run Pipeline,
        sequencer: &'run Sequencer<'data, S>,
        partitions: &'run Partitions,
    ) -> Self {
        Worker {
            stop: &pipeline.options.stop,
            sequencer,
            decoder: Decoder::with_lanes(pipeline.options.max_line_bytes, pipeline.options.lanes),
            counter: partitions.counter(),
            books: Books::default(),
            until_look: LINES_BETWEEN_LOOKS,
        }
    }

    /// Takes chunks until there are none left, or the run ends early.
    fn run(mut self, queue: &ChunkQueue<'data>) -> Books {
        while let Some(task) = queue.next() {
            if self.chunk(&task).is_err() {
                break;
            }
        }
        self.counter.finish();
        self.books
    }

    fn chunk(&mut self, task: &Task<'data>) -> std::result::Result<(), sequencer::Aborted> {
        // What follows a page that could not be read is not worth reading: the input's check at the
        // end fails the run.
        if self.stop.signal().is_some() || self.counter.has_failed() || task.file.has_faulted() {
            return Err(self.sequencer.abort());
        }
        task.file.will_read(task.ahead.clone());
        let mut found = self.sequencer.start(task);
        let mut at = task.chunk.offset;
        let end = at + task.chunk.bytes.len();
        while at < end {
            let text = &task.file.bytes()[at..];
            let most = self.until_look - 1;
            let run = self
                .decoder
                .decode_run(text, end - at, most, |event| self.counter.add(event));
            self.books.valid += run.lines as u64;
            found.count_lines(run.lines as u64);
            self.until_look -= run.lines;
            at += run.len;
            if at >= end {
                break;
            }

            found.count_lines(1);
            let text = &text[run.len..];
            let decoded = if run.lines < most {
                self.decoder.decode_next_generally(text)
            } else {
                self.decoder.decode_next(text)
            };
            match decoded.verdict {
                Verdict::Valid(event) => {
                    self.books.valid += 1;
                    self.counter.add(event);
                }
                Verdict::Blank => self.books.blank += 1,
                Verdict::Invalid(fault) => {
                    self.books.count_invalid(fault.reason());
                    let len = decoded.line.len();
                    self.sequencer.note(&mut found, at, len, fault)?;
                }
            }
            at += decoded.len;
            self.until_look -= 1;
            if self.until_look == 0 {
                self.until_look = LINES_BETWEEN_LOOKS;
                if self.stop.signal().is_some() || self.counter.has_failed() {
                    return Err(self.sequencer.abort());
                }
            }
        }
        let submitted = self.sequencer.submit(found);
        // By each worker for what it has read: at the end, one would do it for all.
        task.file.release(task.chunk.offset..end);
        submitted
    }
}
