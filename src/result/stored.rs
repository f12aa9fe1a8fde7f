//! A file of a result that is read from its end, and so has to be one.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::error::{Action, Error, Result};
use crate::input::Input;
use crate::output::Encoding;
use crate::text;

/// The file, and what it was when it was opened.
#[derive(Debug)]
pub(super) struct StoredFile {
    path: PathBuf,
    file: File,
    before: Metadata,
    /// What it is called in messages.
    pub(super) name: String,
}

impl StoredFile {
    /// The file and its format, if it starts as the files of one do that are read from their end.
    pub(super) fn of(input: &Input, name: &str) -> Result<Option<(StoredFile, Encoding)>> {
        let Some(path) = input.path().filter(|_| input.id().is_some()) else {
            return Ok(None);
        };
        let open = |source| Error::io(Action::Open, path, source);
        let file = File::open(path).map_err(open)?;
        let mut start = Vec::new();
        (&file)
            .take(6)
            .read_to_end(&mut start)
            .map_err(|source| Error::io(Action::Read, path, source))?;
        let encoding = match &start[..] {
            start if start.starts_with(b"PAR1") => Encoding::Parquet,
            b"ARROW1" => Encoding::Arrow,
            _ => return Ok(None),
        };
        Ok(Some((
            StoredFile {
                before: file.metadata().map_err(open)?,
                path: path.to_path_buf(),
                file,
                name: name.into(),
            },
            encoding,
        )))
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
    #[cfg(any(feature = "parquet", feature = "arrow"))]
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

    /// What is said of a format that this build does not have.
    #[cfg(not(all(feature = "parquet", feature = "arrow")))]
    pub(super) fn is_not_built_in(&self, format: &str, feature: &str) -> Error {
        self.fault(format!(
            "is {format}, and this daytally was built without the feature {feature}; compare another format, or build with it"
        ))
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
