//! Compression of a result's text, as one gzip member or one Zstandard frame: there are readers that
//! take what follows the first for nothing.

use std::io;

use super::format::Packing;
use crate::error::Result;

/// The level of gzip: where more effort starts to bring little.
#[cfg(feature = "gzip")]
const GZIP_LEVEL: u32 = 6;

/// The level of Zstandard, its own default.
#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 3;

/// How much text is compressed at a time, in bytes. What a compressor makes of a text depends on the pieces
/// it gets it in, and those must not depend on how the rows were made.
#[cfg(any(feature = "gzip", feature = "zstd"))]
const BLOCK: usize = 128 * 1024;

/// Passes bytes on, compressed or as they are.
pub(super) enum Packer {
    Plain,
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    Blocks {
        compressor: Compressor,
        /// What does not make a block yet.
        rest: Vec<u8>,
    },
}

/// Compresses block after block.
#[cfg(any(feature = "gzip", feature = "zstd"))]
pub(super) enum Compressor {
    #[cfg(feature = "gzip")]
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    #[cfg(feature = "zstd")]
    Zstd(Zstd),
}

/// What went wrong in writing is one thing, and in compressing another.
type Packed = Result<io::Result<()>>;

impl Packer {
    pub(super) fn new(packing: Packing) -> io::Result<Packer> {
        #[cfg(any(feature = "gzip", feature = "zstd"))]
        let blocks = |compressor| Packer::Blocks {
            compressor,
            rest: Vec::with_capacity(BLOCK),
        };
        match packing {
            Packing::None => Ok(Packer::Plain),
            #[cfg(feature = "gzip")]
            Packing::Gzip => {
                // Without a name and a time: the same bytes for the same text.
                let level = flate2::Compression::new(GZIP_LEVEL);
                let encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                Ok(blocks(Compressor::Gzip(Box::new(encoder))))
            }
            #[cfg(feature = "zstd")]
            Packing::Zstd => Ok(blocks(Compressor::Zstd(Zstd::new()?))),
            #[cfg(not(all(feature = "gzip", feature = "zstd")))]
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(super) fn write(
        &mut self,
        text: &[u8],
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Packed {
        match self {
            Packer::Plain => write(text).map(Ok),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Packer::Blocks { compressor, rest } => {
                let mut text = text;
                while rest.len() + text.len() >= BLOCK {
                    let (start, others) = text.split_at(BLOCK - rest.len());
                    rest.extend_from_slice(start);
                    text = others;
                    if let Err(fault) = compressor.write(rest, write)? {
                        return Ok(Err(fault));
                    }
                    rest.clear();
                }
                rest.extend_from_slice(text);
                Ok(Ok(()))
            }
        }
    }

    pub(super) fn finish(self, write: &mut impl FnMut(&[u8]) -> Result<()>) -> Packed {
        match self {
            // All of it is written.
            Packer::Plain => write(&[]).map(Ok),
            #[cfg(any(feature = "gzip", feature = "zstd"))]
            Packer::Blocks { compressor, rest } => compressor.finish(&rest, write),
        }
    }
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
impl Compressor {
    fn write(&mut self, block: &[u8], write: &mut impl FnMut(&[u8]) -> Result<()>) -> Packed {
        match self {
            #[cfg(feature = "gzip")]
            Compressor::Gzip(encoder) => {
                if let Err(fault) = io::Write::write_all(encoder, block) {
                    return Ok(Err(fault));
                }
                write(encoder.get_ref())?;
                encoder.get_mut().clear();
                Ok(Ok(()))
            }
            #[cfg(feature = "zstd")]
            Compressor::Zstd(zstd) => zstd.write(block, false, write),
        }
    }

    fn finish(self, last: &[u8], write: &mut impl FnMut(&[u8]) -> Result<()>) -> Packed {
        match self {
            #[cfg(feature = "gzip")]
            Compressor::Gzip(mut encoder) => {
                let done = io::Write::write_all(&mut encoder, last).and_then(|()| encoder.finish());
                match done {
                    Ok(bytes) => write(&bytes).map(Ok),
                    Err(fault) => Ok(Err(fault)),
                }
            }
            #[cfg(feature = "zstd")]
            Compressor::Zstd(mut zstd) => zstd.write(last, true, write),
        }
    }
}

/// A Zstandard frame that is being written.
#[cfg(feature = "zstd")]
pub(super) struct Zstd {
    context: zstd_safe::CCtx<'static>,
    out: Vec<u8>,
}

#[cfg(feature = "zstd")]
impl Zstd {
    fn new() -> io::Result<Zstd> {
        use zstd_safe::CParameter::{ChecksumFlag, CompressionLevel};
        let mut context = zstd_safe::CCtx::try_create()
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        for parameter in [CompressionLevel(ZSTD_LEVEL), ChecksumFlag(true)] {
            context.set_parameter(parameter).map_err(fault)?;
        }
        Ok(Zstd {
            context,
            out: Vec::with_capacity(zstd_safe::CCtx::out_size()),
        })
    }

    fn write(
        &mut self,
        text: &[u8],
        is_last: bool,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Packed {
        use zstd_safe::zstd_sys::ZSTD_EndDirective::{ZSTD_e_continue, ZSTD_e_end};
        let how = if is_last { ZSTD_e_end } else { ZSTD_e_continue };
        let mut input = zstd_safe::InBuffer::around(text);
        loop {
            self.out.clear();
            let mut output = zstd_safe::OutBuffer::around(&mut self.out);
            let left = match self.context.compress_stream2(&mut output, &mut input, how) {
                Ok(left) => left,
                Err(code) => return Ok(Err(fault(code))),
            };
            if !self.out.is_empty() {
                write(&self.out)?;
            }
            let is_done = input.pos() == text.len() && (left == 0 || !is_last);
            if is_done {
                return Ok(Ok(()));
            }
        }
    }
}

#[cfg(feature = "zstd")]
fn fault(code: usize) -> io::Error {
    io::Error::other(zstd_safe::get_error_name(code))
}
