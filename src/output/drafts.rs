//! Drafts that have a name, and that they are gone when their process is.
//!
//! A draft needs a name where the file system has no nameless files, and for a moment while it is put in
//! place. Three things see to it that none stays: dropping its [`Name`] removes it; all names are in a
//! [`Registry`] from which another thread can discard them; and a process that is killed leaves its draft
//! without a lock, which is how the next one tells it from the draft of a living process.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};

/// How the names of drafts begin and end: hidden, and recognisably ours.
const PREFIX: &str = ".daytally-";
const SUFFIX: &str = ".tmp";

/// How often a draft is created again that a sweep took for a stray before it could be locked. Once is
/// rare already.
const ATTEMPTS: usize = 16;

/// How long [`discard_drafts`] waits for a disk.
const PATIENCE: Duration = Duration::from_millis(50);

/// The drafts of this process.
static DRAFTS: Registry = Registry::new();

/// Removes all drafts of this process that have a name, for a process that is about to exit without
/// dropping what it has, as after a second signal. From then on no draft is put in place any more: trying
/// to is an error. Drafts that are being put in place in this moment are left alone, and so is what they
/// replace: should the process exit meanwhile, each output is either old or new, and complete.
///
/// It takes locks, so it is not for signal handlers; and it does not wait for long. What a disk that does
/// not answer keeps from being removed, the next run that writes to that folder removes.
///
/// ```standalone_crate
/// use daytally::output::{Draft, Target, discard_drafts};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("daily_user_stats.csv");
/// let mut draft = Draft::create(&Target::new(path.clone()))?;
/// draft.write(b"date,user_id,event_count,purchase_count,total_revenue\n")?;
/// discard_drafts();
/// assert!(draft.finish()?.publish().is_err());
/// assert!(!path.exists());
/// # assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
/// # Ok::<(), daytally::Error>(())
/// ```
pub fn discard_drafts() {
    DRAFTS.discard_within(PATIENCE);
}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    /// A folder with all that is in it.
    Folder,
    /// A folder that was created for what is to be put into it, and goes if nothing was.
    EmptyFolder,
}

/// The named drafts of a process, in the order in which they were created.
#[derive(Debug)]
pub(super) struct Registry(Mutex<Named>);

#[derive(Debug)]
struct Named {
    drafts: Vec<(PathBuf, Kind)>,
    is_closed: bool,
    /// The folders in which strays were looked for.
    swept: Option<HashSet<PathBuf>>,
}

