//! Which inputs a run reads: the files, folders, patterns and lists that were asked for become
//! places, in order, none of them twice by accident.

mod faults;
mod glob;
mod harvest;
mod name;
mod would;

use std::borrow::Cow;
use std::collections::{HashMap, hash_map};
use std::ffi::OsStr;
use std::fmt;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use serde::Serialize;

use super::compression::{Compression, DecompressError};
use super::file::FileId;
use super::source::Input;
use super::stdin::read_list;
use crate::error::{Action, Error, Result};
use crate::text;
use faults::{cannot_open, hint, hint_of_entry, hint_of_list, read_twice};
use glob::{Pattern, Refusal};
use harvest::{Fate, Harvest, Taken, Why, stopped_by};

/// Standard input, where one of its names is wanted as a path.
const STDIN: &str = "/dev/stdin";

/// What was asked for.
///
/// A name that exists is that file or folder. `-` is standard input. Any other name with one of
/// `*?[{` in it is a pattern: `*` and `?` stand for characters other than `/`, `[a-z]` for one of
/// them, `[!a-z]` for one of the others, `[[:digit:]]` for one of a class of POSIX, `{a,b}` for either,
/// `{1..12}`, `{01..12}` and `{a..e}` for each in the sequence, `**` for any number of folders, and `\`
/// takes a character's meaning away. The files that match are taken, whatever their extension, and the
/// folders as if they were named. Names that start with a dot or an underscore only match what says
/// so: `.*`, `_*`.
///
/// Each alternative of braces is a pattern by itself. One that has nothing but a name in it has to be
/// there, as if it had been given alone. One that matches nothing where others do is told in
/// [`Found::unmatched`].
///
/// Of a folder, and the folders in it, the regular files with the extensions `.jsonl`, `.ndjson`
/// and `.json` are taken, in upper or lower case, and those with `.gz`, `.bgz`, `.zst`, `.bz2`,
/// `.xz` or `.lz4` after that (also written `.gzip`, `.zstd`, `.bzip2`). What is left out is
/// counted: see [`LeftOut`]. Symbolic links are followed.
///
/// The files of a folder or of a pattern are in the order of the bytes of their paths.
///
/// ```
/// use daytally::input::Search;
///
/// let found = Search::new(["tests/data".into()]).find()?;
/// let names: Vec<_> = found.inputs.iter().map(|place| place.name()).collect();
/// assert_eq!(names, ["tests/data/events.jsonl"]);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Search {
    names: Vec<PathBuf>,
    list: Option<List>,
    allows_duplicates: bool,
    /// The number of the signal because of which to stop; zero before that.
    stop: Arc<AtomicUsize>,
}

/// A file with a list of files and folders. They are taken as they are written there, the carriage
/// return at a line's end included: nothing is a pattern, and `-` is a file of that name. Empty entries
/// are skipped. The paths need not be UTF-8.
///
/// ```
/// use daytally::input::{List, Search, Separator};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("inputs.txt");
/// std::fs::write(&path, "tests/data/events.jsonl\0").unwrap();
/// let list = List { path, separator: Separator::Nul };
/// let found = Search::new([]).with_list(Some(list)).find()?;
/// assert_eq!(found.inputs[0].name(), "tests/data/events.jsonl");
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The file; `-` is standard input.
    pub path: PathBuf,
    /// Where an entry ends.
    pub separator: Separator,
}

/// What stands between the entries of a [`List`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Separator {
    /// `\n`: one entry a line.
    #[default]
    Newline,
    /// A NUL byte, the only one that no path has, as `find -print0` writes it.
    Nul,
}

/// What was found.
///
/// ```
/// use daytally::input::{Place, Search};
/// use daytally::{Input, Result};
///
/// let found = Search::new(["tests/data/*.jsonl".into()]).find()?;
/// let inputs = found.inputs.iter().map(Place::open).collect::<Result<Vec<Input>>>()?;
/// assert_eq!(inputs.len(), 1);
/// assert!(found.left_out.is_empty() && found.unmatched.count == 0);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The inputs: those of the names first, then those of the list, each in order.
    pub inputs: Vec<Place>,
    /// What was left out of folders and patterns.
    pub left_out: LeftOut,
    /// The alternatives of patterns that have no inputs.
    pub unmatched: Unmatched,
    /// Whether there may be more, because a folder, a pattern or the list was not searched to its
    /// end.
    pub is_cut_short: bool,
}

