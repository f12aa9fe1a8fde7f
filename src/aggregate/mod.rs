//! Aggregation: groups of events by date and user, and their exact totals.
//!
//! Each worker [adds](Table::add) events to a [`Table`] of its own; the tables are
//! [absorbed](Partitions::absorb) into [`Partitions`] shared by all; those are
//! [finished](Partitions::finish) into [`SortedGroups`]. Knows nothing of JSON or of files.

mod grand_totals;
mod group;
mod hash;
mod partition;
mod revenue;
mod sorted;
mod table;

pub use grand_totals::GrandTotals;
pub use group::{Group, GroupKey, Totals};
pub use hash::KeyHasher;
pub use partition::{Partitions, Scratch};
pub use revenue::{GrandTotal, Revenue};
pub use sorted::{GroupIter, GroupRange, SortedGroups};
pub use table::Table;
