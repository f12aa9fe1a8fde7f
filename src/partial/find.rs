//! Finding partials: the files that are named, and those in folders.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::PartialFormat;
use crate::error::{Action, Error, Result};
use crate::text;

/// The partials of these names: files, whatever they are called, and folders, in which all files named `.arrow`,
/// `.arrows` or `.parquet` are taken, in all folders in them too, sorted by their paths. Names that start with a
/// dot or an underscore are left out, as those of drafts and markers.
///
/// # Errors
///
/// Where something is not there or cannot be looked at, and where a folder has no partials.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// std::fs::write(folder.join("0.arrow"), "").unwrap();
/// std::fs::write(folder.join("_SUCCESS"), "").unwrap();
/// assert_eq!(daytally::partial::find(&[folder.into()])?, [folder.join("0.arrow")]);
/// # Ok::<(), daytally::Error>(())
/// ```
pub fn find(names: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in names {
        let there =
            std::fs::metadata(name).map_err(|source| Error::io(Action::Open, name, source))?;
        if there.is_dir() {
            in_folder(name, &mut found)?;
        } else {
            found.push(name.clone());
        }
    }
    Ok(found)
}

fn in_folder(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let before = found.len();
    let is_taken = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().as_encoded_bytes();
        entry.depth() == 0 || !(name.starts_with(b".") || name.starts_with(b"_"))
    };
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(is_taken) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(folder).to_path_buf();
            let source = error
                .into_io_error()
                .unwrap_or_else(|| std::io::Error::other("its links lead round in a circle"));
            Error::io(Action::Open, &path, source)
        })?;
        if entry.file_type().is_file() && PartialFormat::of_path(entry.path()).is_ok() {
            found.push(entry.into_path());
        }
    }
    if found.len() == before {
        return Err(Error::NotAPartial {
            place: format!("the folder {}", text::path(folder)),
            what: "has no partials: no *.arrow, *.arrows or *.parquet that daytally partial writes"
                .into(),
        });
    }
    found[before..].sort_unstable();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partials_are_found_in_folders_sorted_and_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b", "b/_temporary", "b/.hidden"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        for name in [
            "b/2.arrow",
            "b/10.ARROWS",
            "a.arrow",
            "c.txt",
            "_x.arrow",
            ".y.arrow",
            "b/_temporary/0.arrow",
            "b/.hidden/0.arrow",
        ] {
            std::fs::write(at(name), "").unwrap();
        }
        let found = find(&[at("c.txt"), folder.path().into()]).unwrap();
        let expected = ["c.txt", "a.arrow", "b/10.ARROWS", "b/2.arrow"].map(at);
        assert_eq!(found, expected);
        std::fs::create_dir(at("empty")).unwrap();
        let error = find(&[at("empty")]).unwrap_err().to_string();
        assert!(error.contains("empty has no partials"), "{error}");
        assert!(find(&[at("missing")]).is_err());
    }
}
