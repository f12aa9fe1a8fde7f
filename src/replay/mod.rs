//! The way back of rejects: lines of a rejects file that were repaired are counted into a result that is
//! there, each exactly once, and the result is to the byte what it would have been had they been right from
//! the start.
//!
//! [`Replay::open`] takes the result for itself and reads its record, [`Replay::read`] judges the lines of
//! rejects files, and [`Replay::finish`] makes the next result and the next record beside the old ones.
//! [`Replayed::publish`] puts them in place. What an event is identified by is where it stood first: its
//! input, its line and its offset. That an input was called by two names is noticed by the texts.
//!
//! | file | owns |
//! |---|---|
//! | `repair` | a line of a rejects file as it comes back |
//! | `record` | what was replayed, and how far the result has got |
//! | `place` | the result: one file, or the files of days |
//! | `merge` | rows and groups become rows |
//! | `lock` | that one process at a time does this |

mod lock;
mod merge;
mod place;
mod record;
mod repair;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use blake3::{Hash, Hasher};
use sha2::{Digest as _, Sha256};

use crate::aggregate::{GrandTotal, Group, GroupKey, Totals};
use crate::books::Books;
use crate::error::{Error, Result};
use crate::event::{
    DEFAULT_MAX_LINE_BYTES, Date, DateRange, Decoder, Event, Fault, Lanes, Schema, UserId, Verdict,
};
use crate::input::{FoundLine, Input, Locator, Which};
use crate::output::{
    CsvFile, DayDrafts, Draft, Finished, FinishedDays, Format, Publication, Published, Reject,
    Target,
};
use crate::pipeline::Stop;
use crate::text;

use lock::Lock;
use merge::{Merged, merge};
use place::{PartName, Place, Seal};
use record::{Changed, Entry, Identity, Judged, Record, Standing, Step, Text};
use repair::Repair;

/// What the name of a record ends with.
const RECORD: &str = ".replayed";

/// What the name of the file ends with that is locked meanwhile.
const LOCK: &str = ".lock";

/// How many events are kept in mind that were replayed before with another text.
const MOST_DIFFERENT: usize = 10;

/// How events are judged. For the bytes of a run, as that run did.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the events look like.
    pub schema: Schema,
    /// A line of more bytes is invalid.
    pub max_line_bytes: usize,
    /// Events of other days are valid, but filtered.
    pub dates: DateRange,
    /// Whether a result that the record does not know is taken for one that was made anew. Otherwise that is
    /// an error.
    pub is_fresh: bool,
    /// Whether an event counts although one of the same text was replayed that stood at the same line and
    /// offset of an input of another name. Otherwise that is an error: it may be the same input.
    pub allows_same_text: bool,
    /// Asks it to stop.
    pub stop: Stop,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            schema: Schema::default(),
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            dates: DateRange::default(),
            is_fresh: false,
            allows_same_text: false,
            stop: Stop::default(),
        }
    }
}

/// What became of the lines of rejects files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are not blank.
    pub records: u64,
    /// What became of the events: `valid` are those that are replayed now. An event whose text was made
    /// blank is none any more, and is counted as that.
    pub books: Books,
    /// Events that were replayed before.
    pub already: u64,
    /// Of these, those whose text is a valid event that is written otherwise than it was then.
    pub different: u64,
    /// Lines that are there twice, word for word.
    pub repeated: u64,
    /// Lines that were cut, and are not whole yet.
    pub truncated: u64,
    /// Those of the events that are purchases.
    pub purchases: u64,
    /// The sum of their amounts.
    pub revenue: GrandTotal,
}

impl Counts {
    /// Lines that are still invalid, those that were cut among them.
    #[must_use]
    pub fn still_invalid(&self) -> u64 {
        self.books.invalid() + self.truncated
    }
}

/// An event that was replayed before, and is there again with another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Different {
    /// The line of the rejects file.
    pub place: String,
    /// The input that the event stood in, as it was named.
    pub input: String,
    /// The number of its line there, from 1.
    pub line: u64,
}

