//! Aggregation: groups of events by date and user, and their exact totals.
//!
//! Each worker adds events to a counter of its own; the counters hand groups over to partitions shared by all, which
//! take them to the disk where memory is short; those are finished into [`SortedGroups`]. Knows nothing of JSON or of
//! files of events.
//!
//! ```
//! use daytally::{Input, Options, Pipeline};
//!
//! let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
//! let pipeline = Pipeline::new(Options::default())?;
//! let outcome = pipeline.aggregate(inputs, &mut ())?;
//! let mut rows = Vec::new();
//! for group in outcome.groups.iter() {
//!     let group = group?;
//!     rows.push(format!("{} {} {}", group.key.date(), group.key.user_id(), group.totals.revenue));
//! }
//! assert_eq!(rows, ["2024-01-01 123 19.99", "2024-01-01 456 0.00"]);
//! # Ok::<(), daytally::Error>(())
//! ```

pub(crate) mod block;
pub(crate) mod by_day;
pub(crate) mod counter;
mod day_totals;
mod grand_totals;
mod group;
pub(crate) mod hash;
mod matrix;
mod memory;
mod packed;
pub(crate) mod partition;
mod revenue;
mod slots;
pub(crate) mod sorted;
pub(crate) mod spill;
mod store;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod user_totals;

pub(crate) use by_day::User;
pub(crate) use counter::Counter;
pub use day_totals::DayTotals;
pub(crate) use day_totals::EachDay;
pub use grand_totals::GrandTotals;
pub(crate) use grand_totals::too_large;
pub use group::{Group, GroupKey, Totals};
pub(crate) use partition::{Finish, Partition, Partitions};
pub use revenue::{GrandTotal, Revenue, RevenueChange};
pub use sorted::SortedGroups;
pub(crate) use sorted::{GroupRange, InOrder};
pub(crate) use spill::SpillSettings;
pub use spill::Spilled;
pub(crate) use timeline::{Span, Timeline};
pub(crate) use user_totals::{UserTotal, UserTotals};
