//! Hints about numbers: ids and amounts that are written as something else.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use super::super::amount::{Amount, AmountFault};
use super::super::json::{self, Document};
use super::super::user_id::UserId;
use super::Guess;

/// A hint would be longer than anybody reads, and so would the number.
const LONGEST: usize = 40;

/// For a `user_id` that is not written as an integer.
pub(super) fn of_user_id(value: &str) -> Option<Guess> {
    if value.len() > LONGEST {
        return None;
    }
    if !value.starts_with('"') {
        let integer = integer(value)?;
        return Some((
            "float_user_id",
            format!(
                "it is the integer {integer} written as a float, as pandas does where a column has gaps; write {integer}"
            ),
        ));
    }
    let text = json::unescape(value);
    let integer = integer(text.trim())?;
    Some((
        "quoted_number",
        format!("it is an integer in quotes; write {integer}"),
    ))
}

/// For an `amount` that is no number.
pub(super) fn of_amount(value: &str) -> Option<Guess> {
    if value.len() > LONGEST || !value.starts_with('"') {
        return None;
    }
    let text = json::unescape(value);
    if is_amount(&text) {
        return Some((
            "quoted_number",
            format!("it is a number in quotes; write {text}"),
        ));
    }
    money(&text)
}

/// Whether a text is a JSON number that can be an amount, or is one that is too small.
fn is_amount(text: &str) -> bool {
    is_json_number(text) && Amount::from_json_number(text) != Err(AmountFault::OutOfRange)
}

fn is_json_number(text: &str) -> bool {
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit());
    is_number && matches!(json::read_usual(text.as_bytes()), Ok(Document::Other(_)))
}

/// The user id that a number is, whichever way it is written.
fn integer(number: &str) -> Option<UserId> {
    if !is_json_number(number) {
        return None;
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    // Where the decimal point is to be, in all digits.
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let point = usize::try_from(point)
        .ok()
        .filter(|point| *point <= LONGEST)?;
    let digits = format!("{whole}{fraction}");
    let after = digits.get(point..).unwrap_or_default();
    if after.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let whole = digits.get(..point).unwrap_or(&digits);
    let id: i128 = format!("{sign}{whole:0<point$}").parse().ok()?;
    UserId::try_from(id).ok()
}

/// An amount as people write it: with a currency, with a comma, with separators of thousands.
fn money(text: &str) -> Option<Guess> {
    let (number, has_currency) = without_currency(text);
    let (number, style) = plain(number)?;
    if !is_amount(&number) {
        return None;
    }
    let (code, what) = match style {
        _ if has_currency => ("currency", "an amount has no currency"),
        Style::Plain => ("white_space", "an amount has no white space or sign"),
        Style::Comma => ("decimal_comma", "decimals come after a point, not a comma"),
        Style::Thousands => (
            "thousands_separator",
            "an amount has no separators of thousands",
        ),
        Style::Either => {
            let (before, after) = number.split_at_checked(number.len().checked_sub(3)?)?;
            let decimal = format!("{before}.{after}");
            if is_json_number(&decimal) {
                return Some((
                    "decimal_comma",
                    format!(
                        "write {decimal} without quotes if the comma is a decimal one, or {number} if it separates thousands"
                    ),
                ));
            }
            // Nothing but a sign is before the comma.
            return None;
        }
    };
    Some((code, format!("{what}; write {number} without quotes")))
}

/// An amount without the sign or the three letters of a currency; whether there were such.
fn without_currency(text: &str) -> (&str, bool) {
    let is_part = |c: char| {
        c.is_ascii_alphabetic() || c.general_category() == GeneralCategory::CurrencySymbol
    };
    let is_white = |c: char| c.is_whitespace();
    let text = text.trim();
    let number = text
        .trim_start_matches(is_part)
        .trim_start_matches(is_white);
    let number = number.trim_end_matches(is_part).trim_end_matches(is_white);
    // `US$` and `EUR`, but not words.
    let has_currency = number.len() < text.len();
    let letters = text.chars().filter(char::is_ascii_alphabetic).count();
    if letters > 3 {
        (text, false)
    } else {
        (number, has_currency)
    }
}

/// What kind of separators a number has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    /// A decimal comma.
    Comma,
    Thousands,
    /// One comma before three digits.
    Either,
}

