//! Hints about bytes that are text of another encoding.

use super::Guess;

/// The characters of Windows-1252 that are control characters in Latin-1, from the byte 0x80 on; a space
/// where there is none.
const WINDOWS_1252: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// For a line that is UTF-8 up to a byte.
pub(super) fn of_bytes(line: &[u8], at: usize) -> Option<Guess> {
    if let Some(guess) = utf_16(line) {
        return Some(guess);
    }
    let rest = line.get(at..)?;
    let (code, message) = match rest {
        // RFC 3629 section 3: surrogates, and characters in more bytes than they need.
        [0xed, 0xa0..=0xbf, ..] => (
            "cesu_8",
            "it is half of a surrogate pair written as if it were UTF-8 (CESU-8, or Java's modified UTF-8)".into(),
        ),
        [0xc0, 0x80, ..] => (
            "cesu_8",
            "it is U+0000 as Java's modified UTF-8 writes it; in JSON it is `\\u0000`".into(),
        ),
        [byte @ 0x80..=0xff, following @ ..]
            if following.first().is_none_or(|next| next & 0xc0 != 0x80) =>
        {
            if following.is_empty() && *byte >= 0xc2 {
                return Some(cut_off());
            }
            let character = match byte {
                0x80..=0x9f => WINDOWS_1252.chars().nth(usize::from(byte - 0x80))?,
                _ => char::from(*byte),
            };
            let encodings = if *byte < 0xa0 {
                "Windows-1252"
            } else {
                "Latin-1 (ISO 8859-1) and Windows-1252"
            };
            if character == ' ' {
                return None;
            }
            let shown = if crate::text::is_showable(character) {
                format!("`{character}`")
            } else {
                format!("U+{:04X}", u32::from(character))
            };
            (
                "latin_1",
                format!(
                    "0x{byte:02X} is {shown} in {encodings}; if the input is in one of these, `iconv -f WINDOWS-1252 -t UTF-8` converts it"
                ),
            )
        }
        _ if std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none()) => {
            return Some(cut_off());
        }
        _ => return None,
    };
    Some((code, message))
}

fn cut_off() -> Guess {
    (
        "cut_off",
        "the line ends in the middle of a character: whoever wrote it was interrupted or cut it"
            .into(),
    )
}

/// For a line that is UTF-8 and no JSON.
pub(super) fn of_text(line: &[u8]) -> Option<Guess> {
    utf_16(line)
}

/// Text of ASCII characters in two bytes each. A line of it may start in the middle of a character: line
/// feeds have two bytes too.
fn utf_16(line: &[u8]) -> Option<Guess> {
    let start = &line[..line.len().min(200)];
    let zeros = |parity: usize| {
        start
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let has_mark = matches!(line, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    // Nearly each character has its zero, all on the same side.
    let is_interleaved = even.max(odd) * 5 > start.len() * 2 && even.min(odd) * 10 < start.len();
    if !(has_mark || is_interleaved && start.len() > 1) {
        return None;
    }
    Some((
        "utf_16",
        "it looks like UTF-16; `iconv -f UTF-16 -t UTF-8` converts the input".into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{event_with, hint_of};
    use super::*;

    #[test]
    fn text_in_other_encodings() {
        let utf_16 = |text: &str, to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(to_bytes).collect()
        };
        let event = event_with("event_type", "\"caf\u{e9}\"");
        let little = utf_16(&event, u16::to_le_bytes);
        let latin_1: Vec<u8> = event.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let looks = "utf_16: it looks like UTF-16; `iconv -f UTF-16 -t UTF-8` converts the input";
        let latin = |byte: &str, shown: &str, encodings: &str| {
            format!(
                "latin_1: {byte} is {shown} in {encodings}; if the input is in one of these, `iconv -f WINDOWS-1252 -t UTF-8` converts it"
            )
        };
        let both = "Latin-1 (ISO 8859-1) and Windows-1252";
        for (line, expected) in [
            (little.clone(), looks.to_owned()),
            ([b"\xff\xfe", &little[..]].concat(), looks.into()),
            (utf_16(&event, u16::to_be_bytes), looks.into()),
            (
                [b"\xfe\xff", &utf_16(&event, u16::to_be_bytes)[..]].concat(),
                looks.into(),
            ),
            // A line after the first one: the zero of the line feed before it.
            ([b"\0", &little[..]].concat(), looks.into()),
            // ASCII alone is UTF-8 even so.
            (utf_16(&event_with("", ""), u16::to_le_bytes), looks.into()),
            (latin_1, latin("0xE9", "`\u{e9}`", both)),
            (
                b"\"\x80 5\"".to_vec(),
                latin("0x80", "`\u{20ac}`", "Windows-1252"),
            ),
            (
                b"\"\x93x\x94\"".to_vec(),
                latin("0x93", "`\u{201c}`", "Windows-1252"),
            ),
            (b"\"\xa0\"".to_vec(), latin("0xA0", "U+00A0", both)),
            (b"\"\x81\"".to_vec(), String::new()),
            (b"\"\xff\"".to_vec(), latin("0xFF", "`\u{ff}`", both)),
        ] {
            // Where it is no JSON either, that has the same cause.
            let hints = super::super::tests::hints_of(&line);
            assert_eq!(
                hints.first().cloned().unwrap_or_default(),
                expected,
                "{line:?}"
            );
            assert!(hints.len() < 2, "{hints:?}");
        }
    }

    #[test]
    fn characters_that_are_cut_or_written_wrongly() {
        for (line, code) in [
            (&b"\"caf\xc3"[..], "cut_off"),
            (b"\"\xe2\x82", "cut_off"),
            (b"\"\xed\xa0\xbd\xed\xb8\x80\"", "cesu_8"),
            (b"\"\xc0\x80\"", "cesu_8"),
            (b"\"\xe2\x82\"", ""),
        ] {
            let hints = super::super::tests::hints_of(line);
            let first = hints.first().map_or("", String::as_str);
            assert_eq!(first.split(':').next(), Some(code), "{line:?}: {hints:?}");
        }
    }

    #[test]
    fn zeros_alone_are_not_utf_16() {
        for line in [
            &b"\0"[..],
            b"\0\0\0\0\0\0",
            b"{\"x\":1}\0\0\0\0",
            b"{\"x\":\"\0\"}",
        ] {
            let hint = hint_of(line);
            assert!(!hint.starts_with("utf_16"), "{line:?}: {hint}");
        }
    }

    #[test]
    fn the_table_has_its_32_characters() {
        assert_eq!(WINDOWS_1252.chars().count(), 32);
        assert_eq!(WINDOWS_1252.chars().nth(0x1f), Some('\u{178}'));
        assert_eq!(WINDOWS_1252.chars().nth(0x13), Some('\u{201c}'));
    }
}
