//! Looking at 32 or 64 bytes at a time: with vector instructions where the machine has them, chosen
//! at run time, and within words everywhere else.
//!
//! All `unsafe` code of the fast lane is in [`avx2`] and [`avx512`].

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod tables;

#[cfg(target_arch = "x86_64")]
pub(super) use self::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(super) use self::avx512::Avx512;

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

    /// What [`Index::which`] says, given which halves of the texts are the same, which bytes are quotes and
    /// which are backslashes: a bit for each.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn told(same: u32, quote: u32, backslash: u32) -> (usize, bool) {
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

    /// The same, and their places, that of the first byte being `start`.
    fn pack_with_places(
        block: &[u8; WIDE],
        selected: u64,
        start: u16,
        packed: &mut [u8; WIDE],
        places: &mut [u16; WIDE],
    );

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

        fn pack_with_places(
            block: &[u8; WIDE],
            selected: u64,
            start: u16,
            packed: &mut [u8; WIDE],
            places: &mut [u16; WIDE],
        ) {
            Plain::pack(block, selected, packed);
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
    fn check_indexes(block: &[u8; WIDE], selected: u64, start: u16) {
        if Avx2::is_there() {
            check_index::<Avx2>(block, selected, start);
        }
        if Avx512::is_there() {
            check_index::<Avx512>(block, selected, start);
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn check_index<I: Index>(block: &[u8; WIDE], selected: u64, start: u16) {
        assert_eq!(I::masks(block), Plain::masks(block), "{block:?}");
        assert_eq!(I::kinds(block), Plain::kinds(block), "{block:?}");
        assert_eq!(I::escapes(block), Plain::escapes(block), "{block:?}");
        let xor = Plain::prefix_xor(selected);
        assert_eq!(I::prefix_xor(selected), xor, "{selected:x}");
        let count = selected.count_ones() as usize;

        let mut packed = [[0; WIDE]; 2];
        Plain::pack(block, selected, &mut packed[0]);
        I::pack(block, selected, &mut packed[1]);
        assert_eq!(packed[0][..count], packed[1][..count], "{selected:x}");

        let mut places = [[0; WIDE]; 2];
        let [plain, other] = &mut places;
        let mut with_places = [[0; WIDE]; 2];
        Plain::pack_with_places(block, selected, start, &mut with_places[0], plain);
        I::pack_with_places(block, selected, start, &mut with_places[1], other);
        assert_eq!(with_places[0][..count], packed[0][..count]);
        assert_eq!(with_places[1][..count], packed[0][..count]);
        assert_eq!(places[0][..count], places[1][..count], "{selected:x}");

        let all = std::array::from_fn(|at| u16::try_from(at * at).unwrap());
        Plain::pack_places(&all, selected, &mut places[0]);
        I::pack_places(&all, selected, &mut places[1]);
        assert_eq!(places[0][..count], places[1][..count], "{selected:x}");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_byte_at_every_place_of_a_wide_block() {
        for byte in 0..=u8::MAX {
            for at in 0..WIDE {
                let mut block = [b'a'; WIDE];
                block[at] = byte;
                check_indexes(&block, 1 << at, 0);
                check_indexes(&block, !(1 << at), u16::from(byte) << 4);
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
            check_indexes(&block, selected, start >> 1);
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
        if Avx2::is_there() {
            check_utf8::<Avx2>(text);
        }
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
    fn check_depths<I: Index>(open: u64, close: u64, before: u32) {
        let plain = Plain::depths(open, close, before);
        // Past the one that closes what is not open, nothing is said.
        let mut places = plain.iter().zip(0..);
        let fault = places.find(|(depth, at)| **depth == 0 && close >> at & 1 == 1);
        let count = fault.map_or(64, |(_, at)| at);
        let there = !u64::MAX.checked_shl(count).unwrap_or(0);
        for depth in 1..=127 {
            assert_eq!(
                I::from_depth(I::depths(open, close, before), depth) & there,
                Plain::from_depth(plain, depth) & there,
                "{open:x} {close:x} {before} {depth}"
            );
        }
    }

    #[cfg(target_arch = "x86_64")]
    proptest! {
        #[test]
        fn depths_agree(open: u64, close: u64, other: u64, before in 0..64_u32) {
            let (open, close) = (open & other, close & !other);
            if Avx2::is_there() {
                check_depths::<Avx2>(open, close, before);
            }
            if Avx512::is_there() {
                check_depths::<Avx512>(open, close, before);
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
            if Avx2::is_there() {
                prop_assert_eq!(Avx2::which(&bytes, &TEXTS), Plain::which(&bytes, &TEXTS));
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
            for _ in 0..2 {
                if Avx2::is_there() {
                    prop_assert_eq!(Avx2::scalars(&bytes), Plain::scalars(&bytes));
                }
                if Avx512::is_there() {
                    prop_assert_eq!(Avx512::scalars(&bytes), Plain::scalars(&bytes));
                }
                bytes[at] = byte;
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
