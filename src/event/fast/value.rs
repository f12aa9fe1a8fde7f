//! Values in the forms they nearly always have, eight digits at a time within words.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use super::names::Names;
use crate::event::amount::{Amount, DECIMALS};
use crate::event::timestamp::{usual_date, usual_digits};
use crate::event::{Date, json};

/// A byte in each place of a word.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// How many of the eight bytes of a word, from the first in memory on, are ASCII digits.
#[inline(always)]
pub(super) fn leading_digits(word: u64) -> usize {
    // A digit has 3 above and at most 9 below. Where adding 6 carries into the upper half, it is not
    // one; a byte past 0xf9 carries into the next byte too, but it comes first itself.
    let not_3x = (word & each(0xf0)) ^ each(0x30);
    let past_9 = (word.wrapping_add(each(0x06)) & each(0xf0)) ^ each(0x30);
    ((not_3x | past_9).trailing_zeros() / 8) as usize
}

/// The number that eight ASCII digits stand for, the first in memory worth most. Zero bytes count as
/// the digit 0.
#[inline(always)]
pub(super) fn value_of_digits(word: u64) -> u64 {
    // Pairs, then fours, then all eight: three multiplications instead of eight.
    let digits = word & each(0x0f);
    let pairs = (digits.wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

/// The length of `"YYYY-MM-DDThh:mm:ss`.
pub(super) const DATE_AND_TIME: usize = 20;

/// The date of `"YYYY-MM-DDThh:mm:ss`, as nearly all logs have it, within words: see
/// [`Scan::date_digits`](super::scan::Scan::date_digits).
#[inline(always)]
pub(super) fn date_digits(text: &[u8; DATE_AND_TIME + 2]) -> Option<(u64, bool)> {
    let (quote, text) = text.split_first()?;
    let (date_and_time, end) = text.split_first_chunk()?;
    let digits = usual_digits(date_and_time).filter(|_| *quote == b'"')?;
    Some((digits, end == b"Z\""))
}

/// The length of what ends a timestamp behind its seconds, its quote included: a fraction of a second,
/// an offset of zero in digits, or both. `None` for what has another form, or so many digits as no clock has.
///
/// Not inlined: where there is none, which is mostly so, what is around it is quicker without.
#[inline(never)]
pub(super) fn end_of_timestamp(text: &[u8; 32]) -> Option<usize> {
    let word = |at: usize| Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?));
    let is_z = |word: u64| word & 0xffff == const { u64::from_le_bytes(*b"Z\"\0\0\0\0\0\0") };
    let mut len = 0;
    if text[0] == b'.' {
        let mut digits = leading_digits(word(1)?);
        if digits == 8 {
            digits += leading_digits(word(9)?);
        }
        if !(1..16).contains(&digits) {
            return None;
        }
        len = 1 + digits;
    }
    let end = word(len)?;
    if is_z(end) {
        return Some(len + 2);
    }
    (end << 8 == const { u64::from_le_bytes(*b"+00:00\"\0") << 8 }).then_some(len + 7)
}

/// The dates that digits stood for lately.
///
/// Logs tend to have few dates, and looking one up takes a third of what the calendar takes.
#[derive(Debug)]
pub(super) struct Dates {
    known: Box<[(u64, Date); Dates::COUNT]>,
}

impl Default for Dates {
    fn default() -> Dates {
        // No digits come to that.
        Dates {
            known: Box::new([(u64::MAX, Date::MIN); Dates::COUNT]),
        }
    }
}

impl Dates {
    /// A day of a month has a place of its own, which it shares with its like of other years.
    const COUNT: usize = 32 * 16;

    /// The date of [`date_digits`], if there is such a date.
    #[inline(always)]
    pub(super) fn get(&mut self, digits: u64) -> Option<Date> {
        let [year, month, day] = [16, 32, 48].map(|at| digits >> at & 0xffff);
        let at = ((month ^ year) & 15) << 5 | day & 31;
        let known = self.known.get_mut(usize::try_from(at).ok()?)?;
        if known.0 != digits {
            *known = (digits, usual_date(digits)?);
        }
        Some(known.1)
    }
}

