//! Short pieces of text that are put together by the million: of a size known beforehand.
//!
//! A call to copy some bytes decides by their number how, and where the number differs from piece to
//! piece the processor guesses wrong. So all bytes there is room for are copied, which takes a few
//! instructions and no decision, and those that are too many are left out then.

use std::fmt;

/// Text of at most [`Short::LIMIT`] bytes.
#[derive(Clone, Copy, Debug)]
pub struct Short {
    bytes: [u8; Short::LIMIT],
    len: usize,
}

impl Short {
    /// How many bytes it may have.
    pub const LIMIT: usize = 64;

    /// The parts one after the other; what is past the limit is left out.
    #[must_use]
    pub const fn new(parts: &[&str]) -> Short {
        let mut short = Short {
            bytes: [0; Short::LIMIT],
            len: 0,
        };
        let mut part = 0;
        while part < parts.len() {
            let bytes = parts[part].as_bytes();
            let mut at = 0;
            while at < bytes.len() && short.len < Short::LIMIT {
                short.bytes[short.len] = bytes[at];
                short.len += 1;
                at += 1;
            }
            part += 1;
        }
        short
    }

    /// Appends it.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }
}

/// Text that is mostly short.
#[derive(Clone, Debug)]
pub struct Piece {
    short: Short,
    /// All of it, if it is not.
    long: Option<Box<[u8]>>,
}

impl Piece {
    /// A text as a piece.
    #[must_use]
    pub fn new(text: &str) -> Piece {
        Piece {
            short: Short::new(&[text]),
            long: (text.len() > Short::LIMIT).then(|| text.as_bytes().into()),
        }
    }

    /// Appends it.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>) {
        match &self.long {
            None => self.short.push(out),
            Some(long) => out.extend_from_slice(long),
        }
    }
}

/// A number in decimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    /// The first digits, one to eight, in the lowest bytes of a word.
    first: u64,
    first_len: usize,
    /// How many words of eight digits follow, and these.
    words: usize,
    rest: [u64; 2],
}

impl Decimal {
    /// The digits of a number.
    #[must_use]
    #[inline]
    pub fn new(number: u64) -> Decimal {
        const WORD: u64 = super::EIGHT_DIGITS;
        let word = |number| super::eight_digits(number) | super::ASCII_ZEROS;
        let (first, words, rest) = if number < WORD {
            (number, 0, [0; 2])
        } else if number < WORD * WORD {
            (number / WORD, 1, [word(number % WORD), 0])
        } else {
            let (high, low) = (number / WORD, number % WORD);
            (high / WORD, 2, [word(high % WORD), word(low)])
        };
        let digits = super::eight_digits(first);
        // The last digit is there even if it is zero.
        let zeros = (digits | 1 << 56).trailing_zeros() / 8;
        Decimal {
            first: (digits | super::ASCII_ZEROS) >> (8 * zeros),
            first_len: 8 - zeros as usize,
            words,
            rest,
        }
    }

    /// Appends the digits.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.first_len;
        out.extend_from_slice(&self.first.to_le_bytes());
        out.truncate(end);
        for word in self.rest.iter().take(self.words) {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// Writes the digits.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    pub fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let first = self.first.to_le_bytes();
        let rest = self.rest.map(u64::to_le_bytes);
        let first = first.iter().take(self.first_len);
        let rest = rest.iter().take(self.words).flatten();
        first
            .chain(rest)
            .try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_are_what_they_were_made_of(before in "\\PC{0,9}", parts in prop::collection::vec("[ -~]{0,50}", 0..4)) {
            let text = parts.concat();
            let mut out = before.clone().into_bytes();
            Piece::new(&text).push(&mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{before}{text}"));

            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let mut out = before.clone().into_bytes();
            Short::new(&parts).push(&mut out);
            let start = &text[..text.len().min(Short::LIMIT)];
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{before}{start}"));
        }

        #[test]
        fn decimals_are_those_of_the_standard_library(number: u64, digits in 0..20_u32) {
            let power = 10_u64.pow(digits);
            for number in [number, number / power, power, power - 1, power + 1, 0, u64::MAX] {
                let decimal = Decimal::new(number);
                let mut text = String::new();
                decimal.write(&mut text).unwrap();
                prop_assert_eq!(text, number.to_string());
                let mut out = b"x".to_vec();
                decimal.push(&mut out);
                prop_assert_eq!(String::from_utf8(out).unwrap(), format!("x{number}"));
            }
        }
    }
}
