//! Where config files are looked for: the places of the XDG Base Directory Specification, version 0.8,
//! and the folder the program runs in.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;

use crate::cli::config::LOCAL_CONFIG;

/// The file below a folder of configurations.
const SHARED: &str = "daytally/config.toml";

/// A file that may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// Whether it was asked for, so that it has to be there.
    pub(super) is_named: bool,
    /// Whether it is passed over where this user may not read it (Base Directory Specification, Referencing
    /// this specification): a home that is another user's, under sudo or cron, say.
    pub(super) may_be_closed: bool,
}

/// The files to read, the farthest first.
pub(super) fn candidates(matches: &ArgMatches) -> Vec<Candidate> {
    if matches.get_flag("no_config") {
        return Vec::new();
    }
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        return vec![Candidate {
            path: path.clone(),
            is_named: true,
            may_be_closed: false,
        }];
    }
    usual(|name| std::env::var_os(name))
}

/// The usual places.
fn usual(variable: impl Fn(&str) -> Option<OsString>) -> Vec<Candidate> {
    // Relative paths in these variables are to be ignored (Base Directory Specification, Environment
    // variables).
    let folder = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());

    let of_system = set("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
    let mut folders: Vec<PathBuf> = std::env::split_paths(&of_system)
        .filter_map(|path| folder(path.into()))
        .collect();
    // The first one is the most important.
    folders.reverse();
    let of_user = set("XDG_CONFIG_HOME").and_then(folder).or_else(|| {
        let home = set("HOME").and_then(folder)?;
        Some(home.join(".config"))
    });
    folders.extend(of_user);

    let paths = folders.into_iter().map(|folder| folder.join(SHARED));
    paths
        .map(|path| (path, true))
        .chain([(PathBuf::from(LOCAL_CONFIG), false)])
        .map(|(path, may_be_closed)| Candidate {
            path,
            is_named: false,
            may_be_closed,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_places_from_far_to_near() {
        for (variables, expected) in [
            (&[][..], &["/etc/xdg/daytally/config.toml"][..]),
            (
                &[("HOME", "/home/ann")],
                &[
                    "/etc/xdg/daytally/config.toml",
                    "/home/ann/.config/daytally/config.toml",
                ],
            ),
            (
                &[
                    ("HOME", "/home/ann"),
                    ("XDG_CONFIG_HOME", "/ann"),
                    ("XDG_CONFIG_DIRS", "/first:relative::/second"),
                ],
                &[
                    "/second/daytally/config.toml",
                    "/first/daytally/config.toml",
                    "/ann/daytally/config.toml",
                ],
            ),
            (
                &[("HOME", "relative"), ("XDG_CONFIG_DIRS", "")],
                &["/etc/xdg/daytally/config.toml"],
            ),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let paths: Vec<_> = usual(variable).into_iter().map(|it| it.path).collect();
            let expected = expected.iter().chain([&LOCAL_CONFIG]).map(PathBuf::from);
            assert_eq!(paths, expected.collect::<Vec<_>>(), "{variables:?}");
        }
    }
}
