//! The lines that are being read: how far, and where they go.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

use super::names::Names;
use crate::event::{Event, rules};

/// How far lines are read.
#[derive(Clone, Copy, Debug)]
pub(in crate::event) struct Limits {
    /// A line that starts here or later is left.
    pub(in crate::event) end: usize,
    /// How many lines are read at most.
    pub(in crate::event) lines: usize,
    /// The longest line that is read, without its `\n`.
    pub(in crate::event) line_bytes: usize,
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
pub(in crate::event) trait Sink {
    /// Takes the event of a line.
    fn event(&mut self, event: Event);

    /// Takes a line that is not ordinary: the one at the start of `rest`, which is after so many. How
    /// long it is with its `\n`, or `None` to stop before it.
    fn refused(&mut self, before: Run, rest: &[u8]) -> Option<usize>;
}

/// Lines that are being read, and where they go.
pub(super) struct Lines<'a, K> {
    text: &'a [u8],
    limits: Limits,
    run: Run,
    sink: K,
}

impl<'a, K: Sink> Lines<'a, K> {
    /// From the start of `text` on.
    #[inline(always)]
    pub(super) fn new(text: &'a [u8], limits: Limits, sink: K) -> Lines<'a, K> {
        Lines {
            text,
            limits,
            run: Run::default(),
            sink,
        }
    }

    /// What was passed over.
    #[inline(always)]
    pub(super) fn passed(&self) -> Run {
        self.run
    }

    /// Whether there is a line to be read.
    #[inline(always)]
    pub(super) fn are_left(&self) -> bool {
        self.run.len < self.limits.end && self.run.lines < self.limits.lines
    }

    /// The limits from the next line on.
    #[inline(always)]
    pub(super) fn left(&self) -> Limits {
        Limits {
            end: self.limits.end.saturating_sub(self.run.len),
            lines: self.limits.lines.saturating_sub(self.run.lines),
            ..self.limits
        }
    }

    /// From the next line on.
    #[inline(always)]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.run.len..).unwrap_or_default()
    }

    /// The next line, which is `len` bytes long with its `\n` if it has one, without it.
    fn line(&self, len: usize) -> &'a [u8] {
        let line = self.rest().get(..len).unwrap_or_default();
        line.strip_suffix(b"\n").unwrap_or(line)
    }

    /// Takes the event of the next line, unless the line is too long.
    #[inline(always)]
    pub(super) fn take<N: Names>(&mut self, event: Event, len: usize, names: &N) -> Option<()> {
        if len > self.limits.line_bytes && self.line(len).len() > self.limits.line_bytes {
            return None;
        }
        debug_assert_eq!(
            rules::judge(self.line(len), names.schema()),
            Ok(event),
            "the lanes disagree"
        );
        self.sink.event(event);
        self.pass(len);
        Some(())
    }

    /// Hands the next line on, which is not ordinary.
    #[inline(always)]
    pub(super) fn refuse(&mut self) -> Option<()> {
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
