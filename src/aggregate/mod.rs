//! Aggregation: groups of events by date and user, and their exact totals.
//!
//! Each worker [adds](Counter::add) events to a [`Counter`] of its own; the counters hand groups over
//! to [`Partitions`] shared by all, which take them to the disk where memory is short; those are
//! [finished](Partitions::finish_sorted) into [`SortedGroups`]. Knows nothing of JSON or of files of
//! events.

pub(crate) mod block;
mod counter;
mod day_totals;
mod fetch;
mod grand_totals;
mod group;
mod hash;
mod memory;
mod packed;
mod partition;
mod revenue;
mod sorted;
mod spill;
mod store;
mod table;
mod timeline;
mod user_totals;

pub use counter::Counter;
pub use day_totals::DayTotals;
pub(crate) use day_totals::EachDay;
pub use grand_totals::GrandTotals;
pub(crate) use grand_totals::too_large;
pub use group::{Group, GroupKey, Totals};
pub use hash::KeyHasher;
pub use partition::Partitions;
pub use revenue::{GrandTotal, Revenue, RevenueChange};
pub use sorted::{GroupRange, InOrder, SortedGroups};
pub use spill::{SpillSettings, Spilled};
pub use table::Table;
pub use timeline::{Span, Timeline};
pub use user_totals::{UserTotal, UserTotals};
