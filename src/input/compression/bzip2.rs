//! bzip2: streams one after another, each of blocks with checksums.

use bzip2::{Decompress, Error, Status};

use super::{Codec, Fault, Step};

pub(super) struct Bzip2 {
    /// The stream that is being read, if one was started.
    stream: Option<Decompress>,
    /// Whether a stream was read to its end.
    ended_one: bool,
}

impl Bzip2 {
    pub(super) fn new() -> Bzip2 {
        Bzip2 {
            stream: None,
            ended_one: false,
        }
    }
}

impl Codec for Bzip2 {
    fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        _last: bool,
        done: &mut Step,
    ) -> Result<(), Fault> {
        if self.stream.is_none() {
            match input.first() {
                None => return Ok(()),
                Some(b'B') => {}
                Some(_) => return Err(Fault::Trailing),
            }
        }
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let before = (stream.total_in(), stream.total_out());
        let result = stream.decompress(input, output);
        *done = Step::since(before, (stream.total_in(), stream.total_out()));
        let status = result.map_err(|error| match error {
            // A later stream that starts with a B, but as no stream does.
            Error::DataMagic if self.ended_one => Fault::Trailing,
            Error::DataMagic => Fault::corrupt("its header is wrong"),
            _ => Fault::corrupt("a block breaks the format's rules or fails its checksum"),
        })?;
        match status {
            Status::StreamEnd => {
                self.stream = None;
                self.ended_one = true;
            }
            Status::MemNeeded => return Err(Fault::OutOfMemory),
            Status::Ok | Status::FlushOk | Status::RunOk | Status::FinishOk => {}
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.stream.is_none() && self.ended_one
    }
}
