//! The publisher: a file appears at its place complete and on the disk, or not at all.
//!
//! A [`Draft`] is written without anybody seeing it, [finished](Draft::finish) (flushed and synced),
//! and [published](Finished::publish): it trades places with the target, and the folder is synced. Until
//! then, and if that fails, the target is what it was. Where the file system can, the draft has no name at all before it is
//! complete (`O_TMPFILE`), so that nothing is left behind however the process ends. Where there already
//! is what the draft says, to the byte, nothing is replaced.
//!
//! Devices, pipes and standard output cannot be replaced; they are written as the bytes come.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, StatxAttributes, Uid};
use sha2::{Digest as _, Sha256};

use super::drafts::{self, Name};
use super::publication::{Part, Publication, TakenBack};
use super::same::{self, Comparison};
use super::steps::{self, Call, Step};
use super::waiting::{Parts, Waiting, write_parts};
use super::writeback::{Room, Writeback};
use crate::error::{Action, Error, OutputPart, Result};
use crate::text;

/// How many bytes are collected before they are written.
pub(super) const BUFFER: usize = 128 * 1024;

/// How many symbolic links are followed from one to the next, as Linux does.
const LINK_LIMIT: usize = 40;

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// The file, device or pipe at a path.
    Path(PathBuf),
}

impl Target {
    /// A target as it is typed: `-` is standard output, and so are its paths.
    ///
    /// ```
    /// use daytally::output::Target;
    /// assert_eq!(Target::new("/dev/stdout".into()), Target::Stdout);
    /// ```
    #[must_use]
    pub fn new(text: PathBuf) -> Target {
        let stdout = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
        if stdout.iter().any(|name| text.as_os_str() == *name) {
            Target::Stdout
        } else {
            Target::Path(text)
        }
    }

    /// The absolute path; `-` for standard output.
    #[must_use]
    pub fn absolute(&self) -> PathBuf {
        match self {
            Target::Stdout => PathBuf::from("-"),
            Target::Path(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        }
    }

    /// The path that a new file would be put at: symbolic links followed, also one that leads to
    /// where nothing is yet. `None` for what is written through instead.
    ///
    /// # Errors
    ///
    /// Where the path is a folder or cannot be looked at, or the links lead in a circle.
    pub fn place(&self) -> Result<Option<PathBuf>> {
        let Target::Path(path) = self else {
            return Ok(None);
        };
        let create = |source: io::Error| Error::io(Action::Create, path, source);
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(create(io::ErrorKind::IsADirectory.into()));
        }
        match std::fs::metadata(path) {
            Ok(there) if there.is_file() && !names_a_descriptor(path) => {
                path.canonicalize().map(Some).map_err(create)
            }
            Ok(there) if there.is_dir() => Err(create(io::ErrorKind::IsADirectory.into())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                follow_links(path).map(Some).map_err(create)
            }
            Err(error) => Err(create(error)),
        }
    }
}