/// A number as JSON writes it. `None` if it is not clear which.
fn plain(text: &str) -> Option<(String, Style)> {
    let (sign, text) = match text.strip_prefix(['-', '+', '\u{2212}']) {
        Some(rest) if text.starts_with('+') => ("", rest),
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let is_space = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}' | '_');
    let commas = text.matches(',').count();
    let points = text.matches('.').count();
    let last = text.rfind([',', '.']);
    let (decimal, style) = match (commas, points) {
        (0, 0) => (None, Style::Plain),
        (0, 1) => (Some('.'), Style::Plain),
        (1, 0) => {
            let after = last.map_or("", |at| &text[at + 1..]);
            let before = last.map_or("", |at| &text[..at]);
            match (after.len(), before) {
                (3, before) if before != "0" && !before.contains(is_space) => (None, Style::Either),
                _ => (Some(','), Style::Comma),
            }
        }
        (_, 0) | (0, _) => (None, Style::Thousands),
        // Both: the last one is the decimal one, and there is one of it.
        (_, 1) if last.is_some_and(|at| text[at..].starts_with('.')) => {
            (Some('.'), Style::Thousands)
        }
        (1, _) if last.is_some_and(|at| text[at..].starts_with(',')) => (Some(','), Style::Comma),
        _ => return None,
    };
    let (whole, fraction) = match decimal.and_then(|decimal| text.split_once(decimal)) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut groups = whole.split(|c| is_space(c) || c == ',' || c == '.');
    let first = groups.next()?;
    let mut number = format!("{sign}{first}");
    let mut style = style;
    for group in groups {
        if group.len() != 3 || !(1..=3).contains(&first.len()) {
            return None;
        }
        number.push_str(group);
        if style == Style::Plain {
            style = Style::Thousands;
        }
    }
    if let Some(fraction) = fraction {
        number.push('.');
        number.push_str(fraction);
    }
    Some((number, style))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{event_with, hint_of};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn user_ids_that_are_integers_after_all() {
        let float = |integer: &str| {
            format!(
                "float_user_id: it is the integer {integer} written as a float, as pandas does where a column has gaps; write {integer}"
            )
        };
        let quoted =
            |integer: &str| format!("quoted_number: it is an integer in quotes; write {integer}");
        for (value, expected) in [
            ("1.0", float("1")),
            ("1e3", float("1000")),
            ("-1.50e1", float("-15")),
            ("100e-2", float("1")),
            ("0.0", float("0")),
            ("1.8446744073709551615e19", float("18446744073709551615")),
            ("1.8446744073709551616e19", String::new()),
            ("1.5", String::new()),
            ("1e-1", String::new()),
            ("1e400", String::new()),
            ("1e99999999999", String::new()),
            (r#""7""#, quoted("7")),
            (r#"" 7\t""#, quoted("7")),
            (r#""-7""#, quoted("-7")),
            (r#""7.0""#, quoted("7")),
            (r#""007""#, String::new()),
            (r#""u7""#, String::new()),
            (r#""""#, String::new()),
            ("true", String::new()),
            ("null", String::new()),
            ("[7]", String::new()),
            ("18446744073709551616", String::new()),
        ] {
            assert_eq!(hint_of(event_with("user_id", value)), expected, "{value}");
        }
    }

    #[test]
    fn amounts_as_people_write_them() {
        let write = |code: &str, what: &str, number: &str| {
            format!("{code}: {what}; write {number} without quotes")
        };
        let comma = |number: &str| {
            write(
                "decimal_comma",
                "decimals come after a point, not a comma",
                number,
            )
        };
        let thousands = |number: &str| {
            write(
                "thousands_separator",
                "an amount has no separators of thousands",
                number,
            )
        };
        let currency = |number: &str| write("currency", "an amount has no currency", number);
        let quoted =
            |number: &str| format!("quoted_number: it is a number in quotes; write {number}");
        for (text, expected) in [
            ("19.99", quoted("19.99")),
            ("1e2", quoted("1e2")),
            ("-5", quoted("-5")),
            ("1e15", String::new()),
            ("19,99", comma("19.99")),
            ("0,125", comma("0.125")),
            ("1.234,50", comma("1234.50")),
            ("1 234,500", comma("1234.500")),
            ("-19,99", comma("-19.99")),
            ("1,234.50", thousands("1234.50")),
            ("1,234,567", thousands("1234567")),
            ("1.234.567", thousands("1234567")),
            ("1 234.5", thousands("1234.5")),
            ("1'234.50", thousands("1234.50")),
            ("1\u{202f}234", thousands("1234")),
            ("1_000", thousands("1000")),
            (
                "1,234",
                "decimal_comma: write 1.234 without quotes if the comma is a decimal one, or 1234 if it separates thousands".into(),
            ),
            ("$19.99", currency("19.99")),
            ("19,99 \u{20ac}", currency("19.99")),
            ("EUR 1.234,50", currency("1234.50")),
            ("US$ 1,234.50", currency("1234.50")),
            ("19.99USD", currency("19.99")),
            (" 19.99", write("white_space", "an amount has no white space or sign", "19.99")),
            ("+19.99", write("white_space", "an amount has no white space or sign", "19.99")),
            ("12,34.5", String::new()),
            ("1,2,3", String::new()),
            ("1.2,3.4,5", String::new()),
            ("free", String::new()),
            ("N/A", String::new()),
            ("abcd 5", String::new()),
            ("", String::new()),
            ("$", String::new()),
            (",", String::new()),
            ("+-,100", String::new()),
            ("007", String::new()),
        ] {
            let literal = serde_json::to_string(text).unwrap();
            assert_eq!(hint_of(event_with("amount", &literal)), expected, "{text}");
        }
        for value in ["true", "null", "[19.99]"] {
            assert_eq!(hint_of(event_with("amount", value)), "", "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_proposed_for_an_amount_is_a_number(text in "[-+$A-C]{0,2}[0-9]{0,3}[.,' ]?[0-9]{0,3}[.,]?[0-9]{0,3}\\PC?") {
            let literal = serde_json::to_string(&text).unwrap();
            if let Some((_, message)) = of_amount(&literal)
                && let Some((_, rest)) = message.split_once("write ")
            {
                let number = rest.split(' ').next().unwrap();
                prop_assert!(is_json_number(number), "{} for {}", message, text);
            }
        }

        #[test]
        fn floats_are_the_integers_that_they_are(id: i32, zeros in 0..4_usize) {
            let float = format!("{id}.0{}", "0".repeat(zeros));
            prop_assert_eq!(integer(&float), UserId::try_from(i128::from(id)).ok());
            let exponent = format!("{id}e{zeros}");
            let expected = i128::from(id) * 10_i128.pow(u32::try_from(zeros).unwrap());
            prop_assert_eq!(integer(&exponent), UserId::try_from(expected).ok());
        }
    }
}
