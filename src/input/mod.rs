//! Inputs: finding, opening, mapping and decompressing them, cutting them into chunks, and chunks into
//! lines.
//!
//! Knows nothing of events: a line is bytes.

mod ahead;
mod chunk;
mod compression;
mod file;
mod file_system;
mod find;
mod identity;
mod line;
mod locate;
mod map;
mod mapped;
mod pipe;
mod sample;
mod source;
mod split;
mod stream;

pub use chunk::{Chunk, Chunks};
pub use compression::{Compression, DecompressError, Decompressor, Fault};
pub use file::FileId;
pub(crate) use file::Recording;
pub use find::{Found, LeftOut, List, Place, Search, Separator, Unmatched};
pub use identity::{Change, Digest, FileRecord, Unfinished, Verify};
pub use line::{Line, Lines};
pub use locate::{FoundLine, Locator, Which};
pub use map::Mapping;
pub use mapped::InputFile;
pub(crate) use pipe::Until;
pub(crate) use sample::PlainFile;
pub use source::{Input, InputIdentity, Way};
pub(crate) use source::{Opened, Sampled};
pub use split::{NoSplit, Split, SplitPlan, Splits};
pub use stream::Cut;
pub(crate) use stream::{Block, Buffer, Cutting, Read, Stream, StreamEnd};
