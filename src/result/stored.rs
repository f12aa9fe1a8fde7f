//! A file of a result that is read from its end, and so has to be one.

use std::fs::File;
#[cfg(any(feature = "parquet", feature = "arrow"))]
use std::fs::Metadata;
use std::io::Read as _;
#[cfg(any(feature = "parquet", feature = "arrow"))]
use std::os::unix::fs::MetadataExt as _;
#[cfg(any(feature = "parquet", feature = "arrow"))]
use std::path::PathBuf;

use crate::error::{Action, Error, Result};
use crate::input::Input;
use crate::output::Encoding;
#[cfg(any(feature = "parquet", feature = "arrow"))]
use crate::text;

/// An input's format, if it is a regular file and starts as those do that are read from their end.
pub(super) fn encoding(input: &Input) -> Result<Option<Encoding>> {
    let Some(path) = input.path().filter(|_| input.id().is_some()) else {
        return Ok(None);
    };
    let file = File::open(path).map_err(|source| Error::io(Action::Open, path, source))?;
    let mut start = Vec::new();
    file.take(6)
        .read_to_end(&mut start)
        .map_err(|source| Error::io(Action::Read, path, source))?;
    Ok(match &start[..] {
        start if start.starts_with(b"PAR1") => Some(Encoding::Parquet),
        b"ARROW1" => Some(Encoding::Arrow),
        _ => None,
    })
}

/// What is said of a format that this build does not have.
#[cfg(not(all(feature = "parquet", feature = "arrow")))]
pub(super) fn is_not_built_in(name: &str, format: &str, feature: &str) -> Error {
    Error::NotAResult {
        place: name.into(),
        what: format!(
            "is {format}, and this daytally was built without the feature {feature}; compare another format, or build with it"
        ),
    }
}

/// The file, and what it was when it was opened.
#[cfg(any(feature = "parquet", feature = "arrow"))]
#[derive(Debug)]
pub(super) struct StoredFile {
    path: PathBuf,
    file: File,
    before: Metadata,
    /// What it is called in messages.
    name: String,
}

#[cfg(any(feature = "parquet", feature = "arrow"))]
impl StoredFile {
    /// Opens an input that is a file.
    pub(super) fn open(input: &Input, name: String) -> Result<StoredFile> {
        let path = input
            .path()
            .map(std::path::Path::to_path_buf)
            .unwrap_or_default();
        let file = File::open(&path).map_err(|source| Error::io(Action::Open, &path, source))?;
        let before = file
            .metadata()
            .map_err(|source| Error::io(Action::Inspect, &path, source))?;
        Ok(StoredFile {
            path,
            file,
            before,
            name,
        })
    }

    /// Another handle of it.
    pub(super) fn handle(&self) -> Result<File> {
        self.file
            .try_clone()
            .map_err(|source| Error::io(Action::Open, &self.path, source))
    }

    /// That it is still what it was.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        let seen = |metadata: &Metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let now = self
            .file
            .metadata()
            .map_err(|source| Error::io(Action::Read, &self.path, source))?;
        if seen(&now) == seen(&self.before) {
            return Ok(());
        }
        Err(self.fault("was changed while it was read; try again when it is written"))
    }

    pub(super) fn fault(&self, what: impl Into<String>) -> Error {
        Error::NotAResult {
            place: self.name.clone(),
            what: what.into(),
        }
    }

    /// What a library makes of the file. Those that read Parquet and Arrow panic at some files that are broken;
    /// what then comes is [`NotAResult`](Error::NotAResult) like all else that is wrong with a file.
    pub(super) fn guarded<T>(
        &self,
        format: &str,
        call: impl FnOnce() -> std::result::Result<T, String>,
    ) -> Result<T> {
        // What was in the middle of something is not used again: an error ends the reading.
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call))
            .unwrap_or_else(|_| Err("what is in it contradicts itself".into()));
        said.map_err(|said| {
            // It may be another file by now.
            match self.check_unchanged() {
                Ok(()) => self.fault(format!(
                    "cannot be read as {format}: {}; is it whole? If so, write the result again",
                    text::name(&said)
                )),
                Err(error) => error,
            }
        })
    }

    /// What is said of a row that is none.
    pub(super) fn row_fault(&self, row: u64, what: &str) -> Error {
        Error::NotAResult {
            place: self.place(row),
            what: format!("is no row of a result: {what}; write the result again"),
        }
    }

    /// How people find a row.
    pub(super) fn place(&self, row: u64) -> String {
        format!("row {} of {}", row.saturating_add(1), self.name)
    }
}
