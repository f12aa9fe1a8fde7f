//! An input file: opened, inspected, mapped, and checked again when it has been read.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::map::Mapping;
use crate::error::{Action, Error, Result};

/// A UTF-8 byte-order mark (RFC 3629 section 6), which may stand at the very start of an input.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Which file it is, whatever it is called: the numbers of its device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The identity of the file that `metadata` describes.
    #[must_use]
    pub fn new(metadata: &Metadata) -> FileId {
        FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// A regular file of JSON Lines, mapped into memory.
#[derive(Debug)]
pub struct InputFile {
    name: String,
    path: PathBuf,
    before: Metadata,
    samples: [u8; 32],
    // The file itself is closed again: a run may have more inputs than a process may have open files.
    mapping: Mapping,
}

impl InputFile {
    /// Opens and maps a file.
    ///
    /// # Errors
    ///
    /// Where there is no such file, it may not be read, it is not a regular file, or it is compressed.
    pub fn open(path: &Path) -> Result<InputFile> {
        if path.as_os_str() == "-" {
            return Err(Error::InputIsStdin);
        }
        let absolute =
            std::path::absolute(path).map_err(|source| Error::io(Action::Open, path, source))?;
        // Looked at before it is opened: opening a pipe waits for a writer.
        let metadata = std::fs::metadata(&absolute)
            .map_err(|source| Error::io(Action::Open, &absolute, source))?;
        check_regular(&metadata, &absolute)?;
        let file =
            File::open(&absolute).map_err(|source| Error::io(Action::Open, &absolute, source))?;
        let before = file
            .metadata()
            .map_err(|source| Error::io(Action::Inspect, &absolute, source))?;
        check_regular(&before, &absolute)?;
        check_size_is_real(&file, &before, &absolute)?;
        let mapping = usize::try_from(before.len())
            .map_err(|_| std::io::ErrorKind::FileTooLarge.into())
            .and_then(|len| Mapping::new(&file, len))
            .map_err(|source| Error::io(Action::Read, &absolute, source))?;
        if let Some(format) = compression_of(mapping.bytes()) {
            return Err(Error::InputCompressed {
                path: absolute,
                format,
            });
        }
        Ok(InputFile {
            name: path.to_string_lossy().into_owned(),
            path: absolute,
            before,
            samples: samples_of(mapping.bytes()),
            mapping,
        })
    }

    /// The input as it was named; bytes that are not UTF-8 show as U+FFFD.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which file it is.
    #[must_use]
    pub fn id(&self) -> FileId {
        FileId::new(&self.before)
    }

    /// All bytes of the file, as long as it was when it was opened.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    /// Says that a range of the bytes will soon be read: where it is not in memory yet, the disk can
    /// start.
    pub fn will_read(&self, range: Range<usize>) {
        self.mapping.will_read(range);
    }

    /// Says that a range of the bytes has been read and is not needed in memory any more. Reading it
    /// again takes longer, no more.
    pub fn release(&self, range: Range<usize>) {
        self.mapping.release(range);
    }

    /// Where the first line starts: after the byte-order mark, if there is one.
    #[must_use]
    pub fn text_start(&self) -> usize {
        if self.bytes().starts_with(BOM) {
            BOM.len()
        } else {
            0
        }
    }

    /// Whether a part of the file could not be read; what was read of it means nothing.
    #[must_use]
    pub fn has_faulted(&self) -> bool {
        self.mapping.has_faulted()
    }

    /// Whether what was read is still there: the same inode behind the path, not shorter than it
    /// was when it was opened, and not written to in place. Returns how many bytes have been added
    /// at its end since, which is what an active log does and takes nothing from what was read.
    ///
    /// Whether a file that grew was also changed before its old end is judged by samples of its
    /// bytes: its start, its end, and some places between. What is written through a shared memory
    /// map may go unnoticed: the kernel changes the file's date when a page is first written to, and
    /// not again until it has been brought to the disk.
    ///
    /// # Errors
    ///
    /// [`Error::InputChanged`] with what is different.
    pub fn check_unchanged(&self) -> Result<u64> {
        let changed = |change: String| {
            Err(Error::InputChanged {
                path: self.path.clone(),
                change,
            })
        };
        let now = match std::fs::metadata(&self.path) {
            Ok(now) if FileId::new(&now) == self.id() => now,
            Ok(_) => return changed("another file was put in its place".into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return changed("it was moved or deleted".into());
            }
            Err(source) => return Err(Error::io(Action::Inspect, &self.path, source)),
        };
        let Some(added) = now.len().checked_sub(self.before.len()) else {
            return changed(format!(
                "it was {} bytes long and is now {}",
                self.before.len(),
                now.len()
            ));
        };
        if self.has_faulted() {
            return changed(
                "a part of it could not be read; it was cut shorter, or its disk has a fault"
                    .into(),
            );
        }
        let modified = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
        if added == 0 && modified(&now) != modified(&self.before) {
            return changed("it was written to".into());
        }
        if samples_of(self.bytes()) != self.samples {
            return changed("it was written to before its end".into());
        }
        Ok(added)
    }
}

/// The size of a sample at the start and the end of a file, in bytes.
const SAMPLE: usize = 64 * 1024;

/// The places between start and end that are sampled too, and how many bytes at each.
const PLACES_BETWEEN: usize = 16;
const SAMPLE_BETWEEN: usize = 512;

/// A digest of samples of a file.
fn samples_of(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(&bytes[..bytes.len().min(SAMPLE)]);
    digest.update(&bytes[bytes.len().saturating_sub(SAMPLE)..]);
    let step = bytes.len() / (PLACES_BETWEEN + 1);
    for place in 1..=PLACES_BETWEEN {
        let rest = &bytes[place * step..];
        digest.update(&rest[..rest.len().min(SAMPLE_BETWEEN)]);
    }
    digest.finalize().into()
}

/// Refuses what cannot be mapped as a whole.
fn check_regular(metadata: &Metadata, path: &Path) -> Result<()> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let path = path.to_path_buf();
    if kind.is_dir() {
        return Err(Error::InputIsFolder { path });
    }
    let kind = if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(Error::InputNotRegular { path, kind })
}

