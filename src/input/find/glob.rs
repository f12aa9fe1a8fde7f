//! Patterns of names, as shells have them, for the names of one folder at a time.
//!
//! ```text
//! pattern    = component { "/" component }
//! component  = "**"                      any number of folders, also none
//!            | { element }
//! element    = "*"                       any characters, also none
//!            | "?"                       one character
//!            | "[" ["!" | "^"] { character | character "-" character } "]"
//!            | "{" pattern { "," pattern } "}"
//!            | "\" character             the character itself
//!            | character
//! ```
//!
//! What is not closed, and braces without a comma, stand for themselves. Characters are those of
//! UTF-8; a byte that belongs to none is one by itself. (That, and patterns that are not UTF-8, is
//! why no crate is used: globset takes a pattern's characters for bytes of the name.)

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// More patterns than that are not made of the braces of one.
pub(super) const MOST_ALTERNATIVES: usize = 10_000;

/// Nor more bytes of them, those on the way counted.
const MOST_BYTES: usize = 16 << 20;

/// A pattern without braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Whether it starts at the root of the file system.
    pub(super) is_absolute: bool,
    pub(super) components: Vec<Component>,
    /// Whether it ends in a slash, and so matches folders alone.
    pub(super) wants_folder: bool,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Component {
    /// This name.
    Literal(OsString),
    /// The names that match.
    Wild(Wild),
    /// Any number of folders.
    Recursive,
}

/// A pattern of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wild(Vec<Element>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Any,
    One,
    Class {
        is_negated: bool,
        ranges: Vec<(Unit, Unit)>,
    },
    Unit(Unit),
}

/// A character by its number, or a byte that belongs to none, above all characters.
type Unit = u32;

const FIRST_BYTE_UNIT: Unit = 0x11_0000;

const STAR: Unit = b'*' as Unit;
const QUESTION_MARK: Unit = b'?' as Unit;
const OPENING: Unit = b'[' as Unit;
const CLOSING: Unit = b']' as Unit;
const BANG: Unit = b'!' as Unit;
const CARET: Unit = b'^' as Unit;
const HYPHEN: Unit = b'-' as Unit;
const BACKSLASH: Unit = b'\\' as Unit;
const DOT: Unit = b'.' as Unit;
const UNDERSCORE: Unit = b'_' as Unit;

/// Whether a name has a character that only patterns need.
pub(super) fn may_be_a_pattern(name: &[u8]) -> bool {
    name.iter().any(|byte| b"*?[{".contains(byte))
}

/// What stands for itself in a pattern and was perhaps not meant to.
pub(super) fn flaw(pattern: &[u8]) -> Option<&'static str> {
    // The braces that are open, and whether they have a comma.
    let mut open = Vec::new();
    let mut lacks_comma = false;
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 1,
            b'[' => match class_len(&pattern[at..]) {
                0 => return Some("its bracket [ is not closed, and so is a part of the name"),
                len => at += len - 1,
            },
            b'{' => open.push(false),
            b',' => {
                if let Some(has_comma) = open.last_mut() {
                    *has_comma = true;
                }
            }
            b'}' => lacks_comma |= open.pop() == Some(false),
            _ => {}
        }
        at += 1;
    }
    if !open.is_empty() {
        Some("its brace { is not closed, and so is a part of the name")
    } else if lacks_comma {
        Some("its braces have no comma in them, and so are a part of the name")
    } else {
        None
    }
}

/// The patterns that one with braces stands for; `None` if there are more than
/// [`MOST_ALTERNATIVES`], or it takes too long to write them out.
pub(super) fn parse(pattern: &[u8]) -> Option<Vec<Pattern>> {
    Some(
        alternatives(pattern)?
            .iter()
            .map(|alternative| Pattern::parse(alternative))
            .collect(),
    )
}

impl Pattern {
    fn parse(pattern: &[u8]) -> Pattern {
        let components = pattern
            .split(|&byte| byte == b'/')
            .filter(|component| !component.is_empty())
            .map(Component::parse)
            .collect::<Vec<_>>();
        Pattern {
            is_absolute: pattern.starts_with(b"/"),
            wants_folder: pattern.ends_with(b"/"),
            components,
        }
    }

    /// Whether there is nothing but names in it.
    pub(super) fn is_literal(&self) -> bool {
        self.components
            .iter()
            .all(|component| matches!(component, Component::Literal(_)))
    }
}

impl Component {
    fn parse(component: &[u8]) -> Component {
        if component == b"**" {
            return Component::Recursive;
        }
        let elements = elements(&units(component));
        let literal: Option<Vec<Unit>> = elements
            .iter()
            .map(|element| match element {
                Element::Unit(unit) => Some(*unit),
                _ => None,
            })
            .collect();
        match literal {
            Some(literal) => Component::Literal(OsString::from_vec(bytes(&literal))),
            None => Component::Wild(Wild(elements)),
        }
    }
}

