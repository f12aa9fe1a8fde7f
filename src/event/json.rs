//! A strict JSON reader: whether a line is one RFC 8259 text, where it stops being one, and where
//! the values of an event's fields stand.
//!
//! simd-json is the first to read a line, but it refuses valid JSON whose numbers do not fit a
//! machine word, reports errors without a usable place, and needs several times a line's length in
//! memory. This reader has none of these limits: it reads in one pass, byte by byte, keeps nothing
//! but positions, and is the last word on any line that simd-json did not take.

use super::field::Field;
use super::schema::Schema;
use crate::text::json_ascii::stops_of_block;

/// How many levels of arrays and objects may be open at once; the outermost is the first.
pub(crate) const MAX_DEPTH: usize = 1024;

/// A piece of a line: from the byte at `start` up to, and without, the byte at `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// Gives `look` a copy of the piece; empty should the span not be of this line.
    pub(crate) fn of<T>(self, line: &[u8], look: impl FnOnce(&str) -> T) -> T {
        with_copy(self.bytes_of(line), look)
    }

    /// The piece itself; empty should the span not be of this line.
    pub(crate) fn bytes_of(self, line: &[u8]) -> &[u8] {
        line.get(self.start..self.end).unwrap_or_default()
    }

    /// The same for the first `limit` bytes of the piece.
    pub(crate) fn start_of<T>(self, line: &[u8], limit: usize, look: impl FnOnce(&str) -> T) -> T {
        let end = self.end.min(self.start.saturating_add(limit));
        Span { end, ..self }.of(line, look)
    }
}

/// Gives `look` a copy of bytes that were UTF-8 when they were last looked at; what no longer is
/// shows as U+FFFD.
///
/// A copy, because the bytes may be in a mapped file that somebody writes to at this moment: a
/// string borrowed from there could stop being UTF-8 while it is looked at.
pub(crate) fn with_copy<T>(bytes: &[u8], look: impl FnOnce(&str) -> T) -> T {
    // Most of what is looked at is short, and a copy on the stack costs next to nothing.
    let mut short = [0; 64];
    if let Some(copy) = short.get_mut(..bytes.len()) {
        copy.copy_from_slice(bytes);
        if let Ok(text) = std::str::from_utf8(copy) {
            return look(text);
        }
    }
    look(&copied(bytes))
}

/// The same copy, to keep.
pub(crate) fn copied(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Where each field's value stands in the line, if its key is there. Of duplicate keys, the last.
pub(crate) type FieldSpans = [Option<Span>; Field::COUNT];

/// A line that is valid JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// An object, and where the fields' values stand in it.
    Object(FieldSpans),
    /// Any other value.
    Other(Span),
}

/// Where a line stops being JSON, and what stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonFault {
    /// The byte of the line, from 0; the line's length where it ends too early.
    pub(crate) at: usize,
    /// What is wrong there.
    pub(crate) problem: Problem,
}

/// What can be wrong at a place of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    ExpectedValue,
    ExpectedKey,
    ExpectedKeyOrEnd,
    ExpectedColon,
    ExpectedCommaOrBrace,
    ExpectedCommaOrBracket,
    ExpectedEnd,
    ExpectedLiteral(&'static str),
    ExpectedDigit,
    LeadingZero,
    ControlCharacter,
    UnknownEscape,
    ExpectedHexDigit,
    LoneSurrogate,
    UnterminatedString,
    TooDeep,
}

type Read<T> = Result<T, JsonFault>;

/// Reads a line, which has been found to be UTF-8, as one JSON text.
///
/// # Errors
///
/// [`JsonFault`], the first one in the line.
pub(crate) fn read(line: &[u8], schema: &Schema) -> Read<Document> {
    read_with(line, Stops::of(line), schema)
}

/// The same with what is known of the line already.
pub(crate) fn read_with(line: &[u8], stops: Stops, schema: &Schema) -> Read<Document> {
    let mut reader = Reader {
        bytes: line,
        stops,
        at: 0,
    };
    reader.skip_white_space();
    let start = reader.at;
    let document = if reader.peek() == Some(b'{') {
        Document::Object(reader.event(schema)?)
    } else {
        reader.value()?;
        let end = reader.at;
        Document::Other(Span { start, end })
    };
    reader.skip_white_space();
    match reader.peek() {
        None => Ok(document),
        Some(_) => reader.fault(Problem::ExpectedEnd),
    }
}