/// Whether a path stands for a file that this process, or its shell, has already opened.
fn names_a_descriptor(path: &Path) -> bool {
    path == Path::new("/dev/stderr")
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

/// The path at the end of symbolic links that lead to where nothing is.
pub(super) fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..LINK_LIMIT {
        match std::fs::read_link(&path) {
            // `join` keeps an absolute target as it is.
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// An output that is being written.
///
/// ```
/// use daytally::output::{Draft, Target};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("daily_user_stats.csv");
/// let mut draft = Draft::create(&Target::Path(path.clone()))?.with_digest();
/// draft.write(b"date,user_id,event_count,purchase_count,total_revenue\n")?;
/// let finished = draft.finish()?;
/// assert!(finished.sha256().is_some() && !path.exists());
/// finished.publish()?;
/// assert!(path.exists());
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct Draft {
    target: Target,
    sink: Sink,
    waiting: Box<Waiting>,
    bytes: u64,
    digest: Option<Sha256>,
}

#[derive(Debug)]
enum Sink {
    /// A file of its own, to be put in place when it is complete.
    Staged(Box<Staged>),
    /// Open, and written as the bytes come.
    Through(File),
    /// Standard output whose reader went away. That is its right: what else there is to do is done.
    Closed,
    /// A named pipe, opened when there is something to write: opening waits for a reader.
    Pipe,
}

#[derive(Debug)]
struct Staged {
    file: File,
    writeback: Writeback,
    room: Room,
    /// The file's temporary name, if it has one.
    name: Option<Name>,
    place: PathBuf,
    /// What the file will replace.
    replaced: Option<Metadata>,
    /// With that, if there is something.
    comparison: Option<Comparison>,
}

impl Draft {
    /// Starts an output: creates its draft in the target's folder, or opens what is written
    /// through. So a place that cannot be written to is found before any work is done.
    ///
    /// The first draft in a folder removes drafts from it that killed processes have left there.
    ///
    /// # Errors
    ///
    /// Where the target cannot be written, with its path.
    pub fn create(target: &Target) -> Result<Draft> {
        let sink = match (target.place()?, target) {
            (Some(place), Target::Path(path)) => Sink::Staged(Box::new(
                Staged::create(place).map_err(|source| Error::io(Action::Create, path, source))?,
            )),
            (_, Target::Stdout) => Sink::Through(
                rustix::stdio::stdout()
                    .try_clone_to_owned()
                    .map(File::from)
                    .map_err(|source| Error::Stdout { source })?,
            ),
            (None, Target::Path(path)) => {
                let open = || {
                    if std::fs::metadata(path)?.file_type().is_fifo() {
                        rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?;
                        return Ok(Sink::Pipe);
                    }
                    // What is already in a file behind a descriptor stays there.
                    OpenOptions::new()
                        .write(true)
                        .append(names_a_descriptor(path))
                        .open(path)
                        .map(Sink::Through)
                };
                open().map_err(|source: io::Error| Error::io(Action::Open, path, source))?
            }
        };
        Ok(Draft {
            target: target.clone(),
            sink,
            waiting: Box::new(Waiting::new(BUFFER)),
            bytes: 0,
            digest: None,
        })
    }

    /// Computes the SHA-256 of the bytes as they are written.
    #[must_use]
    pub fn with_digest(mut self) -> Draft {
        self.digest = Some(Sha256::new());
        self
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    ///
    /// Where they cannot be written: a full disk, a reader that went away.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.count(bytes);
        let (sink, target) = (&mut self.sink, &self.target);
        self.waiting.add(bytes, |parts| sink.write(target, parts))
    }

    /// The same, and leaves `bytes` empty. Most of them need not be copied then. For the program.
    ///
    /// # Errors
    ///
    /// As [`write`](Draft::write).
    #[doc(hidden)]
    pub fn take(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.count(bytes);
        let (sink, target) = (&mut self.sink, &self.target);
        self.waiting.take(bytes, |parts| sink.write(target, parts))
    }

    fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
    }

    /// Completes the output: everything written, and a file's content on the disk. If the target is a
    /// file with these very bytes, it is that which is brought to the disk.
    ///
    /// # Errors
    ///
    /// As [`write`](Draft::write), and where the disk reports a fault. The draft is then gone.
    pub fn finish(mut self) -> Result<Finished> {
        let (sink, target) = (&mut self.sink, &self.target);
        self.waiting.flush(|parts| sink.write(target, parts))?;
        let mut is_unchanged = false;
        if let Sink::Staged(staged) = &mut self.sink {
            staged.room.give_back(&staged.file, self.bytes);
            is_unchanged = staged.is_in_place(self.bytes);
            if !is_unchanged {
                take_over_mode(&staged.file, staged.replaced.as_ref());
                staged
                    .file
                    .sync_all()
                    .map_err(|source| self.target.fault(Action::Sync, source))?;
            }
        }
        Ok(Finished {
            draft: self,
            is_unchanged,
        })
    }
}

impl Target {
    fn fault(&self, action: Action, source: io::Error) -> Error {
        match self {
            Target::Stdout => Error::Stdout { source },
            Target::Path(path) => Error::io(action, path, source),
        }
    }
}

impl Sink {
    fn write(&mut self, target: &Target, parts: Parts<'_>) -> Result<()> {
        if let (Sink::Pipe, Target::Path(path)) = (&*self, target) {
            let pipe = OpenOptions::new().write(true).open(path);
            *self = Sink::Through(pipe.map_err(|source| target.fault(Action::Open, source))?);
        }
        let written = match self {
            Sink::Staged(staged) => staged.write(parts),
            Sink::Through(file) => write_parts(file, parts),
            Sink::Pipe | Sink::Closed => Ok(()),
        };
        if let (Err(error), Target::Stdout) = (&written, target)
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            *self = Sink::Closed;
            return Ok(());
        }
        written.map_err(|source| target.fault(Action::Write, source))
    }
}

impl Staged {
    fn create(place: PathBuf) -> io::Result<Staged> {
        let replaced = replaced(&place)?;
        let folder = folder_of(&place);
        drafts::sweep_once(folder);
        let (file, name) = if let Some(file) = drafts::create_nameless(folder) {
            (file, None)
        } else {
            let (file, name) = drafts::create_file(folder)?;
            (file, Some(name))
        };
        Ok(Staged {
            file,
            writeback: Writeback::default(),
            room: Room::default(),
            comparison: Comparison::with(&place),
            name,
            place,
            replaced,
        })
    }

    fn write(&mut self, parts: Parts<'_>) -> io::Result<()> {
        let len = parts[0].len() + parts[1].len();
        self.room.ask(&self.file, self.writeback.written(), len);
        write_parts(&self.file, parts)?;
        self.writeback.wrote(&self.file, len);
        if let Some(comparison) = &mut self.comparison {
            for part in parts {
                comparison.add(part);
            }
        }
        Ok(())
    }

    /// Whether the file that is there has these bytes, and is on the disk.
    fn is_in_place(&mut self, bytes: u64) -> bool {
        let old = match self.comparison.take() {
            Some(comparison) => comparison.finish(&self.place, &self.file, bytes),
            // It may have come meanwhile.
            None => same::file_if_same(&self.place, &self.file, bytes),
        };
        // Its bytes, and the rename that put it there, if that was just before.
        let is_synced = |old: File| old.sync_all().and_then(|()| sync_folder_of(&self.place));
        old.is_some_and(|old| is_synced(old).is_ok())
    }
}

/// A finished file on its way to its place.
#[derive(Debug)]
struct FilePart {
    staged: Staged,
    /// The target as it is named.
    path: PathBuf,
    stage: Option<Stage>,
    steps: Vec<Step>,
}

/// Where the draft of a file waits, and then the file that it has replaced.
#[derive(Debug)]
struct Stage {
    name: Name,
    /// Locks it for as long as it is open.
    _lock: File,
    /// The folder that it is in, unless that may not be read.
    folder: Option<File>,
}

impl Stage {
    /// The draft.
    fn draft(&self) -> PathBuf {
        self.name.path().join("new")
    }
}

impl FilePart {
    fn refused(&self, source: io::Error) -> Error {
        Error::io(Action::Publish, &self.path, source)
    }

    /// Gives the draft its name.
    fn stage(&mut self) -> io::Result<Stage> {
        let folder = folder_of(&self.staged.place);
        // Opened while nothing is lost if it cannot be. Some may be written to and not be read.
        let handle = match File::open(folder) {
            Ok(handle) => Some(handle),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            Err(error) => return Err(error),
        };
        let (lock, name) = drafts::create_folder(folder)?;
        let stage = Stage {
            name,
            _lock: lock,
            folder: handle,
        };
        let draft = match self.staged.name.take() {
            Some(draft) => draft,
            None => drafts::link(&self.staged.file, folder)?,
        };
        draft.rename_to(&stage.draft())?;
        Ok(stage)
    }

    fn sync_names(&self) -> io::Result<()> {
        let folder = folder_of(&self.staged.place);
        if let Some(handle) = self.stage.as_ref().and_then(|stage| stage.folder.as_ref()) {
            return sync_folder(folder, handle);
        }
        steps::check(Call::Sync, folder)?;
        Ok(rustix::fs::syncfs(&self.staged.file)?)
    }
}

impl Part for FilePart {
    fn prepare(&mut self) -> Result<()> {
        let stage = self.stage().map_err(|source| self.refused(source))?;
        self.stage = Some(stage);
        Ok(())
    }

    fn hold(&mut self) -> Result<()> {
        let held = self.stage.as_mut().map(|stage| stage.name.hold());
        held.transpose().map_err(|source| self.refused(source))?;
        Ok(())
    }

    fn put(&mut self) -> Result<()> {
        let Some(stage) = &self.stage else {
            return Ok(());
        };
        let put = steps::put(&stage.draft(), &self.staged.place, &mut self.steps);
        put.map_err(|source| self.refused(source))
    }

    fn sync(&mut self) -> Result<()> {
        let folder = folder_of(&self.staged.place);
        self.sync_names()
            .map_err(|source| Error::io(Action::Sync, folder, source))
    }

    fn take_back(&mut self) -> TakenBack {
        let was_put = !self.steps.is_empty();
        self.steps.retain(|step| step.take_back().is_err());
        let is_durable = !was_put || self.sync_names().is_ok();
        let part = Some(OutputPart::File(self.path.clone()));
        let is_back = self.steps.is_empty();
        if is_back {
            self.settle();
        }
        let stage = self.stage.as_ref();
        let kept = stage.map(|stage| stage.name.path().to_path_buf());
        let (changed, unchanged) = if is_back { (None, part) } else { (part, None) };
        TakenBack {
            changed,
            unchanged,
            kept,
            is_durable,
        }
    }

    fn settle(&mut self) -> Option<PathBuf> {
        let stage = self.stage.take()?;
        for file in [stage.draft(), steps::second_name_of(&stage.draft())] {
            // If it is there and stays, so does the folder.
            let _ = std::fs::remove_file(file);
        }
        let folder = stage.name.path();
        std::fs::remove_dir(folder).err()?;
        Some(folder.to_path_buf())
    }
}

/// What a new file at `place` would replace.
///
/// # Errors
///
/// Where it may not be replaced, or cannot be looked at.
pub(super) fn replaced(place: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(place) {
        Ok(there) => {
            // A rename would get around the file's own protection.
            rustix::fs::access(place, rustix::fs::Access::WRITE_OK)?;
            check_replaceable(place, &there)?;
            Ok(Some(there))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives a new file the mode and, where this user may, the owner of the one it replaces.
pub(super) fn take_over_mode(file: &File, replaced: Option<&Metadata>) {
    let Some(replaced) = replaced else {
        return;
    };
    // The owner first: changing it clears the set-id bits of the mode. Only root may give a
    // file away; for others the file is then theirs, as with any other program that replaces
    // files, and the mode is what matters.
    let _ = rustix::fs::fchown(
        file.as_fd(),
        Some(Uid::from_raw(replaced.uid())),
        Some(Gid::from_raw(replaced.gid())),
    );
    let _ = file.set_permissions(Permissions::from_mode(replaced.mode() & 0o7777));
}

/// Brings the names in the folder of a path to the disk.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    sync_folder(folder, &File::open(folder)?)
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_folder(path: &Path, folder: &File) -> io::Result<()> {
    steps::check(Call::Sync, path)?;
    match folder.sync_all() {
        // Some file systems have no such thing for folders.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// An output that is complete but, if it is a file, not yet to be seen. Dropping it discards it.
///
/// ```
/// use daytally::output::{Draft, Target};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let target = Target::Path(folder.path().join("daily_user_stats.csv"));
/// for is_second in [false, true] {
///     let mut draft = Draft::create(&target)?;
///     draft.write(b"the same\n")?;
///     let finished = draft.finish()?;
///     assert_eq!((finished.bytes(), finished.is_unchanged()), (9, is_second));
///     finished.publish()?;
/// }
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug)]
pub struct Finished {
    draft: Draft,
    is_unchanged: bool,
}

impl Finished {
    /// How many bytes were written.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.draft.bytes
    }

    /// Whether there is a file with these very bytes at the target. It will not be touched.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.is_unchanged
    }

    /// The SHA-256 of the bytes in lower-case hexadecimal; `None` unless it was asked for.
    #[must_use]
    pub fn sha256(&self) -> Option<String> {
        let digest = self.draft.digest.clone()?.finalize();
        Some(text::hexadecimal(&digest))
    }

    /// Puts the file in place, replacing what is there unless it is the same, and makes sure that it
    /// stays there. A [`Publication`] does so with several.
    ///
    /// # Errors
    ///
    /// As [`Publication::publish`]: where it cannot be put in place or brought to the disk, the target is
    /// what it was.
    pub fn publish(self) -> Result<()> {
        let mut publication = Publication::default();
        publication.add(self);
        publication.publish().map(drop)
    }

    /// What is to be put in place, if anything is.
    pub(super) fn into_part(self) -> Option<Box<dyn Part>> {
        let Draft { target, sink, .. } = self.draft;
        match (sink, target) {
            (Sink::Staged(staged), Target::Path(path)) if !self.is_unchanged => {
                Some(Box::new(FilePart {
                    staged: *staged,
                    path,
                    stage: None,
                    steps: Vec::new(),
                }))
            }
            _ => None,
        }
    }
}

/// Finds what would only show when the finished file is renamed over the one at `place`.
fn check_replaceable(place: &Path, there: &Metadata) -> io::Result<()> {
    let mounted = rustix::fs::statx(
        CWD,
        place,
        AtFlags::SYMLINK_NOFOLLOW,
        rustix::fs::StatxFlags::empty(),
    );
    // Kernels before 5.8 do not say; the rename then will.
    if mounted.is_ok_and(|at| at.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)) {
        return Err(io::Error::other(
            "the file is a mount point and cannot be replaced; mount its folder instead",
        ));
    }
    let folder = std::fs::metadata(folder_of(place))?;
    let user = rustix::process::geteuid().as_raw();
    let is_sticky = folder.mode() & 0o1000 != 0;
    if is_sticky && user != 0 && user != there.uid() && user != folder.uid() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "only its owner may replace a file in a folder with the sticky bit",
        ));
    }
    Ok(())
}

