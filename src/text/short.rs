//! Short pieces of text that are put together by the million: of a size known beforehand.
//!
//! A call to copy some bytes decides by their number how, and where the number differs from piece to
//! piece the processor guesses wrong. So all bytes there is room for are copied, which takes a few
//! instructions and no decision, and those that are too many are left out then.

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
    bytes: [u8; Decimal::ROOM],
    len: usize,
}

impl Decimal {
    /// Three times eight digits, where 20 are the most.
    const ROOM: usize = 24;

    /// The digits of a number.
    #[must_use]
    #[inline]
    pub fn new(number: u64) -> Decimal {
        const HALF: u64 = super::EIGHT_DIGITS;
        let mut decimal = Decimal {
            bytes: [0; Decimal::ROOM],
            len: 0,
        };
        if number < HALF {
            decimal.first(number);
        } else if number < HALF * HALF {
            decimal.first(number / HALF);
            decimal.next(number % HALF);
        } else {
            decimal.first(number / HALF / HALF);
            decimal.next(number / HALF % HALF);
            decimal.next(number % HALF);
        }
        decimal
    }

    /// The first digits, at most eight and without zeros before them.
    #[inline]
    fn first(&mut self, number: u64) {
        let digits = super::eight_digits(number);
        // The last digit is there even if it is zero.
        let zeros = (digits | 1 << 56).trailing_zeros() / 8;
        self.put((digits | super::ASCII_ZEROS) >> (8 * zeros));
        self.len = 8 - zeros as usize;
    }

    /// The next eight.
    #[inline]
    fn next(&mut self, number: u64) {
        self.put(super::eight_digits(number) | super::ASCII_ZEROS);
        self.len += 8;
    }

    #[inline]
    fn put(&mut self, digits: u64) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + 8) {
            place.copy_from_slice(&digits.to_le_bytes());
        }
    }

    /// Appends the digits.
    #[inline]
    pub fn push(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let digits = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
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
                prop_assert_eq!(decimal.as_str(), number.to_string());
                let mut out = b"x".to_vec();
                decimal.push(&mut out);
                prop_assert_eq!(String::from_utf8(out).unwrap(), format!("x{number}"));
            }
        }
    }
}
