//! What the program, the benchmarks, the tests and the fuzz target of this package use of the library beyond its API.
//!
//! None of it is part of the API: it may change or go in any release. Nothing else is to use it.

pub use crate::aggregate::counter::Counter;
pub use crate::aggregate::hash::KeyHasher;
pub use crate::aggregate::partition::Partitions;
pub use crate::aggregate::sorted::{GroupRange, InOrder};
pub use crate::aggregate::spill::SpillSettings;
pub use crate::aggregate::table::Table;
pub use crate::aggregate::timeline::{Span, Timeline};
pub use crate::aggregate::user_totals::{UserTotal, UserTotals};
pub use crate::event::decode::Run;
pub use crate::event::fast::{Means, vectors};
pub use crate::event::fault::{column, push_message};
pub use crate::event::style::{Lengths, Styles};
pub use crate::input::compression::Decompressor;
pub use crate::input::identity::{Change, FileRecord};
pub use crate::input::line::{Line, Lines};
pub use crate::input::locate::{FoundLine, Locator, Which};
pub use crate::input::mapped::InputFile;
pub use crate::input::stdin::read_list;
pub use crate::output::rejects::JsonWriter;
pub use crate::output::summary::{Part, path_text};
pub use crate::output::waiting::{Parts, Waiting, write_parts};
pub use crate::pipeline::DEFAULT_CHUNK_SIZE;
pub use crate::pipeline::machine::machine_memory;
pub use crate::state::meta::PartialMeta;
