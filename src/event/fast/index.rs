//! The index of a line: where its tokens are, found and checked for all of JSON's grammar with
//! operations on whole words of bits, without going from token to token.
//!
//! A token is a bracket, a comma, a colon, a string (it stands where its quote opens) or a scalar,
//! that is a number or a literal (it stands where it starts).
//!
//! 1. Each block of 64 bytes becomes a few words with a bit for each byte: the quotes, the white space
//!    and so on. What is in strings, and what is escaped there, follows by arithmetic on those words.
//!    The tokens are packed together, each one byte, and so are their places in the line.
//! 2. In that dense form the grammar is about neighbours: what may stand after what, for 64 tokens at
//!    a time. Only brackets are taken one by one, to know what each token is in; and what they come to
//!    is remembered for the next that follow each other in the same way.
//! 3. Scalars and escapes are looked at one by one.
//!
//! So neither the order of keys, nor white space, nor what is skipped costs the processor a wrong
//! guess. The two-stage way of reading, and the words of step 1, are those of Langdale and Lemire,
//! "Parsing Gigabytes of JSON per Second" (2019); step 2 is our own.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use super::MAX_DEPTH;
use super::scan::{BLOCK, Index, WIDE};
use super::value::hex;
use super::walk::Reader;

/// The longest line that is indexed, in blocks; longer ones are walked through.
const BLOCKS: usize = 64;

/// How many tokens there can be, each byte being one, and room to write a block behind them.
const TOKENS: usize = (BLOCKS + 1) * WIDE;

/// The index of a line. Kept from line to line for its memory alone.
#[derive(Debug)]
pub(super) struct LineIndex {
    /// The first byte of each token.
    tokens: [u8; TOKENS],
    /// Where each token starts in the line.
    places: [u16; TOKENS],
    /// Where the scalars start.
    scalars: [u16; TOKENS],
    /// Where the keys of the outermost object, and their values, start: in turn.
    members: [u16; TOKENS],
    /// Of each 64 tokens, those that are keys of the outermost object.
    keys: [u64; BLOCKS],
    /// Of each block, the bytes at which tokens start.
    starts: [u64; BLOCKS],
    /// For each block, how many tokens start before it.
    before: [u32; BLOCKS],
    /// Of each block, the bytes that are escaped by a backslash before them.
    escaped: [u64; BLOCKS],
    /// Where those are in the line.
    escapes: [u16; TOKENS],
    nests: Nests,
}

/// What an index says of its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indexed {
    /// The length of the line without its `\n`.
    pub(super) len: usize,
    /// How many keys and values the outermost object has.
    members: usize,
    /// Whether one of the keys has an escape in it.
    pub(super) has_escaped_keys: bool,
}

impl Default for LineIndex {
    fn default() -> LineIndex {
        LineIndex {
            tokens: [0; TOKENS],
            places: [0; TOKENS],
            scalars: [0; TOKENS],
            members: [0; TOKENS],
            keys: [0; BLOCKS],
            starts: [0; BLOCKS],
            before: [0; BLOCKS],
            escaped: [0; BLOCKS],
            escapes: [0; TOKENS],
            nests: Nests::default(),
        }
    }
}

/// What the first pass finds.
struct FirstPass {
    len: usize,
    blocks: usize,
    tokens: usize,
    has_escapes: bool,
    past_ascii: Extent,
}

/// Where the bytes past ASCII are in a line: what is before and behind need not be looked at.
struct Extent {
    first: usize,
    /// Behind the last one; 0 if there is none.
    end: usize,
}

impl Extent {
    /// Adds the bytes of a block that starts there.
    #[inline(always)]
    fn extend(&mut self, start: usize, past_ascii: u64) {
        if past_ascii != 0 {
            let first = start + past_ascii.trailing_zeros() as usize;
            self.first = self.first.min(first);
            self.end = start + WIDE - past_ascii.leading_zeros() as usize;
        }
    }
}

/// What the second pass finds.
struct SecondPass {
    scalars: usize,
    members: usize,
}