impl Wild {
    /// Whether the name as a whole matches, be it hidden or not.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let (elements, units) = (&self.0[..], units(name));
        let (mut element, mut unit) = (0, 0);
        // Where to go on when what follows the last star does not fit: the star takes one more.
        let mut retry = None;
        loop {
            match elements.get(element) {
                Some(Element::Any) => {
                    retry = Some((element + 1, unit));
                    element += 1;
                    continue;
                }
                Some(one) if units.get(unit).is_some_and(|&unit| one.takes(unit)) => {
                    element += 1;
                    unit += 1;
                    continue;
                }
                None if unit == units.len() => return true,
                _ => {}
            }
            match retry {
                Some((after, from)) if from < units.len() => {
                    retry = Some((after, from + 1));
                    element = after;
                    unit = from + 1;
                }
                _ => return false,
            }
        }
    }

    /// Whether it asks for hidden names.
    pub(super) fn says_hidden(&self) -> bool {
        self.0.first() == Some(&Element::Unit(DOT))
    }

    /// Whether it asks for names that start with an underscore.
    pub(super) fn says_underscore(&self) -> bool {
        self.0.first() == Some(&Element::Unit(UNDERSCORE))
    }
}

impl Element {
    /// Whether it takes this one; no star.
    fn takes(&self, unit: Unit) -> bool {
        match self {
            Element::Any => false,
            Element::One => true,
            Element::Class { is_negated, ranges } => {
                let is_in = ranges.iter().any(|&(from, to)| (from..=to).contains(&unit));
                is_in != *is_negated
            }
            Element::Unit(own) => *own == unit,
        }
    }
}

/// The elements of a component without braces.
fn elements(mut rest: &[Unit]) -> Vec<Element> {
    let mut elements = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        elements.push(match first {
            // Two in a row take what one takes.
            STAR if elements.last() == Some(&Element::Any) => continue,
            STAR => Element::Any,
            QUESTION_MARK => Element::One,
            OPENING => match class(after) {
                Some((class, len)) => {
                    rest = &after[len..];
                    class
                }
                None => Element::Unit(OPENING),
            },
            BACKSLASH => match after.split_first() {
                Some((&escaped, after)) => {
                    rest = after;
                    Element::Unit(escaped)
                }
                None => Element::Unit(BACKSLASH),
            },
            unit => Element::Unit(unit),
        });
    }
    elements
}

/// The class that starts after its bracket, and its length with the closing one.
fn class(units: &[Unit]) -> Option<(Element, usize)> {
    let is_negated = matches!(units.first(), Some(&(BANG | CARET)));
    let start = usize::from(is_negated);
    let mut at = start;
    let mut ranges = Vec::new();
    // A closing bracket at the start is one of the characters.
    while at == start || *units.get(at)? != CLOSING {
        let from = class_unit(units, &mut at)?;
        let is_range = units.get(at) == Some(&HYPHEN)
            && units.get(at + 1).is_some_and(|&after| after != CLOSING);
        let to = if is_range {
            at += 1;
            class_unit(units, &mut at)?
        } else {
            from
        };
        ranges.push((from, to));
    }
    Some((Element::Class { is_negated, ranges }, at + 1))
}

fn class_unit(units: &[Unit], at: &mut usize) -> Option<Unit> {
    if units.get(*at) == Some(&BACKSLASH) {
        *at += 1;
    }
    let unit = *units.get(*at)?;
    *at += 1;
    Some(unit)
}

/// What is left of a pattern once its braces are written out, in the order of their alternatives.
fn alternatives(pattern: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut finished = Vec::new();
    // The next one is at the end. What is before `from` has no braces left.
    let mut open = vec![(pattern.to_vec(), 0)];
    let mut written = 0;
    while let Some((pattern, from)) = open.pop() {
        written += pattern.len();
        if written > MOST_BYTES || finished.len() + open.len() >= MOST_ALTERNATIVES {
            return None;
        }
        let Some((braces, commas)) = braces(&pattern, from) else {
            finished.push(pattern);
            continue;
        };
        let mut ends: Vec<usize> = commas;
        ends.push(braces.end - 1);
        for (index, &end) in ends.iter().enumerate().rev() {
            let start = index
                .checked_sub(1)
                .map_or(braces.start, |before| ends[before])
                + 1;
            let alternative = [
                &pattern[..braces.start],
                &pattern[start..end],
                &pattern[braces.end..],
            ];
            open.push((alternative.concat(), braces.start));
        }
    }
    Some(finished)
}