/// Where an input is.
///
/// ```
/// use daytally::input::{Place, Search};
///
/// let found = Search::new(["tests/data/events.jsonl".into(), "-".into()]).find()?;
/// let paths = found.inputs.iter().filter(|place| matches!(place, Place::Path { .. }));
/// assert_eq!(paths.count(), 1);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard input.
    Stdin {
        /// The regular file behind it, if it is one.
        file: Option<FileId>,
    },
    /// A file.
    Path {
        /// The path: as it was named, or what was found, starting as the folder or the pattern does.
        /// A file `-` is `./-`.
        path: PathBuf,
        /// Which regular file it is; `None` if it is none.
        file: Option<FileId>,
    },
}

/// Alternatives of patterns with braces that match nothing, where others of the same pattern do:
/// `b*` of `{a,b}*`.
///
/// ```
/// use daytally::input::Search;
///
/// let found = Search::new(["tests/data/{events,users}*.jsonl".into()]).find()?;
/// assert_eq!(found.unmatched.first, ["tests/data/users*.jsonl".as_ref() as &std::path::Path]);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmatched {
    /// The first of them, at most [`Unmatched::MOST`].
    pub first: Vec<PathBuf>,
    /// How many there are.
    pub count: u64,
}

impl Unmatched {
    /// How many are kept.
    pub const MOST: usize = 20;

    fn add(&mut self, alternatives: &[&Pattern]) {
        let room = Unmatched::MOST - self.first.len();
        let paths = alternatives
            .iter()
            .map(|pattern| PathBuf::from(OsStr::from_bytes(&pattern.text)));
        self.first.extend(paths.take(room));
        self.count += alternatives.len() as u64;
    }
}

/// How many names in folders, or of a pattern, were not taken.
///
/// A folder counts as one, whatever is in it.
///
/// ```
/// use daytally::input::Search;
///
/// let folder = tempfile::tempdir().unwrap();
/// for name in ["a.jsonl", ".b.jsonl", "c.jsonl.tmp", "d.csv"] {
///     std::fs::write(folder.path().join(name), "").unwrap();
/// }
/// let left_out = Search::new([folder.path().into()]).find()?.left_out;
/// assert_eq!((left_out.hidden, left_out.markers, left_out.others), (1, 1, 1));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// Names that start with a dot.
    pub hidden: u64,
    /// Markers and temporary names. In folders: names that start with `_` and have no `=`, as
    /// `_SUCCESS` and `_temporary`; those that end with `~`; those with the extension of a checksum
    /// (`.crc`) or of a file that is not whole yet (`.tmp`, `.temp`, `.part`, `.partial`,
    /// `.inprogress`, `.in-progress`, `.pending`, `._COPYING_`, `.crdownload`, `.opdownload`,
    /// `.download`, `.aria2`, `.gstmp`, `.swp`, `.swo`); `+tmp`. Of patterns: names that start with
    /// `_` and have no `=`.
    pub markers: u64,
    /// Other files in folders: of another extension, or no regular files.
    pub others: u64,
}

impl Place {
    /// The input's name: its path, `-` if it is standard input. Bytes that are not UTF-8 show as
    /// U+FFFD.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Place::Stdin { .. } => "-".into(),
            Place::Path { path, .. } => path.to_string_lossy(),
        }
    }

    /// The path; that of the device if it is standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Place::Stdin { .. } => Path::new(STDIN),
            Place::Path { path, .. } => path,
        }
    }

    /// Opens the input.
    ///
    /// # Errors
    ///
    /// As [`Input::open`].
    pub fn open(&self) -> Result<Input> {
        match self {
            Place::Stdin { .. } => Ok(Input::stdin()),
            Place::Path { path, .. } => Input::open(path),
        }
    }

    /// Whether the name has an extension that compressed files have, such as `.gz`.
    #[doc(hidden)]
    #[must_use]
    pub fn is_named_as_compressed(&self) -> bool {
        match self {
            Place::Stdin { .. } => false,
            Place::Path { path, .. } => name::compression(path.as_os_str().as_bytes()).is_some(),
        }
    }

    /// Which regular file it is, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<FileId> {
        match self {
            Place::Stdin { file } | Place::Path { file, .. } => *file,
        }
    }
}

impl LeftOut {
    /// Whether nothing was left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == LeftOut::default()
    }

    fn count(&mut self, why: Why) {
        match why {
            Why::Hidden => self.hidden += 1,
            Why::Marker => self.markers += 1,
            Why::Other => self.others += 1,
        }
    }

    fn add(&mut self, more: LeftOut) {
        self.hidden += more.hidden;
        self.markers += more.markers;
        self.others += more.others;
    }
}

