//! Looking at 32 bytes at a time: with vector instructions where the machine has them, chosen at run
//! time, and within words everywhere else.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

/// How many bytes are looked at together.
pub(super) const BLOCK: usize = 32;

/// A way of looking at blocks. All ways give the same answers.
pub(super) trait Scan {
    /// The place of the first byte of a block that cannot stand in a JSON string as it is and be
    /// passed over: a quote, a backslash, a control character, or part of a character past ASCII.
    /// [`BLOCK`] if there is none.
    fn first_not_plain(block: &[u8; BLOCK]) -> usize;

    /// Whether the first `len` bytes of two blocks are the same; `len` is at most [`BLOCK`].
    fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], len: usize) -> bool;

    /// Runs a task in a function of its own that is compiled for this way of looking.
    ///
    /// Vector instructions are only compiled as such, and not as calls, in a function that is marked
    /// for them and in what is inlined into it.
    fn run<T: Task>(task: T) -> T::Output;
}

/// Work that is to be compiled for a [`Scan`]; its `run` is to be marked `#[inline(always)]`.
pub(super) trait Task {
    /// What comes out.
    type Output;

    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Words of eight bytes, on any machine.
#[derive(Debug)]
pub(super) struct Words;

impl Words {
    /// The words of a block, first in memory first.
    #[inline(always)]
    fn of(block: &[u8; BLOCK]) -> [u64; BLOCK / 8] {
        let mut words = [0; BLOCK / 8];
        for (word, bytes) in words.iter_mut().zip(block.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        words
    }
}

impl Scan for Words {
    #[inline(always)]
    fn first_not_plain(block: &[u8; BLOCK]) -> usize {
        const ONES: u64 = u64::from_le_bytes([1; 8]);
        const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
        // The high bit of each byte of `word` that is below `limit` (at most 0x80), which holds for
        // the lowest such byte and may be wrong only above it.
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
        for (index, word) in Words::of(block).into_iter().enumerate() {
            let quote = below(word ^ (ONES * u64::from(b'"')), 1);
            let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
            let found = quote | backslash | below(word, 0x20) | word & HIGHS;
            if found != 0 {
                return index * 8 + (found.trailing_zeros() / 8) as usize;
            }
        }
        BLOCK
    }

    #[inline(always)]
    fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], len: usize) -> bool {
        a.get(..len) == b.get(..len)
    }

    #[inline(never)]
    fn run<T: Task>(task: T) -> T::Output {
        task.run()
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::Avx2;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8,
    };

    use super::{BLOCK, Scan, Task};

    /// Vectors of 32 bytes, on x86-64 machines with AVX2. Only to be used where
    /// `is_x86_feature_detected!("avx2")` holds.
    #[derive(Debug)]
    pub(in super::super) struct Avx2;

    impl Avx2 {
        #[inline(always)]
        fn load(block: &[u8; BLOCK]) -> __m256i {
            debug_assert!(is_x86_feature_detected!("avx2"));
            // SAFETY: a block has the 32 bytes that are read, and the instruction asks for no
            // alignment. AVX2 is there, or this type would not be used.
            unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
        }
    }

    impl Scan for Avx2 {
        #[inline(always)]
        fn first_not_plain(block: &[u8; BLOCK]) -> usize {
            let bytes = Avx2::load(block);
            // SAFETY: these only compute; AVX2 is there, or this type would not be used.
            let found = unsafe {
                let quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x22));
                let backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x5c));
                let control =
                    _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
                let some = _mm256_or_si256(_mm256_or_si256(quote, backslash), control);
                // The mask takes the highest bit of each byte, which past ASCII is set.
                _mm256_movemask_epi8(_mm256_or_si256(some, bytes))
            };
            // 32, that is `BLOCK`, for no bit at all.
            found.trailing_zeros() as usize
        }

        #[inline(always)]
        fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], len: usize) -> bool {
            let (a, b) = (Avx2::load(a), Avx2::load(b));
            // SAFETY: these only compute; AVX2 is there, or this type would not be used.
            let same = unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b)) };
            same.trailing_ones() as usize >= len
        }

        #[inline(always)]
        fn run<T: Task>(task: T) -> T::Output {
            #[target_feature(enable = "avx2")]
            #[inline(never)]
            fn with_avx2<T: Task>(task: T) -> T::Output {
                task.run()
            }
            debug_assert!(is_x86_feature_detected!("avx2"));
            // SAFETY: AVX2 is there, or this type would not be used.
            unsafe { with_avx2(task) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the ways of looking at a block are compared with.
    fn plainly(block: &[u8; BLOCK]) -> usize {
        block
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20 | 0x80..))
            .unwrap_or(BLOCK)
    }

    fn check<S: Scan>(block: &[u8; BLOCK], other: &[u8; BLOCK], len: usize) {
        assert_eq!(S::first_not_plain(block), plainly(block), "{block:?}");
        assert_eq!(
            S::starts_alike(block, other, len),
            block[..len] == other[..len]
        );
    }

    fn check_all(block: &[u8; BLOCK], other: &[u8; BLOCK], len: usize) {
        check::<Words>(block, other, len);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            check::<Avx2>(block, other, len);
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                for around in [b'a', 0x20, 0x7f, b'!', b'#'] {
                    let mut block = [around; BLOCK];
                    block[at] = byte;
                    check_all(&block, &[around; BLOCK], at);
                    check_all(&block, &[around; BLOCK], BLOCK);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn all_ways_agree(
            block: [u8; BLOCK],
            sparse in proptest::array::uniform32(prop_oneof![20 => 0x20..0x7f_u8, 1 => any::<u8>()]),
            mut other: [u8; BLOCK],
            len in 0..=BLOCK,
            same in 0..=BLOCK,
        ) {
            other[..same].copy_from_slice(&sparse[..same]);
            check_all(&block, &other, len);
            check_all(&sparse, &other, len);
        }
    }
}
