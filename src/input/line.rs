//! Lines: what stands between newlines.

/// A line of a chunk, without its `\n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The byte of the chunk at which the line starts, from 0.
    pub offset: usize,
    /// The text of the line. May be empty; never holds a `\n`.
    pub bytes: &'a [u8],
}

/// The lines of a chunk, in order.
///
/// A line ends at `\n` or at the end of the chunk; what follows the last `\n` is a line only if it
/// is not empty. So the lines, each with its `\n`, cover the chunk.
///
/// ```
/// use daytally::internals::Lines;
///
/// let lines: Vec<_> = Lines::new(b"one\n\nthree").map(|line| (line.offset, line.bytes)).collect();
/// assert_eq!(lines, [(0, &b"one"[..]), (4, b""), (5, b"three")]);
/// ```
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    chunk: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The lines of `chunk`.
    #[must_use]
    pub fn new(chunk: &'a [u8]) -> Lines<'a> {
        Lines { chunk, at: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        let rest = &self.chunk[self.at..];
        if rest.is_empty() {
            return None;
        }
        let offset = self.at;
        let bytes = if let Some(len) = memchr::memchr(b'\n', rest) {
            self.at += len + 1;
            &rest[..len]
        } else {
            self.at = self.chunk.len();
            rest
        };
        Some(Line { offset, bytes })
    }
}

impl std::iter::FusedIterator for Lines<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_are_those_of_split(
            chunk in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a')], 0..60),
        ) {
            let mut expected: Vec<&[u8]> = chunk.split(|byte| *byte == b'\n').collect();
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            let lines: Vec<_> = Lines::new(&chunk).collect();
            prop_assert_eq!(lines.iter().map(|line| line.bytes).collect::<Vec<_>>(), expected);
            for line in lines {
                prop_assert_eq!(&chunk[line.offset..line.offset + line.bytes.len()], line.bytes);
            }
        }
    }
}
