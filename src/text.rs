//! Making text from outside safe to show: escaping and bounding.
//!
//! Event logs are written by strangers. A value that reaches a terminal or a log unescaped can
//! forge log lines (CWE-117), move the cursor (CWE-150) or reorder what a reader sees
//! (CVE-2021-42574). Everything that came from an input, file names included, passes through here
//! on its way to a message, and through [`push_json_string`] on its way to a JSON line.

pub(crate) mod json_ascii;
mod short;
mod size;

use std::fmt::{self, Write as _};
use std::path::Path;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

pub use short::{Decimal, Piece, Short};
pub use size::{about_size, size};

/// The longest piece of an input value that a message quotes, in characters.
pub(crate) const QUOTE_LIMIT: usize = 80;

/// Whether `c` can be shown as it is: visible, and without power over a terminal or text direction.
///
/// False for control characters (C0, DEL, C1), format characters (bidirectional overrides and
/// isolates, zero-width characters, byte-order marks), line and paragraph separators, blanks other
/// than U+0020, and code points that are private or unassigned: the general categories C and Z of
/// the Unicode Character Database.
///
/// ```
/// assert!(daytally::text::is_showable('é'));
/// assert!(!daytally::text::is_showable('\u{202e}'));
/// ```
#[must_use]
pub fn is_showable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        _ => !matches!(
            c.general_category_group(),
            GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator
        ),
    }
}

/// Text in double quotes, escaped as JSON would and cut after 80 characters (then
/// followed by `…`).
///
/// ```
/// assert_eq!(daytally::text::quoted("a\u{1b}[31m\"").to_string(), r#""a\u001b[31m\"""#);
/// ```
#[must_use]
pub fn quoted(text: &str) -> impl fmt::Display + '_ {
    Quoted(text)
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quoted(f, self.0)
    }
}

/// Writes what [`quoted`] shows, without the detour over a formatter.
pub(crate) fn write_quoted(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    let is_whole = write_start(f, text, is_plain, write_escaped)?;
    f.write_str(if is_whole { "\"" } else { "\"…" })
}

/// A piece of a line as it is written there, without quotes around it, escaped and cut after
/// [`QUOTE_LIMIT`] characters. Quotes and backslashes stay as they are, so JSON still reads as JSON.
#[must_use]
pub(crate) fn excerpt(text: &str) -> impl fmt::Display + '_ {
    Excerpt(text)
}

struct Excerpt<'a>(&'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_excerpt(f, self.0)
    }
}

/// Writes what [`excerpt`] shows, without the detour over a formatter.
pub(crate) fn write_excerpt(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
    if write_start(f, text, is_printable, write_unquoted)? {
        Ok(())
    } else {
        f.write_char('…')
    }
}

/// Writes the first [`QUOTE_LIMIT`] characters of a text; whether that is all of it. Runs of bytes
/// that `is_itself` go out as they are, any other character by `write_one`.
fn write_start<W: fmt::Write>(
    f: &mut W,
    text: &str,
    is_itself: impl Fn(u8) -> bool,
    write_one: impl Fn(&mut W, char) -> fmt::Result,
) -> Result<bool, fmt::Error> {
    let (mut rest, mut left) = (text, QUOTE_LIMIT);
    while left > 0 {
        let bytes = rest.as_bytes();
        let bytes = &bytes[..bytes.len().min(left)];
        let run = bytes.iter().position(|&byte| !is_itself(byte));
        let (run, after) = rest.split_at(run.unwrap_or(bytes.len()));
        f.write_str(run)?;
        left -= run.len();
        rest = after;
        if left == 0 {
            break;
        }
        let mut chars = rest.chars();
        let Some(c) = chars.next() else {
            break;
        };
        write_one(f, c)?;
        left -= 1;
        rest = chars.as_str();
    }
    Ok(rest.is_empty())
}

/// An absolute form of `path` for a message, escaped where it holds anything that is not showable.
///
/// The path is made absolute without touching the file system, so it works for files that do not
/// exist. Bytes that are not UTF-8 show as U+FFFD.
#[must_use]
pub fn path(path: &Path) -> impl fmt::Display {
    PathText(
        std::path::absolute(path)
            .unwrap_or_else(|_| path.to_path_buf())
            .to_string_lossy()
            .into_owned(),
    )
}

