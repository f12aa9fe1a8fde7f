//! The fast lane: reads the events of ordinary lines straight from the input.
//!
//! It takes a line only when it has proved, byte by byte, that the line is one valid JSON object and
//! the event in it breaks no rule. Of anything else it says nothing: it never rejects and never
//! guesses, it hands the line on to the general lane. So its verdicts are the general lane's, and
//! only the time differs.
//!
//! There are three ways through a line, and none looks for its end first; it gets there:
//!
//! - Where lines are flat and alike, they are walked through ([`walk`]). What stands between two
//!   values, such as `, "event_type": `, tends to be the same in line after line. The lane remembers
//!   it by its place in the object, and compares instead of reading. The memory is only a short cut:
//!   a line that looks different is read key by key, and remembered.
//! - Where all of that is remembered and the values have the forms they nearly always have, a line is
//!   read in strides ([`FastLane::stride`]), which ask nothing else. What they miss is walked through, unless
//!   that was in vain for some lines.
//! - Where they are not, a walk turns another way at every token, and the processor, which has to
//!   guess where it goes next, is wrong most times. There an index of some thousand bytes of lines is
//!   made ([`index`]), which takes the same steps whatever they look like.
//!
//! Which of them it is shows while lines are walked through; see [`Habit`]. The index asks for AVX-512, or for
//! AVX2, with which it takes longer and is still far ahead of walking; other machines always walk.
//!
//! # What did not help
//!
//! One core of a Zen 5 at 3.8 GHz, nanoseconds a line, the best of many times; narrow lines have 80
//! bytes, wide ones 315, mixed ones 121. At the time lines were indexed one by one, and took 18, 195
//! and 158. Runs take 0.75 of the processor time over wide lines and 0.76 over mixed ones since many are
//! indexed together, and scalars are checked where they stand close together.
//!
//! - The index with AVX2, when lines were indexed one by one: 307 for a wide line's index alone, where the walk takes
//!   290 in all. With many lines together, and bytes packed eight at a time by a table, it does help: runs take two
//!   thirds of the processor time over wide lines, and half over mixed ones.
//! - The same with closures, which are not compiled for AVX2: five times as long.
//! - Packing the bits of tokens together with PEXT, three words to a block: 82 for the first pass
//!   over a wide line; packing bytes with AVX-512's compress takes 46.
//! - Numbers checked all at once, as bits of the blocks of the line, for what may stand after what: 271 a
//!   wide line, 251 one number after the other. They are too few in a block; packed together they are
//!   not.
//! - A call for each line, its event handed back in memory: 27 a narrow line instead of 21.
//! - A reader that outlined functions point to, and so has its place in memory: 19.6 instead of 18.3.
//! - The first 64 tokens kept in a register instead of read back from where they were packed: the same.
//! - What brackets come to, remembered for the next that follow each other in the same way: 0.94 of a run
//!   over wide lines when each line was indexed for itself. In words of tokens of many lines hardly any
//!   follow each other as others did, and sums of brackets are as quick.
//! - simd-json once more for lines that the fast lane refuses: nothing gained on any data, and 150 a
//!   line lost where many are invalid.
//!
//! Narrow lines, processor time of whole runs, against walking through them (strides come to 0.84):
//!
//! - The ends of some lines looked for first, so that nothing of a line waits for the one before: 1.13, and 1.05 of
//!   strides. A line takes the processor as many cycles as its instructions need, and hardly any to wait.
//! - The quotes and ends of 64 lines looked for first, and the lines of one layout then read value by value, all
//!   of them at one place and then at the next: 1.20.
//! - Strides without fetching memory ahead: 1.05 of them with it.
//!
//! With many lines indexed together, processor time of whole runs:
//!
//! - Indexing narrow lines: 1.46 of walking through them.
//! - 4 or 8 KiB indexed together instead of 16: 1.00, and lines past that are walked through, which takes
//!   twice as long. Memory fetched 4 KiB ahead: 1.00 and 0.98.
//! - An index that ends at the first fault, and starts again after that line: 1.5 where every second line
//!   is no JSON. Since a fault only takes the values of its own line: 1.02.
//! - Words of bits instead of lists for the blocks that have escapes or characters past ASCII, and no
//!   count of lines: 1.00 and 0.98.

#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, unused_imports, reason = "only tests make an index there")
)]
#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

mod glue;
mod habit;
mod index;
mod lines;
mod means;
mod names;
mod scan;
mod stride;
#[cfg(test)]
mod tests;
mod value;
mod walk;

