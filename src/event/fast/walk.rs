//! Walking through a line from token to token, on any machine.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use std::marker::PhantomData;

use super::glue::Glue;
use super::names::{MoreGlue, Names};
use super::scan::{BLOCK, Scan, Task};
use super::value::{
    DATE_AND_TIME, Dates, end_of_timestamp, ends_member, hex, parse_amount,
    parse_escaped_timestamp, usual_amount, usual_user_id,
};
use super::{FastLane, MAX_DEPTH};
use crate::event::field::Field;
use crate::event::{Date, Event, UserId, json};

impl<N: Names> FastLane<N> {
    /// The event of the line that the reader stands before, which is then behind it.
    #[inline(always)]
    pub(super) fn walk<S: Scan>(&mut self, reader: &mut Reader<'_, S>) -> Option<Event> {
        let mut user_id = None;
        let mut is_purchase = None;
        let mut date = None;
        // Whether it has to be an amount is only known at the end: the number waits.
        let mut amount = None;
        let mut place = 0;
        loop {
            let field = match self.glues.get_mut(place) {
                Some([first, _]) if reader.skip_if(first) => first.field,
                Some([first, second]) if reader.skip_if(second) => {
                    std::mem::swap(first, second);
                    first.field
                }
                glues => {
                    let start = reader.at;
                    let field = reader.key(place == 0, &self.names)?;
                    if let Some([first, second]) = glues {
                        std::mem::swap(first, second);
                        first.learn(&reader.text[start..reader.at], field);
                    }
                    reader.is_strange = true;
                    field
                }
            };
            match field {
                None => reader.skip_value()?,
                Some(Field::UserId) => user_id = Some(reader.user_id()?),
                Some(Field::EventType) => is_purchase = Some(reader.is_purchase(&self.names)?),
                Some(Field::Timestamp) => {
                    date = Some(reader.timestamp(&mut self.dates, &mut self.names)?);
                }
                Some(Field::Amount) => {
                    let usual = reader.next_bytes().and_then(usual_amount);
                    let start = reader.at;
                    match usual {
                        Some((_, len)) => reader.at += len,
                        None => reader.skip_value()?,
                    }
                    amount = Some((usual, start..reader.at));
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
            Some(match amount? {
                (Some((amount, _)), _) => amount,
                (None, place) => parse_amount(reader.text.get(place)?)?,
            })
        } else {
            None
        };
        Some(Event::new(date?, user_id?, purchase))
    }
}

/// A place in the text that moves on. Every method returns `None` for what is not ordinary, and the
/// line is then given up, wherever the reader stands.
pub(in crate::event) struct Reader<'a, S> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    /// Whether something was met that walks are not good at.
    pub(super) is_strange: bool,
    scan: PhantomData<S>,
}

impl<S> Clone for Reader<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Reader<'_, S> {}

impl<'a, S: Scan> Reader<'a, S> {
    /// A reader that starts at a place of the text, which may be past its end.
    #[inline(always)]
    pub(super) fn new(text: &'a [u8], at: usize) -> Reader<'a, S> {
        Reader {
            text,
            at,
            is_strange: false,
            scan: PhantomData,
        }
    }

    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next `N` bytes, if the text is that long.
    #[inline(always)]
    pub(super) fn next_bytes<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.text.get(self.at..)?.first_chunk()
    }

    /// Skips what was remembered, and white space past it, if that is what stands here.
    #[inline(always)]
    pub(super) fn skip_if<M: MoreGlue>(&mut self, glue: &Glue<M>) -> bool {
        let Some(block) = self.next_bytes() else {
            return false;
        };
        let is_same = S::starts_alike(block, &glue.bytes, glue.bits)
            && glue.more.is_at(self.text, self.at + BLOCK);
        if is_same {
            self.at += glue.len;
            self.skip_white_space();
        }
        is_same
    }

