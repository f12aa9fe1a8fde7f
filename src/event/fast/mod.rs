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

mod index;
mod names;
mod scan;
mod value;
mod walk;

use std::marker::PhantomData;

use self::index::{Line, LineIndex};
pub(super) use self::names::{Given, Usual};
use self::names::{MoreGlue, Names};
#[cfg(target_arch = "x86_64")]
use self::scan::{Avx2, Avx512};
use self::scan::{BLOCK, Index, Scan, Task, Words};
use self::value::{
    DATE_AND_TIME, Dates, end_of_timestamp, parse_amount, usual_amount, usual_decimal,
    usual_user_id,
};
use self::walk::Reader;
use super::field::Field;
use super::{Amount, Date, Event, PURCHASES_SHIFT, UserId};
use crate::fetch::fetch;

/// How many keys of an object are remembered by their place; those after them are read each time.
const PLACES: usize = 24;

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

/// What stood before the value at a place of a line: punctuation, white space and the key.
#[derive(Debug)]
struct Glue<M> {
    /// Its first bytes.
    bytes: [u8; BLOCK],
    /// A bit for each byte.
    bits: u32,
    /// The others.
    more: M,
    len: usize,
    field: Option<Field>,
    /// A bit for the field.
    has: u32,
}

impl<M: MoreGlue> Default for Glue<M> {
    /// Nothing has been learnt yet. These bytes do not come in a line that is JSON, and should they
    /// come in another, nothing is skipped.
    fn default() -> Glue<M> {
        Glue {
            bytes: [0xff; BLOCK],
            bits: u32::MAX,
            more: M::default(),
            len: 0,
            field: None,
            has: 0,
        }
    }
}

impl<M: MoreGlue> Glue<M> {
    /// Remembers what stood before a value, if it is not too long.
    #[cold]
    fn learn(&mut self, glue: &[u8], field: Option<Field>) {
        *self = Glue::default();
        let (first, more) = glue.split_at(glue.len().min(BLOCK));
        if self.more.learn(more).is_none() {
            return;
        }
        self.bytes[..first.len()].copy_from_slice(first);
        self.bits = first.iter().fold(0, |bits, _| bits << 1 | 1);
        self.len = glue.len();
        self.field = field;
        self.has = field.map_or(0, |field| 1 << field.index());
    }
}

/// How blocks are looked at. Only to be used on a machine that has it, as [`Means::all`] says.
///
/// ```
/// use daytally::internals::Means;
///
/// assert!(Means::all().any(|means| means.name() == "none, words of 64 bits"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means(By);

/// By which instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Words,
}

impl Means {
    /// All means that this machine has, the best one first.
    pub fn all() -> impl Iterator<Item = Means> {
        let all = [
            #[cfg(target_arch = "x86_64")]
            Avx512::is_there().then_some(By::Avx512),
            #[cfg(target_arch = "x86_64")]
            Avx2::is_there().then_some(By::Avx2),
            Some(By::Words),
        ];
        all.into_iter().flatten().map(Means)
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            By::Avx512 => "AVX-512 (VBMI2)",
            #[cfg(target_arch = "x86_64")]
            By::Avx2 => "AVX2",
            By::Words => "none, words of 64 bits",
        }
    }
}

/// Which vector instructions the fast lane uses on this processor, for people.
///
/// ```
/// assert!(!daytally::internals::vectors().is_empty());
/// ```
#[must_use]
pub fn vectors() -> &'static str {
    Means::all().next().map_or("none", Means::name)
}

/// Whether lines are alike enough for walking to be the better way.
///
/// Some lines are walked through. If many of them were strange, others are indexed for a while, and
/// then some are walked through again: logs change, and may be put together from several.
#[derive(Clone, Copy, Debug, Default)]
struct Habit {
    walked: u32,
    strange: u32,
    /// Lines still to be indexed.
    to_index: u32,
    /// What was read in strides since a line could not be: so many lines, from bit [`LINES_SHIFT`] up, and
    /// bytes. Of very many it tells less than there were, which does not matter.
    strode: u64,
    /// What misses cost less what strides gained since, in bytes; never less than nothing.
    lost: u64,
    /// Lines still to be walked through without trying.
    to_walk: u32,
    /// Walks that took no line, since one did.
    vain: u32,
    /// Walks that were spared, since one was not.
    spared: u32,
}

/// Where the lines are in [`Habit::strode`].
const LINES_SHIFT: u32 = 40;

impl Habit {
    /// How many lines are walked through before it shows.
    const SAMPLE: u32 = 32;
    /// With how many strange ones among them walking is not worth its while.
    const STRANGE: u32 = 6;
    /// How many lines are indexed then.
    const INDEXED: u32 = 2048;
    /// How much has to be lost for walking alone, in bytes.
    const LOST: u64 = 4096;
    /// What a miss costs, beside twice the bytes of it.
    const MISS: u64 = 64;
    /// After how many walks in vain most of them are spared.
    const VAIN: u32 = 16;
    /// How many lines are walked through then.
    const WALKED: u32 = 1024;

    /// Whether the next line should be tried to be read in strides.
    #[inline(always)]
    fn is_regular(&mut self) -> bool {
        if self.to_walk == 0 {
            return true;
        }
        self.to_walk -= 1;
        false
    }

