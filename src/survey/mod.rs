//! What a spread sample of the inputs tells of the whole: before a run that may take long.
//!
//! Files that are not compressed are divided into tiles of equal size, of which some are drawn at random
//! over all bytes of all files; what is in them is estimated for the whole (`rate`, `distinct`). Where the
//! sample is as large as the files, all of them is read, in order, and nothing is estimated. Streams and
//! compressed files can only be read from their start: of those the sample is the beginning.

mod draw;
mod estimate;
mod form;
mod needs;
mod part;
mod streams;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::event::{DEFAULT_MAX_LINE_BYTES, DateRange, Schema};
use crate::input::{Input, PlainFile, Sampled};
pub use estimate::{Distinct, Rate};
use estimate::{margin, rate};
pub use form::Form;
pub use needs::Needs;
use part::Reader;
pub use part::{DateCount, Elsewhere, Example, Part, Tile};
use streams::Streams;

/// How large a tile is at most, in bytes: a disk reads so much in not much more time than less.
const TILE: u64 = 64 * 1024;

/// How many tiles there are in a sample at least, if they are not to become too small.
const TILES: u64 = 256;
const LEAST_TILE: u64 = 1024;

/// How a sample is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many bytes are read, about; by default 64 MiB.
    pub sample: u64,
    /// For how long it is read at most; by default 2 seconds. What was drawn and not read by then is not,
    /// a line that has not ended then is left, and
    /// a pipe that is still open is read no further. Of a reader that waits the end is waited for.
    pub time: Duration,
    /// What the draw starts from.
    pub seed: u64,
    /// How many threads read; by default as many as the machine, or the process's cgroup, allows.
    pub threads: NonZeroUsize,
    /// A line of more bytes is invalid.
    pub max_line_bytes: usize,
    /// The days whose events are counted.
    pub dates: DateRange,
    /// What events look like.
    pub schema: Schema,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sample: 64 * 1024 * 1024,
            time: Duration::from_secs(2),
            seed: 42,
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            dates: DateRange::default(),
            schema: Schema::default(),
        }
    }
}

/// What was found out.
#[derive(Clone, Debug)]
pub struct Survey {
    /// How many inputs there are.
    pub inputs: usize,
    /// Of how many inputs something was read.
    pub inputs_read: usize,
    /// How many of them can only be read from their start, and were not read to their end.
    pub only_begun: usize,
    /// How many pipes and the like had not ended when time was up; what had come by then was read.
    pub still_open: usize,
    /// Bytes that were read, decompressed.
    pub bytes_read: u64,
    /// Bytes there are, decompressed; estimated where something is compressed, and `None` where a stream
    /// has no known end.
    pub bytes: Option<u64>,
    /// How many pieces were read.
    pub tiles: usize,
    /// Whether all was read, so that all figures are exact.
    pub is_whole: bool,
    /// Whether time was up before the sample was read.
    pub is_late: bool,
    /// How many lines were begun and had not ended when time was up. They are not counted.
    pub lines_left: usize,
    /// The most bytes that were seen of a line whose end was not; 0 if there was none.
    pub unended: u64,
    /// The first input that is not empty by its name, and what it starts like, where no event of the sample
    /// is valid and it starts like something else than JSON Lines.
    pub looks_like: Option<(String, Form)>,
    /// What was in the sample.
    pub part: Part,
    /// Which share of events is invalid.
    pub invalid: Rate,
    /// How many lines there are.
    pub lines: Option<f64>,
    /// By which share of that it may be more or less, with 95 % confidence; 0 where all was read, and `None`
    /// where the beginning of an input has to stand for the rest of it.
    pub lines_margin: Option<f64>,
    /// Distinct pairs of day and user.
    pub groups: Option<Distinct>,
    /// Distinct users.
    pub users: Option<Distinct>,
    /// How long taking the sample took.
    pub elapsed: Duration,
    /// Seconds of processor time that reading all inputs takes, and the part of it that one thread has to do
    /// alone.
    reading: f64,
    reading_alone: f64,
}

