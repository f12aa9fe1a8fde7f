//! The record beside a result: which events were replayed into it, and what it was before and after.
//!
//! JSON Lines, to which each replay adds a round: a line for each event, and then one that closes the round.
//!
//! ```text
//! {"format":"daytally replayed","version":1,"result":"file","written_by":"daytally 0.1.0"}
//! {"input":"events.jsonl","line":4,"offset":251,"date":"2024-01-01","blake3":"1e6c…"}
//! {"round":1,"results":[{"events":1,"before":"2e0c…","after":"97d1…"}],"check":"b2f0…"}
//! ```
//!
//! `blake3` is of the event's text as it was replayed, `before` and `after` are SHA-256 of the result, which
//! has an entry with its `date` for each file where it is a folder of days (`before` is null where there was
//! no file). `check` is BLAKE3 of all bytes before its line.
//!
//! A round is written down before the result is put in place. So what the record says is not what is in the
//! result; that is found out by looking at the result: if it is what it was before a round, that round and
//! those after it are not in it. That is so when a run was killed in between, and when somebody has made the
//! result anew from the same input; both are the same, and right. A result that is none of what the record
//! knows was changed by somebody, and there is no telling what is in it.
//!
//! The first line also says how the events were judged, where that is not as usual: their `schema`, and of a
//! result in one file the days that were counted, `from` and `to`. Days in a folder may each be of a run of
//! their own, with days of its own.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blake3::{Hash, Hasher};
use serde::{Deserialize, Serialize};

use super::place::PartName;
use crate::error::{Action, Error, Result};
use crate::event::{Date, Schema, Zone};
use crate::state::{StoredSchema, difference};
use crate::text;

/// What the first line says that the file is.
const FORMAT: &str = "daytally replayed";

/// The version of the format.
const VERSION: u32 = 1;

/// How many bytes are collected before they are passed on.
const BUFFER: usize = 64 * 1024;

/// Which event: where it stood first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// The place of the input's name among those of the record.
    input: usize,
    line: u64,
    offset: u64,
}

/// An event as it is known whatever its input is called.
pub(super) type Text = (u64, u64, Hash);

impl Identity {
    /// With what its text comes to.
    pub(super) fn with_text(self, hash: Hash) -> Text {
        (self.line, self.offset, hash)
    }
}

/// How events are judged that are replayed.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    pub(super) schema: Schema,
    /// The first day that counts, and the last.
    pub(super) days: [Option<Date>; 2],
}

/// An option, what it was when the record was written, and what it is.
pub(super) type Changed = (&'static str, String, String);

/// An event that was replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) identity: Identity,
    /// The day that it counts for.
    pub(super) date: Date,
    /// Of its text.
    pub(super) hash: Hash,
}

/// What a round has done to a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) events: u64,
    /// `None` where the part was not there.
    pub(super) before: Option<String>,
    pub(super) after: String,
}

/// What one replay has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    number: u64,
    pub(super) entries: Vec<Entry>,
    pub(super) steps: BTreeMap<PartName, Step>,
}

/// Where a part stands in its story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// All that was replayed into it is in it.
    UpToDate,
    /// So is what came before a round, by its place; what came from then on is not.
    Before(usize),
    /// It is something else.
    Unknown,
}

/// The record.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    is_days: bool,
    written_by: String,
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, usize>,
    judged: Judged,
    /// That the time zone database was another, whose version it was.
    database: Option<String>,
    rounds: Vec<Round>,
    /// By text, the first event that has it.
    texts: HashMap<Text, Identity>,
    /// By identity, the round and the place in it.
    index: HashMap<Identity, (usize, usize)>,
    /// From which round on what the record says of a part holds no more.
    gone: HashMap<PartName, usize>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Head {
    format: String,
    version: u32,
    result: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<StoredSchema>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    written_by: String,
}

#[derive(Debug, Deserialize)]
struct AnyHead {
    format: String,
    version: u32,
}

