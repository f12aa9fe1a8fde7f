//! A hash of all that a partial says, so that no bit of it can change on its way unnoticed.

use std::fmt::Write as _;

use super::rows::BooksRow;
use crate::event::Reason;

/// The hash of the rows so far, in order: BLAKE3.
#[derive(Clone, Debug, Default)]
pub(super) struct Digest(blake3::Hasher);

impl Digest {
    /// Adds a group: days from 1970, and units of 10^-18.
    pub(super) fn group(&mut self, days: i32, user: i128, counts: [i64; 2], revenue: i128) {
        let mut bytes = [0; 52];
        let (date, rest) = bytes.split_at_mut(4);
        date.copy_from_slice(&days.to_le_bytes());
        rest[..16].copy_from_slice(&user.to_le_bytes());
        rest[16..24].copy_from_slice(&counts[0].to_le_bytes());
        rest[24..32].copy_from_slice(&counts[1].to_le_bytes());
        rest[32..].copy_from_slice(&revenue.to_le_bytes());
        self.0.update(&bytes);
    }

    /// Adds a reject.
    pub(super) fn reject(
        &mut self,
        (line, offset): (u64, u64),
        reason: Reason,
        message: &str,
        raw: &str,
        [is_base64, is_truncated]: [bool; 2],
    ) {
        self.0.update(&line.to_le_bytes());
        self.0.update(&offset.to_le_bytes());
        self.0
            .update(&[u8::from(is_base64), u8::from(is_truncated)]);
        for text in [reason.code(), message, raw] {
            self.text(text);
        }
    }

    /// The hash of these rows and of the books, in hexadecimal.
    pub(super) fn finish(mut self, input: &str, start: u64, row: &BooksRow) -> String {
        let (books, mut numbers) = (&row.books, String::new());
        // Writing to a string cannot fail.
        let _ = write!(
            numbers,
            "{start} {} {} {:?} {} {} {}",
            row.end, row.size, row.modified, books.blank, books.valid, books.filtered
        );
        for (reason, count) in books.invalid_by_reason() {
            let _ = write!(numbers, " {reason} {count}");
        }
        for (reason, place) in row.first.iter() {
            let _ = write!(numbers, " {reason} {} {}", place.line, place.offset);
        }
        self.text(input);
        self.text(&numbers);
        self.0.finalize().to_hex().to_string()
    }

    /// Adds a text, and how long it is.
    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }
}
