//! What is looked for in a line: the keys of the fields and the types of purchases. The lane is compiled
//! once for the usual ones, which it then knows by heart, and once for those that are given.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use std::fmt::Debug;
use std::sync::Arc;

use super::scan::{BLOCK, Index, Scan, Words4};
use super::value::unescaped;
use super::walk::Reader;
use crate::event::field::Field;
use crate::event::schema::Schema;
use crate::event::timestamp::parse_timestamp;
use crate::event::zone::LocalDays;
use crate::event::{Date, PURCHASE, json};

/// What is looked for.
pub(in crate::event) trait Names: Debug {
    /// What is remembered of a glue past its first block.
    type MoreGlue: MoreGlue;

    /// What the rules are asked with that the lane is compared with.
    fn schema(&self) -> &Schema;

    /// The field that a key without escapes names.
    fn field_of_key(&self, key: &[u8]) -> Option<Field>;

    /// The field that a key with escapes names; `key` starts behind the quote that opens it.
    fn field_of_escaped_key(&self, key: &[u8]) -> Option<Field>;

    /// The place of the field that the key at the start of `text` names, from its quote on, without
    /// looking at escapes; [`Field::COUNT`] where it names none, or is none. And if so, whether it may
    /// have escapes that make it name one. `None` where the text ends too soon to tell.
    fn place_of_key<I: Index>(&self, text: &[u8]) -> Option<(usize, bool)>;

    /// Whether an event type without escapes is that of a purchase.
    fn is_purchase(&self, event_type: &[u8]) -> bool;

    /// The same for the one at the start of `text`, which is so long.
    #[inline(always)]
    fn is_purchase_of(&self, text: &[u8], len: usize) -> bool {
        text.get(..len)
            .is_some_and(|event_type| self.is_purchase(event_type))
    }

    /// The same for one with escapes, which starts behind its first quote.
    fn is_escaped_purchase(&self, event_type: &[u8]) -> bool;

    /// Whether a value that is known to be valid JSON is the event type of a purchase. `None` if it is
    /// no event type.
    fn is_purchase_here<S: Scan>(&self, reader: Reader<'_, S>) -> Option<bool>;

    /// The day that is counted, given that of UTC and the text, which starts `"YYYY-MM-DDThh:mm:ss`.
    fn day(&mut self, utc: Date, text: &[u8]) -> Option<Date>;

    /// The day of a timestamp in any form.
    fn parse_timestamp(&mut self, timestamp: &[u8]) -> Option<Date>;
}

/// The rest of a glue that is longer than a block.
pub(in crate::event) trait MoreGlue: Debug + Default {
    /// Remembers it, if that is wanted.
    fn learn(&mut self, rest: &[u8]) -> Option<()>;

    /// Whether it is what stands at a place of a text.
    fn is_at(&self, text: &[u8], at: usize) -> bool;
}

/// The usual keys with commas and white space around them fit a block.
impl MoreGlue for () {
    #[inline(always)]
    fn learn(&mut self, rest: &[u8]) -> Option<()> {
        rest.is_empty().then_some(())
    }

    #[inline(always)]
    fn is_at(&self, _: &[u8], _: usize) -> bool {
        true
    }
}

/// The longest rest of a glue that is remembered.
const MOST_GLUE: usize = 1024;

impl MoreGlue for Vec<u8> {
    fn learn(&mut self, rest: &[u8]) -> Option<()> {
        self.clear();
        if rest.len() > MOST_GLUE {
            return None;
        }
        self.extend_from_slice(rest);
        Some(())
    }

    #[inline(always)]
    fn is_at(&self, text: &[u8], at: usize) -> bool {
        // Mostly there is none.
        self.is_empty() || text.get(at..at + self.len()) == Some(&self[..])
    }
}

/// The keys and the type of purchases of [`Schema::default`].
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::event) struct Usual;

impl Names for Usual {
    type MoreGlue = ();

    fn schema(&self) -> &Schema {
        Schema::usual()
    }

    #[inline(always)]
    fn field_of_key(&self, key: &[u8]) -> Option<Field> {
        Field::from_key(key)
    }

    #[cold]
    fn field_of_escaped_key(&self, key: &[u8]) -> Option<Field> {
        let (text, len) = unescaped::<16>(key)?;
        Field::from_key(text.get(..len)?)
    }

    #[inline(always)]
    fn place_of_key<I: Index>(&self, text: &[u8]) -> Option<(usize, bool)> {
        // Most keys have no escapes; and a field's with escapes has one early on.
        Some(I::which(text.first_chunk()?, const { &QUOTED_KEYS }))
    }

