//! The steps in which outputs are put in place, each such that it can be taken back.
//!
//! Where something is already, new and old trade places (`RENAME_EXCHANGE`), so the old file is then where
//! the draft was. Where nothing is, the draft is renamed; what goes is renamed to where the drafts are.
//! Each is one call, so there is no moment at which a file is neither what it was nor what it is to be.
//!
//! Some file systems cannot have files trade places. There the old file is given a second name first, and
//! where there are no second names either, the step cannot be taken back, and says so.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::publish::folder_of;

/// How often a place is looked at again that changed between the look and the step.
const ATTEMPTS: usize = 16;

/// What the second name of an old file ends with.
const OLD: &str = "old";

/// A step that was done.
#[derive(Debug)]
pub(super) struct Step {
    place: PathBuf,
    how: How,
}

#[derive(Debug)]
enum How {
    /// The draft's name has the old file now.
    Traded { draft: PathBuf, new: Identity },
    /// The old file is still at its second name, if it has one.
    Replaced { old: Option<PathBuf>, new: Identity },
    /// Nothing was there.
    Added { draft: PathBuf, new: Identity },
    /// Nor was the folder; the file goes back to `draft` alone.
    AddedWithFolder { draft: PathBuf, new: Identity },
    /// The file is at `kept` now.
    Removed { kept: PathBuf },
}

/// Which file it is, under whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl From<Metadata> for Identity {
    fn from(file: Metadata) -> Identity {
        Identity(file.dev(), file.ino())
    }
}

impl Identity {
    fn of(path: &Path) -> io::Result<Identity> {
        path.symlink_metadata().map(Identity::from)
    }