    /// A line of so many bytes could be read in strides, which takes less than three quarters of what a walk
    /// takes.
    #[inline(always)]
    fn strode(&mut self, len: usize) {
        self.strode = self.strode.wrapping_add(len as u64 + (1 << LINES_SHIFT));
    }

    /// A line could not be read in strides, which showed after so many bytes. Where more is lost by that than
    /// gained, walking alone is the better way.
    #[inline(always)]
    fn missed(&mut self, at: usize) {
        let strode = std::mem::take(&mut self.strode);
        let (lines, bytes) = (strode >> LINES_SHIFT, strode & ((1 << LINES_SHIFT) - 1));
        self.lost = self.lost.saturating_sub(bytes) + Habit::MISS + 2 * at as u64;
        if self.lost >= Habit::LOST {
            self.lost = Habit::LOST / 2;
            self.to_walk = Habit::WALKED;
        }
        let strides = u32::try_from(lines).unwrap_or(u32::MAX);
        self.walked = self.walked.saturating_add(strides);
        self.look();
    }

    /// Whether a line that could not be read in strides should be walked through. Where all such lines are
    /// invalid, that is in vain, and tried now and then.
    #[inline(always)]
    fn may_walk(&mut self) -> bool {
        if self.vain < Habit::VAIN {
            return true;
        }
        self.spared = (self.spared + 1) % Habit::VAIN;
        self.spared == 0
    }

    /// Notes that a walk took no line.
    #[inline(always)]
    fn walked_in_vain(&mut self) {
        self.vain = self.vain.saturating_add(1);
    }

    /// Notes how a walk went that took one.
    #[inline(always)]
    fn walked(&mut self, is_strange: bool) {
        self.vain = 0;
        self.walked += 1;
        self.strange += u32::from(is_strange);
        self.look();
    }

    /// Looks at what was walked through, if that is enough by now.
    #[inline(always)]
    fn look(&mut self) {
        if self.walked >= Habit::SAMPLE {
            if self.strange >= Habit::STRANGE {
                self.to_index = Habit::INDEXED;
            }
            (self.walked, self.strange) = (0, 0);
        }
    }
}

impl Default for FastLane<Usual> {
    fn default() -> FastLane<Usual> {
        FastLane::new(Usual)
    }
}