/// The same where it is not about the fields.
pub(crate) fn read_usual(line: &[u8]) -> Read<Document> {
    read(line, Schema::usual())
}

/// A member of an object: its key, with the quotes, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) key: Span,
    pub(crate) value: Span,
}

/// The members of the object that starts at byte `start`, white space before it aside. Where it is not
/// JSON to its end, those before the fault; none where there is no object.
pub(crate) fn members(line: &[u8], start: usize) -> Vec<Member> {
    let mut members = Vec::new();
    let mut reader = Reader {
        bytes: line,
        stops: Stops::of(line),
        at: start,
    };
    reader.skip_white_space();
    if reader.peek() == Some(b'{') {
        // What is wrong with the rest, `read` says.
        let _ = reader.object(|key, _, value| members.push(Member { key, value }));
    }
    members
}

/// The text of a JSON string, its escapes undone. `literal` is the string as it is written, quotes
/// included, and has been read by [`read`].
pub(crate) fn unescape(literal: &str) -> std::borrow::Cow<'_, str> {
    let inner = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (character, length) = unescape_one(&rest.as_bytes()[at..]);
        text.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    text.push_str(rest);
    text.into()
}

/// The character of the escape at the start of `escape`, and the escape's length in bytes.
pub(crate) fn unescape_one(escape: &[u8]) -> (char, usize) {
    let character = match escape.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let first = hex4(escape.get(2..6));
            if let Some(character) = char::from_u32(first) {
                return (character, 6);
            }
            // A pair of surrogates (RFC 8259 section 7): the reader let no lone one pass.
            let second = hex4(escape.get(8..12));
            let code = 0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            return (character, 12);
        }
        Some(&byte) => char::from(byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, 2)
}

/// Four hexadecimal digits as a number; they have been checked to be such.
fn hex4(digits: Option<&[u8]>) -> u32 {
    digits
        .unwrap_or_default()
        .iter()
        .filter_map(|&digit| char::from(digit).to_digit(16))
        .fold(0, |number, digit| number * 16 + digit)
}

/// How many bytes of a string, from the first of `bytes`, stand for themselves: up to a quote, a
/// backslash, a control character or the end.
///
/// Eight at a time, as digits of one number ("Hacker's Delight", section 6-1): subtracting from a
/// byte what it is looked for sets its highest bit if it was smaller, and so that of zero if the
/// byte was first made zero where it is the one looked for. A borrow can only set bits wrongly after
/// the first one set, which is the one that counts.
#[inline]
fn plain_in_string(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    let is_below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let is_quote = is_below(word ^ (ONES * u64::from(b'"')), 1);
        let is_backslash = is_below(word ^ (ONES * u64::from(b'\\')), 1);
        let stops = (is_below(word, 0x20) | is_quote | is_backslash) & (ONES << 7);
        if stops != 0 {
            return 8 * index + stops.trailing_zeros() as usize / 8;
        }
    }
    let is_stop = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    let stop = rest.iter().position(is_stop).unwrap_or(rest.len());
    8 * words.len() + stop
}

/// Where in the first bytes of a line a string may stop standing for itself: a bit for each quote, backslash
/// and control character. Most lines have no more bytes, and all of their strings' ends are found with one
/// look at the line then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stops {
    bits: [u64; Stops::LIMIT / 64],
    /// Whether these bytes are ASCII.
    is_ascii: bool,
}

impl Stops {
    /// How many bytes are looked at.
    const LIMIT: usize = 256;

