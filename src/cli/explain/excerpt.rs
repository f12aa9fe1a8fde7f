//! A line as it is shown: made safe for a terminal, cut around what is at fault, with a caret below.

use std::ops::Range;

use daytally::text;
use unicode_width::UnicodeWidthStr as _;

/// How wide it is at most, in columns of the terminal.
const WIDTH: usize = 100;

/// How much of it is before what is at fault, at least, if that much is there.
const BEFORE: usize = 40;

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The text.
    pub(super) text: String,
    /// The carets that go below it.
    pub(super) carets: Option<String>,
}

/// A character as it is shown.
struct Cell {
    /// Its bytes in the line.
    bytes: Range<usize>,
    shown: String,
    width: usize,
}

impl Cell {
    /// How much white space there is, instead of it.
    fn of_blank(line: &[u8], bytes: Range<usize>) -> Cell {
        let what = if line[bytes.clone()].iter().all(|byte| *byte == b' ') {
            "spaces"
        } else {
            "bytes of white space"
        };
        let shown = format!("…{} {what}…", text::grouped(bytes.len()));
        Cell {
            width: shown.width(),
            bytes,
            shown,
        }
    }
}

impl Excerpt {
    /// The part of a line around what is at fault, or its start. `is_whole` is false if the line goes on.
    pub(super) fn of(line: &[u8], fault: Option<Range<usize>>, is_whole: bool) -> Excerpt {
        let leading = line.len() - line.trim_ascii_start().len();
        let focus = match &fault {
            Some(fault) => fault.start,
            None if leading > BEFORE => leading,
            None => 0,
        };
        // White space beside which nothing could be seen is told of instead.
        let before = match line[..focus].trim_ascii_end().len() {
            text if focus - text > BEFORE => text,
            _ => focus,
        };
        // Characters are four bytes long at most, and every one is shown.
        let start = start_of_character(line, before.saturating_sub(4 * WIDTH));
        let end = start_of_character(line, line.len().min(focus + 4 * WIDTH));
        let mut cells = cells(line, start..before);
        if before < focus {
            cells.push(Cell::of_blank(line, before..focus));
        }
        cells.extend(self::cells(line, focus..end.max(focus)));
        let at = cells
            .iter()
            .position(|cell| cell.bytes.end > focus)
            .unwrap_or(cells.len());

        // To the left as much as is wanted, or as there is room for.
        let right: usize = cells[at..].iter().map(|cell| cell.width).sum();
        let mut room = BEFORE.max(WIDTH.saturating_sub(right));
        let first = cells[..at]
            .iter()
            .rposition(|cell| {
                let is_out = cell.width > room;
                room = room.saturating_sub(cell.width);
                is_out
            })
            .map_or(0, |out| out + 1);
        let before: usize = cells[first..at].iter().map(|cell| cell.width).sum();
        let mut room = WIDTH.saturating_sub(before);
        let last = cells[at..]
            .iter()
            .position(|cell| {
                let is_out = cell.width > room;
                room = room.saturating_sub(cell.width);
                is_out
            })
            .map_or(cells.len(), |out| at + out);
        let is_cut_left = start > 0 || first > 0;
        let is_cut_right = end < line.len() || last < cells.len() || !is_whole;
        cells.truncate(last);
        let cells = &cells[first..];

        let mut text = String::new();
        if is_cut_left {
            text.push('…');
        }
        text.extend(cells.iter().map(|cell| cell.shown.as_str()));
        if is_cut_right {
            text.push('…');
        }
        let carets = fault.map(|fault| {
            let under = cells[at - first..]
                .iter()
                .take_while(|cell| cell.bytes.start < fault.end)
                .map(|cell| cell.width)
                .sum::<usize>();
            let left = before + usize::from(is_cut_left);
            format!("{:left$}^{}", "", "~".repeat(under.saturating_sub(1)))
        });
        Excerpt { text, carets }
    }
}

/// Where the character starts that a byte is in.
fn start_of_character(line: &[u8], at: usize) -> usize {
    let is_inside = |at: usize| line.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    // Bytes that are no characters may all look like the insides of one.
    (0..4)
        .map_while(|back| at.checked_sub(back))
        .find(|at| !is_inside(*at))
        .unwrap_or(at)
}

