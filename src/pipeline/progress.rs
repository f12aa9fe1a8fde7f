//! How far a run is, for whoever wants to show it.
//!
//! Workers add to it once for each chunk, so that looking costs the run nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::books::Books;

/// There is no telling.
const UNKNOWN: u64 = u64::MAX;

/// What a run is at.
///
/// ```
/// use daytally::{Phase, Progress};
///
/// let progress = Progress::default();
/// // What a program does with the result itself, it tells itself.
/// progress.enter(Phase::Publishing);
/// assert_eq!(progress.look().phase, Phase::Publishing);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun to read.
    Starting,
    /// It reads its inputs.
    Reading,
    /// It adds up what is kept of its inputs, and brings the groups into order.
    Sorting,
    /// It writes the result.
    Writing,
    /// Its outputs are being put in place.
    Publishing,
}

const PHASES: [Phase; 5] = [
    Phase::Starting,
    Phase::Reading,
    Phase::Sorting,
    Phase::Writing,
    Phase::Publishing,
];

/// How far a run is, shared between the run and whoever watches it from another thread.
///
/// ```
/// use daytally::{Input, Options, Pipeline, Phase, Progress};
///
/// let progress = Progress::default();
/// assert_eq!(progress.look().phase, Phase::Starting);
/// let mut options = Options::default();
/// options.progress = progress.clone();
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// Pipeline::new(options)?.aggregate(inputs, &mut ())?;
/// let now = progress.look();
/// assert_eq!((now.bytes, now.total), (422, Some(422)));
/// assert_eq!((now.valid, now.invalid), (3, 2));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    phase: AtomicU8,
    bytes: AtomicU64,
    total: AtomicU64,
    text_bytes: AtomicU64,
    valid: AtomicU64,
    filtered: AtomicU64,
    invalid: AtomicU64,
    blank: AtomicU64,
    rows: AtomicU64,
}

/// How far a run was at some moment.
///
/// ```
/// use daytally::ProgressNow;
///
/// fn percent(now: &ProgressNow) -> Option<u64> {
///     Some(now.bytes * 100 / now.total?.max(1))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgressNow {
    /// What it was at.
    pub phase: Phase,
    /// Bytes of the inputs that were read, as they are stored.
    pub bytes: u64,
    /// How many there are to read; `None` if an input is a stream. With a state, those of inputs that need
    /// not be read are not among them.
    pub total: Option<u64>,
    /// Bytes of lines that were worked on, decompressed.
    pub text_bytes: u64,
    /// Valid events in the result.
    pub valid: u64,
    /// Valid events of days that were not asked for; with a state they are still among the valid ones.
    pub filtered: u64,
    /// Invalid events.
    pub invalid: u64,
    /// Lines of nothing but white space.
    pub blank: u64,
    /// Rows of the result that were written.
    pub rows: u64,
}

impl Progress {
    /// How far the run is now.
    #[must_use]
    pub fn look(&self) -> ProgressNow {
        let Cells {
            phase,
            bytes,
            total,
            text_bytes,
            valid,
            filtered,
            invalid,
            blank,
            rows,
        } = &*self.0;
        let get = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let total = get(total);
        let (bytes, phase) = (get(bytes), usize::from(phase.load(Ordering::Relaxed)));
        ProgressNow {
            phase: PHASES.get(phase).copied().unwrap_or(Phase::Publishing),
            // A file may have grown since it was looked at.
            bytes: if total == UNKNOWN {
                bytes
            } else {
                bytes.min(total)
            },
            total: (total != UNKNOWN).then_some(total),
            text_bytes: get(text_bytes),
            valid: get(valid),
            filtered: get(filtered),
            invalid: get(invalid),
            blank: get(blank),
            rows: get(rows),
        }
    }

    /// Says what the run is at. What a [`Pipeline`](crate::Pipeline) does it says itself.
    pub fn enter(&self, phase: Phase) {
        let index = PHASES.iter().position(|other| *other == phase);
        let index = index.and_then(|index| u8::try_from(index).ok());
        self.0.phase.store(index.unwrap_or(0), Ordering::Relaxed);
    }

    /// Inputs of so many bytes are going to be read.
    pub(super) fn start(&self, total: Option<u64>) {
        self.0
            .total
            .store(total.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.enter(Phase::Reading);
    }

    pub(super) fn add_bytes(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_rows(&self, rows: u64) {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Adds a chunk: its bytes, and the books of its worker before and after it.
    pub(super) fn add_chunk(&self, text_bytes: usize, before: Counts, after: Counts) {
        let add = |cell: &AtomicU64, more: u64| {
            if more > 0 {
                cell.fetch_add(more, Ordering::Relaxed);
            }
        };
        add(&self.0.text_bytes, text_bytes as u64);
        add(&self.0.valid, after.valid - before.valid);
        add(&self.0.filtered, after.filtered - before.filtered);
        add(&self.0.invalid, after.invalid - before.invalid);
        add(&self.0.blank, after.blank - before.blank);
    }
}

/// What of some books is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    valid: u64,
    filtered: u64,
    invalid: u64,
    blank: u64,
}

impl Counts {
    pub(super) fn of(books: &Books) -> Counts {
        Counts {
            valid: books.valid,
            filtered: books.filtered,
            invalid: books.invalid(),
            blank: books.blank,
        }
    }
}