impl LineIndex {
    /// Where the keys of the outermost object start, and where their values do.
    #[inline(always)]
    pub(super) fn members(&self, indexed: Indexed) -> impl Iterator<Item = (usize, usize)> {
        let members = self.members.get(..indexed.members).unwrap_or_default();
        let (members, _) = members.as_chunks::<2>();
        let members = members.iter();
        members.map(|[key, value]| (usize::from(*key), usize::from(*value)))
    }

    /// Whether the line at the start of `text` is longer than what is indexed.
    pub(super) fn is_too_long(text: &[u8]) -> bool {
        let indexed = text.get(..BLOCKS * WIDE);
        indexed.is_some_and(|text| memchr::memchr(b'\n', text).is_none())
    }

    /// Indexes the line at the start of `text`, if it is one JSON object, valid in all its parts, and
    /// nothing about it is unusual. What has less than a block behind it is not indexed.
    #[inline(always)]
    pub(super) fn read<I: Index>(&mut self, text: &[u8]) -> Option<Indexed> {
        let found = self.blocks::<I>(text)?;
        let SecondPass { scalars, members } = self.grammar::<I>(found.tokens)?;
        self.check_scalars::<I>(text, scalars)?;
        let has_escaped_keys = found.has_escapes && self.check_escapes::<I>(text, found.blocks)?;
        if let Extent { first, end: 1.. } = found.past_ascii {
            // The answer alone is kept: whoever else has the file may write to it.
            simdutf8::basic::from_utf8(text.get(first..found.past_ascii.end)?).ok()?;
        }
        Some(Indexed {
            len: found.len,
            members,
            has_escaped_keys,
        })
    }

    /// From bytes to tokens.
    #[inline(always)]
    fn blocks<I: Index>(&mut self, text: &[u8]) -> Option<FirstPass> {
        // Whether the block before ended in a string, in a scalar, with a backslash that escapes.
        let mut in_string = 0_u64;
        let mut in_scalar = 0;
        let mut last_escapes = 0;
        let mut any_escaped = 0;
        let mut faults = 0;
        let mut past_ascii = Extent {
            first: usize::MAX,
            end: 0,
        };
        let mut tokens = 0;
        for (block, bytes) in text.as_chunks::<WIDE>().0.iter().enumerate().take(BLOCKS) {
            let masks = I::masks(bytes);
            // All bytes before the end of the line.
            let line = masks.newline.wrapping_sub(1) & !masks.newline;
            let start = block * WIDE;

            let backslash = masks.backslash & line;
            let escaped = find_escaped(backslash, &mut last_escapes);
            let quote = masks.quote & line & !escaped;
            // From the opening quote on, up to before the closing one.
            let string = I::prefix_xor(quote) ^ in_string;
            in_string = (string.cast_signed() >> 63).cast_unsigned();
            let outside = !(string | quote) & line;
            // A backslash or a character past ASCII outside, a control character inside a string.
            faults |= (masks.control & string | (backslash | masks.past_ascii) & !string) & line;
            past_ascii.extend(start, masks.past_ascii & line);

            let scalar = outside & !(masks.punctuation | masks.space);
            let scalar_start = scalar & !(scalar << 1 | in_scalar);
            in_scalar = scalar >> 63;
            let starts = masks.punctuation & outside | quote & string | scalar_start;

            any_escaped |= escaped;
            self.starts[block] = starts;
            self.before[block] = tokens;
            self.escaped[block] = escaped;
            let to = tokens as usize;
            I::pack(bytes, starts, self.tokens.get_mut(to..)?.first_chunk_mut()?);
            let place = u16::try_from(start).ok()?;
            I::places(starts, place, self.places.get_mut(to..)?.first_chunk_mut()?);
            tokens += starts.count_ones();

            if masks.newline != 0 {
                let is_whole = faults | in_string == 0;
                return is_whole.then_some(FirstPass {
                    len: start + line.count_ones() as usize,
                    blocks: block + 1,
                    tokens: tokens as usize,
                    has_escapes: any_escaped != 0,
                    past_ascii,
                });
            }
            if faults != 0 {
                return None;
            }
        }
        None
    }

