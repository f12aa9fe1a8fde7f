//! Which inputs a run reads: the files, folders, patterns and lists that were asked for become
//! places, in order, none of them twice by accident.

mod glob;
mod name;
mod would;

use std::borrow::Cow;
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet, hash_map};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use super::compression::{Compression, DecompressError};
use super::file::FileId;
use super::source::Input;
use super::stdin::read_list;
use super::stream::BOM;
use crate::error::{Action, Error, Result};
use crate::text;
use glob::{Component, Pattern, Refusal, Wild};
use name::NameKind;

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

/// What a folder or a pattern gives.
struct Harvest<'a> {
    /// What becomes of each path, in the order of the bytes. One path can be met in several ways, as
    /// a folder that matches a pattern and a file in it that matches too.
    fates: BTreeMap<OsString, Fate>,
    /// The folders that a rest of so many components of the pattern at hand was tried in.
    tried: HashSet<(PathBuf, usize)>,
    /// Whether pipes and devices are taken too.
    takes_all_kinds: bool,
    /// Whether something was taken for the pattern at hand, be it that another took it before.
    has_taken: bool,
    stop: &'a AtomicUsize,
    /// The first thing that is wrong. It ends the search.
    fault: Option<Error>,
}

/// What becomes of a path.
enum Fate {
    Taken(Taken),
    LeftOut(Why),
}

/// What there is to know of something that is taken.
#[derive(Clone, Copy)]
struct Taken {
    id: FileId,
    is_regular: bool,
    /// How many bytes it has, if it is a regular file.
    len: u64,
    /// What it is called if it is no regular file.
    kind: &'static str,
}

impl Taken {
    fn new(metadata: &Metadata) -> Taken {
        let kind = metadata.file_type();
        Taken {
            id: FileId::new(metadata),
            is_regular: kind.is_file(),
            len: metadata.len(),
            kind: if kind.is_file() {
                "file"
            } else if kind.is_fifo() {
                "pipe"
            } else if kind.is_socket() {
                "socket"
            } else {
                "device"
            },
        }
    }
}

/// Why something is left out.
#[derive(Clone, Copy)]
enum Why {
    Hidden,
    Marker,
    Other,
}

