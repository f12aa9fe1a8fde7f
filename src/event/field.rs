//! The four fields of an event that are read.

/// A field of an event. Other keys are ignored, whatever they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    UserId,
    EventType,
    Timestamp,
    Amount,
}

impl Field {
    /// How many fields there are.
    pub(crate) const COUNT: usize = 4;

    /// All of them, each at its [`index`](Field::index).
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "the index has it")
    )]
    pub(crate) const ALL: [Field; Field::COUNT] = [
        Field::UserId,
        Field::EventType,
        Field::Timestamp,
        Field::Amount,
    ];

    /// The field a key names, the key's escapes undone.
    #[inline]
    pub(crate) fn from_key(key: &[u8]) -> Option<Field> {
        // Each of a length of its own, so a comparison of some words and no call.
        match key {
            b"amount" => Some(Field::Amount),
            b"user_id" => Some(Field::UserId),
            b"timestamp" => Some(Field::Timestamp),
            b"event_type" => Some(Field::EventType),
            _ => None,
        }
    }

    /// The key of the field.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Field::UserId => "user_id",
            Field::EventType => "event_type",
            Field::Timestamp => "timestamp",
            Field::Amount => "amount",
        }
    }

    /// The place of the field in an array of [`Field::COUNT`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}