    /// Whether the tokens are one object, each in a place where it may stand. Finds the scalars, and
    /// the keys of the outermost object and their values.
    #[inline(always)]
    fn grammar<I: Index>(&mut self, tokens: usize) -> Option<SecondPass> {
        let last = tokens.checked_sub(1)?;
        let last_word = last / WIDE;
        let mut nesting = Nesting::default();
        // The same words, shifted by a token, have their first bit from the word before.
        let mut before = Before {
            // The line itself is a value.
            value_place: Shifted(1),
            ..Before::default()
        };
        let mut faults = 0;
        let mut scalars = 0;
        let mut members = 0;
        for word in 0..=last_word {
            let is_last = word == last_word;
            let there = if is_last {
                u64::MAX >> (63 - last % 64)
            } else {
                u64::MAX
            };
            let kinds = I::kinds(self.tokens.get(word * WIDE..)?.first_chunk()?);
            let object = kinds.object;
            let [open, close, colon, comma, string] = [
                kinds.open,
                kinds.close,
                kinds.colon,
                kinds.comma,
                kinds.string,
            ]
            .map(|kind| kind & there);
            let scalar = there & !(open | close | colon | comma | string);

            let (in_object, outermost, ends) =
                nesting.read::<I>(&mut self.nests, open | close, open, object)?;
            // The outermost object ends with the last token, and not before.
            faults |= ends ^ if is_last { there ^ there >> 1 } else { 0 };

            let (comma_in_object, comma_in_array) = (comma & in_object, comma & !in_object);
            let (open_object, open_array) = (open & object, open & !object);
            let (close_object, close_array) = (close & object, close & !object);
            let key = string & before.key_place.shift(open_object | comma_in_object);
            let starts = string & !key | scalar | open;
            let after_value = before.value_end.shift(string & !key | scalar | close);
            faults |= starts
                & !before
                    .value_place
                    .shift(colon | open_array | comma_in_array)
                | colon ^ before.key.shift(key)
                | comma & !after_value
                | close_object & !(after_value | before.open_object.shift(open_object))
                | close_array & !(after_value | before.open_array.shift(open_array));
            if word == 0 {
                faults |= !open_object & 1;
            }

            let key = key & outermost;
            self.keys[word] = key;
            // A value stands two tokens after its key.
            let member = key | key << 2 | before.outermost_key >> 62;
            before.outermost_key = key;
            let places = self.places.get(word * WIDE..)?.first_chunk()?;
            let to = self.members.get_mut(members..)?.first_chunk_mut()?;
            I::pack_places(places, member, to);
            members += member.count_ones() as usize;
            let to = self.scalars.get_mut(scalars..)?.first_chunk_mut()?;
            I::pack_places(places, scalar, to);
            scalars += scalar.count_ones() as usize;
        }
        debug_assert!(faults != 0 || members.is_multiple_of(2));
        (faults == 0).then_some(SecondPass { scalars, members })
    }

    /// Whether every scalar is a number or a literal.
    #[inline(always)]
    fn check_scalars<I: Index>(&self, text: &[u8], scalars: usize) -> Option<()> {
        let mut are_valid = true;
        for start in self.scalars.get(..scalars)? {
            let text = text.get(usize::from(*start)..)?;
            are_valid &= is_scalar::<I>(text.first_chunk()?, text);
        }
        are_valid.then_some(())
    }

