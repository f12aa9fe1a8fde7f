//! Looking at blocks with AVX-512: vectors of 64 bytes, and of bits for them.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use std::arch::x86_64::{
    __m512i, _mm_cmpeq_epi8_mask, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_set1_epi8,
    _mm256_storeu_si256, _mm512_add_epi8, _mm512_add_epi16, _mm512_and_si512,
    _mm512_broadcast_i32x4, _mm512_castsi512_si128, _mm512_castsi512_si256, _mm512_cmpeq_epi8_mask,
    _mm512_cmpge_epu8_mask, _mm512_cmple_epu8_mask, _mm512_cmplt_epu8_mask, _mm512_cvtepi64_epi8,
    _mm512_cvtepu8_epi16, _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_mask_add_epi8,
    _mm512_mask_cmpeq_epi8_mask, _mm512_mask_sub_epi8, _mm512_maskz_compress_epi8,
    _mm512_maskz_compress_epi16, _mm512_movepi8_mask, _mm512_mullo_epi64, _mm512_or_si512,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi64, _mm512_shuffle_epi8, _mm512_srli_epi16,
    _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi8, _mm512_subs_epu8,
    _mm512_test_epi8_mask, _mm512_testn_epi64_mask, _mm512_xor_si512,
};

use super::avx2::Avx2;
use super::tables::{COUNTING, EIGHTS, ENDS, PUNCTUATION, SPACES, utf8};
use super::{BEFORE, BLOCK, Escapes, Index, Kinds, Masks, Scalars, Scan, Task, WIDE, Words4};

/// Vectors of 64 bytes, on x86-64 machines with AVX-512 as it has been since Ice Lake and Zen 4.
/// Only to be used where [`Avx512::is_there`].
#[derive(Debug)]
pub(in super::super) struct Avx512;

impl Avx512 {
    /// Whether this machine has what it takes.
    pub(in super::super) fn is_there() -> bool {
        Avx2::is_there()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
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

    /// What may stand behind a scalar.
    #[inline(always)]
    fn ends(bytes: __m512i) -> u64 {
        let (spaces, punctuation) = (Avx512::table(&ENDS), Avx512::table(&PUNCTUATION));
        debug_assert!(Avx512::is_there());
        // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
        unsafe {
            let case = _mm512_set1_epi8(0x20);
            let cased = _mm512_or_si512(bytes, case);
            // As in `masks`.
            let punctuation =
                _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(punctuation, bytes), cased);
            let control = _mm512_cmplt_epu8_mask(bytes, case);
            let others = _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(spaces, bytes), bytes);
            punctuation & !control | others
        }
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
    fn date_digits(block: &[u8; BLOCK]) -> Option<(u64, bool)> {
        Avx2::date_digits(block)
    }

