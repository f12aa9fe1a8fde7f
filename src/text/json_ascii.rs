//! Printable ASCII as the inside of a JSON string: nearly all of what is written of a reject.
//!
//! Lines of JSON are full of quotes, at no regular distance. A branch on each would be guessed wrong
//! all the time, so eight bytes are escaped at once, without a look at any one of them: each moves
//! up by as many places as there are quotes and backslashes up to it, and what is not covered then
//! is a backslash. With AVX-512 it is 32 at once.

use crate::fetch::fetch;

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
    if x86::has_wide() {
        // SAFETY: the processor has what the function needs.
        return unsafe { x86::push_wide(out, bytes) };
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("ssse3") && std::arch::is_x86_feature_detected!("popcnt")
    {
        // SAFETY: the processor has what the function needs.
        return unsafe { x86::push(out, bytes) };
    }
    push_with(out, bytes, escape)
}

/// A bit for each byte at which a JSON string may stop standing for itself, quotes, backslashes and control
/// characters; and one for each that is not ASCII.
#[inline]
pub(crate) fn stops_of_block(block: &[u8; 64]) -> (u64, u64) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every such processor has SSE2.
    return unsafe { x86::stops_of_block(block) };
    #[cfg(not(target_arch = "x86_64"))]
    stops_of_bytes(block)
}

/// The same, a byte at a time.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn stops_of_bytes(block: &[u8; 64]) -> (u64, u64) {
    let bits = |is_one: fn(u8) -> bool| {
        let all = block.iter().enumerate();
        all.fold(0, |bits, (at, byte)| bits | u64::from(is_one(*byte)) << at)
    };
    (
        bits(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')),
        bits(|byte| !byte.is_ascii()),
    )
}

/// Has the first bytes of a piece brought into the core's cache: it will be read soon.
#[inline]
pub(crate) fn will_read(bytes: &[u8]) {
    for block in bytes.chunks(64).take(3) {
        fetch(&block[0]);
    }
}

/// Appends a few bytes as they are if they are at most 64 and all printable ASCII; whether they are.
///
/// Copied before they are looked at, as in [`push`].
pub(crate) fn push_as_is(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    if bytes.len() > 64 {
        return false;
    }
    #[cfg(target_arch = "x86_64")]
    if x86::has_wide() {
        // SAFETY: the processor has what the function needs.
        return unsafe { x86::push_as_is(out, bytes) };
    }
    push_as_is_plainly(out, bytes)
}

