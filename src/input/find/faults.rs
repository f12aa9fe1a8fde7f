//! What is wrong with what was asked for: errors that say what may be meant, and hints for them.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::harvest::Taken;
use super::{STDIN, Separator, glob};
use crate::error::{Action, Error};
use crate::input::compression::Compression;
use crate::input::file::FileId;
use crate::input::stream::BOM;
use crate::text;

/// What may be the matter with a pattern that matches nothing; it may be nothing, too.
pub(super) fn hint(pattern: &[u8]) -> String {
    let slashes = memchr::memchr_iter(b'/', pattern).chain([pattern.len()]);
    let mut names = slashes.map(|end| &pattern[..end]);
    // A name with characters of patterns in it, by which something is there.
    let there = names.find(|name| {
        glob::may_be_a_pattern(name)
            && Path::new(OsStr::from_bytes(name))
                .symlink_metadata()
                .is_ok()
    });
    if let Some(there) = there {
        let there = text::path(Path::new(OsStr::from_bytes(there))).to_string();
        return format!(
            "; {there} exists: put a \\ before each of the characters *?[{{ that are meant as they are"
        );
    }
    match glob::flaw(pattern) {
        Some(flaw) => format!("; {flaw}"),
        None => String::new(),
    }
}

/// What may be the matter with a list in which something is wrong.
pub(super) fn hint_of_list(text: &[u8], separator: Separator) -> String {
    let has_nul = memchr::memchr(0, text).is_some();
    match (Compression::detect(text), separator) {
        (Some(format), _) => format!(
            "; the list looks compressed ({}), and has to be decompressed first: pipe it in with --files-from -",
            format.name()
        ),
        (None, Separator::Newline) if has_nul => {
            "; the list has NUL bytes in it: if its names end with those, give -0".into()
        }
        (None, Separator::Nul) if !has_nul && !text.is_empty() => {
            "; the list has no NUL bytes in it, though -0 was given: leave that out if it has a name a line".into()
        }
        _ => String::new(),
    }
}

/// What may be the matter with an entry of a list.
pub(super) fn hint_of_entry(name: &[u8], number: u64, separator: Separator) -> String {
    let mut hints = String::new();
    if number == 1 && name.starts_with(BOM) {
        hints += "; the list starts with a byte-order mark, which is a part of the first name so: save it without";
    }
    if separator == Separator::Newline && name.ends_with(b"\r") {
        hints += "; the line ends with a carriage return, which is a part of the name so: save the list with line ends of Unix (tr -d '\\r')";
    }
    if hints.is_empty() && glob::may_be_a_pattern(name) {
        hints += "; patterns are not expanded in a list: give it without --files-from";
    }
    hints
}

/// No path is longer, in bytes (`PATH_MAX` of Linux, the NUL byte at the end included).
const MOST_PATH_BYTES: usize = 4096;

pub(super) fn cannot_open(path: &Path, source: std::io::Error) -> Error {
    let len = path.as_os_str().len();
    if len >= MOST_PATH_BYTES || source.kind() == ErrorKind::InvalidFilename {
        // Whatever it is, it is not a name, and may be as long as they get.
        let start = &path.as_os_str().as_bytes()[..len.min(MOST_PATH_BYTES)];
        return Error::NameTooLong {
            start: OsStr::from_bytes(start).into(),
            len,
        };
    }
    if path.is_symlink() {
        if source.kind() == ErrorKind::NotFound {
            let (link, target) = (path.to_path_buf(), end_of_links(path));
            return Error::LinkToNothing { link, target };
        }
        if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            let link = path.to_path_buf();
            return Error::LinkToItself { link };
        }
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    Error::io(Action::Open, &absolute, source)
}

/// What a link leads to in the end, by way of other links.
fn end_of_links(link: &Path) -> PathBuf {
    let mut path = link.to_path_buf();
    // As many as the kernel follows.
    for _ in 0..40 {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => break,
        }
    }
    path
}

/// That something is to be read twice that is gone when it has been read.
pub(super) fn read_twice(first: PathBuf, second: PathBuf, taken: Taken) -> Error {
    let stdin = std::fs::metadata(STDIN).map(|stdin| FileId::new(&stdin));
    if stdin.is_ok_and(|stdin| stdin == taken.id) {
        Error::StdinTwice
    } else {
        let kind = taken.kind;
        Error::ReadTwice {
            first,
            second,
            kind,
        }
    }
}
