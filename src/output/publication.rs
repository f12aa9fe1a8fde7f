//! All outputs of a run, put in place together or not at all.
//!
//! First is done what can fail without being seen: every draft gets a name. Then each is put in place such
//! that it can be taken back ([`steps`](super::steps)), and the folders are brought to the disk; what has to be
//! there [before others](Publication::before_others) gets as far as that first. If any of
//! this fails, all of it is taken back, in reverse order. Only when nothing can fail any more the old files
//! are removed. They wait, as the drafts before, in a staging folder that is locked, so that a process that
//! is killed in between leaves each output either old or new, and the next one removes the rest.

use std::fmt;
use std::path::PathBuf;

use super::days::FinishedDays;
use super::publish::Finished;
use crate::error::{Error, OutputPart, Result};

/// An output on its way to its place.
pub(super) trait Part: fmt::Debug {
    /// Does what can fail and cannot be seen.
    fn prepare(&mut self) -> Result<()>;

    /// From here on discarding drafts leaves it alone.
    fn hold(&mut self) -> Result<()>;

    /// Puts it in place.
    fn put(&mut self) -> Result<()>;

    /// Brings the names in its folders to the disk.
    fn sync(&mut self) -> Result<()>;

    /// Undoes what was done, as far as that goes.
    fn take_back(&mut self) -> TakenBack;

    /// Removes what it has replaced.
    fn settle(&mut self) -> Option<PathBuf>;
}

/// What came of taking an output back.
#[derive(Debug)]
pub(super) struct TakenBack {
    /// What is new all the same.
    pub(super) changed: Option<OutputPart>,
    /// What is as it was.
    pub(super) unchanged: Option<OutputPart>,
    /// Where old files are that could not be put back.
    pub(super) kept: Option<PathBuf>,
    /// Whether the disk knows it.
    pub(super) is_durable: bool,
}

/// Outputs that are to be put in place together: if one of them cannot be, all are left as they were.
///
/// ```
/// use daytally::output::{Draft, Publication, Target};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let mut publication = Publication::default();
/// for name in ["summary.json", "daily_user_stats.csv"] {
///     let draft = Draft::create(&Target::Path(folder.path().join(name)))?;
///     publication.add(draft.finish()?);
/// }
/// // Somebody puts a folder there.
/// std::fs::create_dir(folder.path().join("daily_user_stats.csv")).unwrap();
/// let error = publication.publish().unwrap_err();
/// assert!(error.to_string().ends_with("nothing was published"), "{error}");
/// assert!(!folder.path().join("summary.json").exists());
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Publication {
    parts: Vec<Box<dyn Part>>,
    /// How many of them, the first, are on the disk before any other is put in place.
    before_others: usize,
}

/// What was put in place.
///
/// ```
/// use daytally::output::Publication;
/// let published = Publication::default().publish()?;
/// assert!(published.strays().is_empty());
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Published {
    strays: Vec<PathBuf>,
}

impl Published {
    /// Hidden folders with files that were replaced, which could not be removed. The next run that writes
    /// there tries again.
    #[must_use]
    pub fn strays(&self) -> &[PathBuf] {
        &self.strays
    }
}

impl Publication {
    /// Adds a file. What is written through, and what is there already, needs nothing to be done.
    pub fn add(&mut self, finished: Finished) {
        if let Some(part) = finished.into_part() {
            self.parts.push(part);
        }
    }

    /// Adds days.
    pub fn add_days(&mut self, days: FinishedDays) {
        self.parts.push(days.into_part());
    }

    /// Has what was added up to here in place and on the disk before what is added from here on is put in
    /// place: whatever ends the run, and be it the machine's power, what came first is there if anything of
    /// the rest is.
    pub(crate) fn before_others(&mut self) {
        self.before_others = self.parts.len();
    }

    /// Puts everything in place, in the order in which it was added, and makes sure that it stays there.
    ///
    /// # Errors
    ///
    /// [`Error::NotPublished`], where something cannot be put in place or brought to the disk: everything
    /// is then what it was. [`Error::NotTakenBack`], where it should be and is not.
    pub fn publish(self) -> Result<Published> {
        self.publish_and(|| Ok(()))
    }

