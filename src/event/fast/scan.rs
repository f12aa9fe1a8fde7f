//! Looking at 32 or 64 bytes at a time: with vector instructions where the machine has them, chosen
//! at run time, and within words everywhere else.
//!
//! All `unsafe` code of the fast lane is here.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

/// How many bytes are looked at together.
pub(super) const BLOCK: usize = 32;

/// A way of looking at blocks. All ways give the same answers.
pub(in crate::event) trait Scan {
    /// The place of the first byte of a block that cannot stand in a JSON string as it is and be
    /// passed over: a quote, a backslash, a control character, or part of a character past ASCII.
    /// [`BLOCK`] if there is none.
    fn first_not_plain(block: &[u8; BLOCK]) -> usize;

    /// Whether two blocks are the same in the bytes whose bits are set, which are the first ones.
    fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], bits: u32) -> bool;

    /// The date at the start of a block, if that is `"YYYY-MM-DDThh:mm:ssZ"`, quotes included, with a
    /// time from 00:00:00 to 23:59:59: the two halves of the year, the month and the day, in 16 bits
    /// each, the first one lowest. Whether the calendar has such a day is not said.
    fn date_digits(block: &[u8; BLOCK]) -> Option<u64>;

    /// Runs a task in a function of its own that is compiled for this way of looking.
    ///
    /// Vector instructions are only compiled as such, and not as calls, in a function that is marked
    /// for them and in what is inlined into it.
    fn run<T: Task>(task: T) -> T::Output;
}

/// How many bytes are indexed together: one for each bit of a word.
pub(super) const WIDE: usize = 64;

/// Which bytes of a wide block are what, the first byte lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    /// `"`
    pub(super) quote: u64,
    /// `\`
    pub(super) backslash: u64,
    /// Below 0x20, white space too.
    pub(super) control: u64,
    /// The end of the line.
    pub(super) newline: u64,
    /// Parts of characters past ASCII.
    pub(super) past_ascii: u64,
    /// JSON white space that may stand inside a line: space, tab, carriage return.
    pub(super) space: u64,
    /// `{`, `}`, `[`, `]`, `:` and `,`
    pub(super) punctuation: u64,
}

/// Which of 64 tokens are what, each being known by its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    /// `{` and `[`
    pub(super) open: u64,
    /// `}` and `]`
    pub(super) close: u64,
    /// `{` and `}`
    pub(super) object: u64,
    /// `:`
    pub(super) colon: u64,
    /// `,`
    pub(super) comma: u64,
    /// `"`
    pub(super) string: u64,
}

/// Which bytes of a block can be part of a number, and as what, the first byte lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberMasks {
    /// `0` to `9`
    pub(super) digit: u32,
    /// `.`
    pub(super) point: u32,
    /// `e` and `E`
    pub(super) exponent: u32,
    /// `+` and `-`
    pub(super) sign: u32,
}

/// A way of looking at blocks that also has what an index of a line is made with.
///
/// Where bytes or places are packed together, what is behind those selected means nothing.
pub(super) trait Index: Scan {
    /// What the bytes of a wide block are.
    fn masks(block: &[u8; WIDE]) -> Masks;

    /// What 64 tokens are.
    fn kinds(tokens: &[u8; WIDE]) -> Kinds;

    /// What the bytes of a block are in a number.
    fn number_masks(block: &[u8; BLOCK]) -> NumberMasks;

    /// The bytes that are selected, close together.
    fn pack(block: &[u8; WIDE], selected: u64, packed: &mut [u8; WIDE]);

    /// The places of the bits that are selected, the lowest bit standing for `start`.
    fn places(selected: u64, start: u16, places: &mut [u16; WIDE]);

    /// The places that are selected, close together.
    fn pack_places(places: &[u16; WIDE], selected: u64, packed: &mut [u16; WIDE]);

    /// Each bit the exclusive or of itself and all lower bits: what lies between pairs of bits.
    fn prefix_xor(bits: u64) -> u64;

    /// The bits that are selected, close together, the lowest first.
    fn gather(bits: u64, selected: u64) -> u64;

    /// The lowest bits, as many as are selected, each in the place of one that is.
    fn spread(bits: u64, selected: u64) -> u64;
}