#[derive(Debug, Deserialize)]
struct EntryLine {
    input: String,
    line: u64,
    offset: u64,
    date: String,
    blake3: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct RoundLine {
    round: u64,
    results: Vec<StepLine>,
    check: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct StepLine {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    events: u64,
    before: Option<String>,
    after: String,
}

/// The one spelling of a name that is the same file for certain: `./a//b` is `a/b`. What `..` leads to
/// depends on links, and is left alone.
fn normal(name: &str) -> Cow<'_, str> {
    let is_left_out = |part: &str| part.is_empty() || part == ".";
    let path = name.strip_prefix('/').unwrap_or(name);
    if !path.split('/').any(is_left_out) {
        return name.into();
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !is_left_out(part)).collect();
    if parts.is_empty() {
        return name.into();
    }
    let root = if path.len() < name.len() { "/" } else { "" };
    format!("{root}{}", parts.join("/")).into()
}

/// What `result` says.
fn kind(is_days: bool) -> &'static str {
    if is_days { "days" } else { "file" }
}

impl Record {
    /// A record of nothing, to be written at a path.
    pub(super) fn new(path: PathBuf, is_days: bool) -> Record {
        Record {
            path,
            is_days,
            written_by: format!("daytally {}", env!("CARGO_PKG_VERSION")),
            names: Vec::new(),
            ids: HashMap::new(),
            judged: Judged::default(),
            database: None,
            rounds: Vec::new(),
            texts: HashMap::new(),
            index: HashMap::new(),
            gone: HashMap::new(),
        }
    }

