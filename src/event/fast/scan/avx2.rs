//! Looking at blocks with AVX2: vectors of 32 bytes, as x86-64 machines have had them since Haswell and Zen.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi8, _mm_add_epi16, _mm_clmulepi64_si128, _mm_cmpeq_epi8,
    _mm_cvtepu8_epi16, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_extract_epi16, _mm_loadl_epi64,
    _mm_loadu_si128, _mm_maddubs_epi16, _mm_movemask_epi8, _mm_set1_epi8, _mm_set1_epi16,
    _mm_shuffle_epi8, _mm_storel_epi64, _mm_storeu_si128, _mm_unpacklo_epi8, _mm256_add_epi8,
    _mm256_and_si256, _mm256_andnot_si256, _mm256_broadcastsi128_si256, _mm256_castsi256_pd,
    _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_cmpeq_epi64, _mm256_loadu_si256,
    _mm256_max_epu8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_movemask_pd, _mm256_or_si256,
    _mm256_permute2x128_si256, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_slli_epi64,
    _mm256_srli_epi16, _mm256_sub_epi8, _mm256_subs_epu8, _mm256_testz_si256, _mm256_xor_si256,
};

use super::tables::{BITS, EIGHTS, ENDS, PUNCTUATION, SPACES, utf8};
use super::{BEFORE, BLOCK, Escapes, Index, Kinds, Masks, Scalars, Scan, Task, WIDE, Words4};

/// Vectors of 32 bytes, on x86-64 machines with AVX2. Only to be used where [`Avx2::is_there`].
#[derive(Debug)]
pub(in super::super) struct Avx2;

impl Avx2 {
    /// Whether this machine has what it takes.
    pub(in super::super) fn is_there() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("pclmulqdq")
    }

    #[inline(always)]
    fn load(block: &[u8; BLOCK]) -> __m256i {
        debug_assert!(Avx2::is_there());
        // SAFETY: a block has the 32 bytes that are read, and the instruction asks for no
        // alignment. AVX2 is there, or this type would not be used.
        unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
    }

    /// A table of 16 bytes, twice.
    #[inline(always)]
    fn table(table: &[u8; 16]) -> __m256i {
        debug_assert!(Avx2::is_there());
        // SAFETY: the table has the 16 bytes that are read, and the instruction asks for no alignment.
        // AVX2 is there, or this type would not be used.
        unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast())) }
    }

    /// A byte for each bit of half a word: all of its bits, or none.
    #[inline(always)]
    fn bytes(bits: u32) -> __m256i {
        // Which byte of the word has the bit.
        let byte = Pair::load(&EIGHTS).0;
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
            let bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits.cast_signed()), byte);
            _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit)
        }
    }

    /// The places of the bits that are set in the eight of `selected` from `at` on, from a table.
    #[inline(always)]
    fn eight(selected: u64, at: usize) -> __m128i {
        let places = &BITS[(selected >> at & 0xff) as usize];
        // SAFETY: there are the 8 bytes that are read, and the instruction asks for no alignment. SSE2, which it
        // is part of, is there with AVX2.
        unsafe { _mm_loadl_epi64(places.as_ptr().cast()) }
    }
}

/// A wide block in two vectors.
///
/// Its methods do one thing to both, without closures: those would not be compiled for AVX2, and vector
/// instructions in them be calls.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Pair(__m256i, __m256i);

impl Pair {
    #[inline(always)]
    fn load(block: &[u8; WIDE]) -> Pair {
        let (halves, _) = block.as_chunks::<BLOCK>();
        Pair(Avx2::load(&halves[0]), Avx2::load(&halves[1]))
    }

    /// The wide block that starts at a place, if there is so much.
    #[inline(always)]
    fn load_from(bytes: &[u8], at: usize) -> Option<Pair> {
        Some(Pair::load(bytes.get(at..)?.first_chunk()?))
    }

    /// A bit for each byte: its highest.
    #[inline(always)]
    fn word(self) -> u64 {
        debug_assert!(Avx2::is_there());
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        let (low, high) = unsafe { (_mm256_movemask_epi8(self.0), _mm256_movemask_epi8(self.1)) };
        u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
    }

