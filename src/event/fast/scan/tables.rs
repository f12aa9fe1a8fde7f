//! Tables that bytes are looked up in, sixteen at a time, by half of their bits.

use super::WIDE;

/// For each byte the places of its bits that are set, from the lowest on; zeros behind them.
pub(super) const BITS: [[u8; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 1;
    while byte < 256 {
        let mut left = byte;
        let mut count = 0;
        while left != 0 {
            table[byte][count] = COUNTING[left.trailing_zeros() as usize];
            left &= left - 1;
            count += 1;
        }
        byte += 1;
    }
    table
};

/// JSON's white space that may stand inside a line, each byte at the place that its lower half
/// names; elsewhere none that has that lower half.
pub(super) const SPACES: [u8; 16] = {
    let mut table = [0xff; 16];
    table[0] = b' ';
    table[9] = b'\t';
    table[13] = b'\r';
    table
};

/// The same of that, the end of the line and the quote.
pub(super) const ENDS: [u8; 16] = {
    let mut table = SPACES;
    table[2] = b'"';
    table[10] = b'\n';
    table
};

/// The same of JSON's punctuation, with the bit set in which brackets and braces differ.
pub(super) const PUNCTUATION: [u8; 16] = {
    let mut table = [0xff; 16];
    table[10] = b':';
    table[11] = b'{';
    table[12] = b',';
    table[13] = b'}';
    table
};

/// Each byte its own place.
pub(super) const COUNTING: [u8; WIDE] = {
    let mut bytes = [0; WIDE];
    let mut at = 1;
    while at < WIDE {
        bytes[at] = bytes[at - 1] + 1;
        at += 1;
    }
    bytes
};

/// Each byte the number of its eight.
pub(super) const EIGHTS: [u8; WIDE] = {
    let mut bytes = [0; WIDE];
    let mut at = 0;
    while at < WIDE {
        bytes[at] = COUNTING[at / 8];
        at += 1;
    }
    bytes
};

/// What three halves of two bytes that follow each other say against both, a bit for each kind of
/// fault: where a bit is in all three, there is that fault. The kinds, and the tables, are those of
/// Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021).
pub(super) mod utf8 {
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
    pub(in super::super) const FIRST_HIGH: [u8; 16] = [
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
    pub(in super::super) const FIRST_LOW: [u8; 16] = [
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
    pub(in super::super) const SECOND_HIGH: [u8; 16] = [
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