/// The folder that holds `path`, which is absolute.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use std::os::unix::fs::symlink;

    fn publish(path: &Path, content: &[u8]) -> Result<()> {
        let mut draft = Draft::create(&Target::Path(path.into()))?;
        draft.write(content)?;
        draft.finish()?.publish()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_complete_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        std::fs::write(&path, "old").unwrap();

        let mut draft = Draft::create(&Target::Path(path.clone()))
            .unwrap()
            .with_digest();
        draft.write(&vec![b'x'; 3 * BUFFER]).unwrap();
        draft.write(b"abc").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        drop(draft);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["out.csv"]);

        let mut draft = Draft::create(&Target::Path(path.clone()))
            .unwrap()
            .with_digest();
        draft.write(b"a").unwrap();
        draft.write(b"bc").unwrap();
        let finished = draft.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(finished.bytes(), 3);
        // The example of FIPS 180-4.
        assert_eq!(
            finished.sha256().unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        finished.publish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        assert_eq!(names(folder.path()), ["out.csv"]);
    }

    #[test]
    fn drafts_with_a_name_behave_alike() {
        // As on a file system without O_TMPFILE.
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out.csv");
        let staged = || {
            let (file, name) = drafts::create_file(folder.path()).unwrap();
            Staged {
                writeback: Writeback::default(),
                room: Room::default(),
                file,
                name: Some(name),
                place: place.clone(),
                replaced: None,
                comparison: None,
            }
        };
        drop(staged());
        assert_eq!(names(folder.path()), [""; 0]);
        let mut full = staged();
        full.file.write_all(b"new").unwrap();
        let draft = Draft {
            target: Target::Path(place.clone()),
            sink: Sink::Staged(Box::new(full)),
            waiting: Box::new(Waiting::new(BUFFER)),
            bytes: 3,
            digest: None,
        };
        draft.finish().unwrap().publish().unwrap();
        assert_eq!(names(folder.path()), ["out.csv"]);
        assert_eq!(std::fs::read(&place).unwrap(), b"new");
    }

    #[test]
    fn what_is_there_already_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let identity = || {
            let there = std::fs::metadata(&path).unwrap();
            (there.ino(), there.mtime(), there.mtime_nsec())
        };
        let finish = |content: &[u8]| {
            let mut draft = Draft::create(&Target::Path(path.clone())).unwrap();
            draft.write(content).unwrap();
            draft.finish().unwrap()
        };
        let long = vec![b'x'; 2 * BUFFER];
        for content in [&b"abc"[..], b"", &long] {
            publish(&path, content).unwrap();
            let before = identity();
            let again = finish(content);
            assert!(again.is_unchanged());
            again.publish().unwrap();
            assert_eq!(identity(), before);
            assert_eq!(names(folder.path()), ["out.csv"]);
        }
        let other = finish(b"abd");
        assert!(!other.is_unchanged());
        let before = identity();
        other.publish().unwrap();
        assert_ne!(identity(), before);
        assert_eq!(std::fs::read(&path).unwrap(), b"abd");
        // What is written through is never unchanged.
        let null = Draft::create(&Target::Path("/dev/null".into())).unwrap();
        assert!(!null.finish().unwrap().is_unchanged());
    }

    #[test]
    fn the_first_draft_in_a_folder_removes_strays() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".daytally-abc123.tmp"), "x").unwrap();
        publish(&folder.path().join("out.csv"), b"").unwrap();
        assert_eq!(names(folder.path()), ["out.csv"]);
    }

    #[test]
    fn the_mode_of_a_replaced_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        std::fs::write(&path, "old").unwrap();
        for mode in [0o600, 0o640, 0o666] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            publish(&path, b"new").unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        }
        // A new file is like any other new file.
        let (new, plain) = (folder.path().join("new"), folder.path().join("plain"));
        publish(&new, b"").unwrap();
        std::fs::write(&plain, "").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode();
        assert_eq!(mode(&new), mode(&plain));
    }

    #[test]
    fn symbolic_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("real")).unwrap();
        symlink("real/out.csv", at("dangling")).unwrap();
        symlink(at("dangling"), at("link")).unwrap();
        for content in [b"one", b"two"] {
            publish(&at("link"), content).unwrap();
            assert_eq!(std::fs::read(at("real/out.csv")).unwrap(), content);
            assert!(std::fs::symlink_metadata(at("link")).unwrap().is_symlink());
        }
        symlink("circle", at("circle")).unwrap();
        assert!(publish(&at("circle"), b"").is_err());
    }

    #[test]
    fn places_that_cannot_be_written_are_found_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for (path, expected) in [
            (
                "missing/out.csv",
                "no such file or folder; create the folder first",
            ),
            ("file/out.csv", "not a folder"),
            ("", "it is a folder"),
            ("new/", "it is a folder"),
        ] {
            let path = folder.path().join(path);
            let error = Draft::create(&Target::Path(path.clone()))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn devices_are_written_through() {
        publish(Path::new("/dev/null"), b"gone").unwrap();
        assert!(
            std::fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
        let error = publish(Path::new("/dev/full"), b"x")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cannot write /dev/full: no space left on the disk"),
            "{error}"
        );
    }
}
