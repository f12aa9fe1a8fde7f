//! Outputs: pure serialisers of what a run found, and the publisher of files and of days.
//!
//! Knows nothing of where rows and rejects come from.

pub mod csv;
mod days;
mod drafts;
mod publication;
mod publish;
mod rejects;
mod same;
mod steps;
mod summary;
mod writeback;

pub use days::{
    DAY_FILE, DayChanges, DayDrafts, FinishedDays, date_of_day_file, day_file, days_in,
};
pub(crate) use drafts::DraftFile;
pub use drafts::discard_drafts;
pub use publication::{Publication, Published};
pub use publish::{Draft, Finished, Target};
pub(crate) use rejects::write_inputs;
pub use rejects::{RAW_LIMIT, Reject};
pub use summary::{
    DaysSummary, InputSummary, OutputSummary, SchemaSummary, StateSummary, Status, Summary,
    path_text,
};