/// `3 hidden, 1 marker and 7 other files`; what is zero is not said.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let mut parts = Vec::new();
        if self.hidden > 0 {
            parts.push(format!("{} hidden", self.hidden));
        }
        if self.markers > 0 {
            parts.push(format!("{} marker{}", self.markers, plural(self.markers)));
        }
        if self.others > 0 {
            parts.push(format!("{} other file{}", self.others, plural(self.others)));
        }
        match &parts[..] {
            [] => f.write_str("nothing"),
            [one] => f.write_str(one),
            [before @ .., last] => write!(f, "{} and {last}", before.join(", ")),
        }
    }
}

impl Search {
    /// A search for the inputs of these names.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = PathBuf>) -> Search {
        Search {
            names: names.into_iter().collect(),
            ..Search::default()
        }
    }

    /// Searches for the inputs of a list too, after those of the names.
    #[must_use]
    pub fn with_list(self, list: Option<List>) -> Search {
        Search { list, ..self }
    }

    /// Whether a file may be found more than once, by one name or by several; it is then an input as
    /// often. By default that is an error. Standard input, pipes and devices can only be read once in
    /// any case.
    #[must_use]
    pub fn allow_duplicates(self, allows_duplicates: bool) -> Search {
        Search {
            allows_duplicates,
            ..self
        }
    }

    /// Ends the search soon after a signal's number is stored there, with [`Error::Stopped`]; see
    /// [`Stop::cell`](crate::Stop::cell).
    #[must_use]
    pub fn stop_with(self, stop: Arc<AtomicUsize>) -> Search {
        Search { stop, ..self }
    }

    /// Finds the inputs.
    ///
    /// # Errors
    ///
    /// Where a file or folder is missing or may not be looked at; where a folder, a pattern or the
    /// list has no inputs; where a pattern is no pattern; where a file is found twice; where links go
    /// round in a circle; where a file that is named as compressed has no more in it than the start of
    /// a format's first bytes; where the search was stopped.
    pub fn find(&self) -> Result<Found> {
        let (found, result) = self.survey();
        result.map(|()| found)
    }

    /// Finds what can be found, and tells the first thing that is wrong.
    ///
    /// Where something is wrong, what was found still serves to keep other files from overwriting
    /// it. A folder or pattern in which something is wrong is not searched further; see
    /// [`Found::is_cut_short`].
    pub fn survey(&self) -> (Found, Result<()>) {
        let mut survey = Survey {
            found: Found::default(),
            seen: HashMap::new(),
            allows_duplicates: self.allows_duplicates,
            has_stdin: false,
            stop: &self.stop,
            fault: None,
        };
        for name in &self.names {
            if survey.is_stopped() {
                break;
            }
            survey.name(name);
        }
        if let Some(list) = &self.list
            && !survey.is_stopped()
        {
            survey.list(list);
        }
        let result = survey.fault.map_or(Ok(()), Err);
        (survey.found, result)
    }
}

/// A search under way.
struct Survey<'a> {
    found: Found,
    /// What is read of a file, or of a pipe or device.
    seen: HashMap<FileId, Reader>,
    allows_duplicates: bool,
    /// Whether standard input is taken.
    has_stdin: bool,
    stop: &'a AtomicUsize,
    /// The first thing that is wrong.
    fault: Option<Error>,
}

/// Who reads something.
#[derive(Clone, Copy)]
enum Reader {
    /// The input of this index.
    Input(usize),
    /// The list of inputs.
    List,
}

