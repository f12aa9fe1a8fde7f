//! Patterns of names, as shells have them, for the names of one folder at a time.
//!
//! ```text
//! pattern    = component { "/" component }
//! component  = "**"                      any number of folders, also none
//!            | { element }
//! element    = "*"                       any characters, also none
//!            | "?"                       one character
//!            | "[" ["!" | "^"] { character | character "-" character | "[:" class ":]" } "]"
//!            | "{" pattern { "," pattern } "}"
//!            | "{" number ".." number [ ".." number ] "}"    also of two letters
//!            | "\" character             the character itself
//!            | character
//! ```
//!
//! What is not closed, and braces that are neither, stand for themselves. Characters are those of
//! UTF-8; a byte that belongs to none is one by itself. (That, and patterns that are not UTF-8, is
//! why no crate is used: globset takes a pattern's characters for bytes of the name.)

mod named;
mod sequence;

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use named::Named;
use sequence::Sequence;

/// More patterns than that are not made of the braces of one.
pub(super) const MOST_ALTERNATIVES: usize = 10_000;

/// Nor more bytes of them, those on the way counted.
const MOST_BYTES: usize = 16 << 20;

/// A pattern without braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As it is written.
    pub(super) text: Vec<u8>,
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
        members: Vec<Member>,
    },
    Unit(Unit),
}

/// What is in a class.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Member {
    Range(Unit, Unit),
    Named(Named),
    /// This is written like something that is in classes, and is nothing.
    Unknown(String),
}

/// Why there is nothing to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The braces stand for more than [`MOST_ALTERNATIVES`] patterns, or it takes too long to write
    /// them out.
    TooLong,
    /// This is written like something that is in classes, and is nothing.
    UnknownClass(String),
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
const COLON: Unit = b':' as Unit;
const EQUALS: Unit = b'=' as Unit;
const UNDERSCORE: Unit = b'_' as Unit;

/// Whether a name has a character that only patterns need.
pub(super) fn may_be_a_pattern(name: &[u8]) -> bool {
    name.iter().any(|byte| b"*?[{".contains(byte))
}

/// What stands for itself in a pattern and was perhaps not meant to.
pub(super) fn flaw(pattern: &[u8]) -> Option<&'static str> {
    // The braces that are open, where, and whether they have a comma.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut lacks_comma = false;
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += 1,
            b'[' => match class_len(&pattern[at..]) {
                0 => return Some("its bracket [ is not closed, and so is a part of the name"),
                len if is_named_alone(&pattern[at..at + len]) => {
                    return Some(
                        "a class such as [:digit:] has to be in brackets of its own: [[:digit:]]",
                    );
                }
                len => at += len - 1,
            },
            b'{' => open.push((at, false)),
            b',' => {
                if let Some((_, has_comma)) = open.last_mut() {
                    *has_comma = true;
                }
            }
            b'}' => {
                if let Some((start, false)) = open.pop() {
                    lacks_comma |= Sequence::parse(&pattern[start + 1..at]).is_none();
                }
            }
            _ => {}
        }
        at += 1;
    }
    if !open.is_empty() {
        Some("its brace { is not closed, and so is a part of the name")
    } else if lacks_comma {
        Some(
            "its braces have no comma in them and are no sequence such as {1..9} or {a..z}, and so are a part of the name",
        )
    } else {
        None
    }
}

/// The patterns that one with braces stands for.
pub(super) fn parse(pattern: &[u8]) -> Result<Vec<Pattern>, Refusal> {
    let alternatives = alternatives(pattern).ok_or(Refusal::TooLong)?;
    let patterns: Vec<Pattern> = alternatives.into_iter().map(Pattern::parse).collect();
    match patterns.iter().find_map(Pattern::unknown_class) {
        Some(unknown) => Err(Refusal::UnknownClass(unknown.to_owned())),
        None => Ok(patterns),
    }
}

impl Pattern {
    fn parse(pattern: Vec<u8>) -> Pattern {
        let components = pattern
            .split(|&byte| byte == b'/')
            .filter(|component| !component.is_empty())
            .map(Component::parse)
            .collect::<Vec<_>>();
        Pattern {
            is_absolute: pattern.starts_with(b"/"),
            wants_folder: pattern.ends_with(b"/"),
            components,
            text: pattern,
        }
    }

