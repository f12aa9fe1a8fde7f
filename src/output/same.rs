//! Whether a file has already what is to be put in its place.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// How many bytes are compared at a time.
const BLOCK: usize = 128 * 1024;

/// The file at a path, if its bytes are these. As [`file_if_same`].
pub(super) fn file_if_bytes(path: &Path, bytes: &[u8]) -> Option<File> {
    let mut rest = bytes;
    file_if(path, bytes.len() as u64, |block| {
        let is_same = rest.starts_with(block);
        rest = rest.get(block.len()..).unwrap_or_default();
        Ok(is_same)
    })
}

/// The file at a path, if it has the bytes of `new`, which are so many. `None` also if it cannot be read,
/// or changed meanwhile: then it is to be replaced, which is never wrong.
pub(super) fn file_if_same(path: &Path, new: &File, len: u64) -> Option<File> {
    let mut at = 0;
    let mut ours = vec![0; BLOCK];
    file_if(path, len, |block| {
        let ours = &mut ours[..block.len()];
        new.read_exact_at(ours, at)?;
        at += block.len() as u64;
        Ok(ours == block)
    })
}

/// The file at a path, if it is of that length and `is_same` holds for all of its blocks.
fn file_if(
    path: &Path,
    len: u64,
    mut is_same: impl FnMut(&[u8]) -> io::Result<bool>,
) -> Option<File> {
    let mut file = OpenOptions::new()
        .read(true)
        // It may be something else by now, which is not to be waited for.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .ok()?;
    let before = file.metadata().ok()?;
    if !before.is_file() || before.len() != len {
        return None;
    }
    let mut block = vec![0; BLOCK];
    let mut left = len;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let block = &mut block[..most];
        file.read_exact(block).ok()?;
        if !is_same(block).ok()? {
            return None;
        }
        left -= most as u64;
    }
    let identity = |at: &Metadata| {
        let times = (at.mtime(), at.mtime_nsec(), at.ctime(), at.ctime_nsec());
        (at.dev(), at.ino(), at.len(), times)
    };
    let (after, there) = (file.metadata().ok()?, std::fs::metadata(path).ok()?);
    (identity(&before) == identity(&after) && identity(&after) == identity(&there)).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_same(folder: &Path, old: &[u8], new: &[u8]) -> bool {
        let (path, draft) = (folder.join("old"), folder.join("new"));
        std::fs::write(&path, old).unwrap();
        std::fs::write(&draft, new).unwrap();
        let draft = File::open(draft).unwrap();
        let of_file = file_if_same(&path, &draft, new.len() as u64).is_some();
        assert_eq!(of_file, file_if_bytes(&path, new).is_some());
        of_file
    }

    proptest! {
        #[test]
        fn every_byte_counts(
            len in prop_oneof![0..9_usize, BLOCK - 2..BLOCK + 3, 3 * BLOCK - 2..3 * BLOCK + 3],
            at: prop::sample::Index,
            change in 0..4_u8,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let old = vec![7; len];
            let mut new = old.clone();
            match change {
                1 if len > 0 => new[at.index(len)] ^= 1,
                2 => new.push(7),
                3 => { new.pop(); }
                _ => {}
            }
            prop_assert_eq!(is_same(folder.path(), &old, &new), old == new);
        }
    }

    #[test]
    fn what_changes_while_it_is_compared_is_not_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old");
        let compare = |change: &dyn Fn()| {
            std::fs::write(&path, "abc").unwrap();
            file_if(&path, 3, |_| {
                change();
                Ok(true)
            })
            .is_some()
        };
        assert!(compare(&|| ()));
        assert!(!compare(&|| std::fs::write(&path, "abcd").unwrap()));
        let other = folder.path().join("other");
        assert!(!compare(&|| {
            std::fs::write(&other, "abd").unwrap();
            std::fs::rename(&other, &path).unwrap();
        }));
        assert!(!compare(&|| std::fs::remove_file(&path).unwrap()));
        std::fs::write(&path, "abc").unwrap();
        let failed = file_if(&path, 3, |_| Err(io::ErrorKind::Other.into()));
        assert!(failed.is_none());
    }

    #[test]
    fn what_is_no_file_is_not_the_same() {
        assert!(file_if_bytes(Path::new("/dev/null"), b"").is_none());
        assert!(file_if_bytes(Path::new("/"), b"").is_none());
        assert!(file_if_bytes(Path::new("/nonexistent"), b"").is_none());
    }
}
