//! A split: a range of a file's bytes, and the lines that belong to it; and how a file is cut into splits.
//!
//! A line belongs to the split that its first byte lies in, so that whatever way a file is cut into splits,
//! each line is in exactly one of them. A byte-order mark is a part of the first line.

use std::fmt;
use std::fs::File;
use std::io;
use std::iter::FusedIterator;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::str::FromStr;

use super::compression::Compression;
use super::source::InputIdentity;

/// How much of a file is searched for a newline at a time, in bytes.
const BLOCK: usize = 64 * 1024;

/// A range of a file's bytes, by which one of several runs reads some of its lines: those whose first byte
/// lies in it. The last of them may end past it.
///
/// ```
/// use daytally::input::Split;
///
/// let split: Split = "0..1000".parse()?;
/// assert_eq!((split.start(), split.end()), (0, Some(1000)));
/// let rest: Split = "1000..".parse()?;
/// assert_eq!((rest.start(), rest.end()), (1000, None));
/// assert_eq!(rest.to_string(), "1000..");
/// assert!("1000..1000".parse::<Split>().is_err());
/// # Ok::<(), daytally::input::NoSplit>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    start: u64,
    end: Option<u64>,
}

/// A text that is no split.
///
/// ```
/// use daytally::input::{NoSplit, Split};
/// assert_eq!("100..100".parse::<Split>(), Err(NoSplit::Empty));
/// assert_eq!("all".parse::<Split>(), Err(NoSplit::Form));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSplit {
    /// It is not written as one.
    #[error(
        "give the first byte and the one after the last, from 0, such as 0..1048576; without a number after the dots it goes to the end"
    )]
    Form,
    /// It ends where it starts, or before.
    #[error("a split ends past its start; this one has no byte")]
    Empty,
}

impl Split {
    /// All of a file.
    pub const WHOLE: Split = Split {
        start: 0,
        end: None,
    };

    /// From a byte to before another, or to the end; `None` if there is no byte between.
    #[must_use]
    pub fn new(start: u64, end: Option<u64>) -> Option<Split> {
        let is_empty = end.is_some_and(|end| end <= start);
        (!is_empty).then_some(Split { start, end })
    }

    /// The first byte, from 0.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// The byte after the last; `None` is the file's length, whatever that is.
    #[must_use]
    pub const fn end(self) -> Option<u64> {
        self.end
    }

    /// Cuts a file of so many bytes into splits of `size` bytes, in their order: together they are all of it,
    /// and no byte is in two of them.
    ///
    /// A rest that is smaller than half of `size` is joined to the split before it. So no split has more than
    /// one and a half times `size`; and none has less than half of it, unless that is all of the file. A file
    /// without a byte has one split, [`Split::WHOLE`].
    ///
    /// ```
    /// use daytally::input::Split;
    /// use std::num::NonZeroU64;
    ///
    /// let cut = |len, size| {
    ///     let splits = Split::cut(len, NonZeroU64::new(size).expect("not zero"));
    ///     splits.map(|split| split.to_string()).collect::<Vec<_>>()
    /// };
    /// assert_eq!(cut(2500, 1000), ["0..1000", "1000..2000", "2000..2500"]);
    /// assert_eq!(cut(2499, 1000), ["0..1000", "1000..2499"]);
    /// assert_eq!(cut(0, 1000), ["0.."]);
    /// ```
    #[must_use]
    pub fn cut(len: u64, size: NonZeroU64) -> Splits {
        Splits {
            start: Some(0),
            len,
            size: size.get(),
        }
    }

    /// Which bytes these are of a file of so many; what is wrong with that otherwise.
    pub(super) fn of_len(self, len: u64) -> Result<Range<u64>, String> {
        let end = self.end.unwrap_or(len);
        if end > len || (self.start >= len && len > 0) || (len == 0 && self.start > 0) {
            return Err(format!(
                "is not in the file, which has {len} byte{}; cut it into splits anew",
                if len == 1 { "" } else { "s" }
            ));
        }
        Ok(self.start..end)
    }
}

/// The splits of a file, one after the other: see [`Split::cut`].
///
/// ```
/// use daytally::input::Split;
/// let splits: Vec<_> = Split::cut(2000, 1000.try_into().unwrap()).collect();
/// assert_eq!(splits, ["0..1000".parse().unwrap(), "1000..2000".parse().unwrap()]);
/// ```
#[derive(Clone, Debug)]
pub struct Splits {
    /// Where the next one starts; `None` after the last.
    start: Option<u64>,
    len: u64,
    size: u64,
}

impl Iterator for Splits {
    type Item = Split;

    fn next(&mut self) -> Option<Split> {
        let start = self.start.take()?;
        if self.len == 0 {
            return Some(Split::WHOLE);
        }
        // What would be left for the others.
        let rest = (self.len - start).saturating_sub(self.size);
        let end = if rest >= self.size.div_ceil(2) {
            start + self.size
        } else {
            self.len
        };
        self.start = Some(end).filter(|end| *end < self.len);
        Split::new(start, Some(end))
    }
}

