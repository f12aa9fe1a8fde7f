//! daytally: daily per-user statistics from JSON Lines event logs.
pub mod aggregate;
mod books;
pub mod error;
pub mod event;
pub mod generate;
pub mod input;
pub mod output;
mod pipeline;
pub mod text;

pub use books::Books;
pub use error::{Error, Result};
pub use input::InputFile;
pub use output::Reject;
pub use pipeline::{
    DEFAULT_CHUNK_SIZE, InputOutcome, Options, Outcome, Pipeline, RejectSink, Stop,
};
