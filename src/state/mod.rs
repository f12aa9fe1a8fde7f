//! What earlier runs have counted, kept in a folder: so that a run has to read only what is new.
//!
//! For each input file there is a partial result, complete in itself: it names the file and
//! what it was when it was read, and holds the books and all groups of its events. Nothing else tells
//! what the state holds, so nothing can contradict it: a run that is killed leaves the partial results
//! that it had finished, and one that is missing is made anew. Every byte is under a checksum.
//!
//! | in the folder | is |
//! |---|---|
//! | `daytally-state` | what this folder is, the version of its format, and how its events were judged |
//! | `lock` | locked by the run that is at work, with the number of its process in it |
//! | `<hash of the input's path>.partial` | a partial result |
//! | `published-days` | the days that are in output folders |
//! | `<hash of the input's path>.rejects` | the rejects of the same input, if a run wanted any |
//!
//! Files are written whole, brought to the disk, and then renamed into place.
//!
//! [`Pipeline::aggregate_with`](crate::Pipeline::aggregate_with) reads and writes it, and has an example.

mod commit;
mod folder;
pub(crate) mod meta;
pub(crate) mod partial;
mod published;
pub(crate) mod rejects;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::event::Date;
use crate::input::{Change, Verify};
use commit::Commits;
use folder::Folder;
#[cfg(feature = "arrow")]
pub(crate) use folder::RULES;
pub use folder::Settings;
pub(crate) use folder::{REMEDY_FOR_ALL, StoredSchema, difference};
pub(crate) use meta::Generation;
pub(crate) use meta::{PartialMeta, UnfinishedLine};
use partial::PartialFile;

/// The state in a folder, for one run that may change it.
///
/// ```
/// use daytally::state::{Settings, State};
///
/// let folder = tempfile::tempdir().unwrap();
/// let state = State::open(&folder.path().join("state"), Settings::default())?;
/// assert_eq!(state.inputs().count(), 0);
/// // Two runs at once would not know of each other.
/// let second = State::open(&folder.path().join("state"), Settings::default());
/// assert!(second.unwrap_err().to_string().contains("is in use by process"));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct State {
    folder: Folder,
    settings: Settings,
    partials: Mutex<BTreeMap<PathBuf, PartialMeta>>,
    commits: Commits,
}

/// What is to be done with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// It was read, and is what it was.
    Keep,
    /// It was read up to a byte, and has grown since.
    ReadOn(Box<PartialMeta>),
    /// It has to be read.
    Read(Why),
}

/// Why an input has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It never was.
    New,
    /// It is something else than it was.
    Changed,
    /// It may be what it was, but something was not kept that is wanted now: its rejects, or a hash of
    /// all of its bytes.
    NotKept,
}

impl State {
    /// Opens the state in a folder, which is created if nothing is there. Its partial results are looked
    /// through, and what a killed run left unfinished is removed.
    ///
    /// # Errors
    ///
    /// [`Error::StateInUse`] where another run is at work; [`Error::NotAState`] where the folder holds
    /// something else, [`Error::StateVersion`] where another version of this program wrote it,
    /// [`Error::StateSettings`] where its events were judged otherwise, [`Error::StateDamaged`] where a
    /// file is not what was written; and where the folder cannot be created, read, or written to.
    pub fn open(path: &Path, settings: Settings) -> Result<State> {
        let folder = Folder::open(path)?;
        let settings = folder.settle(settings)?;
        folder.sweep()?;
        let partials = folder.partials()?;
        Ok(State {
            commits: Commits::default(),
            folder,
            settings,
            partials: Mutex::new(partials),
        })
    }

    /// The partial results in the state in a folder, to be looked at only.
    ///
    /// # Errors
    ///
    /// As for [`State::open`], also where there is no state.
    #[doc(hidden)]
    pub fn look(path: &Path) -> Result<Vec<PartialMeta>> {
        let folder = Folder::existing(path)?;
        folder.settings()?;
        Ok(folder.partials()?.into_values().collect())
    }

    /// Checks the state in a folder down to the last byte: that every file is what was written, and that
    /// what it holds adds up. Returns how many bytes were looked at.
    ///
    /// # Errors
    ///
    /// As for [`State::open`], also where there is no state.
    pub fn check(path: &Path) -> Result<u64> {
        let folder = Folder::existing(path)?;
        folder.settings()?;
        let mut bytes = published::check(&folder)?;
        for meta in folder.partials()?.into_values() {
            match State::check_input(&folder, &meta) {
                // A run that is at work may replace or remove it.
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                checked => bytes += checked?,
            }
        }
        Ok(bytes)
    }