    /// Whether every escape in a string is one (RFC 8259 section 7), and makes a character. If so,
    /// whether there is one in a key of the outermost object.
    #[inline(always)]
    fn check_escapes<I: Index>(&mut self, text: &[u8], blocks: usize) -> Option<bool> {
        let mut count = 0;
        for (block, escaped) in self.escaped.get(..blocks)?.iter().enumerate() {
            let start = u16::try_from(block * WIDE).ok()?;
            I::places(
                *escaped,
                start,
                self.escapes.get_mut(count..)?.first_chunk_mut()?,
            );
            count += escaped.count_ones() as usize;
        }
        let mut are_valid = true;
        let mut is_in_key = false;
        // Where the second half of a surrogate pair has to be; 0 for nowhere.
        let mut second_half = 0;
        for at in self.escapes.get(..count)? {
            let at = usize::from(*at);
            let [code, digits @ ..] = text.get(at..)?.first_chunk::<5>()?;
            let is_expected = second_half == at;
            are_valid &= is_expected || second_half == 0;
            second_half = 0;
            if *code == b'u' {
                let unit = hex(digits);
                match unit {
                    0xd800..=0xdbff if !is_expected => second_half = at + 6,
                    0xdc00..=0xdfff => are_valid &= is_expected,
                    _ => are_valid &= unit <= 0xffff && !is_expected,
                }
            } else {
                are_valid &= SIMPLE_ESCAPES[usize::from(*code)] && !is_expected;
            }
            // The string it is in is the last token that starts before it.
            let block = at / WIDE;
            let starts_before = self.starts.get(block)? & !(u64::MAX << (at % WIDE));
            let token = self.before.get(block)? + starts_before.count_ones();
            let token = token.checked_sub(1)? as usize;
            is_in_key |= self.keys.get(token / WIDE)? >> (token % WIDE) & 1 == 1;
        }
        (are_valid && second_half == 0).then_some(is_in_key)
    }
}

/// The bytes that a backslash before them escapes. `carry` is 1 if the last byte of the block before
/// is a backslash that escapes, and becomes that of this block.
///
/// Backslashes come in runs, of which every other one escapes, from the first on: so it matters
/// whether a run starts at an even or an odd place, and a subtraction carries that to its end.
#[inline(always)]
fn find_escaped(backslash: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    let may_escape = backslash & !*carry;
    let may_be_escaped = may_escape << 1 | ODD;
    let codes = may_be_escaped.wrapping_sub(may_escape) ^ ODD;
    let escaped = codes ^ (backslash | *carry);
    *carry = (codes & backslash) >> 63;
    escaped
}

/// Whether the scalar at the start of a block is a number (RFC 8259 section 6) or a literal, with
/// nothing behind it that does not belong there. `text` goes on past the block.
#[inline(always)]
fn is_scalar<I: Index>(block: &[u8; BLOCK], text: &[u8]) -> bool {
    let masks = I::number_masks(block);
    let all = masks.digit | masks.point | masks.exponent | masks.sign;
    let number_len = all.trailing_ones();
    let Some(end) = 1_u32.checked_shl(number_len) else {
        return is_long_number::<I>(text);
    };
    let [digit, point, exponent, sign] =
        [masks.digit, masks.point, masks.exponent, masks.sign].map(|mask| mask & (end - 1));
    let is_negative = u32::from(block[0] == b'-');
    // A sign that is not of the number is of its exponent.
    let sign = sign & !is_negative;
    let after_zero = u32::from(block[is_negative as usize] == b'0') << is_negative << 1;
    let faults = point & point.wrapping_sub(1)
        | exponent & exponent.wrapping_sub(1)
        // A point comes before the exponent.
        | point & !exponent.wrapping_sub(1)
        // Both stand after a digit, a sign after the exponent.
        | (point | exponent) & !(digit << 1)
        | sign & !(exponent << 1)
        // A point and the signs stand before a digit, an exponent before a digit or its sign.
        | (point | sign | is_negative) << 1 & !digit
        | exponent << 1 & !(digit | sign)
        | after_zero & digit;
    // Without branches, since it could be guessed as little: no literal starts as a number does.
    let start = u32::from_le_bytes([block[0], block[1], block[2], block[3]]);
    let is_of_four = start == u32::from_le_bytes(*b"true") || start == u32::from_le_bytes(*b"null");
    let is_false = start == u32::from_le_bytes(*b"fals") && block[4] == b'e';
    let len = number_len as usize + 4 * usize::from(is_of_four) + 5 * usize::from(is_false);
    faults == 0 && len > 0 && ENDS_SCALAR[usize::from(block[len % BLOCK])]
}