/// What a valid JSON string stands for, from behind the quote that opens it up to the one that closes
/// it or the end of `escaped`, if that is ASCII and fits. The keys and values that are looked for are.
///
/// Copied as it is read, and into an array: whoever else has the file may write to it.
#[inline(always)]
pub(super) fn unescaped<const N: usize>(escaped: &[u8]) -> Option<([u8; N], usize)> {
    let mut text = [0; N];
    let mut len = 0;
    let mut at = 0;
    while let Some(byte) = escaped.get(at) {
        // As json::unescape_one does, for what is ASCII: these come by the million.
        let (byte, length) = match *byte {
            b'"' => break,
            b'\\' => match *escaped.get(at + 1)? {
                b'u' => {
                    let unit = hex(escaped.get(at + 2..)?.first_chunk()?);
                    (u8::try_from(unit).ok()?, 6)
                }
                b'b' => (0x08, 2),
                b'f' => (0x0c, 2),
                b'n' => (b'\n', 2),
                b'r' => (b'\r', 2),
                b't' => (b'\t', 2),
                byte => (byte, 2),
            },
            byte => (byte, 1),
        };
        *text.get_mut(len)? = Some(byte).filter(u8::is_ascii)?;
        len += 1;
        at += length;
    }
    Some((text, len))
}

/// The value of four hexadecimal digits; past 0xffff where they are not.
#[inline(always)]
pub(super) fn hex(digits: &[u8; 4]) -> u32 {
    digits
        .iter()
        .fold(0, |number, digit| number << 4 | HEX[usize::from(*digit)])
}

/// The values of hexadecimal digits, and of other bytes a bit that stays outside of any sum.
const HEX: [u32; 256] = {
    let mut table = [1 << 16; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        table[digit as usize] = value;
        table[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    table
};

/// The date of a timestamp with escapes in it, which starts behind its first quote.
#[cold]
pub(super) fn parse_escaped_timestamp<N: Names>(timestamp: &[u8], names: &mut N) -> Option<Date> {
    let (text, len) = unescaped::<64>(timestamp)?;
    names.parse_timestamp(text.get(..len)?)
}

/// Whether a byte may stand behind a number that is a member's value: what ends it, or white space.
#[inline(always)]
pub(super) fn ends_member(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b' ' | b'\t' | b'\r')
}

/// A number as user ids nearly always are, up to 15 digits; and how long it is.
#[inline(always)]
pub(super) fn usual_user_id(text: &[u8; 16]) -> Option<(u64, usize)> {
    let word = |at: usize| Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?));
    let first = word(0)?;
    let len = leading_digits(first);
    if text[0] == b'0' && len > 1 {
        return None;
    }
    match len {
        0 => None,
        8 => {
            let second = word(8)?;
            let more = leading_digits(second);
            let high = value_of_digits(first) * TENS.get(more)?;
            let low = if more == 0 {
                0
            } else {
                value_of_digits(second << (64 - 8 * more))
            };
            Some((high + low, len + more))
        }
        _ => Some((value_of_digits(first << (64 - 8 * len)), len)),
    }
}

/// A number as amounts nearly always are: one to seven digits and, after a point, up to seven more;
/// and how long it is.
#[inline(always)]
pub(super) fn usual_amount(text: &[u8; 24]) -> Option<(Amount, usize)> {
    let (units, len) = usual_decimal(text)?;
    (units > 0).then(|| (Amount::from_units(units), len))
}

