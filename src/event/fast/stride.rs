//! Reading a line in strides, as others before it were written: of all ways the one that asks least.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use super::FastLane;
use super::names::{MoreGlue, Names};
use super::scan::{BLOCK, Scan, Words};
use super::value::{DATE_AND_TIME, end_of_timestamp, parse_amount, usual_decimal, usual_user_id};
use super::walk::Reader;
use crate::event::field::Field;
use crate::event::{Amount, Date, Event, PURCHASES_SHIFT, UserId};

/// How many bytes from the start of a line on are looked at, to read it in strides.
pub(super) const SPAN: usize = 1024;

/// How many of them there have to be at any place that is looked at: more than are looked at together.
const ROOM: usize = 64;

impl<N: Names> FastLane<N> {
    /// The event of the next line, and how long it is with its `\n`, if it is written just as others before
    /// it: what stands before its values is known, and so are the forms of the values.
    ///
    /// The same as [`walk`](FastLane::walk), with fewer questions: where that would look what comes, this
    /// gives up if it is not what it should be. `at` is how far it came.
    #[inline(always)]
    pub(super) fn stride<S: Scan>(
        &mut self,
        text: &[u8],
        at: &mut usize,
    ) -> Option<(Event, usize)> {
        const REQUIRED: u32 =
            1 << Field::UserId as u32 | 1 << Field::EventType as u32 | 1 << Field::Timestamp as u32;
        *at = 0;
        let text: &[u8; SPAN] = text.first_chunk()?;
        let mut has = 0_u32;
        let mut user_id = 0;
        let mut is_purchase = false;
        let mut date = Date::MIN;
        let mut units = 0;
        let mut glues = self.glues.iter();
        let brace = loop {
            let mut block = chunk::<BLOCK>(text, *at)?;
            if block[0] <= b' ' {
                let mut reader = Reader::<S>::new(text, *at);
                reader.skip_white_space();
                *at = reader.at;
                block = chunk(text, *at)?;
            }
            if block[0] == b'}' {
                break *at;
            }
            let [first, second] = glues.next()?;
            let glue = if S::starts_alike(block, &first.bytes, first.bits) {
                first
            } else if S::starts_alike(block, &second.bytes, second.bits) {
                second
            } else {
                return None;
            };
            if !glue.more.is_at(text, *at + BLOCK) {
                return None;
            }
            *at += glue.len;
            match glue.field {
                Some(Field::UserId) => {
                    let (id, len) = usual_user_id(chunk(text, *at)?)?;
                    user_id = id;
                    *at += len;
                }
                Some(Field::EventType) => {
                    let block: &[u8; BLOCK] = chunk(text, *at)?;
                    let (quote, rest) = block.split_first()?;
                    let len = S::first_not_plain(chunk(text, *at + 1)?);
                    if *quote != b'"' || len == 0 || rest.get(len) != Some(&b'"') {
                        return None;
                    }
                    is_purchase = self.names.is_purchase_of(rest, len);
                    *at += len + 2;
                }
                Some(Field::Timestamp) => {
                    let (digits, is_z) = S::date_digits(chunk(text, *at)?)?;
                    let day = self.dates.get(digits)?;
                    date = self.names.day(day, text.get(*at..)?)?;
                    *at += DATE_AND_TIME + 2;
                    if !is_z {
                        *at -= 2;
                        *at += end_of_timestamp(chunk(text, *at)?)?;
                    }
                }
                Some(Field::Amount) => {
                    let usual = usual_decimal(chunk(text, *at)?);
                    let (decimal, len) = usual.or_else(|| unusual_amount(text, *at))?;
                    units = decimal;
                    *at += len;
                }
                None => {
                    let mut reader = Reader::<S>::new(text, *at);
                    if reader.skip_flat().is_none() {
                        // It may be a string that was read to the end of the span.
                        *at = SPAN;
                        return None;
                    }
                    *at = reader.at;
                }
            }
            has |= glue.has;
        };
        let len = match chunk(text, brace)? {
            [_, b'\n', _] => brace + 2,
            [_, b'\r', b'\n'] => brace + 3,
            _ => return None,
        };
        if has & REQUIRED != REQUIRED || is_purchase && units == 0 {
            return None;
        }
        let money = (1 << PURCHASES_SHIFT | units) & u128::from(is_purchase).wrapping_neg();
        Some((Event::of_parts(date, UserId::from(user_id), money), len))
    }
}

/// The units of a value that is no [`usual_decimal`], and how long it is; none where it is no amount, which
/// only purchases have to have. `None` for a string, and what is no value.
#[cold]
#[inline(never)]
fn unusual_amount(text: &[u8; SPAN], at: usize) -> Option<(u128, usize)> {
    let mut reader = Reader::<Words>::new(text, at);
    reader.skip_scalar()?;
    let amount = parse_amount(text.get(at..reader.at)?);
    Some((amount.map_or(0, Amount::units), reader.at - at))
}

/// The bytes at a place of the text that has [`ROOM`].
#[inline(always)]
fn chunk<const N: usize>(text: &[u8; SPAN], at: usize) -> Option<&[u8; N]> {
    if at > SPAN - ROOM {
        return None;
    }
    text.get(at..)?.first_chunk()
}
