//! The index of lines: where their tokens are, found and checked for all of JSON's grammar with
//! operations on whole words of bits, without going from token to token.
//!
//! A token is a bracket, a comma, a colon, a string (it stands where its quote opens), a scalar, that is
//! a number or a literal (it stands where it starts), or the end of a line.
//!
//! As many lines as fit a few thousand bytes are indexed together, as if they were one text:
//!
//! 1. Each block of 64 bytes becomes a few words with a bit for each byte: the quotes, the white space
//!    and so on. What is in strings, and what is escaped there, follows by arithmetic on those words.
//!    The tokens are packed together, each one byte, and so are their places.
//! 2. In that dense form the grammar is about neighbours: what may stand after what, for 64 tokens at
//!    a time. What each token is in comes from sums of brackets, and from a word for each depth.
//! 3. Escapes, characters past ASCII, scalars and keys are gathered first and then looked at, of one
//!    kind after the other.
//!
//! So neither the order of keys, nor white space, nor what is skipped costs the processor a wrong
//! guess, and where a line ends costs none either. The two-stage way of reading, and the words of step
//! 1, are those of Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (2019); step 2 is our own.
//!
//! Where something is wrong that is not about strings, the line that it is in is known, and the others are
//! indexed all the same: the line gets no values. Past a fault in a string nobody knows what is in one, and
//! the index ends before that line.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use super::MAX_DEPTH;
use super::names::Names;
use super::scan::{BEFORE, Escapes, Index, Scalars, WIDE};
use super::value::hex;
use crate::event::field::Field;

/// How much is indexed together at most, in blocks: with its index it fits a core's first cache, mostly.
/// Lines that are longer are walked through.
const BLOCKS: usize = 256;

/// How many words have a bit for each block.
const WORDS: usize = BLOCKS.div_ceil(64);

/// How many tokens there can be, each byte being one, and room to write two blocks behind them.
const TOKENS: usize = (BLOCKS + 2) * WIDE;

/// How many lines are indexed together at most: an event of half as many bytes there is none.
const LINES: usize = BLOCKS * WIDE / 32;

/// How many blocks are looked at for each line that is asked for.
const LINE_BLOCKS: usize = 8;

/// No place.
const NOWHERE: u16 = u16::MAX;

/// The index of some lines. Kept for its memory alone.
#[derive(Debug)]
pub(super) struct LineIndex {
    /// The first byte of each token.
    tokens: Box<[u8; TOKENS]>,
    /// Where each token starts.
    places: Box<[u16; TOKENS]>,
    /// The scalars, each with what stands right behind it, and the ends of lines. Before the first there
    /// are some ends of lines, always.
    scalars: Box<[u8; BEFORE + TOKENS]>,
    /// Where the keys of the outermost objects start, and the lines end.
    keys: Box<[u16; TOKENS]>,
    /// Where the values of those keys start.
    values: Box<[u16; TOKENS]>,
    /// Of each block, the bytes that are escaped by a backslash before them.
    escaped: Box<[u64; BLOCKS]>,
    /// The blocks that have such bytes, and those that have something past ASCII: a bit for each.
    escaped_blocks: [u64; WORDS],
    past_ascii_blocks: [u64; WORDS],
    /// Those bytes, and where they are.
    escapes: Box<[u8; TOKENS]>,
    escape_places: Box<[u16; TOKENS]>,
    lines: Box<[Line; LINES]>,
    /// Where in the lines something is wrong.
    faults: Vec<u16>,
    /// The numbers of lines with scalars that are none.
    faulty_lines: Vec<usize>,
}

/// A line that was indexed: an object that is valid JSON, or it has no values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Where the value of each field starts; the last one is that of other keys, so that there is
    /// nothing to guess. Of a key that comes twice the last one counts.
    values: [u16; Field::COUNT + 1],
    /// Where the line ends: its `\n`.
    end: u16,
}

impl Line {
    const NONE: Line = Line {
        values: [NOWHERE; Field::COUNT + 1],
        end: 0,
    };

    /// Where the value of a field starts; past the end of everything where there is none.
    #[inline(always)]
    pub(super) fn value(&self, field: Field) -> usize {
        match self.values[field.index()] {
            NOWHERE => usize::MAX,
            place => usize::from(place),
        }
    }