    #[inline(always)]
    fn and(self, other: Pair) -> Pair {
        debug_assert!(Avx2::is_there());
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            Pair(
                _mm256_and_si256(self.0, other.0),
                _mm256_and_si256(self.1, other.1),
            )
        }
    }

    #[inline(always)]
    fn or(self, other: Pair) -> Pair {
        debug_assert!(Avx2::is_there());
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            Pair(
                _mm256_or_si256(self.0, other.0),
                _mm256_or_si256(self.1, other.1),
            )
        }
    }

    /// Without the bits of another.
    #[inline(always)]
    fn without(self, other: Pair) -> Pair {
        debug_assert!(Avx2::is_there());
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            Pair(
                _mm256_andnot_si256(other.0, self.0),
                _mm256_andnot_si256(other.1, self.1),
            )
        }
    }

    /// Which bytes are the same: all of their bits.
    #[inline(always)]
    fn same(self, other: Pair) -> Pair {
        debug_assert!(Avx2::is_there());
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            Pair(
                _mm256_cmpeq_epi8(self.0, other.0),
                _mm256_cmpeq_epi8(self.1, other.1),
            )
        }
    }

    /// A byte in each place.
    #[inline(always)]
    fn each(byte: u8) -> Pair {
        debug_assert!(Avx2::is_there());
        // SAFETY: this only computes; AVX2 is there, or this type would not be used.
        let half = unsafe { _mm256_set1_epi8(byte.cast_signed()) };
        Pair(half, half)
    }

    /// Which bytes are this one.
    #[inline(always)]
    fn equal(self, byte: u8) -> Pair {
        self.same(Pair::each(byte))
    }

    /// Which bytes are this one, a bit for each.
    #[inline(always)]
    fn are(self, byte: u8) -> u64 {
        self.equal(byte).word()
    }

    /// Which bytes are this number at most.
    #[inline(always)]
    fn at_most(self, most: u8) -> Pair {
        let most = Pair::each(most);
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        let smaller = unsafe {
            Pair(
                _mm256_min_epu8(self.0, most.0),
                _mm256_min_epu8(self.1, most.1),
            )
        };
        self.same(smaller)
    }

    /// Which bytes are this number at least.
    #[inline(always)]
    fn at_least(self, least: u8) -> Pair {
        let least = Pair::each(least);
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        let larger = unsafe {
            Pair(
                _mm256_max_epu8(self.0, least.0),
                _mm256_max_epu8(self.1, least.1),
            )
        };
        self.same(larger)
    }

    /// The bytes less a number.
    #[inline(always)]
    fn less(self, number: u8) -> Pair {
        let number = Pair::each(number);
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            Pair(
                _mm256_sub_epi8(self.0, number.0),
                _mm256_sub_epi8(self.1, number.1),
            )
        }
    }

    /// What a table of 16 has for the lower half of each byte; nothing for bytes past ASCII.
    #[inline(always)]
    fn looked_up(self, table: &[u8; 16]) -> Pair {
        let table = Avx2::table(table);
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            Pair(
                _mm256_shuffle_epi8(table, self.0),
                _mm256_shuffle_epi8(table, self.1),
            )
        }
    }

    /// With the bit set that upper and lower case differ by.
    #[inline(always)]
    fn cased(self) -> Pair {
        self.or(Pair::each(0x20))
    }

    /// Which bytes are that bit set, a bit for each.
    #[inline(always)]
    fn case(self) -> u64 {
        debug_assert!(Avx2::is_there());
        // The bit becomes the highest of its byte.
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        let shifted = unsafe { Pair(_mm256_slli_epi16(self.0, 2), _mm256_slli_epi16(self.1, 2)) };
        shifted.word()
    }

    /// Which bytes are control characters.
    #[inline(always)]
    fn control(self) -> Pair {
        self.at_most(0x1f)
    }

    /// Which bytes are punctuation.
    #[inline(always)]
    fn punctuation(self) -> Pair {
        // Setting a bit makes two control characters look like punctuation too.
        let alike = self.looked_up(&PUNCTUATION).same(self.cased());
        alike.without(self.control())
    }

    /// Which bytes may stand behind a scalar.
    #[inline(always)]
    fn ends(self) -> Pair {
        self.looked_up(&ENDS).same(self).or(self.punctuation())
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
            let control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
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
    fn date_digits(block: &[u8; BLOCK]) -> Option<(u64, bool)> {
        // What a byte is above the one expected, at most.
        const FORM: &[u8; BLOCK] = b"\"0000-00-00T00:00:00Z\"\0\0\0\0\0\0\0\0\0\0";
        const ABOVE: &[u8; BLOCK] = b"\0\x09\x09\x09\x09\0\x01\x09\0\x03\x09\0\x02\x09\0\x05\x09\0\x05\x09\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
        const DATE_AND_TIME: i32 = (1 << super::super::value::DATE_AND_TIME) - 1;
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
        let is_date = fits & DATE_AND_TIME == DATE_AND_TIME && hour < 24;
        is_date.then_some((date, fits == -1))
    }

    #[inline(always)]
    fn run<T: Task>(task: T) -> T::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
        #[inline(never)]
        fn with_avx2<T: Task>(task: T) -> T::Output {
            task.run()
        }
        debug_assert!(Avx2::is_there());
        // SAFETY: AVX2 is there, or this type would not be used.
        unsafe { with_avx2(task) }
    }
}

