//! A worker's own table of groups.

use hashbrown::HashMap;

use super::group::{Group, GroupKey, Totals};
use super::hash::KeyHasher;
use crate::event::Event;

/// Groups and their totals in no order: what one worker has counted since it last handed over.
///
/// ```
/// use daytally::aggregate::{KeyHasher, Table};
/// use daytally::event::{Decoder, Verdict};
///
/// let mut table = Table::new(KeyHasher::random());
/// let line = br#"{"user_id":7,"event_type":"click","timestamp":"2024-01-01T08Z"}"#;
/// if let Verdict::Valid(event) = Decoder::default().decode(line) {
///     table.add(&event);
///     table.add(&event);
/// }
/// assert_eq!(table.len(), 1);
/// ```
#[derive(Debug)]
pub struct Table {
    groups: HashMap<GroupKey, Totals, KeyHasher>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(hasher: KeyHasher) -> Table {
        Table {
            groups: HashMap::with_hasher(hasher),
        }
    }

    /// Counts an event.
    #[inline]
    pub fn add(&mut self, event: &Event) {
        let key = GroupKey::new(event.date(), event.user_id());
        self.groups.entry(key).or_default().add(event);
    }

    /// How many groups there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Takes all groups out, in no order; the table keeps its memory.
    pub fn drain(&mut self) -> impl Iterator<Item = Group> + '_ {
        self.groups
            .drain()
            .map(|(key, totals)| Group { key, totals })
    }
}