    /// The same, and then does something that belongs to it. If that fails, everything is taken back.
    ///
    /// # Errors
    ///
    /// As [`publish`](Publication::publish), with what `then` says as the cause.
    pub fn publish_and(self, then: impl FnOnce() -> Result<()>) -> Result<Published> {
        let mut transaction = Transaction {
            parts: self.parts,
            before_others: self.before_others,
            is_open: false,
        };
        match transaction.run(then) {
            Ok(()) => Ok(transaction.settle()),
            // All went through to where it is, or was there already.
            Err(source) if transaction.parts.is_empty() => Err(source),
            Err(source) => Err(transaction.take_back(source)),
        }
    }
}

/// Outputs of which some may be in place. Dropped by a panic, it takes them back.
struct Transaction {
    parts: Vec<Box<dyn Part>>,
    before_others: usize,
    is_open: bool,
}

impl Transaction {
    fn run(&mut self, then: impl FnOnce() -> Result<()>) -> Result<()> {
        for part in &mut self.parts {
            part.prepare()?;
        }
        self.is_open = true;
        for part in &mut self.parts {
            part.hold()?;
        }
        let (first, others) = self.parts.split_at_mut(self.before_others);
        for parts in [first, others] {
            for part in &mut *parts {
                part.put()?;
            }
            for part in parts {
                part.sync()?;
            }
        }
        then()
    }

    fn settle(mut self) -> Published {
        self.is_open = false;
        Published {
            strays: self
                .parts
                .iter_mut()
                .filter_map(|part| part.settle())
                .collect(),
        }
    }