impl Index for Avx2 {
    #[inline(always)]
    fn masks(block: &[u8; WIDE]) -> Masks {
        let bytes = Pair::load(block);
        Masks {
            quote: bytes.are(b'"'),
            backslash: bytes.are(b'\\'),
            control: bytes.control().word(),
            newline: bytes.are(b'\n'),
            past_ascii: bytes.word(),
            space: bytes.looked_up(&SPACES).same(bytes).word(),
            punctuation: bytes.punctuation().word(),
        }
    }

    #[inline(always)]
    fn kinds(tokens: &[u8; WIDE]) -> Kinds {
        let bytes = Pair::load(tokens);
        // Brackets and braces differ by the bit that upper and lower case differ by.
        let cased = bytes.cased();
        let (open, close) = (cased.are(b'{'), cased.are(b'}'));
        Kinds {
            open,
            close,
            object: bytes.case() & (open | close),
            colon: bytes.are(b':'),
            comma: bytes.are(b','),
            string: bytes.are(b'"'),
            newline: bytes.are(b'\n'),
        }
    }

    #[inline(always)]
    fn pack(block: &[u8; WIDE], selected: u64, packed: &mut [u8; WIDE]) {
        debug_assert!(Avx2::is_there());
        let mut before = 0;
        for at in (0..WIDE).step_by(8) {
            debug_assert!(before <= at);
            let places = Avx2::eight(selected, at);
            // SAFETY: there are the 8 bytes that are read, and the 8 that are written: so many as are selected come
            // before them, which are no more than there are. The instructions ask for no alignment. AVX2 is
            // there, or this type would not be used.
            unsafe {
                let bytes = _mm_loadl_epi64(block.as_ptr().add(at).cast());
                let bytes = _mm_shuffle_epi8(bytes, places);
                _mm_storel_epi64(packed.as_mut_ptr().add(before).cast(), bytes);
            }
            before += (selected >> at & 0xff).count_ones() as usize;
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "less than 64")]
    fn pack_with_places(
        block: &[u8; WIDE],
        selected: u64,
        start: u16,
        packed: &mut [u8; WIDE],
        places: &mut [u16; WIDE],
    ) {
        debug_assert!(Avx2::is_there());
        let mut before = 0;
        for at in (0..WIDE).step_by(8) {
            debug_assert!(before <= at);
            let eight = Avx2::eight(selected, at);
            let start = start.wrapping_add(at as u16).cast_signed();
            // SAFETY: as in `pack`; a place has two bytes.
            unsafe {
                let bytes = _mm_loadl_epi64(block.as_ptr().add(at).cast());
                let bytes = _mm_shuffle_epi8(bytes, eight);
                _mm_storel_epi64(packed.as_mut_ptr().add(before).cast(), bytes);
                let eight = _mm_add_epi16(_mm_cvtepu8_epi16(eight), _mm_set1_epi16(start));
                _mm_storeu_si128(places.as_mut_ptr().add(before).cast(), eight);
            }
            before += (selected >> at & 0xff).count_ones() as usize;
        }
    }