    #[inline(always)]
    fn run<T: Task>(task: T) -> T::Output {
        #[target_feature(
            enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2"
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
                newline: equal(bytes, b'\n'),
            }
        }
    }

    #[inline(always)]
    fn pack(block: &[u8; WIDE], selected: u64, packed: &mut [u8; WIDE]) {
        let bytes = Avx512::load(block);
        // SAFETY: there are the 64 bytes that are written, or the first 32 of them, and the
        // instructions ask for no alignment; the other ones only compute. AVX-512 is there, or this
        // type would not be used.
        unsafe {
            let bytes = _mm512_maskz_compress_epi8(selected, bytes);
            // Half of the memory is most times enough, and less often in two lines of the cache.
            if selected.count_ones() <= 32 {
                _mm256_storeu_si256(packed.as_mut_ptr().cast(), _mm512_castsi512_si256(bytes));
            } else {
                _mm512_storeu_si512(packed.as_mut_ptr().cast(), bytes);
            }
        }
    }

    #[inline(always)]
    fn pack_with_places(
        block: &[u8; WIDE],
        selected: u64,
        start: u16,
        packed: &mut [u8; WIDE],
        places: &mut [u16; WIDE],
    ) {
        Avx512::pack(block, selected, packed);
        let counting = Avx512::load(&COUNTING);
        // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
        let (packed, start) = unsafe {
            (
                _mm512_maskz_compress_epi8(selected, counting),
                _mm512_set1_epi16(start.cast_signed()),
            )
        };
        // SAFETY: as above.
        let low = unsafe {
            let low = _mm512_castsi512_si256(packed);
            _mm512_add_epi16(_mm512_cvtepu8_epi16(low), start)
        };
        Avx512::store_half(places, 0, low);
        if selected.count_ones() > 32 {
            // SAFETY: as above.
            let high = unsafe {
                let high = _mm512_extracti64x4_epi64(packed, 1);
                _mm512_add_epi16(_mm512_cvtepu8_epi16(high), start)
            };
            Avx512::store_half(places, WIDE / 2, high);
        }
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
        Avx2::prefix_xor(bits)
    }

    type Depths = __m512i;

    #[inline(always)]
    fn depths(open: u64, close: u64, before: u32) -> __m512i {
        // Of each eight tokens: a byte for the sum of those before, eight times.
        let (counting, spread) = (Avx512::load(&COUNTING), Avx512::load(&EIGHTS));
        // One more than what is added up before each token; it has to fit a byte of 1 to 64.
        let before = u8::try_from(before).unwrap_or(u8::MAX).wrapping_sub(1);
        // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
        unsafe {
            let one = _mm512_set1_epi8(1);
            // 0 closes, 1 leaves all as it is, 2 opens: so no sum of bytes reaches into the next.
            let steps = _mm512_mask_add_epi8(one, open, one, one);
            let steps = _mm512_mask_sub_epi8(steps, close, steps, one);
            let sums = _mm512_mullo_epi64(steps, _mm512_set1_epi64(0x0101_0101_0101_0101));
            let eights = _mm512_cvtepi64_epi8(_mm512_srli_epi64(sums, 56));
            let eights = _mm_cvtsi128_si64(eights).cast_unsigned();
            let before_eights = eights.wrapping_mul(0x0101_0101_0101_0100);
            let before_eights =
                _mm512_shuffle_epi8(_mm512_set1_epi64(before_eights.cast_signed()), spread);
            let depths = _mm512_sub_epi8(_mm512_add_epi8(sums, before_eights), counting);
            let depths = _mm512_add_epi8(depths, _mm512_set1_epi8(before.cast_signed()));
            _mm512_mask_add_epi8(depths, close, depths, one)
        }
    }

    #[inline(always)]
    fn from_depth(depths: __m512i, depth: u32) -> u64 {
        let depth = u8::try_from(depth).unwrap_or(u8::MAX);
        // SAFETY: this only computes; AVX-512 is there, or this type would not be used.
        unsafe { _mm512_cmpge_epu8_mask(depths, _mm512_set1_epi8(depth.cast_signed())) }
    }

    #[inline(always)]
    fn escapes(codes: &[u8; WIDE]) -> Escapes {
        let bytes = Avx512::load(codes);
        // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
        unsafe {
            let equal =
                |byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()));
            Escapes {
                simple: equal(b'"')
                    | equal(b'\\')
                    | equal(b'/')
                    | equal(b'b')
                    | equal(b'f')
                    | equal(b'n')
                    | equal(b'r')
                    | equal(b't'),
                unicode: equal(b'u'),
            }
        }
    }

    #[inline(always)]
    fn has_utf8_faults(bytes: &[u8; WIDE + 3]) -> bool {
        let (Some(third), Some(second), Some(first), Some(own)) = (
            bytes.first_chunk(),
            bytes[1..].first_chunk(),
            bytes[2..].first_chunk(),
            bytes[3..].first_chunk(),
        ) else {
            return true;
        };
        let (third, second) = (Avx512::load(third), Avx512::load(second));
        let (first, own) = (Avx512::load(first), Avx512::load(own));
        let first_high = Avx512::table(&utf8::FIRST_HIGH);
        let first_low = Avx512::table(&utf8::FIRST_LOW);
        let own_high = Avx512::table(&utf8::SECOND_HIGH);
        // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
        unsafe {
            let low = _mm512_set1_epi8(0x0f);
            let high = |bytes| _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low);
            let of_two = _mm512_and_si512(
                _mm512_and_si512(
                    _mm512_shuffle_epi8(first_high, high(first)),
                    _mm512_shuffle_epi8(first_low, _mm512_and_si512(first, low)),
                ),
                _mm512_shuffle_epi8(own_high, high(own)),
            );
            // The third byte of a character and the fourth have to follow a continuation.
            let goes_on = _mm512_or_si512(
                _mm512_subs_epu8(second, _mm512_set1_epi8(0x60)),
                _mm512_subs_epu8(third, _mm512_set1_epi8(0x70)),
            );
            let goes_on = _mm512_and_si512(goes_on, _mm512_set1_epi8(-0x80));
            let faults = _mm512_xor_si512(of_two, goes_on);
            _mm512_test_epi8_mask(faults, faults) != 0
        }
    }

    #[inline(always)]
    fn which(bytes: &[u8; Words4::LEN], texts: &Words4) -> (usize, bool) {
        let all = Avx512::table(bytes);
        let (texts, mask) = (Avx512::load(&texts.texts), Avx512::load(&texts.mask));
        // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
        let (same, quote, backslash) = unsafe {
            let differ = _mm512_and_si512(_mm512_xor_si512(all, texts), mask);
            let one = _mm512_castsi512_si128(all);
            (
                u32::from(_mm512_testn_epi64_mask(differ, differ)),
                u32::from(_mm_cmpeq_epi8_mask(one, _mm_set1_epi8(0x22))),
                u32::from(_mm_cmpeq_epi8_mask(one, _mm_set1_epi8(0x5c))),
            )
        };
        Words4::told(same, quote, backslash)
    }

    #[inline(always)]
    fn scalars(bytes: &[u8; BEFORE + WIDE]) -> Scalars {
        let (
            Some(own),
            Some(last),
            Some(second),
            Some(third),
            Some(fourth),
            Some(fifth),
            Some(sixth),
        ) = (
            bytes[6..].first_chunk(),
            bytes[5..].first_chunk(),
            bytes[4..].first_chunk(),
            bytes[3..].first_chunk(),
            bytes[2..].first_chunk(),
            bytes[1..].first_chunk(),
            bytes.first_chunk(),
        )
        else {
            return Scalars::default();
        };
        let (own, last, second) = (Avx512::load(own), Avx512::load(last), Avx512::load(second));
        let (third, fourth) = (Avx512::load(third), Avx512::load(fourth));
        let (fifth, sixth) = (Avx512::load(fifth), Avx512::load(sixth));
        // SAFETY: these only compute; AVX-512 is there, or this type would not be used.
        unsafe {
            let equal = |bytes, byte: u8| {
                _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()))
            };
            let and_equal = |mask, bytes, byte: u8| {
                _mm512_mask_cmpeq_epi8_mask(mask, bytes, _mm512_set1_epi8(byte.cast_signed()))
            };
            let digits = _mm512_sub_epi8(own, _mm512_set1_epi8(0x30));
            let cased = _mm512_or_si512(own, _mm512_set1_epi8(0x20));
            // All literals but one end with an e.
            let e = equal(last, b'e');
            let is_true = and_equal(
                and_equal(and_equal(e, second, b'u'), third, b'r'),
                fourth,
                b't',
            );
            let is_false = and_equal(
                and_equal(
                    and_equal(and_equal(e, second, b's'), third, b'l'),
                    fourth,
                    b'a',
                ),
                fifth,
                b'f',
            );
            let is_null = and_equal(
                and_equal(and_equal(equal(last, b'l'), second, b'l'), third, b'u'),
                fourth,
                b'n',
            );
            Scalars {
                digit: _mm512_cmple_epu8_mask(digits, _mm512_set1_epi8(9)),
                zero: equal(own, b'0'),
                point: equal(own, b'.'),
                exponent: equal(cased, b'e'),
                minus: equal(own, b'-'),
                plus: equal(own, b'+'),
                end: Avx512::ends(own),
                after_literal: (is_true | is_null) & Avx512::ends(fifth)
                    | is_false & Avx512::ends(sixth),
            }
        }
    }
}