    /// Reads the record at a path; where there is none, it is of nothing. `None` where it is of another kind
    /// of result.
    ///
    /// # Errors
    ///
    /// [`Error::RecordDamaged`] and [`Error::RecordVersion`], and where it cannot be read.
    pub(super) fn read(path: PathBuf, is_days: bool) -> Result<Option<Record>> {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Some(Record::new(path, is_days)));
            }
            Err(source) => return Err(Error::io(Action::Open, &path, source)),
        };
        let mut reading = Reading {
            record: Record::new(path, is_days),
            hasher: Hasher::new(),
            round: Round::default(),
            after: HashMap::new(),
            number: 0,
        };
        let mut file = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let len = file
                .read_until(b'\n', &mut line)
                .map_err(|source| Error::io(Action::Read, &reading.record.path, source))?;
            if len == 0 {
                break;
            }
            reading.number += 1;
            if reading.number == 1 {
                if !reading.head(&line)? {
                    return Ok(None);
                }
            } else {
                reading.line(&line).map_err(|what| reading.damaged(&what))?;
            }
            reading.hasher.update(&line);
        }
        if reading.number == 0 {
            return Err(reading.damaged("it is empty"));
        }
        if !reading.round.entries.is_empty() {
            return Err(reading.damaged("its last round is not closed, so it is cut off"));
        }
        Ok(Some(reading.record))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The first option that is another than it was in the rounds of the record.
    pub(super) fn difference(&self, now: &Judged) -> Option<Changed> {
        if self.rounds.is_empty() {
            return None;
        }
        if let Some(was) = &self.database {
            let is = Zone::database().unwrap_or("none");
            return Some(("the time zone database", was.clone(), is.into()));
        }
        if let Some(changed) = difference(&self.judged.schema, &now.schema) {
            return Some(changed);
        }
        if self.is_days {
            return None;
        }
        let [from, to] = [0, 1].map(|at| [&self.judged, now].map(|judged| judged.days[at]));
        let changed = [("--from", from), ("--to", to)];
        let (option, days) = changed.into_iter().find(|(_, [was, is])| was != is)?;
        let [was, is] = days.map(|day| day.map_or("none".into(), |day: Date| day.to_string()));
        Some((option, was, is))
    }

    /// Sets how events are judged from now on. Nothing may hold that was judged otherwise.
    pub(super) fn judge(&mut self, now: Judged) {
        self.judged = now;
    }

    /// The parts that the record tells of.
    pub(super) fn parts(&self) -> BTreeSet<PartName> {
        let parts = self.rounds.iter().flat_map(|round| round.steps.keys());
        parts.copied().collect()
    }

    /// Whether anything of what it tells holds.
    pub(super) fn holds(&self) -> bool {
        self.next_round() > 1
    }

    /// What an event's input is called.
    pub(super) fn name(&self, identity: Identity) -> &str {
        self.names.get(identity.input).map_or("", |name| name)
    }

    /// An event of the same text, line and offset of an input of another name that was replayed, if that still
    /// holds.
    pub(super) fn same_text(&self, identity: Identity, hash: Hash) -> Option<Identity> {
        let first = *self.texts.get(&identity.with_text(hash))?;
        (first != identity && self.find(first).is_some()).then_some(first)
    }

    /// Which event it is that stands at a place.
    pub(super) fn identity(&mut self, input: &str, line: u64, offset: u64) -> Identity {
        let input = &*normal(input);
        let input = if let Some(id) = self.ids.get(input) {
            *id
        } else {
            let id = self.names.len();
            let name: Arc<str> = input.into();
            self.names.push(Arc::clone(&name));
            self.ids.insert(name, id);
            id
        };
        Identity {
            input,
            line,
            offset,
        }
    }

    /// The event, if it was replayed and that still holds.
    pub(super) fn find(&self, identity: Identity) -> Option<&Entry> {
        let (round, at) = *self.index.get(&identity)?;
        let entry = self.rounds.get(round)?.entries.get(at)?;
        (!self.is_gone(round, self.part_of(entry.date))).then_some(entry)
    }

    fn part_of(&self, date: Date) -> PartName {
        self.is_days.then_some(date)
    }

    fn is_gone(&self, round: usize, part: PartName) -> bool {
        self.gone.get(&part).is_some_and(|from| *from <= round)
    }

    /// Where a part stands that has these bytes, by their SHA-256; `None` if it is not there.
    pub(super) fn standing(&self, part: PartName, sha256: Option<&str>) -> Standing {
        let mut standing = None;
        for (at, round) in self.rounds.iter().enumerate() {
            let Some(step) = round.steps.get(&part) else {
                continue;
            };
            if self.is_gone(at, part) {
                break;
            }
            // With each round there are more events in it, so it never comes to the same bytes again.
            if step.before.as_deref() == sha256 {
                return Standing::Before(at);
            }
            standing = Some(if Some(step.after.as_str()) == sha256 {
                Standing::UpToDate
            } else {
                Standing::Unknown
            });
        }
        standing.unwrap_or(Standing::UpToDate)
    }

    /// Takes back what is said of a part from a round on; returns how many events that are.
    pub(super) fn forget(&mut self, part: PartName, from: usize) -> u64 {
        let steps = self.rounds.iter().enumerate().skip(from);
        let forgotten = steps
            .filter(|(at, _)| !self.is_gone(*at, part))
            .filter_map(|(_, round)| Some(round.steps.get(&part)?.events))
            .sum();
        let gone = self.gone.entry(part).or_insert(from);
        *gone = from.min(*gone);
        forgotten
    }

    /// The number of the next round: after those of which something holds.
    pub(super) fn next_round(&self) -> u64 {
        let last = self
            .rounds
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, round)| {
                let holds = round.steps.keys().any(|part| !self.is_gone(at, *part));
                holds.then_some(round.number)
            });
        last.unwrap_or(0) + 1
    }

    /// The first or the last day that counts, as it is written.
    fn day(&self, at: usize) -> Option<String> {
        let day = self.judged.days.get(at).copied().flatten();
        day.filter(|_| !self.is_days).map(|day| day.to_string())
    }

    /// Writes what holds, and a new round after it.
    ///
    /// # Errors
    ///
    /// What `write` says.
    pub(super) fn write(
        &self,
        new: &[Entry],
        steps: &BTreeMap<PartName, Step>,
        write: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut out = Writing {
            record: self,
            hasher: Hasher::new(),
            buffer: Vec::new(),
            write,
        };
        out.json(&Head {
            format: FORMAT.into(),
            version: VERSION,
            result: kind(self.is_days).into(),
            schema: StoredSchema::of(&self.judged.schema),
            from: self.day(0),
            to: self.day(1),
            written_by: self.written_by.clone(),
        });
        for (at, round) in self.rounds.iter().enumerate() {
            let holds = |part: &PartName| !self.is_gone(at, *part);
            let steps: Vec<_> = round.steps.iter().filter(|(part, _)| holds(part)).collect();
            if steps.is_empty() {
                continue;
            }
            let entries = round.entries.iter();
            let entries = entries.filter(|entry| holds(&self.part_of(entry.date)));
            out.round(round.number, entries, &steps)?;
        }
        out.round(
            self.next_round(),
            new.iter(),
            &steps.iter().collect::<Vec<_>>(),
        )?;
        out.flush()
    }
}

/// A record that is being read.
struct Reading {
    record: Record,
    /// Of what was read.
    hasher: Hasher,
    /// The round that is not closed yet.
    round: Round,
    /// What each part was after the last round.
    after: HashMap<PartName, String>,
    /// The number of the line.
    number: u64,
}