    #[inline(always)]
    fn pack_places(all: &[u16; WIDE], selected: u64, packed: &mut [u16; WIDE]) {
        debug_assert!(Avx2::is_there());
        let mut before = 0;
        for at in (0..WIDE).step_by(8) {
            debug_assert!(before <= at);
            let places = Avx2::eight(selected, at);
            // SAFETY: as in `pack`, with two bytes for each place.
            unsafe {
                // The two bytes of each.
                let twice = _mm_add_epi8(places, places);
                let both = _mm_unpacklo_epi8(twice, _mm_add_epi8(twice, _mm_set1_epi8(1)));
                let eight = _mm_loadu_si128(all.as_ptr().add(at).cast());
                let packed = packed.as_mut_ptr().add(before).cast();
                _mm_storeu_si128(packed, _mm_shuffle_epi8(eight, both));
            }
            before += (selected >> at & 0xff).count_ones() as usize;
        }
    }

    #[inline(always)]
    fn prefix_xor(bits: u64) -> u64 {
        debug_assert!(Avx2::is_there());
        // SAFETY: this only computes; the instruction is there, or this type would not be used.
        unsafe {
            let ones = _mm_set1_epi8(-1);
            // Multiplied without carries by all ones.
            let product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(bits.cast_signed()), ones, 0);
            _mm_cvtsi128_si64(product).cast_unsigned()
        }
    }

    type Depths = Pair;

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "each half is meant")]
    fn depths(open: u64, close: u64, before: u32) -> Pair {
        let before = Pair::each(u8::try_from(before).unwrap_or(u8::MAX)).0;
        let (low, total) = Avx2::half_depths(open as u32, close as u32, before);
        let (high, _) = Avx2::half_depths((open >> 32) as u32, (close >> 32) as u32, total);
        Pair(low, high)
    }

    #[inline(always)]
    fn from_depth(depths: Pair, depth: u32) -> u64 {
        let depth = u8::try_from(depth).unwrap_or(u8::MAX);
        depths.at_least(depth).word()
    }

    #[inline(always)]
    fn escapes(codes: &[u8; WIDE]) -> Escapes {
        let bytes = Pair::load(codes);
        Escapes {
            simple: bytes.are(b'"')
                | bytes.are(b'\\')
                | bytes.are(b'/')
                | bytes.are(b'b')
                | bytes.are(b'f')
                | bytes.are(b'n')
                | bytes.are(b'r')
                | bytes.are(b't'),
            unicode: bytes.are(b'u'),
        }
    }

    #[inline(always)]
    fn has_utf8_faults(bytes: &[u8; WIDE + 3]) -> bool {
        let (Some(third), Some(second), Some(first), Some(own)) = (
            Pair::load_from(bytes, 0),
            Pair::load_from(bytes, 1),
            Pair::load_from(bytes, 2),
            Pair::load_from(bytes, 3),
        ) else {
            return true;
        };
        Avx2::has_half_utf8_faults(third.0, second.0, first.0, own.0)
            || Avx2::has_half_utf8_faults(third.1, second.1, first.1, own.1)
    }

    #[inline(always)]
    fn which(bytes: &[u8; Words4::LEN], texts: &Words4) -> (usize, bool) {
        let all = Avx2::table(bytes);
        let (text, mask) = (Pair::load(&texts.texts), Pair::load(&texts.mask));
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        let (low, high, quote, backslash) = unsafe {
            let nothing = _mm256_setzero_si256();
            let low = _mm256_and_si256(_mm256_xor_si256(all, text.0), mask.0);
            let high = _mm256_and_si256(_mm256_xor_si256(all, text.1), mask.1);
            let low = _mm256_castsi256_pd(_mm256_cmpeq_epi64(low, nothing));
            let high = _mm256_castsi256_pd(_mm256_cmpeq_epi64(high, nothing));
            let one = _mm256_castsi256_si128(all);
            (
                _mm256_movemask_pd(low).cast_unsigned(),
                _mm256_movemask_pd(high).cast_unsigned(),
                _mm_movemask_epi8(_mm_cmpeq_epi8(one, _mm_set1_epi8(0x22))).cast_unsigned(),
                _mm_movemask_epi8(_mm_cmpeq_epi8(one, _mm_set1_epi8(0x5c))).cast_unsigned(),
            )
        };
        Words4::told(low | high << 4, quote, backslash)
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
            Pair::load_from(bytes, 6),
            Pair::load_from(bytes, 5),
            Pair::load_from(bytes, 4),
            Pair::load_from(bytes, 3),
            Pair::load_from(bytes, 2),
            Pair::load_from(bytes, 1),
            Pair::load_from(bytes, 0),
        )
        else {
            return Scalars::default();
        };
        // All literals but one end with an e.
        let e = last.equal(b'e');
        let is_true = e
            .and(second.equal(b'u'))
            .and(third.equal(b'r'))
            .and(fourth.equal(b't'));
        let is_false = e
            .and(second.equal(b's'))
            .and(third.equal(b'l'))
            .and(fourth.equal(b'a'))
            .and(fifth.equal(b'f'));
        let is_null = last
            .equal(b'l')
            .and(second.equal(b'l'))
            .and(third.equal(b'u'))
            .and(fourth.equal(b'n'));
        Scalars {
            digit: own.less(0x30).at_most(9).word(),
            zero: own.are(b'0'),
            point: own.are(b'.'),
            exponent: own.cased().are(b'e'),
            minus: own.are(b'-'),
            plus: own.are(b'+'),
            end: own.ends().word(),
            after_literal: is_true
                .or(is_null)
                .and(fifth.ends())
                .or(is_false.and(sixth.ends()))
                .word(),
        }
    }
}