/// Work that is to be compiled for a [`Scan`]; its `run` is to be marked `#[inline(always)]`.
pub(in crate::event) trait Task {
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
    fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], bits: u32) -> bool {
        let len = bits.count_ones() as usize;
        a.get(..len) == b.get(..len)
    }

    #[inline(always)]
    fn date_digits(block: &[u8; BLOCK]) -> Option<u64> {
        super::value::date_digits(block.first_chunk()?)
    }

    #[inline(never)]
    fn run<T: Task>(task: T) -> T::Output {
        task.run()
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64,
        _mm_extract_epi16, _mm_loadu_si128, _mm_maddubs_epi16, _mm_set1_epi8, _mm_set1_epi16,
        _mm_shuffle_epi8, _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_loadu_si256,
        _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_sub_epi8,
        _mm512_add_epi16, _mm512_broadcast_i32x4, _mm512_castsi512_si256, _mm512_cmpeq_epi8_mask,
        _mm512_cmplt_epu8_mask, _mm512_cvtepu8_epi16, _mm512_extracti64x4_epi64,
        _mm512_loadu_si512, _mm512_maskz_compress_epi8, _mm512_maskz_compress_epi16,
        _mm512_movepi8_mask, _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi16,
        _mm512_shuffle_epi8, _mm512_storeu_si512, _mm512_test_epi8_mask, _pdep_u64, _pext_u64,
    };

    use super::{BLOCK, Index, Kinds, Masks, NumberMasks, Scan, Task, WIDE};

    /// JSON's white space that may stand inside a line, each byte at the place that its lower half
    /// names; elsewhere none that has that lower half.
    const SPACES: [u8; 16] = {
        let mut table = [0xff; 16];
        table[0] = b' ';
        table[9] = b'\t';
        table[13] = b'\r';
        table
    };

    /// The same of JSON's punctuation, with the bit set in which brackets and braces differ.
    const PUNCTUATION: [u8; 16] = {
        let mut table = [0xff; 16];
        table[10] = b':';
        table[11] = b'{';
        table[12] = b',';
        table[13] = b'}';
        table
    };

    /// Each byte its own place.
    const COUNTING: [u8; WIDE] = {
        let mut bytes = [0; WIDE];
        let mut at = 1;
        while at < WIDE {
            bytes[at] = bytes[at - 1] + 1;
            at += 1;
        }
        bytes
    };

    /// Vectors of 32 bytes, on x86-64 machines with AVX2. Only to be used where [`Avx2::is_there`].
    #[derive(Debug)]
    pub(in super::super) struct Avx2;

    /// Vectors of 64 bytes, on x86-64 machines with AVX-512 as it has been since Ice Lake and Zen 4.
    /// Only to be used where [`Avx512::is_there`].
    #[derive(Debug)]
    pub(in super::super) struct Avx512;

    impl Avx2 {
        /// Whether this machine has what it takes.
        pub(in super::super) fn is_there() -> bool {
            is_x86_feature_detected!("avx2")
        }

        #[inline(always)]
        fn load(block: &[u8; BLOCK]) -> __m256i {
            debug_assert!(Avx2::is_there());
            // SAFETY: a block has the 32 bytes that are read, and the instruction asks for no
            // alignment. AVX2 is there, or this type would not be used.
            unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
        }
    }

    impl Avx512 {
        /// Whether this machine has what it takes.
        pub(in super::super) fn is_there() -> bool {
            is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("pclmulqdq")
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vbmi2")
        }

        #[inline(always)]
        fn load(block: &[u8; WIDE]) -> __m512i {
            debug_assert!(Avx512::is_there());
            // SAFETY: a wide block has the 64 bytes that are read, and the instruction asks for no
            // alignment. AVX-512 is there, or this type would not be used.
            unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
        }

        /// A table of 16 bytes, four times.
        #[inline(always)]
        fn table(table: &[u8; 16]) -> __m512i {
            debug_assert!(Avx512::is_there());
            // SAFETY: the table has the 16 bytes that are read, and the instruction asks for no
            // alignment. AVX-512 is there, or this type would not be used.
            unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(table.as_ptr().cast())) }
        }

        /// Writes half a wide block of places from `at` on, which is at most the middle.
        #[inline(always)]
        fn store_half(places: &mut [u16; WIDE], at: usize, half: __m512i) {
            const HALF: usize = WIDE / 2;
            debug_assert!(at <= HALF && Avx512::is_there());
            let at = at.min(HALF);
            // SAFETY: from the middle at most, there are the 32 places, 64 bytes, that are written,
            // and the instruction asks for no alignment. AVX-512 is there, or this type would not be
            // used.
            unsafe { _mm512_storeu_si512(places.as_mut_ptr().add(at).cast(), half) }
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
        fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], bits: u32) -> bool {
            let (a, b) = (Avx2::load(a), Avx2::load(b));
            // SAFETY: these only compute; AVX2 is there, or this type would not be used.
            let same = unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b)) };
            same.cast_unsigned() & bits == bits
        }

        #[inline(always)]
        fn date_digits(block: &[u8; BLOCK]) -> Option<u64> {
            // What a byte is above the one expected, at most.
            const FORM: &[u8; BLOCK] = b"\"0000-00-00T00:00:00Z\"\0\0\0\0\0\0\0\0\0\0";
            const ABOVE: &[u8; BLOCK] = b"\0\x09\x09\x09\x09\0\x01\x09\0\x03\x09\0\x02\x09\0\x05\x09\0\x05\x09\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
            // Pairs of digits: of the year, the month, the day, the hour; nothing then.
            const PAIRS: &[u8; 16] =
                b"\x01\x02\x03\x04\x06\x07\x09\x0a\x0c\x0d\x80\x80\x80\x80\x80\x80";
            let (bytes, form, above) = (Avx2::load(block), Avx2::load(FORM), Avx2::load(ABOVE));
            // SAFETY: the pairs are the 16 bytes that are read; the others only compute. AVX2 is
            // there, or this type would not be used.
            let (fits, date, hour) = unsafe {
                let digits = _mm256_sub_epi8(bytes, form);
                let fits = _mm256_cmpeq_epi8(_mm256_min_epu8(digits, above), digits);
                let pairs = _mm_shuffle_epi8(
                    _mm256_castsi256_si128(digits),
                    _mm_loadu_si128(PAIRS.as_ptr().cast()),
                );
                // Ten times the first digit and once the second.
                let numbers = _mm_maddubs_epi16(pairs, _mm_set1_epi16(0x010a));
                (
                    _mm256_movemask_epi8(fits),
                    _mm_cvtsi128_si64(numbers).cast_unsigned(),
                    _mm_extract_epi16(numbers, 4),
                )
            };
            (fits == -1 && hour < 24).then_some(date)
        }

        #[inline(always)]
        fn run<T: Task>(task: T) -> T::Output {
            #[target_feature(enable = "avx2")]
            #[inline(never)]
            fn with_avx2<T: Task>(task: T) -> T::Output {
                task.run()
            }
            debug_assert!(Avx2::is_there());
            // SAFETY: AVX2 is there, or this type would not be used.
            unsafe { with_avx2(task) }
        }
    }

    impl Scan for Avx512 {
        #[inline(always)]
        fn first_not_plain(block: &[u8; BLOCK]) -> usize {
            Avx2::first_not_plain(block)
        }

        #[inline(always)]
        fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], bits: u32) -> bool {
            Avx2::starts_alike(a, b, bits)
        }

        #[inline(always)]
        fn date_digits(block: &[u8; BLOCK]) -> Option<u64> {
            Avx2::date_digits(block)
        }

        #[inline(always)]
        fn run<T: Task>(task: T) -> T::Output {
            #[target_feature(
                enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq,avx512f,avx512bw,avx512vl,avx512vbmi2"
            )]
            #[inline(never)]
            fn with_avx512<T: Task>(task: T) -> T::Output {
                task.run()
            }
            debug_assert!(Avx512::is_there());
            // SAFETY: all of these are there, or this type would not be used.
            unsafe { with_avx512(task) }
        }
    }

    impl Index for Avx512 {
        #[inline(always)]
        fn masks(block: &[u8; WIDE]) -> Masks {
            let bytes = Avx512::load(block);
            let (spaces, punctuation) = (Avx512::table(&SPACES), Avx512::table(&PUNCTUATION));
            // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
            unsafe {
                let equal =
                    |byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()));
                let case = _mm512_set1_epi8(0x20);
                let control = _mm512_cmplt_epu8_mask(bytes, case);
                // Lower halves choose from the tables; bytes past ASCII get nothing but zero. Setting
                // a bit makes two control characters look like punctuation too.
                let punctuation = _mm512_cmpeq_epi8_mask(
                    _mm512_shuffle_epi8(punctuation, bytes),
                    _mm512_or_si512(bytes, case),
                );
                Masks {
                    quote: equal(b'"'),
                    backslash: equal(b'\\'),
                    control,
                    newline: equal(b'\n'),
                    past_ascii: _mm512_movepi8_mask(bytes),
                    space: _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(spaces, bytes), bytes),
                    punctuation: punctuation & !control,
                }
            }
        }

        #[inline(always)]
        fn kinds(tokens: &[u8; WIDE]) -> Kinds {
            let bytes = Avx512::load(tokens);
            // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
            unsafe {
                let equal = |bytes, byte: u8| {
                    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()))
                };
                let case = _mm512_set1_epi8(0x20);
                // Brackets and braces differ by the bit that upper and lower case differ by.
                let cased = _mm512_or_si512(bytes, case);
                let (open, close) = (equal(cased, b'{'), equal(cased, b'}'));
                Kinds {
                    open,
                    close,
                    object: _mm512_test_epi8_mask(bytes, case) & (open | close),
                    colon: equal(bytes, b':'),
                    comma: equal(bytes, b','),
                    string: equal(bytes, b'"'),
                }
            }
        }

        #[inline(always)]
        fn number_masks(block: &[u8; BLOCK]) -> NumberMasks {
            let bytes = Avx2::load(block);
            // SAFETY: these only compute; AVX2 is there, or this type would not be used.
            unsafe {
                let mask = |bytes| _mm256_movemask_epi8(bytes).cast_unsigned();
                let equal = |bytes, byte: u8| {
                    _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte.cast_signed()))
                };
                let value = _mm256_sub_epi8(bytes, _mm256_set1_epi8(0x30));
                let cased = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
                NumberMasks {
                    digit: mask(_mm256_cmpeq_epi8(
                        _mm256_min_epu8(value, _mm256_set1_epi8(9)),
                        value,
                    )),
                    point: mask(equal(bytes, b'.')),
                    exponent: mask(equal(cased, b'e')),
                    sign: mask(_mm256_or_si256(equal(bytes, b'+'), equal(bytes, b'-'))),
                }
            }
        }

        #[inline(always)]
        fn pack(block: &[u8; WIDE], selected: u64, packed: &mut [u8; WIDE]) {
            let bytes = Avx512::load(block);
            // SAFETY: there are the 64 bytes that are written, and the instruction asks for no
            // alignment; the other one only computes. AVX-512 is there, or this type would not be
            // used.
            unsafe {
                _mm512_storeu_si512(
                    packed.as_mut_ptr().cast(),
                    _mm512_maskz_compress_epi8(selected, bytes),
                );
            }
        }

        #[inline(always)]
        fn places(selected: u64, start: u16, places: &mut [u16; WIDE]) {
            let counting = Avx512::load(&COUNTING);
            // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
            let (low, high) = unsafe {
                let packed = _mm512_maskz_compress_epi8(selected, counting);
                let start = _mm512_set1_epi16(start.cast_signed());
                let (low, high) = (
                    _mm512_castsi512_si256(packed),
                    _mm512_extracti64x4_epi64(packed, 1),
                );
                (
                    _mm512_add_epi16(_mm512_cvtepu8_epi16(low), start),
                    _mm512_add_epi16(_mm512_cvtepu8_epi16(high), start),
                )
            };
            Avx512::store_half(places, 0, low);
            Avx512::store_half(places, WIDE / 2, high);
        }

        #[inline(always)]
        #[expect(clippy::cast_possible_truncation, reason = "each half is meant")]
        fn pack_places(places: &[u16; WIDE], selected: u64, packed: &mut [u16; WIDE]) {
            debug_assert!(Avx512::is_there());
            let (of_low, of_high) = (selected as u32, (selected >> 32) as u32);
            // SAFETY: there are 64 places, 128 bytes, of which each half is read, and the instruction
            // asks for no alignment; the others only compute. AVX-512 is there, or this type would
            // not be used.
            let (low, high) = unsafe {
                let low = _mm512_loadu_si512(places.as_ptr().cast());
                let high = _mm512_loadu_si512(places.as_ptr().add(WIDE / 2).cast());
                (
                    _mm512_maskz_compress_epi16(of_low, low),
                    _mm512_maskz_compress_epi16(of_high, high),
                )
            };
            Avx512::store_half(packed, 0, low);
            Avx512::store_half(packed, of_low.count_ones() as usize, high);
        }

        #[inline(always)]
        fn prefix_xor(bits: u64) -> u64 {
            debug_assert!(Avx512::is_there());
            // SAFETY: this only computes; the instruction is there, or this type would not be used.
            unsafe {
                let ones = _mm_set1_epi8(-1);
                // Multiplied without carries by all ones.
                let product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(bits.cast_signed()), ones, 0);
                _mm_cvtsi128_si64(product).cast_unsigned()
            }
        }

        #[inline(always)]
        fn gather(bits: u64, selected: u64) -> u64 {
            debug_assert!(Avx512::is_there());
            // SAFETY: this only computes; the instruction is there, or this type would not be used.
            unsafe { _pext_u64(bits, selected) }
        }

        #[inline(always)]
        fn spread(bits: u64, selected: u64) -> u64 {
            debug_assert!(Avx512::is_there());
            // SAFETY: this only computes; the instruction is there, or this type would not be used.
            unsafe { _pdep_u64(bits, selected) }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
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
        let bits = u32::try_from((1_u64 << len) - 1).unwrap();
        assert_eq!(
            S::starts_alike(block, other, bits),
            block[..len] == other[..len]
        );
    }

    fn check_all(block: &[u8; BLOCK], other: &[u8; BLOCK], len: usize) {
        check::<Words>(block, other, len);
        #[cfg(target_arch = "x86_64")]
        if Avx2::is_there() {
            check::<Avx2>(block, other, len);
        }
        #[cfg(target_arch = "x86_64")]
        if Avx512::is_there() {
            check::<Avx512>(block, other, len);
        }
    }

    /// The plain way of indexing, which the others are compared with. It runs on any machine.
    #[derive(Debug)]
    pub(in super::super) struct Plain;

    /// The bits of the bytes that a condition holds for.
    fn bits(block: &[u8], holds: impl Fn(u8) -> bool) -> u64 {
        let bit = |(at, byte): (usize, &u8)| u64::from(holds(*byte)) << at;
        block.iter().enumerate().map(bit).sum()
    }

    fn selected_places(selected: u64) -> impl Iterator<Item = usize> {
        (0..WIDE).filter(move |at| selected >> at & 1 == 1)
    }

    impl Scan for Plain {
        fn first_not_plain(block: &[u8; BLOCK]) -> usize {
            plainly(block)
        }

        fn starts_alike(a: &[u8; BLOCK], b: &[u8; BLOCK], bits: u32) -> bool {
            (0..BLOCK).all(|at| bits >> at & 1 == 0 || a[at] == b[at])
        }

        fn date_digits(block: &[u8; BLOCK]) -> Option<u64> {
            super::super::value::date_digits(block.first_chunk()?)
        }

        fn run<T: Task>(task: T) -> T::Output {
            task.run()
        }
    }

    impl Index for Plain {
        fn masks(block: &[u8; WIDE]) -> Masks {
            Masks {
                quote: bits(block, |byte| byte == b'"'),
                backslash: bits(block, |byte| byte == b'\\'),
                control: bits(block, |byte| byte < 0x20),
                newline: bits(block, |byte| byte == b'\n'),
                past_ascii: bits(block, |byte| byte >= 0x80),
                space: bits(block, |byte| matches!(byte, b' ' | b'\t' | b'\r')),
                punctuation: bits(block, |byte| b"{}[]:,".contains(&byte)),
            }
        }

        fn kinds(tokens: &[u8; WIDE]) -> Kinds {
            Kinds {
                open: bits(tokens, |byte| matches!(byte, b'{' | b'[')),
                close: bits(tokens, |byte| matches!(byte, b'}' | b']')),
                object: bits(tokens, |byte| matches!(byte, b'{' | b'}')),
                colon: bits(tokens, |byte| byte == b':'),
                comma: bits(tokens, |byte| byte == b','),
                string: bits(tokens, |byte| byte == b'"'),
            }
        }

        fn number_masks(block: &[u8; BLOCK]) -> NumberMasks {
            let bits = |holds: fn(u8) -> bool| u32::try_from(bits(block, holds)).unwrap();
            NumberMasks {
                digit: bits(|byte| byte.is_ascii_digit()),
                point: bits(|byte| byte == b'.'),
                exponent: bits(|byte| matches!(byte, b'e' | b'E')),
                sign: bits(|byte| matches!(byte, b'+' | b'-')),
            }
        }

        fn pack(block: &[u8; WIDE], selected: u64, packed: &mut [u8; WIDE]) {
            for (to, from) in packed.iter_mut().zip(selected_places(selected)) {
                *to = block[from];
            }
        }

        fn places(selected: u64, start: u16, places: &mut [u16; WIDE]) {
            for (to, from) in places.iter_mut().zip(selected_places(selected)) {
                *to = start + u16::try_from(from).unwrap();
            }
        }

        fn pack_places(places: &[u16; WIDE], selected: u64, packed: &mut [u16; WIDE]) {
            for (to, from) in packed.iter_mut().zip(selected_places(selected)) {
                *to = places[from];
            }
        }

        fn prefix_xor(bits: u64) -> u64 {
            (0..64)
                .map(|at| u64::from((bits << (63 - at)).count_ones() % 2) << at)
                .sum()
        }

        fn gather(bits: u64, selected: u64) -> u64 {
            let places = selected_places(selected).enumerate();
            places.map(|(to, from)| (bits >> from & 1) << to).sum()
        }

        fn spread(bits: u64, selected: u64) -> u64 {
            let places = selected_places(selected).enumerate();
            places.map(|(from, to)| (bits >> from & 1) << to).sum()
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn check_index(block: &[u8; WIDE], selected: u64, start: u16) {
        if !Avx512::is_there() {
            return;
        }
        assert_eq!(Avx512::masks(block), Plain::masks(block), "{block:?}");
        assert_eq!(Avx512::kinds(block), Plain::kinds(block), "{block:?}");
        for half in block.as_chunks::<BLOCK>().0 {
            assert_eq!(Avx512::number_masks(half), Plain::number_masks(half));
        }
        for half in block.as_chunks::<8>().0 {
            let bits = u64::from_le_bytes(*half);
            let gathered = Plain::gather(bits, selected);
            assert_eq!(Avx512::gather(bits, selected), gathered, "{selected:x}");
            let spread = Plain::spread(bits, selected);
            assert_eq!(Avx512::spread(bits, selected), spread, "{selected:x}");
        }
        let xor = Plain::prefix_xor(selected);
        assert_eq!(Avx512::prefix_xor(selected), xor, "{selected:x}");
        let count = selected.count_ones() as usize;

        let mut packed = [[0; WIDE]; 2];
        Plain::pack(block, selected, &mut packed[0]);
        Avx512::pack(block, selected, &mut packed[1]);
        assert_eq!(packed[0][..count], packed[1][..count], "{selected:x}");

        let mut places = [[0; WIDE]; 2];
        Plain::places(selected, start, &mut places[0]);
        Avx512::places(selected, start, &mut places[1]);
        assert_eq!(places[0][..count], places[1][..count], "{selected:x}");

        let all = std::array::from_fn(|at| u16::try_from(at * at).unwrap());
        Plain::pack_places(&all, selected, &mut places[0]);
        Avx512::pack_places(&all, selected, &mut places[1]);
        assert_eq!(places[0][..count], places[1][..count], "{selected:x}");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_byte_at_every_place_of_a_wide_block() {
        for byte in 0..=u8::MAX {
            for at in 0..WIDE {
                let mut block = [b'a'; WIDE];
                block[at] = byte;
                check_index(&block, 1 << at, 0);
                check_index(&block, !(1 << at), u16::from(byte) << 4);
            }
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

    fn check_date<S: Scan>(block: &[u8; BLOCK]) {
        let expected = super::super::value::date_digits(block.first_chunk().unwrap());
        assert_eq!(
            S::date_digits(block),
            expected,
            "{}",
            String::from_utf8_lossy(block)
        );
    }

    proptest! {
        #[test]
        fn dates_agree(
            text in prop_oneof![
                "\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\"",
                "\"2024-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z\"",
            ],
            at in 0..22_usize,
            byte: u8,
            filler: u8,
        ) {
            let mut block = [filler; BLOCK];
            block[..22].copy_from_slice(text.as_bytes());
            let mut other = block;
            other[at] = byte;
            for block in [&block, &other] {
                check_date::<Words>(block);
                #[cfg(target_arch = "x86_64")]
                if Avx2::is_there() {
                    check_date::<Avx2>(block);
                }
                #[cfg(target_arch = "x86_64")]
                if Avx512::is_there() {
                    check_date::<Avx512>(block);
                }
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    proptest! {
        #[test]
        fn indexes_agree(
            halves: [[u8; BLOCK]; 2],
            selected: u64,
            start: u16,
        ) {
            let mut block = [0; WIDE];
            block.as_chunks_mut::<BLOCK>().0.copy_from_slice(&halves);
            check_index(&block, selected, start >> 1);
        }
    }
}