    #[inline(always)]
    fn is_purchase(&self, event_type: &[u8]) -> bool {
        // Of a known length: one comparison.
        <[u8; PURCHASE.len()]>::try_from(event_type).is_ok_and(|text| text == PURCHASE_BYTES)
    }

    #[inline(always)]
    fn is_purchase_of(&self, text: &[u8], len: usize) -> bool {
        // Without a branch, which would be hard to foretell.
        let is_same = text
            .first_chunk()
            .is_some_and(|text| *text == PURCHASE_BYTES);
        is_same & (len == PURCHASE.len())
    }

    #[cold]
    fn is_escaped_purchase(&self, event_type: &[u8]) -> bool {
        unescaped::<8>(event_type).is_some_and(|(text, len)| self.is_purchase(&text[..len]))
    }

    #[inline(always)]
    fn is_purchase_here<S: Scan>(&self, reader: Reader<'_, S>) -> Option<bool> {
        // The string's end is of no interest, only whether it is this one, and if not, why.
        const START: u128 = quoted(PURCHASE.as_bytes()) << 8 | b'"' as u128;
        const LEN: usize = PURCHASE.len() + 2;
        let bytes = reader.next_bytes::<16>()?;
        let same = (u128::from_le_bytes(*bytes) ^ START).trailing_zeros() as usize / 8;
        match bytes[same.min(15)] {
            _ if same >= LEN => Some(true),
            // Not a string, or an empty one.
            _ if same == 0 => None,
            b'"' if same == 1 => None,
            b'\\' => Some(self.is_escaped_purchase(reader.text.get(reader.at + 1..)?)),
            _ => Some(false),
        }
    }

    #[inline(always)]
    fn day(&mut self, utc: Date, _: &[u8]) -> Option<Date> {
        Some(utc)
    }

    #[inline(always)]
    fn parse_timestamp(&mut self, timestamp: &[u8]) -> Option<Date> {
        parse_timestamp(timestamp).ok()
    }
}

const PURCHASE_BYTES: [u8; PURCHASE.len()] = {
    let mut bytes = [0; PURCHASE.len()];
    bytes.copy_from_slice(PURCHASE.as_bytes());
    bytes
};

/// The keys of the fields, in quotes, each at its [`index`](Field::index).
const QUOTED_KEYS: Words4 = {
    let mut keys = [""; Field::COUNT];
    let mut index = 0;
    while index < Field::COUNT {
        let field = Field::ALL[index];
        assert!(field.index() == index);
        keys[index] = field.key();
        index += 1;
    }
    Words4::quoted(keys)
};

/// A text with the quote that ends it, as a word.
const fn quoted(text: &[u8]) -> u128 {
    assert!(text.len() < 16);
    let mut word = (b'"' as u128) << (8 * text.len());
    let mut at = 0;
    while at < text.len() {
        word |= (text[at] as u128) << (8 * at);
        at += 1;
    }
    word
}

/// The keys and types of a [`Schema`] all of whose fields are the event's own.
#[derive(Debug)]
pub(in crate::event) struct Given {
    schema: Arc<Schema>,
    /// The keys with their quotes, a word of them after the other.
    words: Vec<[KeyWord; Field::COUNT]>,
    /// How many bytes all of the words take.
    len: usize,
    /// The days of the zone, if it is not UTC.
    days: Option<LocalDays>,
}

/// Sixteen bytes or less of a key.
#[derive(Clone, Copy, Debug)]
struct KeyWord {
    at: usize,
    word: u128,
    mask: u128,
}

impl Given {
    pub(in crate::event) fn new(schema: &Arc<Schema>) -> Given {
        let keys = Field::ALL.map(|field| {
            let key = schema.path(field).head().as_bytes();
            [key, b"\""].concat()
        });
        let count = keys.iter().map(|key| key.len().div_ceil(16)).max();
        let words = (0..count.unwrap_or(0))
            .map(|index| keys.each_ref().map(|key| KeyWord::of(key, index)))
            .collect();
        Given {
            words,
            len: keys.iter().map(Vec::len).max().unwrap_or(0).max(16),
            days: (!schema.zone().is_utc()).then(|| LocalDays::new(schema.zone())),
            schema: Arc::clone(schema),
        }
    }
}