    /// Whether it is this file that is at a path.
    fn is_at(self, path: &Path) -> io::Result<bool> {
        match Identity::of(path) {
            Ok(there) => Ok(there == self),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Puts a draft in place.
///
/// # Errors
///
/// Where it cannot be. What was done all the same is among the steps, also then.
pub(super) fn put(draft: &Path, place: &Path, steps: &mut Vec<Step>) -> io::Result<()> {
    let new = Identity::of(draft)?;
    let mut done = |how| {
        let place = place.to_path_buf();
        steps.push(Step { place, how });
    };
    for _ in 0..ATTEMPTS {
        let is_there = match place.symlink_metadata() {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        let draft = draft.to_path_buf();
        if is_there {
            match trade(&draft, place) {
                Ok(()) => {
                    let came_out = draft.symlink_metadata();
                    done(How::Traded { draft, new });
                    // It came since the look.
                    if came_out?.is_dir() {
                        return Err(io::ErrorKind::IsADirectory.into());
                    }
                    return Ok(());
                }
                Err(error) if is_unknown(&error) => {
                    let old = second_name_of(&draft);
                    let old = second_name(place, &old).is_ok().then_some(old);
                    rename(&draft, place)?;
                    done(How::Replaced { old, new });
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        } else {
            match rename_to_new(&draft, place) {
                Ok(()) => {
                    done(How::Added { draft, new });
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
    Err(io::Error::other("somebody else writes there, too"))
}

/// Puts the draft of a file in place together with the folder that it is in. Should there be a folder by
/// now, the file is put into that. `back` is where the file goes if it is taken back.
///
/// # Errors
///
/// As [`put`].
pub(super) fn put_with_folder(
    draft: &Path,
    place: &Path,
    back: PathBuf,
    steps: &mut Vec<Step>,
) -> io::Result<()> {
    let new = Identity::of(draft)?;
    match rename_to_new(folder_of(draft), folder_of(place)) {
        Ok(()) => {
            steps.push(Step {
                place: place.to_path_buf(),
                how: How::AddedWithFolder { draft: back, new },
            });
            Ok(())
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) =>
        {
            put(draft, place, steps)
        }
        Err(error) => Err(error),
    }
}

/// Takes a file away, to `kept`. One that is not there is no error.
///
/// # Errors
///
/// As [`put`].
pub(super) fn remove(place: &Path, kept: &Path, steps: &mut Vec<Step>) -> io::Result<()> {
    match rename(place, kept) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let went = kept.symlink_metadata();
    steps.push(Step {
        place: place.to_path_buf(),
        how: How::Removed {
            kept: kept.to_path_buf(),
        },
    });
    // It came since somebody looked.
    if went?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(())
}

impl Step {
    /// Where it was done.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Whether a file was taken away.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self.how, How::Removed { .. })
    }

    /// The folder in which names changed.
    pub(super) fn folder(&self) -> &Path {
        let folder = folder_of(&self.place);
        match self.how {
            // It came with all its names.
            How::AddedWithFolder { .. } => folder_of(folder),
            _ => folder,
        }
    }

    /// Takes the step back. What somebody else has put there since then stays.
    ///
    /// # Errors
    ///
    /// Where that cannot be done; what is there is then new.
    pub(super) fn take_back(&self) -> io::Result<()> {
        let place = &self.place;
        match &self.how {
            How::Traded { draft, new } if new.is_at(place)? => trade(draft, place),
            How::Replaced { old, new } if new.is_at(place)? => match old {
                Some(old) => rename(old, place),
                None => Err(io::Error::other(
                    "the file system can neither exchange nor link files",
                )),
            },
            How::Added { draft, new } if new.is_at(place)? => rename(place, draft),
            How::AddedWithFolder { draft, new } => {
                if new.is_at(place)? {
                    rename(place, draft)?;
                }
                // Unless somebody has put something into it.
                let _ = std::fs::remove_dir(folder_of(place));
                Ok(())
            }
            How::Removed { kept } => match rename_to_new(kept, place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                renamed => renamed,
            },
            How::Traded { .. } | How::Replaced { .. } | How::Added { .. } => Ok(()),
        }
    }
}

/// Has two files trade places.
fn trade(draft: &Path, place: &Path) -> io::Result<()> {
    check(Call::Trade, place)?;
    rustix::fs::renameat_with(CWD, draft, CWD, place, RenameFlags::EXCHANGE)?;
    Ok(())
}

/// Renames to where nothing is.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let rename_to_new = || {
        check(Call::RenameToNew, to)?;
        rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?;
        Ok(())
    };
    match rename_to_new() {
        Err(error) if is_unknown(&error) => match to.symlink_metadata() {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => rename(from, to),
        },
        renamed => renamed,
    }
}

/// Renames over whatever is there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    check(Call::Rename, to)?;
    std::fs::rename(from, to)
}

/// Gives a file a second name.
fn second_name(file: &Path, name: &Path) -> io::Result<()> {
    check(Call::Link, file)?;
    std::fs::hard_link(file, name)
}

/// The second name of a file that the draft replaces.
pub(super) fn second_name_of(draft: &Path) -> PathBuf {
    draft.with_extension(OLD)
}

/// Whether the kernel or the file system does not know that way of renaming.
fn is_unknown(error: &io::Error) -> bool {
    let unknown = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|error| unknown.contains(&error))
}

/// A call that tests have fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Trade,
    RenameToNew,
    Rename,
    Link,
    Sync,
}

/// In tests, whether a call is to fail.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests there are errors")]
pub(super) fn check(_: Call, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use faults::check;

/// Calls that fail in tests.
#[cfg(test)]
pub(super) mod faults {
    use super::{Call, Errno, Path, PathBuf, io};
    use std::sync::{Mutex, PoisonError};

    type Rule = Box<dyn FnMut(Call, &Path) -> Option<Errno> + Send>;

    /// Tests run side by side, so each has its own folder.
    static RULES: Mutex<Vec<(PathBuf, Rule)>> = Mutex::new(Vec::new());

    /// From here on `rule` says which calls fail in a folder.
    pub(in crate::output) fn inject(
        folder: &Path,
        rule: impl FnMut(Call, &Path) -> Option<Errno> + Send + 'static,
    ) {
        let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|(of, _)| of != folder);
        rules.push((folder.to_path_buf(), Box::new(rule)));
    }

    pub(in crate::output) fn check(call: Call, path: &Path) -> io::Result<()> {
        let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules
            .iter_mut()
            .find(|(folder, _)| path.starts_with(folder));
        match rule.and_then(|(_, rule)| rule(call, path)) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}
