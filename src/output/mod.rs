//! Outputs: pure serialisers of what a run found, and the publisher of files and of days.
//!
//! Knows nothing of where rows and rejects come from.

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
mod writeback;

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
