//! Chunks: pieces of an input cut at newlines, so that each can be worked on alone.

/// A piece of an input that starts at the start of a line and ends at the end of one.
///
/// Never empty. The chunks of an input follow each other without a gap and cover all of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    /// The byte of the input at which the chunk starts, from 0.
    pub offset: usize,
    /// The lines, each with its `\n`; the last line of an input may lack it.
    pub bytes: &'a [u8],
}

/// Cuts a text into [`Chunk`]s of at least a given size, the last one aside.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<'a> {
    text: &'a [u8],
    at: usize,
    size: usize,
}

impl<'a> Chunks<'a> {
    /// The chunks of `text`, each reaching to the end of the line that holds its byte number `size`
    /// (counted from 1; 0 counts as 1).
    #[must_use]
    pub(crate) fn new(text: &'a [u8], size: usize) -> Chunks<'a> {
        Chunks {
            text,
            at: 0,
            size: size.max(1),
        }
    }

    /// The same, starting at the byte `start` of `text`, which has to be the start of a line.
    #[must_use]
    pub(crate) fn starting_at(text: &'a [u8], start: usize, size: usize) -> Chunks<'a> {
        Chunks {
            at: start.min(text.len()),
            ..Chunks::new(text, size)
        }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let last_of_size = self.size.min(rest.len()) - 1;
        let len = memchr::memchr(b'\n', &rest[last_of_size..])
            .map_or(rest.len(), |newline| last_of_size + newline + 1);
        let chunk = Chunk {
            offset: self.at,
            bytes: &rest[..len],
        };
        self.at += len;
        Some(chunk)
    }
}

impl std::iter::FusedIterator for Chunks<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chunks_end_with_the_line_that_makes_them_large_enough() {
        let chunks: Vec<_> = Chunks::new(b"one\ntwo\nthree\nfour", 5)
            .map(|chunk| chunk.bytes)
            .collect();
        assert_eq!(chunks, [&b"one\ntwo\n"[..], b"three\n", b"four"]);
    }

    proptest! {
        #[test]
        fn chunks_cover_the_text_and_end_with_lines(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a')], 0..60),
            start in 0_usize..70,
            size in 0_usize..70,
        ) {
            let from = start.min(text.len());
            let chunks: Vec<_> = Chunks::starting_at(&text, start, size).collect();
            let joined: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes).copied().collect();
            prop_assert_eq!(&joined[..], &text[from..]);
            let mut at = from;
            for (index, chunk) in chunks.iter().enumerate() {
                prop_assert_eq!(chunk.offset, at);
                at += chunk.bytes.len();
                let is_last = index + 1 == chunks.len();
                prop_assert!(chunk.bytes.ends_with(b"\n") || is_last);
                prop_assert!(chunk.bytes.len() >= size || is_last);
                // Not a line longer than asked for.
                let without_last_line = chunk.bytes[..chunk.bytes.len() - 1]
                    .iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                prop_assert!(without_last_line < size.max(1));
            }
        }
    }
}