    #[expect(
        clippy::inline_always,
        reason = "handed back in memory it would be copied, which takes as long as finding it"
    )]
    #[inline(always)]
    pub(crate) fn of(line: &[u8]) -> Stops {
        let start = &line[..line.len().min(Stops::LIMIT)];
        let mut stops = Stops {
            bits: [0; Stops::LIMIT / 64],
            is_ascii: true,
        };
        let (blocks, rest) = start.as_chunks::<64>();
        let mut high = 0;
        for (bits, block) in stops.bits.iter_mut().zip(blocks) {
            let found = stops_of_block(block);
            *bits = found.0;
            high |= found.1;
        }
        if let Some(bits) = stops.bits.get_mut(blocks.len())
            && !rest.is_empty()
        {
            let found = if let Some(last) = start.last_chunk::<64>() {
                // Those before were looked at already.
                let found = stops_of_block(last);
                (found.0 >> (64 - rest.len()), found.1)
            } else {
                let mut block = [b' '; 64];
                block[..rest.len()].copy_from_slice(rest);
                stops_of_block(&block)
            };
            *bits = found.0;
            high |= found.1;
        }
        stops.is_ascii = high == 0;
        stops
    }

    /// Whether a line, whose stops these are, is known to be ASCII.
    pub(crate) fn tell_ascii(&self, line: &[u8]) -> bool {
        self.is_ascii && line.len() <= Stops::LIMIT
    }

    /// The first stop from a byte of `line` on, whose stops these are; or its length.
    #[expect(
        clippy::inline_always,
        reason = "it is a few instructions, in one place several times"
    )]
    #[inline(always)]
    fn next(&self, line: &[u8], at: usize) -> usize {
        let mut word = at / 64;
        let mut hidden = u64::MAX << (at % 64);
        while let Some(bits) = self.bits.get(word) {
            let bits = bits & hidden;
            if bits != 0 {
                return 64 * word + bits.trailing_zeros() as usize;
            }
            hidden = u64::MAX;
            word += 1;
        }
        let at = at.max(Stops::LIMIT);
        match line.get(at..) {
            Some(rest) => at + plain_in_string(rest),
            None => line.len(),
        }
    }
}

/// The containers that are open: one bit each, set for an object.
struct Nesting {
    depth: usize,
    is_object: [u64; MAX_DEPTH / 64],
}

impl Nesting {
    fn new() -> Nesting {
        Nesting {
            depth: 0,
            is_object: [0; MAX_DEPTH / 64],
        }
    }

    /// Opens a container; false where it would be one too many.
    fn open(&mut self, is_object: bool) -> bool {
        if self.depth == MAX_DEPTH {
            return false;
        }
        let word = &mut self.is_object[self.depth / 64];
        let bit = 1 << (self.depth % 64);
        *word = if is_object { *word | bit } else { *word & !bit };
        self.depth += 1;
        true
    }

    fn innermost_is_object(&self) -> bool {
        let top = self.depth - 1;
        self.is_object[top / 64] >> (top % 64) & 1 == 1
    }
}

/// Gives `look` a key, its escapes undone; `key` spans the literal with its quotes.
pub(crate) fn with_key<T>(line: &[u8], key: Span, look: impl FnOnce(&[u8]) -> T) -> T {
    let literal = key.bytes_of(line);
    let inner = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    if inner.contains(&b'\\') {
        with_copy(literal, |literal| look(unescape(literal).as_bytes()))
    } else {
        look(inner)
    }
}

/// The field a key usually names, if any; `key` spans the literal with its quotes.
pub(crate) fn field(line: &[u8], key: Span) -> Option<Field> {
    let literal = line.get(key.start..key.end)?;
    let inner = literal.get(1..literal.len() - 1)?;
    if inner.contains(&b'\\') {
        with_copy(literal, |literal| {
            Field::from_key(unescape(literal).as_bytes())
        })
    } else {
        Field::from_key(inner)
    }
}

