//! A read-only memory map of a whole input: the one place that needs `unsafe` for it.

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap, MmapOptions};

/// The bytes of a file, mapped into memory and read by the kernel as they are touched.
///
/// The pages belong to the file, not to the process: reading a file of any size this way takes no
/// private memory.
#[derive(Debug)]
pub struct Mapping {
    // An empty file cannot be mapped.
    map: Option<Mmap>,
}

impl Mapping {
    /// Maps the first `len` bytes of `file`.
    ///
    /// What others do to the file meanwhile shows through. Bytes they overwrite may be seen before
    /// or after; a file they cut shorter ends the process with SIGBUS when a page past its new end
    /// is touched. [`InputFile::check_unchanged`](super::InputFile::check_unchanged) tells
    /// afterwards whether the file stayed as it was.
    ///
    /// # Errors
    ///
    /// What the operating system says when it cannot map the file.
    pub fn new(file: &File, len: usize) -> io::Result<Mapping> {
        if len == 0 {
            return Ok(Mapping { map: None });
        }
        debug_assert!(
            file.metadata().is_ok_and(|now| now.len() >= len as u64),
            "a map past the end of the file would fault when it is read"
        );
        // SAFETY: the map is private and read-only and never written through, so no other safe code
        // in this process can change the bytes under a `&[u8]`. What remains is other processes
        // changing the file, which no safe interface over a map can rule out: the readers of the
        // bytes treat them as untrusted data read once (no length or index taken from them is used
        // unchecked later), and the file is checked for changes before anything is published.
        let map = unsafe { MmapOptions::new().len(len).map(file)? };
        // Read from front to back: more read-ahead, and pages behind may go first. Only advice, so a
        // kernel that does not take it is as good.
        let _ = map.advise(Advice::Sequential);
        Ok(Mapping { map: Some(map) })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_map_shows_the_bytes_of_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(Mapping::new(&file, 0).unwrap().bytes(), b"");
        file.write_all(&[7; 10_000]).unwrap();
        assert_eq!(Mapping::new(&file, 10_000).unwrap().bytes(), [7; 10_000]);
        assert_eq!(Mapping::new(&file, 9).unwrap().bytes(), [7; 9]);
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        let folder = File::open("/").unwrap();
        assert!(Mapping::new(&folder, 1).is_err());
    }
}
