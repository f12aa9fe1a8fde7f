//! What a folder or a pattern gives: the paths in it, and what becomes of each.

use std::collections::HashSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ffi::OsString;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use walkdir::{DirEntry, WalkDir};

use super::LeftOut;
use super::faults::cannot_open;
use super::glob::{Component, Pattern, Wild};
use super::name::{self, NameKind};
use crate::error::Error;
use crate::input::file::FileId;

/// What a folder or a pattern gives.
pub(super) struct Harvest<'a> {
    /// What becomes of each path, in the order of the bytes. One path can be met in several ways, as
    /// a folder that matches a pattern and a file in it that matches too.
    pub(super) fates: BTreeMap<OsString, Fate>,
    /// The folders that a rest of so many components of the pattern at hand was tried in.
    tried: HashSet<(PathBuf, usize)>,
    /// Whether pipes and devices are taken too.
    takes_all_kinds: bool,
    /// Whether something was taken for the pattern at hand, be it that another took it before.
    has_taken: bool,
    stop: &'a AtomicUsize,
    /// The first thing that is wrong. It ends the search.
    pub(super) fault: Option<Error>,
}

/// What becomes of a path.
pub(super) enum Fate {
    Taken(Taken),
    LeftOut(Why),
}

/// What there is to know of something that is taken.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) id: FileId,
    pub(super) is_regular: bool,
    /// How many bytes it has, if it is a regular file.
    pub(super) len: u64,
    /// What it is called if it is no regular file.
    pub(super) kind: &'static str,
}

impl Taken {
    pub(super) fn new(metadata: &Metadata) -> Taken {
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
pub(super) enum Why {
    Hidden,
    Marker,
    Other,
}

impl<'a> Harvest<'a> {
    pub(super) fn new(stop: &'a AtomicUsize) -> Harvest<'a> {
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
    pub(super) fn is_over(&mut self) -> bool {
        if let Some(signal) = stopped_by(self.stop) {
            self.fault(Error::Stopped { signal });
        }
        self.fault.is_some()
    }

    /// Whether it gives no inputs, and nothing else is wrong that could be the reason.
    pub(super) fn has_nothing(&self) -> bool {
        let is_taken = |fate: &Fate| matches!(fate, Fate::Taken { .. });
        self.fault.is_none() && !self.fates.values().any(is_taken)
    }

    pub(super) fn left_out(&self) -> LeftOut {
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
    pub(super) fn walk(&mut self, folder: &Path) {
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
    pub(super) fn pattern(&mut self, pattern: &Pattern) -> bool {
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
    pub(super) fn matched(&mut self, path: PathBuf, wants_folder: bool) {
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
pub(super) fn why_unasked(name: &[u8]) -> Option<Why> {
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

/// Whether there is nothing there.
pub(super) fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The signal that ends the search, if there was one.
pub(super) fn stopped_by(stop: &AtomicUsize) -> Option<i32> {
    match stop.load(Ordering::Relaxed) {
        0 => None,
        signal => i32::try_from(signal).ok(),
    }
}
