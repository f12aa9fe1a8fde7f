//! Inputs: finding them, opening and mapping files, cutting them into chunks, and chunks into lines.
//!
//! Knows nothing of events: a line is bytes.

mod chunk;
mod file;
mod find;
mod line;
mod map;

pub use chunk::{Chunk, Chunks};
pub use file::{FileId, InputFile};
pub use find::{Found, LeftOut, List, Place, Search, Separator};
pub use line::{Line, Lines};
pub use map::Mapping;
