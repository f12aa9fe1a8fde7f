//! Files without a name, in a folder: gone when the process is, however it ends.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::{Error, Result};

/// What names begin with where a file has to have one, for a moment.
const PREFIX: &str = ".daytally-spill-";

/// A folder for temporary files.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder(std::path::absolute(&path).unwrap_or(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Tries whether files can be created, and removes what others may have left.
    pub(super) fn check(&self) -> Result<()> {
        self.create().map(drop)
    }

    /// A new file, without a name where the file system can do that. Elsewhere it loses its name at
    /// once; one whose process was killed between the two is removed by the next.
    pub(super) fn create(&self) -> Result<File> {
        self.create_nameless()
            .or_else(|_| {
                self.sweep();
                self.create_named().map(drop_name)
            })
            .map_err(|source| Error::TempFolder {
                path: self.0.clone(),
                source,
            })
    }

    fn create_nameless(&self) -> io::Result<File> {
        // It can never get a name, and is for this user alone.
        let flags = OFlags::TMPFILE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.0, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    fn create_named(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(".tmp")
            .tempfile_in(&self.0)
    }

    /// Removes files that lost their process before their name. If it is another process that is just
    /// about to, it loses nothing.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.0) else {
            return;
        };
        for entry in entries.flatten() {
            let is_ours = entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(PREFIX.as_bytes());
            if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn drop_name(file: tempfile::NamedTempFile) -> File {
    // If somebody else removed the name, so much the better.
    let (file, name) = file.into_parts();
    let _ = name.close();
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_have_no_names_and_are_for_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let temp = Folder::new(folder.path().into());
        temp.check().unwrap();
        for file in [
            temp.create().unwrap(),
            drop_name(temp.create_named().unwrap()),
        ] {
            assert!(names(folder.path()).is_empty());
            file.write_all_at(b"abc", 5).unwrap();
            let mut read = [0; 3];
            file.read_exact_at(&mut read, 5).unwrap();
            assert_eq!(&read, b"abc");
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let temp = Folder::new(folder.path().into());
        std::fs::write(folder.path().join(".daytally-spill-abc.tmp"), "").unwrap();
        std::fs::write(folder.path().join(".daytally-abc.tmp"), "").unwrap();
        std::fs::create_dir(folder.path().join(".daytally-spill-folder")).unwrap();
        let (_file, name) = temp.create_named().unwrap().into_parts();
        temp.sweep();
        assert_eq!(
            names(folder.path()),
            [".daytally-abc.tmp", ".daytally-spill-folder"]
        );
        assert!(name.close().is_err());
    }

    #[test]
    fn a_folder_that_takes_no_files_is_named() {
        for missing in ["/nonexistent/folder", "/dev/null"] {
            let error = Folder::new(missing.into()).check().unwrap_err();
            let message = error.to_string();
            assert!(message.contains(missing), "{message}");
            assert!(message.contains("--temp-dir"), "{message}");
        }
    }
}
