//! What the name of a file in a folder says of it: whether it is one to read.

use crate::input::compression::Compression;

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameKind {
    /// JSON Lines, compressed or not.
    Events,
    /// It starts with a dot.
    Hidden,
    /// It is no data, or not yet: a marker, a checksum, or a name that a file has until it is whole.
    Marker,
    /// Anything else.
    Other,
}

/// The extensions of files with JSON Lines.
const EVENTS: [&[u8]; 3] = [b"jsonl", b"ndjson", b"json"];

/// The extensions that gzip and bgzip, zstd, bzip2, xz and lz4 give, and the long ones that some
/// programs write.
const COMPRESSED: [(&[u8], Compression); 9] = [
    (b"gz", Compression::Gzip),
    (b"gzip", Compression::Gzip),
    (b"bgz", Compression::Gzip),
    (b"zst", Compression::Zstd),
    (b"zstd", Compression::Zstd),
    (b"bz2", Compression::Bzip2),
    (b"bzip2", Compression::Bzip2),
    (b"xz", Compression::Xz),
    (b"lz4", Compression::Lz4),
];

/// The extensions of checksums and of files that are being written: Hadoop (`.crc`, `._COPYING_`),
/// Flume (`.tmp`), Flink and Spark (`.inprogress`, `.in-progress`, `.pending`), Firefox (`.part`),
/// rclone (`.partial`), Chromium (`.crdownload`), Opera (`.opdownload`), Safari (`.download`), aria2,
/// gsutil (`.gstmp`), vim (`.swp`, `.swo`).
const MARKERS: [&[u8]; 16] = [
    b"crc",
    b"_copying_",
    b"tmp",
    b"temp",
    b"inprogress",
    b"in-progress",
    b"pending",
    b"part",
    b"partial",
    b"crdownload",
    b"opdownload",
    b"download",
    b"aria2",
    b"gstmp",
    b"swp",
    b"swo",
];

/// The folder in which Kafka Connect's HDFS sink keeps files until they are whole. Their own names
/// end like those of data.
const KAFKA_CONNECT_TEMPORARY: &[u8] = b"+tmp";

/// Flink's names of files that are being written have a number behind this.
const FLINK_IN_PROGRESS: &[u8] = b".inprogress.";

impl NameKind {
    /// The kind of a name without folders. Upper and lower case are the same.
    pub(super) fn of(name: &[u8]) -> NameKind {
        if name.starts_with(b".") {
            NameKind::Hidden
        } else if is_marker(name) {
            NameKind::Marker
        } else if is_events(name) {
            NameKind::Events
        } else {
            NameKind::Other
        }
    }
}

/// Whether a name starts as those of Hadoop's and Spark's own files do: `_SUCCESS`, `_temporary`,
/// `_delta_log`. A folder such as `_year=2024` is a partition of the data (Spark's
/// `HadoopFSUtils.shouldFilterOutPathName`).
pub(super) fn starts_as_a_marker(name: &[u8]) -> bool {
    name.starts_with(b"_") && !name.contains(&b'=')
}

/// How a file is compressed, by the extension of its name or path.
pub(super) fn compression(name: &[u8]) -> Option<Compression> {
    let (_, extension) = split(name)?;
    format_of(extension)
}

fn format_of(extension: &[u8]) -> Option<Compression> {
    COMPRESSED
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(extension))
        .map(|(_, format)| *format)
}

fn is_marker(name: &[u8]) -> bool {
    let is_in_progress =
        || memchr::memmem::find(&name.to_ascii_lowercase(), FLINK_IN_PROGRESS).is_some();
    starts_as_a_marker(name)
        || name == KAFKA_CONNECT_TEMPORARY
        || name.ends_with(b"~")
        || split(name).is_some_and(|(_, extension)| is_one_of(extension, &MARKERS))
        || is_in_progress()
}

fn is_events(name: &[u8]) -> bool {
    match split(name) {
        Some((stem, extension)) if format_of(extension).is_some() => {
            split(stem).is_some_and(|(_, extension)| is_one_of(extension, &EVENTS))
        }
        Some((_, extension)) => is_one_of(extension, &EVENTS),
        None => false,
    }
}

/// A name before and after its last dot.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = memchr::memrchr(b'.', name)?;
    Some((&name[..dot], &name[dot + 1..]))
}

fn is_one_of(extension: &[u8], extensions: &[&[u8]]) -> bool {
    extensions
        .iter()
        .any(|known| known.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_names() {
        for (kind, names) in [
            (
                NameKind::Events,
                &[
                    "a.jsonl",
                    "a.ndjson",
                    "a.json",
                    "A.JSONL",
                    "a.Json.GZ",
                    "a.jsonl.gz",
                    "a.jsonl.gzip",
                    "a.jsonl.bgz",
                    "a.jsonl.zst",
                    "a.jsonl.zstd",
                    "a.jsonl.bz2",
                    "a.jsonl.bzip2",
                    "a.jsonl.xz",
                    "a.jsonl.lz4",
                    "a.tmp.jsonl",
                    "a b\n.jsonl",
                    "_day=1.json",
                    "caf\u{e9}.jsonl",
                ][..],
            ),
            (
                NameKind::Hidden,
                &[".a.jsonl", ".git", ".jsonl", ".a.json.crc", "._x.json"],
            ),
            (
                NameKind::Marker,
                &[
                    "_SUCCESS",
                    "_a.jsonl",
                    "_temporary",
                    "_delta_log",
                    "a.jsonl.crc",
                    "a.jsonl._COPYING_",
                    "a.jsonl.tmp",
                    "a.TMP",
                    "a.temp",
                    "a.jsonl.part",
                    "a.partial",
                    "a.inprogress",
                    "part-0-0.inprogress.bd053eb0-5ecf",
                    "part-0-0.jsonl.in-progress",
                    "a.pending",
                    "a.crdownload",
                    "a.swp",
                    "a.jsonl~",
                    "+tmp",
                ],
            ),
            (
                NameKind::Other,
                &[
                    "a",
                    "jsonl",
                    "a.csv",
                    "a.gz",
                    "a.csv.gz",
                    "a.jsonl.gz.gz",
                    "a.jsonl.1",
                    "a.jsonl.br",
                    "a.jsonlx",
                    "json.gz",
                    "a.jsonl.",
                    "year=2024",
                    "_year=2024",
                    "tmp",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(NameKind::of(name.as_bytes()), kind, "{name}");
            }
        }
        assert_eq!(NameKind::of(b"\xff.jsonl"), NameKind::Events);
    }
}
