//! Standard input that is closed.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

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

fn is_null_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device()
        && std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == metadata.rdev())
}
