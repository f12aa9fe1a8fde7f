//! Fields of a result's rows as they are written in text, whatever is between them.
//!
//! They are read by hand: there may be hundreds of millions. There is one text for each value, and only that is
//! read.

use crate::aggregate::{Group, GroupKey, Revenue, Totals};
use crate::event::{DECIMALS, Date, UserId};

/// The fields of a row: date, user, events, purchases, revenue.
pub(super) type Fields<'a> = [&'a [u8]; 5];

/// Reads rows. The date stays the same for many in a row, so it is remembered.
#[derive(Debug, Default)]
pub(super) struct RowReader {
    text: [u8; 10],
    date: Option<Date>,
}

impl RowReader {
    /// The row; `None` if it is none.
    #[inline]
    pub(super) fn row(&mut self, fields: Fields<'_>) -> Option<Group> {
        let [date, user, events, purchases, revenue] = fields;
        let date: &[u8; 10] = date.try_into().ok()?;
        if self.date.is_none() || *date != self.text {
            self.date = std::str::from_utf8(date).ok()?.parse().ok();
            self.text = *date;
        }
        let totals = Totals {
            event_count: number(events)?,
            purchase_count: number(purchases)?,
            revenue: self::revenue(revenue)?,
        };
        let key = GroupKey::new(self.date?, user_id(user)?);
        is_whole(&totals).then_some(Group { key, totals })
    }
}

/// Whether totals can be those of a group: it has events, and a revenue if it has purchases.
#[inline]
pub(super) fn is_whole(totals: &Totals) -> bool {
    totals.event_count > 0
        && totals.purchase_count <= totals.event_count
        && (totals.purchase_count > 0 || totals.revenue == Revenue::default())
}

/// What is wrong with fields that are no row.
#[cold]
pub(super) fn fault(fields: Fields<'_>) -> String {
    let [date, user, events, purchases, revenue] = fields;
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    if date.len() != 10 || text(date).parse::<Date>().is_err() {
        "its date is no day as YYYY-MM-DD".into()
    } else if user_id(user).is_none() {
        "its user_id is no whole number from -2^63 to 2^64-1 without zeros before it".into()
    } else if let Some(name) = [(events, "event_count"), (purchases, "purchase_count")]
        .into_iter()
        .find_map(|(digits, name)| number(digits).is_none().then_some(name))
    {
        format!("its {name} is no whole number below 2^64 without zeros before it")
    } else if self::revenue(revenue).is_none() {
        "its total_revenue is no amount below 10^20 with two to eighteen decimals and no more zeros than needed".into()
    } else {
        "its counts do not go together".into()
    }
}

/// A whole number, without zeros before it.
#[inline]
fn number(digits: &[u8]) -> Option<u64> {
    match digits {
        [] | [b'0', _, ..] => None,
        _ => digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.wrapping_sub(b'0');
            (digit < 10).then_some(())?;
            number.checked_mul(10)?.checked_add(u64::from(digit))
        }),
    }
}

#[inline]
fn user_id(text: &[u8]) -> Option<UserId> {
    match text.split_first() {
        Some((b'-', digits)) => {
            let magnitude = number(digits).filter(|magnitude| *magnitude > 0)?;
            0_i64.checked_sub_unsigned(magnitude).map(UserId::from)
        }
        _ => number(text).map(UserId::from),
    }
}

/// An amount of money with two to eighteen decimals, no zeros at the end past the second, below 10^20.
#[inline]
fn revenue(text: &[u8]) -> Option<Revenue> {
    const MOST: usize = DECIMALS as usize;
    let point = text.iter().position(|byte| *byte == b'.')?;
    let (whole, decimals) = (&text[..point], &text[point + 1..]);
    if !(2..=MOST).contains(&decimals.len()) || (decimals.len() > 2 && decimals.ends_with(b"0")) {
        return None;
    }
    let whole = match number(whole) {
        Some(whole) => u128::from(whole),
        // From 2^64 to 10^20.
        None if whole.len() == 20 && whole[0] != b'0' => {
            let (first, rest) = whole.split_at(1);
            let rest = rest.iter().try_fold(0_u128, |number, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| number * 10 + u128::from(digit - b'0'))
            })?;
            u128::from(number(first)?) * 10_u128.pow(19) + rest
        }
        None => return None,
    };
    let mut rest = 0_u64;
    for digit in decimals {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        rest = rest * 10 + u64::from(digit);
    }
    let zeros = u32::try_from(MOST - decimals.len()).ok()?;
    let units = whole * 10_u128.pow(DECIMALS) + u128::from(rest) * 10_u128.pow(zeros);
    Some(Revenue::from_units(units)).filter(|revenue| !revenue.is_too_large())
}
