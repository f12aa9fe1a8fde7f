//! What was seen in a part of the inputs. Parts add up to the same in any order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::estimate::{Distinct, distinct};
use crate::aggregate::{Counter, Partitions};
use crate::books::Books;
use crate::event::{
    Date, DateRange, Decoder, Diagnosis, Event, Lanes, Reason, Schema, Styles, UserId, Verdict,
};
use crate::input::Lines;
use crate::pipeline::thread_time;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What became of the lines.
    pub books: Books,
    /// How they are written.
    pub styles: Styles,
    /// The first invalid line of each reason, by input and place.
    pub examples: BTreeMap<Reason, Example>,
    /// Days, with how many valid events each has; those outside of the days asked for too.
    pub dates: BTreeMap<Date, DateCount>,
    /// Purchases among the valid events of the days asked for.
    pub purchases: u64,
    /// The pieces that were read.
    pub tiles: Vec<Tile>,
    /// How often each group was met: in so many tiles.
    met: HashMap<(Date, UserId), u32>,
    /// Where fields may be that are missing.
    pub elsewhere: BTreeMap<Reason, Elsewhere>,
    /// How much processor time reading files took, on all threads together; and decoding and counting,
    /// without looking at styles.
    pub(super) reading: Duration,
    pub(super) files_read: u64,
    pub(super) decoding: Duration,
    pub(super) decoded_bytes: u64,
    /// Of lines that were left because time was up: how many, and the bytes that were read of them behind
    /// their tiles.
    pub(super) left: usize,
    pub(super) left_bytes: u64,
    /// The most bytes that were seen of a line whose end was not.
    pub(super) unended: u64,
}

/// Where a field may be that is missing: of lines without it, the first ones of each tile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// How many lines were looked at.
    pub lines: u64,
    /// How many of them have something that may be it, by its path as options take it.
    pub paths: BTreeMap<String, u64>,
}

/// At how many lines of a tile is looked for fields that are missing.
const LOOKED_AT: usize = 8;

/// How many events of a day were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateCount {
    /// How many.
    pub events: u64,
}

/// An invalid line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The name of its input.
    pub input: String,
    /// Its number from 1, if all before it was read.
    pub line: Option<u64>,
    /// The byte that it starts with, from 0.
    pub offset: u64,
    /// What is wrong, for a person; text of the line is escaped in it.
    pub message: String,
    /// What may be behind it.
    pub hint: Option<String>,
    number: usize,
    tile: u64,
    /// How many lines of its tile are before it.
    before: u64,
}

/// A piece that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The number of its input, from 0.
    pub input: usize,
    /// Its number in the input, from 0.
    pub number: u64,
    /// How many bytes of the input it stands for.
    pub bytes: u64,
    /// Its lines, blank ones too.
    pub lines: u64,
    /// Those that are not blank.
    pub events: u64,
    /// Those that are invalid.
    pub invalid: u64,
}

impl Part {
    pub(super) fn merge(&mut self, other: Part) {
        self.books.merge(&other.books);
        self.styles.merge(other.styles);
        for (reason, example) in other.examples {
            self.keep(reason, example);
        }
        for (date, count) in other.dates {
            self.dates.entry(date).or_default().events += count.events;
        }
        self.purchases += other.purchases;
        for (reason, more) in other.elsewhere {
            let elsewhere = self.elsewhere.entry(reason).or_default();
            elsewhere.lines += more.lines;
            for (path, lines) in more.paths {
                *elsewhere.paths.entry(path).or_default() += lines;
            }
        }
        self.tiles.extend(other.tiles);
        for (key, tiles) in other.met {
            *self.met.entry(key).or_default() += tiles;
        }
        self.reading += other.reading;
        self.files_read += other.files_read;
        self.decoding += other.decoding;
        self.decoded_bytes += other.decoded_bytes;
        self.left += other.left;
        self.left_bytes += other.left_bytes;
        self.unended = self.unended.max(other.unended);
    }

    fn keep(&mut self, reason: Reason, example: Example) {
        let kept = self.examples.get(&reason);
        if kept.is_none_or(|kept| (example.number, example.offset) < (kept.number, kept.offset)) {
            self.examples.insert(reason, example);
        }
    }

