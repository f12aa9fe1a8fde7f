//! Finished files of a state, on their way to their places: brought to the disk many at a time.
//!
//! One by one, each would wait for the disk in turn, and ten thousand small inputs would wait for a
//! minute. Several threads that wait at the same time wait for one and the same write of the file system's
//! journal. (To sync the whole file system at once is as quick, but it writes what everybody else has
//! written, and a process that waits for that cannot be ended.)

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use super::folder::Folder;
use crate::error::{Action, Error, Result};
use crate::output::DraftFile;

/// How many files wait at most; and what part of the files that the process may have open.
const MOST: u64 = 256;
const SHARE: u64 = 5;

/// How long a file waits at most for the next to be finished: what is lost if the run is killed.
const LONGEST: Duration = Duration::from_secs(1);

/// How many threads wait for the disk.
const THREADS: usize = 16;

/// A file that is complete.
#[derive(Debug)]
pub(crate) struct Written {
    pub(super) draft: DraftFile,
    pub(super) place: PathBuf,
}

/// Files that are complete and not in place.
#[derive(Debug)]
pub(super) struct Commits {
    waiting: Mutex<Waiting>,
    /// Held by whoever puts files in place. Others who have a full batch wait: each file takes a descriptor.
    putting: Mutex<()>,
    most: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    files: Vec<Written>,
    /// Since when the first waits.
    since: Option<Instant>,
}

impl Default for Commits {
    fn default() -> Commits {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Commits {
            waiting: Mutex::default(),
            putting: Mutex::default(),
            // At most 256.
            most: usize::try_from((allowed / SHARE).clamp(1, MOST)).unwrap_or(1),
        }
    }
}

impl Commits {
    /// Takes a file, and puts in place what has waited for long enough.
    pub(super) fn add(&self, folder: &Folder, file: Written) -> Result<()> {
        {
            let mut waiting = lock(&self.waiting);
            waiting.files.push(file);
            let since = *waiting.since.get_or_insert_with(Instant::now);
            if waiting.files.len() < self.most && since.elapsed() < LONGEST {
                return Ok(());
            }
        }
        self.all(folder)
    }

    /// Puts everything in place.
    pub(super) fn all(&self, folder: &Folder) -> Result<()> {
        let _putting = lock(&self.putting);
        // Perhaps somebody else has just done it.
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        put(folder, waiting.files)
    }
}

fn put(folder: &Folder, files: Vec<Written>) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let sync = |files: &[Written]| {
        files.iter().try_for_each(|file| {
            let synced = file.draft.file().sync_all();
            synced.map_err(|source| Error::io(Action::Sync, &file.place, source))
        })
    };
    let share = files.len().div_ceil(THREADS);
    std::thread::scope(|scope| {
        let sync = &sync;
        let mut shares = files.chunks(share);
        let first = shares.next().unwrap_or_default();
        let others: Vec<_> = shares
            .map(|share| {
                let builder = std::thread::Builder::new().name("daytally-sync".into());
                // Where there may be no more threads, this one does it.
                (share, builder.spawn_scoped(scope, move || sync(share)).ok())
            })
            .collect();
        let mut synced = sync(first);
        for (share, thread) in others {
            let done = match thread {
                Some(thread) => thread.join().unwrap_or(Err(Error::Panicked)),
                None => sync(share),
            };
            synced = synced.and(done);
        }
        synced
    })?;
    for Written { draft, place } in files {
        draft
            .put_at(&place)
            .map_err(|source| Error::io(Action::Publish, &place, source))?;
    }
    folder.sync()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere ends the run by itself.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