/// Notes where the values are in a line that is an object as nearly all are: without anything in it but strings
/// without escapes, numbers without exponents, `true`, `false` and `null`, with at most one blank between tokens, and
/// with nothing after it. `None` says nothing, and neither do `spans` then.
///
/// The same steps as the [`Reader`]'s, without an answer for each to hand back.
#[inline]
pub(super) fn usual_event(line: &[u8], stops: &Stops, spans: &mut FieldSpans) -> Option<()> {
    let byte = |at: usize| line.get(at).copied();
    let after_blank = |at: usize| at + usize::from(byte(at) == Some(b' '));
    let end_of_string = |start: usize| {
        let end = stops.next(line, start + 1);
        (byte(end)? == b'"').then_some(end + 1)
    };
    let mut at = 0;
    if byte(at)? != b'{' {
        return None;
    }
    loop {
        let key = after_blank(at + 1);
        if byte(key)? != b'"' {
            return None;
        }
        let key_end = end_of_string(key)?;
        if byte(key_end)? != b':' {
            return None;
        }
        let start = after_blank(key_end + 1);
        let end = match byte(start)? {
            b'"' => end_of_string(start)?,
            first @ (b'-' | b'0'..=b'9') => {
                let digits = start + usize::from(first == b'-');
                let mut end = digits;
                while byte(end)?.is_ascii_digit() {
                    end += 1;
                }
                if end == digits || (byte(digits)? == b'0' && end > digits + 1) {
                    return None;
                }
                if byte(end)? == b'.' {
                    let fraction = end + 1;
                    end = fraction;
                    while byte(end)?.is_ascii_digit() {
                        end += 1;
                    }
                    if end == fraction {
                        return None;
                    }
                }
                // Unless it goes on, which is for the reader.
                end
            }
            b't' | b'n' => {
                let word = line.get(start..start + 4)?;
                (word == b"true" || word == b"null").then_some(start + 4)?
            }
            b'f' => (line.get(start..start + 5)? == b"false").then_some(start + 5)?,
            _ => return None,
        };
        if let Some(field) = Field::from_key(line.get(key + 1..key_end - 1)?) {
            spans[field.index()] = Some(Span { start, end });
        }
        at = end;
        match byte(at)? {
            b',' => {}
            b'}' if at + 1 == line.len() => return Some(()),
            _ => return None,
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    stops: Stops,
    at: usize,
}

impl Reader<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault<T>(&self, problem: Problem) -> Read<T> {
        Err(JsonFault {
            at: self.at,
            problem,
        })
    }

    /// White space of RFC 8259 section 2; a line feed cannot be inside a line.
    #[inline]
    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The object at the start of an event, noting where the fields' values stand.
    fn event(&mut self, schema: &Schema) -> Read<FieldSpans> {
        let mut spans = [None; Field::COUNT];
        let bytes = self.bytes;
        let has_usual_names = schema.has_usual_names();
        self.object(|key, is_plain, value| {
            if is_plain && has_usual_names {
                let key = bytes.get(key.start + 1..key.end - 1);
                if let Some(field) = key.and_then(Field::from_key) {
                    spans[field.index()] = Some(value);
                }
            } else {
                schema.note(bytes, key, value, &mut spans);
            }
        })?;
        schema.resolve(bytes, &mut spans);
        Ok(spans)
    }

    /// An object, giving each of its members to `member`: the key, with its quotes, whether that is
    /// without escapes, and the value.
    #[inline]
    fn object(&mut self, mut member: impl FnMut(Span, bool, Span)) -> Read<()> {
        let mut nesting = Nesting::new();
        nesting.open(true);
        self.at += 1;
        self.skip_white_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut if_no_key = Problem::ExpectedKeyOrEnd;
        loop {
            let (key, is_plain) = self.key(if_no_key)?;
            let start = self.at;
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'0'..=b'9') => self.number()?,
                _ => self.value_within(&mut nesting)?,
            }
            let end = self.at;
            member(key, is_plain, Span { start, end });
            self.skip_white_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fault(Problem::ExpectedCommaOrBrace),
            }
            self.skip_white_space();
            if_no_key = Problem::ExpectedKey;
        }
    }

    /// A key, its colon, and the white space up to the value; and whether the key is without escapes.
    #[inline]
    fn key(&mut self, if_none: Problem) -> Read<(Span, bool)> {
        if self.peek() != Some(b'"') {
            return self.fault(if_none);
        }
        let start = self.at;
        let is_plain = self.string()?;
        let end = self.at;
        self.skip_white_space();
        if self.peek() != Some(b':') {
            return self.fault(Problem::ExpectedColon);
        }
        self.at += 1;
        self.skip_white_space();
        Ok((Span { start, end }, is_plain))
    }

    fn value(&mut self) -> Read<()> {
        self.value_within(&mut Nesting::new())
    }

    /// One value, however deep. A loop over a stack of bits, not a recursion: hostile input must
    /// not be able to exhaust the stack.
    fn value_within(&mut self, nesting: &mut Nesting) -> Read<()> {
        let outer = nesting.depth;
        loop {
            // At the start of a value.
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                Some(open @ (b'{' | b'[')) => {
                    let is_object = open == b'{';
                    if !nesting.open(is_object) {
                        return self.fault(Problem::TooDeep);
                    }
                    self.at += 1;
                    self.skip_white_space();
                    let close = if is_object { b'}' } else { b']' };
                    if self.peek() == Some(close) {
                        self.at += 1;
                        nesting.depth -= 1;
                    } else {
                        if is_object {
                            self.key(Problem::ExpectedKeyOrEnd)?;
                        }
                        continue;
                    }
                }
                _ => return self.fault(Problem::ExpectedValue),
            }
            // After a value: close what ends here, up to the comma that starts the next one.
            loop {
                if nesting.depth == outer {
                    return Ok(());
                }
                self.skip_white_space();
                let is_object = nesting.innermost_is_object();
                match (self.peek(), is_object) {
                    (Some(b','), _) => {
                        self.at += 1;
                        self.skip_white_space();
                        if is_object {
                            self.key(Problem::ExpectedKey)?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        nesting.depth -= 1;
                    }
                    (_, true) => return self.fault(Problem::ExpectedCommaOrBrace),
                    (_, false) => return self.fault(Problem::ExpectedCommaOrBracket),
                }
            }
        }
    }

    /// `"` characters and escapes `"` (RFC 8259 section 7). Whether it is without escapes.
    #[inline]
    fn string(&mut self) -> Read<bool> {
        let start = self.at;
        self.at = self.stops.next(self.bytes, start + 1);
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(true);
        }
        self.rest_of_string(start).map(|()| false)
    }

    /// The string that starts at `start`, from something on that does not stand for itself.
    fn rest_of_string(&mut self, start: usize) -> Read<()> {
        loop {
            self.at = self.stops.next(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(start)?,
                Some(_) => return self.fault(Problem::ControlCharacter),
                None => {
                    self.at = start;
                    return self.fault(Problem::UnterminatedString);
                }
            }
        }
    }

    /// `\` and what it escapes, in the string that starts at `string`.
    fn escape(&mut self, string: usize) -> Read<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let start = self.at;
                match self.unicode_escape()? {
                    0xdc00..=0xdfff => {
                        self.at = start;
                        return self.fault(Problem::LoneSurrogate);
                    }
                    0xd800..=0xdbff => {
                        let is_pair = self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
                            && matches!(self.unicode_escape()?, 0xdc00..=0xdfff);
                        if !is_pair {
                            self.at = start;
                            return self.fault(Problem::LoneSurrogate);
                        }
                    }
                    _ => {}
                }
            }
            Some(_) => return self.fault(Problem::UnknownEscape),
            None => {
                self.at = string;
                return self.fault(Problem::UnterminatedString);
            }
        }
        Ok(())
    }

    /// `\uXXXX`: the number it stands for.
    fn unicode_escape(&mut self) -> Read<u32> {
        self.at += 2;
        let start = self.at;
        for _ in 0..4 {
            match self.peek() {
                Some(byte) if byte.is_ascii_hexdigit() => self.at += 1,
                _ => return self.fault(Problem::ExpectedHexDigit),
            }
        }
        Ok(hex4(self.bytes.get(start..self.at)))
    }

    /// `[ minus ] int [ frac ] [ exp ]` (RFC 8259 section 6): of any size and length.
    fn number(&mut self) -> Read<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if let Some(b'0'..=b'9') = self.peek() {
                self.at -= 1;
                return self.fault(Problem::LeadingZero);
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return self.fault(Problem::ExpectedDigit);
        }
        Ok(())
    }

    fn literal(&mut self, literal: &'static str) -> Read<()> {
        let end = self.at + literal.len();
        if self.bytes.get(self.at..end) == Some(literal.as_bytes()) {
            self.at = end;
            Ok(())
        } else {
            self.fault(Problem::ExpectedLiteral(literal))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault_of(line: &str) -> (usize, Problem) {
        match read_usual(line.as_bytes()) {
            Err(fault) => (fault.at, fault.problem),
            Ok(document) => panic!("{line} is {document:?}"),
        }
    }

    #[test]
    fn faults_name_the_place_and_the_problem() {
        use Problem::*;
        for (line, at, problem) in [
            ("", 0, ExpectedValue),
            ("  ", 2, ExpectedValue),
            ("nope", 0, ExpectedLiteral("null")),
            ("tru", 0, ExpectedLiteral("true")),
            ("False", 0, ExpectedValue),
            ("{", 1, ExpectedKeyOrEnd),
            ("{,}", 1, ExpectedKeyOrEnd),
            ("{\"a\":1,}", 7, ExpectedKey),
            ("{\"a\":1,b:2}", 7, ExpectedKey),
            ("{\"a\" 1}", 5, ExpectedColon),
            ("{\"a\"}", 4, ExpectedColon),
            ("{\"a\":}", 5, ExpectedValue),
            ("{\"a\":1 \"b\":2}", 7, ExpectedCommaOrBrace),
            ("{\"a\":1", 6, ExpectedCommaOrBrace),
            ("{\"a\":{\"b\":1]}", 11, ExpectedCommaOrBrace),
            ("[1 2]", 3, ExpectedCommaOrBracket),
            ("[1,]", 3, ExpectedValue),
            ("[1}", 2, ExpectedCommaOrBracket),
            ("{} {}", 3, ExpectedEnd),
            ("1 2", 2, ExpectedEnd),
            ("01", 0, LeadingZero),
            ("-", 1, ExpectedDigit),
            ("-a", 1, ExpectedDigit),
            ("1.", 2, ExpectedDigit),
            ("1.e1", 2, ExpectedDigit),
            ("1e", 2, ExpectedDigit),
            ("1e+", 3, ExpectedDigit),
            ("+1", 0, ExpectedValue),
            (".1", 0, ExpectedValue),
            ("NaN", 0, ExpectedValue),
            ("\"a\u{1}\"", 2, ControlCharacter),
            ("\"a\tb\"", 2, ControlCharacter),
            ("\"a\\x\"", 2, UnknownEscape),
            ("\"\\u12g4\"", 5, ExpectedHexDigit),
            ("\"\\ud800\"", 1, LoneSurrogate),
            ("\"\\udc00\\ud800\"", 1, LoneSurrogate),
            ("\"\\ud800\\u0041\"", 1, LoneSurrogate),
            ("\"\\ud800\\n\"", 1, LoneSurrogate),
            ("[\"abc", 1, UnterminatedString),
            ("[\"abc\\", 1, UnterminatedString),
            ("\u{feff}{}", 0, ExpectedValue),
            ("{}\0", 2, ExpectedEnd),
            ("\u{c}{}", 0, ExpectedValue),
            ("'a'", 0, ExpectedValue),
        ] {
            assert_eq!(fault_of(line), (at, problem), "{line:?}");
        }
    }

    #[test]
    fn nesting_stops_at_1024_levels() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read_usual(nested(1024).as_bytes()).is_ok());
        assert_eq!(fault_of(&nested(1025)), (1024, Problem::TooDeep));
        assert_eq!(fault_of(&"[".repeat(1_000_000)), (1024, Problem::TooDeep));
        let in_field = |levels| format!("{{\"x\":{}}}", nested(levels));
        assert!(read_usual(in_field(1023).as_bytes()).is_ok());
        assert_eq!(fault_of(&in_field(1024)), (5 + 1023, Problem::TooDeep));
        // Containers that were closed again do not count.
        assert!(read_usual(format!("[{}]", vec!["[[{}]]"; 2000].join(",")).as_bytes()).is_ok());
    }

    #[test]
    fn fields_are_found_by_their_unescaped_keys_and_the_last_one_counts() {
        let line = r#" {"user_id":1,"x":{"amount":9,"y":[{"user_id":2}]},"user\u005fid" : "a\"b" ,"amount":[1]} "#;
        let Ok(Document::Object(spans)) = read_usual(line.as_bytes()) else {
            panic!("not an object");
        };
        let text =
            |field: Field| spans[field.index()].map(|span| span.of(line.as_bytes(), str::to_owned));
        assert_eq!(text(Field::UserId).as_deref(), Some(r#""a\"b""#));
        assert_eq!(text(Field::Amount).as_deref(), Some("[1]"));
        assert_eq!(text(Field::EventType), None);
        assert_eq!(text(Field::Timestamp), None);
    }

    #[test]
    fn members_are_those_before_a_fault_and_of_one_level() {
        for (line, start, expected) in [
            (r#" {"a":1, "b" : {"c":[2]} }"#, 0, r#""a"=1 "b"={"c":[2]}"#),
            (r#"{"b":{"c":[2]}}"#, 5, r#""c"=[2]"#),
            (r#"{"a":1,"b":2,}"#, 0, r#""a"=1 "b"=2"#),
            (r#"{"a":1,"b":tru}"#, 0, r#""a"=1"#),
            (r#"{"a":1 "b":2}"#, 0, r#""a"=1"#),
            (r#"{"a":1} {"b":2}"#, 0, r#""a"=1"#),
            ("{}", 0, ""),
            ("[1]", 0, ""),
            ("", 0, ""),
            ("{}", 7, ""),
        ] {
            let text = |span: Span| span.of(line.as_bytes(), str::to_owned);
            let members: Vec<_> = members(line.as_bytes(), start)
                .iter()
                .map(|member| format!("{}={}", text(member.key), text(member.value)))
                .collect();
            assert_eq!(members.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn other_documents_are_told_apart() {
        for line in ["1e400", "[]", "\"{}\"", "null", " [ { } ] "] {
            let Ok(Document::Other(span)) = read_usual(line.as_bytes()) else {
                panic!("{line} is an object");
            };
            span.of(line.as_bytes(), |text| assert_eq!(text, line.trim()));
        }
    }

    proptest! {
        #[test]
        fn strings_are_plain_up_to_the_same_byte_eight_at_a_time(
            bytes in prop::collection::vec(
                prop_oneof![4 => 0x20..=0x7f_u8, 1 => any::<u8>()], 0..40)
        ) {
            let is_stop = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            let expected = bytes.iter().position(is_stop).unwrap_or(bytes.len());
            prop_assert_eq!(plain_in_string(&bytes), expected);
        }

        #[test]
        fn stops_are_where_strings_stop(
            bytes in prop::collection::vec(
                prop_oneof![40 => 0x20..=0x7f_u8, 1 => any::<u8>()], 0..400)
        ) {
            let stops = Stops::of(&bytes);
            for at in 0..=bytes.len() {
                prop_assert_eq!(stops.next(&bytes, at), at + plain_in_string(&bytes[at..]));
            }
            prop_assert!(!stops.tell_ascii(&bytes) || bytes.is_ascii());
            prop_assert!(stops.tell_ascii(&bytes) || bytes.len() > 256 || !bytes.is_ascii());
        }

        #[test]
        fn a_copy_is_what_is_text(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let expected = String::from_utf8_lossy(&bytes);
            with_copy(&bytes, |text| assert_eq!(text, expected));
            prop_assert_eq!(copied(&bytes), expected);
        }

        #[test]
        fn unescape_is_the_inverse_of_a_json_writer(text in any::<String>(), all in any::<bool>()) {
            let literal = if all {
                let units: Vec<String> =
                    text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
                let units = units.concat();
                format!("\"{units}\"")
            } else {
                serde_json::to_string(&text).unwrap()
            };
            prop_assert!(read_usual(literal.as_bytes()).is_ok());
            prop_assert_eq!(unescape(&literal), text);
        }

        #[test]
        fn usual_events_are_read_as_all_others(
            members in prop::collection::vec(
                (
                    "\"(user_id|event_type|timestamp|amount|x|a\\\\u0062|)\"",
                    " ?: ? ?",
                    "\"[a-z0-9 \\\\n\u{e9}]{0,9}\"|-?(0|[1-9][0-9]{0,9})(\\.[0-9]+)?|00|-|true|false|null|nul|\\{\\}|\\[1\\]",
                    " ?, ? ?",
                ),
                0..8,
            ),
            ends in "\\}|\\} |\\}x|",
            pad in 0..300_usize,
        ) {
            let mut line = String::from("{");
            for (at, (key, colon, value, comma)) in members.iter().enumerate() {
                if at > 0 {
                    line += comma;
                }
                line += &[&**key, colon, value].concat();
            }
            if pad > 200 {
                line += &[",\"", &"x".repeat(pad), "\":1"].concat();
            }
            line += &ends;
            let line = line.as_bytes();
            let read = |bytes| {
                let mut reader = Reader { bytes, stops: Stops::of(bytes), at: 0 };
                let mut spans = [None; Field::COUNT];
                reader.object(|key, _, value| {
                    Schema::usual().note(bytes, key, value, &mut spans);
                })?;
                if reader.at < bytes.len() {
                    return reader.fault(Problem::ExpectedEnd);
                }
                Ok(spans)
            };
            let mut spans = [None; Field::COUNT];
            if usual_event(line, &Stops::of(line), &mut spans).is_some() {
                prop_assert_eq!(read(line), Ok(spans));
            }
        }

        #[test]
        fn any_text_gets_the_verdict_of_serde_json(text in "[\\[\\]{}:,\"\\\\u0-9a-fe.+ntrulsE -]{0,24}") {
            let expected = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert_eq!(read_usual(text.as_bytes()).is_ok(), expected);
        }
    }
}