    /// Where the line ends, its `\n`.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        usize::from(self.end)
    }
}

/// What an index says of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indexed {
    /// How many lines there are, from the start of the text on.
    pub(super) lines: usize,
    /// Whether the next line is not ordinary. If not, the text that was looked at ends in it.
    pub(super) is_next_strange: bool,
}

impl Default for LineIndex {
    fn default() -> LineIndex {
        LineIndex {
            tokens: boxed(0),
            places: boxed(0),
            scalars: boxed(b'\n'),
            keys: boxed(0),
            values: boxed(0),
            escaped: boxed(0),
            escaped_blocks: [0; WORDS],
            past_ascii_blocks: [0; WORDS],
            escapes: boxed(0),
            escape_places: boxed(0),
            lines: boxed(Line::NONE),
            faults: Vec::new(),
            faulty_lines: Vec::new(),
        }
    }
}

/// What the first pass finds.
#[derive(Clone, Copy, Debug)]
struct FirstPass {
    /// How many tokens there are up to the end of the last whole line.
    tokens: usize,
    /// How many bytes of scalars.
    scalars: usize,
    /// Whether there are escapes.
    has_escapes: bool,
    /// Whether there is something past ASCII.
    is_past_ascii: bool,
    /// Where the last whole line ends, its `\n`.
    end: usize,
    /// Whether what comes then has a byte in it that cannot be where it is.
    is_next_strange: bool,
}

impl LineIndex {
    /// A line of those that were indexed.
    #[inline(always)]
    pub(super) fn line(&self, number: usize) -> Option<Line> {
        self.lines.get(number).copied()
    }

    /// Indexes lines from the start of `text` on, up to `lines` of them or a few more, that start before
    /// `end`. Values get those that are one JSON object, valid in all its parts, with nothing unusual about
    /// them. What has less than a block behind it is not indexed.
    #[inline(always)]
    pub(super) fn read<I: Index, N: Names>(
        &mut self,
        text: &[u8],
        end: usize,
        lines: usize,
        names: &N,
    ) -> Indexed {
        let read = self.try_read::<I, N>(text, end, lines, names);
        // There is always room for what there can be.
        debug_assert!(read.is_some());
        read.unwrap_or(Indexed {
            lines: 0,
            is_next_strange: true,
        })
    }

    #[inline(always)]
    fn try_read<I: Index, N: Names>(
        &mut self,
        text: &[u8],
        end: usize,
        lines: usize,
        names: &N,
    ) -> Option<Indexed> {
        let found = self.blocks::<I>(text, end, lines)?;
        self.faults.clear();
        self.faulty_lines.clear();
        let keys = self.grammar::<I>(found.tokens)?;
        if found.has_escapes {
            self.check_escapes::<I>(text, found)?;
        }
        if found.is_past_ascii {
            self.check_utf8::<I>(text, found)?;
        }
        self.check_scalars::<I>(found.scalars)?;
        let mut indexed = self.fields::<I, N>(text, keys, names);
        if !self.faults.is_empty() || !self.faulty_lines.is_empty() {
            self.take_values_of_faulty(indexed.lines);
        }
        indexed.is_next_strange |= indexed.lines < LINES && found.is_next_strange;
        Some(indexed)
    }

    /// Notes that something is wrong at a place.
    #[cold]
    fn note_fault(&mut self, at: usize) {
        self.faults.push(u16::try_from(at).unwrap_or(0));
    }

    /// Takes the values of lines in which something is wrong.
    #[cold]
    fn take_values_of_faulty(&mut self, lines: usize) {
        let Some(lines) = self.lines.get_mut(..lines) else {
            return;
        };
        for fault in &self.faults {
            let line = lines.partition_point(|line| line.end < *fault);
            self.faulty_lines.push(line);
        }
        for line in &self.faulty_lines {
            if let Some(line) = lines.get_mut(*line) {
                line.values = Line::NONE.values;
            }
        }
    }