/// What the record said and the result has not: rounds that did not reach it, or a result that was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The day, of a result that is a folder of days.
    pub date: Option<Date>,
    /// How many events were replayed into it that are not in it.
    pub events: u64,
    /// Whether the result is one that the record knows: as it was before these events.
    pub is_known: bool,
}

/// Repaired events on their way into a result.
///
/// ```
/// use daytally::Input;
/// use daytally::replay::{Replay, Settings};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("daily_user_stats.csv");
/// std::fs::write(&path, "date,user_id,event_count,purchase_count,total_revenue\n2024-01-01,7,1,0,0.00\n").unwrap();
/// let reject = r#"{"input":"events.jsonl","line":4,"offset":312,"raw":"{\"user_id\":7,\"event_type\":\"click\",\"timestamp\":\"2024-01-01T10Z\"}"}"#;
/// for expected in [1, 0] {
///     let mut replay = Replay::open(&path, Settings::default())?;
///     replay.read(Input::reader("rejects.jsonl", reject.as_bytes()), &mut |_| Ok(()))?;
///     assert_eq!(replay.counts().books.valid, expected);
///     replay.finish()?.publish(Vec::new())?;
///     assert!(std::fs::read_to_string(&path).unwrap().ends_with("2024-01-01,7,2,0,0.00\n"));
/// }
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct Replay {
    places: Places,
    settings: Settings,
    /// Not there for who only looks.
    lock: Option<Lock>,
    record: Record,
    /// By what the rounds of the record were judged otherwise, as long as that has not been looked into.
    changed: Option<Changed>,
    /// Whether a rejects file was not read to its end.
    is_broken: bool,
    decoder: Decoder,
    /// Parts that were looked at.
    seals: BTreeMap<PartName, Option<Seal>>,
    seen: HashMap<Identity, Seen>,
    /// The rejects files.
    files: Vec<String>,
    /// New events, in the order in which they were read.
    entries: Vec<Entry>,
    /// By text, the first new event that has it.
    texts: HashMap<Text, Identity>,
    groups: BTreeMap<GroupKey, Totals>,
    counts: Counts,
    different: Vec<Different>,
    undone: Vec<Undone>,
    message: String,
    json: Vec<u8>,
}

/// Where an event was read.
#[derive(Clone, Copy, Debug)]
struct Seen {
    hash: Hash,
    /// The place of the file among those that were read.
    file: usize,
    line: u64,
}

/// The record of a result: beside it, with `.replayed` after its name.
///
/// ```
/// use daytally::replay::record_of;
/// let record = record_of("stats/daily_user_stats.csv".as_ref());
/// assert_eq!(record, std::path::Path::new("stats/daily_user_stats.csv.replayed"));
/// ```
#[must_use]
pub fn record_of(result: &Path) -> PathBuf {
    with_suffix(result, RECORD)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    // Without a slash at the end, and links followed: a result has one record, whatever it is called.
    let path: PathBuf = match path.canonicalize() {
        Ok(real) => real,
        Err(_) => path.components().collect(),
    };
    let mut name = path.into_os_string();
    name.push(suffix);
    name.into()
}

/// The places of a replay, to be told before anything is opened there.
///
/// ```
/// use daytally::replay::Places;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().canonicalize().unwrap().join("daily_user_stats.csv");
/// # std::fs::write(&path, "date,user_id,event_count,purchase_count,total_revenue\n").unwrap();
/// let places = Places::of(&path)?;
/// assert_eq!(places.result(), path);
/// assert!(places.lock().ends_with("daily_user_stats.csv.replayed.lock"));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    place: Place,
    record: PathBuf,
    lock: PathBuf,
}

impl Places {
    /// Those of a result.
    ///
    /// # Errors
    ///
    /// Where there is no result, or none that events can be replayed into ([`Error::NotReplayable`]).
    pub fn of(result: &Path) -> Result<Places> {
        let place = Place::at(result)?;
        Ok(Places {
            record: record_of(place.path()),
            lock: lock_of(&place),
            place,
        })
    }