struct PathText(String);

impl fmt::Display for PathText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| write_unquoted(f, c))
    }
}

/// A name as the user typed it, escaped where it holds anything that is not showable.
#[must_use]
pub fn name(text: &str) -> impl fmt::Display + '_ {
    PathText(text.to_owned())
}

/// Text of several lines with everything escaped that is not showable, line feeds aside.
///
/// ```
/// assert_eq!(daytally::text::lines("a\u{1b}[1m\nb").to_string(), "a\\u001b[1m\nb");
/// ```
#[must_use]
pub fn lines(text: &str) -> impl fmt::Display + '_ {
    LinesText(text)
}

struct LinesText<'a>(&'a str);

impl fmt::Display for LinesText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' => f.write_char(c),
            _ => write_unquoted(f, c),
        })
    }
}

/// `c` as a message shows it where it stands in no quotes: quotes and backslashes are themselves.
fn write_unquoted(f: &mut impl fmt::Write, c: char) -> fmt::Result {
    match c {
        '"' | '\\' => f.write_char(c),
        _ => write_escaped(f, c),
    }
}

/// `c` as a message shows it: itself, or a JSON escape.
fn write_escaped(f: &mut impl fmt::Write, c: char) -> fmt::Result {
    match c {
        '"' => f.write_str("\\\""),
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        _ if is_showable(c) => f.write_char(c),
        _ => {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(f, "\\u{unit:04x}")?;
            }
            Ok(())
        }
    }
}

/// Appends a number in decimal digits.
///
/// ```
/// let mut out = b"line ".to_vec();
/// daytally::text::push_decimal(&mut out, 17);
/// assert_eq!(out, b"line 17");
/// ```
pub fn push_decimal(out: &mut Vec<u8>, number: u64) {
    Decimal::new(number).push(out);
}

/// The first number with more than eight digits.
const EIGHT_DIGITS: u64 = 100_000_000;

/// Eight zeros as digits.
const ASCII_ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The eight digits of a number below 10^8, each as a number in a byte, the first one lowest: the number
/// is halved three times, all halves side by side in a word.
fn eight_digits(number: u64) -> u64 {
    debug_assert!(number < EIGHT_DIGITS);
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    // Divided by 100 through multiplication, exact below 10^4; and by 10, exact below 100.
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
}

/// A number with its digits in groups of three; its sign, and what is after a point, stay as they are.
///
/// ```
/// assert_eq!(daytally::text::grouped(1_234_567), "1,234,567");
/// assert_eq!(daytally::text::grouped("-123456.1234567"), "-123,456.1234567");
/// ```
#[must_use]
pub fn grouped(number: impl fmt::Display) -> String {
    let number = number.to_string();
    let (sign, rest) = number.split_at(usize::from(number.starts_with(['-', '+'])));
    let (whole, decimals) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut grouped = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + decimals
}

/// A number of things, by the word for one of them, whose plural has an s.
///
/// ```
/// assert_eq!(daytally::text::counted(1, "event"), "1 event");
/// assert_eq!(daytally::text::counted(1_234, "event"), "1,234 events");
/// ```
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", grouped(number))
}

/// Bytes in lower-case hexadecimal, two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Appends `text` as a JSON string (RFC 8259 section 7), quotes included.
///
/// Unlike most JSON writers this one also escapes what is legal in JSON but unsafe on a terminal
/// (see [`is_showable`]); a JSON reader gets the same text back.
///
/// ```
/// let mut out = Vec::new();
/// daytally::text::push_json_string(&mut out, "a\u{202e}b\n");
/// assert_eq!(out, br#""a\u202eb\n""#);
/// ```
pub fn push_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    loop {
        let (_, after) = rest.split_at(json_ascii::push(out, rest.as_bytes()));
        if after.is_empty() {
            break;
        }
        // A character at a time past those that had something else among them.
        let mut chars = after.chars();
        while after.len() - chars.as_str().len() < 8 {
            let Some(c) = chars.next() else {
                break;
            };
            // Writing to a vector cannot fail.
            let _ = write_escaped(&mut Bytes(out), c);
        }
        rest = chars.as_str();
    }
    out.push(b'"');
}