    /// From bytes to tokens.
    #[inline(always)]
    fn blocks<I: Index>(&mut self, text: &[u8], end: usize, lines: usize) -> Option<FirstPass> {
        // Whether the block before ended in a string, in a scalar, with a backslash that escapes.
        let mut in_string = 0_u64;
        let mut in_scalar = 0;
        let mut last_escapes = 0;
        let mut tokens = 0;
        let mut scalars = BEFORE;
        let mut newlines = 0;
        self.escaped_blocks = [0; WORDS];
        self.past_ascii_blocks = [0; WORDS];
        let mut is_next_strange = false;
        let blocks = text.as_chunks::<WIDE>().0.iter();
        // Few lines are seldom longer; and if they are, they are walked through.
        let most = lines.saturating_mul(LINE_BLOCKS).min(BLOCKS);
        for (block, bytes) in blocks.enumerate().take(end.div_ceil(WIDE).min(most)) {
            let start = block * WIDE;
            let masks = I::masks(bytes);
            let place = u16::try_from(start).ok()?;

            let escaped = find_escaped(masks.backslash, &mut last_escapes);
            let quote = masks.quote & !escaped;
            // From the opening quote on, up to before the closing one.
            let string = I::prefix_xor(quote) ^ in_string;
            in_string = (string.cast_signed() >> 63).cast_unsigned();
            let outside = !(string | quote);
            // A backslash or a character past ASCII outside, a control character inside a string, the
            // end of the line for one.
            let wrong = masks.control & string | (masks.backslash | masks.past_ascii) & !string;

            let scalar = outside & !(masks.punctuation | masks.space | masks.newline);
            let after_scalar = scalar << 1 | in_scalar;
            in_scalar = scalar >> 63;
            let mut starts = (masks.punctuation | masks.newline) & outside
                | quote & string
                | scalar & !after_scalar;
            let mut of_scalars = scalar | after_scalar | masks.newline & outside;
            if wrong != 0 {
                let at = wrong.trailing_zeros();
                starts &= !(u64::MAX << at);
                of_scalars &= !(u64::MAX << at);
                is_next_strange = true;
            }

            I::pack_with_places(
                bytes,
                starts,
                place,
                self.tokens.get_mut(tokens..)?.first_chunk_mut()?,
                self.places.get_mut(tokens..)?.first_chunk_mut()?,
            );
            tokens += starts.count_ones() as usize;
            I::pack(
                bytes,
                of_scalars,
                self.scalars.get_mut(scalars..)?.first_chunk_mut()?,
            );
            scalars += of_scalars.count_ones() as usize;
            *self.escaped.get_mut(block)? = escaped;
            let (word, bit) = (block / 64 % WORDS, block % 64);
            self.escaped_blocks[word] |= u64::from(escaped != 0) << bit;
            self.past_ascii_blocks[word] |= u64::from(masks.past_ascii != 0) << bit;
            newlines += masks.newline.count_ones() as usize;
            if wrong != 0 {
                break;
            }
        }
        // What is behind the last whole line is for the next time.
        let last = memchr::memrchr(b'\n', self.tokens.get(..tokens)?);
        let (tokens, end) = match last {
            Some(last) => (last + 1, usize::from(*self.places.get(last)?)),
            None => (0, 0),
        };
        let scalars = memchr::memrchr(b'\n', self.scalars.get(..scalars)?)?;
        self.lines.get_mut(..newlines.min(LINES))?.fill(Line::NONE);
        Some(FirstPass {
            tokens,
            scalars: (scalars + 1).saturating_sub(BEFORE),
            has_escapes: self.escaped_blocks != [0; WORDS],
            is_past_ascii: self.past_ascii_blocks != [0; WORDS],
            end,
            is_next_strange,
        })
    }

    /// Finds the tokens that may not stand where they do, the keys of the outermost objects and their
    /// values, and the ends of lines. How many of those and of keys there are.
    #[inline(always)]
    fn grammar<I: Index>(&mut self, tokens: usize) -> Option<usize> {
        let mut start = 0;
        let mut keys = 0;
        while start < tokens {
            let fault;
            (keys, fault) = self.grammar_from::<I>(start, tokens, keys)?;
            match fault {
                usize::MAX => break,
                // It goes on with the next line.
                fault => start = self.end_line(fault, keys)?,
            }
            keys += 1;
        }
        Some(keys)
    }

