//! Inputs: finding, opening, mapping and decompressing them, cutting them into chunks, and chunks into lines.
//!
//! Knows nothing of events: a line is bytes. [`Search`] finds inputs by names, folders, patterns and lists, and
//! [`Place::open`] opens what it found. An [`Input`] can also be opened by its path, or be anything that
//! reads.
//!
//! ```
//! use daytally::input::{Place, Search};
//! use daytally::{Input, Options, Pipeline, Result};
//!
//! let found = Search::new(["tests/data".into()]).find()?;
//! let mut inputs = found.inputs.iter().map(Place::open).collect::<Result<Vec<_>>>()?;
//! inputs.push(Input::reader("queue", "nonsense\n".as_bytes()));
//! let outcome = Pipeline::new(Options::default())?.aggregate(inputs, &mut ())?;
//! assert_eq!((outcome.inputs.len(), outcome.books.lines()), (2, 6));
//! # Ok::<(), daytally::Error>(())
//! ```

mod ahead;
mod chunk;
pub(crate) mod compression;
mod file;
mod file_system;
mod find;
pub(crate) mod identity;
pub(crate) mod line;
pub(crate) mod locate;
mod map;
pub(crate) mod mapped;
mod pipe;
mod sample;
pub(crate) mod source;
mod split;
pub(crate) mod stdin;
mod stream;

pub(crate) use chunk::Chunks;
pub(crate) use compression::Decompressor;
pub use compression::{Compression, DecompressError, Fault};
pub use file::FileId;
pub(crate) use file::Recording;
pub use find::{Found, LeftOut, List, Place, Search, Separator, Unmatched};
pub use identity::Verify;
pub(crate) use identity::{Change, FileRecord, Unfinished};
pub(crate) use line::Lines;
pub(crate) use locate::{FoundLine, Locator, Which};
pub(crate) use mapped::InputFile;
pub(crate) use pipe::Until;
pub(crate) use sample::PlainFile;
pub(crate) use source::{Input, Opened, Sampled};
pub use source::{InputIdentity, Way};
pub use split::{NoSplit, Split, SplitPlan, Splits};
pub use stream::Cut;
pub(crate) use stream::{Block, Buffer, Cutting, Read, Stream, StreamEnd};
