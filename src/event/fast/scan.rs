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

    /// The date at the start of a block, if that is `"YYYY-MM-DDThh:mm:ss`, the quote included, with a
    /// time from 00:00:00 to 23:59:59: the two halves of the year, the month and the day, in 16 bits
    /// each, the first one lowest. Whether the calendar has such a day is not said. And whether the text
    /// ends with `Z"` then, as it mostly does.
    fn date_digits(block: &[u8; BLOCK]) -> Option<(u64, bool)>;

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
pub(in crate::event) struct Masks {
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
pub(in crate::event) struct Kinds {
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
    /// The end of a line.
    pub(super) newline: u64,
}

/// Which of 64 bytes after a backslash make an escape with it (RFC 8259 section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::event) struct Escapes {
    /// By themselves.
    pub(super) simple: u64,
    /// `u`, with four digits.
    pub(super) unicode: u64,
}

/// Texts that are looked for all at once: four of 16 bytes or less.
#[derive(Clone, Copy, Debug)]
pub(in crate::event) struct Words4 {
    /// The texts, each with zeros behind it.
    texts: [u8; WIDE],
    /// All bits of the bytes that are of a text.
    mask: [u8; WIDE],
}

impl Words4 {
    /// How many bytes a text has at most.
    pub(super) const LEN: usize = 16;

    /// From texts, each in quotes.
    pub(super) const fn quoted(texts: [&str; 4]) -> Words4 {
        let mut words = Words4 {
            texts: [0; WIDE],
            mask: [0; WIDE],
        };
        let mut word = 0;
        while word < texts.len() {
            let text = texts[word].as_bytes();
            assert!(text.len() + 2 <= Words4::LEN);
            let start = word * Words4::LEN;
            let mut at = 0;
            while at < text.len() + 2 {
                let is_quote = at == 0 || at == text.len() + 1;
                words.texts[start + at] = if is_quote { b'"' } else { text[at - 1] };
                words.mask[start + at] = 0xff;
                at += 1;
            }
            word += 1;
        }
        words
    }
}

/// How many bytes are looked back to, to know a literal: as many as the longest one and one before it
/// have.
pub(in crate::event) const BEFORE: usize = 6;

/// Which of 64 bytes are what, they being scalars and what stands right behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::event) struct Scalars {
    /// `0` to `9`
    pub(super) digit: u64,
    /// `0`
    pub(super) zero: u64,
    /// `.`
    pub(super) point: u64,
    /// `e` and `E`
    pub(super) exponent: u64,
    /// `-`
    pub(super) minus: u64,
    /// `+`
    pub(super) plus: u64,
    /// What may stand behind a scalar: punctuation, a quote, white space, the end of the line.
    pub(super) end: u64,
    /// The bytes before which `true`, `false` or `null` stands, with such an end before it.
    pub(super) after_literal: u64,
}

/// A way of looking at blocks that also has what an index of a line is made with.
///
/// Where bytes or places are packed together, what is behind those selected means nothing.
pub(in crate::event) trait Index: Scan {
    /// What the bytes of a wide block are.
    fn masks(block: &[u8; WIDE]) -> Masks;

    /// What 64 tokens are.
    fn kinds(tokens: &[u8; WIDE]) -> Kinds;

    /// The bytes that are selected, close together.
    fn pack(block: &[u8; WIDE], selected: u64, packed: &mut [u8; WIDE]);

    /// The places of the bits that are selected, the lowest bit standing for `start`.
    fn places(selected: u64, start: u16, places: &mut [u16; WIDE]);

    /// The places that are selected, close together.
    fn pack_places(places: &[u16; WIDE], selected: u64, packed: &mut [u16; WIDE]);

    /// Each bit the exclusive or of itself and all lower bits: what lies between pairs of bits.
    fn prefix_xor(bits: u64) -> u64;

    /// How deep 64 tokens are.
    type Depths: Copy;