    /// The result, links followed.
    #[must_use]
    pub fn result(&self) -> &Path {
        self.place.path()
    }

    /// Whether it is a folder of days.
    #[must_use]
    pub fn is_days(&self) -> bool {
        self.place.is_days
    }

    /// What its files are written as.
    #[must_use]
    pub fn format(&self) -> Format {
        self.place.format()
    }

    /// Its record.
    #[must_use]
    pub fn record(&self) -> &Path {
        &self.record
    }

    /// The file that is locked meanwhile, and removed at the end.
    #[must_use]
    pub fn lock(&self) -> &Path {
        &self.lock
    }
}

fn lock_of(place: &Place) -> PathBuf {
    with_suffix(place.path(), &format!("{RECORD}{LOCK}"))
}

impl Replay {
    /// Takes a result, a file or a folder of days, for itself until this is dropped, and reads its record.
    ///
    /// # Errors
    ///
    /// Where there is no result, or none that events can be replayed into ([`Error::NotReplayable`]); where
    /// somebody else is at it ([`Error::ReplayInUse`]); where something else is in the place of its lock
    /// ([`Error::NotALock`]); and where the record cannot be read, is damaged, or
    /// is of another version.
    pub fn open(result: &Path, settings: Settings) -> Result<Replay> {
        let places = Places::of(result)?;
        let lock = Lock::take(places.lock(), places.result())?;
        Replay::new(places, settings, Some(lock))
    }

    /// The same to look at only: nothing can be published, and nothing is locked or written.
    ///
    /// # Errors
    ///
    /// As [`open`](Replay::open).
    pub fn look(result: &Path, settings: Settings) -> Result<Replay> {
        Replay::new(Places::of(result)?, settings, None)
    }

    fn new(places: Places, settings: Settings, lock: Option<Lock>) -> Result<Replay> {
        let path = places.record().to_path_buf();
        let mut record = match Record::read(path.clone(), places.is_days())? {
            Some(record) => record,
            // It is of a file where there is a folder now, or the other way round.
            None if settings.is_fresh => Record::new(path, places.is_days()),
            None => {
                return Err(Error::ReplayedChanged {
                    result: places.result().to_path_buf(),
                    record: path,
                });
            }
        };
        let judged = Judged {
            schema: settings.schema.clone(),
            days: [settings.dates.from(), settings.dates.to()],
        };
        let changed = record.difference(&judged);
        record.judge(judged);
        Ok(Replay {
            changed,
            is_broken: false,
            decoder: Decoder::with_schema(
                settings.max_line_bytes,
                Lanes::General,
                &settings.schema,
            ),
            places,
            settings,
            lock,
            record,
            seals: BTreeMap::new(),
            seen: HashMap::new(),
            files: Vec::new(),
            entries: Vec::new(),
            texts: HashMap::new(),
            groups: BTreeMap::new(),
            counts: Counts::default(),
            different: Vec::new(),
            undone: Vec::new(),
            message: String::new(),
            json: Vec::new(),
        })
    }

    /// The result, and what belongs to it.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// What became of the lines so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The first ten events that were replayed before with another text, which goes on to count.
    #[must_use]
    pub fn different(&self) -> &[Different] {
        &self.different
    }

    /// What the record said and the result has not.
    #[must_use]
    pub fn undone(&self) -> &[Undone] {
        &self.undone
    }