    /// The path that it is, if there is nothing but names in it.
    pub(super) fn as_path(&self) -> Option<PathBuf> {
        let root = if self.is_absolute { "/" } else { "" };
        let mut path = PathBuf::from(root);
        for component in &self.components {
            match component {
                Component::Literal(name) => path.push(name),
                Component::Wild(_) | Component::Recursive => return None,
            }
        }
        if self.wants_folder {
            path.push("");
        }
        Some(path)
    }

    /// Whether there is nothing but names in it.
    pub(super) fn is_literal(&self) -> bool {
        self.components
            .iter()
            .all(|component| matches!(component, Component::Literal(_)))
    }

    fn unknown_class(&self) -> Option<&str> {
        self.components
            .iter()
            .find_map(|component| match component {
                Component::Wild(wild) => wild.unknown_class(),
                Component::Literal(_) | Component::Recursive => None,
            })
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

    fn unknown_class(&self) -> Option<&str> {
        let classes = self.0.iter().filter_map(|element| match element {
            Element::Class { members, .. } => Some(members),
            Element::Any | Element::One | Element::Unit(_) => None,
        });
        classes.flatten().find_map(|member| match member {
            Member::Unknown(text) => Some(&text[..]),
            Member::Range(..) | Member::Named(_) => None,
        })
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
            Element::Class {
                is_negated,
                members,
            } => members.iter().any(|member| member.has(unit)) != *is_negated,
            Element::Unit(own) => *own == unit,
        }
    }
}

impl Member {
    fn has(&self, unit: Unit) -> bool {
        match self {
            Member::Range(from, to) => (*from..=*to).contains(&unit),
            Member::Named(named) => char::from_u32(unit).is_some_and(|c| named.has(c)),
            Member::Unknown(_) => false,
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
    let mut members = Vec::new();
    // A closing bracket at the start is one of the characters.
    while at == start || *units.get(at)? != CLOSING {
        if let Some(len) = named_len(&units[at..]) {
            members.push(named(&units[at..at + len]));
            at += len;
            continue;
        }
        let from = class_unit(units, &mut at)?;
        let is_range = units.get(at) == Some(&HYPHEN)
            && units.get(at + 1).is_some_and(|&after| after != CLOSING);
        let to = if is_range {
            at += 1;
            if let Some(len) = named_len(&units[at..]) {
                // A range does not end in many characters.
                members.push(Member::Unknown(shown(&units[at - 2..at + len])));
                at += len;
                continue;
            }
            class_unit(units, &mut at)?
        } else {
            from
        };
        members.push(Member::Range(from, to));
    }
    let class = Element::Class {
        is_negated,
        members,
    };
    Some((class, at + 1))
}

/// How long what stands here is, if it is written like a named class, `[:digit:]`, or like what else
/// POSIX has in such brackets, `[.a.]` and `[=a=]`.
fn named_len(units: &[Unit]) -> Option<usize> {
    let [OPENING, mark @ (COLON | DOT | EQUALS), rest @ ..] = units else {
        return None;
    };
    let len = rest
        .windows(2)
        .position(|end| end[0] == *mark && end[1] == CLOSING)?;
    let is_letter = |unit: &Unit| char::from_u32(*unit).is_some_and(|c| c.is_ascii_alphabetic());
    (*mark != COLON || rest[..len].iter().all(is_letter)).then_some(len + 4)
}

/// What that stands for.
fn named(units: &[Unit]) -> Member {
    let text = shown(units);
    match Named::parse(&text) {
        Some(named) => Member::Named(named),
        None => Member::Unknown(text),
    }
}

/// Characters of a pattern, for a message.
fn shown(units: &[Unit]) -> String {
    String::from_utf8_lossy(&bytes(units)).into_owned()
}

/// Whether a class is the characters of a named one's name: `[:digit:]`.
fn is_named_alone(class: &[u8]) -> bool {
    std::str::from_utf8(class).is_ok_and(|class| Named::parse(class).is_some())
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
        let inside = &pattern[braces.start + 1..braces.end - 1];
        let parts: Vec<Cow<'_, [u8]>> = if commas.is_empty() {
            let sequence = Sequence::parse(inside)?;
            // One may be filled up with as many zeros as there are.
            let bytes = sequence.len().saturating_mul(inside.len() as u128);
            if sequence.len() > MOST_ALTERNATIVES as u128 || bytes > MOST_BYTES as u128 {
                return None;
            }
            sequence.iter().map(Cow::Owned).collect()
        } else {
            let starts = commas.iter().map(|comma| comma + 1);
            let starts = std::iter::once(braces.start + 1).chain(starts);
            let ends = commas.iter().copied().chain([braces.end - 1]);
            starts
                .zip(ends)
                .map(|(start, end)| Cow::Borrowed(&pattern[start..end]))
                .collect()
        };
        let (before, after) = (&pattern[..braces.start], &pattern[braces.end..]);
        let around = before.len() + after.len();
        if parts.len().saturating_mul(around) > MOST_BYTES {
            return None;
        }
        for part in parts.iter().rev() {
            open.push(([before, part, after].concat(), braces.start));
        }
    }
    Some(finished)
}