    fn take_back(mut self, source: Error) -> Error {
        let source = Box::new(source);
        let mut taken_back: Vec<TakenBack> = self.take_all_back();
        // In the order in which they were put in place.
        taken_back.reverse();
        let is_durable = taken_back.iter().all(|part| part.is_durable);
        let (mut changed, mut unchanged, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for part in taken_back {
            changed.extend(part.changed);
            unchanged.extend(part.unchanged);
            kept.extend(part.kept);
        }
        if changed.is_empty() {
            Error::NotPublished { is_durable, source }
        } else {
            Error::NotTakenBack {
                changed,
                unchanged,
                kept,
                source,
            }
        }
    }

    fn take_all_back(&mut self) -> Vec<TakenBack> {
        self.is_open = false;
        let parts = self.parts.iter_mut().rev();
        parts.map(|part| part.take_back()).collect()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open {
            self.take_all_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Action;
    use crate::event::{Date, DateRange};
    use crate::output::steps::{Call, faults};
    use crate::output::{DayDrafts, Draft, Format, Target, day_file};
    use rustix::io::Errno;
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    /// Everything below a folder: which file it is, and its bytes.
    fn tree(folder: &Path) -> BTreeMap<PathBuf, (u64, Option<Vec<u8>>)> {
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let bytes = metadata.is_file().then(|| std::fs::read(&path).unwrap());
            if metadata.is_dir() {
                found.extend(tree(&path));
            }
            found.insert(path, (metadata.ino(), bytes));
        }
        found
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// A file that is replaced, one that is new, days that are replaced, new with and without a folder, and
    /// removed with and without something else in the folder.
    struct Case {
        root: tempfile::TempDir,
    }

    const REPLACED: &str = "rejects.jsonl";
    const NEW: &str = "summary.json";

    impl Case {
        fn new() -> Case {
            let case = Case {
                root: tempfile::tempdir().unwrap(),
            };
            std::fs::write(case.at(REPLACED), "old").unwrap();
            for text in ["2024-01-01", "2024-01-04", "2024-01-05", "2024-01-06"] {
                let file = day_file(&case.at("days"), day(text), Format::default());
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, format!("old {text}")).unwrap();
            }
            std::fs::create_dir(case.at("days/date=2024-01-02")).unwrap();
            std::fs::write(case.at("days/date=2024-01-05/notes"), "theirs").unwrap();
            case
        }

        fn at(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> Finished {
            let mut draft = Draft::create(&Target::Path(self.at(name))).unwrap();
            draft.write(bytes).unwrap();
            draft.finish().unwrap()
        }

        fn days(&self, folder: &str) -> FinishedDays {
            let mut days = DayDrafts::create(&self.at(folder), Format::default()).unwrap();
            for text in ["2024-01-01", "2024-01-02", "2024-01-03"] {
                days.write(day(text), b"new").unwrap();
            }
            days.write(day("2024-01-06"), b"old 2024-01-06").unwrap();
            let mut days = days.finish(|| Ok(())).unwrap();
            days.remove_others(DateRange::default()).unwrap();
            days
        }

        /// All that is to be published; with something that has to be there first, or not.
        fn publication(&self) -> Publication {
            self.publication_in_order(false)
        }

        fn publication_in_order(&self, has_first: bool) -> Publication {
            let mut publication = Publication::default();
            publication.add(self.file(REPLACED, b"new"));
            if has_first {
                publication.before_others();
            }
            publication.add(self.file(NEW, b"new"));
            publication.add_days(self.days("days"));
            publication.add_days(self.days("new days"));
            publication
        }

        fn expect_published(&self) {
            for name in [REPLACED, NEW] {
                assert_eq!(std::fs::read(self.at(name)).unwrap(), b"new");
            }
            for folder in ["days", "new days"] {
                for text in ["2024-01-01", "2024-01-02", "2024-01-03"] {
                    let file = day_file(&self.at(folder), day(text), Format::default());
                    assert_eq!(std::fs::read(file).unwrap(), b"new");
                }
            }
            let names: Vec<_> = tree(self.root.path())
                .into_keys()
                .filter(|path| path.is_dir() || path.ends_with("notes"))
                .collect();
            let expected = [
                "days",
                "days/date=2024-01-01",
                "days/date=2024-01-02",
                "days/date=2024-01-03",
                "days/date=2024-01-05",
                "days/date=2024-01-05/notes",
                "days/date=2024-01-06",
                "new days",
                "new days/date=2024-01-01",
                "new days/date=2024-01-02",
                "new days/date=2024-01-03",
                "new days/date=2024-01-06",
            ];
            assert_eq!(names, expected.map(|name| self.at(name)));
        }

        /// Has the calls fail that `fails` names; returns a list that they come into.
        fn inject(
            &self,
            mut fails: impl FnMut(usize, Call) -> Option<Errno> + Send + 'static,
        ) -> Arc<Mutex<Vec<Call>>> {
            let calls = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&calls);
            faults::inject(self.root.path(), move |call, _| {
                let mut seen = seen.lock().unwrap();
                seen.push(call);
                fails(seen.len() - 1, call)
            });
            calls
        }
    }

    /// File systems that know more and less.
    fn systems() -> [fn(Call) -> Option<Errno>; 4] {
        [
            |_| None,
            |call| (call == Call::Trade).then_some(Errno::INVAL),
            |call| (call == Call::RenameToNew).then_some(Errno::NOSYS),
            |call| matches!(call, Call::Trade | Call::RenameToNew).then_some(Errno::OPNOTSUPP),
        ]
    }

    #[test]
    fn whichever_step_fails_everything_is_what_it_was() {
        let orders = [false, true].into_iter();
        for (system, has_first) in systems()
            .into_iter()
            .flat_map(|system| orders.clone().map(move |has_first| (system, has_first)))
        {
            let case = Case::new();
            let publication = case.publication_in_order(has_first);
            let calls = case.inject(move |_, call| system(call));
            let published = publication.publish().unwrap();
            assert_eq!(published.strays(), [""; 0].map(PathBuf::from));
            case.expect_published();
            let calls = calls.lock().unwrap().clone();
            // Two files, seven days, two removals; and the folders.
            assert!(calls.len() >= 17, "{calls:?}");
            // The folder of what comes first is on the disk before anything else is put there.
            let first_sync = calls.iter().position(|call| *call == Call::Sync).unwrap();
            let is_last = calls[first_sync..].iter().all(|call| *call == Call::Sync);
            assert_eq!(is_last, !has_first, "{calls:?}");

            for (failing, call) in calls.into_iter().enumerate() {
                let case = Case::new();
                let before = tree(case.root.path());
                let publication = case.publication_in_order(has_first);
                case.inject(move |number, call| {
                    system(call).or((number == failing).then_some(Errno::IO))
                });
                // It failed in any case, or is a way back that is not needed.
                if system(call).is_some() || call == Call::Link {
                    drop(publication.publish().unwrap());
                    case.expect_published();
                    continue;
                }
                let error = publication.publish().unwrap_err();
                let text = error.to_string();
                let Error::NotPublished { is_durable, .. } = error else {
                    panic!("{call:?} {failing}: {text}");
                };
                assert!(is_durable, "{text}");
                let end = "input/output error; nothing was published";
                assert!(text.ends_with(end), "{text}");
                assert!(tree(case.root.path()) == before, "{failing}: {text}");
            }
        }
    }

    #[test]
    fn what_belongs_to_it_may_fail_or_panic_too() {
        let case = Case::new();
        let before = tree(case.root.path());
        let failed = case.publication().publish_and(|| {
            assert_eq!(std::fs::read(case.at(NEW)).unwrap(), b"new");
            Err(Error::Panicked)
        });
        assert!(
            matches!(failed, Err(Error::NotPublished { source, .. }) if matches!(*source, Error::Panicked))
        );
        assert!(tree(case.root.path()) == before);

        let publication = case.publication();
        let panics = || -> Result<Published> { publication.publish_and(|| panic!("on purpose")) };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
        assert!(tree(case.root.path()) == before);
    }

    #[test]
    fn a_disk_that_is_broken_for_good_is_told_of() {
        let case = Case::new();
        let before = tree(case.root.path());
        let publication = case.publication();
        case.inject(|_, call| (call == Call::Sync).then_some(Errno::IO));
        let text = publication.publish().unwrap_err().to_string();
        let expected = format!(
            "cannot sync {}: input/output error; nothing was published, but what was put back may not be on the disk yet; check it",
            case.root.path().display()
        );
        assert_eq!(text, expected);
        assert!(tree(case.root.path()) == before);
    }

    #[test]
    fn what_cannot_be_taken_back_is_told_of_and_the_old_files_are_kept() {
        let case = Case::new();
        let publication = case.publication();
        // The last sync fails, and then the file systems allow nothing but the first thing.
        let last = case.at("new days");
        let mut has_failed = false;
        let rejects = case.at(REPLACED);
        faults::inject(case.root.path(), move |call, path| {
            has_failed |= call == Call::Sync && path == last;
            (has_failed && path != rejects).then_some(Errno::ROFS)
        });
        let error = publication.publish().unwrap_err();
        let Error::NotTakenBack {
            changed,
            unchanged,
            kept,
            source,
        } = &error
        else {
            panic!("{error}");
        };
        let days = |folder: &str, days: &[&str]| OutputPart::Days {
            folder: case.at(folder),
            days: days.iter().map(|text| day(text)).collect(),
        };
        assert!(matches!(
            **source,
            Error::Io {
                action: Action::Sync,
                ..
            }
        ));
        let five = [
            "2024-01-01",
            "2024-01-02",
            "2024-01-03",
            "2024-01-04",
            "2024-01-05",
        ];
        let new_days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-06"];
        assert_eq!(
            changed[..],
            [
                OutputPart::File(case.at(NEW)),
                days("days", &five),
                days("new days", &new_days)
            ]
        );
        assert_eq!(unchanged[..], [OutputPart::File(case.at(REPLACED))]);
        assert_eq!(std::fs::read(case.at(REPLACED)).unwrap(), b"old");
        assert_eq!(std::fs::read(case.at(NEW)).unwrap(), b"new");
        assert_eq!(kept.len(), 3);
        let old = std::fs::read(kept[1].join("2024-01-01.csv")).unwrap();
        assert_eq!(old, b"old 2024-01-01");
        let text = error.to_string();
        for part in [
            "could not all be taken back: new ",
            "summary.json and 2024-01-01 to 2024-01-05 in ",
            ", as before ",
            "; old files are in ",
            " until the next run; run again",
        ] {
            assert!(text.contains(part), "{text}");
        }
        // Which does it, and removes them.
        faults::inject(case.root.path(), |_, _| None);
        crate::output::drafts::sweep_for_tests(case.root.path());
        crate::output::drafts::sweep_for_tests(&case.at("days"));
        crate::output::drafts::sweep_for_tests(&case.at("new days"));
        let publication = case.publication();
        drop(publication.publish().unwrap());
        case.expect_published();
    }

    /// Neither can files trade places nor have two names, as on some network file systems.
    #[test]
    fn a_file_system_that_can_do_little_is_told_of() {
        for fails in [false, true] {
            let case = Case::new();
            let publication = case.publication();
            faults::inject(case.root.path(), move |call, path| match call {
                Call::Trade | Call::RenameToNew => Some(Errno::INVAL),
                Call::Link => Some(Errno::PERM),
                Call::Sync if fails && path.ends_with("new days") => Some(Errno::IO),
                _ => None,
            });
            let published = publication.publish();
            if !fails {
                drop(published.unwrap());
                case.expect_published();
                continue;
            }
            let text = published.unwrap_err().to_string();
            let at = |name| case.at(name).display().to_string();
            assert!(
                text.contains(&format!(
                    ": new {} and 2024-01-01 in {}, as before {} and 2024-01-02 to 2024-01-05 in {} and ",
                    at(REPLACED),
                    at("days"),
                    at(NEW),
                    at("days"),
                )),
                "{text}"
            );
            assert!(!case.at(NEW).exists());
            assert!(!case.at("new days").exists());
        }
    }

    #[test]
    fn what_somebody_else_puts_there_meanwhile_stays() {
        let case = Case::new();
        let theirs = |name: &str| {
            std::fs::write(case.at("theirs"), format!("theirs {name}")).unwrap();
            std::fs::rename(case.at("theirs"), case.at(name)).unwrap();
        };
        let names = [
            REPLACED,
            NEW,
            "days/date=2024-01-01/daily_user_stats.csv",
            "days/date=2024-01-03/more",
            "days/date=2024-01-04/daily_user_stats.csv",
        ];
        let failed = case.publication().publish_and(|| {
            names.into_iter().for_each(theirs);
            Err(Error::Panicked)
        });
        assert!(matches!(failed, Err(Error::NotPublished { .. })));
        for name in names {
            let bytes = std::fs::read_to_string(case.at(name)).unwrap();
            assert_eq!(bytes, format!("theirs {name}"));
        }
        assert!(!day_file(&case.at("days"), day("2024-01-03"), Format::default()).exists());
        assert_eq!(std::fs::read_dir(case.root.path()).unwrap().count(), 3);
        assert_eq!(std::fs::read_dir(case.at("days")).unwrap().count(), 6);
    }

    /// Between the look at a place and the step.
    #[test]
    fn what_comes_and_goes_in_between_is_no_obstacle() {
        let case = Case::new();
        let publication = case.publication();
        let [new, replaced] = [NEW, REPLACED].map(|name| case.at(name));
        let mut left = 2;
        faults::inject(case.root.path(), move |call, path| {
            if call == Call::RenameToNew && path == new && left > 0 {
                left -= 1;
                std::fs::write(&new, "theirs").unwrap();
            } else if call == Call::Trade && left > 0 {
                left -= 1;
                std::fs::remove_file(path).unwrap();
            } else if call == Call::Trade && path == replaced {
                panic!("it is not there any more");
            }
            None
        });
        drop(publication.publish().unwrap());
        case.expect_published();

        // But a folder is.
        let before = Case::new();
        let case = Case::new();
        let publication = case.publication();
        let replaced = case.at(REPLACED);
        let mut is_first = true;
        faults::inject(case.root.path(), move |call, path| {
            if call == Call::Trade && path == replaced && std::mem::take(&mut is_first) {
                std::fs::remove_file(path).unwrap();
                std::fs::create_dir(path).unwrap();
                std::fs::write(path.join("x"), "theirs").unwrap();
            }
            None
        });
        let text = publication.publish().unwrap_err().to_string();
        assert!(text.contains("it is a folder"), "{text}");
        assert!(text.ends_with("; nothing was published"), "{text}");
        assert_eq!(
            std::fs::read(case.at(REPLACED).join("x")).unwrap(),
            b"theirs"
        );
        assert_eq!(tree(&case.at("days")).len(), tree(&before.at("days")).len());
        assert_eq!(std::fs::read_dir(case.root.path()).unwrap().count(), 2);
    }

    /// A sweep by another process, at each step.
    #[test]
    fn a_sweep_in_between_does_no_harm() {
        for fails in [false, true] {
            let case = Case::new();
            let before = tree(case.root.path());
            let publication = case.publication();
            let root = case.root.path().to_path_buf();
            faults::inject(case.root.path(), move |_, _| {
                for folder in [&root, &root.join("days"), &root.join("new days")] {
                    crate::output::drafts::sweep_for_tests(folder);
                }
                None
            });
            let published = publication.publish_and(|| {
                if fails {
                    return Err(Error::Panicked);
                }
                Ok(())
            });
            assert_eq!(published.is_err(), fails);
            if fails {
                assert!(tree(case.root.path()) == before);
            } else {
                case.expect_published();
            }
        }
    }
}
