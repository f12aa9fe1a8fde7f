//! Sorted groups as bytes, in blocks of some hundred.
//!
//! A group is a byte of flags and what they announce:
//!
//! | bits | value | then follows |
//! |---|---|---|
//! | 0 | 0 | how far the user id is past the one before |
//! | | 1 | how far the day and the sign of the user id are past those before, and the user id |
//! | 1 | 0 | there is one event |
//! | | 1 | the number of events |
//! | 2, 3 | 0, 1 | there is no purchase, one |
//! | | 2 | the number of purchases |
//! | 4, 5 | 0 | there is no revenue |
//! | | 1 | the revenue in hundredths |
//! | | 2 | the revenue in units of 10^-18, in 16 bytes, the lowest first |
//!
//! Other numbers are in as many bytes as they need, seven bits in each, the lowest first, and the
//! eighth says that there are more. Before the first group of a block there is nothing: what is far
//! from nothing is the thing itself. A group takes from 2 bytes to 52.

use super::group::{Group, GroupKey, Totals};
use super::revenue::Revenue;

/// How many groups a block has. The more, the more is read that was not asked for; the fewer, the
/// more memory it takes to know where the blocks are.
pub(crate) const ROWS: usize = 512;

const NEW_DAY: u8 = 1;
const EVENTS: u8 = 1 << 1;
const ONE_PURCHASE: u8 = 1 << 2;
const PURCHASES: u8 = 2 << 2;
const PURCHASES_MASK: u8 = 3 << 2;
const HUNDREDTHS: u8 = 1 << 4;
const UNITS: u8 = 2 << 4;
const REVENUE_MASK: u8 = 3 << 4;

/// The units of 10^-18 in a hundredth.
const HUNDREDTH: u128 = 10_u128.pow(16);

/// A hundredth is 2^16 times this.
const FIVES: u128 = 5_u128.pow(16);

/// What is a multiple of [`FIVES`] is divided by it through multiplication with this, modulo 2^128.
const FIVES_INVERSE: u128 = {
    // Newton's method: each step doubles the number of bits that are right.
    let mut inverse = FIVES;
    let mut bits = 3;
    while bits < u128::BITS {
        inverse = inverse.wrapping_mul(2_u128.wrapping_sub(FIVES.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
};

/// Where a block is, what it begins with, and what it has to be. This stays in memory: so a block in
/// another's place is noticed, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The first key.
    pub(crate) first: GroupKey,
    /// Its place in the file, in bytes.
    pub(crate) offset: u64,
    /// The CRC-32 of its bytes (ISO-HDLC, as in gzip).
    crc: u32,
    len: u16,
    rows: u16,
}

impl Block {
    /// Where it ends in the file.
    pub(crate) fn end(&self) -> u64 {
        self.offset + u64::from(self.len)
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.len.into()
    }

    /// How many groups it has.
    pub(crate) fn rows(&self) -> usize {
        self.rows.into()
    }

    /// How many bytes [`Block::to_bytes`] are.
    pub(crate) const BYTES: usize = 20;

    /// What there is to know of it but its place, for a file: the first key's two parts, the checksum,
    /// the length and the number of groups, each with its lowest byte first.
    pub(crate) fn to_bytes(self) -> [u8; Block::BYTES] {
        let (day, user) = self.first.to_parts();
        let mut bytes = [0; Block::BYTES];
        bytes[..4].copy_from_slice(&day.to_le_bytes());
        bytes[4..12].copy_from_slice(&user.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.crc.to_le_bytes());
        bytes[16..18].copy_from_slice(&self.len.to_le_bytes());
        bytes[18..].copy_from_slice(&self.rows.to_le_bytes());
        bytes
    }

    /// The block at a place in a file that [`Block::to_bytes`] told of.
    pub(crate) fn from_bytes(bytes: [u8; Block::BYTES], offset: u64) -> Block {
        let [
            d0,
            d1,
            d2,
            d3,
            u0,
            u1,
            u2,
            u3,
            u4,
            u5,
            u6,
            u7,
            c0,
            c1,
            c2,
            c3,
            l0,
            l1,
            r0,
            r1,
        ] = bytes;
        Block {
            first: GroupKey::from_parts(
                u32::from_le_bytes([d0, d1, d2, d3]),
                u64::from_le_bytes([u0, u1, u2, u3, u4, u5, u6, u7]),
            ),
            offset,
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
            len: u16::from_le_bytes([l0, l1]),
            rows: u16::from_le_bytes([r0, r1]),
        }
    }
}

/// Puts groups behind the bytes there are, and tells where the blocks are in all of them.
pub(crate) fn encode<'g>(
    groups: impl Iterator<Item = &'g Group>,
    bytes: &mut Vec<u8>,
) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut groups = groups.peekable();
    while let Some(Group { key: first, .. }) = groups.peek().copied() {
        let start = bytes.len();
        let mut before = GroupKey::from_parts(0, 0);
        let mut rows = 0;
        for group in groups.by_ref().take(ROWS) {
            push(group, before, bytes);
            before = group.key;
            rows += 1;
        }
        let block = &bytes[start..];
        blocks.push(Block {
            first: *first,
            offset: start as u64,
            crc: crc32fast::hash(block),
            // 512 times 52 bytes are less.
            len: u16::try_from(block.len()).unwrap_or(u16::MAX),
            rows,
        });
    }
    blocks
}

