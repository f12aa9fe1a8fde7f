//! Runs that read [partials](crate::partial) instead of events: their groups are added up, and the outcome is that
//! of a run that has read all of their inputs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{InputOutcome, InputSource, Outcome, Phase, Pipeline};
use crate::aggregate::{Counter, Partitions};
use crate::books::Books;
use crate::error::{Error, Result};
use crate::first_places::{FirstPlaces, LinePlace};
use crate::partial::{Cover, CoveredInput, PartialFacts, Reader, Rows, SplitRead};
use crate::text;

/// Partials that are to be merged, all of which were made in the same way.
///
/// ```
/// use daytally::PartialSet;
///
/// // `Pipeline::merge` has an example with partials.
/// let error = PartialSet::open(Vec::new(), None).unwrap_err();
/// assert!(error.to_string().contains("the list of partials"));
/// ```
#[derive(Clone, Debug)]
pub struct PartialSet {
    files: Vec<PathBuf>,
    order: Option<Vec<String>>,
    facts: PartialFacts,
}

impl PartialSet {
    /// Looks at what each file says of itself. The inputs will be in the order of their names, or in `order`.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, [`Error::NotAPartial`] where it is no partial or was made in another way than
    /// the first, or where there are none.
    pub fn open(files: Vec<PathBuf>, order: Option<Vec<String>>) -> Result<PartialSet> {
        let mut all: Option<PartialFacts> = None;
        for file in &files {
            let reader = Reader::open(file)?;
            match (&all, files.first()) {
                (Some(facts), Some(first)) => check(first, facts, file, reader.facts())?,
                _ => all = Some(reader.facts().clone()),
            }
        }
        let facts = all.ok_or_else(|| Error::NotAPartial {
            place: "the list of partials".into(),
            what: "is empty; name the files that daytally partial has written, or their folder"
                .into(),
        })?;
        Ok(PartialSet {
            files,
            order,
            facts,
        })
    }

    /// How the events of all of them were judged, and which days were counted.
    #[must_use]
    pub fn facts(&self) -> &PartialFacts {
        &self.facts
    }
}

/// That a partial was made in the same way as the first.
fn check(first: &Path, facts: &PartialFacts, file: &Path, found: &PartialFacts) -> Result<()> {
    match facts.difference(found) {
        None => Ok(()),
        Some((setting, was, is)) => Err(Error::NotAPartial {
            place: text::path(file).to_string(),
            what: format!(
                "was made with {setting} {is}, and {} with {was}; make all partials with the same options",
                text::path(first)
            ),
        }),
    }
}

/// What partials came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Merged {
    /// As of a run that has read the inputs.
    pub outcome: Outcome,
    cover: Cover,
}

