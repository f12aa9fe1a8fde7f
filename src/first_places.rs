//! Where each reason was found first: the place to begin to look.

use std::collections::BTreeMap;

use crate::event::Reason;

/// A line of the inputs of a run.
///
/// ```
/// use daytally::{Input, Options, Pipeline};
///
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let outcome = Pipeline::new(Options::default())?.aggregate(inputs, &mut ())?;
/// let (reason, place) = outcome.first.iter().next().unwrap();
/// assert_eq!(reason.code(), "invalid_timestamp");
/// assert_eq!((outcome.inputs[place.input].name.as_str(), place.line), ("tests/data/events.jsonl", 4));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LinePlace {
    /// The place of the input among those of the run, from 0.
    pub input: usize,
    /// The number of the line in its input, from 1.
    pub line: u64,
    /// The byte of the input at which the line starts, from 0.
    pub offset: u64,
}

/// The first line in input order that is invalid for each reason that occurred.
///
/// ```
/// use daytally::event::Reason;
/// use daytally::{Input, Options, Pipeline};
///
/// let log = "nonsense\n{}\nmore nonsense\n";
/// let inputs = vec![Input::reader("queue", log.as_bytes())];
/// let first = Pipeline::new(Options::default())?.aggregate(inputs, &mut ())?.first;
/// let place = first.get(Reason::InvalidJson).unwrap();
/// assert_eq!((place.input, place.line, place.offset), (0, 1, 0));
/// assert_eq!(first.get(Reason::MissingUserId).unwrap().line, 2);
/// assert_eq!(first.get(Reason::LineTooLong), None);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstPlaces(BTreeMap<Reason, LinePlace>);

impl FirstPlaces {
    /// Takes note of an invalid line, in whatever order they come.
    pub(crate) fn add(&mut self, reason: Reason, place: LinePlace) {
        let first = self.0.entry(reason).or_insert(place);
        *first = (*first).min(place);
    }

    /// Adds those of another part of the run.
    pub(crate) fn merge(&mut self, other: &FirstPlaces) {
        for (reason, place) in other.iter() {
            self.add(reason, place);
        }
    }

    /// Where a reason was found first.
    #[must_use]
    pub fn get(&self, reason: Reason) -> Option<LinePlace> {
        self.0.get(&reason).copied()
    }

    /// All of them, in the order of the rules.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, LinePlace)> + '_ {
        self.0.iter().map(|(reason, place)| (*reason, *place))
    }

    /// The same places, as those of another input.
    pub(crate) fn of_input(&self, input: usize) -> FirstPlaces {
        let places = self.iter();
        FirstPlaces(
            places
                .map(|(reason, place)| (reason, LinePlace { input, ..place }))
                .collect(),
        )
    }

    /// Those before a byte of their input.
    pub(crate) fn before(&self, offset: u64) -> FirstPlaces {
        let places = self.iter().filter(|(_, place)| place.offset < offset);
        FirstPlaces(places.collect())
    }
}

/// The first places in a chunk whose worker does not know its lines' numbers yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstInChunk {
    /// The reasons that have been found, a bit each.
    found: u32,
    /// Lines counted from the start of the chunk, from 1.
    places: Vec<(Reason, u64, u64)>,
}

impl FirstInChunk {
    /// Takes note of the next invalid line of the chunk.
    #[inline]
    pub(crate) fn note(&mut self, reason: Reason, line: u64, offset: u64) {
        const { assert!(Reason::ALL.len() <= 32) };
        let bit = 1 << reason.index();
        if self.found & bit == 0 {
            self.found |= bit;
            self.places.push((reason, line, offset));
        }
    }

    /// With the numbers that the lines have.
    pub(crate) fn places(
        &self,
        input: usize,
        lines_before: u64,
    ) -> impl Iterator<Item = (Reason, LinePlace)> + '_ {
        self.places.iter().map(move |(reason, line, offset)| {
            let place = LinePlace {
                input,
                line: lines_before + line,
                offset: *offset,
            };
            (*reason, place)
        })
    }
}