/// The same without vectors.
fn push_as_is_plainly(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let start = out.len();
    out.extend_from_slice(bytes);
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    let are_all = out[start..].iter().all(is_printable);
    if !are_all {
        out.truncate(start);
    }
    are_all
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
        __m256i, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_cvtsi64_si128,
        _mm_cvtsi128_si64, _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8, _mm_unpackhi_epi64,
        _mm256_cmpeq_epi8_mask, _mm256_cmple_epu8_mask, _mm256_mask_loadu_epi8, _mm256_set1_epi8,
        _mm256_sub_epi8, _mm512_cmple_epu8_mask, _mm512_cvtepu8_epi16, _mm512_mask_loadu_epi8,
        _mm512_maskz_compress_epi8, _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi16,
        _mm512_slli_epi16, _mm512_storeu_si512, _mm512_sub_epi8, _pdep_u64,
    };
    use std::sync::LazyLock;

    /// How many bytes are escaped together with AVX-512.
    const WIDE: usize = 32;

    /// Whether the processor has what [`push_wide`] needs: since Ice Lake and Zen 4.
    pub(super) fn has_wide() -> bool {
        // Asked several times a line, and one thing to look up instead of five.
        *HAS_WIDE
    }

    static HAS_WIDE: LazyLock<bool> = LazyLock::new(|| {
        std::arch::is_x86_feature_detected!("avx512vbmi2")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("popcnt")
    });

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn stops_of_block(block: &[u8; 64]) -> (u64, u64) {
        let (words, _) = block.as_chunks();
        let (pairs, _) = words.as_chunks();
        let mut found = (0, 0);
        for (at, [low, high]) in pairs.iter().enumerate() {
            let bytes = _mm_set_epi64x(i64::from_le_bytes(*high), i64::from_le_bytes(*low));
            let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
            let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5c));
            let last = _mm_set1_epi8(0x1f);
            let controls = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last), last);
            let stops = _mm_or_si128(_mm_or_si128(quotes, backslashes), controls);
            // One bit a byte, all of 16.
            let bits = |mask| u64::from(_mm_movemask_epi8(mask).cast_unsigned()) << (16 * at);
            found.0 |= bits(stops);
            found.1 |= bits(bytes);
        }
        found
    }

    /// As the other `push_as_is`, with AVX-512.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,bmi2,popcnt")]
    pub(super) fn push_as_is(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
        out.reserve(64);
        let there = 1_u64.checked_shl(u32::try_from(bytes.len()).unwrap_or(64));
        let there = there.map_or(u64::MAX, |past| past - 1);
        // SAFETY: of the block only the bytes that are there are read, and the instruction asks for no
        // alignment.
        let block =
            unsafe { _mm512_mask_loadu_epi8(_mm512_set1_epi8(0x20), there, bytes.as_ptr().cast()) };
        let above = _mm512_sub_epi8(block, _mm512_set1_epi8(0x20));
        let are_all = _mm512_cmple_epu8_mask(above, _mm512_set1_epi8(0x7e - 0x20)) == u64::MAX;
        if are_all {
            let start = out.len();
            debug_assert!(out.capacity() - start >= 64);
            // SAFETY: there is room for the 64 bytes that are written, and those kept are among them.
            unsafe {
                _mm512_storeu_si512(out.as_mut_ptr().add(start).cast(), block);
                out.set_len(start + there.count_ones() as usize);
            }
        }
        are_all
    }

    /// As the other `push`, with AVX-512: each byte gets a backslash before it, and those that are too
    /// many are then left out by one instruction.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,bmi2,popcnt")]
    pub(super) fn push_wide(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
        out.reserve(2 * bytes.len() + 2 * WIDE);
        for (index, block) in bytes.chunks(WIDE).enumerate() {
            let there = u32::MAX >> (WIDE - block.len());
            // SAFETY: of the block only the bytes that are there are read, and the instruction asks for
            // no alignment.
            let block: __m256i = unsafe {
                _mm256_mask_loadu_epi8(_mm256_set1_epi8(0x20), there, block.as_ptr().cast())
            };
            let above = _mm256_sub_epi8(block, _mm256_set1_epi8(0x20));
            let printable = _mm256_cmple_epu8_mask(above, _mm256_set1_epi8(0x7e - 0x20));
            // All that are there, or those before the first that is not printable.
            let len = printable.trailing_ones().min(there.trailing_ones());
            let taken = u32::MAX.checked_shr(u32::BITS - len).unwrap_or(0);
            let escaped = _mm256_cmpeq_epi8_mask(block, _mm256_set1_epi8(0x22))
                | _mm256_cmpeq_epi8_mask(block, _mm256_set1_epi8(0x5c));
            let pairs = _mm512_or_si512(
                _mm512_slli_epi16(_mm512_cvtepu8_epi16(block), 8),
                _mm512_set1_epi16(0x5c),
            );
            // Of each pair the backslash if it is wanted, and the byte.
            let kept = _pdep_u64((escaped & taken).into(), 0x5555_5555_5555_5555)
                | _pdep_u64(taken.into(), 0xaaaa_aaaa_aaaa_aaaa);
            let packed = _mm512_maskz_compress_epi8(kept, pairs);
            let start = out.len();
            debug_assert!(out.capacity() - start >= 2 * WIDE);
            // SAFETY: there is room for two bytes for each that is left, and for a block more: what is
            // written, 64 bytes, fits. The instruction asks for no alignment. The bytes kept are among
            // those written.
            unsafe {
                _mm512_storeu_si512(out.as_mut_ptr().add(start).cast(), packed);
                out.set_len(start + kept.count_ones() as usize);
            }
            if taken != there {
                return WIDE * index + len as usize;
            }
        }
        bytes.len()
    }

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

        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("ssse3")
            && std::arch::is_x86_feature_detected!("popcnt")
        {
            let mut with = b"before".to_vec();
            // SAFETY: the processor has what the function needs.
            assert_eq!(unsafe { x86::push(&mut with, bytes) }, taken);
            assert_eq!(with, without, "{bytes:?}");
        }

        let mut as_is = b"before".to_vec();
        let are_all = push_as_is(&mut as_is, bytes);
        assert_eq!(are_all, printable == bytes.len(), "{bytes:?}");
        assert_eq!(as_is[6..], bytes[..if are_all { bytes.len() } else { 0 }]);
        let mut plain_as_is = b"before".to_vec();
        assert_eq!(push_as_is_plainly(&mut plain_as_is, bytes), are_all);
        assert_eq!(plain_as_is, as_is);

        let mut best = b"before".to_vec();
        let taken = push(&mut best, bytes);
        assert_eq!(best[6..], plainly(&bytes[..taken]), "{bytes:?}");
        assert!(taken == bytes.len() || (taken <= printable && printable < taken + 8));
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
        fn stops_are_the_same_all_at_once(block: [u8; 64], quotes: u64) {
            let mut block = block;
            prop_assert_eq!(stops_of_block(&block), stops_of_bytes(&block));
            for (at, byte) in block.iter_mut().enumerate() {
                if quotes >> at & 1 == 1 {
                    *byte = b"\"\\\x1f\x20"[at % 4];
                }
            }
            prop_assert_eq!(stops_of_block(&block), stops_of_bytes(&block));
        }

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
