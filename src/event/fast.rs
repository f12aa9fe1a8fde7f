//! The fast lane: reads the events of ordinary lines straight from the input, in one pass.
//!
//! It takes a line only when it has proved, byte by byte, that the line is one valid JSON object and
//! the event in it breaks no rule. Of anything else it says nothing: it never rejects and never
//! guesses, it hands the line on to the general lane. So its verdicts are the general lane's, and
//! only the time differs.
//!
//! What makes it fast:
//!
//! - It does not look for the end of the line first; it gets there.
//! - What stands between two values, such as `, "event_type": `, tends to be the same in line after
//!   line. The lane remembers it by its place in the object, and compares instead of reading. The
//!   memory is only a short cut: a line that looks different is read key by key, and remembered.
//! - Strings are scanned 32 bytes at a time with vector instructions where there are any (see
//!   [`super::scan`]), digits eight at a time within a word.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use std::marker::PhantomData;

use super::amount::{Amount, DECIMALS};
use super::date::Date;
use super::field::Field;
#[cfg(target_arch = "x86_64")]
use super::scan::Avx2;
use super::scan::{BLOCK, Scan, Task, Words};
use super::timestamp::parse_timestamp;
use super::user_id::UserId;
use super::{Event, PURCHASE, json};

/// How many keys of an object are remembered by their place; those after them are read each time.
const PLACES: usize = 24;

/// The deepest nesting that is followed; what is deeper goes to the general lane.
const MAX_DEPTH: u32 = 64;

/// Reads ordinary events. Keeps what it has learnt from line to line.
#[derive(Debug)]
pub(super) struct FastLane {
    means: Means,
    glues: [Glue; PLACES],
}

/// What stood before the value at a place of the last line: punctuation, white space and the key.
#[derive(Clone, Copy, Debug)]
struct Glue {
    bytes: [u8; BLOCK],
    /// 0 while there is nothing to compare with.
    len: usize,
    field: Option<Field>,
}

/// How blocks are looked at on this machine.
#[derive(Clone, Copy, Debug)]
enum Means {
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Words,
}

impl Means {
    fn best() -> Means {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return Means::Avx2;
        }
        Means::Words
    }
}

impl Default for FastLane {
    fn default() -> FastLane {
        FastLane {
            means: Means::best(),
            glues: [Glue {
                bytes: [0; BLOCK],
                len: 0,
                field: None,
            }; PLACES],
        }
    }
}

impl FastLane {
    /// The event of the line at the start of `text`, and the length of the line with its `\n`, if
    /// that is an ordinary line. `text` goes on past the line, to the end of the input; what has less
    /// than a block behind it is not read.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Option<(Event, usize)> {
        match self.means {
            #[cfg(target_arch = "x86_64")]
            Means::Avx2 => Avx2::run(ReadLine::<Avx2>(self, text, PhantomData)),
            Means::Words => Words::run(ReadLine::<Words>(self, text, PhantomData)),
        }
    }

    #[inline(always)]
    fn read_line<S: Scan>(&mut self, text: &[u8]) -> Option<(Event, usize)> {
        let mut reader = Reader::<S> {
            text,
            at: 0,
            scan: PhantomData,
        };
        let mut user_id = None;
        let mut is_purchase = None;
        let mut date = None;
        // Whether it has to be an amount is only known at the end: the number waits.
        let mut amount = None;
        let mut place = 0;
        loop {
            let field = match self.glues.get(place) {
                Some(glue) if reader.skip_if(glue) => glue.field,
                glue => {
                    let start = reader.at;
                    let field = reader.key(place == 0)?;
                    if glue.is_some() {
                        self.learn(place, &text[start..reader.at], field);
                    }
                    field
                }
            };
            match field {
                None => reader.skip_value()?,
                Some(Field::UserId) => user_id = Some(reader.user_id()?),
                Some(Field::EventType) => is_purchase = Some(reader.is_purchase()?),
                Some(Field::Timestamp) => date = Some(reader.timestamp()?),
                Some(Field::Amount) => {
                    let start = reader.at;
                    reader.skip_value()?;
                    amount = Some(start..reader.at);
                }
            }
            reader.skip_white_space();
            if reader.peek()? == b'}' {
                break;
            }
            place += 1;
        }
        reader.at += 1;
        reader.end_of_line()?;

        let purchase = if is_purchase? {
            Some(parse_amount(text.get(amount?)?)?)
        } else {
            None
        };
        Some((Event::new(date?, user_id?, purchase), reader.at))
    }

    /// Remembers what stands before the value at a place.
    #[cold]
    fn learn(&mut self, place: usize, glue: &[u8], field: Option<Field>) {
        let Some(known) = self.glues.get_mut(place) else {
            return;
        };
        known.len = 0;
        if let Some(bytes) = known.bytes.get_mut(..glue.len()) {
            bytes.copy_from_slice(glue);
            known.len = glue.len();
            known.field = field;
        }
    }
}