/// The format of a compressed file, by its first bytes. None of them can start a JSON text, and taken
/// for one such a file would give a result without events.
fn compression_of(bytes: &[u8]) -> Option<&'static str> {
    let formats: [(&[u8], &str); 5] = [
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x04\x22\x4d\x18", "lz4"),
    ];
    formats
        .into_iter()
        .find_map(|(magic, name)| bytes.starts_with(magic).then_some(name))
}

/// Refuses files that say they are empty but are not, as those of `/proc` do: mapped, they would
/// pass for inputs without events.
fn check_size_is_real(mut file: &File, metadata: &Metadata, path: &Path) -> Result<()> {
    if metadata.len() > 0 {
        return Ok(());
    }
    match file.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::InputNotRegular {
            path: path.to_path_buf(),
            kind: "a file that the kernel makes up as it is read",
        }),
        Err(source) => Err(Error::io(Action::Read, path, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file_with(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        for (bytes, start) in [
            (&b""[..], 0),
            (b"{}", 0),
            (b"\xef\xbb", 0),
            (b"\xef\xbb\xbf", 3),
            (b"\xef\xbb\xbf\xef\xbb\xbf{}", 3),
        ] {
            let file = file_with(bytes);
            let input = InputFile::open(file.path()).unwrap();
            assert_eq!(input.bytes(), bytes);
            assert_eq!(input.text_start(), start, "{bytes:?}");
            input.check_unchanged().unwrap();
        }
    }

    #[test]
    fn a_part_that_could_not_be_read_is_noticed_even_if_it_came_back() {
        let file = file_with(&vec![b'x'; 100_000]);
        let input = InputFile::open(file.path()).unwrap();
        file.as_file().set_len(0).unwrap();
        assert_eq!(input.bytes().last(), Some(&0));
        file.as_file().set_len(100_001).unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("a part of it could not be read"), "{error}");
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        for (path, expected) in [
            ("/", "is a folder"),
            ("/dev/null", "is a device"),
            ("/proc/self/status", "makes up as it is read"),
            ("/no/such/file", "no such file or folder"),
        ] {
            let error = InputFile::open(Path::new(path)).unwrap_err().to_string();
            assert!(error.contains(path) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn compressed_files_are_refused() {
        for (bytes, format) in [
            (&b"\x1f\x8b\x08\0\0"[..], "gzip"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"BZh9", "bzip2"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"\x04\x22\x4d\x18", "lz4"),
        ] {
            let error = InputFile::open(file_with(bytes).path())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("is compressed with {format}")),
                "{error}"
            );
        }
    }

    #[test]
    fn changes_are_noticed() {
        let open = |file: &tempfile::NamedTempFile| InputFile::open(file.path()).unwrap();

        let mut file = file_with(b"one");
        let input = open(&file);
        assert_eq!(input.check_unchanged().unwrap(), 0);
        file.write_all(b"two").unwrap();
        assert_eq!(input.check_unchanged().unwrap(), 3);
        file.as_file().set_len(2).unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("was 3 bytes long and is now 2"), "{error}");

        let file = file_with(b"one");
        let input = open(&file);
        file.as_file()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("was written to"), "{error}");

        let file = file_with(b"one");
        let input = open(&file);
        let path = file.path().to_path_buf();
        file.close().unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        assert!(error.contains("it was moved or deleted"), "{error}");
        std::fs::write(&path, "one").unwrap();
        let error = input.check_unchanged().unwrap_err().to_string();
        // A file system may give the new file the old one's number.
        assert!(
            error.contains("in its place") || error.contains("written to"),
            "{error}"
        );
        std::fs::remove_file(path).unwrap();

        // Written over and made longer is not grown.
        for at in [0, 300_000, 599_999] {
            let mut content = vec![b'x'; 600_000];
            let file = file_with(&content);
            let input = open(&file);
            content[at..].fill(b'y');
            content.push(b'y');
            std::fs::write(file.path(), &content).unwrap();
            let error = input.check_unchanged().unwrap_err().to_string();
            assert!(error.contains("written to before its end"), "{error}");
        }
    }
}