impl Reading {
    fn damaged(&self, what: &str) -> Error {
        Error::RecordDamaged {
            path: self.record.path.clone(),
            what: what.into(),
        }
    }

    /// Whether the first line is that of a record of this kind of result.
    fn head(&mut self, line: &[u8]) -> Result<bool> {
        let foreign = || self.damaged("it does not start as a record of replays");
        // Which version it is of comes first: another may say other things.
        let any: AnyHead = serde_json::from_slice(line).map_err(|_| foreign())?;
        if any.format != FORMAT {
            return Err(foreign());
        }
        if any.version != VERSION {
            return Err(Error::RecordVersion {
                path: self.record.path.clone(),
                found: any.version,
                known: VERSION,
            });
        }
        let head: Head = serde_json::from_slice(line).map_err(|_| foreign())?;
        self.record.written_by = head.written_by;
        if let Some(stored) = head.schema {
            self.record.database = stored.other_database().map(Into::into);
            // What is of another time zone database need not mean anything here.
            if self.record.database.is_none() {
                self.record.judged.schema = stored.to_schema().ok_or_else(|| {
                    self.damaged("its first line has a schema that means nothing")
                })?;
            }
        }
        for (at, day) in [head.from, head.to].into_iter().enumerate() {
            let Some(day) = day else { continue };
            let day = day
                .parse()
                .map_err(|_| self.damaged("its first line names a day that there is not"))?;
            self.record.judged.days[at] = Some(day);
        }
        Ok(head.result == kind(self.record.is_days))
    }

    fn line(&mut self, line: &[u8]) -> std::result::Result<(), String> {
        let number = self.number;
        let fault = |what: &str| format!("line {number} {what}");
        if !line.ends_with(b"\n") {
            return Err(fault("has no line feed at its end, so it is cut off"));
        }
        if line.starts_with(b"{\"round\":") {
            let round: RoundLine =
                serde_json::from_slice(line).map_err(|_| fault("is none that closes a round"))?;
            return self.close(round).map_err(|what| fault(&what));
        }
        let entry: EntryLine =
            serde_json::from_slice(line).map_err(|_| fault("is none of an event"))?;
        let identity = self.record.identity(&entry.input, entry.line, entry.offset);
        let date: Option<Date> = entry.date.parse().ok();
        let hash = Hash::from_hex(entry.blake3).ok();
        let (Some(date), Some(hash)) = (date, hash) else {
            return Err(fault("is none of an event"));
        };
        let place = (self.record.rounds.len(), self.round.entries.len());
        if self.record.index.insert(identity, place).is_some() {
            return Err(fault("is of an event that is there twice"));
        }
        let text = identity.with_text(hash);
        self.record.texts.entry(text).or_insert(identity);
        self.round.entries.push(Entry {
            identity,
            date,
            hash,
        });
        Ok(())
    }

    /// Closes a round, if all adds up.
    fn close(&mut self, line: RoundLine) -> std::result::Result<(), String> {
        if self.hasher.finalize().to_hex().as_str() != line.check {
            return Err(
                "has another check than the lines before it, so somebody has changed them".into(),
            );
        }
        let mut counted: BTreeMap<PartName, u64> = BTreeMap::new();
        for entry in &self.round.entries {
            *counted.entry(self.record.part_of(entry.date)).or_default() += 1;
        }
        let mut round = std::mem::take(&mut self.round);
        round.number = line.round;
        for step in line.results {
            let part: PartName = match step.date.map(|date| date.parse()) {
                None => None,
                Some(Ok(date)) => Some(date),
                Some(Err(_)) => return Err("names a day that there is not".into()),
            };
            if counted.remove(&part) != Some(step.events) {
                return Err("counts other events than there are".into());
            }
            let last = self.after.insert(part, step.after.clone());
            if last.is_some_and(|last| Some(last) != step.before) {
                return Err("does not go on from the round before it".into());
            }
            let step = Step {
                events: step.events,
                before: step.before,
                after: step.after,
            };
            round.steps.insert(part, step);
        }
        if !counted.is_empty() {
            return Err("counts other events than there are".into());
        }
        self.record.rounds.push(round);
        Ok(())
    }
}

/// A record that is being written.
struct Writing<'a> {
    record: &'a Record,
    /// Of what was written.
    hasher: Hasher,
    buffer: Vec<u8>,
    write: &'a mut dyn FnMut(&[u8]) -> Result<()>,
}

