//! Zstandard (RFC 8878): frames one after another, skippable ones among them.

use zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd_safe::{DCtx, DParameter, ErrorCode, InBuffer, OutBuffer};

use super::{Codec, Fault, Step};

/// The largest window that is read, as a power of two of bytes: 128 MiB.
const WINDOW: u32 = 27;

pub(super) struct Zstd {
    context: DCtx<'static>,
    /// How much memory it may take, in bytes.
    memory: u64,
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
            between: true,
            started: false,
        })
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
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(output);
        let hint = match self.context.decompress_stream(&mut target, &mut source) {
            Ok(hint) => hint,
            Err(code) => return Err(self.fault(code)),
        };
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
