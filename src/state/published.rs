//! The days that runs with a state have put into output folders, so that those can be taken away again
//! whose events are gone.
//!
//! A line of JSON with folders and their days, and one with its checksum.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::folder::{Folder, checksum_of, halves};
use crate::error::{Action, Error, Result};
use crate::event::Date;

const NAME: &str = "published-days";

/// The days in each folder. What is not UTF-8 in a path is U+FFFD: at worst two folders are one, and days
/// that are not there are not taken away.
type Days = BTreeMap<String, BTreeSet<String>>;

/// Says which days are in a folder.
pub(super) fn set(
    state: &Folder,
    folder: &Path,
    days: impl IntoIterator<Item = Date>,
) -> Result<()> {
    let mut all = read(state)?;
    let days: BTreeSet<String> = days.into_iter().map(|day| day.to_string()).collect();
    let before = all.insert(key(folder), days.clone());
    if before.as_ref() == Some(&days) {
        return Ok(());
    }
    // Strings: nothing here can fail to serialise.
    state.replace_json(NAME, &serde_json::to_string(&all).unwrap_or_default())
}

/// The days of a folder.
pub(super) fn get(state: &Folder, folder: &Path) -> Result<BTreeSet<Date>> {
    let days = read(state)?.remove(&key(folder)).unwrap_or_default();
    days.iter()
        .map(|day| day.parse())
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| damaged(&state.path().join(NAME), "a day in it is none".into()))
}

/// Checks all of it. Returns how many bytes there are.
pub(super) fn check(state: &Folder) -> Result<u64> {
    read(state)?;
    let metadata = state.path().join(NAME).metadata();
    Ok(metadata.map_or(0, |metadata| metadata.len()))
}

fn key(folder: &Path) -> String {
    folder.to_string_lossy().into_owned()
}

fn read(state: &Folder) -> Result<Days> {
    let path = state.path().join(NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Days::new()),
        Err(source) => return Err(Error::io(Action::Read, &path, source)),
    };
    let (json, checksum) = halves(&text);
    if checksum != checksum_of(json) {
        return Err(damaged(&path, "its checksum is another".into()));
    }
    serde_json::from_slice(json).map_err(|error| damaged(&path, error.to_string()))
}

fn damaged(path: &Path, what: String) -> Error {
    Error::StateDamaged {
        path: path.into(),
        what,
        remedy: "delete this file; days whose events are gone by then will not be taken away",
    }
}