use std::marker::PhantomData;

use self::glue::{Glue, PLACES};
use self::habit::Habit;
use self::index::{Line, LineIndex};
use self::lines::Lines;
pub use self::lines::Run;
pub(super) use self::lines::{Limits, Sink};
use self::means::By;
pub use self::means::{Means, vectors};
use self::names::Names;
pub(super) use self::names::{Given, Usual};
#[cfg(target_arch = "x86_64")]
use self::scan::{Avx2, Avx512};
use self::scan::{Index, Scan, Task, Words};
use self::value::{Dates, parse_amount, usual_amount};
use self::walk::Reader;
use super::Event;
use super::field::Field;
use crate::fetch::fetch;

/// The deepest nesting that is followed, the outermost object counted; what is deeper goes to the
/// general lane. A word has a bit for each level, and one for what is around the outermost.
const MAX_DEPTH: u32 = 63;

/// Reads ordinary events. Keeps what it has learnt from line to line.
#[derive(Debug)]
pub(super) struct FastLane<N: Names> {
    means: Means,
    names: N,
    /// For each place the last two: one line that is different does not make the others strange.
    glues: [[Glue<N::MoreGlue>; 2]; PLACES],
    dates: Dates,
    index: Box<LineIndex>,
    habit: Habit,
}

impl Default for FastLane<Usual> {
    fn default() -> FastLane<Usual> {
        FastLane::new(Usual)
    }
}

impl<N: Names> FastLane<N> {
    /// A lane for these names, by the best means.
    pub(super) fn new(names: N) -> FastLane<N> {
        FastLane::with(Means::best(), names)
    }

    /// A lane for these names, by means that this machine has.
    pub(super) fn with(means: Means, names: N) -> FastLane<N> {
        debug_assert!(Means::all().any(|there| there == means));
        FastLane {
            means,
            names,
            glues: std::array::from_fn(|_| Default::default()),
            dates: Dates::default(),
            index: Box::default(),
            habit: Habit::default(),
        }
    }

