//! Aggregation: groups of events by date and user, and their exact totals.
//!
//! Each worker [adds](Counter::add) events to a [`Counter`] of its own; the counters hand groups over
//! to [`Partitions`] shared by all, which take them to the disk where memory is short; those are
//! [finished](Partitions::finish_sorted) into [`SortedGroups`]. Knows nothing of JSON or of files of
//! events.

pub(crate) mod block;
pub(crate) mod counter;
mod day_totals;
mod fetch;
mod grand_totals;
mod group;
pub(crate) mod hash;
mod memory;
mod packed;
pub(crate) mod partition;
mod revenue;
pub(crate) mod sorted;
pub(crate) mod spill;
mod store;
pub(crate) mod table;
pub(crate) mod timeline;
pub(crate) mod user_totals;

pub(crate) use counter::Counter;
pub use day_totals::DayTotals;
pub(crate) use day_totals::EachDay;
pub use grand_totals::GrandTotals;
pub(crate) use grand_totals::too_large;
pub use group::{Group, GroupKey, Totals};
pub(crate) use partition::Partitions;
pub use revenue::{GrandTotal, Revenue, RevenueChange};
pub use sorted::SortedGroups;
pub(crate) use sorted::{GroupRange, InOrder};
pub(crate) use spill::SpillSettings;
pub use spill::Spilled;
pub(crate) use timeline::{Span, Timeline};
pub(crate) use user_totals::{UserTotal, UserTotals};