#[inline]
fn push(group: &Group, before: GroupKey, bytes: &mut Vec<u8>) {
    let (day, user) = group.key.to_parts();
    let (day_before, user_before) = before.to_parts();
    let totals = &group.totals;
    let units = totals.revenue.units();
    let hundredths = hundredths(units);

    let at = bytes.len();
    bytes.push(0);
    let mut flags = 0;
    if day == day_before {
        push_number(user.wrapping_sub(user_before), bytes);
    } else {
        flags |= NEW_DAY;
        push_number(day.wrapping_sub(day_before).into(), bytes);
        push_number(user, bytes);
    }
    if totals.event_count != 1 {
        flags |= EVENTS;
        push_number(totals.event_count, bytes);
    }
    match totals.purchase_count {
        0 => {}
        1 => flags |= ONE_PURCHASE,
        count => {
            flags |= PURCHASES;
            push_number(count, bytes);
        }
    }
    match hundredths {
        Some(0) => {}
        Some(hundredths) => {
            flags |= HUNDREDTHS;
            push_number(hundredths, bytes);
        }
        None => {
            flags |= UNITS;
            bytes.extend_from_slice(&units.to_le_bytes());
        }
    }
    bytes[at] = flags;
}

/// How many hundredths units are, if they are whole and not too many.
#[inline]
fn hundredths(units: u128) -> Option<u64> {
    if units & 0xffff != 0 {
        return None;
    }
    // The product, times 5^16, is what is divided, modulo 2^128. Of a product below 2^64 that is below
    // 2^102, so it is the same without the modulo: the product is the quotient, and nothing is left.
    u64::try_from((units >> 16).wrapping_mul(FIVES_INVERSE)).ok()
}

#[inline]
fn push_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Takes the groups with a key of at least `from` and before `to` out of a block. `None` where the
/// bytes are not those that were encoded.
pub(crate) fn decode(
    block: &Block,
    bytes: &[u8],
    from: GroupKey,
    to: Option<GroupKey>,
    groups: &mut Vec<Group>,
) -> Option<()> {
    if bytes.len() != usize::from(block.len) || crc32fast::hash(bytes) != block.crc {
        return None;
    }
    let mut rest = bytes;
    let mut before = GroupKey::from_parts(0, 0);
    for _ in 0..block.rows {
        let group = pop(before, &mut rest)?;
        before = group.key;
        if group.key >= from && to.is_none_or(|to| group.key < to) {
            groups.push(group);
        }
    }
    rest.is_empty().then_some(())
}

#[inline]
fn pop(before: GroupKey, rest: &mut &[u8]) -> Option<Group> {
    let (flags, after) = rest.split_first()?;
    *rest = after;
    let (day_before, user_before) = before.to_parts();
    let key = if flags & NEW_DAY == 0 {
        GroupKey::from_parts(day_before, user_before.wrapping_add(pop_number(rest)?))
    } else {
        let day = u32::try_from(pop_number(rest)?).ok()?;
        GroupKey::from_parts(day_before.wrapping_add(day), pop_number(rest)?)
    };
    let event_count = match flags & EVENTS {
        0 => 1,
        _ => pop_number(rest)?,
    };
    let purchase_count = match flags & PURCHASES_MASK {
        0 => 0,
        ONE_PURCHASE => 1,
        _ => pop_number(rest)?,
    };
    let units = match flags & REVENUE_MASK {
        0 => 0,
        HUNDREDTHS => u128::from(pop_number(rest)?) * HUNDREDTH,
        _ => {
            let (units, after) = rest.split_first_chunk()?;
            *rest = after;
            u128::from_le_bytes(*units)
        }
    };
    Some(Group {
        key,
        totals: Totals {
            event_count,
            purchase_count,
            revenue: Revenue::from_units(units),
        },
    })
}