/// Takes a sample of inputs.
///
/// ```
/// use daytally::Input;
/// use daytally::survey::{Settings, survey};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let survey = survey(inputs, &Settings::default())?;
/// assert!(survey.is_whole);
/// assert_eq!((survey.invalid.seen, survey.groups.unwrap().seen), (0.4, 2));
/// # Ok::<(), daytally::Error>(())
/// ```
///
/// # Errors
///
/// Where an input cannot be read or decompressed, or is not what it was when it was named.
pub fn survey(inputs: Vec<Input>, settings: &Settings) -> Result<Survey> {
    let started = Instant::now();
    let deadline = started.checked_add(settings.time);
    let count = inputs.len();
    let names: Vec<String> = inputs.iter().map(|input| input.name().to_owned()).collect();
    let (mut files, mut others) = (Vec::new(), Vec::new());
    for (number, input) in inputs.into_iter().enumerate() {
        match input.sampled()? {
            Sampled::Plain(file) => files.push((number, file)),
            Sampled::Other(input) => others.push((number, *input)),
        }
    }
    let files_bytes: u64 = files.iter().map(|(_, file)| file.len()).sum();

    // Half is for the streams if there is anything else, and each has the same of it.
    let for_streams = if files_bytes == 0 {
        settings.sample
    } else {
        settings
            .sample
            .saturating_sub(files_bytes)
            .max(settings.sample / 2)
    };
    let each = for_streams / (others.len() as u64).max(1);
    // So it is with time: a pipe may take all of it, and give nothing.
    let streams_deadline = if files_bytes == 0 {
        deadline
    } else {
        started.checked_add(settings.time / 2)
    };
    let mut reader = Reader::new(settings);
    let streams = Streams::read(others, each, streams_deadline, &mut reader, settings)?;
    let of_files = if streams.inputs() == 0 {
        settings.sample
    } else {
        settings
            .sample
            .saturating_sub(streams.read)
            .max(settings.sample / 2)
    };
    let mut part = reader.part;
    let tiles = Tiles::draw(files, of_files, settings.seed);
    let (read, is_late) = tiles.read(settings, deadline)?;
    let files_read: u64 = read.tiles.iter().map(|tile| tile.bytes).sum();
    let mut files_seen: Vec<usize> = read.tiles.iter().map(|tile| tile.input).collect();
    files_seen.sort_unstable();
    files_seen.dedup();
    let is_whole = streams.only_begun == 0
        && streams.skipped == 0
        && read.tiles.len() as u64 == tiles.all
        && read.left == 0;
    part.merge(read);
    part.finish(&names);
    let looks_like = looks_like(&part, &tiles, &streams, &names)?;

    let bytes_read = streams.read + files_read;
    let extent = streams.extent();
    // Below 2^64 for any input there is; beyond, the cast stops there.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and casts to integers saturate"
    )]
    let bytes = extent.map(|extent| (extent.bytes as u64).saturating_add(files_bytes));
    let reading_files = part.reading.as_secs_f64() * ratio(files_bytes, part.files_read);
    // How many times the sample the whole is.
    let factor = if is_whole {
        Some(1.0)
    } else {
        bytes.map(|bytes| ratio(bytes, bytes_read).max(1.0))
    };
    let tiles_of: Vec<_> = part
        .tiles
        .iter()
        .map(|tile| (tile.events, tile.invalid))
        .collect();
    let share = if is_whole {
        1.0
    } else {
        factor.map_or(0.0, |times| 1.0 / times).min(0.999_999)
    };
    Ok(Survey {
        inputs: count,
        inputs_read: files_seen.len() + streams.inputs(),
        only_begun: streams.only_begun,
        still_open: streams.still_open,
        bytes_read: bytes_read + part.left_bytes,
        lines_left: part.left,
        unended: part.unended,
        looks_like,
        bytes: if is_whole { Some(bytes_read) } else { bytes },
        tiles: part.tiles.len(),
        is_whole,
        is_late: is_late || streams.is_late,
        invalid: rate(&tiles_of, share),
        lines: factor.map(|times| times * float(part.books.lines())),
        lines_margin: lines_margin(&part, &streams, share),
        groups: factor.map(|times| part.groups(times)),
        users: factor.map(|times| part.users(times)),
        part,
        elapsed: started.elapsed(),
        reading: reading_files + extent.map_or(0.0, |extent| extent.seconds),
        reading_alone: extent.map_or(0.0, |extent| extent.longest),
    })
}