    /// How deep each token is, given the brackets that open and close, no token being both, and how deep
    /// the token before is, which is 63 at most. A bracket is as deep as what is in it. What comes after
    /// more brackets closed than there were means nothing.
    fn depths(open: u64, close: u64, before: u32) -> Self::Depths;

    /// The tokens that are so deep, or deeper.
    fn from_depth(depths: Self::Depths, depth: u32) -> u64;

    /// Which bytes make an escape.
    fn escapes(codes: &[u8; WIDE]) -> Escapes;

    /// Whether a wide block, which stands behind three other bytes, has a byte in it that is not UTF-8,
    /// given that there are no faults before it. A character that lacks its end is one in the block
    /// that comes next, or at the first byte that is something else.
    fn has_utf8_faults(bytes: &[u8; WIDE + 3]) -> bool;

    /// The place among four texts of the one that stands here, 4 if none does; and whether a backslash
    /// does, with no quote before it but for the first byte.
    fn which(bytes: &[u8; Words4::LEN], texts: &Words4) -> (usize, bool);

    /// What the bytes of scalars are, [`BEFORE`] others being before them.
    fn scalars(bytes: &[u8; BEFORE + WIDE]) -> Scalars;
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
    fn date_digits(block: &[u8; BLOCK]) -> Option<(u64, bool)> {
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
        __m256i, __m512i, _mm_clmulepi64_si128, _mm_cmpeq_epi8_mask, _mm_cvtsi64_si128,
        _mm_cvtsi128_si64, _mm_extract_epi16, _mm_loadu_si128, _mm_maddubs_epi16, _mm_set1_epi8,
        _mm_set1_epi16, _mm_shuffle_epi8, _mm256_castsi256_si128, _mm256_cmpeq_epi8,
        _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8, _mm256_storeu_si256, _mm256_sub_epi8, _mm512_add_epi8, _mm512_add_epi16,
        _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_castsi512_si128, _mm512_castsi512_si256,
        _mm512_cmpeq_epi8_mask, _mm512_cmpge_epu8_mask, _mm512_cmple_epu8_mask,
        _mm512_cmplt_epu8_mask, _mm512_cvtepi64_epi8, _mm512_cvtepu8_epi16,
        _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_mask_add_epi8,
        _mm512_mask_cmpeq_epi8_mask, _mm512_mask_sub_epi8, _mm512_maskz_compress_epi8,
        _mm512_maskz_compress_epi16, _mm512_movepi8_mask, _mm512_mullo_epi64, _mm512_or_si512,
        _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi64, _mm512_shuffle_epi8,
        _mm512_srli_epi16, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi8,
        _mm512_subs_epu8, _mm512_test_epi8_mask, _mm512_testn_epi64_mask, _mm512_xor_si512,
    };

    use super::{BEFORE, BLOCK, Escapes, Index, Kinds, Masks, Scalars, Scan, Task, WIDE, Words4};

    /// JSON's white space that may stand inside a line, each byte at the place that its lower half
    /// names; elsewhere none that has that lower half.
    const SPACES: [u8; 16] = {
        let mut table = [0xff; 16];
        table[0] = b' ';
        table[9] = b'\t';
        table[13] = b'\r';
        table
    };

    /// The same of that, the end of the line and the quote.
    const ENDS: [u8; 16] = {
        let mut table = SPACES;
        table[2] = b'"';
        table[10] = b'\n';
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
        fn places(selected: u64, start: u16, places: &mut [u16; WIDE]) {
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
            debug_assert!(Avx512::is_there());
            // SAFETY: this only computes; the instruction is there, or this type would not be used.
            unsafe {
                let ones = _mm_set1_epi8(-1);
                // Multiplied without carries by all ones.
                let product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(bits.cast_signed()), ones, 0);
                _mm_cvtsi128_si64(product).cast_unsigned()
            }
        }

        type Depths = __m512i;

