//! Text: numbers and escapes written into a byte buffer, without going through `fmt`.

use super::rng::{Stream, scale};

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut n: u8 = 0;
    while n < 100 {
        pairs[n as usize] = [b'0' + n / 10, b'0' + n % 10];
        n += 1;
    }
    pairs
};

/// The two digits of a number below 100 (of its last two digits, if it is larger).
#[inline]
pub(super) fn pair(n: u32) -> [u8; 2] {
    PAIRS[(n % 100) as usize]
}

/// Writes a number in decimal.
#[inline]
pub(super) fn push_number(buf: &mut Vec<u8>, mut n: u64) {
    // u64::MAX has 20 digits.
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    while n >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(n % 100) as usize]);
        n /= 100;
    }
    // After an even number of digits `n` may be 0, which is a digit of its own only if it is alone.
    if n > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
    }
    buf.extend_from_slice(&digits[at..]);
}

/// Writes cents as a decimal with two places: 1999 is `19.99`.
#[inline]
pub(super) fn push_cents(buf: &mut Vec<u8>, cents: u32) {
    push_number(buf, u64::from(cents / 100));
    let [tens, ones] = pair(cents);
    buf.extend_from_slice(&[b'.', tens, ones]);
}

/// Writes `count` random decimal digits.
pub(super) fn push_digits(buf: &mut Vec<u8>, count: u32, rng: &mut Stream) {
    let mut word = 0;
    for i in 0..count {
        if i % 16 == 0 {
            word = rng.word();
        }
        // Of ten times the word, the high half is the digit and the low half is as random as the word.
        buf.push(b'0' + (scale(word, 10) % 10) as u8);
        word = word.wrapping_mul(10);
    }
}

/// Writes 16 hexadecimal digits.
#[inline]
pub(super) fn push_hex(buf: &mut Vec<u8>, word: u64) {
    let mut digits = [0_u8; 16];
    for (i, byte) in word.to_be_bytes().into_iter().enumerate() {
        digits[2 * i] = LOWER_HEX[usize::from(byte >> 4)];
        digits[2 * i + 1] = LOWER_HEX[usize::from(byte & 15)];
    }
    buf.extend_from_slice(&digits);
}

const LOWER_HEX: [u8; 16] = *b"0123456789abcdef";
const UPPER_HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Writes ASCII text with some of its characters, and always at least one, as `\u00xx` escapes.
pub(super) fn push_escaped(buf: &mut Vec<u8>, text: &[u8], rng: &mut Stream) {
    debug_assert!(
        text.is_ascii() && !text.contains(&b'"') && !text.contains(&b'\\'),
        "only plain ASCII is escaped byte by byte"
    );
    let hex = if rng.one_in(2) { LOWER_HEX } else { UPPER_HEX };
    let sure = rng.index(text.len());
    for (i, &byte) in text.iter().enumerate() {
        if i == sure || rng.one_in(4) {
            let [high, low] = [hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]];
            buf.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        } else {
            buf.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u64) -> String {
        let mut buf = Vec::new();
        push_number(&mut buf, n);
        String::from_utf8(buf).expect("digits")
    }

    #[test]
    fn numbers_are_written_as_fmt_writes_them() {
        let powers = (0..20).map(|exponent| 10_u64.pow(exponent));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1, power.wrapping_mul(7)]);
        for n in edges.chain(0..1_100).chain([u64::MAX, u64::MAX - 1]) {
            assert_eq!(number(n), n.to_string());
        }
    }

    #[test]
    fn cents_have_two_places() {
        for (cents, text) in [
            (1, "0.01"),
            (99, "0.99"),
            (100, "1.00"),
            (1_999, "19.99"),
            (40_005, "400.05"),
        ] {
            let mut buf = Vec::new();
            push_cents(&mut buf, cents);
            assert_eq!(buf, text.as_bytes());
        }
    }

    #[test]
    fn digits_and_hex_have_the_asked_length() {
        let [mut rng] = Stream::split(3);
        for count in [0, 1, 16, 17, 40] {
            let mut buf = Vec::new();
            push_digits(&mut buf, count, &mut rng);
            assert_eq!(buf.len(), count as usize);
            assert!(buf.iter().all(u8::is_ascii_digit));
        }
        let mut buf = Vec::new();
        push_hex(&mut buf, 0x0123_4567_89ab_cdef);
        assert_eq!(buf, b"0123456789abcdef");
    }

    #[test]
    fn escaped_text_reads_back() {
        let [mut rng] = Stream::split(4);
        for _ in 0..200 {
            let mut buf = b"\"".to_vec();
            push_escaped(&mut buf, b"add_to_cart", &mut rng);
            buf.push(b'"');
            assert!(buf.contains(&b'\\'));
            let text: String = serde_json::from_slice(&buf).expect("a JSON string");
            assert_eq!(text, "add_to_cart");
        }
    }
}