impl<N: Names> FastLane<N> {
    /// A lane for these names, by the best means.
    pub(super) fn new(names: N) -> FastLane<N> {
        FastLane::with(Means::all().next().unwrap_or(Means(By::Words)), names)
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
        let mut lines = Lines {
            text,
            limits,
            run: Run::default(),
            sink,
        };
        // Each way goes on until the other is better.
        loop {
            let is_over = match self.means.0 {
                #[cfg(target_arch = "x86_64")]
                By::Avx512 if self.habit.to_index > 0 => {
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
                By::Avx2 if self.habit.to_index > 0 => Avx2::run(IndexLines::<'_, '_, Avx2, _, _>(
                    self,
                    &mut lines,
                    PhantomData,
                )),
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
                return lines.run;
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
                if may_index && self.habit.to_index > 0 {
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
            if may_index && self.habit.to_index > 0 {
                return false;
            }
        }
        true
    }

    /// Indexes lines. `false` if it is time to see whether walking is better.
    #[inline(always)]
    fn index_lines<I: Index, K: Sink>(&mut self, lines: &mut Lines<'_, K>) -> bool {
        'texts: while lines.are_left() {
            if self.habit.to_index == 0 {
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
                self.habit.to_index = self.habit.to_index.saturating_sub(1);
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
            self.habit.to_index = self.habit.to_index.saturating_sub(1);
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

    /// The event of the next line, and how long it is with its `\n`, if it is written just as others before
    /// it: what stands before its values is known, and so are the forms of the values.
    ///
    /// The same as [`walk`](FastLane::walk), with fewer questions: where that would look what comes, this
    /// gives up if it is not what it should be. `at` is how far it came.
    #[inline(always)]
    fn stride<S: Scan>(&mut self, text: &[u8], at: &mut usize) -> Option<(Event, usize)> {
        const REQUIRED: u32 =
            1 << Field::UserId as u32 | 1 << Field::EventType as u32 | 1 << Field::Timestamp as u32;
        *at = 0;
        let text: &[u8; SPAN] = text.first_chunk()?;
        let mut has = 0_u32;
        let mut user_id = 0;
        let mut is_purchase = false;
        let mut date = Date::MIN;
        let mut units = 0;
        let mut glues = self.glues.iter();
        let brace = loop {
            let mut block = chunk::<BLOCK>(text, *at)?;
            if block[0] <= b' ' {
                let mut reader = Reader::<S>::new(text, *at);
                reader.skip_white_space();
                *at = reader.at;
                block = chunk(text, *at)?;
            }
            if block[0] == b'}' {
                break *at;
            }
            let [first, second] = glues.next()?;
            let glue = if S::starts_alike(block, &first.bytes, first.bits) {
                first
            } else if S::starts_alike(block, &second.bytes, second.bits) {
                second
            } else {
                return None;
            };
            if !glue.more.is_at(text, *at + BLOCK) {
                return None;
            }
            *at += glue.len;
            match glue.field {
                Some(Field::UserId) => {
                    let (id, len) = usual_user_id(chunk(text, *at)?)?;
                    user_id = id;
                    *at += len;
                }
                Some(Field::EventType) => {
                    let block: &[u8; BLOCK] = chunk(text, *at)?;
                    let (quote, rest) = block.split_first()?;
                    let len = S::first_not_plain(chunk(text, *at + 1)?);
                    if *quote != b'"' || len == 0 || rest.get(len) != Some(&b'"') {
                        return None;
                    }
                    is_purchase = self.names.is_purchase_of(rest, len);
                    *at += len + 2;
                }
                Some(Field::Timestamp) => {
                    let (digits, is_z) = S::date_digits(chunk(text, *at)?)?;
                    let day = self.dates.get(digits)?;
                    date = self.names.day(day, text.get(*at..)?)?;
                    *at += DATE_AND_TIME + 2;
                    if !is_z {
                        *at -= 2;
                        *at += end_of_timestamp(chunk(text, *at)?)?;
                    }
                }
                Some(Field::Amount) => {
                    let usual = usual_decimal(chunk(text, *at)?);
                    let (decimal, len) = usual.or_else(|| unusual_amount(text, *at))?;
                    units = decimal;
                    *at += len;
                }
                None => {
                    let mut reader = Reader::<S>::new(text, *at);
                    if reader.skip_flat().is_none() {
                        // It may be a string that was read to the end of the span.
                        *at = SPAN;
                        return None;
                    }
                    *at = reader.at;
                }
            }
            has |= glue.has;
        };
        let len = match chunk(text, brace)? {
            [_, b'\n', _] => brace + 2,
            [_, b'\r', b'\n'] => brace + 3,
            _ => return None,
        };
        if has & REQUIRED != REQUIRED || is_purchase && units == 0 {
            return None;
        }
        let money = (1 << PURCHASES_SHIFT | units) & u128::from(is_purchase).wrapping_neg();
        Some((Event::of_parts(date, UserId::from(user_id), money), len))
    }

    #[inline(always)]
    fn walk<S: Scan>(&mut self, reader: &mut Reader<'_, S>) -> Option<Event> {
        let mut user_id = None;
        let mut is_purchase = None;
        let mut date = None;
        // Whether it has to be an amount is only known at the end: the number waits.
        let mut amount = None;
        let mut place = 0;
        loop {
            let field = match self.glues.get_mut(place) {
                Some([first, _]) if reader.skip_if(first) => first.field,
                Some([first, second]) if reader.skip_if(second) => {
                    std::mem::swap(first, second);
                    first.field
                }
                glues => {
                    let start = reader.at;
                    let field = reader.key(place == 0, &self.names)?;
                    if let Some([first, second]) = glues {
                        std::mem::swap(first, second);
                        first.learn(&reader.text[start..reader.at], field);
                    }
                    reader.is_strange = true;
                    field
                }
            };
            match field {
                None => reader.skip_value()?,
                Some(Field::UserId) => user_id = Some(reader.user_id()?),
                Some(Field::EventType) => is_purchase = Some(reader.is_purchase(&self.names)?),
                Some(Field::Timestamp) => {
                    date = Some(reader.timestamp(&mut self.dates, &mut self.names)?);
                }
                Some(Field::Amount) => {
                    let usual = reader.next_bytes().and_then(usual_amount);
                    let start = reader.at;
                    match usual {
                        Some((_, len)) => reader.at += len,
                        None => reader.skip_value()?,
                    }
                    amount = Some((usual, start..reader.at));
                }
            }
            reader.skip_white_space();
            if reader.peek()? == b'}' {
                break;
            }
            place += 1;
        }
        reader.at += 1;
        reader.end_of_line()?;

        let purchase = if is_purchase? {
            Some(match amount? {
                (Some((amount, _)), _) => amount,
                (None, place) => parse_amount(reader.text.get(place)?)?,
            })
        } else {
            None
        };
        Some(Event::new(date?, user_id?, purchase))
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

/// How many bytes from the start of a line on are looked at, to read it in strides.
const SPAN: usize = 1024;

/// How many of them there have to be at any place that is looked at: more than are looked at together.
const ROOM: usize = 64;

/// How far ahead of a line that is read, and not indexed, memory is fetched. Processors do so by themselves, but not
/// past the end of a page.
const AHEAD: usize = 2048;

/// The units of a value that is no [`usual_decimal`], and how long it is; none where it is no amount, which
/// only purchases have to have. `None` for a string, and what is no value.
#[cold]
#[inline(never)]
fn unusual_amount(text: &[u8; SPAN], at: usize) -> Option<(u128, usize)> {
    let mut reader = Reader::<Words>::new(text, at);
    reader.skip_scalar()?;
    let amount = parse_amount(text.get(at..reader.at)?);
    Some((amount.map_or(0, Amount::units), reader.at - at))
}

/// Has memory fetched that comes some lines later.
#[inline(always)]
fn fetch_ahead(text: &[u8]) {
    if let Some(ahead) = text.get(AHEAD) {
        fetch(ahead);
    }
}

/// The bytes at a place of the text that has [`ROOM`].
#[inline(always)]
fn chunk<const N: usize>(text: &[u8; SPAN], at: usize) -> Option<&[u8; N]> {
    if at > SPAN - ROOM {
        return None;
    }
    text.get(at..)?.first_chunk()
}

/// The place of a field's value among all; the last one is that of other keys.
#[inline(always)]
fn field_place(field: Option<Field>) -> usize {
    field.map_or(Field::COUNT, Field::index)
}

/// How far lines are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A line that starts here or later is left.
    pub(super) end: usize,
    /// How many lines are read at most.
    pub(super) lines: usize,
    /// The longest line that is read, without its `\n`.
    pub(super) line_bytes: usize,
}

/// Lines that were passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// How many lines there were.
    pub lines: usize,
    /// The bytes of the lines, with their `\n`.
    pub len: usize,
}

/// Where lines go.
pub(super) trait Sink {
    /// Takes the event of a line.
    fn event(&mut self, event: Event);

    /// Takes a line that is not ordinary: the one at the start of `rest`, which is after so many. How
    /// long it is with its `\n`, or `None` to stop before it.
    fn refused(&mut self, before: Run, rest: &[u8]) -> Option<usize>;
}

/// Lines that are being read, and where they go.
struct Lines<'a, K> {
    text: &'a [u8],
    limits: Limits,
    run: Run,
    sink: K,
}

impl<'a, K: Sink> Lines<'a, K> {
    #[inline(always)]
    fn are_left(&self) -> bool {
        self.run.len < self.limits.end && self.run.lines < self.limits.lines
    }

    /// The limits from the next line on.
    #[inline(always)]
    fn left(&self) -> Limits {
        Limits {
            end: self.limits.end.saturating_sub(self.run.len),
            lines: self.limits.lines.saturating_sub(self.run.lines),
            ..self.limits
        }
    }

    /// From the next line on.
    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.run.len..).unwrap_or_default()
    }

    /// The next line, which is `len` bytes long with its `\n` if it has one, without it.
    fn line(&self, len: usize) -> &'a [u8] {
        let line = self.rest().get(..len).unwrap_or_default();
        line.strip_suffix(b"\n").unwrap_or(line)
    }

    /// Takes the event of the next line, unless the line is too long.
    #[inline(always)]
    fn take<N: Names>(&mut self, event: Event, len: usize, names: &N) -> Option<()> {
        if len > self.limits.line_bytes && self.line(len).len() > self.limits.line_bytes {
            return None;
        }
        debug_assert_eq!(
            super::rules::judge(self.line(len), names.schema()),
            Ok(event),
            "the lanes disagree"
        );
        self.sink.event(event);
        self.pass(len);
        Some(())
    }

    /// Hands the next line on, which is not ordinary.
    #[inline(always)]
    fn refuse(&mut self) -> Option<()> {
        let len = self.sink.refused(self.run, self.rest())?;
        self.pass(len);
        Some(())
    }

    #[inline(always)]
    fn pass(&mut self, len: usize) {
        self.run.lines += 1;
        self.run.len += len;
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

#[cfg(test)]
mod tests {
    use super::scan::WIDE;
    use super::scan::tests::Plain;
    use super::*;
    use crate::event::json::{self, Document};
    use crate::event::rules;
    use crate::event::schema::Schema;
    use crate::generate::{Generator, Length, Order, Profile, Settings, Verdict};
    use proptest::prelude::*;

    impl<N: Names> FastLane<N> {
        /// The event of one line, and the line's length with its `\n`.
        fn read_one(&mut self, text: &[u8]) -> Option<(Event, usize)> {
            let limits = Limits {
                end: text.len(),
                lines: 1,
                line_bytes: usize::MAX,
            };
            let mut read = None;
            let run = self.read(text, limits, One(&mut read));
            assert_eq!(run.lines, usize::from(read.is_some()));
            read.map(|event| (event, run.len))
        }
    }

    impl<K: Sink> Sink for &mut K {
        fn event(&mut self, event: Event) {
            (**self).event(event);
        }

        fn refused(&mut self, before: Run, rest: &[u8]) -> Option<usize> {
            (**self).refused(before, rest)
        }
    }

    /// Takes one event, and no other line.
    struct One<'a>(&'a mut Option<Event>);

    impl Sink for One<'_> {
        fn event(&mut self, event: Event) {
            assert_eq!(self.0.replace(event), None);
        }

        fn refused(&mut self, _: Run, _: &[u8]) -> Option<usize> {
            None
        }
    }

    /// Takes all lines, in order: the events of those that are ordinary.
    struct All<'a> {
        text: &'a [u8],
        lines: Vec<Option<Event>>,
    }