/// A place in the text that moves on. Every method returns `None` for what is not ordinary, and the
/// line is then given up, wherever the reader stands.
struct Reader<'a, S> {
    text: &'a [u8],
    at: usize,
    scan: PhantomData<S>,
}

impl<'a, S: Scan> Reader<'a, S> {
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next `N` bytes, if the text is that long.
    #[inline(always)]
    fn next_bytes<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.text.get(self.at..)?.first_chunk()
    }

    /// Skips what was remembered, and white space past it, if that is what stands here.
    #[inline(always)]
    fn skip_if(&mut self, glue: &Glue) -> bool {
        let Some(block) = self.next_bytes() else {
            return false;
        };
        let is_same = glue.len > 0 && S::starts_alike(block, &glue.bytes, glue.len);
        if is_same {
            self.at += glue.len;
            self.skip_white_space();
        }
        is_same
    }

    /// Skips the white space that may stand inside a line.
    #[inline(always)]
    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips a byte that has to be there.
    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The rest of the line after the object: white space, and its end.
    #[inline(always)]
    fn end_of_line(&mut self) -> Option<()> {
        self.skip_white_space();
        match self.peek() {
            Some(b'\n') => self.at += 1,
            None => {}
            Some(_) => return None,
        }
        Some(())
    }

    /// From behind a value to the next one: the comma, or the brace before the first, the key, the
    /// colon, and white space among them.
    #[expect(
        clippy::option_option,
        reason = "given up, no field of ours, or one of them"
    )]
    #[inline(always)]
    fn key(&mut self, is_first: bool) -> Option<Option<Field>> {
        self.skip_white_space();
        self.expect(if is_first { b'{' } else { b',' })?;
        self.skip_white_space();
        let start = self.at;
        let has_escapes = self.string()?;
        let literal = &self.text[start..self.at];
        let field = if has_escapes {
            field_of_escaped_key(literal)
        } else {
            Field::from_key(&literal[1..literal.len() - 1])
        };
        self.colon()?;
        Some(field)
    }

    #[inline(always)]
    fn colon(&mut self) -> Option<()> {
        self.skip_white_space();
        self.expect(b':')?;
        self.skip_white_space();
        Some(())
    }

    /// A string, quotes included; whether there are escapes in it.
    #[inline(always)]
    fn string(&mut self) -> Option<bool> {
        self.expect(b'"')?;
        // Most strings end within a block, with nothing in them that needs a look.
        let block = self.next_bytes()?;
        let first = S::first_not_plain(block);
        self.at += first;
        if first < BLOCK && block[first] == b'"' {
            self.at += 1;
            return Some(false);
        }
        S::run(RestOfString(self))
    }

    /// The rest of a string that is long, or has escapes or characters past ASCII in it.
    #[inline(always)]
    fn rest_of_string(&mut self) -> Option<bool> {
        let start = self.at;
        let mut has_escapes = false;
        let mut is_ascii = true;
        loop {
            let block = self.next_bytes()?;
            let first = S::first_not_plain(block);
            self.at += first;
            if first == BLOCK {
                continue;
            }
            match block[first] {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    self.escape()?;
                }
                byte if byte >= 0x80 => {
                    is_ascii = false;
                    self.at += 1;
                    while self.peek()? >= 0x80 {
                        self.at += 1;
                    }
                }
                // A control character, perhaps the end of the line.
                _ => return None,
            }
        }
        if !is_ascii {
            std::str::from_utf8(&self.text[start..self.at]).ok()?;
        }
        self.at += 1;
        Some(has_escapes)
    }

    /// A backslash and what it escapes.
    #[inline(always)]
    fn escape(&mut self) -> Option<()> {
        match self.text.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => match self.unicode_escape()? {
                0xd800..=0xdbff => {
                    if self.text.get(self.at..self.at + 2)? != b"\\u" {
                        return None;
                    }
                    if !(0xdc00..=0xdfff).contains(&self.unicode_escape()?) {
                        return None;
                    }
                }
                0xdc00..=0xdfff => return None,
                _ => {}
            },
            _ => return None,
        }
        Some(())
    }

    fn unicode_escape(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at + 2..self.at + 6)?;
        self.at += 6;
        digits.iter().try_fold(0, |number, digit| {
            Some(number * 16 + char::from(*digit).to_digit(16)?)
        })
    }

    /// Any value, read only to see that it is one.
    #[inline(always)]
    fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => S::run(SkipNested(self)),
            _ => self.skip_scalar(),
        }
    }

    /// A number or a literal.
    #[inline(always)]
    fn skip_scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => self.number().map(drop),
            b't' => self.literal(*b"true"),
            b'n' => self.literal(*b"null"),
            b'f' => {
                self.at += 1;
                self.literal(*b"alse")
            }
            _ => None,
        }
    }

    #[inline(always)]
    fn literal(&mut self, literal: [u8; 4]) -> Option<()> {
        (*self.next_bytes::<4>()? == literal).then(|| self.at += 4)
    }

    /// An object or array, and all within.
    #[inline(always)]
    fn skip_nested(&mut self) -> Option<()> {
        // One bit for each container that is open, the innermost lowest: set for an object.
        let mut is_object = 0_u64;
        let mut depth = 0;
        loop {
            // At the start of a value.
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                open @ (b'{' | b'[') => {
                    if depth == MAX_DEPTH {
                        return None;
                    }
                    depth += 1;
                    is_object = is_object << 1 | u64::from(open == b'{');
                    self.at += 1;
                    self.skip_white_space();
                    if self.peek()? != open + 2 {
                        if open == b'{' {
                            self.nested_key()?;
                        }
                        continue;
                    }
                    self.at += 1;
                    depth -= 1;
                    is_object >>= 1;
                }
                _ => self.skip_scalar()?,
            }
            // After a value.
            loop {
                if depth == 0 {
                    return Some(());
                }
                self.skip_white_space();
                let next = self.peek()?;
                self.at += 1;
                if next == b',' {
                    self.skip_white_space();
                    if is_object & 1 == 1 {
                        self.nested_key()?;
                    }
                    break;
                }
                if next != if is_object & 1 == 1 { b'}' } else { b']' } {
                    return None;
                }
                depth -= 1;
                is_object >>= 1;
            }
        }
    }

    #[inline(always)]
    fn nested_key(&mut self) -> Option<()> {
        self.string()?;
        self.colon()
    }

    /// A number of any form (RFC 8259 section 6); whether it is an integer.
    #[inline(always)]
    fn number(&mut self) -> Option<bool> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return None;
            }
        } else {
            self.digits()?;
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            is_integer = false;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            is_integer = false;
        }
        Some(is_integer)
    }

    /// One digit or more.
    #[inline(always)]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// A user id: an integer.
    #[inline(always)]
    fn user_id(&mut self) -> Option<UserId> {
        let word = u64::from_le_bytes(*self.next_bytes()?);
        let len = leading_digits(word);
        // One to seven digits, as nearly all ids have, and then what may follow a number.
        if (1..8).contains(&len) {
            let end = word.to_le_bytes()[len];
            let has_leading_zero = word & 0xff == u64::from(b'0') && len > 1;
            if !has_leading_zero && matches!(end, b',' | b'}' | b' ' | b'\t' | b'\r') {
                self.at += len;
                return Some(UserId::from(value_of_digits(word << (64 - 8 * len))));
            }
        }
        self.long_user_id()
    }

    #[cold]
    fn long_user_id(&mut self) -> Option<UserId> {
        let start = self.at;
        if !self.number()? {
            return None;
        }
        let number = json::copied(&self.text[start..self.at]);
        UserId::from_json_number(&number).ok()
    }

    /// An event type: a string that is not empty; whether it is a purchase.
    #[inline(always)]
    fn is_purchase(&mut self) -> Option<bool> {
        let start = self.at;
        let has_escapes = self.string()?;
        let literal = &self.text[start..self.at];
        if has_escapes {
            return Some(json::unescape(&json::copied(literal)) == PURCHASE);
        }
        let event_type = &literal[1..literal.len() - 1];
        (!event_type.is_empty()).then_some(event_type == PURCHASE.as_bytes())
    }

    /// A timestamp in UTC.
    #[inline(always)]
    fn timestamp(&mut self) -> Option<Date> {
        if let Some(date) = self.next_bytes().and_then(usual_timestamp) {
            self.at += 22;
            return Some(date);
        }
        self.unusual_timestamp()
    }

    #[inline(always)]
    fn unusual_timestamp(&mut self) -> Option<Date> {
        let start = self.at;
        let has_escapes = self.string()?;
        let literal = &self.text[start..self.at];
        if has_escapes {
            return parse_escaped_timestamp(literal);
        }
        parse_timestamp(&literal[1..literal.len() - 1]).ok()
    }
}

