//! Rejects that wait for the groups to be written first: in memory if they are few, otherwise in a temporary file
//! without a name.

use std::io::{self, BufReader, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::SpooledTempFile;

use crate::error::{Action, Error, Result};
use crate::event::Reason;
use crate::output::{RejectRow, Shown};

/// How many bytes wait in memory.
const IN_MEMORY: usize = 4 << 20;

/// How much is read at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// What a row is before its texts: line, offset, lengths of message and text, reason, and what the text is.
const HEAD: usize = 8 + 8 + 4 + 4 + 1 + 1;

const IS_BASE64: u8 = 1;
const IS_TRUNCATED: u8 = 2;

/// Rejects that wait.
#[derive(Debug)]
pub(crate) struct Spool {
    file: SpooledTempFile,
    folder: PathBuf,
    crc: crc32fast::Hasher,
    rows: u64,
}

/// Appends a reject as it waits.
pub(crate) fn push_row(row: &RejectRow, out: &mut Vec<u8>) {
    // Both are bounded by what a reject shows.
    let len = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let shown = &row.shown;
    let flags =
        (u8::from(shown.is_base64) * IS_BASE64) | (u8::from(shown.is_truncated) * IS_TRUNCATED);
    out.extend_from_slice(&row.line.to_le_bytes());
    out.extend_from_slice(&row.offset.to_le_bytes());
    out.extend_from_slice(&len(&row.message));
    out.extend_from_slice(&len(&shown.raw));
    out.push(u8::try_from(row.reason.index()).unwrap_or(u8::MAX));
    out.push(flags);
    out.extend_from_slice(row.message.as_bytes());
    out.extend_from_slice(shown.raw.as_bytes());
}

impl Spool {
    /// For files in a folder.
    pub(crate) fn new(folder: &Path) -> Spool {
        Spool {
            file: SpooledTempFile::new_in(IN_MEMORY, folder),
            folder: folder.to_path_buf(),
            crc: crc32fast::Hasher::new(),
            rows: 0,
        }
    }

    /// Adds so many rows, as [`push_row`] makes them.
    pub(crate) fn add(&mut self, bytes: &[u8], rows: u64) -> Result<()> {
        self.crc.update(bytes);
        self.rows += rows;
        self.file
            .write_all(bytes)
            .map_err(|source| Error::io(Action::Write, &self.folder, source))
    }

    /// All rows in order. They may be used once there was no error.
    pub(crate) fn read(mut self, mut each: impl FnMut(RejectRow) -> Result<()>) -> Result<()> {
        let fault = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Error::SpillDamaged {
                folder: self.folder.clone(),
            },
            _ => Error::io(Action::Read, &self.folder, source),
        };
        self.file.rewind().map_err(fault)?;
        let mut source = Checked(
            BufReader::with_capacity(PIECE, &mut self.file),
            crc32fast::Hasher::new(),
        );
        for _ in 0..self.rows {
            each(read_row(&mut source).map_err(fault)?)?;
        }
        if source.1.finalize() != self.crc.finalize() {
            return Err(fault(io::ErrorKind::InvalidData.into()));
        }
        Ok(())
    }
}

fn read_row(source: &mut impl Read) -> io::Result<RejectRow> {
    let mut head = [0; HEAD];
    source.read_exact(&mut head)?;
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let len = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&head[at..at + 4]);
        u64::from(u32::from_le_bytes(bytes))
    };
    let reason = Reason::ALL.get(usize::from(head[24])).copied();
    let mut text = |len: u64| -> io::Result<String> {
        let mut text = String::new();
        // Not more than there is, whatever the length says.
        source.by_ref().take(len).read_to_string(&mut text)?;
        if text.len() as u64 == len {
            Ok(text)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    };
    Ok(RejectRow {
        line: number(0),
        offset: number(8),
        reason: reason.ok_or(io::ErrorKind::InvalidData)?,
        message: text(len(16))?,
        shown: Shown {
            raw: text(len(20))?,
            is_base64: head[25] & IS_BASE64 != 0,
            is_truncated: head[25] & IS_TRUNCATED != 0,
        },
    })
}

/// Adds what is read to a checksum.
struct Checked<R>(R, crc32fast::Hasher);

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, len: usize) -> RejectRow {
        RejectRow {
            line,
            offset: line * 1000,
            reason: Reason::ALL[usize::try_from(line).unwrap() % Reason::ALL.len()],
            message: "é".repeat(len % 7),
            shown: Shown {
                raw: "x".repeat(len),
                is_base64: line.is_multiple_of(2),
                is_truncated: line.is_multiple_of(3),
            },
        }
    }

    #[test]
    fn rows_come_back_from_memory_and_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for (rows, len) in [(0, 0), (1, 0), (50, 4096), (3000, 4096)] {
            let rows: Vec<RejectRow> = (1..=rows).map(|line| row(line, len)).collect();
            let mut spool = Spool::new(folder.path());
            for rows in rows.chunks(7) {
                let mut bytes = Vec::new();
                for row in rows {
                    push_row(row, &mut bytes);
                }
                spool.add(&bytes, rows.len() as u64).unwrap();
            }
            assert_eq!(spool.file.is_rolled(), rows.len() > 1000);
            let mut read = Vec::new();
            spool
                .read(|row| {
                    read.push(row);
                    Ok(())
                })
                .unwrap();
            assert_eq!(read, rows);
        }
    }

    #[test]
    fn what_was_changed_is_found() {
        let mut bytes = Vec::new();
        push_row(&row(1, 100), &mut bytes);
        for at in 0..bytes.len() {
            let mut spool = Spool::new(Path::new("/"));
            spool.add(&bytes, 1).unwrap();
            spool.file.seek(io::SeekFrom::Start(at as u64)).unwrap();
            spool.file.write_all(&[bytes[at] ^ 1]).unwrap();
            let error = spool.read(|_| Ok(())).unwrap_err();
            assert!(matches!(error, Error::SpillDamaged { .. }), "{at}: {error}");
        }
    }
}