    /// Ends the line of a faulty token, in which nothing is looked at any more. The first token of the next
    /// line.
    #[cold]
    fn end_line(&mut self, fault: usize, keys: usize) -> Option<usize> {
        self.note_fault(usize::from(*self.places.get(fault)?));
        let end = fault + memchr::memchr(b'\n', self.tokens.get(fault..)?)?;
        *self.keys.get_mut(keys)? = *self.places.get(end)?;
        *self.values.get_mut(keys)? = NOWHERE;
        Some(end + 1)
    }

    /// The same from the start of a line on, up to the first fault: how many keys and ends of lines there
    /// are then, given how many there were before, and which token that is.
    #[inline(always)]
    fn grammar_from<I: Index>(
        &mut self,
        start: usize,
        tokens: usize,
        mut found: usize,
    ) -> Option<(usize, usize)> {
        let mut nesting = Nesting::default();
        // The same words, shifted by a token, have their first bit from the word before.
        let mut before = Before {
            // A line is a value.
            value_place: Shifted(1),
            line_start: Shifted(1),
            ..Before::default()
        };
        for at in (start..tokens).step_by(WIDE) {
            let there = first_bits(tokens - at);
            let kinds = I::kinds(self.tokens.get(at..)?.first_chunk()?);
            let object = kinds.object;
            let [open, close, colon, comma, string, newline] = [
                kinds.open,
                kinds.close,
                kinds.colon,
                kinds.comma,
                kinds.string,
                kinds.newline,
            ]
            .map(|kind| kind & there);
            let scalar = there & !(open | close | colon | comma | string | newline);
            let nested = nesting.read::<I>(open, close, object);
            let (in_object, outermost) = (nested.in_object, nested.outermost);

            let (comma_in_object, comma_in_array) = (comma & in_object, comma & !in_object);
            let (open_object, open_array) = (open & object, open & !object);
            let (close_object, close_array) = (close & object, close & !object);
            let key = string & before.key_place.shift(open_object | comma_in_object);
            let starts = string & !key | scalar | open;
            let after_value = before.value_end.shift(string & !key | scalar | close);
            let line_start = before.line_start.shift(newline);
            let value_place = colon | open_array | comma_in_array | newline;
            let faults = nested.faults
                | starts & !before.value_place.shift(value_place)
                | colon ^ before.key.shift(key)
                | comma & !after_value
                | close_object & !(after_value | before.open_object.shift(open_object))
                | close_array & !(after_value | before.open_array.shift(open_array))
                // A line is an object and nothing else, or blank.
                | line_start & !(open_object | newline)
                | before.line_end.shift(close & outermost) ^ newline & !line_start;

            let places = self.places.get(at..)?.first_chunk()?;
            // A value stands two tokens after its key.
            let value_places = self.places.get(at + 2..)?.first_chunk()?;
            let mut keys = key & outermost | newline;
            let faults = faults & there;
            if faults != 0 {
                keys &= !(u64::MAX << faults.trailing_zeros());
            }
            I::pack_places(places, keys, self.keys.get_mut(found..)?.first_chunk_mut()?);
            I::pack_places(
                value_places,
                keys,
                self.values.get_mut(found..)?.first_chunk_mut()?,
            );
            found += keys.count_ones() as usize;
            if faults != 0 {
                return Some((found, at + faults.trailing_zeros() as usize));
            }
        }
        Some((found, usize::MAX))
    }