/// The same for a number that does not end within a block.
#[cold]
fn is_long_number<I: Index>(text: &[u8]) -> bool {
    let mut reader = Reader::<I>::new(text, 0);
    let is_number = reader.number().is_some();
    is_number
        && reader
            .peek()
            .is_some_and(|byte| ENDS_SCALAR[usize::from(byte)])
}

/// What may stand behind a scalar: what ends its member, or white space.
const ENDS_SCALAR: [bool; 256] = table(b",}] \t\r");

/// What makes an escape of one character with a backslash before it.
const SIMPLE_ESCAPES: [bool; 256] = table(b"\"\\/bfnrt");

/// Which bytes are among some.
const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// A word of bits, one place on, that takes its lowest bit from the word before.
#[derive(Default)]
struct Shifted(u64);

impl Shifted {
    #[inline(always)]
    fn shift(&mut self, bits: u64) -> u64 {
        let shifted = bits << 1 | self.0;
        self.0 = bits >> 63;
        shifted
    }
}

/// What stood before, for each of the rules about neighbours.
#[derive(Default)]
struct Before {
    key_place: Shifted,
    value_place: Shifted,
    value_end: Shifted,
    key: Shifted,
    open_object: Shifted,
    open_array: Shifted,
    outermost_key: u64,
}

/// The containers that are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Nesting {
    /// One bit for each, the innermost lowest: set for an object.
    is_object: u64,
    depth: u32,
}

impl Nesting {
    /// Takes the brackets of a word, given which open, and which are of objects. For each token, whether
    /// the innermost container is an object; whether it is the outermost one, no deeper; and the tokens
    /// that close the outermost one.
    ///
    /// What brackets come to that follow each other in the same order, with whatever there is between
    /// them, is remembered: going from one to the next takes long, and where it ends cannot be guessed.
    #[inline(always)]
    fn read<I: Index>(
        &mut self,
        nests: &mut Nests,
        bracket: u64,
        open: u64,
        object: u64,
    ) -> Option<(u64, u64, u64)> {
        let brackets = Brackets {
            count: bracket.count_ones(),
            open: I::gather(open, bracket),
            object: I::gather(object, bracket),
            before: *self,
        };
        let nest = nests.place(&brackets)?;
        if nest.brackets != brackets {
            nest.learn(brackets)?;
        }
        let in_object = (self.is_object & 1).wrapping_neg();
        let outermost = u64::from(self.depth == 1).wrapping_neg();
        *self = nest.after;
        Some((
            in_object ^ I::prefix_xor(I::spread(nest.in_object, bracket)),
            outermost ^ I::prefix_xor(I::spread(nest.outermost, bracket)),
            I::spread(nest.ends, bracket),
        ))
    }

    /// The same, bracket by bracket.
    #[cold]
    fn follow(&mut self, bracket: u64, open: u64, object: u64) -> Option<(u64, u64, u64)> {
        let mut faults = 0;
        let mut deepest = 0;
        // What holds from a token on, so far to the last one.
        let mut in_object = (self.is_object & 1).wrapping_neg();
        let mut outermost = u64::from(self.depth == 1).wrapping_neg();
        let mut ends = 0;
        let mut left = bracket;
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            let (opens, kind) = (open >> at & 1 == 1, object >> at & 1);
            let was_object = self.is_object & 1;
            let was_outermost = u64::from(self.depth == 1);
            // Without branches: which way it goes cannot be guessed.
            let (deeper, shallower) = (self.is_object << 1 | kind, self.is_object >> 1);
            self.is_object = if opens { deeper } else { shallower };
            self.depth = self
                .depth
                .wrapping_add(2 * u32::from(opens))
                .wrapping_sub(1);
            faults |= u64::from(!opens) & (was_object ^ kind);
            deepest = deepest.max(self.depth);
            in_object ^= (was_object ^ self.is_object & 1).wrapping_neg() << at;
            outermost ^= (was_outermost ^ u64::from(self.depth == 1)).wrapping_neg() << at;
            ends |= u64::from(self.depth == 0) << at;
        }
        // Deeper than there are bits, or closed more often than opened.
        if faults != 0 || deepest > MAX_DEPTH {
            return None;
        }
        Some((in_object, outermost, ends))
    }
}

