//! Inputs that can only be read from their start: compressed files, pipes, devices, standard input. How
//! much of each is read, and how much there is.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::form::START;
use super::part::Reader;
use super::{Settings, TILE, float};
use crate::error::Result;
use crate::input::{Buffer, Cutting, Decompressor, Input, Opened, Read, Stream, Until};

/// What was read of all of them.
#[derive(Debug, Default)]
pub(super) struct Streams {
    all: Vec<Begun>,
    /// How many bytes, decompressed.
    pub(super) read: u64,
    /// How many were not read to their end, and of how many nothing was read.
    pub(super) only_begun: usize,
    pub(super) skipped: usize,
    /// How many still had not ended when time was up, though nothing else came.
    pub(super) still_open: usize,
    pub(super) is_late: bool,
    /// What the first one that has something starts with, and its number.
    pub(super) start: Option<(usize, Vec<u8>)>,
}

/// What was read of one.
#[derive(Debug)]
struct Begun {
    /// Its bytes as they are stored.
    stored: Option<u64>,
    /// Those that were read, decompressed.
    read: u64,
    /// How many there are, as far as can be told from what was read.
    bytes: Option<f64>,
    /// How much processor time reading took.
    reading: Duration,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Extent {
    /// In bytes, decompressed.
    pub(super) bytes: f64,
    /// How many seconds of a processor's time reading all takes.
    pub(super) seconds: f64,
    /// The same of the one that takes longest: one thread does all of that.
    pub(super) longest: f64,
}

impl Streams {
    /// Reads the starts of inputs, given with their numbers: so many bytes of each, and until the deadline,
    /// of which each may take its share. Something is read of the first one in any case.
    pub(super) fn read(
        inputs: Vec<(usize, Input)>,
        bytes: u64,
        deadline: Option<Instant>,
        reader: &mut Reader,
        settings: &Settings,
    ) -> Result<Streams> {
        let mut streams = Streams::default();
        let mut left = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
        for (number, input) in inputs {
            let now = Instant::now();
            let time = deadline.map(|deadline| deadline.saturating_duration_since(now));
            let has_something = streams.read > 0 || reader.part.left > 0;
            if time.is_some_and(|time| time.is_zero()) && has_something {
                streams.is_late = true;
                streams.skipped += 1;
                streams.all.push(Begun {
                    stored: input.len(),
                    read: 0,
                    bytes: None,
                    reading: Duration::ZERO,
                });
                continue;
            }
            let until = time.and_then(|time| now.checked_add(time / left.max(1)));
            streams.begin(number, input, bytes, until, reader, settings)?;
            left -= 1;
        }
        Ok(streams)
    }

    /// Reads the start of an input.
    fn begin(
        &mut self,
        number: usize,
        mut input: Input,
        limit: u64,
        until: Option<Instant>,
        reader: &mut Reader,
        settings: &Settings,
    ) -> Result<()> {
        let stored = input.len();
        let end = until.map(Until::new);
        if let Some(end) = &end {
            input.read_until(end.clone());
        }
        let was_made_to_end = || end.as_ref().is_some_and(Until::is_up);
        let is_over = || was_made_to_end() || until.is_some_and(|until| Instant::now() >= until);
        let cutting = Cutting {
            block_size: usize::try_from(TILE).unwrap_or(usize::MAX),
            line_bytes: settings.max_line_bytes,
            threads: NonZeroUsize::MIN,
            memory: Decompressor::MEMORY,
        };
        let before = reader.part.reading;
        input.do_not_map();
        let opened = reader.timed(|| input.start(cutting, Arc::new(|| true)))?;
        let Opened::Stream(mut stream, _) = opened else {
            return Ok(());
        };
        let mut buffer = Buffer::default();
        let (mut read, mut tile) = (0, 0);
        let mut stream_is_left;
        let bytes = loop {
            let next = reader.timed(|| stream.next(buffer))?;
            stream_is_left = stream.is_left();
            let is_cut = was_made_to_end() || stream_is_left;
            let block = match next {
                Read::Block(block) => block,
                Read::End(_) if is_cut => break self.leave(&mut stream, stored, read),
                Read::End(_) => {
                    stream.finish()?;
                    break Some(float(read));
                }
            };
            let text = &block.buffer.bytes()[block.start..block.end];
            let start = block.offset + block.start as u64;
            if self.start.is_none() {
                self.start = Some((number, text[..text.len().min(START)].to_vec()));
            }
            // Of the last line more might have come.
            if !is_cut || text.ends_with(b"\n") {
                if let Some(cut) = block.cut {
                    reader.tile(number, tile, start, &[], Some((start, cut.len)));
                    read = start + cut.len + 1;
                } else {
                    reader.tile(number, tile, start, text, None);
                    read = block.offset + block.end as u64;
                }
                tile += 1;
            } else {
                let seen = block.cut.map_or(text.len() as u64, |cut| cut.len);
                reader.unended(seen);
                reader.left(seen);
            }
            if read >= limit || is_over() {
                self.is_late |= read < limit;
                break self.leave(&mut stream, stored, read);
            }
            buffer = block.buffer;
        };
        self.still_open += usize::from(was_made_to_end());
        self.is_late |= was_made_to_end() || stream_is_left;
        self.read += read;
        self.all.push(Begun {
            stored,
            read,
            bytes,
            reading: reader.part.reading.saturating_sub(before),
        });
        // What the files take is counted apart.
        reader.part.reading = before;
        Ok(())
    }

