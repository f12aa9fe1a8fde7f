//! placeholder until merged
use std::io::{self, Read};
/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// g
    Gzip,
}
impl Compression {
    /// m
    pub const MAGIC_LEN: usize = 18;
    /// d
    pub fn detect(_: &[u8]) -> Option<Compression> {
        None
    }
    /// n
    pub fn name(self) -> &'static str {
        "gzip"
    }
}
pub(super) struct Decompressor;
impl Decompressor {
    pub(super) fn new(_: Compression, _: Box<dyn Read + Send>) -> io::Result<Decompressor> {
        Err(io::Error::other("x"))
    }
}
impl Read for Decompressor {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}
