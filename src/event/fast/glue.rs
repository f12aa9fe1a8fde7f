//! What stands before the values of a line, and is remembered from line to line.

use super::names::MoreGlue;
use super::scan::BLOCK;
use crate::event::field::Field;

/// How many keys of an object are remembered by their place; those after them are read each time.
pub(super) const PLACES: usize = 24;

/// What stood before the value at a place of a line: punctuation, white space and the key.
#[derive(Debug)]
pub(super) struct Glue<M> {
    /// Its first bytes.
    pub(super) bytes: [u8; BLOCK],
    /// A bit for each byte.
    pub(super) bits: u32,
    /// The others.
    pub(super) more: M,
    pub(super) len: usize,
    pub(super) field: Option<Field>,
    /// A bit for the field.
    pub(super) has: u32,
}

impl<M: MoreGlue> Default for Glue<M> {
    /// Nothing has been learnt yet. These bytes do not come in a line that is JSON, and should they
    /// come in another, nothing is skipped.
    fn default() -> Glue<M> {
        Glue {
            bytes: [0xff; BLOCK],
            bits: u32::MAX,
            more: M::default(),
            len: 0,
            field: None,
            has: 0,
        }
    }
}

impl<M: MoreGlue> Glue<M> {
    /// Remembers what stood before a value, if it is not too long.
    #[cold]
    pub(super) fn learn(&mut self, glue: &[u8], field: Option<Field>) {
        *self = Glue::default();
        let (first, more) = glue.split_at(glue.len().min(BLOCK));
        if self.more.learn(more).is_none() {
            return;
        }
        self.bytes[..first.len()].copy_from_slice(first);
        self.bits = first.iter().fold(0, |bits, _| bits << 1 | 1);
        self.len = glue.len();
        self.field = field;
        self.has = field.map_or(0, |field| 1 << field.index());
    }
}