/// The same for text that is nearly always ASCII; what is not UTF-8 of it is U+FFFD.
pub fn push_json_bytes(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.push(b'"');
    if json_ascii::push(out, text) == text.len() {
        out.push(b'"');
    } else {
        out.truncate(start);
        push_json_string(out, &String::from_utf8_lossy(text));
    }
}

/// Bytes that text is written to, which cannot fail.
pub(crate) struct Bytes<'a>(pub(crate) &'a mut Vec<u8>);

impl fmt::Write for Bytes<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}

/// Whether a byte is a character that shows, and that JSON writes, as itself.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unsafe_characters_are_escaped_and_ordinary_text_is_not() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let bidi = matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let separator = matches!(c, '\u{2028}' | '\u{2029}');
            if c.is_control() || bidi || separator || c == '\u{feff}' || c == '\u{fffe}' {
                assert!(!is_showable(c), "U+{:04X} shown", u32::from(c));
            }
        }
        for c in "azAZ09 ~éß漢字ไทย😀\u{301}".chars() {
            assert!(is_showable(c), "U+{:04X} escaped", u32::from(c));
        }
    }

    #[test]
    fn a_quote_is_bounded() {
        let long = "x".repeat(QUOTE_LIMIT + 1);
        let shown = quoted(&long).to_string();
        assert_eq!(shown.chars().count(), QUOTE_LIMIT + 3);
        assert!(shown.ends_with("\"…"));
        assert_eq!(quoted("x").to_string(), "\"x\"");
        assert!(excerpt(&long).to_string().ends_with("x…"));
    }

    /// [`push_json_string`] the plain way: a character at a time.
    fn json_string(text: &str) -> Vec<u8> {
        let mut out = String::from('"');
        text.chars()
            .try_for_each(|c| write_escaped(&mut out, c))
            .unwrap();
        out.push('"');
        out.into_bytes()
    }

    /// Text with much of what is escaped, at any distance from the start of a block.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[ -~]{0,40}",
            "[\"\\\\]{0,40}",
            "\\PC{0,5}",
            any::<String>().prop_map(|text| text.chars().take(3).collect()),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn json_strings_are_the_same_in_blocks(text in texts()) {
            let mut out = b"before".to_vec();
            push_json_string(&mut out, &text);
            prop_assert_eq!(&out[6..], json_string(&text));
            let mut of_bytes = b"before".to_vec();
            push_json_bytes(&mut of_bytes, text.as_bytes());
            prop_assert_eq!(&of_bytes, &out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out[6..]).unwrap(), text);
        }

        #[test]
        fn decimals_are_those_of_the_standard_library(number: u64, digits in 0..20_u32) {
            let power = 10_u64.pow(digits);
            for number in [number, number / power, power, power - 1, power + 1] {
                let mut out = Vec::new();
                push_decimal(&mut out, number);
                prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
            }
        }

        #[test]
        fn a_quote_is_its_characters_one_by_one(text in texts()) {
            let start: String = text.chars().take(QUOTE_LIMIT).collect();
            let rest = if start == text { "" } else { "…" };
            let expected = String::from_utf8(json_string(&start)).unwrap() + rest;
            prop_assert_eq!(quoted(&text).to_string(), expected);

            let mut expected = String::new();
            start.chars().try_for_each(|c| write_unquoted(&mut expected, c)).unwrap();
            prop_assert_eq!(excerpt(&text).to_string(), expected + rest);
        }
    }

    #[test]
    fn json_strings_read_back_as_they_were() {
        let text: String = (0..0x3000)
            .chain(0xfff0..0x1_0010)
            .chain(0x1_f600..0x1_f610)
            .filter_map(char::from_u32)
            .collect();
        let mut out = Vec::new();
        push_json_string(&mut out, &text);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        assert!(std::str::from_utf8(&out).unwrap().chars().all(is_showable));
    }
}