    /// Reads a rejects file, and judges its events. Those that are still invalid are given to `sink`, as
    /// lines of a rejects file with the place at which they stood first.
    ///
    /// # Errors
    ///
    /// [`Error::NotAReject`] where a line is none, or says something else of an event than another;
    /// [`Error::ReplayedChanged`] where the record does not know the result; [`Error::ReplaySettings`] where
    /// events are in it that were judged otherwise; where something cannot be read; and what `sink` says.
    /// After an error nothing can be finished any more ([`Error::ReplayBroken`]).
    pub fn read(
        &mut self,
        rejects: Input,
        sink: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.expect_whole()?;
        self.is_broken = true;
        self.expect_same_settings()?;
        self.files.push(match rejects.path() {
            Some(path) => text::path(path).to_string(),
            None if rejects.name() == "-" => "standard input".into(),
            None => text::name(rejects.name()).to_string(),
        });
        let locator = Locator::default();
        let locator = Locator {
            // A byte of the event can take six in a JSON string.
            line_bytes: self
                .settings
                .max_line_bytes
                .saturating_mul(6)
                .max(locator.line_bytes),
            ..locator
        };
        locator.find(rejects, Which::All, |line| self.line(&line, sink))?;
        self.is_broken = false;
        Ok(())
    }

    fn expect_whole(&self) -> Result<()> {
        if self.is_broken {
            return Err(Error::ReplayBroken {
                result: self.places.result().to_path_buf(),
            });
        }
        Ok(())
    }

    /// That nothing is in the result that was judged otherwise.
    fn expect_same_settings(&mut self) -> Result<()> {
        let Some((setting, was, is)) = self.changed.take() else {
            return Ok(());
        };
        for part in self.record.parts() {
            self.look_at(part)?;
        }
        if self.record.holds() {
            return Err(Error::ReplaySettings {
                result: self.places.result().to_path_buf(),
                setting,
                was,
                is,
            });
        }
        Ok(())
    }

    fn line(
        &mut self,
        line: &FoundLine<'_>,
        sink: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.keep_going()?;
        if line.bytes.trim_ascii().is_empty() && line.cut.is_none() {
            return Ok(());
        }
        let number = line.number.unwrap_or(0);
        let file = self.files.len() - 1;
        if line.cut.is_some() {
            return Err(Error::NotAReject {
                place: self.place_of(file, number),
                what: "is longer than any line of a rejects file".into(),
            });
        }
        let repair = Repair::parse(&line.bytes).map_err(|what| Error::NotAReject {
            place: self.place_of(file, number),
            what,
        })?;
        self.counts.records += 1;
        let identity = self
            .record
            .identity(&repair.input, repair.line, repair.offset);
        let hash = hash_of(&repair);
        let seen = Seen {
            hash,
            file,
            line: number,
        };
        if let Some(first) = self.seen.insert(identity, seen) {
            if first.hash == hash {
                self.counts.repeated += 1;
                return Ok(());
            }
            return Err(Error::NotAReject {
                place: self.place_of(file, number),
                what: format!(
                    "is of the same event as {}, line {} of {}, and says something else; take out the one that does not count{}",
                    self.place_of(first.file, first.line),
                    repair.line,
                    text::name(&repair.input),
                    if repair.input.contains(char::REPLACEMENT_CHARACTER) {
                        ", or give one another name as its input, if they are of two inputs: a name that is not UTF-8 is not whole there"
                    } else {
                        ""
                    },
                ),
            });
        }
        if self.was_replayed(identity, hash, &repair, number)? {
            return Ok(());
        }
        if repair.is_truncated {
            self.counts.truncated += 1;
            let mut bytes = line.bytes.trim_ascii().to_vec();
            bytes.push(b'\n');
            return sink(&bytes);
        }
        match self.decoder.decode(&repair.raw) {
            Verdict::Blank => self.counts.books.blank += 1,
            Verdict::Valid(event) => self.take(identity, hash, &event, number)?,
            Verdict::Invalid(fault) => self.give_back(&repair, fault, sink)?,
        }
        Ok(())
    }

    /// Whether an event was replayed before, and is in the result.
    fn was_replayed(
        &mut self,
        identity: Identity,
        hash: Hash,
        repair: &Repair,
        number: u64,
    ) -> Result<bool> {
        let Some(date) = self.record.find(identity).map(|entry| entry.date) else {
            return Ok(false);
        };
        // Whether it is in the result is not known before that was looked at.
        self.look_at(self.places.place.part_of(date))?;
        let Some(entry) = self.record.find(identity) else {
            return Ok(false);
        };
        let is_different = entry.hash != hash;
        self.counts.already += 1;
        // What was not repaired is the reject as it was, and no second repair.
        if is_different
            && !repair.is_truncated
            && matches!(self.decoder.decode(&repair.raw), Verdict::Valid(_))
        {
            self.counts.different += 1;
            if self.different.len() < MOST_DIFFERENT {
                self.different.push(Different {
                    place: self.place_of(self.files.len() - 1, number),
                    input: repair.input.clone(),
                    line: repair.line,
                });
            }
        }
        Ok(true)
    }

