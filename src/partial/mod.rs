//! Partials: what one run has counted of a part of an input, for another run, or a database, to add up.
//!
//! `daytally partial` writes one for a [split](crate::input::Split) of a file, `daytally merge` makes a result of
//! those of all splits. A partial is a stream of [Apache Arrow IPC](https://arrow.apache.org/docs/format/Columnar.html)
//! (`.arrow`, `.arrows`), or [Apache Parquet](https://parquet.apache.org) (`.parquet`), with one flat schema,
//! so that whoever reads either can add up partials with SQL.
//!
//! In a program, [`Pipeline::write_partial`](crate::Pipeline::write_partial) makes one, [`find`] finds them,
//! [`PartialSet`](crate::PartialSet) opens them, and [`Pipeline::merge`](crate::Pipeline::merge), which has an example,
//! adds them up.
//!
//! # Schema, version 1
//!
//! | column | type | of rows | holds |
//! |---|---|---|---|
//! | `kind` | utf8 | all | `group`, `reject` or `books` |
//! | `input` | utf8 | all | the input as it was named; `-` for standard input |
//! | `split_start` | int64 | all | the first byte of the split |
//! | `date` | date32 | group | the day |
//! | `user_id` | decimal(20, 0) | group | the user: signed and unsigned 64-bit ids |
//! | `event_count`, `purchase_count` | int64 | group | as in a result, of the split's lines alone |
//! | `total_revenue` | decimal(38, 18) | group | the same, exactly; below 10^20 |
//! | `split_end` | int64 | books | the byte after the last of the split |
//! | `input_size` | int64 | books | the length of the input in bytes, as it is stored |
//! | `input_modified` | int64, or null | books | when the file was last written to, in nanoseconds since 1970-01-01T00:00:00Z; null where it is no file |
//! | `lines`, `blank`, `valid`, `filtered`, `invalid` | int64 | books | what became of the split's lines |
//! | `invalid_by_reason` | utf8 | books | a JSON object: how many are invalid for each reason that occurred |
//! | `first_by_reason` | utf8 | books | a JSON object: the first of them, each an object with `line` and `offset` as below |
//! | `checksum` | utf8 | books | a BLAKE3 hash of what all rows say, in hexadecimal |
//! | `line` | int64 | reject | the number of the line, from 1, among those of the split |
//! | `offset` | int64 | reject | the byte of the input at which it starts, from 0 |
//! | `reason`, `message` | utf8 | reject | why it is invalid |
//! | `raw` | utf8, or null | reject | its text, up to 4 KiB |
//! | `raw_base64` | utf8, or null | reject | its bytes instead, where they are no text |
//! | `truncated` | bool | reject | whether that is not all of the line |
//!
//! Columns that a kind of rows does not have are null in them. First come the groups, sorted by day and user;
//! then the rejects in order, if they were asked for; and one row of books last. A stream that was cut off has
//! none, and is recognised by that. The number of a line in its input is that in its split, and the `lines` of
//! the books of all splits before it.
//!
//! In the metadata, of the Arrow schema and of the Parquet file:
//!
//! | key | holds |
//! |---|---|
//! | `daytally.partial.version` | the version of this schema: `1` |
//! | `daytally.partial.rules` | the version of the rules that events were judged by |
//! | `daytally.partial.max_line_bytes` | the longest line that may be valid |
//! | `daytally.partial.from`, `daytally.partial.to` | the first and the last day that was asked for; not there if none was |
//! | `daytally.partial.schema` | a JSON object with the names of the fields and all else that is [different](crate::event::Schema) from the usual; not there if nothing is |
//! | `daytally.partial.rejects` | `true` if there is a row for each invalid line, otherwise `false` |
//! | `daytally.version` | the program that wrote it |
//!
//! Another version will have another number; columns and keys may be added to this one.

mod cover;
mod digest;
mod facts;
mod find;
mod read;
mod rows;
mod spool;
mod write;

use std::path::Path;

pub use facts::PartialFacts;
pub use find::find;

pub(crate) use cover::{Cover, CoveredInput, SplitRead};
pub(crate) use read::{Reader, Rows};
pub(crate) use rows::BooksRow;
pub(crate) use spool::{Spool, push_row};
pub(crate) use write::Writer;

/// The version of the schema.
pub const VERSION: u32 = 1;

/// What a partial is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartialFormat {
    /// A stream of Apache Arrow IPC.
    #[default]
    Arrow,
    /// Apache Parquet.
    Parquet,
}

/// A file's name speaks of no format that a partial can have.
///
/// ```
/// use daytally::partial::{NoPartialFormat, PartialFormat};
/// assert_eq!(PartialFormat::of_path("stats.csv".as_ref()), Err(NoPartialFormat::Unknown));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoPartialFormat {
    /// It has another extension.
    #[error(
        "a partial is a stream of Arrow IPC (.arrow, .arrows) or Parquet (.parquet); give its file such a name, or - for standard output"
    )]
    Unknown,
    /// It is not built in.
    #[error(
        "this daytally was built without the feature parquet; give a name that ends with .arrow"
    )]
    NoParquet,
}

impl PartialFormat {
    /// The format that a file's name speaks of. Case does not matter.
    ///
    /// # Errors
    ///
    /// Where it speaks of none, or one that is not built in.
    ///
    /// ```
    /// use daytally::partial::PartialFormat;
    ///
    /// assert_eq!(PartialFormat::of_path("a/0.arrows".as_ref()), Ok(PartialFormat::Arrow));
    /// assert!(PartialFormat::of_path("stats.csv".as_ref()).is_err());
    /// ```
    pub fn of_path(path: &Path) -> Result<PartialFormat, NoPartialFormat> {
        let extension = path.extension().unwrap_or_default();
        match extension.to_string_lossy().to_ascii_lowercase().as_str() {
            "arrow" | "arrows" => Ok(PartialFormat::Arrow),
            "parquet" if cfg!(feature = "parquet") => Ok(PartialFormat::Parquet),
            "parquet" => Err(NoPartialFormat::NoParquet),
            _ => Err(NoPartialFormat::Unknown),
        }
    }
}

/// The error for a partial that cannot be made.
pub(crate) fn not_made(what: &dyn std::fmt::Display) -> crate::Error {
    crate::Error::NotAPartial {
        place: "the partial".into(),
        what: format!("cannot be made: {what}"),
    }
}