/// Brackets that follow each other, close together, and what they come after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Brackets {
    count: u32,
    open: u64,
    object: u64,
    before: Nesting,
}

/// What brackets come to: a bit for each of them.
#[derive(Clone, Copy, Debug, Default)]
struct Nest {
    brackets: Brackets,
    /// Whether it is from there on another way than before.
    in_object: u64,
    outermost: u64,
    ends: u64,
    after: Nesting,
}

impl Nest {
    #[cold]
    fn learn(&mut self, brackets: Brackets) -> Option<()> {
        let all = !u64::MAX.checked_shl(brackets.count).unwrap_or(0);
        let mut nesting = brackets.before;
        let was_in_object = nesting.is_object & 1;
        let was_outermost = u64::from(nesting.depth == 1);
        let (in_object, outermost, ends) = nesting.follow(all, brackets.open, brackets.object)?;
        *self = Nest {
            brackets,
            in_object: (in_object ^ (in_object << 1 | was_in_object)) & all,
            outermost: (outermost ^ (outermost << 1 | was_outermost)) & all,
            ends,
            after: nesting,
        };
        Some(())
    }
}

/// What brackets came to lately.
#[derive(Debug)]
struct Nests(Box<[Nest]>);

/// No brackets after nothing, which come to nothing.
impl Default for Nests {
    fn default() -> Nests {
        Nests(vec![Nest::default(); Nests::COUNT].into())
    }
}

impl Nests {
    const COUNT: usize = 256;

    /// The place for brackets, which others may have.
    #[inline(always)]
    fn place(&mut self, brackets: &Brackets) -> Option<&mut Nest> {
        let Brackets {
            count,
            open,
            object,
            before,
        } = brackets;
        let number = open
            ^ object.rotate_left(24)
            ^ before.is_object.rotate_left(48)
            ^ u64::from(*count).rotate_left(56);
        // Fibonacci hashing.
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Nests::COUNT.ilog2());
        self.0.get_mut(usize::try_from(hash).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::tests::Plain;
    use super::*;
    use proptest::prelude::*;

    /// A word of tokens, some of which are brackets: which, which of them open, which are of objects.
    fn word() -> impl Strategy<Value = [u64; 3]> {
        let brackets = prop_oneof![
            (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a & b & c),
            any::<u64>(),
            Just(0),
        ];
        // Mostly brackets that open, or they would soon be closed too often; of few sequences.
        let bits = || prop_oneof![Just(u64::MAX), Just(0x5555_5555_5555_5555), any::<u64>()];
        (brackets, bits(), bits())
            .prop_map(|(bracket, open, object)| [bracket, open & bracket, object])
    }

    proptest! {
        #[test]
        fn what_is_remembered_of_brackets_is_what_they_come_to(
            lines in prop::collection::vec(prop::collection::vec(word(), 1..4), 1..6),
        ) {
            let mut nests = Nests::default();
            // The second time all of it is known.
            for words in lines.iter().chain(&lines) {
                let (mut nesting, mut plain) = (Nesting::default(), Nesting::default());
                for [bracket, open, object] in words.iter().copied() {
                    let expected = plain.follow(bracket, open, object);
                    let read = nesting.read::<Plain>(&mut nests, bracket, open, object);
                    prop_assert_eq!(read, expected);
                    if expected.is_none() {
                        break;
                    }
                    prop_assert_eq!(nesting, plain);
                }
            }
        }
    }
}