    /// Counts an event that is valid now.
    fn take(&mut self, identity: Identity, hash: Hash, event: &Event, number: u64) -> Result<()> {
        if !self.settings.dates.contains(event.date()) {
            self.counts.books.filtered += 1;
            return Ok(());
        }
        self.look_at(self.places.place.part_of(event.date()))?;
        self.expect_other_text(identity, hash, number)?;
        self.counts.books.valid += 1;
        let mut totals = Totals::default();
        totals.add(event);
        self.counts.purchases += totals.purchase_count;
        self.counts.revenue.add(totals.revenue);
        let key = GroupKey::new(event.date(), event.user_id());
        self.groups.entry(key).or_default().merge(&totals);
        self.entries.push(Entry {
            identity,
            date: event.date(),
            hash,
        });
        Ok(())
    }

    /// That an event is not one that is counted already, of the same input by another name.
    fn expect_other_text(&mut self, identity: Identity, hash: Hash, number: u64) -> Result<()> {
        let text = identity.with_text(hash);
        let new = self.texts.get(&text).copied();
        let same = if let Some(first) = new {
            Some((first, "is to be replayed"))
        } else {
            let first = self.record.same_text(identity, hash);
            first.map(|first| (first, "was replayed before"))
        };
        if let Some((first, was)) = same
            && !self.settings.allows_same_text
        {
            let place = self.place_of(self.files.len() - 1, number);
            let [this, other] =
                [identity, first].map(|event| text::name(self.record.name(event)).to_string());
            return Err(Error::NotAReject {
                place,
                what: format!(
                    "is of an event of {this} with the text, line and offset of one of {other} that {was}, and would count a second time if both are the same input; then give it the other's name (jq -c '.input = \"NAME\"'); if they are two inputs, give --allow-same-text"
                ),
            });
        }
        self.texts.entry(text).or_insert(identity);
        Ok(())
    }

    /// Gives an event back that is still invalid.
    fn give_back(
        &mut self,
        repair: &Repair,
        fault: Fault,
        sink: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.counts.books.count_invalid(fault.reason());
        self.message.clear();
        fault.push_message_in(&repair.raw, &self.settings.schema, &mut self.message);
        self.json.clear();
        Reject {
            input: &repair.input,
            input_index: 0,
            line: repair.line,
            offset: repair.offset,
            fault,
            raw: &repair.raw,
            cut: None,
        }
        .write_json(&self.message, &mut self.json);
        sink(&self.json)
    }

    /// Looks at a part of the result, once, and finds out what of the record is in it.
    fn look_at(&mut self, part: PartName) -> Result<()> {
        if self.seals.contains_key(&part) {
            return Ok(());
        }
        let seal = self.places.place.seal(part)?;
        let sha256 = seal.as_ref().map(|seal| seal.sha256.as_str());
        let (from, is_known) = match self.record.standing(part, sha256) {
            Standing::UpToDate => (None, true),
            Standing::Before(round) => (Some(round), true),
            Standing::Unknown if self.settings.is_fresh => (Some(0), false),
            Standing::Unknown => {
                return Err(Error::ReplayedChanged {
                    result: self.places.place.file(part),
                    record: self.record.path().to_path_buf(),
                });
            }
        };
        if let Some(from) = from {
            self.undone.push(Undone {
                date: part,
                events: self.record.forget(part, from),
                is_known,
            });
        }
        self.seals.insert(part, seal);
        Ok(())
    }