/// The units of such a number, which may be zero.
#[inline(always)]
pub(super) fn usual_decimal(text: &[u8; 24]) -> Option<(u128, usize)> {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(text.get(at..at + 8)?);
        Some(u64::from_le_bytes(bytes))
    };
    let whole = word(0)?;
    let whole_len = leading_digits(whole);
    let has_leading_zero = text[0] == b'0' && whole_len > 1;
    if !(1..8).contains(&whole_len) || has_leading_zero {
        return None;
    }
    let mut value = value_of_digits(whole << (64 - 8 * whole_len));
    let mut len = whole_len;
    let mut decimals = 0;
    if text[len] == b'.' {
        let fraction = word(len + 1)?;
        decimals = leading_digits(fraction);
        if !(1..8).contains(&decimals) {
            return None;
        }
        value = value * TENS[decimals] + value_of_digits(fraction << (64 - 8 * decimals));
        len += 1 + decimals;
    }
    if !ends_member(text[len]) {
        return None;
    }
    Some((u128::from(value) * u128::from(UNITS[decimals]), len))
}

/// The powers of ten.
const TENS: [u64; 8] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

/// How many units a digit is worth that is the last of so many decimals.
const UNITS: [u64; 8] = {
    let mut units = [10_u64.pow(DECIMALS); 8];
    let mut decimals = 1;
    while decimals < 8 {
        units[decimals] = units[decimals - 1] / 10;
        decimals += 1;
    }
    units
};

