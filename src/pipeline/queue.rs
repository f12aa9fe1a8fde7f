//! The chunks of all inputs, handed out one at a time and in order.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::input::{Chunk, Chunks, InputFile};

/// How far ahead of the chunk that is handed out the file is asked for, in bytes. A disk that always
/// has so much to do reads as fast as it can; the kernel alone looks ahead by a fraction of a chunk,
/// and each worker would wait for the disk in turn.
const READ_AHEAD: usize = 64 * 1024 * 1024;

/// A chunk to work on, and its place in the run.
#[derive(Debug)]
pub(super) struct Task<'a> {
    /// Counts the chunks of all inputs, from 0.
    pub(super) sequence: u64,
    /// The place of the chunk's input among the inputs.
    pub(super) input: usize,
    /// The input itself.
    pub(super) file: &'a InputFile,
    pub(super) chunk: Chunk<'a>,
    /// What of the input should be asked for now, before work on the chunk begins.
    pub(super) ahead: Range<usize>,
}

/// Hands out the chunks of the inputs. Workers take them in order, so the earliest chunk that is not
/// done is always in work.
#[derive(Debug)]
pub(super) struct ChunkQueue<'a> {
    state: Mutex<State<'a>>,
}

#[derive(Debug)]
struct State<'a> {
    inputs: std::iter::Enumerate<std::slice::Iter<'a, InputFile>>,
    current: Option<(usize, &'a InputFile, Chunks<'a>)>,
    chunk_size: usize,
    sequence: u64,
    /// How far the current input has been asked for.
    asked: usize,
}

impl<'a> ChunkQueue<'a> {
    pub(super) fn new(inputs: &'a [InputFile], chunk_size: usize) -> Self {
        ChunkQueue {
            state: Mutex::new(State {
                inputs: inputs.iter().enumerate(),
                current: None,
                chunk_size,
                sequence: 0,
                asked: 0,
            }),
        }
    }

    pub(super) fn next(&self) -> Option<Task<'a>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((input, file, chunks)) = &mut state.current
                && let Some(chunk) = chunks.next()
            {
                let (input, file) = (*input, *file);
                let sequence = state.sequence;
                state.sequence += 1;
                let end = chunk.offset + chunk.bytes.len();
                let ahead = end.saturating_add(READ_AHEAD).min(file.bytes().len());
                let asked = std::mem::replace(&mut state.asked, ahead);
                return Some(Task {
                    sequence,
                    input,
                    file,
                    chunk,
                    ahead: asked..ahead,
                });
            }
            let (index, file) = state.inputs.next()?;
            let chunks = Chunks::starting_at(file.bytes(), file.text_start(), state.chunk_size);
            state.current = Some((index, file, chunks));
            state.asked = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn every_byte_of_every_input_is_asked_for_once_and_before_it_is_handed_out() {
        let mut inputs = Vec::new();
        let mut files = Vec::new();
        for len in [0, 10, READ_AHEAD + 1000] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&vec![b'\n'; len]).unwrap();
            inputs.push(InputFile::open(file.path()).unwrap());
            files.push(file);
        }
        let queue = ChunkQueue::new(&inputs, 1 << 20);
        let mut asked = vec![0; inputs.len()];
        let mut handed_out = vec![0; inputs.len()];
        while let Some(task) = queue.next() {
            assert_eq!(task.ahead.start, asked[task.input]);
            assert!(task.ahead.end >= task.ahead.start);
            asked[task.input] = task.ahead.end;
            handed_out[task.input] += task.chunk.bytes.len();
            assert!(asked[task.input] >= handed_out[task.input]);
            assert!(asked[task.input] - handed_out[task.input] <= READ_AHEAD);
        }
        let lens: Vec<_> = inputs.iter().map(|input| input.bytes().len()).collect();
        assert_eq!((&asked, &handed_out), (&lens, &lens));
    }
}
