//! xz: streams one after another, with zeros between and after them.

use std::num::NonZero;

use liblzma::stream::{Action, Error, MtStreamBuilder, Status, Stream};

use super::{Codec, Fault, Step};

/// The bytes of a stream's header: the magic bytes, two bytes of flags, and their checksum.
const HEADER: usize = 12;

/// How much of a stream's first block is kept, to tell how much memory it asks for: more than the
/// header of any that xz makes.
const BLOCK_HEADER: usize = 64;

/// What decoding takes beside the dictionary, rounded up.
const BESIDE_DICTIONARY: u64 = 1 << 20;

pub(super) struct Xz {
    threads: NonZero<usize>,
    /// How much memory a stream may ask for, in bytes. `xz -9` makes streams that ask for 65 MiB.
    memory: u64,
    state: State,
    /// The start of the first block of the stream at hand.
    block: Vec<u8>,
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
            block: Vec::with_capacity(BLOCK_HEADER),
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
        .map_err(|error| fault(error, self.memory, &[]))?;
        stream
            .process(header, &mut [], Action::Run)
            .map_err(|error| fault(error, self.memory, &[]))?;
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
                    self.block.clear();
                }
                done.read = read;
            }
            State::Stream(stream) => {
                let room = BLOCK_HEADER - self.block.len();
                let before = (stream.total_in(), stream.total_out());
                // Several threads take hold of what they were given and may wait for more of it;
                // told that this was the last, they give what they have.
                let action = if last { Action::Finish } else { Action::Run };
                let status = loop {
                    let result = stream.process(input, output, action);
                    *done = Step::since(before, (stream.total_in(), stream.total_out()));
                    let status = result.map_err(|error| {
                        self.block.extend(input.iter().take(room));
                        fault(error, self.memory, &self.block)
                    })?;
                    // That it can do nothing, the library only says the second time in a row.
                    let unsure = done.is_none() && matches!(status, Status::Ok);
                    if !unsure || input.is_empty() && !last {
                        break status;
                    }
                };
                self.block.extend(input[..done.read].iter().take(room));
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

/// What went wrong; `block` is the start of the stream's first block, and the others are like it.
fn fault(error: Error, memory: u64, block: &[u8]) -> Fault {
    match error {
        Error::Mem => Fault::OutOfMemory,
        Error::MemLimit => Fault::NeedsMemory {
            allowed: memory,
            needed: dictionary(block)
                .map(|len| len + BESIDE_DICTIONARY)
                .filter(|needed| *needed > memory),
        },
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

/// How large the dictionary of a block is, in bytes, by the block's header (the .xz file format 1.2.1,
/// sections 3.1 and 5.3.1).
fn dictionary(block: &[u8]) -> Option<u64> {
    const LZMA2: u64 = 0x21;
    let mut rest = block.get(1..)?;
    let (flags, after) = rest.split_first()?;
    rest = after;
    // Sizes, if they are there.
    for is_there in [flags & 0x40 != 0, flags & 0x80 != 0] {
        if is_there {
            number(&mut rest)?;
        }
    }
    for _ in 0..=flags & 3 {
        let filter = number(&mut rest)?;
        let len = usize::try_from(number(&mut rest)?).ok()?;
        let (properties, after) = rest.split_at_checked(len)?;
        rest = after;
        if filter == LZMA2 {
            let [bits] = properties else {
                return None;
            };
            return match bits {
                0..40 => Some(u64::from(2 | (bits & 1)) << (bits / 2 + 11)),
                40 => Some(u64::from(u32::MAX)),
                _ => None,
            };
        }
    }
    None
}

/// Takes a number off, seven bits to a byte (section 1.2).
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..9 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_tells_its_dictionary() {
        for (block, expected) in [
            (&b"\x02\x00\x21\x01\x16\x00"[..], Some(8 << 20)),
            (b"\x02\x00\x21\x01\x17\x00", Some(12 << 20)),
            (b"\x02\x00\x21\x01\x1c", Some(64 << 20)),
            (b"\x02\x00\x21\x01\x28", Some(0xffff_ffff)),
            (b"\x02\x00\x21\x01\x29", None),
            // With sizes, and behind a filter for machine code.
            (b"\x04\xc0\x80\x80\x01\xff\x01\x21\x01\x16", Some(8 << 20)),
            (b"\x04\x01\x04\x00\x21\x01\x00", Some(4096)),
            (b"\x02\x00\x21\x01", None),
            (b"\x02\x00\x21\x05\x16", None),
            (b"\x02\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"", None),
        ] {
            assert_eq!(dictionary(block), expected, "{block:?}");
        }
    }
}