/// The amount that the text of a value stands for, if it is a positive number in range.
#[inline(always)]
pub(super) fn parse_amount(value: &[u8]) -> Option<Amount> {
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
    use super::super::names::Usual;
    use super::*;
    use crate::event::PURCHASE;
    use crate::event::field::Field;
    use crate::event::timestamp::parse_timestamp;
    use proptest::prelude::*;

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

    #[test]
    fn texts_that_are_looked_for_are_found_with_escapes() {
        assert!(Usual.is_escaped_purchase(br"p\u0075rchas\u0065"));
        assert!(!Usual.is_escaped_purchase(br"p\u0075rchas\u0045"));
        assert!(!Usual.is_escaped_purchase(br"\u0070urchases"));
        assert_eq!(
            Usual.field_of_escaped_key(br"us\u0065r_id"),
            Some(Field::UserId)
        );
        assert_eq!(Usual.field_of_escaped_key(br"\u0061moun\t"), None);
        assert_eq!(
            parse_escaped_timestamp(br"2024-01-01\u005400:00:00\u005a", &mut Usual),
            Date::from_ymd(2024, 1, 1)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn timestamps_in_the_usual_form(
            text in prop_oneof![
                "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
                "(2024|2023|0000|9999)-(0[0-9]|1[0-3])-([0-2][0-9]|3[0-2])T(2[0-5]|1[0-9])[:;/][0-6][0-9]:[0-6][0-9]Z",
            ],
        ) {
            let mut block = [b'"'; DATE_AND_TIME + 2];
            block[1..=DATE_AND_TIME].copy_from_slice(text.as_bytes());
            if let Some(date) = date_digits(&block).and_then(|(digits, _)| Dates::default().get(digits)) {
                prop_assert_eq!(parse_timestamp(text.as_bytes()), Ok(date));
            } else if let Ok(date) = parse_timestamp(text.as_bytes()) {
                // Left to the other road: the ends of days.
                prop_assert!(text.contains("T24") || text.contains(":60Z"), "{} {}", text, date);
            }
        }

        #[test]
        fn ends_of_timestamps(
            end in prop_oneof![
                2 => "([.][0-9]{1,18})?(Z|[+]00:00)",
                1 => "([.,][0-9]{0,9})?(z|Z|[+-][01][0-9](:?[0-9]{2})?)?x?",
            ],
            filler: u8,
        ) {
            let text = format!("{end}\"");
            let mut block = [filler; 32];
            block[..text.len()].copy_from_slice(text.as_bytes());
            let timestamp = format!("2024-02-29T23:59:59{end}");
            if let Some(len) = end_of_timestamp(&block) {
                prop_assert_eq!(len, text.len());
                let date = Date::from_ymd(2024, 2, 29).unwrap();
                prop_assert_eq!(parse_timestamp(timestamp.as_bytes()), Ok(date));
            } else {
                let fraction = end.strip_suffix('Z').or(end.strip_suffix("+00:00"));
                let is_usual = fraction.is_some_and(|fraction| match fraction.strip_prefix('.') {
                    None => fraction.is_empty(),
                    Some(digits) => {
                        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
                        are_digits && (1..16).contains(&digits.len())
                    }
                });
                prop_assert!(!is_usual, "{}", end);
            }
        }

        #[test]
        fn usual_user_ids(text in "0{0,2}[1-9]{0,1}[0-9]{0,17}", end in "[-,} .e\\PC]") {
            let mut block = [b'9'; 32];
            block[..text.len()].copy_from_slice(text.as_bytes());
            let end = end.as_bytes();
            block[text.len()..][..end.len()].copy_from_slice(end);
            let digits = block.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let is_usual = (1..16).contains(&digits) && (digits == 1 || block[0] != b'0');
            let expected = is_usual.then(|| {
                let digits = std::str::from_utf8(&block[..digits]).unwrap();
                (digits.parse().unwrap(), digits.len())
            });
            prop_assert_eq!(usual_user_id(block.first_chunk().unwrap()), expected);
        }

        #[test]
        fn usual_amounts(
            text in "(0|[1-9]?[0-9]{1,7})([.][0-9]{0,8})?[eE.,} x]",
        ) {
            let mut block = [b' '; 24];
            block[..text.len()].copy_from_slice(text.as_bytes());
            let number = &text[..text.len() - 1];
            let is_end = text.ends_with([',', '}', ' ']);
            if let Some((amount, len)) = usual_amount(&block) {
                prop_assert_eq!(len, number.len());
                prop_assert_eq!(Amount::from_json_number(number), Ok(amount));
                prop_assert!(is_end && !(number.starts_with('0') && number[1..].starts_with(char::is_numeric)));
            } else if let Ok(amount) = Amount::from_json_number(number) {
                // Left to the other road: more digits, and what is no number.
                let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
                let is_usual = whole.len() <= 7 && (1..=7).contains(&fraction.len());
                prop_assert!(!is_end || !is_usual || whole.starts_with('0') && whole.len() > 1, "{} {:?}", text, amount);
            }
        }

        #[test]
        fn escaped_texts(
            parts in prop::collection::vec(
                ("[purchaseT:\u{e9}]", 0..4_u32).prop_map(|(text, way)| {
                    let c = text.chars().next().unwrap();
                    let escaped = match way {
                        0 => format!("\\u{:04x}", u32::from(c)),
                        1 => format!("\\u{:04X}", u32::from(c)),
                        _ => c.to_string(),
                    };
                    (c, escaped)
                }),
                0..12,
            ),
            tail in prop::sample::select(vec!["", "\\n", "\\/", "\\\"", "\\\\", "\\t", "\\b", "\\f", "\\r"]),
        ) {
            let escaped: String = parts.iter().map(|(_, escaped)| escaped.as_str()).chain([tail]).collect();
            let plain = json::unescape(&format!("\"{escaped}\"")).into_owned();
            let read = unescaped::<16>(escaped.as_bytes());
            let expected = (plain.is_ascii() && plain.len() <= 16).then_some(plain.as_bytes());
            prop_assert_eq!(read.as_ref().map(|(text, len)| &text[..*len]), expected);
            prop_assert_eq!(Usual.is_escaped_purchase(escaped.as_bytes()), plain == PURCHASE);
            let followed = format!("{escaped}\"purchase\\");
            let followed = unescaped::<16>(followed.as_bytes());
            prop_assert_eq!(followed.map(|(text, len)| text[..len].to_vec()), read.map(|(text, len)| text[..len].to_vec()));
        }

        #[test]
        fn amounts(text in "-?(0|[1-9][0-9]{0,17})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,2})?") {
            let expected = Amount::from_json_number(&text).ok();
            prop_assert_eq!(parse_amount(text.as_bytes()), expected);
        }
    }
}