    /// Finds the scalars that are neither a number (RFC 8259 section 6) nor a literal.
    ///
    /// What follows a scalar is not looked at here: it is a token.
    #[inline(always)]
    fn check_scalars<I: Index>(&mut self, scalars: usize) -> Option<()> {
        let mut after_end = Shifted(1);
        let mut after_digit = Shifted(0);
        let mut after_point = Shifted(0);
        let mut after_sign = Shifted(0);
        let mut after_first_minus = Shifted(0);
        let mut after_exponent = Shifted(0);
        let mut after_valid_exponent = Shifted(0);
        let mut after_first_zero = Shifted(0);
        let (mut integer, mut fraction) = (Sum(false), Sum(false));
        for at in (0..scalars).step_by(WIDE) {
            let there = first_bits(scalars - at);
            let Scalars {
                digit,
                zero,
                point,
                exponent,
                minus,
                plus,
                end,
                after_literal,
            } = I::scalars(self.scalars.get(at..)?.first_chunk()?);
            let after_end = after_end.shift(end);
            let after_digit = after_digit.shift(digit);
            let after_point = after_point.shift(point);
            let after_sign = after_sign.shift(minus | plus);
            let after_exponent = after_exponent.shift(exponent);
            // The first digit of the integer part; and of the fraction, if digits are there at all.
            let first = digit & (after_end | after_first_minus.shift(minus & after_end));
            let after_integer = integer.add(digit, first) & !digit;
            let after_fraction = fraction.add(digit, digit & after_point) & !digit;
            let is_valid_exponent = exponent & (after_integer | after_fraction);
            let faults = there
                & (point & !after_integer
                    | after_point & !digit
                    | after_exponent
                        & (digit | minus | plus)
                        & !after_valid_exponent.shift(is_valid_exponent)
                    | minus & !(after_end | after_exponent)
                    | plus & !after_exponent
                    | after_sign & !digit
                    | after_first_zero.shift(zero & first) & digit
                    | digit
                        & !(after_end | after_digit | after_point | after_exponent | after_sign)
                    | end & !(after_end | after_digit | after_literal));
            if faults != 0 {
                self.note_wrong_scalars(at, faults);
            }
        }
        Some(())
    }

    /// Notes the lines of scalars that are none, given bytes of them or right behind them: as many lines
    /// as have ended before.
    #[cold]
    fn note_wrong_scalars(&mut self, start: usize, faults: u64) {
        let mut left = faults;
        while left != 0 {
            let at = BEFORE + start + left.trailing_zeros() as usize;
            left &= left - 1;
            let before = self.scalars.get(BEFORE..at).unwrap_or_default();
            let lines = memchr::memchr_iter(b'\n', before).count();
            self.faulty_lines.push(lines);
        }
    }

    /// Finds the escapes in strings of whole lines that are none (RFC 8259 section 7), or make no
    /// character.
    #[inline(always)]
    fn check_escapes<I: Index>(&mut self, text: &[u8], found: FirstPass) -> Option<()> {
        let (blocks, _) = text.as_chunks::<WIDE>();
        let mut count = 0;
        for block in set_bits(self.escaped_blocks) {
            let start = block * WIDE;
            // Those of whole lines.
            let escaped = *self.escaped.get(block)? & first_bits(found.end.saturating_sub(start));
            let (block, start) = (blocks.get(block)?, u16::try_from(start).ok()?);
            I::pack_with_places(
                block,
                escaped,
                start,
                self.escapes.get_mut(count..)?.first_chunk_mut()?,
                self.escape_places.get_mut(count..)?.first_chunk_mut()?,
            );
            count += escaped.count_ones() as usize;
        }
        // Where the second half of a surrogate pair has to be; nowhere, if that is 0.
        let mut second_half = 0;
        for at in (0..count).step_by(WIDE) {
            let there = first_bits(count - at);
            let codes = self.escapes.get(at..)?.first_chunk()?;
            let places: [u16; WIDE] = *self.escape_places.get(at..)?.first_chunk()?;
            let place = |bits: u64| usize::from(places[bits.trailing_zeros() as usize % WIDE]);
            let Escapes { simple, unicode } = I::escapes(codes);
            let mut wrong = there & !(simple | unicode);
            while wrong != 0 {
                self.note_fault(place(wrong));
                wrong &= wrong - 1;
            }
            let mut left = unicode & there;
            while left != 0 {
                let at = place(left);
                left &= left - 1;
                let is_expected = second_half == at;
                if second_half != 0 && !is_expected {
                    // A first half alone.
                    self.note_fault(second_half - 6);
                }
                second_half = 0;
                let digits = text.get(at + 1..).and_then(<[u8]>::first_chunk);
                match digits.map_or(u32::MAX, hex) {
                    0xd800..=0xdbff if !is_expected => second_half = at + 6,
                    0xdc00..=0xdfff if is_expected => {}
                    0..0xd800 | 0xe000..=0xffff if !is_expected => {}
                    _ => self.note_fault(at),
                }
            }
        }
        if second_half != 0 {
            self.note_fault(second_half - 6);
        }
        Some(())
    }