/// The first braces at or after `from` that hold a comma, and where their own commas are.
fn braces(pattern: &[u8], from: usize) -> Option<(std::ops::Range<usize>, Vec<usize>)> {
    // The braces that are open, and their commas.
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    // The outermost ones that are whole, if those around them are never closed.
    let mut whole: Option<(std::ops::Range<usize>, Vec<usize>)> = None;
    let mut at = from;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 1,
            b'[' => at += class_len(&pattern[at..]).saturating_sub(1),
            b'{' => open.push((at, Vec::new())),
            b',' => {
                if let Some((_, commas)) = open.last_mut() {
                    commas.push(at);
                }
            }
            b'}' => {
                if let Some((start, commas)) = open.pop()
                    && !commas.is_empty()
                    && whole
                        .as_ref()
                        .is_none_or(|(braces, _)| start < braces.start)
                {
                    whole = Some((start..at + 1, commas));
                }
                if open.is_empty() && whole.is_some() {
                    break;
                }
            }
            _ => {}
        }
        at += 1;
    }
    whole
}

/// How long the class is that starts here, in bytes; 0 if it is none.
fn class_len(pattern: &[u8]) -> usize {
    let end = memchr::memchr(b'/', pattern).unwrap_or(pattern.len());
    let units = units(&pattern[1..end]);
    class(&units).map_or(0, |(_, len)| 1 + bytes(&units[..len]).len())
}

/// The characters of a name.
fn units(name: &[u8]) -> Vec<Unit> {
    let mut units = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        units.extend(chunk.valid().chars().map(Unit::from));
        units.extend(
            chunk
                .invalid()
                .iter()
                .map(|&byte| FIRST_BYTE_UNIT + Unit::from(byte)),
        );
    }
    units
}