impl Registry {
    const fn new() -> Registry {
        Registry(Mutex::new(Named {
            drafts: Vec::new(),
            is_closed: false,
            swept: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Named> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what gives a draft its name. Nobody discards drafts meanwhile, or this one would stay.
    fn name<T>(
        &'static self,
        kind: Kind,
        create: impl FnOnce() -> io::Result<(T, PathBuf)>,
    ) -> io::Result<(T, Name)> {
        let mut named = self.lock();
        named.check()?;
        let (created, path) = create()?;
        named.drafts.push((path.clone(), kind));
        let name = Name {
            path,
            kind,
            registry: self,
            is_draft: true,
        };
        Ok((created, name))
    }

    /// Whether strays should be looked for in a folder: once is enough, for those of a process that was
    /// killed before this one started.
    fn is_to_be_swept(&self, folder: &Path) -> bool {
        let swept = &mut self.lock().swept;
        swept
            .get_or_insert_with(HashSet::new)
            .insert(folder.to_path_buf())
    }

    fn discard_within(&'static self, patience: Duration) {
        let (done, wait) = mpsc::channel::<()>();
        let discard = move || {
            self.discard();
            drop(done);
        };
        let thread = std::thread::Builder::new().name("daytally-discard".into());
        if thread.spawn(discard).is_ok() {
            // It ends when the other end is dropped.
            let _ = wait.recv_timeout(patience);
        }
    }

    fn discard(&self) {
        let mut named = self.lock();
        named.is_closed = true;
        // What was created in a folder goes before the folder.
        while let Some((path, kind)) = named.drafts.pop() {
            match kind {
                Kind::Folder => remove_in_use(&path),
                Kind::File | Kind::EmptyFolder => remove(&path, kind),
            }
        }
    }
}

impl Named {
    fn check(&self) -> io::Result<()> {
        if self.is_closed {
            return Err(io::Error::other("the drafts of this run were discarded"));
        }
        Ok(())
    }

    fn forget(&mut self, path: &Path) {
        // The last ones are put in place first, mostly.
        if let Some(at) = self.drafts.iter().rposition(|(draft, _)| draft == path) {
            self.drafts.remove(at);
        }
    }
}

fn remove(path: &Path, kind: Kind) {
    // What is not there any more, or cannot be removed, is for nobody to mend here.
    let _ = try_to_remove(path, kind);
}

fn try_to_remove(path: &Path, kind: Kind) -> io::Result<()> {
    match kind {
        Kind::File => std::fs::remove_file(path),
        Kind::Folder => std::fs::remove_dir_all(path),
        Kind::EmptyFolder => std::fs::remove_dir(path),
    }
}

/// Removes a folder that other threads may be putting files into at this moment. It gets another name first, which
/// they do not know: otherwise there would be no end to it, and a folder with something in it cannot be removed.
fn remove_in_use(path: &Path) {
    let aside = path
        .file_name()
        .and_then(|name| name.as_encoded_bytes().strip_suffix(SUFFIX.as_bytes()))
        .map(|stem| [stem, b"-", SUFFIX.as_bytes()].concat())
        .map(|name| path.with_file_name(OsStr::from_bytes(&name)))
        // Should there be one, it is not to be replaced; and it would only be if it were empty.
        .filter(|aside| std::fs::rename(path, aside).is_ok());
    let path = aside.as_deref().unwrap_or(path);
    for _ in 0..ATTEMPTS {
        match try_to_remove(path, Kind::Folder) {
            // Somebody had found the folder by its old name.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            _ => break,
        }
    }
}

/// The name of a draft. Dropping it removes the draft.
#[derive(Debug)]
pub(super) struct Name {
    path: PathBuf,
    kind: Kind,
    registry: &'static Registry,
    /// Whether it is still to be removed.
    is_draft: bool,
}

impl Name {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the draft in place.
    pub(super) fn rename_to(self, place: &Path) -> io::Result<()> {
        self.registry.rename(&self.path, place)?;
        self.keep();
        Ok(())
    }

    /// From here on neither dropping it nor discarding drafts removes it: it may hold what is needed to
    /// take back what was put in place.
    ///
    /// # Errors
    ///
    /// Where drafts were discarded.
    pub(super) fn hold(&mut self) -> io::Result<()> {
        let mut named = self.registry.lock();
        named.check()?;
        named.forget(&self.path);
        self.is_draft = false;
        Ok(())
    }

    /// Removes what was held.
    pub(super) fn remove(&self) -> io::Result<()> {
        match try_to_remove(&self.path, self.kind) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What was a draft stays.
    pub(super) fn keep(mut self) {
        self.is_draft = false;
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.is_draft {
            remove(&self.path, self.kind);
        }
        self.registry.lock().forget(&self.path);
    }
}

impl Registry {
    /// Renames a draft. It is either discarded before or in place after.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let named = self.lock();
        named.check()?;
        std::fs::rename(from, to)
    }
}

/// A file without a name in a folder; `None` where the file system has no such thing.
pub(super) fn create_nameless(folder: &Path) -> Option<File> {
    let file: File = rustix::fs::open(
        folder,
        OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC,
        // Less the process's umask.
        Mode::from_raw_mode(0o666),
    )
    .ok()?
    .into();
    // It gets its name through this path later.
    std::fs::symlink_metadata(path_of_descriptor(&file)).ok()?;
    Some(file)
}

/// A file with a name in a folder, locked for as long as it is open.
pub(super) fn create_file(folder: &Path) -> io::Result<(File, Name)> {
    create(Kind::File, &DRAFTS, || {
        let (file, path) = temporary_name()
            // Less the process's umask, as for any new file.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?
            .into_parts();
        Ok((file, path.keep()?))
    })
}

/// A file that is there for this process alone, and goes with it as drafts do.
#[derive(Debug)]
pub(crate) struct Temporary {
    _name: Name,
}

impl Temporary {
    /// Takes charge of the file at a path.
    pub(crate) fn at(path: PathBuf) -> io::Result<Temporary> {
        let ((), name) = DRAFTS.name(Kind::File, || Ok(((), path)))?;
        Ok(Temporary { _name: name })
    }
}

/// A file that is being written in the folder in which it will have its place: without a name until then,
/// where the file system can do that.
#[derive(Debug)]
pub(crate) struct DraftFile {
    file: File,
    name: Option<Name>,
}

impl DraftFile {
    pub(crate) fn create(folder: &Path) -> io::Result<DraftFile> {
        if let Some(file) = create_nameless(folder) {
            return Ok(DraftFile { file, name: None });
        }
        let (file, name) = create_file(folder)?;
        Ok(DraftFile {
            file,
            name: Some(name),
        })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Puts it in place, in the folder in which it was created.
    pub(crate) fn put_at(self, place: &Path) -> io::Result<()> {
        let name = match self.name {
            Some(name) => name,
            None => link(&self.file, place.parent().unwrap_or(Path::new(".")))?,
        };
        name.rename_to(place)
    }
}

impl io::Write for DraftFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder for drafts in a folder, locked for as long as it is open.
pub(super) fn create_folder(folder: &Path) -> io::Result<(File, Name)> {
    create(Kind::Folder, &DRAFTS, || {
        let path = temporary_name()
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(folder)?
            .keep();
        // Whatever the process's umask takes away, there will be files in it.
        let file = std::fs::set_permissions(&path, Permissions::from_mode(0o700))
            .and_then(|()| File::open(&path))
            .inspect_err(|_| remove(&path, Kind::Folder))?;
        Ok((file, path))
    })
}

fn create(
    kind: Kind,
    registry: &'static Registry,
    create: impl Fn() -> io::Result<(File, PathBuf)>,
) -> io::Result<(File, Name)> {
    for attempt in 1..=ATTEMPTS {
        let (file, name) = match registry.name(kind, &create) {
            // A folder may be swept between being created and being opened.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => continue,
            created => created?,
        };
        if hold(&file, &name.path) {
            return Ok((file, name));
        }
    }
    Err(io::Error::other("somebody removes temporary files there"))
}

/// Creates the folder that an output is to be, which goes again if nothing is put into it.
pub(super) fn create_place(folder: &Path) -> io::Result<Name> {
    let ((), name) = DRAFTS.name(Kind::EmptyFolder, || {
        std::fs::create_dir(folder)?;
        Ok(((), folder.to_path_buf()))
    })?;
    Ok(name)
}

/// Gives a nameless file a name in a folder. It is locked before anybody can find it.
pub(super) fn link(file: &File, folder: &Path) -> io::Result<Name> {
    if locks_are_seen_by_all(file) {
        let _ = rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive);
    }
    let ((), name) = DRAFTS.name(Kind::File, || {
        let path = temporary_name()
            .make_in(folder, |path| {
                rustix::fs::linkat(
                    CWD,
                    path_of_descriptor(file),
                    CWD,
                    path,
                    AtFlags::SYMLINK_FOLLOW,
                )?;
                Ok(())
            })?
            .into_temp_path();
        Ok(((), path.keep()?))
    })?;
    Ok(name)
}

fn path_of_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn temporary_name() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Locks a new draft. `false` if a sweep was there in between: it holds the draft, or has removed it.
fn hold(file: &File, path: &Path) -> bool {
    if !locks_are_seen_by_all(file) {
        // Nor are there sweeps, and a lock could mean waiting for another machine.
        return true;
    }
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => is_at(file, path),
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => false,
        // Nothing can be locked here, so nothing is swept.
        Err(_) => true,
    }
}

/// Whether an open file is the one at a path.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Removes the drafts of killed processes from a folder, once in the life of this process.
pub(crate) fn sweep_once(folder: &Path) {
    if DRAFTS.is_to_be_swept(folder) {
        sweep(folder);
    }
}

/// Removes the drafts in a folder that no living process holds.
///
/// How old they are does not matter. What cannot be opened, locked or removed stays: it may be alive.
fn sweep(folder: &Path) {
    if !File::open(folder).is_ok_and(|folder| locks_are_seen_by_all(&folder)) {
        return;
    }
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if !name.starts_with(PREFIX.as_bytes()) || !name.ends_with(SUFFIX.as_bytes()) {
            continue;
        }
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_file() => Kind::File,
            Ok(kind) if kind.is_dir() => Kind::Folder,
            _ => continue,
        };
        remove_if_stray(&entry.path(), kind);
    }
}

/// A sweep as another process does it.
#[cfg(test)]
pub(super) fn sweep_for_tests(folder: &Path) {
    sweep(folder);
}

/// Removes a draft whose lock is free.
fn remove_if_stray(path: &Path, kind: Kind) {
    let open = |access| {
        // Should it be something else by now, nothing is followed or waited for.
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty())
    };
    let Ok(file) = open(OFlags::RDONLY).or_else(|_| open(OFlags::WRONLY)) else {
        return;
    };
    let file = File::from(file);
    let is_free = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    // Its owner may have renamed it into place in between, and have closed it.
    if is_free && is_at(&file, path) {
        remove(path, kind);
    }
}

