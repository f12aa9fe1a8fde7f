//! Aggregation: groups of events by date and user, and their exact totals.
//!
//! Each worker [adds](Counter::add) events to a [`Counter`] of its own; the counters hand groups over
//! to [`Partitions`] shared by all; those are [finished](Partitions::finish_sorted) into
//! [`SortedGroups`]. Knows nothing of JSON or of files.
//!
//! # What did not help
//!
//! Processor time of whole runs over 1 GiB with two threads, in seconds: 3.06 million groups in random
//! order take about 0.95, 31 thousand groups 0.4.
//!
//! - Groups in the slots of a table with open addressing, instead of an index beside groups that stand
//!   still: 1.69 instead of 1.40, at the time.
//! - An index up to three quarters full instead of half: 1.11 instead of 0.95.
//! - The same index and groups as a worker's own table, instead of hashbrown's: 0.45 instead of 0.43
//!   with 31 thousand groups.
//! - Groups on their way to a partition handed over 256 or 512 at a time instead of 128, and events
//!   counted 1,024 at a time instead of 256: no difference.
//! - Merging sorted partitions through a heap, instead of dividing groups into ranges and sorting
//!   those: a tenth of the run.

mod counter;
mod fetch;
mod grand_totals;
mod group;
mod hash;
mod packed;
mod partition;
mod revenue;
mod sorted;
mod store;
mod table;

pub use counter::Counter;
pub use grand_totals::GrandTotals;
pub use group::{Group, GroupKey, Totals};
pub use hash::KeyHasher;
pub use partition::Partitions;
pub use revenue::{GrandTotal, Revenue};
pub use sorted::{GroupRange, InOrder, SortedGroups};
pub use table::Table;
