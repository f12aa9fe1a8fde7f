//! Printable ASCII as the inside of a JSON string: nearly all of what is written of a reject.
//!
//! Lines of JSON are full of quotes, at no regular distance. A branch on each would be guessed wrong
//! all the time, so eight bytes are escaped at once, without a look at any one of them: each moves
//! up by as many places as there are quotes and backslashes up to it, and what is not covered then
//! is a backslash.

/// The bytes of a number, all 1; times a byte: that byte everywhere.
const ONES: u64 = u64::MAX / 0xff;

/// The highest bit of each byte of a number.
const HIGH: u64 = ONES << 7;

/// Appends the printable ASCII that `bytes` start with, as the inside of a JSON string. Returns how
/// many bytes that were: all, or at least those before the eight with the first that is not.
///
/// Bytes are copied before they are looked at, so they may be in a mapped file that somebody writes
/// to: what is appended is printable ASCII whatever happens.
pub(crate) fn push(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("ssse3") && std::arch::is_x86_feature_detected!("popcnt")
    {
        // SAFETY: the processor has what the function needs.
        return unsafe { x86::push(out, bytes) };
    }
    push_with(out, bytes, escape)
}

#[expect(
    clippy::inline_always,
    reason = "instructions of a processor are only used where all around is compiled for it"
)]
#[inline(always)]
fn push_with(out: &mut Vec<u8>, bytes: &[u8], escape: impl Fn(u64) -> ([u8; 16], usize)) -> usize {
    out.reserve(2 * bytes.len() + 16);
    let (words, tail) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        if !is_printable(word) {
            return 8 * index;
        }
        push_start(out, escape(word));
    }
    if tail.is_empty() {
        return bytes.len();
    }
    let blanks = 8 - tail.len();
    let word = if let Some(last) = bytes.last_chunk() {
        // Read where they are: what was just copied a byte at a time cannot be read as one number
        // before the processor has got round to writing it.
        let blank = (ONES * u64::from(b' ')) << (8 * tail.len());
        u64::from_le_bytes(*last) >> (8 * blanks) | blank
    } else {
        let mut word = [b' '; 8];
        word[..tail.len()].copy_from_slice(tail);
        u64::from_le_bytes(word)
    };
    if !is_printable(word) {
        return bytes.len() - tail.len();
    }
    let (escaped, len) = escape(word);
    push_start(out, (escaped, len - blanks));
    bytes.len()
}

/// Appends the first bytes of some. All and then less: quicker than a call to copy so few.
#[inline]
fn push_start(out: &mut Vec<u8>, (bytes, len): ([u8; 16], usize)) {
    let end = out.len() + len;
    out.extend_from_slice(&bytes);
    out.truncate(end);
}

/// Whether eight bytes are all from U+0020 to U+007E.
#[inline]
fn is_printable(word: u64) -> bool {
    // Without a highest bit no sum carries over into the next byte; with one it is not ASCII anyway.
    let is_delete = word.wrapping_add(ONES);
    let is_no_control = word.wrapping_add(ONES * (0x80 - 0x20));
    (word | is_delete | !is_no_control) & HIGH == 0
}

/// Eight bytes of printable ASCII, escaped, and how many they are then.
#[inline]
fn escape(word: u64) -> ([u8; 16], usize) {
    let differs = |byte: u8| (word ^ (ONES * u64::from(byte))).wrapping_add(ONES * 0x7f);
    let is_escaped = (!(differs(b'"') & differs(b'\\')) & HIGH) >> 7;
    // Each byte is the sum of those up to it.
    let moves = is_escaped.wrapping_mul(ONES).to_le_bytes();
    let mut escaped = [b'\\'; 16];
    for (at, byte) in word.to_le_bytes().into_iter().enumerate() {
        escaped[(at + usize::from(moves[at])) % 16] = byte;
    }
    (escaped, 8 + usize::from(moves[7]))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm_and_si128, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_cvtsi64_si128, _mm_cvtsi128_si64,
        _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_setzero_si128,
        _mm_shuffle_epi8, _mm_unpackhi_epi64,
    };

    /// What a place is of which no byte comes: `pshufb` makes it zero.
    const BACKSLASH: u8 = 0x80;

    /// For each set of bytes to escape, one bit each: which byte comes to which place, as two
    /// halves.
    static PLACES: [[u64; 2]; 256] = {
        let mut table = [[0; 2]; 256];
        let mut set = 0;
        while set < 256 {
            let mut places = [BACKSLASH; 16];
            let (mut from, mut to) = (0, 0);
            while from < 8 {
                if set >> from & 1 == 1 {
                    to += 1;
                }
                places[to] = from;
                from += 1;
                to += 1;
            }
            let (halves, _) = places.as_chunks();
            table[set] = [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])];
            set += 1;
        }
        table
    };

    /// As the other `push`, with `pshufb`, which moves all bytes at once.
    #[target_feature(enable = "ssse3,popcnt")]
    pub(super) fn push(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
        super::push_with(out, bytes, |word| {
            let bytes = _mm_cvtsi64_si128(word.cast_signed());
            let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
            let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5c));
            let set = _mm_movemask_epi8(_mm_or_si128(quotes, backslashes)).cast_unsigned() & 0xff;
            let [low, high] = PLACES[set as usize];
            let places = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
            let moved = _mm_shuffle_epi8(bytes, places);
            let uncovered = _mm_cmplt_epi8(places, _mm_setzero_si128());
            let escaped = _mm_or_si128(moved, _mm_and_si128(uncovered, _mm_set1_epi8(0x5c)));
            let low = _mm_cvtsi128_si64(escaped);
            let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(escaped, escaped));
            let both = u128::from(low.cast_unsigned()) | u128::from(high.cast_unsigned()) << 64;
            (both.to_le_bytes(), 8 + set.count_ones() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A byte at a time, up to the first that is not printable.
    fn plainly(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for &byte in bytes.iter().take_while(|byte| matches!(byte, b' '..=b'~')) {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out
    }

    #[track_caller]
    fn check(bytes: &[u8]) {
        let printable = bytes.iter().take_while(|byte| matches!(byte, b' '..=b'~'));
        let printable = printable.count();
        let mut without = b"before".to_vec();
        let taken = push_with(&mut without, bytes, escape);
        assert_eq!(without[6..], plainly(&bytes[..taken]), "{bytes:?}");
        assert!(taken == bytes.len() || (taken <= printable && printable < taken + 8));

        let mut with = b"before".to_vec();
        assert_eq!(push(&mut with, bytes), taken);
        assert_eq!(with, without, "{bytes:?}");
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                for around in [b' ', b'"', b'~', 0x80] {
                    let mut bytes = [around; 20];
                    bytes[at] = byte;
                    check(&bytes);
                }
            }
        }
    }

    #[test]
    fn every_set_of_escapes() {
        for set in 0..=u8::MAX {
            for escaped in [b'"', b'\\'] {
                let byte = |at| {
                    if set >> at & 1 == 1 {
                        escaped
                    } else {
                        b'a' + at
                    }
                };
                check(&[0, 1, 2, 3, 4, 5, 6, 7].map(byte));
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes(
            bytes in prop::collection::vec(
                prop_oneof![
                    20 => 0x20..=0x7e_u8, 10 => Just(b'"'), 5 => Just(b'\\'), 1 => any::<u8>()
                ],
                0..60,
            )
        ) {
            check(&bytes);
        }
    }
}
