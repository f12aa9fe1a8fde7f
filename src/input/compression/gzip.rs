//! gzip (RFC 1952): members one after another, each a deflate stream with a checksum and a length.

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
    fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        _last: bool,
        done: &mut Step,
    ) -> Result<(), Fault> {
        if let Some(&first) = input.first() {
            match self.state {
                State::Between if first == 0 => self.state = State::Padding,
                // The first byte of every member.
                State::Between if first != 0x1f => return Err(Fault::Trailing),
                State::Start | State::Between => {
                    self.state = State::Member(Decompress::new_gzip(WINDOW_BITS));
                }
                State::Member(_) | State::Padding => {}
            }
        }
        match &mut self.state {
            // Without input too: what is left in the decompressor may still fill the output.
            State::Member(member) => {
                let before = (member.total_in(), member.total_out());
                let result = member.decompress(input, output, FlushDecompress::None);
                *done = Step::since(before, (member.total_in(), member.total_out()));
                let status = result.map_err(|error| {
                    Fault::corrupt(error.message().unwrap_or("it breaks the format's rules"))
                })?;
                if status == Status::StreamEnd {
                    self.state = State::Between;
                }
            }
            State::Padding => {
                if input.iter().any(|&byte| byte != 0) {
                    return Err(Fault::Trailing);
                }
                done.read = input.len();
            }
            State::Start | State::Between => {}
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        matches!(self.state, State::Between | State::Padding)
    }
}