/// The name of some characters.
fn bytes(units: &[Unit]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len());
    for &unit in units {
        match char::from_u32(unit) {
            Some(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            // Below 256 by the way it was made.
            None => bytes.extend(u8::try_from(unit.wrapping_sub(FIRST_BYTE_UNIT))),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wild(pattern: &[u8]) -> Wild {
        Wild(elements(&units(pattern)))
    }

    #[test]
    fn names_that_match_and_names_that_do_not() {
        for (pattern, yes, no) in [
            ("*", &["", "a", "a.b", ".a"][..], &[][..]),
            ("a*b*c", &["abc", "axbxc", "abbcc"], &["ab", "abcx", "xabc"]),
            ("?", &["a", "é", "\u{1f600}"], &["", "ab"]),
            ("caf?.x", &["café.x", "cafe.x"], &["caf.x"]),
            ("[a-cx]", &["a", "b", "c", "x"], &["d", "", "-"]),
            ("[!a-c]", &["d", "é"], &["a", ""]),
            ("[^a]", &["b", "^"], &["a"]),
            ("[à-é]", &["ç"], &["a", "ê"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[!]]", &["a"], &["]"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[z-a]", &[], &["a", "z", "m"]),
            (r"[\]\-x]", &["]", "-", "x"], &["\\", "a"]),
            ("[a", &["[a"], &["a"]),
            ("[", &["["], &["a"]),
            ("[]", &["[]"], &["]"]),
            (r"\*\?\[a]\\", &["*?[a]\\"], &["a"]),
            (r"a\", &["a\\"], &["a"]),
            ("a**b", &["ab", "axb"], &["a"]),
            ("]}", &["]}"], &["]"]),
        ] {
            for (names, expected) in [(yes, true), (no, false)] {
                for name in names {
                    assert_eq!(
                        wild(pattern.as_bytes()).matches(name.as_bytes()),
                        expected,
                        "{pattern} {name}"
                    );
                }
            }
        }
        // Latin-1 is no UTF-8.
        assert!(wild(b"caf?").matches(b"caf\xe9"));
        assert!(wild(b"caf\xe9*").matches(b"caf\xe9.jsonl"));
        assert!(!wild("café".as_bytes()).matches(b"caf\xe9"));
        assert!(wild(b"[\xe0-\xef]").matches(b"\xe9"));
    }

    /// A star after the other does not take all day.
    #[test]
    fn many_stars_are_no_trap() {
        let pattern = "*a".repeat(100);
        let name = "a".repeat(10_000) + "b";
        assert!(!wild(pattern.as_bytes()).matches(name.as_bytes()));
    }

    #[test]
    fn braces_are_written_out() {
        for (pattern, expected) in [
            ("a", &["a"][..]),
            ("{a,b}", &["a", "b"]),
            ("x{a,b}y{c,d}", &["xayc", "xayd", "xbyc", "xbyd"]),
            ("{a,{b,c}d}", &["a", "bd", "cd"]),
            ("{1/2,3}/x", &["1/2/x", "3/x"]),
            ("{,a}b", &["b", "ab"]),
            ("{a}", &["{a}"]),
            ("{}", &["{}"]),
            ("{{a,b}}", &["{a}", "{b}"]),
            ("{a,b", &["{a,b"]),
            ("{a,{b,c}", &["{a,b", "{a,c"]),
            ("{x}{a,b}", &["{x}a", "{x}b"]),
            ("a,b}", &["a,b}"]),
            (r"\{a,b}", &[r"\{a,b}"]),
            (r"{a\,b,c}", &[r"a\,b", "c"]),
            ("[{]a,b}", &["[{]a,b}"]),
            ("{[,],b}", &["[,]", "b"]),
            ("{[é,],b}", &["[é,]", "b"]),
            ("[/{a,b}]", &["[/a]", "[/b]"]),
        ] {
            let written: Vec<String> = alternatives(pattern.as_bytes())
                .unwrap()
                .into_iter()
                .map(|alternative| String::from_utf8(alternative).unwrap())
                .collect();
            assert_eq!(written, expected, "{pattern}");
        }
        assert_eq!(alternatives(&b"{a,b}".repeat(13)).unwrap().len(), 8192);
        for pattern in [
            "{a,b}".repeat(14),
            "{a,b}".repeat(10_000),
            "{a,".repeat(30_000) + &"}".repeat(30_000),
        ] {
            assert_eq!(alternatives(pattern.as_bytes()), None);
        }
    }

    #[test]
    fn what_is_not_closed_is_told() {
        for (pattern, expected) in [
            ("a*[b]{c,d}", None),
            ("a[b", Some("its bracket [ is not closed")),
            ("a[b/c]", Some("its bracket [ is not closed")),
            ("a{b", Some("its brace { is not closed")),
            ("a{b,{c,d}", Some("its brace { is not closed")),
            ("a{b}", Some("its braces have no comma")),
            (r"a\{b\[", None),
            ("[{]a", None),
        ] {
            let flaw = flaw(pattern.as_bytes());
            let is_told = match (flaw, expected) {
                (Some(flaw), Some(expected)) => flaw.starts_with(expected),
                (flaw, expected) => flaw == expected,
            };
            assert!(is_told, "{pattern} {flaw:?}");
        }
    }

    #[test]
    fn components() {
        let patterns = parse(b"/data//{a*,**}/x/").unwrap();
        assert_eq!(patterns.len(), 2);
        assert!(
            patterns
                .iter()
                .all(|pattern| pattern.is_absolute && pattern.wants_folder)
        );
        assert_eq!(patterns[1].components.len(), 3);
        assert_eq!(patterns[1].components[1], Component::Recursive);
        assert!(!patterns[0].is_literal());
        assert!(parse(br"a/\*/[b").unwrap()[0].is_literal());
        assert_eq!(
            Pattern::parse(br"a\*").components,
            [Component::Literal("a*".into())]
        );
        for (pattern, hidden, underscore) in [
            ("*", false, false),
            (".*", true, false),
            ("_*", false, true),
            ("[._]*", false, false),
            (r"\.*", true, false),
        ] {
            let wild = wild(pattern.as_bytes());
            assert_eq!(
                (wild.says_hidden(), wild.says_underscore()),
                (hidden, underscore),
                "{pattern}"
            );
        }
    }

    proptest! {
        /// globset's idea of a pattern, where bytes are characters and nothing is left open.
        #[test]
        fn patterns_are_those_of_globset(
            parts in prop::collection::vec(
                prop_oneof![
                    3 => "[ab.]",
                    2 => Just("*".to_owned()),
                    1 => Just("?".to_owned()),
                    1 => "\\[[!^]?[a-c]\\]",
                    1 => "\\[[!^]?a-[a-c]b?\\]",
                    1 => "\\\\[*?a]",
                    1 => "\\{[ab]*,[ab*]*\\}",
                ],
                1..7,
            ),
            names in prop::collection::vec("[abc.*?]{0,6}", 1..20),
        ) {
            let pattern = parts.concat();
            let theirs = globset::GlobBuilder::new(&pattern)
                .literal_separator(true)
                .empty_alternates(true)
                .build()
                .unwrap()
                .compile_matcher();
            let ours = alternatives(pattern.as_bytes()).unwrap();
            for name in names {
                let matches = ours.iter().any(|pattern| wild(pattern).matches(name.as_bytes()));
                prop_assert_eq!(matches, theirs.is_match(&name), "{} {}", pattern, name);
            }
        }

        #[test]
        fn names_are_made_of_their_characters(name in prop::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(bytes(&units(&name)), &name[..]);
            // Nothing that anybody types is a fault.
            if let Some(patterns) = parse(&name) {
                prop_assert!(!patterns.is_empty());
            }
            let escaped: Vec<u8> = name.iter().flat_map(|&byte| [b'\\', byte]).collect();
            if name.is_ascii() {
                prop_assert!(wild(&escaped).matches(&name));
            }
        }
    }
}