    /// Reads lines from the start of `text` on, one after the other, until a limit is reached or the
    /// sink has enough. `text` goes on past the lines, to the end of the input; what has less than a
    /// block behind it is not ordinary.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8], limits: Limits, sink: impl Sink) -> Run {
        let mut lines = Lines::new(text, limits, sink);
        // Each way goes on until the other is better.
        loop {
            let is_over = match self.means.0 {
                #[cfg(target_arch = "x86_64")]
                By::Avx512 if self.habit.is_to_index() => {
                    Avx512::run(IndexLines::<'_, '_, Avx512, _, _>(
                        self,
                        &mut lines,
                        PhantomData,
                    ))
                }
                #[cfg(target_arch = "x86_64")]
                By::Avx512 => Avx512::run(WalkLines::<'_, '_, Avx512, _, _>(
                    self,
                    &mut lines,
                    true,
                    PhantomData,
                )),
                #[cfg(target_arch = "x86_64")]
                By::Avx2 if self.habit.is_to_index() => Avx2::run(
                    IndexLines::<'_, '_, Avx2, _, _>(self, &mut lines, PhantomData),
                ),
                #[cfg(target_arch = "x86_64")]
                By::Avx2 => Avx2::run(WalkLines::<'_, '_, Avx2, _, _>(
                    self,
                    &mut lines,
                    true,
                    PhantomData,
                )),
                By::Words => Words::run(WalkLines::<'_, '_, Words, _, _>(
                    self,
                    &mut lines,
                    false,
                    PhantomData,
                )),
            };
            if is_over {
                return lines.passed();
            }
        }
    }

    /// Walks through lines. `false` if `may_index`, and indexing is better now.
    #[inline(always)]
    fn walk_lines<S: Scan, K: Sink>(&mut self, lines: &mut Lines<'_, K>, may_index: bool) -> bool {
        while lines.are_left() {
            if self.habit.is_regular() {
                let mut text = lines.rest();
                let mut at = 0;
                while let Some((event, len)) = self.stride::<S>(text, &mut at) {
                    self.habit.strode(len);
                    if lines.take(event, len, &self.names).is_some() {
                        text = text.get(len..).unwrap_or_default();
                    } else if lines.refuse().is_some() {
                        text = lines.rest();
                    } else {
                        return true;
                    }
                    if !lines.are_left() {
                        return true;
                    }
                    fetch_ahead(text);
                }
                self.habit.missed(at);
                if may_index && self.habit.is_to_index() {
                    return false;
                }
                if !self.habit.may_walk() {
                    if lines.refuse().is_none() {
                        return true;
                    }
                    continue;
                }
            }
            let text = lines.rest();
            fetch_ahead(text);
            let mut reader = Reader::<S>::new(text, 0);
            let event = self.walk(&mut reader);
            match event {
                Some(_) => self.habit.walked(reader.is_strange),
                // What is refused here is refused there too.
                None => self.habit.walked_in_vain(),
            }
            let len = reader.at;
            if event
                .and_then(|event| lines.take(event, len, &self.names))
                .or_else(|| lines.refuse())
                .is_none()
            {
                return true;
            }
            if may_index && self.habit.is_to_index() {
                return false;
            }
        }
        true
    }

    /// Indexes lines. `false` if it is time to see whether walking is better.
    #[inline(always)]
    fn index_lines<I: Index, K: Sink>(&mut self, lines: &mut Lines<'_, K>) -> bool {
        'texts: while lines.are_left() {
            if !self.habit.is_to_index() {
                return false;
            }
            let text = lines.rest();
            let Limits {
                end, lines: most, ..
            } = lines.left();
            let indexed = self.index.read::<I, N>(text, end, most, &self.names);
            // Where the next line starts.
            let mut at = 0;
            for number in 0..indexed.lines {
                if !lines.are_left() {
                    return true;
                }
                self.habit.indexed();
                let Some(line) = self.index.line(number) else {
                    continue 'texts;
                };
                let len = line.end() + 1 - at;
                let event = self.read_indexed::<I>(text, &line);
                let taken = event.and_then(|event| lines.take(event, len, &self.names));
                if taken.is_none() {
                    if lines.refuse().is_none() {
                        return true;
                    }
                    // Unless somebody writes to the file at this moment, it is the same line.
                    if lines.rest().len() + line.end() + 1 != text.len() {
                        continue 'texts;
                    }
                }
                at = line.end() + 1;
            }
            if indexed.lines > 0 && !indexed.is_next_strange || !lines.are_left() {
                continue;
            }
            self.habit.indexed();
            let mut taken = None;
            if !indexed.is_next_strange {
                // Too long, or near the end of the text.
                let mut reader = Reader::<I>::new(lines.rest(), 0);
                taken = self
                    .walk(&mut reader)
                    .and_then(|event| lines.take(event, reader.at, &self.names));
            }
            if taken.or_else(|| lines.refuse()).is_none() {
                return true;
            }
        }
        true
    }

    #[inline(always)]
    fn read_indexed<I: Index>(&mut self, text: &[u8], line: &Line) -> Option<Event> {
        let reader = |field| Reader::<I>::new(text, line.value(field));
        let user_id = reader(Field::UserId).user_id()?;
        let is_purchase = self.names.is_purchase_here(reader(Field::EventType))?;
        let date = reader(Field::Timestamp).timestamp(&mut self.dates, &mut self.names)?;
        let purchase = if is_purchase {
            let mut reader = reader(Field::Amount);
            let usual = reader.next_bytes().and_then(usual_amount);
            if let Some((amount, _)) = usual {
                Some(amount)
            } else {
                let start = reader.at;
                reader.number()?;
                Some(parse_amount(&text[start..reader.at])?)
            }
        } else {
            None
        };
        Some(Event::new(date, user_id, purchase))
    }
}

/// How far ahead of a line that is read, and not indexed, memory is fetched. Processors do so by themselves, but not
/// past the end of a page.
const AHEAD: usize = 2048;

/// Has memory fetched that comes some lines later.
#[inline(always)]
fn fetch_ahead(text: &[u8]) {
    if let Some(ahead) = text.get(AHEAD) {
        fetch(ahead);
    }
}

/// [`FastLane::walk_lines`], compiled for a way of looking at blocks.
struct WalkLines<'r, 'a, S, K, N: Names>(
    &'r mut FastLane<N>,
    &'r mut Lines<'a, K>,
    bool,
    PhantomData<S>,
);

impl<S: Scan, K: Sink, N: Names> Task for WalkLines<'_, '_, S, K, N> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.0.walk_lines::<S, K>(self.1, self.2)
    }
}

/// [`FastLane::index_lines`], compiled for a way of looking at blocks.
struct IndexLines<'r, 'a, I, K, N: Names>(
    &'r mut FastLane<N>,
    &'r mut Lines<'a, K>,
    PhantomData<I>,
);

impl<I: Index, K: Sink, N: Names> Task for IndexLines<'_, '_, I, K, N> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.0.index_lines::<I, K>(self.1)
    }
}
