//! A draft: the four fields of a line as JSON text, before a profile arranges them.

use super::event::{Event, EventType};
use super::text::{push_cents, push_number};

/// A field that the program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    UserId,
    EventType,
    Timestamp,
    Amount,
}

impl Field {
    /// In the order of the usual line.
    pub(super) const ALL: [Self; 4] =
        [Self::UserId, Self::EventType, Self::Timestamp, Self::Amount];

    /// The key.
    pub(super) fn key(self) -> &'static [u8] {
        match self {
            Self::UserId => b"user_id",
            Self::EventType => b"event_type",
            Self::Timestamp => b"timestamp",
            Self::Amount => b"amount",
        }
    }
}

/// The values of a line's fields as JSON text. Its buffers are used again for every line.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    values: [Vec<u8>; 4],
    present: [bool; 4],
}

impl Draft {
    /// Takes all fields out.
    pub(super) fn clear(&mut self) {
        self.present = [false; 4];
    }

    /// Puts a field in, and returns its emptied value to write to.
    pub(super) fn value(&mut self, field: Field) -> &mut Vec<u8> {
        self.present[field as usize] = true;
        let value = &mut self.values[field as usize];
        value.clear();
        value
    }

    /// Puts a field in with this value, in place of the one it had.
    pub(super) fn set(&mut self, field: Field, value: &[u8]) {
        self.value(field).extend_from_slice(value);
    }

    /// Takes a field out.
    pub(super) fn remove(&mut self, field: Field) {
        self.present[field as usize] = false;
    }

    /// A field's value, if the field is in.
    pub(super) fn get(&self, field: Field) -> Option<&[u8]> {
        self.present[field as usize].then(|| self.values[field as usize].as_slice())
    }

    /// The fields that are in, in the usual order, with their values.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &[u8])> {
        Field::ALL
            .into_iter()
            .filter_map(|field| Some((field, self.get(field)?)))
    }

    /// Puts in the fields of an event, each in its usual form.
    pub(super) fn fill(&mut self, event: &Event) {
        self.clear();
        push_number(self.value(Field::UserId), event.user_id);
        quote(self.value(Field::EventType), event.kind.name());
        quote(self.value(Field::Timestamp), &event.moment.rfc3339());
        if event.kind == EventType::Purchase {
            push_cents(self.value(Field::Amount), event.cents);
        }
    }
}

/// Writes text that needs no escapes as a JSON string.
pub(super) fn quote(buf: &mut Vec<u8>, text: &[u8]) {
    buf.push(b'"');
    buf.extend_from_slice(text);
    buf.push(b'"');
}