impl<'a> Harvest<'a> {
    fn new(stop: &'a AtomicUsize) -> Harvest<'a> {
        Harvest {
            fates: BTreeMap::new(),
            tried: HashSet::new(),
            takes_all_kinds: false,
            has_taken: false,
            stop,
            fault: None,
        }
    }

    /// Whether there is nothing more to look for: something is wrong, or the search is to stop, which
    /// is noted as a fault.
    fn is_over(&mut self) -> bool {
        if let Some(signal) = stopped_by(self.stop) {
            self.fault(Error::Stopped { signal });
        }
        self.fault.is_some()
    }

    /// Whether it gives no inputs, and nothing else is wrong that could be the reason.
    fn has_nothing(&self) -> bool {
        let is_taken = |fate: &Fate| matches!(fate, Fate::Taken { .. });
        self.fault.is_none() && !self.fates.values().any(is_taken)
    }

    fn left_out(&self) -> LeftOut {
        let mut left_out = LeftOut::default();
        for fate in self.fates.values() {
            if let Fate::LeftOut(why) = fate {
                left_out.count(*why);
            }
        }
        left_out
    }

    fn take(&mut self, path: PathBuf, metadata: &Metadata) {
        if metadata.is_file() || self.takes_all_kinds {
            let fate = Fate::Taken(Taken::new(metadata));
            self.has_taken = true;
            self.fates.insert(path.into_os_string(), fate);
        } else {
            // To wait for somebody to write to it is not what a pattern asks for.
            self.leave_out(path, Why::Other);
        }
    }

    fn leave_out(&mut self, path: PathBuf, why: Why) {
        // What is taken in another way is not left out.
        if let Entry::Vacant(entry) = self.fates.entry(path.into_os_string()) {
            entry.insert(Fate::LeftOut(why));
        }
    }

    fn fault(&mut self, fault: Error) {
        self.fault.get_or_insert(fault);
    }

    /// Takes the files of a folder and the folders in it. An empty path is the current folder.
    fn walk(&mut self, folder: &Path) {
        let mut entries = walker(folder).into_iter();
        while !self.is_over()
            && let Some(entry) = entries.next()
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.walk_fault(folder, error);
                    continue;
                }
            };
            if entry.depth() == 0 {
                continue;
            }
            let kind = NameKind::of(entry.file_name().as_bytes());
            let why = match kind {
                NameKind::Hidden => Why::Hidden,
                NameKind::Marker => Why::Marker,
                _ if entry.file_type().is_dir() => continue,
                NameKind::Events if entry.file_type().is_file() => {
                    match entry.metadata() {
                        Ok(metadata) => self.take(found_in(folder, &entry), &metadata),
                        Err(error) => self.walk_fault(folder, error),
                    }
                    continue;
                }
                NameKind::Events | NameKind::Other => Why::Other,
            };
            if entry.file_type().is_dir() {
                entries.skip_current_dir();
            }
            self.leave_out(found_in(folder, &entry), why);
        }
    }

    /// Notes that the walk through `root` met with something, unless the name is to be left out
    /// anyway.
    fn walk_fault(&mut self, root: &Path, error: walkdir::Error) {
        let path = error.path().unwrap_or(root).to_path_buf();
        if error.depth() > 0 {
            let why = match path.file_name().map(|name| NameKind::of(name.as_bytes())) {
                Some(NameKind::Hidden) => Some(Why::Hidden),
                Some(NameKind::Marker) => Some(Why::Marker),
                _ => None,
            };
            if let Some(why) = why {
                self.leave_out(path, why);
                return;
            }
        }
        self.fault(if let Some(ancestor) = error.loop_ancestor() {
            Error::InputLoop {
                folder: ancestor.to_path_buf(),
                link: path,
            }
        } else {
            let source = error.into_io_error();
            cannot_open(&path, source.unwrap_or_else(|| ErrorKind::Other.into()))
        });
    }

    /// Takes what matches a pattern; whether there is anything.
    fn pattern(&mut self, pattern: &Pattern) -> bool {
        self.has_taken = false;
        // What another alternative of the braces looked for there was something else.
        self.tried.clear();
        // Braces alone are names.
        self.takes_all_kinds = pattern.is_literal();
        let root = if pattern.is_absolute { "/" } else { "" };
        self.rest(root.into(), &pattern.components, pattern.wants_folder);
        self.has_taken
    }

    /// Takes what matches the rest of a pattern in a folder. An empty path is the current folder.
    fn rest(&mut self, mut folder: PathBuf, mut rest: &[Component], wants_folder: bool) {
        while let Some((first, after)) = rest.split_first() {
            match first {
                Component::Literal(name) => folder.push(name),
                Component::Wild(wild) => return self.wild(&folder, wild, after, wants_folder),
                Component::Recursive => return self.recursive(&folder, rest, wants_folder),
            }
            rest = after;
        }
        self.matched(folder, wants_folder);
    }

    /// The names in a folder that match.
    fn wild(&mut self, folder: &Path, wild: &Wild, after: &[Component], wants_folder: bool) {
        let folder_there = or_current(folder);
        let names = std::fs::read_dir(folder_there).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<std::io::Result<Vec<OsString>>>()
        });
        let mut names = match names {
            Ok(names) => names,
            Err(error) if is_absence(&error) => return,
            Err(source) => return self.fault(cannot_open(folder_there, source)),
        };
        // So that it is always the same fault that is told.
        names.sort_unstable();
        for name in names {
            if self.is_over() {
                return;
            }
            if !wild.matches(name.as_bytes()) {
                continue;
            }
            let path = folder.join(&name);
            let why = match why_unasked(name.as_bytes()) {
                Some(Why::Hidden) if wild.says_hidden() => None,
                Some(Why::Marker) if wild.says_underscore() => None,
                why => why,
            };
            match why {
                None if after.is_empty() => self.matched(path, wants_folder),
                None => self.rest(path, after, wants_folder),
                Some(why) => {
                    if self.would_match(&path, after, wants_folder) {
                        self.leave_out(path, why);
                    }
                }
            }
        }
    }

    /// Any number of folders from this one down, and the rest of the pattern in each.
    fn recursive(&mut self, folder: &Path, rest: &[Component], wants_folder: bool) {
        let is_recursive = |component: &&Component| **component == Component::Recursive;
        let after = &rest[rest.iter().take_while(is_recursive).count()..];
        if !self.tried.insert((folder.to_path_buf(), after.len())) {
            return;
        }
        // At the end it is the files of all those folders.
        let wants_files = after.is_empty() && !wants_folder;
        let mut entries = walker(folder).into_iter();
        while !self.is_over()
            && let Some(entry) = entries.next()
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.recursive_fault(folder, error, wants_files);
                    continue;
                }
            };
            let path = found_in(folder, &entry);
            let is_folder = entry.file_type().is_dir();
            let why = why_unasked(entry.file_name().as_bytes()).filter(|_| entry.depth() > 0);
            match why {
                Some(why) if is_folder => {
                    entries.skip_current_dir();
                    self.leave_out(path, why);
                }
                Some(why) if wants_files => self.leave_out(path, why),
                None if is_folder && !after.is_empty() => self.rest(path, after, wants_folder),
                None if is_folder && wants_folder => self.matched(path, true),
                None if !is_folder && wants_files && entry.depth() > 0 => match entry.metadata() {
                    Ok(metadata) => self.take(path, &metadata),
                    Err(error) => self.recursive_fault(folder, error, true),
                },
                _ => {}
            }
        }
    }

    /// What does not exist is no match, unless all files are wanted and it is a link that leads
    /// nowhere.
    fn recursive_fault(&mut self, folder: &Path, error: walkdir::Error, wants_files: bool) {
        if !wants_files && error.io_error().is_some_and(is_absence)
            || error.depth() == 0 && error.io_error().is_some_and(is_absence)
        {
            return;
        }
        self.walk_fault(folder, error);
    }

    /// Whether a name that was not asked for would have matched. With `**` in the rest of the pattern
    /// a folder would, without a look: it may be as large as they get.
    fn would_match(&self, path: &Path, after: &[Component], wants_folder: bool) -> bool {
        if after.contains(&Component::Recursive) {
            return path.is_dir();
        }
        if after.is_empty() {
            return !wants_folder || path.is_dir();
        }
        let mut probe = Harvest::new(self.stop);
        probe.rest(path.to_path_buf(), after, wants_folder);
        !probe.fates.is_empty() || probe.fault.is_some()
    }

    /// A path that matches a whole pattern.
    fn matched(&mut self, path: PathBuf, wants_folder: bool) {
        match std::fs::metadata(or_current(&path)) {
            Ok(metadata) if metadata.is_dir() => self.walk(&path),
            Ok(_) if wants_folder => {}
            Ok(metadata) => self.take(path, &metadata),
            // A link that leads nowhere is there and cannot be read.
            Err(error) if is_absence(&error) && path.symlink_metadata().is_err() => {}
            Err(source) => self.fault(cannot_open(&path, source)),
        }
    }
}