impl KeyWord {
    /// The word of a key with its quote that has this place; of one that has fewer the last one.
    fn of(key: &[u8], index: usize) -> KeyWord {
        let name = &key[..key.len() - 1];
        if name
            .iter()
            .any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
        {
            // Never written without escapes, and what looks like it is something else.
            return KeyWord {
                at: 0,
                word: 1,
                mask: 0,
            };
        }
        // The last one ends with the key, and overlaps.
        let at = (16 * index).min(key.len().saturating_sub(16));
        let mut bytes = [0; 16];
        let mut mask = [0; 16];
        for ((byte, mask), of_key) in bytes.iter_mut().zip(&mut mask).zip(&key[at..]) {
            (*byte, *mask) = (*of_key, 0xff);
        }
        KeyWord {
            at,
            word: u128::from_le_bytes(bytes),
            mask: u128::from_le_bytes(mask),
        }
    }
}

impl Names for Given {
    type MoreGlue = Vec<u8>;

    fn schema(&self) -> &Schema {
        &self.schema
    }

    #[inline(always)]
    fn field_of_key(&self, key: &[u8]) -> Option<Field> {
        self.schema.fields_of_key(key).next()
    }

    #[cold]
    fn field_of_escaped_key(&self, key: &[u8]) -> Option<Field> {
        self.field_of_key(&any_unescaped(key))
    }

    #[inline(always)]
    fn place_of_key<I: Index>(&self, text: &[u8]) -> Option<(usize, bool)> {
        let (quote, rest) = text.split_first()?;
        let text = rest.get(..self.len)?;
        // Without branches: which key comes next cannot be guessed.
        let mut is_same = [*quote == b'"'; Field::COUNT];
        for words in &self.words {
            for (is_same, key) in is_same.iter_mut().zip(words) {
                let bytes = text.get(key.at..)?.first_chunk()?;
                *is_same &= u128::from_le_bytes(*bytes) & key.mask == key.word;
            }
        }
        let mut place = Field::COUNT;
        for (index, is_same) in is_same.into_iter().enumerate() {
            place = if is_same { index } else { place };
        }
        let may_have_escapes = place == Field::COUNT && *quote == b'"' && {
            let end = memchr::memchr2(b'"', b'\\', rest);
            end.is_some_and(|end| rest[end] == b'\\')
        };
        Some((place, may_have_escapes))
    }

    #[inline(always)]
    fn is_purchase(&self, event_type: &[u8]) -> bool {
        self.schema.is_purchase(event_type)
    }

    #[cold]
    fn is_escaped_purchase(&self, event_type: &[u8]) -> bool {
        self.is_purchase(&any_unescaped(event_type))
    }

    #[inline(always)]
    fn is_purchase_here<S: Scan>(&self, reader: Reader<'_, S>) -> Option<bool> {
        let text = reader.text.get(reader.at..)?;
        let inner = text.strip_prefix(b"\"")?;
        let block: &[u8; BLOCK] = inner.first_chunk()?;
        let len = S::first_not_plain(block);
        if len < BLOCK && block[len] == b'"' {
            return (len > 0).then(|| self.is_purchase(&block[..len]));
        }
        // Long, or with escapes or characters past ASCII in it.
        let end = memchr::memchr2(b'"', b'\\', inner)?;
        Some(if inner[end] == b'"' {
            self.is_purchase(&inner[..end])
        } else {
            self.is_escaped_purchase(inner)
        })
    }

    #[inline(always)]
    fn day(&mut self, utc: Date, text: &[u8]) -> Option<Date> {
        let Some(days) = &mut self.days else {
            return Some(utc);
        };
        let pair = |at: usize| {
            let [tens, ones] = *text.get(at..)?.first_chunk::<2>()?;
            Some(u32::from(tens & 0x0f) * 10 + u32::from(ones & 0x0f))
        };
        days.get(utc, pair(12)? * 3600 + pair(15)? * 60 + pair(18)?)
    }

    #[inline(always)]
    fn parse_timestamp(&mut self, timestamp: &[u8]) -> Option<Date> {
        match &mut self.days {
            Some(days) => self.schema.date_with(timestamp, days),
            None => self.schema.date(timestamp).ok(),
        }
    }
}

/// What a valid JSON string stands for, from behind the quote that opens it up to the one that closes
/// it or the end of `escaped`.
fn any_unescaped(escaped: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut at = 0;
    while let Some(byte) = escaped.get(at) {
        match byte {
            b'"' => break,
            b'\\' => {
                let (character, len) = json::unescape_one(&escaped[at..]);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at += len;
            }
            byte => {
                text.push(*byte);
                at += 1;
            }
        }
    }
    text
}