impl Survey<'_> {
    /// Whether the search is to stop; notes that as a fault.
    fn is_stopped(&mut self) -> bool {
        let signal = stopped_by(self.stop);
        if let Some(signal) = signal {
            self.found.is_cut_short = true;
            self.fault(Error::Stopped { signal });
        }
        signal.is_some()
    }

    fn name(&mut self, name: &Path) {
        if name.as_os_str() == "-" {
            self.stdin();
            return;
        }
        if name.as_os_str().is_empty() {
            self.fault(Error::EmptyName);
            return;
        }
        let bytes = name.as_os_str().as_bytes();
        match std::fs::metadata(name) {
            Ok(metadata) => self.existing(name, &metadata),
            Err(_) if glob::may_be_a_pattern(bytes) => self.pattern(name),
            Err(source) => self.fault(cannot_open(name, source)),
        }
    }

    fn stdin(&mut self) {
        if std::mem::replace(&mut self.has_stdin, true) {
            self.fault(Error::StdinTwice);
            return;
        }
        let metadata = std::fs::metadata(STDIN).ok();
        let file = metadata.as_ref().and_then(regular_file);
        self.add(Place::Stdin { file }, metadata.as_ref().map(Taken::new));
    }

    /// A file or a folder that is there.
    fn existing(&mut self, path: &Path, metadata: &Metadata) {
        if !metadata.is_dir() {
            let place = Place::Path {
                path: not_a_dash(path.to_path_buf()),
                file: regular_file(metadata),
            };
            self.add(place, Some(Taken::new(metadata)));
            return;
        }
        let mut harvest = Harvest::new(self.stop);
        harvest.walk(path);
        let left_out = harvest.left_out();
        if harvest.has_nothing() {
            self.fault(Error::NoInputsInFolder {
                path: path.to_path_buf(),
                left_out,
            });
        }
        self.harvest(harvest);
    }

    fn pattern(&mut self, name: &Path) {
        let pattern = || name.to_path_buf();
        let alternatives = match glob::parse(name.as_os_str().as_bytes()) {
            Ok(alternatives) => alternatives,
            Err(Refusal::TooLong) => {
                return self.fault(Error::PatternTooLong {
                    pattern: pattern(),
                    most: glob::MOST_ALTERNATIVES,
                });
            }
            Err(Refusal::UnknownClass(class)) => {
                return self.fault(Error::UnknownClass {
                    pattern: pattern(),
                    class,
                });
            }
        };
        // Searched for, it would be the whole current folder.
        if alternatives.iter().any(|one| one.text.is_empty()) {
            return self.fault(Error::EmptyAlternative { pattern: pattern() });
        }
        let mut harvest = Harvest::new(self.stop);
        let (mut missing, mut unmatched) = (None, Vec::new());
        for one in &alternatives {
            if harvest.is_over() {
                break;
            }
            if harvest.pattern(one) || harvest.fault.is_some() {
                continue;
            }
            match one.as_path() {
                Some(path) => missing = missing.or_else(|| Some(self.missing(&path, one))),
                None => unmatched.push(one),
            }
        }
        if let Some(missing) = missing {
            self.fault(missing);
        } else if harvest.has_nothing() {
            self.fault(Error::NoMatch {
                pattern: pattern(),
                left_out: harvest.left_out(),
                hint: hint(name.as_os_str().as_bytes()),
            });
        } else {
            self.found.unmatched.add(&unmatched);
        }
        self.harvest(harvest);
    }

    /// What is wrong with a path that has no inputs, and is what a pattern, or an alternative of its
    /// braces, has in place of a name.
    fn missing(&self, path: &Path, pattern: &Pattern) -> Error {
        let source = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let mut harvest = Harvest::new(self.stop);
                harvest.walk(path);
                return Error::NoInputsInFolder {
                    path: path.to_path_buf(),
                    left_out: harvest.left_out(),
                };
            }
            Ok(_) => ErrorKind::NotFound.into(),
            Err(source) => source,
        };
        let hint = hint(&pattern.text);
        if hint.is_empty() {
            return cannot_open(path, source);
        }
        Error::NoMatch {
            pattern: OsStr::from_bytes(&pattern.text).into(),
            left_out: LeftOut::default(),
            hint,
        }
    }

    fn list(&mut self, list: &List) {
        let is_stdin = list.path.as_os_str() == "-";
        if is_stdin && std::mem::replace(&mut self.has_stdin, true) {
            self.fault(Error::StdinTwice);
            return;
        }
        // What is read to its end for the list has nothing left for an input.
        let path = if is_stdin {
            Path::new(STDIN)
        } else {
            &list.path
        };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let list = list.path.clone();
                return self.fault(Error::ListIsFolder { list });
            }
            Ok(metadata) if is_stdin || !metadata.is_file() => {
                let taken = Taken::new(&metadata);
                if let Some(first) = self.seen.insert(taken.id, Reader::List) {
                    let first = self.path_of(first, path);
                    let second = path.to_path_buf();
                    self.fault(read_twice(first, second, taken));
                    return;
                }
            }
            _ => {}
        }
        let text = match read_list(&list.path) {
            Ok(text) => text,
            Err(source) if is_stdin => {
                return self.fault(Error::io(Action::Read, STDIN.as_ref(), source));
            }
            Err(source) => return self.fault(cannot_open(&list.path, source)),
        };
        let end = match list.separator {
            Separator::Newline => b'\n',
            Separator::Nul => 0,
        };
        let hint = hint_of_list(&text, list.separator);
        let mut is_empty = true;
        for (number, name) in (1_u64..).zip(text.split(|&byte| byte == end)) {
            if name.is_empty() {
                continue;
            }
            is_empty = false;
            if self.is_stopped() {
                break;
            }
            let path = Path::new(OsStr::from_bytes(name));
            let was_well = self.fault.is_none();
            match std::fs::metadata(path) {
                Ok(metadata) => self.existing(path, &metadata),
                Err(source) => self.fault(cannot_open(path, source)),
            }
            if was_well {
                // Two names of one file are best told by the names.
                self.fault = self.fault.take().map(|source| match source {
                    Error::InputTwice { .. } | Error::ReadTwice { .. } | Error::StdinTwice => {
                        source
                    }
                    Error::Stopped { .. } => source,
                    _ => Error::Listed {
                        list: list.path.clone(),
                        entry: match list.separator {
                            Separator::Newline => "line",
                            Separator::Nul => "entry",
                        },
                        number,
                        source: Box::new(source),
                        hint: if hint.is_empty() {
                            hint_of_entry(name, number, list.separator)
                        } else {
                            hint.clone()
                        },
                    },
                });
            }
        }
        if is_empty {
            self.fault(Error::EmptyList {
                list: list.path.clone(),
                hint,
            });
        }
    }

    /// Takes over what a folder or a pattern gave.
    fn harvest(&mut self, harvest: Harvest<'_>) {
        self.found.left_out.add(harvest.left_out());
        if let Some(fault) = harvest.fault {
            self.found.is_cut_short = true;
            self.fault(fault);
        }
        for (path, fate) in harvest.fates {
            if let Fate::Taken(taken) = fate {
                let place = Place::Path {
                    path: not_a_dash(path.into()),
                    file: taken.is_regular.then_some(taken.id),
                };
                self.add(place, Some(taken));
            }
        }
    }

    fn add(&mut self, place: Place, taken: Option<Taken>) {
        if let Some(taken) = taken {
            let here = Reader::Input(self.found.inputs.len());
            let first = match self.seen.entry(taken.id) {
                hash_map::Entry::Occupied(entry) => Some(*entry.get()),
                hash_map::Entry::Vacant(entry) => {
                    entry.insert(here);
                    None
                }
            };
            let can_be_read_again = taken.is_regular && !matches!(first, Some(Reader::List));
            if let Some(first) = first
                && !(self.allows_duplicates && can_be_read_again)
            {
                let second = place.path().to_path_buf();
                let first = self.path_of(first, &second);
                self.fault(if can_be_read_again {
                    Error::InputTwice { first, second }
                } else {
                    read_twice(first, second, taken)
                });
                return;
            }
            if let Place::Path { path, .. } = &place
                && let Some(format) = begun(path, taken)
            {
                self.fault(Error::Decompress {
                    input: text::path(path).to_string(),
                    source: DecompressError::cut_off(format),
                });
            }
        }
        self.found.inputs.push(place);
    }

    /// What the other reader of something calls it; `own` if that is the list.
    fn path_of(&self, reader: Reader, own: &Path) -> PathBuf {
        match reader {
            Reader::Input(index) => self.found.inputs.get(index).map_or(own, Place::path),
            Reader::List => own,
        }
        .to_path_buf()
    }

    fn fault(&mut self, fault: Error) {
        self.fault.get_or_insert(fault);
    }
}

/// A path that cannot be taken for standard input.
fn not_a_dash(path: PathBuf) -> PathBuf {
    if path.as_os_str() == "-" {
        "./-".into()
    } else {
        path
    }
}

fn regular_file(metadata: &Metadata) -> Option<FileId> {
    metadata.is_file().then(|| FileId::new(metadata))
}

/// The format of a file that is named as compressed and has no more in it than the start of such data.
fn begun(path: &Path, taken: Taken) -> Option<Compression> {
    if !taken.is_regular || !(1..Compression::LONGEST_MAGIC).contains(&taken.len) {
        return None;
    }
    let named = name::compression(path.as_os_str().as_bytes())?;
    // What cannot be read says so when it is opened.
    Compression::begun(&std::fs::read(path).ok()?, named)
}

#[cfg(test)]
mod tests;
