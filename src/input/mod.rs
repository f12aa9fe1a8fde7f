//! Inputs: opening, mapping and decompressing files, cutting them into chunks, and chunks into
//! lines.
//!
//! Knows nothing of events: a line is bytes.

mod chunk;
mod compression;
mod file;
mod line;
mod map;

pub use chunk::{Chunk, Chunks};
pub use compression::{Compression, DecompressError, Decompressor, Fault};
pub use file::{FileId, InputFile};
pub use line::{Line, Lines};
pub use map::Mapping;