#[inline]
fn pop_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if *byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Date, UserId};
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..3_u64,
            any::<u64>(),
            (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift),
        ]
    }

    fn units() -> impl Strategy<Value = u128> {
        prop_oneof![
            Just(0),
            Just(u128::MAX),
            Just(u128::from(u64::MAX) * HUNDREDTH),
            Just((u128::from(u64::MAX) + 1) * HUNDREDTH),
            number().prop_map(|number| u128::from(number) * HUNDREDTH),
            number().prop_map(|number| u128::from(number) << 16),
            number().prop_map(|number| u128::from(number) * FIVES),
            (any::<u128>(), 0..128_u32).prop_map(|(number, shift)| number >> shift),
        ]
    }

    fn groups() -> impl Strategy<Value = Vec<Group>> {
        let user = prop_oneof![0..2000_i128, i128::from(i64::MIN)..=i128::from(u64::MAX)];
        let days = prop_oneof![738_000..738_003_u32, 0..=Date::MAX.days()];
        let group = (days, user, number(), number(), units()).prop_map(
            |(days, user, event_count, purchase_count, units)| Group {
                key: GroupKey::new(
                    Date::from_days(days).unwrap(),
                    UserId::try_from(user).unwrap(),
                ),
                totals: Totals {
                    event_count,
                    purchase_count,
                    revenue: Revenue::from_units(units),
                },
            },
        );
        proptest::collection::vec(group, 0..1200)
    }

    const FIRST: GroupKey = GroupKey::from_parts(0, 0);

    fn decoded(
        blocks: &[Block],
        bytes: &[u8],
        from: GroupKey,
        to: Option<GroupKey>,
    ) -> Option<Vec<Group>> {
        let mut groups = Vec::new();
        for block in blocks {
            let bytes = bytes.get(
                usize::try_from(block.offset).unwrap()..usize::try_from(block.end()).unwrap(),
            )?;
            decode(block, bytes, from, to, &mut groups)?;
        }
        Some(groups)
    }

    proptest! {
        // Each of hundreds of groups.
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        /// In order, as they are in files, and in any other.
        #[test]
        fn any_groups_are_decoded_as_they_were(mut groups in groups(), in_order: bool) {
            if in_order {
                groups.sort_by_key(|group| group.key);
            }
            let mut bytes = b"before".to_vec();
            let blocks = encode(groups.iter(), &mut bytes);
            prop_assert_eq!(blocks.len(), groups.len().div_ceil(ROWS));
            for block in &blocks {
                prop_assert_eq!(Block::from_bytes(block.to_bytes(), block.offset), *block);
            }
            prop_assert_eq!(blocks.iter().map(Block::rows).sum::<usize>(), groups.len());
            let firsts = groups.chunks(ROWS).map(|rows| rows[0].key);
            prop_assert!(firsts.eq(blocks.iter().map(|block| block.first)));
            prop_assert_eq!(blocks.last().map_or(6, Block::end), bytes.len() as u64);
            prop_assert_eq!(decoded(&blocks, &bytes, FIRST, None), Some(groups));
        }

        #[test]
        fn those_between_two_keys_are_taken(groups in groups(), from: prop::sample::Index, to: prop::sample::Index) {
            prop_assume!(!groups.is_empty());
            let (from, to) = (from.get(&groups).key, to.get(&groups).key);
            let mut bytes = Vec::new();
            let blocks = encode(groups.iter(), &mut bytes);
            let between = groups.iter().filter(|group| (from..to).contains(&group.key));
            prop_assert_eq!(
                decoded(&blocks, &bytes, from, Some(to)),
                Some(between.copied().collect())
            );
        }

        #[test]
        fn any_flipped_bit_is_noticed_and_any_other_block(groups in groups(), bit: prop::sample::Index) {
            let mut bytes = Vec::new();
            let blocks = encode(groups.iter(), &mut bytes);
            for pair in blocks.windows(2) {
                let at = |block: &Block| {
                    let (start, end) = (block.offset, block.end());
                    &bytes[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]
                };
                prop_assert_eq!(decode(&pair[0], at(&pair[1]), FIRST, None, &mut Vec::new()), None);
            }
            if !bytes.is_empty() {
                let bit = bit.index(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                prop_assert_eq!(decoded(&blocks, &bytes, FIRST, None), None);
            }
        }

    }

    proptest! {
        /// What passes the checksum by chance is no reason to panic.
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), rows: u16) {
            let block = Block {
                first: FIRST,
                offset: 0,
                crc: crc32fast::hash(&bytes),
                len: u16::try_from(bytes.len()).unwrap(),
                rows,
            };
            let mut groups = Vec::new();
            if decode(&block, &bytes, FIRST, None, &mut groups).is_some() {
                prop_assert_eq!(groups.len(), usize::from(rows));
            }
        }

        #[test]
        fn hundredths_are_those_of_plain_division(units in units()) {
            let expected = (units % HUNDREDTH == 0).then_some(units / HUNDREDTH);
            prop_assert_eq!(hundredths(units), expected.and_then(|number| u64::try_from(number).ok()));
        }
    }

    #[test]
    fn a_group_takes_from_2_bytes_to_52_and_a_block_in_memory_32() {
        let group = |day, user, count, units| Group {
            key: GroupKey::from_parts(day, user),
            totals: Totals {
                event_count: count,
                purchase_count: count,
                revenue: Revenue::from_units(units),
            },
        };
        let mut bytes = Vec::new();
        push(&group(7, 9, 1, 0), GroupKey::from_parts(7, 1), &mut bytes);
        assert_eq!(bytes.len(), 2);
        bytes.clear();
        push(&group(u32::MAX, u64::MAX, u64::MAX, 1), FIRST, &mut bytes);
        assert_eq!(bytes.len(), 52);
        assert!(bytes.len() * ROWS < usize::from(u16::MAX));
        assert_eq!(size_of::<Block>(), 32);
    }
}
