//! Outputs: pure serialisers of what a run found, and the one publisher of files.
//!
//! Knows nothing of where rows and rejects come from.

pub mod csv;
mod publish;
mod rejects;
mod summary;
mod writeback;

pub use publish::{Draft, Finished, Target};
pub(crate) use rejects::write_inputs;
pub use rejects::{RAW_LIMIT, Reject};
pub use summary::{InputSummary, OutputSummary, StateSummary, Status, Summary, path_text};
