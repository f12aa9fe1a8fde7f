//! Which formats a result can have, and what their files are called.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// What the rows of a result are written as.
///
/// ```
/// use daytally::output::{Encoding, Format};
/// assert_eq!(Format::of_path("stats.parquet".as_ref()).encoding(), Encoding::Parquet);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Comma-separated values with a header (RFC 4180, with `\n` line ends).
    #[default]
    Csv,
    /// A JSON object for each row and line (JSON Lines).
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// The file format of Apache Arrow IPC, also known as Feather version 2.
    Arrow,
}

/// How the bytes of a text format are compressed.
///
/// ```
/// use daytally::output::{Format, Packing};
/// assert_eq!(Format::of_path("stats.jsonl.zst".as_ref()).packing(), Packing::Zstd);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Packing {
    /// Not at all.
    #[default]
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// The format of a result: what its file is called, and what is in it.
///
/// ```
/// use daytally::output::Format;
///
/// let format = Format::of_path("stats/2024.csv.gz".as_ref());
/// assert_eq!(format.to_string(), "csv.gz");
/// assert_eq!(format, "csv.gz".parse().unwrap());
/// // Whatever says nothing of a format is CSV.
/// assert_eq!(Format::of_path("result".as_ref()), Format::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Format {
    encoding: Encoding,
    packing: Packing,
}

/// Extensions of formats that compress their columns themselves.
const OWN_COMPRESSION: [&str; 4] = ["parquet", "arrow", "feather", "ipc"];

/// Extensions of well-known formats of tables and of compressed files that results cannot have.
const FOREIGN: [&str; 42] = [
    "7z", "arrows", "avro", "br", "bz2", "db", "docx", "dta", "duckdb", "h5", "hdf5", "htm",
    "html", "lz4", "lzma", "lzo", "md", "msgpack", "ods", "orc", "pb", "pdf", "pickle", "pkl",
    "proto", "psv", "rar", "rds", "sas7bdat", "sav", "snappy", "sql", "sqlite", "sqlite3", "tab",
    "tar", "tsv", "xls", "xlsx", "xml", "xz", "zip",
];

/// A name that is none of a format.
///
/// ```
/// use daytally::output::{Format, NoFormat};
/// assert_eq!("xlsx".parse::<Format>(), Err(NoFormat));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such format")]
pub struct NoFormat;

impl Format {
    /// CSV.
    pub const CSV: Format = Format::of(Encoding::Csv, Packing::None);
    /// CSV compressed with gzip.
    pub const CSV_GZIP: Format = Format::of(Encoding::Csv, Packing::Gzip);
    /// CSV compressed with Zstandard.
    pub const CSV_ZSTD: Format = Format::of(Encoding::Csv, Packing::Zstd);

    /// Arrow IPC.
    #[cfg(feature = "arrow")]
    pub(crate) const ARROW: Format = Format::of(Encoding::Arrow, Packing::None);