impl FusedIterator for Splits {}

/// What a scheduler has to know of a file to have it read in splits: see
/// [`Input::plan_splits`](crate::Input::plan_splits).
///
/// ```
/// use daytally::Input;
///
/// let plan = Input::open("tests/data/events.jsonl".as_ref())?.plan_splits()?;
/// let splits: Vec<_> = plan.splits(200.try_into().unwrap()).map(|split| split.to_string()).collect();
/// assert_eq!(splits, ["0..200", "200..422"]);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SplitPlan {
    /// Which version of the file it is true of; for [`Input::expect`](crate::Input::expect).
    pub identity: InputIdentity,
    /// How the file is compressed, by its first bytes: it can only be read as a whole then.
    pub compression: Option<Compression>,
}

impl SplitPlan {
    /// The splits, of `size` bytes each as [`Split::cut`] has it; [`Split::WHOLE`] alone for a compressed file.
    #[must_use]
    pub fn splits(&self, size: NonZeroU64) -> Splits {
        match self.compression {
            Some(_) => Split::cut(0, size),
            None => Split::cut(self.identity.size, size),
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..", self.start)?;
        self.end.map_or(Ok(()), |end| write!(f, "{end}"))
    }
}

impl FromStr for Split {
    type Err = NoSplit;

    fn from_str(text: &str) -> Result<Split, NoSplit> {
        let number = |digits: &str| {
            // A number may have a sign otherwise.
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u64>().ok().filter(|_| is_plain);
            number.ok_or(NoSplit::Form)
        };
        let (start, end) = text.split_once("..").ok_or(NoSplit::Form)?;
        let end = match end {
            "" => None,
            end => Some(number(end)?),
        };
        Split::new(number(start)?, end).ok_or(NoSplit::Empty)
    }
}

/// From where to where the lines go that belong to some bytes of a file of so many.
pub(super) fn lines_of(file: &File, bytes: Range<u64>, len: u64) -> io::Result<Range<u64>> {
    let start = line_start(file, bytes.start, len)?;
    // A line may be longer than the split, which has none then.
    let end = line_start(file, bytes.end.max(start), len)?;
    Ok(start..end)
}

/// Where the first line starts that starts at a byte or later; the length if there is none.
fn line_start(file: &File, at: u64, len: u64) -> io::Result<u64> {
    if at == 0 || at >= len {
        return Ok(at.min(len));
    }
    // The byte before tells whether a line starts here.
    let mut at = at - 1;
    let mut block = vec![0; BLOCK];
    while at < len {
        let most = usize::try_from(len - at).unwrap_or(BLOCK).min(BLOCK);
        match file.read_at(&mut block[..most], at) {
            // It was cut shorter, which whoever reads it will find.
            Ok(0) => break,
            Ok(read) => {
                if let Some(newline) = memchr::memchr(b'\n', &block[..read]) {
                    return Ok(at + newline as u64 + 1);
                }
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn cut(len: u64, size: u64) -> Splits {
        Split::cut(len, NonZeroU64::new(size).unwrap())
    }

    #[test]
    fn a_file_is_cut_into_splits() {
        for (len, size, splits) in [
            (0, 1, &["0.."][..]),
            (0, u64::MAX, &["0.."]),
            (1, 1, &["0..1"]),
            (3, 1, &["0..1", "1..2", "2..3"]),
            (3, 2, &["0..2", "2..3"]),
            (4, 3, &["0..4"]),
            (5, 3, &["0..3", "3..5"]),
            (9, 10, &["0..9"]),
            (10, 10, &["0..10"]),
            (14, 10, &["0..14"]),
            (15, 10, &["0..10", "10..15"]),
            (20, 10, &["0..10", "10..20"]),
            (24, 10, &["0..10", "10..24"]),
            (25, 10, &["0..10", "10..20", "20..25"]),
            (u64::MAX, u64::MAX, &["0..18446744073709551615"]),
            (u64::MAX, u64::MAX - 1, &["0..18446744073709551615"]),
            (
                u64::MAX,
                1 << 63,
                &[
                    "0..9223372036854775808",
                    "9223372036854775808..18446744073709551615",
                ],
            ),
        ] {
            let cut: Vec<String> = cut(len, size).map(|split| split.to_string()).collect();
            assert_eq!(cut, splits, "{len} by {size}");
        }
        let mut over = cut(0, 1);
        assert_eq!((over.next(), over.next()), (Some(Split::WHOLE), None));
        assert_eq!(over.next(), None);
    }

    #[test]
    fn a_compressed_file_is_not_cut() {
        let plan = |compression| SplitPlan {
            identity: InputIdentity {
                size: 4,
                modified: -1,
            },
            compression,
        };
        let size = NonZeroU64::new(2).unwrap();
        let of = |compression| plan(compression).splits(size).collect::<Vec<_>>();
        assert_eq!(of(None), cut(4, 2).collect::<Vec<_>>());
        assert_eq!(of(Some(Compression::Gzip)), [Split::WHOLE]);
    }

    proptest! {
        #[test]
        fn splits_are_all_of_a_file_once(
            (len, size) in prop_oneof![
                (1_u64..3000, 1_u64..4000),
                // Few of them, at the end of what there is.
                (u64::MAX - 9..=u64::MAX, u64::MAX / 50..=u64::MAX),
            ],
        ) {
            let splits: Vec<Split> = cut(len, size).collect();
            let mut at = 0;
            for (number, split) in splits.iter().enumerate() {
                prop_assert_eq!(split.start(), at);
                let end = split.end().unwrap();
                prop_assert!(split.of_len(len) == Ok(at..end));
                let is_last = number + 1 == splits.len();
                prop_assert!(is_last || end - at == size);
                let doubled = 2 * u128::from(end - at);
                prop_assert!(splits.len() == 1 || doubled >= size.into());
                prop_assert!(doubled < 3 * u128::from(size));
                at = end;
            }
            prop_assert_eq!(at, len);
        }
    }

    #[test]
    fn splits_are_read_as_they_are_written() {
        for (text, split) in [
            (
                "0..1",
                Ok(Split {
                    start: 0,
                    end: Some(1),
                }),
            ),
            (
                "7..",
                Ok(Split {
                    start: 7,
                    end: None,
                }),
            ),
            ("0..", Ok(Split::WHOLE)),
            (
                "0..18446744073709551615",
                Ok(Split {
                    start: 0,
                    end: Some(u64::MAX),
                }),
            ),
            ("5..5", Err(NoSplit::Empty)),
            ("5..4", Err(NoSplit::Empty)),
            ("0..18446744073709551616", Err(NoSplit::Form)),
            ("..5", Err(NoSplit::Form)),
            ("", Err(NoSplit::Form)),
            ("5", Err(NoSplit::Form)),
            ("+1..5", Err(NoSplit::Form)),
            ("1..=5", Err(NoSplit::Form)),
            ("1...5", Err(NoSplit::Form)),
            ("-1..5", Err(NoSplit::Form)),
        ] {
            assert_eq!(text.parse(), split, "{text}");
            if let Ok(split) = split {
                assert_eq!(split.to_string(), text);
            }
        }
    }

    #[test]
    fn a_split_lies_in_its_file() {
        for (split, len, range) in [
            ("0..", 0, Some(0..0)),
            ("0..", 9, Some(0..9)),
            ("3..9", 9, Some(3..9)),
            ("3..10", 9, None),
            ("9..", 9, None),
            ("1..", 0, None),
            ("0..1", 0, None),
        ] {
            let split: Split = split.parse().unwrap();
            assert_eq!(split.of_len(len).ok(), range, "{split} of {len}");
        }
    }

    /// Every way to cut a text in three, against what the definition says.
    #[test]
    fn each_line_is_in_the_split_of_its_first_byte() {
        let long = [&b"ab\n"[..], &vec![b'x'; BLOCK + 10], b"\ncd\n"].concat();
        let ends = [
            0,
            1,
            2,
            3,
            4,
            5,
            BLOCK,
            long.len() - 5,
            long.len() - 4,
            long.len() - 3,
        ];
        for (text, cuts) in [
            (&b"ab\n\n\ncd\r\nlast"[..], (0..=14).collect::<Vec<_>>()),
            (b"\n", vec![0, 1]),
            (b"", vec![0]),
            (b"no newline", (0..=10).collect()),
            (&long, ends.into_iter().chain([long.len()]).collect()),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text).unwrap();
            let len = text.len() as u64;
            let starts: Vec<u64> = (0..text.len())
                .filter(|at| *at == 0 || text[at - 1] == b'\n')
                .map(|at| at as u64)
                .collect();
            for (start, end) in cuts
                .iter()
                .flat_map(|start| cuts.iter().map(move |end| (*start as u64, *end as u64)))
                .filter(|(start, end)| start <= end)
            {
                let lines = lines_of(&file, start..end, len).unwrap();
                let own: Vec<u64> = starts
                    .iter()
                    .copied()
                    .filter(|at| (start..end).contains(at))
                    .collect();
                let first = starts
                    .iter()
                    .copied()
                    .find(|at| *at >= start)
                    .unwrap_or(len);
                let next = starts.iter().copied().find(|at| *at >= end.max(first));
                assert_eq!(lines, first..next.unwrap_or(len), "{start}..{end}");
                assert_eq!(own.is_empty(), lines.is_empty(), "{start}..{end}");
            }
        }
    }
}