impl Avx2 {
    /// How deep 32 tokens are, as [`Index::depths`], given in each byte how many brackets are open before them; and
    /// how many are open behind them.
    #[inline(always)]
    fn half_depths(open: u32, close: u32, before: __m256i) -> (__m256i, __m256i) {
        /// The last byte of the first eight, for the second eight.
        const LAST_OF_8: [u8; 16] = [
            0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 7, 7, 7, 7, 7, 7, 7, 7,
        ];
        let (open, close) = (Avx2::bytes(open), Avx2::bytes(close));
        let last_of_8 = Avx2::table(&LAST_OF_8);
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            let last = _mm256_set1_epi8(15);
            // All bits set are one less than nothing: 1 opens, -1 closes.
            let steps = _mm256_sub_epi8(close, open);
            // The sums of two, of four, of eight, of 16, of all.
            let sums = _mm256_add_epi8(steps, _mm256_slli_epi64(steps, 8));
            let sums = _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 16));
            let sums = _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 32));
            let sums = _mm256_add_epi8(sums, _mm256_shuffle_epi8(sums, last_of_8));
            // The lower 16 bytes in place of the upper ones, and zeros in place of them.
            let lower = _mm256_permute2x128_si256(sums, sums, 0x08);
            let sums = _mm256_add_epi8(sums, _mm256_shuffle_epi8(lower, last));
            let sums = _mm256_add_epi8(sums, before);
            let upper = _mm256_permute2x128_si256(sums, sums, 0x11);
            // One that closes is as deep as what is before it.
            let depths = _mm256_sub_epi8(sums, close);
            (depths, _mm256_shuffle_epi8(upper, last))
        }
    }

    /// [`Index::has_utf8_faults`] for half a wide block, given the bytes that stand before each.
    #[inline(always)]
    fn has_half_utf8_faults(third: __m256i, second: __m256i, first: __m256i, own: __m256i) -> bool {
        let first_high = Avx2::table(&utf8::FIRST_HIGH);
        let first_low = Avx2::table(&utf8::FIRST_LOW);
        let own_high = Avx2::table(&utf8::SECOND_HIGH);
        // SAFETY: these only compute; AVX2 is there, or this type would not be used.
        unsafe {
            let low = _mm256_set1_epi8(0x0f);
            let high_of_first = _mm256_and_si256(_mm256_srli_epi16(first, 4), low);
            let high_of_own = _mm256_and_si256(_mm256_srli_epi16(own, 4), low);
            let of_two = _mm256_and_si256(
                _mm256_and_si256(
                    _mm256_shuffle_epi8(first_high, high_of_first),
                    _mm256_shuffle_epi8(first_low, _mm256_and_si256(first, low)),
                ),
                _mm256_shuffle_epi8(own_high, high_of_own),
            );
            // The third byte of a character and the fourth have to follow a continuation.
            let goes_on = _mm256_or_si256(
                _mm256_subs_epu8(second, _mm256_set1_epi8(0x60)),
                _mm256_subs_epu8(third, _mm256_set1_epi8(0x70)),
            );
            let goes_on = _mm256_and_si256(goes_on, _mm256_set1_epi8(-0x80));
            let faults = _mm256_xor_si256(of_two, goes_on);
            _mm256_testz_si256(faults, faults) == 0
        }
    }
}