    /// All formats, CSV first.
    pub const ALL: &'static [Format] = &[
        Format::CSV,
        Format::CSV_GZIP,
        Format::CSV_ZSTD,
        Format::of(Encoding::JsonLines, Packing::None),
        Format::of(Encoding::JsonLines, Packing::Gzip),
        Format::of(Encoding::JsonLines, Packing::Zstd),
        Format::of(Encoding::Parquet, Packing::None),
        Format::of(Encoding::Arrow, Packing::None),
    ];

    const fn of(encoding: Encoding, packing: Packing) -> Format {
        Format { encoding, packing }
    }

    /// What rows are written as.
    #[must_use]
    pub const fn encoding(self) -> Encoding {
        self.encoding
    }

    /// How that is compressed.
    #[must_use]
    pub const fn packing(self) -> Packing {
        self.packing
    }

    /// The extension of its files, and its name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match (self.encoding, self.packing) {
            (Encoding::Csv, Packing::None) => "csv",
            (Encoding::Csv, Packing::Gzip) => "csv.gz",
            (Encoding::Csv, Packing::Zstd) => "csv.zst",
            (Encoding::JsonLines, Packing::None) => "jsonl",
            (Encoding::JsonLines, Packing::Gzip) => "jsonl.gz",
            (Encoding::JsonLines, Packing::Zstd) => "jsonl.zst",
            (Encoding::Parquet, _) => "parquet",
            (Encoding::Arrow, _) => "arrow",
        }
    }

    /// What a file is called that is the result of one day, or of all if nobody has said.
    #[must_use]
    pub const fn default_file(self) -> &'static str {
        match (self.encoding, self.packing) {
            (Encoding::Csv, Packing::None) => "daily_user_stats.csv",
            (Encoding::Csv, Packing::Gzip) => "daily_user_stats.csv.gz",
            (Encoding::Csv, Packing::Zstd) => "daily_user_stats.csv.zst",
            (Encoding::JsonLines, Packing::None) => "daily_user_stats.jsonl",
            (Encoding::JsonLines, Packing::Gzip) => "daily_user_stats.jsonl.gz",
            (Encoding::JsonLines, Packing::Zstd) => "daily_user_stats.jsonl.zst",
            (Encoding::Parquet, _) => "daily_user_stats.parquet",
            (Encoding::Arrow, _) => "daily_user_stats.arrow",
        }
    }

    /// The cargo feature that this format takes and this build lacks, if it does.
    #[must_use]
    pub const fn missing_feature(self) -> Option<&'static str> {
        match (self.encoding, self.packing) {
            (_, Packing::Gzip) if !cfg!(feature = "gzip") => Some("gzip"),
            (_, Packing::Zstd) if !cfg!(feature = "zstd") => Some("zstd"),
            (Encoding::Parquet, _) if !cfg!(feature = "parquet") => Some("parquet"),
            (Encoding::Arrow, _) if !cfg!(feature = "arrow") => Some("arrow"),
            _ => None,
        }
    }

    /// The format that a file's name speaks of; CSV if it speaks of none. Case does not matter.
    #[must_use]
    pub fn of_path(path: &Path) -> Format {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().to_ascii_lowercase());
        let mut parts = name.as_deref().unwrap_or_default().rsplit('.');
        let (packing, extension) = match parts.next() {
            Some("gz") => (Packing::Gzip, parts.next()),
            Some("zst") => (Packing::Zstd, parts.next()),
            last => (Packing::None, last),
        };
        // What is before the first dot is no extension.
        let extension = extension.filter(|_| parts.next().is_some());
        match extension {
            Some("jsonl" | "ndjson" | "json") => Format::of(Encoding::JsonLines, packing),
            Some("parquet") if packing == Packing::None => {
                Format::of(Encoding::Parquet, Packing::None)
            }
            Some("arrow" | "feather" | "ipc") if packing == Packing::None => {
                Format::of(Encoding::Arrow, Packing::None)
            }
            // Such as stats.csv.gz, and stats.gz.
            _ => Format::of(Encoding::Csv, packing),
        }
    }

    /// The end of a file's name that speaks of a format which results cannot have, such as `.xlsx` or
    /// `.parquet.gz`, if it has one. To [`Format::of_path`] those are CSV, which nobody who named them meant.
    ///
    /// ```
    /// use daytally::output::Format;
    ///
    /// assert_eq!(Format::foreign_extension("a/stats.XLSX".as_ref()).as_deref(), Some(".xlsx"));
    /// assert_eq!(Format::foreign_extension("stats.parquet.gz".as_ref()).as_deref(), Some(".parquet.gz"));
    /// assert_eq!(Format::foreign_extension("stats.csv.tmp".as_ref()), None);
    /// ```
    #[doc(hidden)]
    #[must_use]
    pub fn foreign_extension(path: &Path) -> Option<String> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let (before, last) = name.rsplit_once('.')?;
        // What is compressed inside already: nobody reads such a file.
        let inner = before.rsplit_once('.').map(|(_, inner)| inner);
        match (last, inner) {
            ("gz" | "zst", Some(inner)) if OWN_COMPRESSION.contains(&inner) => {
                Some(format!(".{inner}.{last}"))
            }
            ("gz" | "zst", Some(inner)) if FOREIGN.contains(&inner) => {
                Some(format!(".{inner}.{last}"))
            }
            _ => FOREIGN.contains(&last).then(|| format!(".{last}")),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for Format {
    type Err = NoFormat;

    fn from_str(name: &str) -> Result<Format, NoFormat> {
        let is_it = |format: &Format| format.extension().eq_ignore_ascii_case(name);
        Format::ALL.iter().copied().find(is_it).ok_or(NoFormat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (name, format) in [
            ("stats.csv", "csv"),
            ("a/b.c/stats.CSV.GZ", "csv.gz"),
            ("stats.csv.zst", "csv.zst"),
            ("stats.gz", "csv.gz"),
            ("stats.zst", "csv.zst"),
            ("stats", "csv"),
            ("parquet", "csv"),
            (".parquet", "parquet"),
            ("stats.parquet", "parquet"),
            // Nobody reads such a file.
            ("stats.parquet.gz", "csv.gz"),
            ("stats.jsonl", "jsonl"),
            ("stats.ndjson.gz", "jsonl.gz"),
            ("stats.json.zst", "jsonl.zst"),
            ("stats.arrow", "arrow"),
            ("stats.feather", "arrow"),
            ("stats.ipc", "arrow"),
            ("stats.2024", "csv"),
            ("stats.csv.tmp", "csv"),
        ] {
            assert_eq!(Format::of_path(name.as_ref()).to_string(), format, "{name}");
        }
    }

    #[test]
    fn names_of_other_formats() {
        for (name, extension) in [
            ("stats.xlsx", Some(".xlsx")),
            ("a.b/STATS.TSV", Some(".tsv")),
            ("stats.tsv.gz", Some(".tsv.gz")),
            ("stats.csv.bz2", Some(".bz2")),
            ("stats.feather.zst", Some(".feather.zst")),
            ("stats.parquet", None),
            ("stats.csv.gz", None),
            ("stats.gz", None),
            ("stats.2024", None),
            ("stats.txt", None),
            ("xlsx", None),
            ("", None),
        ] {
            let found = Format::foreign_extension(name.as_ref());
            assert_eq!(found.as_deref(), extension, "{name}");
        }
        for format in Format::ALL.iter().copied() {
            assert_eq!(
                Format::foreign_extension(format.default_file().as_ref()),
                None
            );
        }
        assert!(FOREIGN.is_sorted());
    }

    #[test]
    fn names_of_formats() {
        for format in Format::ALL.iter().copied() {
            assert_eq!(format.to_string().parse(), Ok(format));
            assert_eq!(Format::of_path(format.default_file().as_ref()), format);
            let name = format.default_file().strip_prefix("daily_user_stats.");
            assert_eq!(name, Some(format.extension()));
        }
        assert_eq!("CSV.GZ".parse(), Ok(Format::of_path("x.csv.gz".as_ref())));
        assert_eq!("xlsx".parse::<Format>(), Err(NoFormat));
        assert_eq!("parquet.gz".parse::<Format>(), Err(NoFormat));
    }
}