    /// Finds what is not UTF-8 in whole lines, the first of it in each.
    #[inline(always)]
    fn check_utf8<I: Index>(&mut self, text: &[u8], found: FirstPass) -> Option<()> {
        let mut has_faults = false;
        // A character may go on in the next block, or lack what should be there.
        let mut last = 0;
        let blocks = self.past_ascii_blocks.map(|blocks| {
            let and_next = blocks | blocks << 1 | last;
            last = blocks >> 63;
            and_next
        });
        for block in set_bits(blocks) {
            let start = block * WIDE;
            if start > found.end {
                break;
            }
            // With what may be the start of a character before it. No line starts within one.
            let from = start
                .checked_sub(3)
                .and_then(|from| text.get(from..)?.first_chunk());
            has_faults |= if let Some(bytes) = from {
                I::has_utf8_faults(bytes)
            } else {
                let mut bytes = [0; WIDE + 3];
                bytes[3..].copy_from_slice(text.get(start..start + WIDE)?);
                I::has_utf8_faults(&bytes)
            };
        }
        if has_faults {
            self.find_what_is_not_utf8(text.get(..=found.end)?);
        }
        Some(())
    }

    /// The same, line by line.
    #[cold]
    fn find_what_is_not_utf8(&mut self, text: &[u8]) {
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            // Of all of it only the answer is kept: whoever else has the file may write to it.
            if let Err(fault) = std::str::from_utf8(line) {
                self.note_fault(start + fault.valid_up_to());
            }
            start += line.len();
        }
    }

    /// The values of the fields, line by line.
    #[inline(always)]
    fn fields<I: Index, N: Names>(&mut self, text: &[u8], keys: usize, names: &N) -> Indexed {
        let keys = self.keys.iter().zip(self.values.iter()).take(keys);
        let mut lines = 0;
        let mut is_next_strange = false;
        for (key, value) in keys {
            let at = usize::from(*key);
            let Some(line) = self.lines.get_mut(lines) else {
                // The others are for the next time.
                break;
            };
            let text = text.get(at..).unwrap_or_default();
            let Some((mut place, may_have_escapes)) = names.place_of_key::<I>(text) else {
                is_next_strange = true;
                break;
            };
            if may_have_escapes && text[0] == b'"' {
                place = field_place(names.field_of_escaped_key(&text[1..]));
            }
            line.values[place] = *value;
            line.end = *key;
            lines += usize::from(text[0] == b'\n');
        }
        Indexed {
            lines,
            is_next_strange,
        }
    }
}

/// The place of a field's value among all; the last one is that of other keys.
#[inline(always)]
fn field_place(field: Option<Field>) -> usize {
    field.map_or(Field::COUNT, Field::index)
}

/// Memory that is made where it stays.
fn boxed<T: Copy, const N: usize>(value: T) -> Box<[T; N]> {
    let boxed = vec![value; N].into_boxed_slice().try_into();
    boxed.unwrap_or_else(|_| unreachable!("so many were made"))
}

/// So many bits from the lowest on, or all of a word.
#[inline(always)]
fn first_bits(count: usize) -> u64 {
    match count {
        ..WIDE => !(u64::MAX << count),
        _ => u64::MAX,
    }
}

/// The places of the bits that are set.
#[inline(always)]
fn set_bits(words: [u64; WORDS]) -> impl Iterator<Item = usize> {
    words.into_iter().enumerate().flat_map(|(word, bits)| {
        let mut left = bits;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(word * 64 + bit)
        })
    })
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

/// Sums of words of bits, one continued in the next.
struct Sum(bool);

impl Sum {
    /// Adds the starts of runs of bits to all runs: for each of them, the place behind its end, and what
    /// is left of other runs.
    #[inline(always)]
    fn add(&mut self, runs: u64, starts: u64) -> u64 {
        let (sum, first) = runs.overflowing_add(starts);
        let (sum, second) = sum.overflowing_add(u64::from(self.0));
        self.0 = first | second;
        sum
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
    line_start: Shifted,
    line_end: Shifted,
}

/// The containers that are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Nesting {
    /// How many there are.
    depth: u32,
    /// One bit for each that is an object, the outermost at place 1.
    objects: u64,
}

/// What 64 tokens are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Nested {
    /// Those whose innermost container is an object. A bracket is in the container that it opens or
    /// closes; but of one that closes, this says nothing.
    in_object: u64,
    /// Those that are in the outermost container, no deeper.
    outermost: u64,
    /// Those that close a container of the other kind, or are too deep.
    faults: u64,
}

