//! Where in the input the rejects are: counts by reason over parts of it, in bounded memory.

use std::collections::BTreeMap;

use crate::event::Reason;
use crate::output::Reject;

/// Counts by reason, in the order of the rules.
pub(super) type Counts = [u64; Reason::ALL.len()];

/// How many bins there are for all inputs together, of one input at most; one for each input at least.
const BINS: usize = 4096;

/// What is noted of some consecutive rejects, for [`RejectPlaces`] to take.
#[derive(Clone, Debug, Default)]
pub struct PlaceNotes(Vec<(usize, u64, u64, Reason)>);

impl PlaceNotes {
    /// Notes a reject.
    pub fn add(&mut self, reject: &Reject<'_>) {
        let reason = reject.fault.reason();
        self.0
            .push((reject.input_index, reject.line, reject.offset, reason));
    }

    /// How many bytes they take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len() * size_of::<(usize, u64, u64, Reason)>()
    }
}

/// Where the rejects of a run are.
///
/// Each input has bins of equal width, a power of two of bytes, which doubles whenever there would be too
/// many: it depends on the last reject alone, and on nothing of how the run was done.
#[derive(Clone, Debug)]
pub struct RejectPlaces {
    bins_each: usize,
    inputs: BTreeMap<usize, Bins>,
    first: [Option<(usize, u64)>; Reason::ALL.len()],
}

#[derive(Clone, Debug, Default)]
struct Bins {
    /// The width of a bin is 2 to the power of this.
    shift: u32,
    counts: Vec<Counts>,
}

/// Some bytes of the inputs, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The input and the byte of it where the part starts.
    pub(super) start: (usize, u64),
    /// How many bytes there are.
    pub(super) bytes: u64,
    /// The rejects whose lines start there.
    pub(super) counts: Counts,
}

impl RejectPlaces {
    /// For so many inputs.
    #[must_use]
    pub fn new(inputs: usize) -> RejectPlaces {
        RejectPlaces {
            bins_each: 1 << (BINS / inputs.max(1)).max(1).ilog2(),
            inputs: BTreeMap::new(),
            first: [None; Reason::ALL.len()],
        }
    }

    /// Takes notes, and leaves them empty. They have to come in the order of the input.
    pub fn take(&mut self, notes: &mut PlaceNotes) {
        for (input, line, offset, reason) in notes.0.drain(..) {
            self.add(input, line, offset, reason);
        }
    }

    /// Adds rejects that are kept in a state, whole lines without their start; whether they are such.
    pub(crate) fn add_kept(&mut self, input: usize, rests: &[u8]) -> bool {
        let number = |text: &mut &[u8], name: &[u8]| -> Option<u64> {
            let rest = text.strip_prefix(name)?;
            let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
            *text = &rest[end..];
            std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
        };
        rests
            .split_inclusive(|byte| *byte == b'\n')
            .all(|mut rest| {
                let place =
                    number(&mut rest, b",\"line\":").zip(number(&mut rest, b",\"offset\":"));
                let reason = rest.strip_prefix(b",\"reason\":\"").and_then(|rest| {
                    let end = rest.iter().position(|byte| *byte == b'"')?;
                    let is_it = |reason: &Reason| reason.code().as_bytes() == &rest[..end];
                    Reason::ALL.iter().copied().find(is_it)
                });
                place.zip(reason).is_some_and(|((line, offset), reason)| {
                    self.add(input, line, offset, reason);
                    true
                })
            })
    }

    fn add(&mut self, input: usize, line: u64, offset: u64, reason: Reason) {
        self.first[reason.index()].get_or_insert((input, line));
        let bins = self.inputs.entry(input).or_default();
        let mut bin = bins.of(offset);
        while bin >= self.bins_each {
            bins.double();
            bin = bins.of(offset);
        }
        if bin >= bins.counts.len() {
            bins.counts.resize(bin + 1, Counts::default());
        }
        bins.counts[bin][reason.index()] += 1;
    }

    /// The first reject of a reason: its input, by number, and its line.
    pub(super) fn first(&self, reason: Reason) -> Option<(usize, u64)> {
        self.first[reason.index()]
    }

    /// The rejects of each input that has any.
    pub(super) fn by_input(&self) -> impl Iterator<Item = (usize, Counts)> + '_ {
        self.inputs.iter().map(|(input, bins)| {
            let mut sum = Counts::default();
            bins.add_to(&mut sum, 0, bins.counts.len());
            (*input, sum)
        })
    }

    /// All inputs, of these sizes in bytes, in about so many parts of about the same size. A part ends
    /// where a bin does.
    pub(super) fn parts(&self, sizes: &[u64], wanted: u64) -> Vec<Part> {
        let total: u128 = sizes.iter().map(|size| u128::from(*size)).sum();
        let mut parts = Vec::new();
        let mut part = Part {
            start: (0, 0),
            bytes: 0,
            counts: Counts::default(),
        };
        let none = Bins::default();
        let (mut before, mut next) = (0_u128, 1_u64);
        for (input, size) in sizes.iter().enumerate() {
            let bins = self.inputs.get(&input).unwrap_or(&none);
            let mut at = 0;
            while next < wanted {
                let target = (total * u128::from(next) / u128::from(wanted)).saturating_sub(before);
                // One at the very end is for the next input.
                if target >= u128::from(*size) {
                    break;
                }
                next += 1;
                let end = bins.end(u64::try_from(target).unwrap_or(*size)).min(*size);
                if end <= at && part.bytes == 0 {
                    continue;
                }
                bins.add_to(&mut part.counts, bins.bin_from(at), bins.bin_from(end));
                part.bytes += end.saturating_sub(at);
                at = end.max(at);
                let start = (input, at);
                parts.push(std::mem::replace(
                    &mut part,
                    Part {
                        start,
                        bytes: 0,
                        counts: Counts::default(),
                    },
                ));
            }
            bins.add_to(&mut part.counts, bins.bin_from(at), bins.counts.len());
            part.bytes += size - at;
            if part.bytes == 0 {
                part.start = (input + 1, 0);
            }
            before += u128::from(*size);
        }
        if part.bytes > 0 {
            parts.push(part);
        }
        parts
    }
}