    /// Skips the white space that may stand inside a line.
    #[inline(always)]
    pub(super) fn skip_white_space(&mut self) {
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
    pub(super) fn end_of_line(&mut self) -> Option<()> {
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
    pub(super) fn key<N: Names>(&mut self, is_first: bool, names: &N) -> Option<Option<Field>> {
        self.skip_white_space();
        self.expect(if is_first { b'{' } else { b',' })?;
        self.skip_white_space();
        let start = self.at;
        let has_escapes = self.string()?;
        let key = &self.text[start + 1..self.at - 1];
        let field = if has_escapes {
            names.field_of_escaped_key(key)
        } else {
            names.field_of_key(key)
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
        let (has_escapes, at) = S::run(RestOfString(*self))?;
        self.at = at;
        Some(has_escapes)
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
        let unit = hex(self.text.get(self.at + 2..)?.first_chunk()?);
        self.at += 6;
        (unit <= 0xffff).then_some(unit)
    }

    /// Any value, read only to see that it is one.
    #[inline(always)]
    pub(super) fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' | b'[' => {
                self.is_strange = true;
                self.at = S::run(SkipNested(*self))?;
                Some(())
            }
            _ => self.skip_flat(),
        }
    }

    /// Any value but an object or array, read only to see that it is one.
    #[inline(always)]
    pub(super) fn skip_flat(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            _ => self.skip_scalar(),
        }
    }

    /// A number or a literal.
    #[inline(always)]
    pub(super) fn skip_scalar(&mut self) -> Option<()> {
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
                    // The outermost object is not counted here.
                    if depth == MAX_DEPTH - 1 {
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
    pub(super) fn number(&mut self) -> Option<bool> {
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
    pub(super) fn user_id(&mut self) -> Option<UserId> {
        let usual = self.next_bytes().and_then(usual_user_id);
        if let Some((user_id, len)) = usual
            && self
                .text
                .get(self.at + len)
                .copied()
                .is_some_and(ends_member)
        {
            self.at += len;
            return Some(UserId::from(user_id));
        }
        let (user_id, at) = self.long_user_id()?;
        self.at = at;
        Some(user_id)
    }

    /// Gives the place after it, as [`RestOfString`] does.
    #[cold]
    fn long_user_id(mut self) -> Option<(UserId, usize)> {
        let start = self.at;
        if !self.number()? {
            return None;
        }
        let number = json::copied(&self.text[start..self.at]);
        Some((UserId::from_json_number(&number).ok()?, self.at))
    }

    /// An event type: a string that is not empty; whether it is a purchase.
    #[inline(always)]
    pub(super) fn is_purchase<N: Names>(&mut self, names: &N) -> Option<bool> {
        let start = self.at;
        let has_escapes = self.string()?;
        let event_type = &self.text[start + 1..self.at - 1];
        if has_escapes {
            return Some(names.is_escaped_purchase(event_type));
        }
        (!event_type.is_empty()).then_some(names.is_purchase(event_type))
    }

    /// A timestamp.
    #[inline(always)]
    pub(super) fn timestamp<N: Names>(&mut self, dates: &mut Dates, names: &mut N) -> Option<Date> {
        let text = self.text.get(self.at..)?;
        let Some((digits, is_z)) = text.first_chunk().and_then(S::date_digits) else {
            return self.unusual_timestamp(names);
        };
        self.at += if is_z {
            DATE_AND_TIME + 2
        } else if let Some(end) = text.get(DATE_AND_TIME..)?.first_chunk()
            && let Some(len) = end_of_timestamp(end)
        {
            DATE_AND_TIME + len
        } else {
            return self.unusual_timestamp(names);
        };
        names.day(dates.get(digits)?, text)
    }

    #[inline(always)]
    fn unusual_timestamp<N: Names>(&mut self, names: &mut N) -> Option<Date> {
        let start = self.at;
        let has_escapes = self.string()?;
        let timestamp = &self.text[start + 1..self.at - 1];
        if has_escapes {
            return parse_escaped_timestamp(timestamp, names);
        }
        names.parse_timestamp(timestamp)
    }
}

/// [`Reader::rest_of_string`], apart from where strings are short. Gives the place after it too.
///
/// Takes the reader and gives a place back instead of moving the reader on: a reader that others
/// point to would have to be kept in memory, and every step would wait for it.
struct RestOfString<'a, S>(Reader<'a, S>);

impl<S: Scan> Task for RestOfString<'_, S> {
    type Output = Option<(bool, usize)>;

    #[inline(always)]
    fn run(self) -> Option<(bool, usize)> {
        let mut reader = self.0;
        let has_escapes = reader.rest_of_string()?;
        Some((has_escapes, reader.at))
    }
}

/// [`Reader::skip_nested`], apart from where values are flat. Gives the place after it, as above.
struct SkipNested<'a, S>(Reader<'a, S>);

impl<S: Scan> Task for SkipNested<'_, S> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run(self) -> Option<usize> {
        let mut reader = self.0;
        reader.skip_nested()?;
        Some(reader.at)
    }
}
