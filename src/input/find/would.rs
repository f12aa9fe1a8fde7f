//! Whether a file that is not there yet would be an input if it were: for who looks for a place beside
//! the inputs.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::super::file::FileId;
use super::glob::{self, Component, Pattern};
use super::harvest::{Why, why_unasked};
use super::name::{self, NameKind};
use super::{Found, Place, Search};

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
    #[doc(hidden)]
    #[must_use]
    pub fn would_take(&self, name: &str, found: &Found) -> bool {
        self.free_name(&[name], found).is_none()
    }

    /// The first of some names that [`Search::would_take`] would not take, if there is one. Inputs are looked
    /// at once for all names.
    ///
    /// ```
    /// use daytally::input::{Found, Search};
    ///
    /// let search = Search::new([".".into()]);
    /// let names = ["rejects.jsonl", "_rejects.jsonl"];
    /// assert_eq!(search.free_name(&names, &Found::default()), Some("_rejects.jsonl"));
    /// ```
    #[doc(hidden)]
    #[must_use]
    pub fn free_name<'n>(&self, names: &[&'n str], found: &Found) -> Option<&'n str> {
        let here = Path::new(".").canonicalize().ok()?;
        let asked = Asked::all(&self.names);
        let mut is_listed = None;
        names.iter().copied().find(|name| {
            let is_of_folders = NameKind::of(name.as_bytes()) == NameKind::Events;
            let is_by_list = self.list.is_some()
                && is_of_folders
                && *is_listed.get_or_insert_with(|| is_any_inside(found, &here));
            let there = std::fs::metadata(here.join(name)).ok();
            !is_by_list
                && !there.is_some_and(|file| is_input(&FileId::new(&file), &here.join(name), found))
                && !asked.iter().any(|asked| match asked {
                    Asked::Folder(folder) => is_of_folders && is_searched(folder, &here),
                    Asked::Patterns(all) => {
                        let mut all = all.iter();
                        all.any(|pattern| may_match(pattern, &here, name, is_of_folders))
                    }
                    Asked::File(path) => {
                        path.file_name() == Some(OsStr::new(name)) && canonical_parent(path) == here
                    }
                    Asked::Unclear => true,
                })
        })
    }

    /// Whether the search would find a file of this path, were it there: it is below a folder that is searched,
    /// and its name is one that is taken; or a pattern matches it. Links in those folders are not followed for
    /// it, patterns of folders other than `**` are not looked into, and lists are not read.
    ///
    /// ```
    /// use daytally::input::Search;
    ///
    /// let search = Search::new(["tests/data".into(), "src/*.json*".into()]);
    /// assert!(search.would_find("tests/data/rejects.jsonl".as_ref()));
    /// assert!(search.would_find("src/rejects.jsonl".as_ref()));
    /// assert!(!search.would_find("tests/data/_rejects.jsonl".as_ref()));
    /// assert!(!search.would_find("rejects.jsonl".as_ref()));
    /// ```
    #[doc(hidden)]
    #[must_use]
    pub fn would_find(&self, path: &Path) -> bool {
        let (Some(name), Ok(folder)) = (path.file_name(), parent_of(path).canonicalize()) else {
            return false;
        };
        let name = name.as_bytes();
        let is_below = |top: &Path| {
            top.canonicalize()
                .is_ok_and(|top| is_searched(&top, &folder))
        };
        let matches = |pattern: &Pattern| {
            let Some((Component::Wild(last), before)) = pattern.components.split_last() else {
                return false;
            };
            let mut base = PathBuf::from(if pattern.is_absolute { "/" } else { "." });
            let mut folders = before.iter();
            let mut rest = folders.next();
            while let Some(Component::Literal(name)) = rest {
                base.push(name);
                rest = folders.next();
            }
            let is_there = match rest {
                None => base.canonicalize().is_ok_and(|base| base == folder),
                // Any number of folders, and nothing else before the name.
                Some(Component::Recursive) => folders.next().is_none() && is_below(&base),
                Some(_) => false,
            };
            let is_asked_for = match NameKind::of(name) {
                NameKind::Hidden => last.says_hidden(),
                _ => !name::starts_as_a_marker(name) || last.says_underscore(),
            };
            is_there && is_asked_for && last.matches(name)
        };
        self.names
            .iter()
            .any(|asked| match std::fs::metadata(asked) {
                Ok(there) => {
                    there.is_dir() && NameKind::of(name) == NameKind::Events && is_below(asked)
                }
                Err(_) => glob::parse(asked.as_os_str().as_bytes())
                    .is_ok_and(|alternatives| alternatives.iter().any(matches)),
            })
    }
}

/// A name that was asked for, as what is there by it now.
enum Asked<'a> {
    Folder(PathBuf),
    File(&'a Path),
    Patterns(Vec<Pattern>),
    Unclear,
}

impl Asked<'_> {
    fn all(names: &[PathBuf]) -> Vec<Asked<'_>> {
        let names = names.iter().filter(|name| name.as_os_str() != "-");
        names
            .map(|name| match std::fs::metadata(name) {
                Ok(metadata) if metadata.is_dir() => Asked::Folder(canonical(name)),
                Ok(_) => Asked::File(name),
                Err(_) => match glob::parse(name.as_os_str().as_bytes()) {
                    Ok(alternatives) => Asked::Patterns(alternatives),
                    Err(_) => Asked::Unclear,
                },
            })
            .collect()
    }
}

/// Whether a file that is there is one of the inputs, by whatever path.
fn is_input(id: &FileId, path: &Path, found: &Found) -> bool {
    found.inputs.iter().any(|place| match place {
        Place::Path {
            file: Some(file), ..
        } => file == id,
        // A pipe or a device.
        Place::Path {
            path: input,
            file: None,
        } => canonical(input) == canonical(path),
        Place::Stdin { file } => file.as_ref() == Some(id),
    })
}

/// Whether an input is in a folder or one inside of it. The folders that inputs are in are far fewer.
fn is_any_inside(found: &Found, folder: &Path) -> bool {
    let paths = found.inputs.iter().filter_map(|place| match place {
        Place::Path { path, .. } => path.parent(),
        Place::Stdin { .. } => None,
    });
    let parents: HashSet<&Path> = paths.collect();
    parents
        .into_iter()
        .any(|parent| canonical(or_here(parent)).starts_with(folder))
}

/// The folder that a path is in, without links.
fn canonical_parent(path: &Path) -> PathBuf {
    canonical(parent_of(path))
}

/// The folder that a path is in, by a name that can be looked at.
fn parent_of(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(path))
}

/// The current folder by a name, if it is meant by none.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
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