/// [`FastLane::read_line`], compiled for a way of looking at blocks.
struct ReadLine<'r, 'a, S>(&'r mut FastLane, &'a [u8], PhantomData<S>);

impl<S: Scan> Task for ReadLine<'_, '_, S> {
    type Output = Option<(Event, usize)>;

    #[inline(always)]
    fn run(self) -> Option<(Event, usize)> {
        self.0.read_line::<S>(self.1)
    }
}

/// [`Reader::rest_of_string`], apart from where strings are short.
struct RestOfString<'r, 'a, S>(&'r mut Reader<'a, S>);

impl<S: Scan> Task for RestOfString<'_, '_, S> {
    type Output = Option<bool>;

    #[inline(always)]
    fn run(self) -> Option<bool> {
        self.0.rest_of_string()
    }
}

/// [`Reader::skip_nested`], apart from where values are flat.
struct SkipNested<'r, 'a, S>(&'r mut Reader<'a, S>);

impl<S: Scan> Task for SkipNested<'_, '_, S> {
    type Output = Option<()>;

    #[inline(always)]
    fn run(self) -> Option<()> {
        self.0.skip_nested()
    }
}

/// A byte in each place of a word.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// How many of the eight bytes of a word, from the first in memory on, are ASCII digits.
#[inline(always)]
fn leading_digits(word: u64) -> usize {
    // A digit has 3 above and at most 9 below. Where adding 6 carries into the upper half, it is not
    // one; a byte past 0xf9 carries into the next byte too, but it comes first itself.
    let not_3x = (word & each(0xf0)) ^ each(0x30);
    let past_9 = (word.wrapping_add(each(0x06)) & each(0xf0)) ^ each(0x30);
    ((not_3x | past_9).trailing_zeros() / 8) as usize
}