impl Writing<'_> {
    fn round<'a>(
        &mut self,
        number: u64,
        entries: impl Iterator<Item = &'a Entry>,
        steps: &[(&PartName, &Step)],
    ) -> Result<()> {
        for entry in entries {
            self.entry(entry);
            if self.buffer.len() >= BUFFER {
                self.flush()?;
            }
        }
        self.flush()?;
        let results = steps.iter().map(|(part, step)| StepLine {
            date: part.map(|date| date.to_string()),
            events: step.events,
            before: step.before.clone(),
            after: step.after.clone(),
        });
        self.json(&RoundLine {
            round: number,
            results: results.collect(),
            check: self.hasher.finalize().to_hex().to_string(),
        });
        self.flush()
    }

    fn entry(&mut self, entry: &Entry) {
        let Entry {
            identity,
            date,
            hash,
        } = entry;
        let name = self.record.names.get(identity.input);
        let out = &mut self.buffer;
        out.extend_from_slice(b"{\"input\":");
        text::push_json_string(out, name.map_or("", |name| name));
        out.extend_from_slice(b",\"line\":");
        text::push_decimal(out, identity.line);
        out.extend_from_slice(b",\"offset\":");
        text::push_decimal(out, identity.offset);
        out.extend_from_slice(b",\"date\":\"");
        out.extend_from_slice(date.to_string().as_bytes());
        out.extend_from_slice(b"\",\"blake3\":\"");
        out.extend_from_slice(hash.to_hex().as_bytes());
        out.extend_from_slice(b"\"}\n");
    }

    fn json(&mut self, line: &impl Serialize) {
        // Numbers, strings and lists of them: nothing here can fail to serialise.
        let text = serde_json::to_string(line).unwrap_or_default();
        self.buffer.extend_from_slice(text.as_bytes());
        self.buffer.push(b'\n');
    }

    fn flush(&mut self) -> Result<()> {
        self.hasher.update(&self.buffer);
        (self.write)(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn step(events: u64, before: Option<&str>, after: &str) -> Step {
        Step {
            events,
            before: before.map(Into::into),
            after: after.into(),
        }
    }

    struct Case {
        folder: tempfile::TempDir,
        is_days: bool,
    }

    impl Case {
        fn new(is_days: bool) -> Case {
            Case {
                folder: tempfile::tempdir().unwrap(),
                is_days,
            }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("result.csv.replayed")
        }

        fn read(&self) -> Result<Option<Record>> {
            Record::read(self.path(), self.is_days)
        }

        fn text(&self) -> String {
            std::fs::read_to_string(self.path()).unwrap()
        }

        /// Adds a round of events by line and day.
        fn add(&self, record: &mut Record, events: &[(u64, &str)], steps: &[(PartName, Step)]) {
            let entries: Vec<Entry> = events
                .iter()
                .map(|(line, date)| Entry {
                    identity: record.identity("a\u{202e}.jsonl", *line, line * 10),
                    date: day(date),
                    hash: blake3::hash(&line.to_le_bytes()),
                })
                .collect();
            let steps = steps.iter().cloned().collect();
            let mut bytes = Vec::new();
            let mut write = |some: &[u8]| {
                bytes.extend_from_slice(some);
                Ok(())
            };
            record.write(&entries, &steps, &mut write).unwrap();
            std::fs::write(self.path(), bytes).unwrap();
        }

        /// A file with two rounds: from `s0` to `s1` and `s2`.
        fn with_two_rounds() -> Case {
            let case = Case::new(false);
            let mut record = case.read().unwrap().unwrap();
            let first = (None, step(2, Some("s0"), "s1"));
            case.add(
                &mut record,
                &[(4, "2024-01-01"), (5, "2024-01-02")],
                &[first],
            );
            let mut record = case.read().unwrap().unwrap();
            assert_eq!(record.next_round(), 2);
            let second = (None, step(1, Some("s1"), "s2"));
            case.add(&mut record, &[(9, "2024-01-01")], &[second]);
            case
        }
    }

    #[test]
    fn rounds_are_added_and_nothing_before_them_changes() {
        let case = Case::new(false);
        let mut record = case.read().unwrap().unwrap();
        assert_eq!(record.standing(None, Some("anything")), Standing::UpToDate);
        case.add(
            &mut record,
            &[(4, "2024-01-01")],
            &[(None, step(1, Some("s0"), "s1"))],
        );
        let one = case.text();
        let mut lines = one.lines();
        let head = lines.next().unwrap();
        assert!(
            head.starts_with(r#"{"format":"daytally replayed","version":1,"result":"file","#),
            "{head}"
        );
        let event = lines.next().unwrap();
        assert!(
            event.starts_with(
                r#"{"input":"a\u202e.jsonl","line":4,"offset":40,"date":"2024-01-01","blake3":""#
            ),
            "{event}"
        );
        let close = lines.next().unwrap();
        assert!(
            close.starts_with(
                r#"{"round":1,"results":[{"events":1,"before":"s0","after":"s1"}],"check":""#
            ),
            "{close}"
        );
        let mut record = case.read().unwrap().unwrap();
        let identity = record.identity("a\u{202e}.jsonl", 4, 40);
        assert_eq!(record.find(identity).unwrap().date, day("2024-01-01"));
        let others = [
            ("b.jsonl", 4, 40),
            ("a\u{202e}.jsonl", 5, 40),
            ("a\u{202e}.jsonl", 4, 41),
        ];
        for (input, line, offset) in others {
            let identity = record.identity(input, line, offset);
            assert_eq!(record.find(identity), None);
        }
        case.add(
            &mut record,
            &[(6, "2024-01-03")],
            &[(None, step(1, Some("s1"), "s2"))],
        );
        assert!(case.text().starts_with(&one));
    }

    #[test]
    fn a_name_has_one_spelling() {
        for (name, expected) in [
            ("a", "a"),
            ("./a", "a"),
            ("././a//b", "a/b"),
            ("a/./b", "a/b"),
            ("//a", "/a"),
            ("/./a/", "/a"),
            ("../a", "../a"),
            ("a/../b", "a/../b"),
            (".a", ".a"),
            ("-", "-"),
            ("", ""),
            (".", "."),
            ("/", "/"),
        ] {
            assert_eq!(normal(name), expected, "{name}");
        }
    }

    #[test]
    fn what_was_judged_otherwise_is_told() {
        let zone = |zone: &str| Judged {
            schema: Schema::default().in_zone(zone.parse().unwrap()),
            ..Judged::default()
        };
        let from = Judged {
            days: [Some(day("2024-01-01")), None],
            ..Judged::default()
        };
        for is_days in [false, true] {
            for (was, is, expected) in [
                (Judged::default(), Judged::default(), None),
                (zone("+02:00"), zone("+02:00"), None),
                (zone("+02:00"), Judged::default(), Some("--timezone")),
                (Judged::default(), zone("+02:00"), Some("--timezone")),
                (from.clone(), from.clone(), None),
                (from.clone(), Judged::default(), Some("--from")),
                (Judged::default(), from.clone(), Some("--from")),
            ] {
                let case = Case::new(is_days);
                let mut record = case.read().unwrap().unwrap();
                assert!(record.difference(&is).is_none(), "there is no round yet");
                record.judge(was);
                let part = is_days.then(|| day("2024-01-01"));
                let step = step(1, Some("s0"), "s1");
                case.add(&mut record, &[(4, "2024-01-01")], &[(part, step)]);
                let record = case.read().unwrap().unwrap();
                let found = record.difference(&is).map(|(option, _, _)| option);
                // Each day may be of a run of its own.
                let expected = expected.filter(|option| !is_days || *option != "--from");
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn the_result_tells_which_rounds_are_in_it() {
        let case = Case::with_two_rounds();
        for (sha256, standing, in_it) in [
            (Some("s2"), Standing::UpToDate, [true, true]),
            (Some("s1"), Standing::Before(1), [true, false]),
            (Some("s0"), Standing::Before(0), [false, false]),
            (Some("s3"), Standing::Unknown, [true, true]),
            (None, Standing::Unknown, [true, true]),
        ] {
            let mut record = case.read().unwrap().unwrap();
            assert_eq!(record.standing(None, sha256), standing);
            if let Standing::Before(round) = standing {
                let events = if round == 0 { 3 } else { 1 };
                assert_eq!(record.forget(None, round), events);
                assert_eq!(record.standing(None, sha256), Standing::UpToDate);
                // What is gone is not counted a second time.
                assert_eq!(record.forget(None, round), 0);
                assert_eq!(record.next_round(), round as u64 + 1);
            }
            for (line, expected) in [(4, in_it[0]), (5, in_it[0]), (9, in_it[1])] {
                let identity = record.identity("a\u{202e}.jsonl", line, line * 10);
                assert_eq!(
                    record.find(identity).is_some(),
                    expected,
                    "{sha256:?} {line}"
                );
            }
        }
    }

    #[test]
    fn what_is_gone_is_not_written_again() {
        let case = Case::with_two_rounds();
        let whole = case.text();
        let mut record = case.read().unwrap().unwrap();
        record.forget(None, 1);
        let again = (None, step(1, Some("s1"), "s2"));
        case.add(&mut record, &[(9, "2024-01-01")], &[again]);
        assert_eq!(case.text(), whole);
    }

    #[test]
    fn each_day_has_its_own_story() {
        let case = Case::new(true);
        let days = [day("2024-01-01"), day("2024-01-02")].map(Some);
        let mut record = case.read().unwrap().unwrap();
        case.add(
            &mut record,
            &[(1, "2024-01-01"), (2, "2024-01-02")],
            &[
                (days[0], step(1, Some("a0"), "a1")),
                (days[1], step(1, None, "b1")),
            ],
        );
        let mut record = case.read().unwrap().unwrap();
        // The first day was put in place, the second was not.
        assert_eq!(record.standing(days[0], Some("a1")), Standing::UpToDate);
        assert_eq!(record.standing(days[1], None), Standing::Before(0));
        assert_eq!(record.forget(days[1], 0), 1);
        let first = record.identity("a\u{202e}.jsonl", 1, 10);
        let second = record.identity("a\u{202e}.jsonl", 2, 20);
        assert!(record.find(first).is_some() && record.find(second).is_none());
        case.add(
            &mut record,
            &[(2, "2024-01-02")],
            &[(days[1], step(1, None, "b1"))],
        );
        let record = case.read().unwrap().unwrap();
        assert_eq!(record.standing(days[1], Some("b1")), Standing::UpToDate);
        assert!(record.find(first).is_some() && record.find(second).is_some());
        assert_eq!(record.rounds.len(), 2);
        // A record of days says nothing of a file.
        assert!(Record::read(case.path(), false).unwrap().is_none());
    }

    #[test]
    fn damage_is_found() {
        let case = Case::with_two_rounds();
        let text = case.text();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let without = |at: usize| {
            let kept = lines.iter().enumerate().filter(|(nth, _)| *nth != at);
            kept.map(|(_, line)| *line).collect::<String>()
        };
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from));
            text.replacen(from, to, 1)
        };
        for (bytes, expected) in [
            (String::new(), "it is empty"),
            ("{}\n".into(), "does not start as a record"),
            (
                changed("daytally replayed", "x"),
                "does not start as a record",
            ),
            (
                changed("\"line\":4", "\"line\":7"),
                "line 4 has another check",
            ),
            (changed("\"s1\"}]", "\"s9\"}]"), "line 6 has another check"),
            (without(1), "line 3 has another check"),
            (without(3), "line 5 has another check"),
            (without(5), "not closed"),
            (text[..text.len() - 1].into(), "line 6 has no line feed"),
            (
                changed("\"2024-01-02\"", "\"2024-02-30\""),
                "line 3 is none of an event",
            ),
            (
                changed("{\"round\":1", "{\"round\":x"),
                "line 4 is none that closes",
            ),
            (format!("{text}\n"), "line 7 is none of an event"),
            (
                format!("{text}{}", lines[1]),
                "line 7 is of an event that is there twice",
            ),
        ] {
            std::fs::write(case.path(), bytes).unwrap();
            let error = case.read().unwrap_err();
            assert!(matches!(error, Error::RecordDamaged { .. }), "{error}");
            let error = error.to_string();
            assert!(error.contains(expected), "{error}: no {expected}");
        }
        std::fs::write(case.path(), changed("\"version\":1", "\"version\":2")).unwrap();
        let error = case.read().unwrap_err().to_string();
        assert!(
            error.contains("is of version 2 of the record's format"),
            "{error}"
        );
        // A round is missing, and all checks are right.
        let mut record = Record::new(case.path(), false);
        let rounds = [step(1, Some("s0"), "s1"), step(1, Some("s2"), "s3")];
        for (line, step) in (1..).zip(rounds) {
            case.add(&mut record, &[(line, "2024-01-01")], &[(None, step)]);
            if line == 1 {
                record = case.read().unwrap().unwrap();
            }
        }
        let error = case.read().unwrap_err().to_string();
        assert!(
            error.contains("line 5 does not go on from the round before it"),
            "{error}"
        );
    }
}