impl Pipeline {
    /// Adds up partials. What comes of it is what [`aggregate`](Pipeline::aggregate) makes of their inputs.
    ///
    /// # Errors
    ///
    /// [`Error::NotAPartial`] where a partial is damaged, or their splits are not all of their inputs, each
    /// byte once; where groups could not be taken to the disk, or the run was stopped.
    ///
    /// ```
    /// use daytally::{Input, Options, PartialSettings, PartialSet, Pipeline};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let pipeline = Pipeline::new(Options::default())?;
    /// let mut files = Vec::new();
    /// for split in ["0..100", "100.."] {
    ///     let mut settings = PartialSettings::default();
    ///     settings.split = split.parse().unwrap();
    ///     let input = Input::open("tests/data/events.jsonl".as_ref())?;
    ///     let mut partial = Vec::new();
    ///     let write = |bytes: &[u8]| Ok(partial.extend_from_slice(bytes));
    ///     pipeline.write_partial(input, settings, &mut (), write)?;
    ///     let file = folder.path().join(format!("{split}.arrow"));
    ///     std::fs::write(&file, partial).unwrap();
    ///     files.push(file);
    /// }
    /// let merged = pipeline.merge(&PartialSet::open(files, None)?)?;
    /// assert_eq!((merged.outcome.books.valid, merged.outcome.books.invalid()), (3, 2));
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn merge(&self, partials: &PartialSet) -> Result<Merged> {
        let sizes = partials.files.iter();
        let sizes = sizes.map(|file| std::fs::metadata(file).ok().map(|there| there.len()));
        self.options.progress.start(sizes.sum());
        let partitions = Arc::new(self.partitions(1)?);
        let next = AtomicUsize::new(0);
        let shares = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.pool.broadcast(|_| {
                let mut counter = partitions.shared_counter();
                let splits = self.add_partials(partials, &next, &mut counter);
                counter.finish();
                splits
            })
        }))
        .map_err(|_| Error::Panicked)?;
        if let Some(failure) = partitions.take_failure() {
            return Err(failure);
        }
        let mut splits: Vec<(usize, Result<SplitRead>)> = shares.into_iter().flatten().collect();
        splits.sort_by_key(|(at, _)| *at);
        self.check_stop()?;
        // The first in order, if several are at fault: all before it were read.
        let splits: Vec<SplitRead> = splits
            .into_iter()
            .map(|(_, split)| split)
            .collect::<Result<_>>()?;
        let cover = Cover::of(splits, partials.order.as_deref())?;

        let (mut books, mut first) = (Books::default(), FirstPlaces::default());
        let mut inputs = Vec::with_capacity(cover.inputs().len());
        for (index, input) in cover.inputs().iter().enumerate() {
            let mut lines = 0;
            for SplitRead { row, .. } in &input.splits {
                books.merge(&row.books);
                for (reason, place) in row.first.iter() {
                    let place = LinePlace {
                        input: index,
                        line: lines + place.line,
                        ..place
                    };
                    first.add(reason, place);
                }
                lines += row.books.lines();
            }
            inputs.push(outcome_of(input, lines));
        }
        let partitions = Arc::into_inner(partitions).ok_or(Error::Panicked)?;
        self.options.progress.enter(Phase::Sorting);
        Ok(Merged {
            outcome: Outcome {
                books,
                first,
                inputs,
                groups: self.sort(partitions)?,
                forgotten: Vec::new(),
                known_as: Vec::new(),
            },
            cover,
        })
    }

    /// Writes the rejects of all inputs, as they are in a rejects file.
    ///
    /// # Errors
    ///
    /// What `write` says; [`Error::NotAPartial`] where a partial was made without rejects and there are some, or has
    /// changed.
    pub fn merged_rejects(
        &self,
        merged: &Merged,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let (mut rows, mut json) = (Rows::default(), Vec::new());
        for input in merged.cover.inputs() {
            let mut lines = 0;
            for split in &input.splits {
                let fault = |what: &str| Error::NotAPartial {
                    place: text::path(&split.file).to_string(),
                    what: format!(
                        "(the split {}..{} of {}) {what}",
                        split.start,
                        split.row.end,
                        text::name(&split.input)
                    ),
                };
                let invalid = split.row.books.invalid();
                if invalid > 0 && !split.has_rejects {
                    return Err(fault(&format!(
                        "has no rejects, and {invalid} of its lines are invalid; make it again with --rejects, or leave out the rejects file"
                    )));
                }
                if invalid > 0 {
                    let mut reader = Reader::open(&split.file)?;
                    while reader.next(true, &mut rows)? {
                        self.check_stop()?;
                        json.clear();
                        for reject in &mut rows.rejects {
                            reject.line += lines;
                            reject.write_json(&input.name, &mut json);
                        }
                        write(&json)?;
                    }
                    if reader.finish()? != *split {
                        return Err(fault("was changed while it was read; merge again"));
                    }
                }
                lines += split.row.books.lines();
            }
        }
        Ok(())
    }

    /// Adds up partials until there are none left; what each is of, and its place among all.
    fn add_partials(
        &self,
        partials: &PartialSet,
        next: &AtomicUsize,
        counter: &mut Counter<Arc<Partitions>>,
    ) -> Vec<(usize, Result<SplitRead>)> {
        let (mut splits, mut rows) = (Vec::new(), Rows::default());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = partials.files.get(at) else {
                return splits;
            };
            let split = self.add_partial(partials, file, counter, &mut rows);
            let is_over = split.is_err() || counter.has_failed();
            splits.push((at, split));
            if is_over {
                next.store(partials.files.len(), Ordering::Relaxed);
            }
        }
    }

    fn add_partial(
        &self,
        partials: &PartialSet,
        file: &Path,
        counter: &mut Counter<Arc<Partitions>>,
        rows: &mut Rows,
    ) -> Result<SplitRead> {
        let mut reader = Reader::open(file)?;
        let first = partials.files.first().map_or(file, PathBuf::as_path);
        check(first, &partials.facts, file, reader.facts())?;
        let len = reader.len();
        while reader.next(false, rows)? {
            self.check_stop()?;
            for group in &rows.groups {
                counter.merge(group);
            }
            if counter.has_failed() {
                break;
            }
        }
        self.options.progress.add_bytes(len);
        if counter.has_failed() {
            return Err(Error::Panicked);
        }
        reader.finish()
    }
}

/// What is said of an input.
fn outcome_of(input: &CoveredInput, lines: u64) -> InputOutcome {
    InputOutcome {
        name: input.name.clone(),
        path: None,
        lines,
        bytes: input.size(),
        compressed: None,
        bytes_added_since: 0,
        way: None,
        source: InputSource::New,
    }
}