/// The number that eight ASCII digits stand for, the first in memory worth most. Zero bytes count as
/// the digit 0.
#[inline(always)]
fn value_of_digits(word: u64) -> u64 {
    // Pairs, then fours, then all eight: three multiplications instead of eight.
    let digits = word & each(0x0f);
    let pairs = (digits.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

/// What the bytes of a word have to be, where they are not digits.
#[derive(Clone, Copy)]
struct Template {
    /// The bytes that are fixed, and zeros.
    fixed: u64,
    /// All bits of the bytes that are fixed.
    is_fixed: u64,
}

impl Template {
    /// From the bytes, with `_` for a digit.
    const fn new(bytes: [u8; 8]) -> Template {
        let mut template = Template {
            fixed: 0,
            is_fixed: 0,
        };
        let mut at = 0;
        while at < 8 {
            if bytes[at] != b'_' {
                template.fixed |= (bytes[at] as u64) << (8 * at);
                template.is_fixed |= 0xff << (8 * at);
            }
            at += 1;
        }
        template
    }
}

/// `"YYYY-MM-DDThh:mm:ssZ"`, quotes included: the form nearly all logs have.
#[inline(always)]
fn usual_timestamp(text: &[u8; 24]) -> Option<Date> {
    const FIRST: Template = Template::new(*b"\"____-__");
    const SECOND: Template = Template::new(*b"-__T__:_");
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&text[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let matches = |word: u64, template: Template| {
        let digits = word & !template.is_fixed | each(b'0') & template.is_fixed;
        (word & template.is_fixed == template.fixed && leading_digits(digits) == 8).then_some(())
    };
    let (first, second) = (word(0), word(8));
    matches(first, FIRST)?;
    matches(second, SECOND)?;
    if text[22 - 1] != b'"' || text[20] != b'Z' || text[17] != b':' {
        return None;
    }
    let digit = |byte: u8| u32::from(byte.wrapping_sub(b'0'));
    let (minute_ones, second_tens, second_ones) =
        (digit(text[16]), digit(text[18]), digit(text[19]));
    if minute_ones > 9 || second_tens > 5 || second_ones > 9 {
        return None;
    }
    let at = |word: u64, byte: u32| (word >> (8 * byte) & 0x0f) as u32;
    let hour = at(second, 4) * 10 + at(second, 5);
    // Hour 24 and second 60 are for the one who knows when they are allowed.
    if hour > 23 || at(second, 7) > 5 {
        return None;
    }
    let year = at(first, 1) * 1000 + at(first, 2) * 100 + at(first, 3) * 10 + at(first, 4);
    let month = at(first, 6) * 10 + at(first, 7);
    let day = at(second, 1) * 10 + at(second, 2);
    Date::from_ymd(year, month, day)
}

#[cold]
fn parse_escaped_timestamp(literal: &[u8]) -> Option<Date> {
    let literal = json::copied(literal);
    parse_timestamp(json::unescape(&literal).as_bytes()).ok()
}

/// The field that a key with escapes in it names; `literal` has its quotes.
#[cold]
fn field_of_escaped_key(literal: &[u8]) -> Option<Field> {
    Field::from_key(json::unescape(&json::copied(literal)).as_bytes())
}

/// The amount that the text of a value stands for, if it is a positive number in range.
#[inline(always)]
fn parse_amount(value: &[u8]) -> Option<Amount> {
    // Up to 18 digits with or without a point in them: exact in a word.
    if value.len() <= 19 {
        let mut mantissa = 0_u64;
        let mut decimals = None;
        let mut is_plain = true;
        for &byte in value {
            if byte.is_ascii_digit() {
                mantissa = mantissa
                    .wrapping_mul(10)
                    .wrapping_add(u64::from(byte - b'0'));
                decimals = decimals.map(|decimals| decimals + 1);
            } else if byte == b'.' && decimals.is_none() {
                decimals = Some(0);
            } else {
                is_plain = false;
                break;
            }
        }
        let decimals: u32 = decimals.unwrap_or(0);
        let integer_digits = value.len() - decimals as usize;
        // At most 15 before the point, which itself may be one more.
        if is_plain && mantissa > 0 && value.len() <= 18 && integer_digits <= 15 {
            let scale = 10_u128.pow(DECIMALS - decimals);
            return Some(Amount::from_units(u128::from(mantissa) * scale));
        }
    }
    match value.first()? {
        b'-' | b'0'..=b'9' => Amount::from_json_number(&json::copied(value)).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::rules;
    use crate::generate::{Generator, Length, Order, Profile, Settings, Verdict};
    use proptest::prelude::*;

    impl FastLane {
        fn with(means: Means) -> FastLane {
            FastLane {
                means,
                ..FastLane::default()
            }
        }
    }

    fn lanes() -> Vec<FastLane> {
        let mut lanes = vec![FastLane::with(Means::Words)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            lanes.push(FastLane::with(Means::Avx2));
        }
        lanes
    }

    /// Whether the lane takes the line. If it does, its event has to be that of the rules.
    #[track_caller]
    fn takes(fast: &mut FastLane, line: &[u8]) -> bool {
        assert!(!line.contains(&b'\n'));
        // What comes after must not matter; a line feed and then whatever may be there.
        let mut answers = [b'"', b'\n', b'{', b' ', 0xff].map(|filler| {
            let mut text = line.to_vec();
            text.push(b'\n');
            text.resize(text.len() + 2 * BLOCK, filler);
            fast.read(&text)
        });
        answers.sort_by_key(|answer| answer.map(|(_, len)| len));
        assert_eq!(answers[0], answers[4]);
        let answer = answers[0];
        if let Some((event, len)) = answer {
            let shown = String::from_utf8_lossy(line);
            assert_eq!(len, line.len() + 1, "{shown}");
            assert_eq!(rules::judge(line), Ok(event), "{shown}");
        }
        answer.is_some()
    }

    #[test]
    fn digits() {
        for value in (0..100_000).chain([9_999_999, 10_000_000, 12_345_678, 99_999_999]) {
            let text = format!("{value:08}");
            let word = u64::from_le_bytes(text.as_bytes().try_into().unwrap());
            assert_eq!(leading_digits(word), 8);
            assert_eq!(value_of_digits(word), value);
        }
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                for around in [b'0', b'9'] {
                    let mut bytes = [around; 8];
                    bytes[at] = byte;
                    let expected = if byte.is_ascii_digit() { 8 } else { at };
                    assert_eq!(
                        leading_digits(u64::from_le_bytes(bytes)),
                        expected,
                        "{bytes:?}"
                    );
                }
            }
        }
    }

    /// The lane would be useless if it passed on what is ordinary.
    #[test]
    fn ordinary_lines_are_taken_whatever_their_style() {
        for (profile, at_least) in [
            (Profile::Narrow, 100),
            (Profile::Wide, 100),
            (Profile::Mixed, 95),
        ] {
            for mut lane in lanes() {
                let settings = Settings {
                    length: Length::Lines(4000),
                    profile,
                    invalid_rate: 0.0,
                    order: Order::Random,
                    ..Settings::default()
                };
                let mut generator = Generator::new(&settings).unwrap();
                let mut line = Vec::new();
                let mut taken = 0;
                while generator.next_line(&mut line).is_some() {
                    line.pop();
                    taken += u32::from(takes(&mut lane, &line));
                    line.clear();
                }
                assert!(taken * 100 / 4000 >= at_least, "{profile}: {taken} of 4000");
            }
        }
    }

    #[test]
    fn invalid_lines_are_never_taken() {
        for profile in Profile::ALL {
            for mut lane in lanes() {
                let settings = Settings {
                    length: Length::Lines(6000),
                    profile,
                    invalid_rate: 0.5,
                    ..Settings::default()
                };
                let mut generator = Generator::new(&settings).unwrap();
                let mut line = Vec::new();
                while let Some(verdict) = generator.next_line(&mut line) {
                    line.pop();
                    let is_taken = takes(&mut lane, &line);
                    assert!(!is_taken || verdict == Verdict::Valid);
                    line.clear();
                }
            }
        }
    }

    #[test]
    fn what_stands_at_the_very_end_is_left_to_the_general_lane() {
        let line = br#"{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z"}"#;
        for mut lane in lanes() {
            for filler in 0..2 * BLOCK {
                let mut text = line.to_vec();
                text.push(b'\n');
                text.resize(text.len() + filler, b' ');
                if let Some((event, len)) = lane.read(&text) {
                    assert_eq!((rules::judge(line), len), (Ok(event), line.len() + 1));
                } else {
                    assert!(filler < 2 * BLOCK - 1);
                }
            }
        }
    }

    /// A line of a profile with some of its bytes changed.
    fn mutated() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let edit = (
            any::<prop::sample::Index>(),
            0..4,
            prop_oneof![
                prop::sample::select(
                    &b"\"\\{}[]:,0123456789-+.eETZtz \t\r\x00\x1f\x7f\x80\xc3\xed\xffunl/"[..]
                ),
                any::<u8>(),
            ],
        );
        let profile = prop::sample::select(&Profile::ALL[..]);
        (profile, any::<u64>(), prop::collection::vec(edit, 0..4)).prop_map(
            |(profile, seed, edits)| {
                let settings = Settings {
                    length: Length::Lines(1),
                    seed,
                    profile,
                    invalid_rate: 0.1,
                    ..Settings::default()
                };
                let mut line = Vec::new();
                Generator::new(&settings).unwrap().next_line(&mut line);
                line.pop();
                let original = line.clone();
                for (index, kind, byte) in edits {
                    if line.is_empty() {
                        break;
                    }
                    let at = index.index(line.len());
                    match kind {
                        0 => line[at] = byte,
                        1 => line.insert(at, byte),
                        2 => drop(line.remove(at)),
                        _ => line.truncate(at),
                    }
                }
                line.retain(|byte| *byte != b'\n');
                (original, line)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn mutated_lines_get_the_verdict_of_the_rules((original, line) in mutated()) {
            for mut lane in lanes() {
                // So that what was learnt from the line as it was meets the line as it is.
                takes(&mut lane, &original);
                takes(&mut lane, &line);
                takes(&mut lane, &original);
            }
        }

        #[test]
        fn timestamps_in_the_usual_form(
            text in prop_oneof![
                "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
                "(2024|2023|0000|9999)-(0[0-9]|1[0-3])-([0-2][0-9]|3[0-2])T(2[0-5]|1[0-9])[:;/][0-6][0-9]:[0-6][0-9]Z",
            ],
        ) {
            let mut block = [b' '; 24];
            block[0] = b'"';
            block[1..21].copy_from_slice(text.as_bytes());
            block[21] = b'"';
            if let Some(date) = usual_timestamp(&block) {
                prop_assert_eq!(parse_timestamp(text.as_bytes()), Ok(date));
            } else if let Ok(date) = parse_timestamp(text.as_bytes()) {
                // Left to the other road: the ends of days.
                prop_assert!(text.contains("T24") || text.contains(":60Z"), "{} {}", text, date);
            }
        }

        #[test]
        fn amounts(text in "-?(0|[1-9][0-9]{0,17})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,2})?") {
            let expected = Amount::from_json_number(&text).ok();
            prop_assert_eq!(parse_amount(text.as_bytes()), expected);
        }
    }
}