impl Nesting {
    /// Takes the brackets of a word: which open, which close, which are of objects.
    ///
    /// A word of tokens may close what was opened words before. What it says is right up to the first
    /// bracket that closes what is not open.
    #[inline(always)]
    fn read<I: Index>(&mut self, open: u64, close: u64, object: u64) -> Nested {
        let depths = I::depths(open, close, self.depth);
        let object = object & (open | close);
        let mut nested = Nested {
            in_object: 0,
            outermost: 0,
            faults: 0,
        };
        let mut objects = 0;
        // The tokens that are so deep or deeper.
        let mut from_here = I::from_depth(depths, 1);
        let mut depth = 1;
        while from_here != 0 {
            if depth > MAX_DEPTH {
                nested.faults |= from_here;
                break;
            }
            let deeper = I::from_depth(depths, depth + 1);
            let here = from_here & !deeper;
            // From the bracket that opens an object on, up to before the one that closes it.
            let was_object = (self.objects >> depth & 1).wrapping_neg();
            let in_object = I::prefix_xor(object & here) ^ was_object;
            nested.in_object |= in_object & here;
            // One that closes an object that is none, or does not close one that is.
            nested.faults |= close & here & in_object;
            objects |= in_object >> 63 << depth;
            if depth == 1 {
                nested.outermost = here;
            }
            from_here = deeper;
            depth += 1;
        }
        self.objects = objects;
        self.depth = (self.depth + open.count_ones()).saturating_sub(close.count_ones());
        nested
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::tests::Plain;
    use super::*;
    use proptest::prelude::*;

    /// A word of tokens, some of which are brackets: which open, which close, which are of objects.
    fn word() -> impl Strategy<Value = [u64; 3]> {
        let brackets = prop_oneof![
            (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a & b & c),
            any::<u64>(),
            Just(0),
        ];
        // Mostly brackets that open, or they would soon be closed too often; of few sequences.
        let bits = || prop_oneof![Just(u64::MAX), Just(0x5555_5555_5555_5555), any::<u64>()];
        (brackets, bits(), bits())
            .prop_map(|(bracket, open, object)| [open & bracket, !open & bracket, object])
    }

    /// What the tokens of a word are in, with a stack, and how many there are up to the first that closes
    /// what is not open, or is a fault.
    fn plainly(stack: &mut Vec<bool>, [open, close, object]: [u64; 3]) -> (Nested, u32) {
        let mut nested = Nested {
            in_object: 0,
            outermost: 0,
            faults: 0,
        };
        for at in 0..64 {
            let bit = 1 << at;
            let is_object = object & bit != 0;
            if open & bit != 0 {
                stack.push(is_object);
            }
            let is_too_deep = stack.len() > MAX_DEPTH as usize;
            nested.outermost |= u64::from(stack.len() == 1) << at;
            if close & bit != 0 {
                match stack.pop() {
                    None => return (nested, at),
                    Some(was_object) => nested.faults |= u64::from(was_object != is_object) << at,
                }
            } else {
                nested.in_object |= u64::from(stack.last() == Some(&true)) << at;
            }
            nested.faults |= u64::from(is_too_deep) << at;
            if nested.faults != 0 {
                return (nested, at);
            }
        }
        (nested, 64)
    }

    proptest! {
        #[test]
        fn tokens_are_in_what_a_stack_says(words in prop::collection::vec(word(), 1..6)) {
            let (mut nesting, mut stack) = (Nesting::default(), Vec::new());
            for word in words {
                let [open, close, object] = word;
                let (expected, count) = plainly(&mut stack, word);
                let read = nesting.read::<Plain>(open, close, object);
                let before = !u64::MAX.checked_shl(count).unwrap_or(0);
                prop_assert_eq!(read.in_object & before & !close, expected.in_object & before);
                prop_assert_eq!(read.outermost & before, expected.outermost & before);
                prop_assert_eq!(read.faults & before, 0);
                if count < 64 {
                    prop_assert_eq!(read.faults >> count & 1, expected.faults >> count & 1);
                    break;
                }
                prop_assert_eq!(nesting.depth as usize, stack.len());
            }
        }
    }
}