    /// Puts the tiles in order, and gives examples their names and numbers.
    pub(super) fn finish(&mut self, names: &[String]) {
        self.tiles
            .sort_unstable_by_key(|tile| (tile.input, tile.number));
        for example in self.examples.values_mut() {
            example.input.clone_from(&names[example.number]);
            let from = self
                .tiles
                .partition_point(|tile| tile.input < example.number);
            let mut lines = 0;
            let mut is_known = true;
            for number in 0..example.tile {
                let tile = usize::try_from(number)
                    .ok()
                    .and_then(|at| self.tiles.get(from + at));
                let tile =
                    tile.filter(|tile| (tile.input, tile.number) == (example.number, number));
                let Some(tile) = tile else {
                    is_known = false;
                    break;
                };
                lines += tile.lines;
            }
            example.line = is_known.then_some(lines + example.before + 1);
        }
    }

    /// How many groups there are in so many times what was read.
    pub(super) fn groups(&self, times: f64) -> Distinct {
        of(self.met.values().copied(), times)
    }

    /// How many users.
    pub(super) fn users(&self, times: f64) -> Distinct {
        let mut users: HashMap<UserId, u32> = HashMap::new();
        for ((_, user), tiles) in &self.met {
            let met = users.entry(*user).or_default();
            *met = met.saturating_add(*tiles);
        }
        of(users.into_values(), times)
    }

    /// The mean number of digits of the groups' users, and how many groups were met.
    pub(super) fn user_digits(&self) -> (u64, u64) {
        let digits = |user: &UserId| user.get().to_string().len() as u64;
        let sum = self.met.keys().map(|(_, user)| digits(user)).sum();
        (sum, self.met.len() as u64)
    }
}

/// The estimate from how often each thing was met.
fn of(met: impl Iterator<Item = u32>, times: f64) -> Distinct {
    let (mut seen, mut once, mut twice, mut all) = (0, 0, 0, 0);
    for tiles in met {
        seen += 1;
        once += u64::from(tiles == 1);
        twice += u64::from(tiles == 2);
        all += u64::from(tiles);
    }
    distinct(seen, once, twice, all, times)
}

/// Reads pieces, one after another.
pub(super) struct Reader {
    pub(super) part: Part,
    decoder: Decoder,
    /// Counts as a run does, to take its time.
    counter: Counter<Arc<Partitions>>,
    max_line_bytes: usize,
    dates: DateRange,
    schema: Arc<Schema>,
    events: Vec<Event>,
}

impl Reader {
    pub(super) fn new(settings: &Settings) -> Reader {
        Reader {
            part: Part::default(),
            decoder: Decoder::with_schema(settings.max_line_bytes, Lanes::All, &settings.schema),
            counter: Arc::new(Partitions::default().for_workers(settings.threads)).shared_counter(),
            max_line_bytes: settings.max_line_bytes,
            dates: settings.dates,
            schema: Arc::new(settings.schema.clone()),
            events: Vec::new(),
        }
    }

    /// Does what reads, and takes its processor time.
    pub(super) fn timed<T>(&mut self, read: impl FnOnce() -> T) -> T {
        let started = thread_time();
        let result = read();
        self.part.reading += thread_time().saturating_sub(started);
        result
    }

    /// Tells of a line whose end was not seen: so many bytes of it were.
    pub(super) fn unended(&mut self, bytes: u64) {
        self.part.unended = self.part.unended.max(bytes);
    }

    /// Tells of a line that was left because time was up, of which so many bytes were read for nothing.
    pub(super) fn left(&mut self, bytes: u64) {
        self.part.left += 1;
        self.part.left_bytes += bytes;
    }

    /// How many bytes the last tile stands for.
    pub(super) fn set_bytes(&mut self, bytes: u64) {
        if let Some(tile) = self.part.tiles.last_mut() {
            tile.bytes = bytes;
        }
    }

