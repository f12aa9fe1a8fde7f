//! Zstandard (RFC 8878): frames one after another, skippable ones among them.

use zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd_safe::{DCtx, DParameter, ErrorCode, InBuffer, OutBuffer};

use super::{Codec, Fault, Step};

/// The largest window that is read, as a power of two of bytes: 128 MiB.
const WINDOW: u32 = 27;

/// How long a frame's header can be, the magic bytes included.
const HEADER: usize = 18;

pub(super) struct Zstd {
    context: DCtx<'static>,
    /// How much memory it may take, in bytes.
    memory: u64,
    /// The start of the frame at hand, as much as its header can be.
    header: Vec<u8>,
    /// Whether a frame has just ended.
    between: bool,
    /// Whether there was a frame at all.
    started: bool,
}

impl Zstd {
    /// Windows up to 128 MiB are read, as zstd(1) does, if there is so much memory.
    pub(super) fn new(memory: u64) -> Result<Zstd, Fault> {
        let mut context = DCtx::try_create().ok_or(Fault::OutOfMemory)?;
        let window = memory.checked_ilog2().unwrap_or(0).clamp(10, WINDOW);
        context
            .set_parameter(DParameter::WindowLogMax(window))
            .map_err(|_| Fault::OutOfMemory)?;
        Ok(Zstd {
            context,
            memory,
            header: Vec::with_capacity(HEADER),
            between: true,
            started: false,
        })
    }

    /// Keeps of what was read what may belong to the frame's header.
    fn keep_header(&mut self, read: &[u8]) {
        let room = HEADER - self.header.len();
        self.header.extend(read.iter().take(room));
    }

    fn fault(&self, code: ErrorCode) -> Fault {
        let is = |kind| zstd_safe::is_error_kind(code, kind);
        if is(ZSTD_ErrorCode::ZSTD_error_prefix_unknown) && self.between && self.started {
            Fault::Trailing
        } else if is(ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge)
            && self.memory < 1 << WINDOW
        {
            Fault::NeedsMemory {
                allowed: self.memory,
                needed: window(&self.header)
                    .and_then(u64::checked_next_power_of_two)
                    .filter(|needed| *needed > self.memory),
            }
        } else if is(ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge) {
            Fault::Unsupported {
                what: "was compressed with a window of more than 128 MiB (zstd --long=28 and more)",
                advice: "decompress it with zstd -d --long=31 first",
            }
        } else if is(ZSTD_ErrorCode::ZSTD_error_dictionary_wrong) {
            Fault::Unsupported {
                what: "was compressed with a dictionary",
                advice: "decompress it with zstd -d -D first",
            }
        } else if is(ZSTD_ErrorCode::ZSTD_error_memory_allocation) {
            Fault::OutOfMemory
        } else {
            Fault::corrupt(&zstd_safe::get_error_name(code).to_lowercase())
        }
    }
}

impl Codec for Zstd {
    fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        _last: bool,
        done: &mut Step,
    ) -> Result<(), Fault> {
        // Asked with no input between frames, the library would start a frame.
        if self.between && input.is_empty() {
            return Ok(());
        }
        if self.between {
            self.header.clear();
        }
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(output);
        let hint = match self.context.decompress_stream(&mut target, &mut source) {
            Ok(hint) => hint,
            Err(code) => {
                self.keep_header(input);
                return Err(self.fault(code));
            }
        };
        self.keep_header(&input[..source.pos()]);
        self.between = hint == 0;
        self.started |= self.between;
        *done = Step {
            read: source.pos(),
            written: target.pos(),
        };
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.between && self.started
    }
}

/// The window that a frame asks for, in bytes, by its header (RFC 8878 section 3.1.1.1).
fn window(header: &[u8]) -> Option<u64> {
    let descriptor = *header.get(4)?;
    let after = header.get(5..)?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = *after.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // Then it is as large as the content.
    let dictionary_id = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = after.get(dictionary_id..)?;
    match descriptor >> 6 {
        0 => Some(u64::from(*size.first()?)),
        1 => Some(u64::from(u16::from_le_bytes(*size.first_chunk()?)) + 256),
        2 => Some(u64::from(u32::from_le_bytes(*size.first_chunk()?))),
        _ => Some(u64::from_le_bytes(*size.first_chunk()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_its_window() {
        let magic = b"\x28\xb5\x2f\xfd";
        for (header, expected) in [
            (&b"\x00\x00"[..], Some(1024)),
            (b"\x00\x88", Some(128 << 20)),
            (b"\x04\x8f", Some((128 << 20) / 8 * 15)),
            (b"\x00\xff", Some((1 << 41) / 8 * 15)),
            (b"\x20\x07", Some(7)),
            (b"\x61\x09\x00\x01", Some(512)),
            (b"\xa2\x09\x09\x00\x00\x00\x10", Some(256 << 20)),
            (
                b"\xe3\x09\x09\x09\x09\x00\x00\x00\x00\x01\x00\x00\x00",
                Some(1 << 32),
            ),
            (b"\xe3\x09\x09\x09\x09\x00\x00\x00\x00\x01\x00\x00", None),
            (b"\x00", None),
            (b"", None),
        ] {
            assert_eq!(window(&[magic, header].concat()), expected, "{header:?}");
        }
    }
}