    fn keep_going(&self) -> Result<()> {
        match self.settings.stop.signal() {
            Some(signal) => Err(Error::Stopped { signal }),
            None => Ok(()),
        }
    }

    fn place_of(&self, file: usize, line: u64) -> String {
        let name = self.files.get(file).map_or("", String::as_str);
        format!("line {line} of {name}")
    }

    /// Makes the next result and the next record, without anybody seeing them. Where nothing is new, there is
    /// nothing to make; and who only looks gets to know what would be made.
    ///
    /// # Errors
    ///
    /// Where the result cannot be read or is none ([`Error::NotAResult`]), a row comes to more than it may
    /// ([`Error::TotalTooLarge`], [`Error::CountTooLarge`]), or a draft cannot be written; and where
    /// [`read`](Replay::read) has failed ([`Error::ReplayBroken`]).
    pub fn finish(self) -> Result<Replayed> {
        self.expect_whole()?;
        let mut made = Replayed {
            round: None,
            files: Vec::new(),
            result: None,
            record: None,
            replay: self,
        };
        let replay = &made.replay;
        if replay.entries.is_empty() {
            // There are no drafts that would see to it that those of a killed replay go.
            if replay.lock.is_some() {
                replay.places.place.sweep();
            }
            return Ok(made);
        }
        let mut drafts = replay.drafts()?;
        let mut steps = BTreeMap::new();
        let parts: BTreeSet<PartName> = replay
            .groups
            .keys()
            .map(|key| replay.places.place.part_of(key.date()))
            .collect();
        for part in parts {
            let file = replay.make(part, &mut drafts)?;
            let events = replay.groups_of(part).map(|group| group.totals.event_count);
            let step = Step {
                events: events.sum(),
                before: file.before.clone(),
                after: file.after.clone(),
            };
            steps.insert(part, step);
            made.files.push(file);
        }
        made.round = Some(replay.record.next_round());
        if replay.lock.is_some() {
            let mut record = Draft::create(&Target::Path(replay.places.record().to_path_buf()))?;
            let mut write = |bytes: &[u8]| record.write(bytes);
            replay.record.write(&replay.entries, &steps, &mut write)?;
            made.record = Some(record.finish()?);
        }
        made.result = match drafts {
            Drafts::None => None,
            Drafts::File(draft) => Some(FinishedResult::File(draft.finish()?)),
            Drafts::Days(days) => {
                let keep_going = || match replay.settings.stop.signal() {
                    Some(signal) => Err(Error::Stopped { signal }),
                    None => Ok(()),
                };
                Some(FinishedResult::Days(Box::new(days.finish(keep_going)?)))
            }
        };
        Ok(made)
    }

    fn drafts(&self) -> Result<Drafts> {
        if self.lock.is_none() {
            return Ok(Drafts::None);
        }
        let path = self.places.result();
        if self.places.is_days() {
            let days = DayDrafts::create(path, self.places.format())?;
            return Ok(Drafts::Days(Box::new(days)));
        }
        let draft = Draft::create(&Target::Path(path.to_path_buf()))?;
        Ok(Drafts::File(Box::new(draft)))
    }

    /// The new groups of a part, in order.
    fn groups_of(&self, part: PartName) -> impl Iterator<Item = Group> {
        // The least user id of all.
        let first = part.map(|date| GroupKey::new(date, UserId::from(i64::MIN)));
        let from = first.map_or(Bound::Unbounded, Bound::Included);
        let of_part = self
            .groups
            .range((from, Bound::Unbounded))
            .take_while(move |(key, _)| part.is_none_or(|date| key.date() == date));
        of_part.map(|(key, totals)| Group {
            key: *key,
            totals: *totals,
        })
    }