    fn check_input(folder: &Folder, meta: &PartialMeta) -> Result<u64> {
        let partial = PartialFile::open(&folder.partial(&meta.path))?.check()?;
        Ok(partial + rejects::check(&folder.rejects(&meta.path), meta)?)
    }

    /// The absolute path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// How the events were judged, and what is kept.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The inputs that partial results are kept of.
    pub fn inputs(&self) -> impl Iterator<Item = PathBuf> {
        let paths: Vec<PathBuf> = lock(&self.partials).keys().cloned().collect();
        paths.into_iter()
    }

    /// What is kept of an input, by its absolute path.
    #[doc(hidden)]
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<PartialMeta> {
        lock(&self.partials).get(path).cloned()
    }

    /// Takes out what is kept of inputs.
    ///
    /// # Errors
    ///
    /// Where a file cannot be removed.
    pub fn forget<'p>(&mut self, paths: impl IntoIterator<Item = &'p Path>) -> Result<()> {
        for path in paths {
            self.folder.remove(path)?;
            lock(&self.partials).remove(path);
        }
        self.folder.sync()
    }

    /// The days in an output folder, by its absolute path, that came from this state.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn published_days(&self, folder: &Path) -> Result<BTreeSet<Date>> {
        published::get(&self.folder, folder)
    }

    /// Says which these are. Before days are put there and others taken away it should be both, since
    /// something may go wrong in between, and then those that are left.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn set_published_days(
        &mut self,
        folder: &Path,
        days: impl IntoIterator<Item = Date>,
    ) -> Result<()> {
        published::set(&self.folder, folder, days)
    }

    /// What is to be done with an input.
    pub(crate) fn plan(&self, path: &Path, verify: Verify) -> Result<Plan> {
        let Some(kept) = self.get(path) else {
            return Ok(Plan::Read(Why::New));
        };
        let change = kept.record.compare(path, verify)?;
        let are_rejects_wanted = self.settings.keeps_rejects && kept.books.invalid() > 0;
        Ok(match change {
            Change::Unknown => Plan::Read(Why::NotKept),
            Change::None | Change::Grown
                if are_rejects_wanted && self.rejects(&kept)?.is_none() =>
            {
                Plan::Read(Why::NotKept)
            }
            Change::None => Plan::Keep,
            Change::Grown if kept.may_be_read_on() => Plan::ReadOn(Box::new(kept)),
            Change::Grown | Change::Changed => Plan::Read(Why::Changed),
        })
    }

    /// The partial result that is kept of an input.
    pub(crate) fn partial(&self, path: &Path) -> Result<PartialFile> {
        PartialFile::open(&self.folder.partial(path))
    }

    /// The rejects that are kept of an input, if they are.
    pub(crate) fn rejects(&self, meta: &PartialMeta) -> Result<Option<rejects::KeptRejects>> {
        rejects::KeptRejects::of(&self.folder.rejects(&meta.path), meta.generation)
    }

    /// A new partial result of an input, in place of what is kept.
    pub(crate) fn new_partial(&self, path: &Path) -> Result<partial::Draft> {
        partial::Draft::create(self.folder.draft()?, self.folder.partial(path))
    }

    /// New rejects of an input, in place of what is kept.
    pub(crate) fn new_rejects(&self, path: &Path) -> Result<rejects::Draft> {
        Ok(rejects::Draft::create(
            self.folder.draft()?,
            self.folder.rejects(path),
        ))
    }

    /// Takes a finished partial result; it may stay unseen until [`State::commit`].
    pub(crate) fn keep(&self, meta: PartialMeta, file: commit::Written) -> Result<()> {
        let path = meta.path.clone();
        lock(&self.partials).insert(path, meta);
        self.commits.add(&self.folder, file)
    }

    /// The same for rejects.
    pub(crate) fn keep_rejects(&self, file: commit::Written) -> Result<()> {
        self.commits.add(&self.folder, file)
    }

    /// Puts in place whatever is finished.
    pub(crate) fn commit(&self) -> Result<()> {
        self.commits.all(&self.folder)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere ends the run by itself.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