    /// How much there is of an input that is not read on: as many times what was decompressed as more is
    /// stored than that was made of.
    fn leave(&mut self, stream: &mut Stream, stored: Option<u64>, read: u64) -> Option<f64> {
        self.only_begun += 1;
        let stored = stored.filter(|stored| *stored > 0)?;
        let (of, bytes) = match stream.decompressed() {
            Some(both) => both,
            None => (stream.came(), read),
        };
        let all = float(bytes) * float(stored.max(of)) / float(of.max(1));
        Some(all.max(float(read)))
    }

    /// How many there are, those of which nothing was read aside.
    pub(super) fn inputs(&self) -> usize {
        self.all.len() - self.skipped
    }

    /// How much there is of all of them; `None` if of one it cannot be told. Those of which nothing was read
    /// are taken to be like the others.
    pub(super) fn extent(&self) -> Option<Extent> {
        let (mut bytes, mut stored, mut seconds) = (0.0, 0.0, 0.0);
        for begun in &self.all {
            if let (Some(of), Some(all)) = (begun.stored, begun.bytes) {
                bytes += all;
                stored += float(of);
                seconds += seconds_of(begun, all);
            }
        }
        let mut extent = Extent::default();
        for begun in &self.all {
            let (more, of_it) = if let Some(all) = begun.bytes {
                (all, seconds_of(begun, all))
            } else {
                let share = float(begun.stored.filter(|_| stored > 0.0)?) / stored;
                (share * bytes, share * seconds)
            };
            extent.bytes += more;
            extent.seconds += of_it;
            extent.longest = extent.longest.max(of_it);
        }
        Some(extent)
    }
}

/// How long reading one takes, if that is so many bytes.
fn seconds_of(begun: &Begun, bytes: f64) -> f64 {
    begun.reading.as_secs_f64() * bytes / float(begun.read.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(stored: Option<u64>, read: u64, bytes: Option<f64>, millis: u64) -> Begun {
        Begun {
            stored,
            read,
            bytes,
            reading: Duration::from_millis(millis),
        }
    }

    #[test]
    fn what_was_not_read_is_like_the_others() {
        let streams = |all: Vec<Begun>| Streams {
            all,
            ..Streams::default()
        };
        let first = || begun(Some(100), 500, Some(1000.0), 1000);
        let found = streams(vec![first(), begun(Some(300), 0, None, 0)]).extent();
        let expected = Extent {
            bytes: 4000.0,
            seconds: 8.0,
            longest: 6.0,
        };
        assert_eq!(found, Some(expected));
        // Of a pipe nothing is known.
        assert_eq!(
            streams(vec![first(), begun(None, 7, None, 0)]).extent(),
            None
        );
        assert_eq!(streams(vec![begun(Some(300), 0, None, 0)]).extent(), None);
        assert_eq!(streams(Vec::new()).extent(), Some(Extent::default()));
    }
}
