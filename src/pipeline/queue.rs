//! The chunks of all inputs, handed out one at a time and in order.

use std::sync::{Mutex, PoisonError};

use crate::input::{Chunk, Chunks, InputFile};

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
}

impl<'a> ChunkQueue<'a> {
    pub(super) fn new(inputs: &'a [InputFile], chunk_size: usize) -> Self {
        ChunkQueue {
            state: Mutex::new(State {
                inputs: inputs.iter().enumerate(),
                current: None,
                chunk_size,
                sequence: 0,
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
                return Some(Task {
                    sequence,
                    input,
                    file,
                    chunk,
                });
            }
            let (index, file) = state.inputs.next()?;
            let chunks = Chunks::starting_at(file.bytes(), file.text_start(), state.chunk_size);
            state.current = Some((index, file, chunks));
        }
    }
}
