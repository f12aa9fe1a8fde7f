//! Outputs: pure serialisers of what a run found, and the publisher of files and of days.
//!
//! Knows nothing of where rows and rejects come from. A [`Draft`] is a file that is being written, [`DayDrafts`] are the
//! files of days; a [`Publication`] puts several in place together. [`Format`] is what a result is written as, and a
//! [`Summary`] tells of the run.
//!
//! ```
//! use daytally::output::{Draft, Format, Publication, Target};
//! use daytally::{Input, Options, Pipeline};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
//! let pipeline = Pipeline::new(Options::default())?;
//! let outcome = pipeline.aggregate(inputs, &mut ())?;
//! let mut publication = Publication::default();
//! for name in ["stats.csv", "stats.jsonl.gz"] {
//!     let path = folder.join(name);
//!     let format = Format::of_path(&path);
//!     let mut draft = Draft::create(&Target::Path(path))?;
//!     pipeline.write_result(&outcome, format, |bytes| draft.write(bytes), None)?;
//!     publication.add(draft.finish()?);
//! }
//! // Both appear, or none does.
//! publication.publish()?;
//! assert!(folder.join("stats.jsonl.gz").exists());
//! # Ok::<(), daytally::Error>(())
//! ```

#[cfg(feature = "arrow")]
pub(crate) mod arrow;
pub(crate) mod columns;
pub(crate) mod csv;
mod csv_file;
mod days;
mod drafts;
mod encoder;
mod facts;
mod format;
pub(crate) mod json_lines;
mod packer;
#[cfg(feature = "parquet")]
mod parquet;
mod publication;
mod publish;
pub(crate) mod rejects;
#[doc(hidden)]
pub mod report;
mod same;
mod steps;
pub(crate) mod summary;
pub(crate) mod waiting;
pub(crate) mod writeback;

#[cfg(any(feature = "parquet", feature = "arrow"))]
pub(crate) use columns::EPOCH;
pub(crate) use csv_file::CsvFile;
pub use days::{DayChanges, DayDrafts, FinishedDays, date_of_day_file, day_file, days_in};
pub use drafts::discard_drafts;
pub(crate) use drafts::{DraftFile, Temporary, sweep_once};
pub(crate) use encoder::{Encoder, Piece};
pub(crate) use facts::Facts;
pub use format::{Encoding, Format, NoFormat, Packing};
pub use publication::{Publication, Published};
pub use publish::{Draft, Finished, Target};
pub(crate) use rejects::Reject;
#[cfg(feature = "arrow")]
pub(crate) use rejects::RejectRow;
#[cfg(feature = "arrow")]
pub(crate) use rejects::Shown;
pub(crate) use rejects::write_inputs;
pub use summary::{
    DaysSummary, InputSummary, OutputSummary, PlaceSummary, SchemaSummary, StateSummary, Status,
    Summary,
};
