//! Bytes on their way to a file: in pieces that are large, and start at multiples of their size in the file.
//!
//! The kernel has little more than half as much to do with such pieces as with any others. What is left of
//! a piece waits where it came in; it is not copied to wait somewhere else.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};

/// What is to be written next, in two parts.
pub type Parts<'a> = [&'a [u8]; 2];

/// Bytes that wait until a piece is full.
#[derive(Debug)]
pub struct Waiting {
    /// How large a piece is, in bytes.
    piece: u64,
    /// How many bytes went before those that wait.
    written: u64,
    bytes: Vec<u8>,
    /// How many of the first bytes are not waiting any more.
    gone: usize,
}

impl Waiting {
    /// Nothing yet, for a file that is empty. Pieces have so many bytes.
    #[must_use]
    pub const fn new(piece: usize) -> Waiting {
        Waiting {
            piece: piece as u64,
            written: 0,
            bytes: Vec::new(),
            gone: 0,
        }
    }

    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.gone
    }

    /// Whether none do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes were given to be written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// How many of the next bytes make pieces full, if so many come.
    fn whole(&self, more: usize) -> Option<usize> {
        let end = self.written + (self.len() + more) as u64;
        let whole = (end / self.piece * self.piece).checked_sub(self.written)?;
        usize::try_from(whole).ok()?.checked_sub(self.len())
    }

    /// Adds bytes, and has all full pieces written. What cannot be written does not wait for another time.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn add<E>(
        &mut self,
        bytes: &[u8],
        write: impl FnOnce(Parts<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((now, later)) = self.whole(bytes.len()).map(|now| bytes.split_at(now)) else {
            self.bytes.extend_from_slice(bytes);
            return Ok(());
        };
        let written = self.write(now, write);
        self.bytes.extend_from_slice(later);
        written
    }

    /// The same, and leaves `bytes` empty, with other memory than it had.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn take<E>(
        &mut self,
        bytes: &mut Vec<u8>,
        write: impl FnOnce(Parts<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut written = Ok(());
        if let Some(now) = self.whole(bytes.len()) {
            written = self.write(&bytes[..now], write);
            self.gone = now;
            std::mem::swap(&mut self.bytes, bytes);
        } else if self.is_empty() {
            self.gone = 0;
            std::mem::swap(&mut self.bytes, bytes);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
        bytes.clear();
        written
    }

    /// Has all that waits written.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    pub fn flush<E>(&mut self, write: impl FnOnce(Parts<'_>) -> Result<(), E>) -> Result<(), E> {
        self.write(&[], write)
    }

    fn write<E>(
        &mut self,
        more: &[u8],
        write: impl FnOnce(Parts<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let waiting = self.bytes.get(self.gone..).unwrap_or_default();
        let len = waiting.len() + more.len();
        let written = write([waiting, more]);
        self.written += len as u64;
        self.bytes.clear();
        self.gone = 0;
        written
    }
}

/// Writes both parts, in one call if the file takes them.
///
/// # Errors
///
/// As for [`write_all`](io::Write::write_all).
pub fn write_parts(mut file: &File, [mut first, mut second]: Parts<'_>) -> io::Result<()> {
    while !first.is_empty() && !second.is_empty() {
        match file.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => {
                let of_first = len.min(first.len());
                first = &first[of_first..];
                second = &second[len - of_first..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.write_all(first)?;
    file.write_all(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add(usize),
        Take(usize),
        Flush,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..40_usize).prop_map(Step::Add),
            3 => (0..40_usize).prop_map(Step::Take),
            1 => Just(Step::Flush),
        ];
        prop::collection::vec(step, 0..30)
    }

    proptest! {
        #[test]
        fn all_bytes_are_written_in_order_and_in_whole_pieces(steps in steps(), fails in 0..40_usize) {
            let mut waiting = Waiting::new(16);
            let (mut given, mut written) = (Vec::new(), Vec::new());
            let mut next = (0..=u8::MAX).cycle();
            for (at, step) in steps.into_iter().enumerate() {
                let is_flush = matches!(step, Step::Flush);
                let mut calls = 0;
                let write = |[first, second]: Parts<'_>| {
                    calls += 1;
                    written.extend_from_slice(first);
                    written.extend_from_slice(second);
                    if at == fails { Err(()) } else { Ok(()) }
                };
                let done = match step {
                    Step::Flush => waiting.flush(write),
                    Step::Add(len) => {
                        let bytes: Vec<u8> = next.by_ref().take(len).collect();
                        given.extend_from_slice(&bytes);
                        waiting.add(&bytes, write)
                    }
                    Step::Take(len) => {
                        let mut bytes: Vec<u8> = next.by_ref().take(len).collect();
                        given.extend_from_slice(&bytes);
                        let done = waiting.take(&mut bytes, write);
                        prop_assert!(bytes.is_empty());
                        done
                    }
                };
                prop_assert_eq!(done.is_err(), at == fails && calls > 0);
                prop_assert!(calls <= 1);
                if is_flush {
                    prop_assert!(waiting.is_empty());
                } else if calls > 0 {
                    prop_assert_eq!(written.len() % 16, 0);
                }
                prop_assert!(waiting.len() < 16);
                prop_assert_eq!(waiting.written(), written.len() as u64);
                prop_assert_eq!(&given[..written.len()], &written[..]);
                prop_assert_eq!(given.len(), written.len() + waiting.len());
            }
            let end = waiting.flush(|[first, second]| {
                written.extend_from_slice(first);
                written.extend_from_slice(second);
                Ok::<(), ()>(())
            });
            prop_assert!(end.is_ok());
            prop_assert_eq!(given, written);
        }
    }

    #[test]
    fn both_parts_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        for parts in [["", ""], ["a", ""], ["", "b"], ["cd", "ef"]] {
            write_parts(&file, parts.map(str::as_bytes)).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"abcdef");
        let error = write_parts(&File::open(&path).unwrap(), [b"a", b"b"]);
        assert!(error.is_err());
    }
}
