//! Standard input, and that it is not closed.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// Standard input, unless it is closed: that is no input without lines, for which an empty result would
/// replace a good one.
///
/// Before `main` the null device is opened in place of a descriptor that is closed, for reading and writing;
/// a shell opens it for reading alone.
pub(super) fn open() -> io::Result<File> {
    let stdin = File::from(rustix::stdio::stdin().try_clone_to_owned()?);
    if is_null_device(&stdin.metadata()?) && rustix::fs::fcntl_getfl(&stdin)?.contains(OFlags::RDWR)
    {
        return Err(io::Error::other(
            "it is closed, or the null device opened for reading and writing; `</dev/null` is an input without lines",
        ));
    }
    Ok(stdin)
}

/// All of standard input.
fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open()?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A list of names: `-` is standard input, and anything else a path.
///
/// # Errors
///
/// Where it cannot be read, or is a standard input that is closed.
pub fn read_list(path: &Path) -> io::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        return read_stdin();
    }
    check_path(path)?;
    std::fs::read(path)
}

/// Makes sure that a path does not stand for standard input while that is closed.
pub(super) fn check_path(path: &Path) -> io::Result<()> {
    let names = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];
    if names.iter().any(|name| path == Path::new(name)) {
        open()?;
    }
    Ok(())
}

fn is_null_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device()
        && std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == metadata.rdev())
}