    impl Sink for All<'_> {
        fn event(&mut self, event: Event) {
            self.lines.push(Some(event));
        }

        fn refused(&mut self, before: Run, rest: &[u8]) -> Option<usize> {
            assert_eq!(before.lines, self.lines.len());
            assert_eq!(self.text[before.len..].as_ptr(), rest.as_ptr());
            self.lines.push(None);
            Some(memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1))
        }
    }

    /// Each way through a line by each means.
    fn lanes() -> Vec<FastLane<Usual>> {
        let lane = |means, to_index| {
            let habit = Habit {
                // Far more than a test has lines.
                to_index,
                ..Habit::default()
            };
            FastLane {
                habit,
                ..FastLane::with(means, Usual)
            }
        };
        Means::all()
            .flat_map(|means| [lane(means, 0), lane(means, u32::MAX)])
            .collect()
    }

    /// Whether the lane takes the line. If it does, its event has to be that of the rules.
    #[track_caller]
    fn takes<N: Names>(fast: &mut FastLane<N>, line: &[u8]) -> bool {
        assert!(!line.contains(&b'\n'));
        // What comes after, a line feed and then whatever may be there, may decide whether the line is taken,
        // and does not where there is little of it.
        let mut answers = [2 * BLOCK, SPAN].map(|room| {
            [b'"', b'\n', b'{', b' ', 0xff].map(|filler| {
                let mut text = line.to_vec();
                text.push(b'\n');
                text.resize(text.len() + room, filler);
                // Whether a walk is tried is not to depend on lines before.
                fast.habit.vain = 0;
                fast.read_one(&text)
            })
        });
        answers[0].sort_by_key(|answer| answer.map(|(_, len)| len));
        assert_eq!(answers[0][0], answers[0][4]);
        let answers = answers.as_flattened();
        for (event, len) in answers.iter().flatten() {
            let shown = String::from_utf8_lossy(line);
            assert_eq!(*len, line.len() + 1, "{shown}");
            assert_eq!(
                rules::judge(line, fast.names.schema()),
                Ok(*event),
                "{shown}"
            );
        }
        answers.iter().any(Option::is_some)
    }

    /// The lane would be useless if it passed on what is ordinary.
    #[test]
    fn ordinary_lines_are_taken_whatever_their_style() {
        for (profile, at_least) in [
            (Profile::Narrow, 100),
            (Profile::Wide, 100),
            (Profile::Mixed, 95),
        ] {
            for mut lane in lanes() {
                let settings = Settings {
                    length: Length::Lines(4000),
                    profile,
                    invalid_rate: 0.0,
                    order: Order::Random,
                    ..Settings::default()
                };
                let mut generator = Generator::new(&settings).unwrap();
                let mut line = Vec::new();
                let mut taken = 0;
                while generator.next_line(&mut line).is_some() {
                    line.pop();
                    taken += u32::from(takes(&mut lane, &line));
                    line.clear();
                }
                assert!(taken * 100 / 4000 >= at_least, "{profile}: {taken} of 4000");
            }
        }
    }

    /// Strides would be useless if what is regular were walked through.
    #[test]
    fn regular_lines_are_read_in_strides() {
        let time = "2024-02-29T23:59:59";
        for style in [
            format!(r#"{{"user_id":ID,"event_type":"TYPE","timestamp":"{time}Z"AMOUNT}}"#),
            format!(
                r#"{{ "timestamp" : "{time}Z", "event_type" : "TYPE", "user_id" : ID AMOUNT}}"#
            ),
            format!(
                "{{\"event_type\":\"TYPE\",\"timestamp\":\"{time}.123456+00:00\",\"user_id\":ID}}\r"
            ),
            format!(
                r#"{{"n":-1.5e7,"ok":false,"name":"Jürgen \"J\"","user_id":ID0123456789,"event_type":"TYPE","timestamp":"{time}Z","url":"https://example.com/a/path/longer/than/a/block"AMOUNT}}"#
            ),
        ] {
            let mut text = String::new();
            for number in 0..1000 {
                let line = style.replace("ID", &(1 + number * 7919 % 99_999).to_string());
                let line = match number % 5 {
                    0 if style.contains("AMOUNT") => line
                        .replace("TYPE", "purchase")
                        .replace("AMOUNT", &format!(r#","amount":{}.5"#, 1 + number % 700)),
                    kind => line
                        .replace("TYPE", &"x".repeat(kind + 1))
                        .replace("AMOUNT", ""),
                };
                text.push_str(&line);
                text.push('\n');
            }
            let (end, lines) = (text.len(), text.clone());
            text.push_str(&" ".repeat(SPAN));
            for means in Means::all() {
                let mut lane = FastLane::with(means, Usual);
                let mut all = All {
                    text: text.as_bytes(),
                    lines: Vec::new(),
                };
                let limits = Limits {
                    end,
                    lines: usize::MAX,
                    line_bytes: usize::MAX,
                };
                lane.read(text.as_bytes(), limits, &mut all);
                let expected = lines
                    .lines()
                    .map(|line| Some(rules::judge(line.as_bytes(), Schema::usual()).unwrap()));
                // `lines` takes the carriage returns away, which the rules pass over.
                assert!(all.lines.into_iter().eq(expected));
                // Since the last line that was not.
                assert!(
                    lane.habit.strode >> LINES_SHIFT > 950,
                    "{:?} {style}",
                    lane.habit
                );
            }
        }
    }

    #[test]
    fn walking_alone_is_the_way_where_lines_are_irregular() {
        let missed_until_walking = |strides: usize, at: usize| {
            let mut habit = Habit::default();
            let mut misses = 0;
            while habit.is_regular() && misses < 1000 {
                (0..strides).for_each(|_| habit.strode(100));
                habit.missed(at);
                misses += 1;
            }
            misses
        };
        assert_eq!(missed_until_walking(0, 16), 43);
        assert_eq!(missed_until_walking(1, 16), 1000);
        // A late miss costs more.
        assert_eq!(missed_until_walking(1, 900), 3);
        assert_eq!(missed_until_walking(10, 900), 4);
        assert_eq!(missed_until_walking(20, 900), 1000);

        let mut habit = Habit::default();
        (0..100).for_each(|_| habit.missed(0));
        let walked = (0..10_000).take_while(|_| !habit.is_regular()).count();
        assert_eq!(walked, Habit::WALKED as usize);
    }

    #[test]
    fn strange_lines_among_regular_ones_are_indexed() {
        for (strange, regular, is_indexed) in
            [(1, 8, false), (1, 2, true), (16, 16, true), (12, 20, true)]
        {
            let mut habit = Habit::default();
            for _ in 0..100 {
                for _ in 0..strange {
                    habit.missed(30);
                    habit.walked(true);
                }
                (0..regular).for_each(|_| habit.strode(80));
            }
            assert_eq!(habit.to_index > 0, is_indexed, "{strange} {regular}");
        }
    }

    #[test]
    fn walks_in_vain_are_spared() {
        let mut habit = Habit::default();
        for _ in 0..Habit::VAIN {
            assert!(habit.may_walk());
            habit.walked_in_vain();
        }
        let mut tried = 0;
        for _ in 0..100 * Habit::VAIN {
            if habit.may_walk() {
                tried += 1;
                habit.walked_in_vain();
            }
        }
        assert_eq!(tried, 100);
        habit.walked(false);
        assert!(habit.may_walk());
    }

    #[test]
    fn invalid_lines_are_never_taken() {
        for profile in Profile::ALL {
            for mut lane in lanes() {
                let settings = Settings {
                    length: Length::Lines(6000),
                    profile,
                    invalid_rate: 0.5,
                    ..Settings::default()
                };
                let mut generator = Generator::new(&settings).unwrap();
                let mut line = Vec::new();
                while let Some(verdict) = generator.next_line(&mut line) {
                    line.pop();
                    let is_taken = takes(&mut lane, &line);
                    assert!(!is_taken || verdict == Verdict::Valid);
                    line.clear();
                }
            }
        }
    }

    #[test]
    fn nesting_is_followed_as_deep_by_every_way() {
        for depth in 1..100_usize {
            let line = format!(
                r#"{{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z","x":{}0{}}}"#,
                "[".repeat(depth - 1),
                "]".repeat(depth - 1),
            );
            for mut lane in lanes() {
                let is_taken = takes(&mut lane, line.as_bytes());
                assert_eq!(is_taken, depth <= MAX_DEPTH as usize, "{depth}");
            }
        }
    }

    #[test]
    fn what_stands_at_the_very_end_is_left_to_the_general_lane() {
        let line = br#"{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z"}"#;
        for mut lane in lanes() {
            for filler in 0..2 * BLOCK {
                let mut text = line.to_vec();
                text.push(b'\n');
                text.resize(text.len() + filler, b' ');
                if let Some((event, len)) = lane.read_one(&text) {
                    assert_eq!(
                        (rules::judge(line, Schema::usual()), len),
                        (Ok(event), line.len() + 1)
                    );
                } else {
                    assert!(filler < 2 * BLOCK - 1);
                }
            }
        }
    }

    /// Whether the lines are indexed, which has to be so if they are objects (these are neither long nor
    /// deep) or blank, and then the values have to be where the reader of the rules finds them. Others have
    /// none, or end the index.
    fn check_index<I: Index>(index: &mut LineIndex, lines: &[&[u8]]) {
        for filler in [b'"', b'\n', b'{', 0xff] {
            let mut text = lines.join(&b'\n');
            text.push(b'\n');
            let end = text.len();
            text.resize(text.len() + 2 * WIDE, filler);
            let shown = String::from_utf8_lossy(&text[..end]);
            let mut lines = lines.iter();
            let mut start = 0;
            while start < end {
                let rest = &text[start..];
                let indexed = index.read::<I, Usual>(rest, end - start, usize::MAX, &Usual);
                // What was looked at ends in the filler, with a fault or without.
                let mut at = 0;
                for number in 0..indexed.lines {
                    let Some(line) = lines.next() else {
                        return;
                    };
                    let spans = match json::read_usual(line) {
                        Ok(Document::Object(spans)) if std::str::from_utf8(line).is_ok() => spans,
                        _ => Default::default(),
                    };
                    let read = index.line(number).unwrap();
                    assert_eq!(read.end(), at + line.len(), "{shown}");
                    for field in Field::ALL {
                        let span = spans[field.index()];
                        let expected = span.map_or(usize::MAX, |span| at + span.start);
                        assert_eq!(read.value(field), expected, "{field:?} {shown}");
                    }
                    at = read.end() + 1;
                }
                start += at;
                if start == end {
                    break;
                }
                assert!(indexed.is_next_strange || indexed.lines > 0, "{shown}");
                if indexed.is_next_strange {
                    let line = *lines.next().unwrap();
                    let is_object = matches!(json::read_usual(line), Ok(Document::Object(_)));
                    let is_utf8 = std::str::from_utf8(line).is_ok();
                    assert!(!(is_object && is_utf8), "{}", String::from_utf8_lossy(line));
                    start += line.len() + 1;
                }
            }
            assert_eq!(lines.next(), None);
        }
    }

    fn check_indexes(lines: &[&[u8]]) {
        let mut index = LineIndex::default();
        check_index::<Plain>(&mut index, lines);
        #[cfg(target_arch = "x86_64")]
        if Avx2::is_there() {
            check_index::<Avx2>(&mut index, lines);
        }
        #[cfg(target_arch = "x86_64")]
        if Avx512::is_there() {
            check_index::<Avx512>(&mut index, lines);
        }
    }

    #[test]
    fn as_many_lines_are_indexed_as_there_are() {
        let event = br#"{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z"}"#;
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3000));
        let deep = |levels| {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            format!("{{\"user_id\":1,\"a\":{open}{close}}}")
        };
        check_indexes(&[&event[..]; 1000]);
        check_indexes(&[b"".as_slice()].repeat(3000));
        check_indexes(&[b"{}".as_slice()].repeat(3000));
        check_indexes(&[b"[".as_slice(); 300]);
        check_indexes(&[deep(62).as_bytes(); 30]);
        check_indexes(&[&event[..], long.as_bytes()].repeat(10));
        // Something wrong of each kind, and what is right on both sides of it.
        for wrong in [
            r#"{"user_id":1}}"#,
            r#"{"user_id":1"#,
            r#"[{"user_id":1}]"#,
            r#"{"user_id":1 "a":2}"#,
            r#"{"user_id":1,"a":tru}"#,
            r#"{"user_id":01}"#,
            r#"{"user_id":1,"a":"\x"}"#,
            r#"{"user_id":1,"a":"\ud800"}"#,
            r#"{"user_id":1,"a":"\udc00"}"#,
            r#"{"user_id":1,"\ud800":"\u0041"}"#,
            r#"{"user_id":1,"a":"\u12"}"#,
            "{\"user_id\":1,\"a\":\"\u{1f}\"}",
            "{\"user_id\":1,\"a\":\"\u{1f}\", \"}",
            r#"{"user_id":1,"a":"b}"#,
            r#"{"user_id":1,\"a":"b"}"#,
            "é",
        ] {
            for repeat in [1, 2, 7] {
                let lines = [&event[..], wrong.as_bytes(), &event[..]].repeat(repeat);
                check_indexes(&lines);
                let not_utf8 = [wrong.as_bytes(), b"{\"\xff\":1}", &event[..]].repeat(repeat);
                check_indexes(&not_utf8);
            }
        }
        let mut index = LineIndex::default();
        for (levels, place) in [(62, 11), (63, usize::MAX)] {
            let line = deep(levels);
            let text = format!("{line}\n{line}\n").repeat(2);
            let indexed = index.read::<Plain, Usual>(text.as_bytes(), text.len(), 1, &Usual);
            assert!(indexed.lines > 0);
            assert_eq!(index.line(0).unwrap().value(Field::UserId), place);
        }
    }

    #[test]
    fn limits_are_kept() {
        let line = br#"{"user_id":1,"event_type":"a","timestamp":"2024-01-01T00:00:00Z"}"#;
        let text = [&line[..], b"\n"].concat().repeat(300);
        for mut lane in lanes() {
            for lines in [0, 1, 2, 7, 100, 1000] {
                for end in [
                    0,
                    1,
                    line.len(),
                    line.len() + 1,
                    line.len() + 2,
                    10_000,
                    text.len(),
                ] {
                    for line_bytes in [line.len() - 1, line.len()] {
                        let mut all = All {
                            text: &text,
                            lines: Vec::new(),
                        };
                        let limits = Limits {
                            end,
                            lines,
                            line_bytes,
                        };
                        let run = lane.read(&text, limits, &mut all);
                        let expected = end.div_ceil(line.len() + 1).min(lines).min(300);
                        assert_eq!((run.lines, all.lines.len()), (expected, expected));
                        assert_eq!(run.len, expected * (line.len() + 1));
                        let taken = all.lines.iter().flatten().count();
                        // The last ones have too little behind them.
                        let fit = if line_bytes < line.len() { 0 } else { expected };
                        assert!(taken <= fit && taken + 2 >= fit, "{taken} of {fit}");
                    }
                }
            }
        }
    }

    /// A line of a profile with some of its bytes changed.
    fn mutated() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let edit = (
            any::<prop::sample::Index>(),
            0..4,
            prop_oneof![
                prop::sample::select(
                    &b"\"\\{}[]:,0123456789-+.eETZtz \t\r\x00\x1f\x7f\x80\xc3\xed\xffunl/"[..]
                ),
                any::<u8>(),
            ],
        );
        let profile = prop::sample::select(&Profile::ALL[..]);
        (profile, any::<u64>(), prop::collection::vec(edit, 0..4)).prop_map(
            |(profile, seed, edits)| {
                let settings = Settings {
                    length: Length::Lines(1),
                    seed,
                    profile,
                    invalid_rate: 0.1,
                    ..Settings::default()
                };
                let mut line = Vec::new();
                Generator::new(&settings).unwrap().next_line(&mut line);
                line.pop();
                let original = line.clone();
                for (index, kind, byte) in edits {
                    if line.is_empty() {
                        break;
                    }
                    let at = index.index(line.len());
                    match kind {
                        0 => line[at] = byte,
                        1 => line.insert(at, byte),
                        2 => drop(line.remove(at)),
                        _ => line.truncate(at),
                    }
                }
                line.retain(|byte| *byte != b'\n');
                (original, line)
            },
        )
    }

    fn token() -> impl Strategy<Value = String> {
        let tokens = [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "{",
            "}",
            ",",
            "\"\"",
            "\"a\"",
            "\"amount\"",
            "\"\\\"\"",
            "\"\\\\\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d \\ud83d\\ude00\"",
            "\"\\ud83d\\n\"",
            "\"\\ud83d\\u0041\"",
            "\"\\u00g0\"",
            "\"\\x\"",
            "\"é\"",
            "\"日本\"",
            "0",
            "-1",
            "00",
            "1.5e-7",
            "1.",
            ".5",
            "1e",
            "+1",
            "-",
            "1e5.5",
            "1.2.3",
            "true",
            "false",
            "null",
            "nul",
            "truee",
            " ",
            "\t",
            "\r",
            "\u{b}",
            "\u{c}",
            "\u{1a}",
            "\\",
            "\"",
        ];
        prop::sample::select(tokens.map(str::to_owned).to_vec())
    }

    /// Any valid JSON value, nested or long.
    fn any_value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "-?(0|[1-9][0-9]{0,40})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
            Just("true".to_owned()),
            Just("false".to_owned()),
            Just("null".to_owned()),
            "\"([ -!#-~é日😀]|\\[|\\]){0,80}\"".prop_map(|text| text.replace('\\', "\\\\")),
            "(\\\\[nrtbf/\"]|\\\\u00[0-9a-fA-F]{2}|x){0,30}".prop_map(|text| format!("\"{text}\"")),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8)
                    .prop_map(|values| format!("[{}]", values.join(" , "))),
                prop::collection::vec(("[a-z{}:,\\[]{0,9}", inner), 0..8).prop_map(|members| {
                    let members: Vec<_> = members
                        .iter()
                        .map(|(key, value)| format!("\"{key}\":{value}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
        .prop_filter("longer than what is indexed", |value| value.len() < 1900)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn mutated_lines_are_indexed_if_they_are_objects(
            lines in prop::collection::vec(mutated(), 1..5),
        ) {
            let lines: Vec<&[u8]> = lines
                .iter()
                .flat_map(|(original, line)| [&original[..], &line[..], &original[..]])
                .collect();
            check_indexes(&lines);
        }

        #[test]
        fn soups_of_tokens_are_indexed_if_they_are_objects(
            soups in prop::collection::vec(
                (prop::collection::vec(token(), 0..90), any::<bool>()),
                1..4,
            ),
        ) {
            let soups = soups.into_iter().map(|(tokens, is_object)| {
                let soup = tokens.concat();
                if is_object { format!("{{\"a\":{soup}}}") } else { soup }
            });
            let soups: Vec<String> = soups.collect();
            let lines: Vec<&[u8]> = soups.iter().map(String::as_bytes).collect();
            check_indexes(&lines);
        }

        #[test]
        fn scalars_are_told_from_what_looks_like_them(
            lines in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![
                        8 => "-?(0|[1-9][0-9]{0,4})([.][0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
                        4 => Just("true".to_owned()),
                        4 => Just("false".to_owned()),
                        4 => Just("null".to_owned()),
                        1 => "-?(0|[1-9][0-9]{60,90})",
                        1 => "[-+.eE019]{1,6}",
                        1 => "[tfn]?[tfnrualse0]{1,5}",
                    ],
                    1..12,
                ),
                1..8,
            ),
            separator in prop::sample::select(vec![",", " , ", "\t,"]),
        ) {
            let lines: Vec<String> = lines
                .iter()
                .map(|scalars| format!("{{\"a\":[{}],\"amount\":{}}}", scalars.join(separator), scalars[0]))
                .collect();
            let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            check_indexes(&lines);
        }

        #[test]
        fn objects_of_any_shape_are_indexed(
            values in prop::collection::vec(
                (any_value(), "(user_id|amount|timestamp|event_type|[a-z]{0,3})"),
                1..4,
            ),
        ) {
            let lines: Vec<String> = values
                .iter()
                .map(|(value, key)| format!("{{\"{key}\":{value},\"amount\" : {value}}}"))
                .collect();
            let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            check_indexes(&lines);
        }

        #[test]
        fn texts_of_many_lines_get_the_verdicts_of_the_rules(
            lines in prop::collection::vec(mutated(), 1..60),
            spoiled in prop::sample::select(vec![1, 2, 9, 100]),
            room in prop::sample::select(vec![0, SPAN]),
        ) {
            let lines: Vec<&[u8]> = lines
                .iter()
                .enumerate()
                .map(|(n, (original, line))| if n % spoiled == 0 { &line[..] } else { &original[..] })
                .collect();
            let mut text = lines.join(&b'\n');
            text.push(b'\n');
            let end = text.len();
            text.resize(end + room, b' ');
            for mut lane in lanes() {
                let limits = Limits { end, lines: usize::MAX, line_bytes: usize::MAX };
                let mut all = All { text: &text, lines: Vec::new() };
                let run = lane.read(&text, limits, &mut all);
                prop_assert_eq!((run.lines, run.len), (lines.len(), end));
                prop_assert_eq!(all.lines.len(), lines.len());
                for (event, line) in all.lines.iter().zip(&lines) {
                    if let Some(event) = event {
                        prop_assert_eq!(rules::judge(line, Schema::usual()), Ok(*event));
                    }
                }
            }
        }

        #[test]
        fn mutated_lines_get_the_verdict_of_the_rules((original, line) in mutated()) {
            for mut lane in lanes() {
                // So that what was learnt from the line as it was meets the line as it is.
                takes(&mut lane, &original);
                takes(&mut lane, &line);
                takes(&mut lane, &original);
            }
        }
    }
}