        #[inline(always)]
        fn depths(open: u64, close: u64, before: u32) -> __m512i {
            // Of each eight tokens: a byte for the sum of those before, eight times.
            const SPREAD: [u8; WIDE] = {
                let mut bytes = [0; WIDE];
                let mut at = 0;
                while at < WIDE {
                    bytes[at] = COUNTING[at / 8];
                    at += 1;
                }
                bytes
            };
            let (counting, spread) = (Avx512::load(&COUNTING), Avx512::load(&SPREAD));
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
            // Both halves of one.
            let both = same & same >> 1 & 0x55 | 1 << 8;
            // All before the second quote, if the first byte is one.
            let quote = quote & !1;
            let before_quote = (quote & quote.wrapping_neg()).wrapping_sub(1);
            (
                both.trailing_zeros() as usize / 2,
                backslash & before_quote != 0,
            )
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

    /// What three halves of two bytes that follow each other say against both, a bit for each kind of
    /// fault: where a bit is in all three, there is that fault. The kinds, and the tables, are those of
    /// Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021).
    mod utf8 {
        /// Something else where a character should go on.
        const TOO_SHORT: u8 = 1 << 0;
        /// A continuation after ASCII.
        const TOO_LONG: u8 = 1 << 1;
        /// Three bytes for what takes two.
        const OVERLONG_3: u8 = 1 << 2;
        /// Past U+10FFFF, with a second byte of 0x90 or more.
        const TOO_LARGE: u8 = 1 << 3;
        const SURROGATE: u8 = 1 << 4;
        const OVERLONG_2: u8 = 1 << 5;
        /// Past U+10FFFF by the first byte alone; or four bytes for what takes three.
        const TOO_LARGE_1000: u8 = 1 << 6;
        const OVERLONG_4: u8 = 1 << 6;
        /// Two continuations: no fault where a third or fourth byte is due.
        const TWO_CONTINUATIONS: u8 = 1 << 7;
        /// What does not depend on the lower half of the first byte.
        const CARRY: u8 = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS;

        /// By the upper half of the first byte.
        pub(super) const FIRST_HIGH: [u8; 16] = [
            TOO_LONG,
            TOO_LONG,
            TOO_LONG,
            TOO_LONG,
            TOO_LONG,
            TOO_LONG,
            TOO_LONG,
            TOO_LONG,
            TWO_CONTINUATIONS,
            TWO_CONTINUATIONS,
            TWO_CONTINUATIONS,
            TWO_CONTINUATIONS,
            TOO_SHORT | OVERLONG_2,
            TOO_SHORT,
            TOO_SHORT | OVERLONG_3 | SURROGATE,
            TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
        ];

        /// By its lower half.
        pub(super) const FIRST_LOW: [u8; 16] = [
            CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
            CARRY | OVERLONG_2,
            CARRY,
            CARRY,
            CARRY | TOO_LARGE,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
            CARRY | TOO_LARGE | TOO_LARGE_1000,
        ];

        /// By the upper half of the second byte.
        pub(super) const SECOND_HIGH: [u8; 16] = [
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
            TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
            TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE,
            TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE,
            TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE,
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
            TOO_SHORT,
        ];
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

        fn date_digits(block: &[u8; BLOCK]) -> Option<(u64, bool)> {
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
                newline: bits(tokens, |byte| byte == b'\n'),
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

        type Depths = [u8; WIDE];

        fn depths(open: u64, close: u64, before: u32) -> [u8; WIDE] {
            let mut depth = u8::try_from(before).unwrap();
            std::array::from_fn(|at| {
                depth = depth.wrapping_add(u8::from(open >> at & 1 == 1));
                let own = depth;
                depth = depth.wrapping_sub(u8::from(close >> at & 1 == 1));
                own
            })
        }

        fn from_depth(depths: [u8; WIDE], depth: u32) -> u64 {
            bits(&depths, |byte| u32::from(byte) >= depth)
        }

        fn escapes(codes: &[u8; WIDE]) -> Escapes {
            Escapes {
                simple: bits(codes, |byte| b"\"\\/bfnrt".contains(&byte)),
                unicode: bits(codes, |byte| byte == b'u'),
            }
        }

        fn has_utf8_faults(bytes: &[u8; WIDE + 3]) -> bool {
            // From where a character starts that may reach into the block.
            let start = (0..3).rev().find(|at| bytes[*at] >= 0xc0);
            let start = start.filter(|at| match bytes[*at] {
                0xc0..=0xdf => *at == 2,
                0xe0..=0xef => *at >= 1,
                _ => true,
            });
            let fault = std::str::from_utf8(&bytes[start.unwrap_or(3)..]).err();
            // One that goes on behind is none.
            fault.is_some_and(|fault| fault.error_len().is_some())
        }

        fn which(bytes: &[u8; Words4::LEN], texts: &Words4) -> (usize, bool) {
            let fits = |text: usize| {
                let at = text * Words4::LEN;
                (0..Words4::LEN).all(|n| (bytes[n] ^ texts.texts[at + n]) & texts.mask[at + n] == 0)
            };
            let end = bytes[1..].iter().position(|byte| *byte == b'"');
            let before = &bytes[..end.map_or(bytes.len(), |end| end + 1)];
            (
                (0..4).find(|text| fits(*text)).unwrap_or(4),
                before.contains(&b'\\'),
            )
        }

        fn scalars(bytes: &[u8; BEFORE + WIDE]) -> Scalars {
            let is_end = |byte| b"{}[]:,\" \t\r\n".contains(&byte);
            let own = &bytes[BEFORE..];
            let after_literal = (0..WIDE).filter(|at| {
                let before = &bytes[..BEFORE + at];
                [&b"true"[..], b"false", b"null"].iter().any(|literal| {
                    let rest = before.strip_suffix(*literal);
                    rest.is_some_and(|rest| rest.last().is_some_and(|byte| is_end(*byte)))
                })
            });
            Scalars {
                digit: bits(own, |byte| byte.is_ascii_digit()),
                zero: bits(own, |byte| byte == b'0'),
                point: bits(own, |byte| byte == b'.'),
                exponent: bits(own, |byte| matches!(byte, b'e' | b'E')),
                minus: bits(own, |byte| byte == b'-'),
                plus: bits(own, |byte| byte == b'+'),
                end: bits(own, is_end),
                after_literal: after_literal.map(|at| 1 << at).sum(),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn check_index(block: &[u8; WIDE], selected: u64, start: u16) {
        if !Avx512::is_there() {
            return;
        }
        assert_eq!(Avx512::masks(block), Plain::masks(block), "{block:?}");
        assert_eq!(Avx512::kinds(block), Plain::kinds(block), "{block:?}");
        assert_eq!(Avx512::escapes(block), Plain::escapes(block), "{block:?}");
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

    /// The first block with a fault: that in which the standard library finds it, or the next one if the
    /// fault is in a character across both. The text ends with ASCII.
    fn check_utf8<I: Index>(text: &[u8]) {
        let mut blocks = text.as_chunks::<WIDE>().0.iter().enumerate();
        let first = blocks.find(|(block, own)| {
            let start = block * WIDE;
            let mut bytes = [0; WIDE + 3];
            bytes[3..].copy_from_slice(*own);
            if let Some(from) = start.checked_sub(3) {
                bytes[..3].copy_from_slice(&text[from..start]);
            }
            I::has_utf8_faults(&bytes)
        });
        let first = first.map(|(block, _)| block);
        match std::str::from_utf8(text).err() {
            None => assert_eq!(first, None, "{text:x?}"),
            Some(fault) => {
                let at = fault.valid_up_to();
                let may_be = at / WIDE..=(at + 3) / WIDE;
                assert!(
                    first.is_some_and(|block| may_be.contains(&block)),
                    "{first:?} {text:x?}"
                );
            }
        }
    }

    fn check_all_utf8(text: &[u8]) {
        check_utf8::<Plain>(text);
        #[cfg(target_arch = "x86_64")]
        if Avx512::is_there() {
            check_utf8::<Avx512>(text);
        }
    }

    #[test]
    fn every_start_of_a_character_is_told_from_what_is_none() {
        // What matters of the bytes after the second: limits of ranges.
        let rest = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
        for first in 0x80..=u8::MAX {
            for second in 0..=u8::MAX {
                for (third, fourth) in rest
                    .iter()
                    .zip(rest.iter().cycle().skip(usize::from(second) % 10))
                {
                    for at in [usize::from(second) % 60, 60, 61, 62, 63] {
                        let mut text = [b'a'; 2 * WIDE];
                        text[at..at + 4].copy_from_slice(&[first, second, *third, *fourth]);
                        check_all_utf8(&text);
                    }
                }
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    proptest! {
        #[test]
        fn depths_agree(open: u64, close: u64, other: u64, before in 0..64_u32) {
            if Avx512::is_there() {
                let (open, close) = (open & other, close & !other);
                let plain = Plain::depths(open, close, before);
                // Past the one that closes what is not open, nothing is said.
                let count = plain.iter().zip(0..).find(|(depth, at)| **depth == 0 && close >> at & 1 == 1);
                let count = count.map_or(64, |(_, at)| at);
                let there = !u64::MAX.checked_shl(count).unwrap_or(0);
                for depth in 1..=127 {
                    prop_assert_eq!(
                        Avx512::from_depth(Avx512::depths(open, close, before), depth) & there,
                        Plain::from_depth(plain, depth) & there
                    );
                }
            }
        }

        #[test]
        fn texts_are_told_apart(
            text in prop::sample::select(vec!["\"user_id\":1", "\"user_i\\u0064\":1", "\"a\":\"\\n\"", "\"amount\"", "\n\"amount\":"]),
            at in 0..16_usize,
            byte in prop_oneof![Just(b'"'), Just(b'\\'), any::<u8>()],
            is_spoiled: bool,
        ) {
            const TEXTS: Words4 = Words4::quoted(["user_id", "amount", "", "fourteen_bytes"]);
            let mut bytes = [b' '; Words4::LEN];
            let len = text.len().min(Words4::LEN);
            bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
            if is_spoiled {
                bytes[at] = byte;
            }
            if Avx512::is_there() {
                prop_assert_eq!(Avx512::which(&bytes, &TEXTS), Plain::which(&bytes, &TEXTS));
            }
        }

        #[test]
        fn bytes_of_scalars_agree(
            text in prop::collection::vec(
                prop_oneof![
                    Just("true"), Just("false"), Just("null"), Just(","), Just("\n"), Just(" "), Just("]"),
                    Just("\""), Just("0"), Just("7"), Just("-"), Just("+"), Just("."), Just("e"), Just("E"),
                    Just("\x1a"), Just("\x0b"), Just("t"),
                ],
                BEFORE + WIDE,
            ),
            at in 0..BEFORE + WIDE,
            byte: u8,
        ) {
            let text = text.concat();
            let mut bytes: [u8; BEFORE + WIDE] = *text.as_bytes().first_chunk().unwrap();
            if Avx512::is_there() {
                prop_assert_eq!(Avx512::scalars(&bytes), Plain::scalars(&bytes));
                bytes[at] = byte;
                prop_assert_eq!(Avx512::scalars(&bytes), Plain::scalars(&bytes));
            }
        }
    }

    proptest! {
        #[test]
        fn characters_agree(
            parts in prop::collection::vec(
                prop_oneof![
                    6 => "[a-zé日😀\u{7ff}\u{800}\u{ffff}\u{10ffff}]{1,40}".prop_map(String::into_bytes),
                    1 => prop::collection::vec(any::<u8>(), 1..3),
                ],
                1..12,
            ),
        ) {
            let mut text = parts.concat();
            text.resize(text.len().next_multiple_of(WIDE) + WIDE, b'a');
            check_all_utf8(&text);
        }
    }
}
