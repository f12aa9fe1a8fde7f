//! The result file: a row for each group, as CSV (RFC 4180 with `\n` line ends).
//!
//! A row is a date and four numbers, none of which ever needs quotes, and there may be millions of
//! them: so they are written by hand, from the last digit to the first. The csv crate says in the
//! tests what they have to look like.

use crate::aggregate::{Group, InOrder, Revenue};
use crate::event::{Date, UserId};

/// The header line.
pub(crate) const HEADER: &[u8] = b"date,user_id,event_count,purchase_count,total_revenue\n";

/// Appends the rows of groups in order, without the header.
pub(crate) fn append_rows(groups: &InOrder, out: &mut Vec<u8>) {
    // A row takes about 30 bytes; growing once is cheaper than measuring first.
    out.reserve(groups.len() * 32 + Row::SHORT);
    let mut rows = RowWriter::default();
    for group in groups.iter() {
        rows.push(group, out);
    }
}

/// The same, and where the rows of each day end.
pub(crate) fn append_rows_by_day(groups: &InOrder, out: &mut Vec<u8>) -> Vec<(Date, usize)> {
    out.reserve(groups.len() * 32 + Row::SHORT);
    let mut ends: Vec<(Date, usize)> = Vec::new();
    let mut row = Row::default();
    for group in groups.iter() {
        row.append(group, out);
        let date = group.key.date();
        match ends.last_mut() {
            Some((last, end)) if *last == date => *end = out.len(),
            _ => ends.push((date, out.len())),
        }
    }
    ends
}

/// Writes rows one by one.
#[derive(Default)]
pub(crate) struct RowWriter(Row);

impl RowWriter {
    /// Appends the row of a group.
    #[inline]
    pub(crate) fn push(&mut self, group: &Group, out: &mut Vec<u8>) {
        self.0.append(group, out);
    }
}

/// The text of a row, filled from its end.
struct Row {
    bytes: [u8; Row::LEN + Row::SHORT],
    /// Where the text begins.
    start: usize,
    /// The date last written: it stays the same for many rows in a row.
    date: Option<Date>,
    date_text: String,
}

impl Default for Row {
    fn default() -> Row {
        Row {
            bytes: [0; Row::LEN + Row::SHORT],
            start: Row::LEN,
            date: None,
            date_text: String::new(),
        }
    }
}

/// The two digits of each number below 100.
const DIGITS: &[u8; 200] = b"00010203040506070809\
    10111213141516171819\
    20212223242526272829\
    30313233343536373839\
    40414243444546474849\
    50515253545556575859\
    60616263646566676869\
    70717273747576777879\
    80818283848586878889\
    90919293949596979899";

impl Row {
    /// The longest row: a date, a user id of 20 bytes, counts of 20 digits, a revenue of 21 and 18
    /// digits, and what is between and after them, are 115 bytes.
    const LEN: usize = 128;

    /// Nearly all rows are no longer. So many bytes more follow a row.
    const SHORT: usize = 64;

    /// The row of a group, with its line end.
    fn of(&mut self, group: &Group) -> &[u8] {
        let Group { key, totals } = group;
        self.start = Row::LEN;
        self.byte(b'\n');
        self.revenue(totals.revenue);
        self.byte(b',');
        self.number(totals.purchase_count);
        self.byte(b',');
        self.number(totals.event_count);
        self.byte(b',');
        self.user_id(key.user_id());
        self.byte(b',');
        if self.date != Some(key.date()) {
            self.date = Some(key.date());
            self.date_text = key.date().to_string();
        }
        let end = self.start;
        self.start -= self.date_text.len();
        self.bytes[self.start..end].copy_from_slice(self.date_text.as_bytes());
        &self.bytes[self.start..Row::LEN]
    }

    /// Appends the row of a group.
    #[inline]
    fn append(&mut self, group: &Group, out: &mut Vec<u8>) {
        let len = self.of(group).len();
        // A copy of a length that is known takes a few instructions, one of any length a call.
        match self.bytes[self.start..].first_chunk::<{ Row::SHORT }>() {
            Some(short) if len <= Row::SHORT => {
                let end = out.len() + len;
                out.extend_from_slice(short);
                out.truncate(end);
            }
            _ => out.extend_from_slice(&self.bytes[self.start..Row::LEN]),
        }
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }

    /// The two digits of a number below 100.
    #[inline]
    fn two_digits(&mut self, number: u64) {
        let at = (number % 100) as usize * 2;
        self.start -= 2;
        self.bytes[self.start..self.start + 2].copy_from_slice(&DIGITS[at..at + 2]);
    }

    #[inline]
    fn number(&mut self, mut number: u64) {
        while number >= 100 {
            self.two_digits(number % 100);
            number /= 100;
        }
        if number >= 10 {
            self.two_digits(number);
        } else {
            self.byte(b'0' + (number % 10) as u8);
        }
    }

    #[inline]
    fn user_id(&mut self, user_id: UserId) {
        let (is_non_negative, bits) = user_id.to_parts();
        if is_non_negative {
            self.number(bits);
        } else {
            self.number(bits.cast_signed().unsigned_abs());
            self.byte(b'-');
        }
    }