/// By which share the number of lines may be off, if the pieces were drawn from all there is.
fn lines_margin(part: &Part, streams: &Streams, share: f64) -> Option<f64> {
    if share >= 1.0 {
        return Some(0.0);
    }
    if streams.only_begun > 0 || streams.skipped > 0 {
        return None;
    }
    let tiles: Vec<_> = part
        .tiles
        .iter()
        .map(|tile| (tile.bytes, tile.lines))
        .collect();
    margin(&tiles, share)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "estimates need no more than 53 bits"
)]
fn float(number: u64) -> f64 {
    number as f64
}

fn ratio(all: u64, part: u64) -> f64 {
    float(all) / float(part.max(1))
}

/// What the first input that is not empty is, where nothing was found to be an event.
fn looks_like(
    part: &Part,
    tiles: &Tiles,
    streams: &Streams,
    names: &[String],
) -> Result<Option<(String, Form)>> {
    if part.books.valid + part.books.filtered > 0 {
        return Ok(None);
    }
    let start = tiles.start(streams)?;
    Ok(start.and_then(|(number, start)| {
        let form = Form::of(&start)?;
        Some((names[number].clone(), form))
    }))
}

/// The tiles that are to be read.
struct Tiles {
    files: Vec<(usize, PlainFile)>,
    /// The number of each file's first tile.
    firsts: Vec<u64>,
    size: u64,
    all: u64,
    drawn: Vec<u64>,
}

impl Tiles {
    fn draw(files: Vec<(usize, PlainFile)>, sample: u64, seed: u64) -> Tiles {
        let size = (sample / TILES).clamp(LEAST_TILE, TILE);
        let bytes: u64 = files.iter().map(|(_, file)| file.len()).sum();
        let mut all = 0;
        let firsts = files
            .iter()
            .map(|(_, file)| {
                let first = all;
                all += file.len().div_ceil(size);
                first
            })
            .collect();
        let count = if bytes <= sample {
            all
        } else {
            // Most are as large as a tile may be, unless files are small.
            let mean = ratio(bytes, all);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is positive, and casts to integers saturate"
            )]
            let count = (float(sample) / mean.max(1.0)) as u64;
            count.max(2)
        };
        Tiles {
            files,
            firsts,
            size,
            all,
            drawn: draw::draw(all, count, seed),
        }
    }

    /// The start of the first input that is not empty, with its number: of a file, or of what was read of the
    /// streams.
    fn start(&self, streams: &Streams) -> Result<Option<(usize, Vec<u8>)>> {
        let file = self.files.iter().find(|(_, file)| file.len() > 0);
        match (file, &streams.start) {
            (Some((number, file)), stream)
                if stream.as_ref().is_none_or(|(other, _)| number < other) =>
            {
                Ok(Some((*number, file.start(form::START)?)))
            }
            (_, stream) => Ok(stream.clone()),
        }
    }

    /// Reads them on all threads; and whether time was up before the last of them.
    fn read(&self, settings: &Settings, deadline: Option<Instant>) -> Result<(Part, bool)> {
        let next = AtomicUsize::new(0);
        let is_time_up = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let work = || -> Result<Reader> {
            let mut reader = Reader::new(settings);
            let mut buffer = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(number) = self.drawn.get(at) else {
                    return Ok(reader);
                };
                // Two at least, or nothing could be said.
                if at >= 2 && is_time_up() {
                    return Ok(reader);
                }
                let file = self.firsts.partition_point(|first| first <= number) - 1;
                let (input, plain) = &self.files[file];
                let tile = number - self.firsts[file];
                let longest = settings.max_line_bytes;
                let read = reader
                    .timed(|| plain.tile(tile, self.size, longest, &is_time_up, &mut buffer))?;
                reader.part.files_read += read.read;
                reader.tile(*input, tile, read.offset, &buffer, read.cut);
                let size = self.size.min(plain.len() - tile * self.size);
                reader.set_bytes(size);
                reader.unended(read.unended);
                if read.is_left {
                    reader.left(read.read.saturating_sub(size));
                }
            }
        };
        let threads = settings.threads.get().min(self.drawn.len());
        let mut part = Part::default();
        let results: Vec<Result<Reader>> = thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                // Where no more threads can be had, there is one.
                .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let own = work();
            others
                .into_iter()
                .map(|other| other.join().unwrap_or(Err(Error::Panicked)))
                .chain([own])
                .collect()
        });
        for reader in results {
            part.merge(reader?.part);
        }
        let is_late = part.tiles.len() < self.drawn.len() || part.left > 0;
        Ok((part, is_late))
    }
}
