//! What the Python package knows by heart of the library: which characters are escaped in rejects.

use std::fmt::Write as _;

use daytally::text::is_showable;

/// Its table, made anew. With `DAYTALLY_BLESS=1` in the environment the file is written, too.
#[test]
fn characters_that_are_not_shown_are_those_of_the_python_package() {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for c in (0..=0x10_ffff).filter_map(char::from_u32) {
        let code = u32::from(c);
        if is_showable(c) {
            continue;
        }
        match ranges.last_mut() {
            // Surrogates are no characters, and none of a text's.
            Some((_, last)) if *last + 1 == code || (*last == 0xd7ff && code == 0xe000) => {
                *last = code;
            }
            _ => ranges.push((code, code)),
        }
    }
    let mut lines = vec![String::new()];
    for (first, last) in ranges {
        let mut range = format!("{first:x}");
        if last > first {
            write!(range, "-{last:x}").unwrap();
        }
        let line = lines.last_mut().unwrap();
        if line.len() + range.len() < 110 {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&range);
        } else {
            lines.push(range);
        }
    }
    let expected = format!(
        "\"\"\"Which characters the program escapes in rejects: those that a terminal would not show, or obey.\n\n\
         A table, since what Python's own Unicode says changes with Python. Made, and checked, by the test\n\
         `python_table` of the program: DAYTALLY_BLESS=1 cargo test --all-features python_table\n\"\"\"\n\n\
         from __future__ import annotations\n\n__all__ = [\"NOT_SHOWN\"]\n\nNOT_SHOWN = \"\"\"\n{}\n\"\"\"\n",
        lines.join("\n")
    );
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/python/daytally/spark/_not_shown.py"
    );
    if std::env::var_os("DAYTALLY_BLESS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == expected,
        "{path} is out of date; see its first lines"
    );
}