/// Whether a lock on a file, or on one in a folder, is seen by everybody who can see the file. On network file
/// systems, and those of other programs, it may hold for one machine only; so only what is known counts.
fn locks_are_seen_by_all(file: &File) -> bool {
    const LOCAL: [u32; 14] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683e, // Btrfs
        0x0102_1994, // tmpfs
        0x8584_58f6, // ramfs
        0xf2f5_2010, // F2FS
        0x794c_7630, // overlayfs
        0x2fc1_2fc1, // ZFS
        0xca45_1a4e, // bcachefs
        0x4d44,      // FAT
        0x2011_bab0, // exFAT
        0x7366_746e, // NTFS
        0x3153_464a, // JFS
        0x3434,      // NILFS
    ];
    let Ok(system) = rustix::fs::fstatfs(file) else {
        return false;
    };
    // The field's type is not the same everywhere, and has a sign on some machines.
    let kind = u32::try_from(i128::from(system.f_type) & 0xffff_ffff);
    kind.is_ok_and(|kind| LOCAL.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn registry() -> &'static Registry {
        Box::leak(Box::new(Registry::new()))
    }

    /// A file draft in a registry of its own.
    fn named(registry: &'static Registry, path: PathBuf) -> Name {
        let created = registry.name(Kind::File, || {
            std::fs::write(&path, "draft")?;
            Ok(((), path))
        });
        created.unwrap().1
    }

    #[test]
    fn strays_go_and_the_drafts_of_the_living_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at(".daytally-stray1.tmp"), "x").unwrap();
        std::fs::create_dir_all(at(".daytally-stray2.tmp/date=2024-01-01")).unwrap();
        std::fs::write(at(".daytally-stray2.tmp/date=2024-01-01/x.csv"), "x").unwrap();
        std::fs::write(at(".daytally-unread.tmp"), "x").unwrap();
        std::fs::set_permissions(at(".daytally-unread.tmp"), Permissions::from_mode(0o200))
            .unwrap();
        let kept = [".daytally-other", ".daytally.tmp", "x.tmp"];
        for name in kept {
            std::fs::write(at(name), "x").unwrap();
        }
        symlink("x.tmp", at(".daytally-link.tmp")).unwrap();
        let (_file, file) = create_file(folder.path()).unwrap();
        let (_folder, staging) = create_folder(folder.path()).unwrap();
        let nameless = create_nameless(folder.path());
        let linked = nameless.map(|file| (link(&file, folder.path()).unwrap(), file));
        let before = names(folder.path());

        sweep(folder.path());
        let strays = ["stray1", "stray2", "unread"].map(|name| format!(".daytally-{name}.tmp"));
        let expected: Vec<_> = before
            .into_iter()
            .filter(|name| !strays.contains(name))
            .collect();
        assert_eq!(names(folder.path()), expected);
        assert!(file.path().exists() && staging.path().exists());

        // Without a name they are gone at once.
        drop((file, staging, linked));
        assert_eq!(names(folder.path()).len(), kept.len() + 1);
    }

    #[test]
    fn a_draft_is_a_stray_when_its_file_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        for create in [create_file, create_folder] {
            let (file, name) = create(folder.path()).unwrap();
            sweep(folder.path());
            assert!(name.path().exists());
            // What the kernel does for a process that is killed.
            drop(file);
            sweep(folder.path());
            assert!(!name.path().exists());
        }
    }

    /// A sweep between the creation of a draft and its lock: it is created again.
    #[test]
    fn a_sweep_between_creation_and_lock_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        for is_held in [false, true] {
            let sweeper = std::cell::RefCell::new(Vec::new());
            let (_file, name) = create(Kind::File, registry(), || {
                let (file, path) = temporary_name().tempfile_in(&folder)?.keep()?;
                if sweeper.borrow().len() < 3 {
                    // Just before it removes the file, or just after.
                    let theirs = File::open(&path)?;
                    rustix::fs::flock(&theirs, FlockOperation::NonBlockingLockExclusive)?;
                    if !is_held {
                        std::fs::remove_file(&path)?;
                    }
                    sweeper.borrow_mut().push(theirs);
                }
                Ok((file, path))
            })
            .unwrap();
            assert_eq!(sweeper.borrow().len(), 3);
            assert_eq!(
                names(folder.path()),
                [name.path().file_name().unwrap().to_str().unwrap()]
            );
        }
    }

    #[test]
    fn threads_that_create_and_sweep_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let (_file, name) = create_file(folder.path()).unwrap();
                        assert!(name.path().exists());
                        let (_folder, name) = create_folder(folder.path()).unwrap();
                        std::fs::write(name.path().join("x"), "x").unwrap();
                    }
                });
                scope.spawn(|| (0..300).for_each(|_| sweep(folder.path())));
            }
        });
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn discarding_removes_all_names_and_lets_none_come() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let registry = registry();
        let placed = named(registry, at("placed"));
        let kept = named(registry, at("kept"));
        let dropped = named(registry, at("dropped"));
        let left = named(registry, at("left"));
        placed.rename_to(&at("place")).unwrap();
        kept.keep();
        drop(dropped);
        std::fs::create_dir(at("new")).unwrap();
        let ((), _new) = registry
            .name(Kind::EmptyFolder, || Ok(((), at("new"))))
            .unwrap();
        std::fs::create_dir(at("new/staging")).unwrap();
        std::fs::write(at("new/staging/x"), "").unwrap();
        let ((), mut staging) = registry
            .name(Kind::Folder, || Ok(((), at("new/staging"))))
            .unwrap();
        let mut held = named(registry, at("held"));
        held.hold().unwrap();
        assert_eq!(
            names(folder.path()),
            ["held", "kept", "left", "new", "place"]
        );

        registry.discard_within(Duration::from_secs(50));
        assert_eq!(names(folder.path()), ["held", "kept", "place"]);
        assert!(left.rename_to(&at("place")).is_err());
        assert!(staging.hold().is_err());
        let more = registry.name(Kind::File, || Ok(((), at("more"))));
        assert!(more.is_err());
        registry.discard_within(Duration::from_secs(50));
        assert_eq!(names(folder.path()), ["held", "kept", "place"]);
        for _ in 0..2 {
            held.remove().unwrap();
        }
        drop(held);
        assert_eq!(names(folder.path()), ["kept", "place"]);
    }

    /// Threads go on for as long as the process is there: what they write comes after what was removed.
    #[test]
    fn discarding_removes_a_folder_that_is_written_into() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let registry = registry();
            let staging = folder.path().join(".daytally-staged.tmp");
            std::fs::create_dir(&staging).unwrap();
            let ((), _name) = registry
                .name(Kind::Folder, || Ok(((), staging.clone())))
                .unwrap();
            let (begun, wait) = mpsc::channel();
            let writer = std::thread::spawn(move || {
                for day in 0..100_000 {
                    let day = staging.join(format!("date={day}"));
                    let written = std::fs::create_dir(&day)
                        .and_then(|()| std::fs::write(day.join("daily_user_stats.csv"), "x"));
                    if written.is_err() {
                        return;
                    }
                    let _ = begun.send(());
                }
            });
            for _ in 0..50 {
                wait.recv().unwrap();
            }
            registry.discard_within(Duration::from_secs(50));
            writer.join().unwrap();
            assert_eq!(names(folder.path()), [""; 0]);
        }
    }

    /// As when a disk does not answer to whoever is creating a draft.
    #[test]
    fn discarding_does_not_wait_for_ever() {
        let registry = registry();
        let held = registry.lock();
        registry.discard_within(Duration::from_millis(20));
        drop(held);
    }

    #[test]
    fn a_folder_is_swept_once() {
        let registry = registry();
        for (folder, expected) in [("/a", true), ("/b", true), ("/a", false)] {
            assert_eq!(registry.is_to_be_swept(Path::new(folder)), expected);
        }
    }
}
