//! The classes of characters that have a name, such as `[:digit:]`.

use crate::text::is_showable;

/// A class of POSIX. Of characters that are not ASCII those are in it that Unicode would have there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Alnum,
    Alpha,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
}

impl Named {
    /// The class that is written so: `[:digit:]`.
    pub(super) fn parse(text: &str) -> Option<Named> {
        let name = text.strip_prefix("[:")?.strip_suffix(":]")?;
        Some(match name {
            "alnum" => Named::Alnum,
            "alpha" => Named::Alpha,
            "blank" => Named::Blank,
            "cntrl" => Named::Cntrl,
            "digit" => Named::Digit,
            "graph" => Named::Graph,
            "lower" => Named::Lower,
            "print" => Named::Print,
            "punct" => Named::Punct,
            "space" => Named::Space,
            "upper" => Named::Upper,
            "xdigit" => Named::Xdigit,
            _ => return None,
        })
    }

    /// Whether a character is in it.
    pub(super) fn has(self, c: char) -> bool {
        let is_graph = c != ' ' && is_showable(c);
        match self {
            Named::Alnum => c.is_alphanumeric(),
            Named::Alpha => c.is_alphabetic(),
            Named::Blank => c == '\t' || c.is_whitespace() && !c.is_control(),
            Named::Cntrl => c.is_control(),
            // Numbers in names of files are these; so say POSIX and shells.
            Named::Digit => c.is_ascii_digit(),
            Named::Graph => is_graph,
            Named::Lower => c.is_lowercase(),
            Named::Print => is_graph || c.is_whitespace() && !c.is_control(),
            Named::Punct => is_graph && !c.is_alphanumeric(),
            Named::Space => c.is_whitespace() || c == '\u{b}',
            Named::Upper => c.is_uppercase(),
            Named::Xdigit => c.is_ascii_hexdigit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 12] = [
        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
        "upper", "xdigit",
    ];

    /// Every ASCII character, and some others, in every class as bash has it.
    #[test]
    fn classes_are_those_of_bash() {
        let others = ['é', 'É', 'ß', '。', 'я', '日', '€'];
        let chars: Vec<char> = ('\u{1}'..='\u{7f}').chain(others).collect();
        let words = chars
            .iter()
            .map(|c| format!("$'\\U{:08x}' ", u32::from(*c)));
        let tests = NAMES.map(|name| format!("[[ $c == [[:{name}:]] ]] && printf 1 || printf 0; "));
        let words = words.collect::<String>();
        let script = format!("for c in {words}; do {} done", tests.concat());
        let output = std::process::Command::new("bash")
            .args(["--norc", "-c", &script])
            .env("LC_ALL", "C.UTF-8")
            .output();
        let Ok(output) = output else {
            // There is none.
            return;
        };
        assert_eq!(output.stdout.len(), chars.len() * NAMES.len());
        for (c, theirs) in chars.iter().zip(output.stdout.chunks(NAMES.len())) {
            for (name, theirs) in NAMES.iter().zip(theirs) {
                let named = Named::parse(&format!("[:{name}:]")).unwrap();
                assert_eq!(named.has(*c), *theirs == b'1', "{c:?} {name}");
            }
        }
    }

    #[test]
    fn what_has_no_name_is_none() {
        for text in ["[:Digit:]", "[::]", "[:digit", "digit", "[:word:]"] {
            assert_eq!(Named::parse(text), None, "{text}");
        }
    }
}
