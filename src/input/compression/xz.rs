//! xz: streams one after another, with zeros between and after them.

use std::num::NonZero;

use liblzma::stream::{Action, Error, MtStreamBuilder, Status, Stream};

use super::{Codec, Fault, Step};

/// The bytes of a stream's header: the magic bytes, two bytes of flags, and their checksum.
const HEADER: usize = 12;

pub(super) struct Xz {
    threads: NonZero<usize>,
    /// How much memory a stream may ask for, in bytes. `xz -9` makes streams that ask for 65 MiB.
    memory: u64,
    state: State,
    /// Whether a stream was read to its end.
    ended_one: bool,
}

enum State {
    /// Before a stream, with this many zeros after the one before.
    Between { zeros: usize },
    /// In a stream's header, of which this much was read.
    Header { bytes: [u8; HEADER], len: usize },
    /// In a stream.
    Stream(Stream),
}

impl Xz {
    pub(super) fn new(threads: NonZero<usize>, memory: u64) -> Xz {
        Xz {
            threads,
            memory,
            state: State::Between { zeros: 0 },
            ended_one: false,
        }
    }

    /// A decoder that has read a stream's header.
    fn stream(&self, header: &[u8; HEADER]) -> Result<Stream, Fault> {
        // The library would read a stream with a check of a kind it does not know, without checking.
        // These are none, CRC32, CRC64 and SHA-256.
        if !matches!(header[7], 0 | 1 | 4 | 10) {
            return Err(Fault::corrupt("its header is wrong"));
        }
        let mut stream = if self.threads.get() > 1 {
            MtStreamBuilder::new()
                .threads(u32::try_from(self.threads.get()).unwrap_or(u32::MAX))
                .memlimit_threading(self.memory)
                .memlimit_stop(self.memory)
                .decoder()
        } else {
            Stream::new_stream_decoder(self.memory, 0)
        }
        .map_err(|error| fault(error, self.memory))?;
        stream
            .process(header, &mut [], Action::Run)
            .map_err(|error| fault(error, self.memory))?;
        if stream.total_in() != HEADER as u64 {
            return Err(Fault::corrupt("its header is wrong"));
        }
        Ok(stream)
    }
}

impl Codec for Xz {
    fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        last: bool,
        done: &mut Step,
    ) -> Result<(), Fault> {
        match &mut self.state {
            State::Between { zeros } => {
                let read = input.iter().take_while(|&&byte| byte == 0).count();
                // Only multiples of four are padding.
                *zeros = (*zeros + read) % 4;
                match input.get(read) {
                    None => {}
                    Some(0xfd) if *zeros == 0 => {
                        self.state = State::Header {
                            bytes: [0; HEADER],
                            len: 0,
                        };
                    }
                    Some(_) => return Err(Fault::Trailing),
                }
                done.read = read;
            }
            State::Header { bytes, len } => {
                let read = input.len().min(HEADER - *len);
                bytes[*len..][..read].copy_from_slice(&input[..read]);
                *len += read;
                if *len == HEADER {
                    let bytes = *bytes;
                    self.state = State::Stream(self.stream(&bytes)?);
                }
                done.read = read;
            }
            State::Stream(stream) => {
                let before = (stream.total_in(), stream.total_out());
                // Several threads take hold of what they were given and may wait for more of it;
                // told that this was the last, they give what they have.
                let action = if last { Action::Finish } else { Action::Run };
                let status = loop {
                    let result = stream.process(input, output, action);
                    *done = Step::since(before, (stream.total_in(), stream.total_out()));
                    let status = result.map_err(|error| fault(error, self.memory))?;
                    // That it can do nothing, the library only says the second time in a row.
                    let unsure = done.is_none() && matches!(status, Status::Ok);
                    if !unsure || input.is_empty() && !last {
                        break status;
                    }
                };
                match status {
                    Status::StreamEnd => {
                        self.state = State::Between { zeros: 0 };
                        self.ended_one = true;
                    }
                    // Also what the library says where there was nothing to do.
                    Status::Ok | Status::GetCheck | Status::MemNeeded => {}
                }
            }
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.ended_one && matches!(self.state, State::Between { zeros: 0 })
    }
}

fn fault(error: Error, memory: u64) -> Fault {
    match error {
        Error::Mem => Fault::OutOfMemory,
        Error::MemLimit => Fault::NeedsMemory { allowed: memory },
        Error::Options => Fault::Unsupported {
            what: "uses a filter or an option that is not known",
            advice: "decompress it with a newer xz first",
        },
        Error::Format => Fault::corrupt("its header is wrong"),
        Error::Data => Fault::corrupt("it breaks the format's rules or fails its checksum"),
        Error::Program | Error::NoCheck | Error::UnsupportedCheck => {
            Fault::corrupt("it cannot be verified")
        }
    }
}