/// The first braces at or after `from` that hold a comma, and where their own commas are; none if it
/// is a sequence that they hold.
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
                    && whole
                        .as_ref()
                        .is_none_or(|(braces, _)| start < braces.start)
                    && (!commas.is_empty() || Sequence::parse(&pattern[start + 1..at]).is_some())
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
            (
                "x[[:digit:]].j",
                &["x5.j"],
                &["xd].j", "xd.j", "x].j", "x55.j"],
            ),
            ("[![:digit:]]", &["a", ":", "["], &["5"]),
            ("[[:digit:]-z]", &["5", "-", "z"], &["a"]),
            ("[]a[:upper:]]", &["]", "a", "B", "É"], &["b", ":"]),
            ("[[:alpha:]_]", &["a", "é", "_"], &["1"]),
            ("[[:digit:]", &["[d", "[:"], &["5"]),
            ("[:digit:]", &["d", ":"], &["5"]),
            ("[[:a b:]]", &["[]", "a]", " ]"], &["a"]),
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
            ("{[[:digit:],],b}", &["[[:digit:],]", "b"]),
            ("x{08..11}.j", &["x08.j", "x09.j", "x10.j", "x11.j"]),
            ("{a,}{1..2}", &["a1", "a2", "1", "2"]),
            ("{{1..2},x}", &["1", "2", "x"]),
            ("{1..2,x}", &["1..2", "x"]),
            ("{1..2", &["{1..2"]),
            ("{{1..2}}", &["{1}", "{2}"]),
            ("{1..x}", &["{1..x}"]),
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
            "{1..10001}".into(),
            "{0..99999999999}".into(),
            "{-9223372036854775808..9223372036854775807}".into(),
            "{1..200}{1..200}".into(),
            format!("{{1..{}9000}}", "0".repeat(100_000)),
            "{1..5000}".to_owned() + &"x".repeat(100_000),
            "{".to_owned() + &"a,".repeat(5000) + "}" + &"x".repeat(100_000),
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
            ("{1..9}", None),
            ("{a,b}{01..10..3}*", None),
            ("{1..x}/**", Some("its braces have no comma")),
            ("{a..E}", Some("its braces have no comma")),
            ("x[:digit:]", Some("a class such as [:digit:]")),
            ("x[[:digit:]]", None),
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
    fn what_is_no_class_is_refused() {
        for (pattern, class) in [
            ("x[[:digti:]]", "[:digti:]"),
            ("{a,b/[![:Digit:]x]*}", "[:Digit:]"),
            ("[[::]]", "[::]"),
            ("[[.a.]]", "[.a.]"),
            ("[x[=é=]]", "[=é=]"),
            ("[a-[:digit:]]", "a-[:digit:]"),
        ] {
            let refusal = Refusal::UnknownClass(class.to_owned());
            assert_eq!(parse(pattern.as_bytes()), Err(refusal), "{pattern}");
        }
        for pattern in ["[[:digti:]", "[:digti:]", r"[\[:digti:]]", "[[.]", "[[=x]"] {
            assert!(parse(pattern.as_bytes()).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn names_are_paths() {
        for (pattern, path) in [
            (r"/a\*/./b//c/", Some("/a*/./b/c/")),
            ("a[/b", Some("a[/b")),
            ("/", Some("/")),
            ("", Some("")),
            ("a/*", None),
            ("**", None),
        ] {
            let found = parse(pattern.as_bytes()).unwrap()[0].as_path();
            assert_eq!(
                found.map(PathBuf::into_os_string),
                path.map(OsString::from),
                "{pattern}"
            );
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
            Pattern::parse(br"a\*".to_vec()).components,
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
            if let Ok(patterns) = parse(&name) {
                prop_assert!(!patterns.is_empty());
            }
            let escaped: Vec<u8> = name.iter().flat_map(|&byte| [b'\\', byte]).collect();
            if name.is_ascii() {
                prop_assert!(wild(&escaped).matches(&name));
            }
        }
    }
}