/// Why a pattern leaves a name out that it does not speak of.
fn why_unasked(name: &[u8]) -> Option<Why> {
    if name.starts_with(b".") {
        Some(Why::Hidden)
    } else if name::starts_as_a_marker(name) {
        Some(Why::Marker)
    } else {
        None
    }
}

/// Walks a folder in the same order every time, so that it is always the same fault that is told.
fn walker(folder: &Path) -> WalkDir {
    WalkDir::new(or_current(folder))
        .follow_links(true)
        .sort_by_file_name()
}

/// The path of an entry as the pattern has it, which does not say `.` where it starts in the current
/// folder.
fn found_in(folder: &Path, entry: &DirEntry) -> PathBuf {
    if folder.as_os_str().is_empty() {
        let path = entry.path();
        path.strip_prefix(".").unwrap_or(path).to_path_buf()
    } else {
        entry.path().to_path_buf()
    }
}

/// An empty path is the current folder.
fn or_current(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
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

/// Whether there is nothing there.
fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The signal that ends the search, if there was one.
fn stopped_by(stop: &AtomicUsize) -> Option<i32> {
    match stop.load(Ordering::Relaxed) {
        0 => None,
        signal => i32::try_from(signal).ok(),
    }
}

/// That something is to be read twice that is gone when it has been read.
fn read_twice(first: PathBuf, second: PathBuf, taken: Taken) -> Error {
    let stdin = std::fs::metadata(STDIN).map(|stdin| FileId::new(&stdin));
    if stdin.is_ok_and(|stdin| stdin == taken.id) {
        Error::StdinTwice
    } else {
        let kind = taken.kind;
        Error::ReadTwice {
            first,
            second,
            kind,
        }
    }
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

/// What may be the matter with a pattern that matches nothing; it may be nothing, too.
fn hint(pattern: &[u8]) -> String {
    let slashes = memchr::memchr_iter(b'/', pattern).chain([pattern.len()]);
    let mut names = slashes.map(|end| &pattern[..end]);
    // A name with characters of patterns in it, by which something is there.
    let there = names.find(|name| {
        glob::may_be_a_pattern(name)
            && Path::new(OsStr::from_bytes(name))
                .symlink_metadata()
                .is_ok()
    });
    if let Some(there) = there {
        let there = text::path(Path::new(OsStr::from_bytes(there))).to_string();
        return format!(
            "; {there} exists: put a \\ before each of the characters *?[{{ that are meant as they are"
        );
    }
    match glob::flaw(pattern) {
        Some(flaw) => format!("; {flaw}"),
        None => String::new(),
    }
}

/// What may be the matter with a list in which something is wrong.
fn hint_of_list(text: &[u8], separator: Separator) -> String {
    let has_nul = memchr::memchr(0, text).is_some();
    match (Compression::detect(text), separator) {
        (Some(format), _) => format!(
            "; the list looks compressed ({}), and has to be decompressed first: pipe it in with --files-from -",
            format.name()
        ),
        (None, Separator::Newline) if has_nul => {
            "; the list has NUL bytes in it: if its names end with those, give -0".into()
        }
        (None, Separator::Nul) if !has_nul && !text.is_empty() => {
            "; the list has no NUL bytes in it, though -0 was given: leave that out if it has a name a line".into()
        }
        _ => String::new(),
    }
}

/// What may be the matter with an entry of a list.
fn hint_of_entry(name: &[u8], number: u64, separator: Separator) -> String {
    let mut hints = String::new();
    if number == 1 && name.starts_with(BOM) {
        hints += "; the list starts with a byte-order mark, which is a part of the first name so: save it without";
    }
    if separator == Separator::Newline && name.ends_with(b"\r") {
        hints += "; the line ends with a carriage return, which is a part of the name so: save the list with line ends of Unix (tr -d '\\r')";
    }
    if hints.is_empty() && glob::may_be_a_pattern(name) {
        hints += "; patterns are not expanded in a list: give it without --files-from";
    }
    hints
}

/// No path is longer, in bytes (`PATH_MAX` of Linux, the NUL byte at the end included).
const MOST_PATH_BYTES: usize = 4096;

fn cannot_open(path: &Path, source: std::io::Error) -> Error {
    let len = path.as_os_str().len();
    if len >= MOST_PATH_BYTES || source.kind() == ErrorKind::InvalidFilename {
        // Whatever it is, it is not a name, and may be as long as they get.
        let start = &path.as_os_str().as_bytes()[..len.min(MOST_PATH_BYTES)];
        return Error::NameTooLong {
            start: OsStr::from_bytes(start).into(),
            len,
        };
    }
    if path.is_symlink() {
        if source.kind() == ErrorKind::NotFound {
            let (link, target) = (path.to_path_buf(), end_of_links(path));
            return Error::LinkToNothing { link, target };
        }
        if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            let link = path.to_path_buf();
            return Error::LinkToItself { link };
        }
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    Error::io(Action::Open, &absolute, source)
}

/// What a link leads to in the end, by way of other links.
fn end_of_links(link: &Path) -> PathBuf {
    let mut path = link.to_path_buf();
    // As many as the kernel follows.
    for _ in 0..40 {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => break,
        }
    }
    path
}

#[cfg(test)]
mod tests;