    /// At least two decimals and at most eighteen, without zeros at the end past the second.
    #[inline]
    fn revenue(&mut self, revenue: Revenue) {
        /// What is left past the second decimal.
        const PAST_CENTS: u64 = 10_u64.pow(16);
        let (whole, rest) = revenue.to_parts();
        let (cents, mut past_cents) = (rest / PAST_CENTS, rest % PAST_CENTS);
        if past_cents != 0 {
            let mut digits = 16;
            while past_cents.is_multiple_of(10) {
                past_cents /= 10;
                digits -= 1;
            }
            for _ in 0..digits {
                self.byte(b'0' + (past_cents % 10) as u8);
                past_cents /= 10;
            }
        }
        self.two_digits(cents);
        self.byte(b'.');
        match u64::try_from(whole) {
            Ok(whole) => self.number(whole),
            // Above 1.8 * 10^19, and no more than 3.5 * 10^20: two digits before the last nineteen.
            Err(_) => self.long_number(whole),
        }
    }

    #[cold]
    fn long_number(&mut self, mut number: u128) {
        while number != 0 {
            self.byte(b'0' + (number % 10) as u8);
            number /= 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Partitions;
    use crate::aggregate::{GroupKey, Totals};
    use crate::event::{Amount, Event};
    use proptest::prelude::*;

    fn rows(groups: &InOrder) -> Vec<u8> {
        let mut out = Vec::new();
        append_rows(groups, &mut out);
        out
    }

    /// The row as the csv crate writes it, with the texts that the types give themselves.
    fn plain_row(group: &Group) -> String {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_writer(Vec::new());
        writer
            .serialize((
                group.key.date().to_string(),
                group.key.user_id().get(),
                group.totals.event_count,
                group.totals.purchase_count,
                group.totals.revenue.to_string(),
            ))
            .unwrap();
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    /// Numbers of any length.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            0..3_u64,
            (any::<u64>(), 0..64_u32).prop_map(|(n, shift)| n >> shift)
        ]
    }

    /// Units of a revenue: any, and such as have few decimals.
    fn units() -> impl Strategy<Value = u128> {
        let number = (any::<u128>(), 0..128_u32).prop_map(|(n, shift)| n >> shift);
        let rounded = (number.clone(), 0..21_u32).prop_map(|(n, zeros)| n - n % 10_u128.pow(zeros));
        prop_oneof![Just(0), Just(u128::MAX), number, rounded]
    }

    fn user() -> impl Strategy<Value = UserId> {
        let ends = [i128::from(i64::MIN), -1, 0, 1 << 63, i128::from(u64::MAX)];
        prop_oneof![
            number().prop_map(UserId::from),
            number().prop_map(|n| UserId::from(n.cast_signed())),
            proptest::sample::select(ends.to_vec()).prop_map(|n| UserId::try_from(n).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_csv_crate(
            groups in proptest::collection::vec(
                (0..=Date::MAX.days(), any::<bool>(), user(), number(), number(), units()),
                1..10,
            ),
        ) {
            let mut row = Row::default();
            let mut last_date = Date::MIN;
            for (days, is_same_date, user, event_count, purchase_count, units) in groups {
                if !is_same_date {
                    last_date = Date::from_days(days).unwrap();
                }
                let group = Group {
                    key: GroupKey::new(last_date, user),
                    totals: Totals {
                        event_count,
                        purchase_count,
                        revenue: Revenue::from_units(units),
                    },
                };
                let text = std::str::from_utf8(row.of(&group)).unwrap();
                prop_assert_eq!(text, plain_row(&group));
            }
        }
    }

    #[test]
    fn rows_are_sorted_by_date_and_then_by_user_as_a_number() {
        let partitions = Partitions::default();
        let mut counter = partitions.counter();
        let mut add = |day: u32, user: i128, amount: Option<&str>| {
            let date = Date::from_ymd(2024, 1, day).unwrap();
            let amount = amount.map(|text| Amount::from_json_number(text).unwrap());
            counter.add(Event::new(date, UserId::try_from(user).unwrap(), amount));
        };
        add(2, 1, None);
        add(1, 10, Some("0.125"));
        add(1, 9, Some("19.99"));
        add(1, 9, None);
        add(1, i128::from(u64::MAX), None);
        add(1, -10, None);
        add(1, i128::from(i64::MIN), Some("1e-400"));
        counter.finish();
        let groups = partitions.finish_sorted().unwrap();
        for range in groups.ranges() {
            let (sorted, mut by_day) = (range.sorted().unwrap(), b"before".to_vec());
            let ends = append_rows_by_day(&sorted, &mut by_day);
            assert_eq!(by_day.strip_prefix(b"before").unwrap(), rows(&sorted));
            let mut start = "before".len();
            for (date, end) in ends {
                let text = std::str::from_utf8(&by_day[start..end]).unwrap();
                let is_of_day = |line: &str| line.starts_with(&format!("{date},"));
                assert!(
                    text.ends_with('\n') && text.lines().all(is_of_day),
                    "{text}"
                );
                start = end;
            }
            assert_eq!(start, by_day.len());
        }
        let ranges = groups.ranges();
        let text: Vec<u8> = ranges
            .flat_map(|range| rows(&range.sorted().unwrap()))
            .collect();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "2024-01-01,-9223372036854775808,1,1,0.00\n\
             2024-01-01,-10,1,0,0.00\n\
             2024-01-01,9,2,1,19.99\n\
             2024-01-01,10,1,1,0.125\n\
             2024-01-01,18446744073709551615,1,0,0.00\n\
             2024-01-02,1,1,0,0.00\n"
        );
    }
}