/// What is shown for each character of a part of a line, and for each byte that is in none.
fn cells(line: &[u8], part: Range<usize>) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut at = part.start;
    let mut add = |len: usize, shown: String| {
        cells.push(Cell {
            bytes: at..at + len,
            width: shown.width(),
            shown,
        });
        at += len;
    };
    for chunk in line[part].utf8_chunks() {
        let mut bytes = [0; 4];
        for c in chunk.valid().chars() {
            let shown = text::name(c.encode_utf8(&mut bytes)).to_string();
            add(c.len_utf8(), shown);
        }
        for byte in chunk.invalid() {
            add(1, format!("\\x{byte:02X}"));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: impl AsRef<[u8]>, fault: Option<Range<usize>>) -> String {
        let excerpt = Excerpt::of(line.as_ref(), fault, true);
        format!("{}\n{}", excerpt.text, excerpt.carets.unwrap_or_default())
    }

    #[test]
    fn the_caret_is_below_the_fault() {
        for (line, fault, expected) in [
            (&b"[1, x]"[..], Some(4..5), "[1, x]\n    ^"),
            (b"[1, tru]", Some(4..7), "[1, tru]\n    ^~~"),
            (b"{", Some(1..1), "{\n ^"),
            (b"", Some(0..0), "\n^"),
            (b"{}", None, "{}\n"),
            (
                "\u{e9}\u{e9} x".as_bytes(),
                Some(5..6),
                "\u{e9}\u{e9} x\n   ^",
            ),
            // Two columns each.
            (
                "\u{6f22}\u{5b57} x".as_bytes(),
                Some(7..8),
                "\u{6f22}\u{5b57} x\n     ^",
            ),
            (
                "\u{6f22}\u{5b57}".as_bytes(),
                Some(3..6),
                "\u{6f22}\u{5b57}\n  ^~",
            ),
            // None of its own.
            ("e\u{301}x".as_bytes(), Some(3..4), "e\u{301}x\n ^"),
            (b"a\x1b[0mx", Some(5..6), "a\\u001b[0mx\n          ^"),
            (
                b"\t\xff\xfe!\r",
                Some(1..3),
                "\\t\\xFF\\xFE!\\r\n  ^~~~~~~~",
            ),
            (b"a\xe2\x82", Some(1..3), "a\\xE2\\x82\n ^~~~~~~~"),
        ] {
            assert_eq!(
                shown(line, fault),
                expected,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn long_lines_are_cut_around_the_fault() {
        let line: String = ('a'..='z').cycle().take(1000).collect();
        let start = Excerpt::of(line.as_bytes(), None, true);
        assert_eq!(start.text, format!("{}…", &line[..WIDTH]));
        let middle = Excerpt::of(line.as_bytes(), Some(500..502), true);
        assert_eq!(middle.text, format!("…{}…", &line[460..560]));
        assert_eq!(middle.carets.unwrap(), format!("{}^~", " ".repeat(41)));
        let end = Excerpt::of(line.as_bytes(), Some(1000..1000), true);
        assert_eq!(end.text, format!("…{}", &line[900..]));
        assert_eq!(end.carets.unwrap(), format!("{}^", " ".repeat(101)));
        let wide = Excerpt::of(line.as_bytes(), Some(10..990), true);
        assert_eq!(wide.text, format!("{}…", &line[..WIDTH]));
        assert_eq!(
            wide.carets.unwrap(),
            format!("{}^{}", " ".repeat(10), "~".repeat(89))
        );
        let just = Excerpt::of(&line.as_bytes()[..WIDTH], Some(99..100), true);
        assert_eq!(just.text, &line[..WIDTH]);
        let part = Excerpt::of(b"abc", None, false);
        assert_eq!(part.text, "abc…");
    }

    #[test]
    fn much_white_space_is_told_of() {
        let spaces = |count| " ".repeat(count);
        let line = format!("{{\"user_id\": 1{}", spaces(70_000));
        assert_eq!(
            shown(&line, Some(line.len()..line.len())),
            format!("{{\"user_id\": 1…70,000 spaces…\n{}^", spaces(28))
        );
        // So little can be seen to be that.
        let line = format!("[1{}x]", spaces(40));
        assert_eq!(
            shown(&line, Some(42..43)),
            format!("{line}\n{}^", spaces(42))
        );
        let line = format!("[1{}x]", spaces(41));
        assert_eq!(
            shown(&line, Some(43..44)),
            format!("[1…41 spaces…x]\n{}^", spaces(13))
        );
        let line = format!("{}{}\t{}x", "y".repeat(100), spaces(1000), spaces(1000));
        assert_eq!(
            shown(&line, Some(2101..2102)),
            format!(
                "…{}…2,001 bytes of white space…x\n{}^",
                "y".repeat(71),
                spaces(100)
            )
        );
        // There is no fault to be seen, or it is at the start.
        let line = format!("{}[1]", spaces(500));
        assert_eq!(shown(&line, None), "…500 spaces…[1]\n");
        assert_eq!(
            shown(&line, Some(500..503)),
            format!("…500 spaces…[1]\n{}^~~", spaces(12))
        );
        assert_eq!(shown(spaces(200), None), "…200 spaces…\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_shown_safely(
            line in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(0x80)], 0..900),
            blank in 0..200_usize,
            ends in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let mut line = line;
            let at = line.len() / 2;
            line.splice(at..at, vec![b' '; blank]);
            let (a, b) = (ends.0.index(line.len() + 1), ends.1.index(line.len() + 1));
            let fault = a.min(b)..a.max(b);
            let excerpt = Excerpt::of(&line, Some(fault), true);
            prop_assert!(excerpt.text.chars().all(text::is_showable), "{}", excerpt.text);
            prop_assert!(excerpt.text.width() <= WIDTH + 2);
            let carets = excerpt.carets.unwrap();
            prop_assert!(carets.len() <= excerpt.text.width() + 1, "{}\n{}", excerpt.text, carets);
        }
    }
}
