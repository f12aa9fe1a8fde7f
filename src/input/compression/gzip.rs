//! gzip (RFC 1952): members one after another, each a deflate stream with a checksum and a length.

use std::mem;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Codec, Fault, Step};

/// The largest window that deflate has: 2^15 bytes.
const WINDOW_BITS: u8 = 15;

pub(super) struct Gzip {
    state: State,
}

enum State {
    /// Before the first member.
    Start,
    /// In a member.
    Member(Decompress),
    /// After a member: another one may follow, or zeros, or nothing.
    Between,
    /// In the zeros that fill up a tape's last block.
    Padding,
}

impl Gzip {
    pub(super) fn new() -> Gzip {
        Gzip {
            state: State::Start,
        }
    }
}

impl Codec for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8], _last: bool) -> Result<Step, Fault> {
        let Some(&first) = input.first() else {
            // What is left in the decompressor may still fill the output.
            return match &mut self.state {
                State::Member(member) => inflate(member, input, output).map(|(step, _)| step),
                State::Start | State::Between | State::Padding => Ok(Step::default()),
            };
        };
        match mem::replace(&mut self.state, State::Between) {
            State::Between if first == 0 => self.state = State::Padding,
            // The first byte of every member.
            State::Between if first != 0x1f => return Err(Fault::Trailing),
            State::Start | State::Between => {
                self.state = State::Member(Decompress::new_gzip(WINDOW_BITS));
            }
            other => self.state = other,
        }
        match &mut self.state {
            State::Member(member) => {
                let (step, ended) = inflate(member, input, output)?;
                if ended {
                    self.state = State::Between;
                }
                Ok(step)
            }
            _ if input.iter().all(|&byte| byte == 0) => Ok(Step {
                read: input.len(),
                written: 0,
            }),
            _ => Err(Fault::Trailing),
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self.state, State::Between | State::Padding)
    }
}

/// Decompresses a part of a member; says whether it ended, its checksum and length as they should be.
fn inflate(
    member: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Step, bool), Fault> {
    let (read, written) = (member.total_in(), member.total_out());
    let status = member
        .decompress(input, output, FlushDecompress::None)
        .map_err(|error| {
            Fault::corrupt(error.message().unwrap_or("it breaks the format's rules"))
        })?;
    let step = Step::since((read, written), (member.total_in(), member.total_out()));
    Ok((step, status == Status::StreamEnd))
}
