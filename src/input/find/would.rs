//! Whether a file that is not there yet would be an input if it were: for who looks for a place beside
//! the inputs.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::glob::{self, Component, Pattern};
use super::name::NameKind;
use super::{Found, Place, Search, Why, why_unasked};

impl Search {
    /// Whether a file of that name in the current folder, which may not be there yet, would be among the
    /// inputs: of those that were `found`, or of a later search for the same names. In doubt it would.
    ///
    /// ```
    /// use daytally::input::Search;
    ///
    /// let search = Search::new(["tests/data".into()]);
    /// let found = search.find()?;
    /// assert!(!search.would_take("rejects.jsonl", &found));
    /// let search = Search::new([".".into()]);
    /// assert!(search.would_take("rejects.jsonl", &found));
    /// assert!(!search.would_take("_rejects.jsonl", &found));
    /// # Ok::<(), daytally::Error>(())
    /// ```
    #[must_use]
    pub fn would_take(&self, name: &str, found: &Found) -> bool {
        let Ok(here) = Path::new(".").canonicalize() else {
            return true;
        };
        let file = here.join(name);
        let mut inputs = found.inputs.iter().filter_map(|place| match place {
            Place::Path { path, .. } => Some(canonical(path)),
            Place::Stdin { .. } => None,
        });
        let is_of_folders = NameKind::of(name.as_bytes()) == NameKind::Events;
        // Whether a folder was listed, or all that is in it, does not show.
        let by_list = self.list.is_some() && is_of_folders;
        if inputs.any(|input| input == file || by_list && input.starts_with(&here)) {
            return true;
        }
        self.names.iter().any(|asked| {
            if asked.as_os_str() == "-" {
                return false;
            }
            if let Ok(metadata) = std::fs::metadata(asked) {
                let asked = canonical(asked);
                return if metadata.is_dir() {
                    is_of_folders && is_searched(&asked, &here)
                } else {
                    asked == file
                };
            }
            match glob::parse(asked.as_os_str().as_bytes()) {
                Ok(alternatives) => alternatives
                    .iter()
                    .any(|pattern| may_match(pattern, &here, name, is_of_folders)),
                Err(_) => true,
            }
        })
    }
}

/// Whether the search of a folder comes to another one, links aside.
fn is_searched(folder: &Path, other: &Path) -> bool {
    other.strip_prefix(folder).is_ok_and(|between| {
        between.iter().all(|name| {
            !matches!(
                NameKind::of(name.as_bytes()),
                NameKind::Hidden | NameKind::Marker
            )
        })
    })
}

/// Whether a pattern may match a file in a folder, or a folder that it is found in.
fn may_match(pattern: &Pattern, folder: &Path, name: &str, is_of_folders: bool) -> bool {
    let Some((last, before)) = pattern.components.split_last() else {
        return true;
    };
    let mut base = PathBuf::from(if pattern.is_absolute { "/" } else { "." });
    for component in before {
        match component {
            Component::Literal(name) => base.push(name),
            _ => break,
        }
    }
    let base = canonical(&base);
    if !folder.starts_with(&base) {
        return false;
    }
    let name = name.as_bytes();
    let by_name = match last {
        Component::Literal(literal) => literal.as_bytes() == name,
        Component::Wild(wild) => {
            wild.matches(name)
                && match why_unasked(name) {
                    Some(Why::Hidden) => wild.says_hidden(),
                    Some(Why::Marker) => wild.says_underscore(),
                    _ => true,
                }
        }
        Component::Recursive => why_unasked(name).is_none(),
    };
    // A pattern of names in the folder matches no folder that it is in.
    let by_folder = folder != base || pattern.components.contains(&Component::Recursive);
    by_name && !pattern.wants_folder || by_folder && is_of_folders
}

/// The path without links, as far as it is there.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_may_match() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let folder = root.join("logs/in");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(root.join("other")).unwrap();
        for (pattern, rejects, marked) in [
            ("logs/in/*.jsonl", true, false),
            ("logs/in/2024-*.jsonl", false, false),
            ("logs/in/_*", false, true),
            ("logs/in/*/", false, false),
            ("logs/*", true, false),
            ("logs/*/x*.jsonl", true, false),
            ("other/*", false, false),
            ("**/x.jsonl", true, false),
            ("logs/**", true, false),
            ("logs/in/{rejects,a}.jsonl", true, false),
            ("logs/in/{b,a}.jsonl", false, false),
        ] {
            let all = root.join(pattern);
            let all = glob::parse(all.as_os_str().as_bytes()).unwrap();
            let takes = |name: &str, of_folders: bool| {
                let mut all = all.iter();
                all.any(|one| may_match(one, &folder, name, of_folders))
            };
            assert_eq!(takes("rejects.jsonl", true), rejects, "{pattern}");
            assert_eq!(takes("_rejects.jsonl", false), marked, "{pattern}");
        }
        assert!(is_searched(&root, &folder));
        assert!(is_searched(&folder, &folder));
        assert!(!is_searched(&folder, &root));
        assert!(!is_searched(&root, &root.join(".hidden/in")));
    }
}