impl Bins {
    fn of(&self, offset: u64) -> usize {
        let bin = offset.checked_shr(self.shift).unwrap_or(0);
        usize::try_from(bin).unwrap_or(usize::MAX)
    }

    /// Makes one bin of two.
    fn double(&mut self) {
        self.shift += 1;
        for at in 0..self.counts.len().div_ceil(2) {
            let mut both = self.counts[2 * at];
            if let Some(second) = self.counts.get(2 * at + 1) {
                add(&mut both, second);
            }
            self.counts[at] = both;
        }
        self.counts.truncate(self.counts.len().div_ceil(2));
    }

    /// The first bin that does not start before a byte.
    fn bin_from(&self, offset: u64) -> usize {
        let width = 1_u128 << self.shift;
        let bin = u128::from(offset).div_ceil(width);
        usize::try_from(bin).map_or(self.counts.len(), |bin| bin.min(self.counts.len()))
    }

    /// Where a part may end that would end at a byte: there, if no bin with rejects is cut by that, or
    /// where that ends.
    fn end(&self, offset: u64) -> u64 {
        let bin = self.of(offset);
        let is_empty = |counts: &Counts| counts.iter().all(|count| *count == 0);
        if self.counts.get(bin).is_none_or(is_empty) {
            return offset;
        }
        let width = 1_u128 << self.shift;
        let end = u128::from(offset).div_ceil(width) * width;
        u64::try_from(end).unwrap_or(u64::MAX)
    }

    fn add_to(&self, sum: &mut Counts, from: usize, to: usize) {
        for counts in self.counts.get(from..to).unwrap_or_default() {
            add(sum, counts);
        }
    }
}

fn add(sum: &mut Counts, counts: &Counts) {
    for (sum, count) in sum.iter_mut().zip(counts) {
        *sum += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the inputs and the places of their rejects: parts cover all bytes, each reject is in
        /// the part of its byte, and parts are about as large as they should be.
        #[test]
        fn each_reject_is_in_the_part_of_its_byte(
            sizes in proptest::collection::vec(prop_oneof![Just(0), 1..50_u64, 1..1_000_000_000_u64], 1..9),
            places in proptest::collection::vec((any::<usize>(), any::<u64>(), 0..17_usize), 0..200),
            wanted in 1..80_u64,
            many in prop_oneof![Just(1), Just(5000_usize)],
        ) {
            let mut rejects: Vec<(usize, u64, Reason)> = places
                .iter()
                .map(|(input, offset, reason)| (input % sizes.len(), *offset, Reason::ALL[*reason]))
                .filter(|(input, ..)| sizes[*input] > 0)
                .map(|(input, offset, reason)| (input, offset % sizes[input], reason))
                .collect();
            rejects.sort_unstable();
            let mut all = RejectPlaces::new(sizes.len() * many);
            for (input, offset, reason) in &rejects {
                all.add(*input, 1, *offset, *reason);
            }
            let before = |input: usize| sizes[..input].iter().sum::<u64>();
            let parts = all.parts(&sizes, wanted);
            prop_assert!(parts.len() as u64 <= wanted);
            let mut at = 0;
            for part in &parts {
                prop_assert!(part.bytes > 0);
                prop_assert_eq!(before(part.start.0) + part.start.1, at);
                let mut expected = Counts::default();
                for (input, offset, reason) in &rejects {
                    if (at..at + part.bytes).contains(&(before(*input) + offset)) {
                        expected[reason.index()] += 1;
                    }
                }
                prop_assert_eq!(part.counts, expected);
                at += part.bytes;
            }
            prop_assert_eq!(at, before(sizes.len()));
            if many == 1 && sizes.len() == 1 && sizes[0] > 1000 {
                let even = sizes[0] / wanted;
                prop_assert!(parts.iter().all(|part| part.bytes <= even + sizes[0] / 1000));
            }
        }
    }

    #[test]
    fn kept_rejects_say_where_they_are() {
        let mut places = RejectPlaces::new(1);
        let kept =
            b",\"line\":4,\"offset\":251,\"reason\":\"invalid_timestamp\",\"message\":\"\\n\"}\n\
                     ,\"line\":5,\"offset\":300,\"reason\":\"invalid_json\",\"message\":\"\"}\n";
        assert!(places.add_kept(0, kept));
        assert_eq!(places.first(Reason::InvalidTimestamp), Some((0, 4)));
        assert_eq!(places.parts(&[400], 1)[0].counts.iter().sum::<u64>(), 2);
        for other in [
            &b"x\n"[..],
            b",\"line\":4,\"offset\":1,\"reason\":\"none\"}\n",
            b",\"line\":",
        ] {
            assert!(!places.add_kept(0, other));
        }
    }
}