    /// Makes a part.
    fn make(&self, part: PartName, drafts: &mut Drafts) -> Result<FileChange> {
        let seal = self.seals.get(&part).and_then(Option::as_ref);
        let rows = seal.map(|_| self.places.place.rows(part)).transpose()?;
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        let mut write = |some: &[u8]| {
            digest.update(some);
            bytes += some.len() as u64;
            drafts.write(part, some)
        };
        let mut file = CsvFile::start(self.places.format())?;
        let mut rows_written = 0_u64;
        let Merged {
            rows,
            added,
            changed,
        } = merge(rows, self.groups_of(part), |row| {
            rows_written += 1;
            // Now and then is soon enough.
            if rows_written.is_multiple_of(4096) {
                self.keep_going()?;
            }
            file.push(row, &mut write)
        })?;
        file.finish(&mut write)?;
        self.places.place.check(part, seal)?;
        Ok(FileChange {
            date: part,
            rows,
            added,
            changed,
            bytes,
            before: seal.map(|seal| seal.sha256.clone()),
            after: text::hexadecimal(&digest.finalize()),
        })
    }
}

/// What an event's text comes to. A part of a text is not the text.
fn hash_of(repair: &Repair) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&repair.raw);
    if repair.is_truncated {
        hasher.update(b"\ntruncated");
    }
    hasher.finalize()
}

/// Where the next result is written.
enum Drafts {
    /// Nobody will see it.
    None,
    File(Box<Draft>),
    Days(Box<DayDrafts>),
}

impl Drafts {
    fn write(&mut self, part: PartName, bytes: &[u8]) -> Result<()> {
        match (self, part) {
            (Drafts::File(draft), _) => draft.write(bytes),
            (Drafts::Days(days), Some(date)) => days.write(date, bytes),
            (Drafts::None | Drafts::Days(_), _) => Ok(()),
        }
    }
}

/// A result that is complete, and not in place.
#[derive(Debug)]
enum FinishedResult {
    File(Finished),
    Days(Box<FinishedDays>),
}

/// What becomes of a file of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The day, of a result that is a folder of days.
    pub date: Option<Date>,
    /// Rows, the header not counted.
    pub rows: u64,
    /// Rows that there were none of.
    pub added: u64,
    /// Rows that have more in them than before.
    pub changed: u64,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes as they were, in lower-case hexadecimal; `None` where it was not there.
    pub before: Option<String>,
    /// The SHA-256 of its bytes as they are to be.
    pub after: String,
}

/// The next result and the next record, complete, but not to be seen. Dropping it discards them.
#[derive(Debug)]
pub struct Replayed {
    round: Option<u64>,
    files: Vec<FileChange>,
    result: Option<FinishedResult>,
    record: Option<Finished>,
    replay: Replay,
}

impl Replayed {
    /// What led to it.
    #[must_use]
    pub fn replay(&self) -> &Replay {
        &self.replay
    }

    /// The number of the round that the record has more; `None` where nothing is new.
    #[must_use]
    pub fn round(&self) -> Option<u64> {
        self.round
    }

    /// What becomes of the files of the result that are not what they were, in order.
    #[must_use]
    pub fn files(&self) -> &[FileChange] {
        &self.files
    }

    /// Puts all in place with other outputs, or nothing: the record first, on the disk before anything else,
    /// and the result last. A process that is killed in between leaves a record of which the last round is
    /// not in the result, or not in some of its days, and the next replay finds that out.
    ///
    /// # Errors
    ///
    /// As [`Publication::publish`], and [`Error::InputChanged`] where somebody has changed the result in the
    /// meantime: nothing is put in place then.
    pub fn publish(self, others: Vec<Finished>) -> Result<Published> {
        let Replayed {
            result,
            record,
            replay,
            ..
        } = self;
        let mut publication = Publication::default();
        if let Some(record) = record {
            publication.add(record);
            publication.before_others();
        }
        for other in others {
            publication.add(other);
        }
        match result {
            None => {}
            Some(FinishedResult::File(file)) => publication.add(file),
            Some(FinishedResult::Days(days)) => publication.add_days(*days),
        }
        for (part, seal) in &replay.seals {
            replay.places.place.check(*part, seal.as_ref())?;
        }
        // The lock goes when all is in place.
        publication.publish()
    }
}

#[cfg(test)]
mod tests;