    /// Takes whole lines, and perhaps one of which only place and length are known.
    pub(super) fn tile(
        &mut self,
        input: usize,
        number: u64,
        offset: u64,
        text: &[u8],
        cut: Option<(u64, u64)>,
    ) {
        let mut tile = Tile {
            input,
            number,
            bytes: text.len() as u64,
            lines: 0,
            events: 0,
            invalid: 0,
        };
        let blank_before = self.part.books.blank;
        self.events.clear();
        let mut invalid = Vec::new();
        // First as a run does, to take its time; what is wrong with lines and how they are written later.
        let started = thread_time();
        let (events, counter, dates) = (&mut self.events, &mut self.counter, self.dates);
        let blank = &mut self.part.books.blank;
        let run = self.decoder.decode_lines(
            text,
            text.len(),
            usize::MAX,
            |event| {
                events.push(event);
                if dates.contains(event.date()) {
                    counter.add(event);
                }
            },
            |before, other| match other.verdict {
                Verdict::Invalid(fault) => {
                    let line = &text[before.len..before.len + other.line.len()];
                    invalid.push((before.len, before.lines as u64, line, fault.reason()));
                }
                Verdict::Blank | Verdict::Valid(_) => *blank += 1,
            },
        );
        tile.lines = run.lines as u64;
        self.part.decoding += thread_time().saturating_sub(started);
        self.part.decoded_bytes += text.len() as u64;

        for line in Lines::new(text) {
            self.part.styles.add_with(line.bytes, &self.schema);
        }
        let limit = self.max_line_bytes;
        self.look_elsewhere(&invalid);
        for (at, before, line, reason) in invalid {
            let schema = Arc::clone(&self.schema);
            self.invalid(
                reason,
                (input, number, before),
                offset + at as u64,
                || Diagnosis::with_schema(line, limit, &schema),
                line,
            );
            tile.invalid += 1;
        }
        if let Some((start, len)) = cut {
            let before = tile.lines;
            self.invalid(
                Reason::LineTooLong,
                (input, number, before),
                start,
                || Diagnosis::of_cut(len, limit),
                &[],
            );
            self.part.styles.add_cut(len);
            tile.lines += 1;
            tile.invalid += 1;
            tile.bytes += len;
        }
        self.events();
        tile.events = tile.lines - (self.part.books.blank - blank_before);
        self.part.tiles.push(tile);
    }

    fn invalid(
        &mut self,
        reason: Reason,
        (number, tile, before): (usize, u64, u64),
        offset: u64,
        diagnosis: impl FnOnce() -> Diagnosis,
        line: &[u8],
    ) {
        self.part.books.count_invalid(reason);
        let kept = self.part.examples.get(&reason);
        if kept.is_some_and(|kept| (kept.number, kept.offset) < (number, offset)) {
            return;
        }
        let diagnosis = diagnosis();
        let fault = diagnosis
            .faults()
            .iter()
            .find(|fault| fault.reason() == reason);
        let hints = diagnosis.hints().iter();
        let example = Example {
            input: String::new(),
            line: None,
            offset,
            message: fault
                .map(|fault| fault.message_in(line, &self.schema).to_string())
                .unwrap_or_default(),
            hint: hints
                .filter(|hint| hint.reason == Some(reason))
                .map(|hint| hint.message.clone())
                .next(),
            number,
            tile,
            before,
        };
        self.part.keep(reason, example);
    }

    /// Counts what may be the fields that lines of a tile do not have.
    fn look_elsewhere(&mut self, invalid: &[(usize, u64, &[u8], Reason)]) {
        let is_missing = |reason: Reason| {
            matches!(
                reason,
                Reason::MissingUserId
                    | Reason::MissingEventType
                    | Reason::MissingTimestamp
                    | Reason::MissingAmount
            )
        };
        let lines = invalid.iter().filter(|(.., reason)| is_missing(*reason));
        for (_, _, line, _) in lines.take(LOOKED_AT) {
            let diagnosis = Diagnosis::with_schema(line, self.max_line_bytes, &self.schema);
            for fault in diagnosis.faults() {
                if is_missing(fault.reason()) {
                    self.part.elsewhere.entry(fault.reason()).or_default().lines += 1;
                }
            }
            for hint in diagnosis.hints() {
                if let (Some(reason), Some(path)) = (hint.reason, &hint.path) {
                    let paths = &mut self.part.elsewhere.entry(reason).or_default().paths;
                    *paths.entry(path.to_string()).or_default() += 1;
                }
            }
        }
    }

    /// Counts the events of a tile.
    fn events(&mut self) {
        let mut keys = Vec::with_capacity(self.events.len());
        for event in &self.events {
            self.part.dates.entry(event.date()).or_default().events += 1;
            if !self.dates.contains(event.date()) {
                self.part.books.filtered += 1;
                continue;
            }
            self.part.books.valid += 1;
            self.part.purchases += u64::from(event.purchase().is_some());
            keys.push((event.date(), event.user_id()));
        }
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            *self.part.met.entry(key).or_default() += 1;
        }
    }
}
