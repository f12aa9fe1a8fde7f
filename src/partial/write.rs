//! Writing a partial, batch by batch: a stream of Arrow IPC, or Parquet.

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;

use super::digest::Digest;
use super::facts::PartialFacts;
use super::rows::{Batches, BooksRow};
use super::{PartialFormat, not_made};
use crate::error::Result;
use crate::output::RejectRow;
use crate::output::columns::Columns;

/// How many rows a batch of a stream has, and a row group of Parquet: always the same many, so that the bytes of a
/// partial do not depend on how its rows were made. Whoever reads a partial holds a batch in memory.
const ARROW_ROWS: usize = 16_384;
#[cfg(feature = "parquet")]
const PARQUET_ROWS: usize = 122_880;

/// How many bytes the texts of the rejects of a batch have, about: there may be 4 KiB and more of each.
const REJECTS_BYTES: usize = 1 << 20;

/// A partial that is being written. What it gives is to be written in that order.
pub(crate) struct Writer {
    batches: Batches,
    sink: Sink,
    rows: usize,
    groups: Columns,
    rejects: Vec<RejectRow>,
    /// How many bytes their texts have.
    rejects_bytes: usize,
    /// Of all rows that were written.
    digest: Digest,
}

/// Writes into memory, which is taken away after each batch.
enum Sink {
    Arrow(Box<StreamWriter<Vec<u8>>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::arrow::ArrowWriter<Vec<u8>>>),
}

impl Writer {
    /// Starts the partial of a split of an input.
    pub(crate) fn start(
        format: PartialFormat,
        facts: &PartialFacts,
        input: String,
        start: u64,
    ) -> Result<Writer> {
        let batches = Batches::new(facts, input, start);
        let (sink, rows) = match format {
            PartialFormat::Arrow => {
                let writer = StreamWriter::try_new(Vec::new(), &batches.schema);
                let writer = writer.map_err(|source| not_made(&source))?;
                (Sink::Arrow(Box::new(writer)), ARROW_ROWS)
            }
            #[cfg(feature = "parquet")]
            PartialFormat::Parquet => {
                let writer = parquet_writer(&batches, facts).map_err(|source| not_made(&source))?;
                (Sink::Parquet(Box::new(writer)), PARQUET_ROWS)
            }
            #[cfg(not(feature = "parquet"))]
            PartialFormat::Parquet => return Err(not_made(&super::NoPartialFormat::NoParquet)),
        };
        Ok(Writer {
            batches,
            sink,
            rows,
            groups: Columns::default(),
            rejects: Vec::new(),
            rejects_bytes: 0,
            digest: Digest::default(),
        })
    }

    /// Adds groups, after those there are in order.
    pub(crate) fn groups(
        &mut self,
        groups: &Columns,
        range: Range<usize>,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let Writer {
            batches,
            sink,
            rows,
            groups: pending,
            digest,
            ..
        } = self;
        pending.fill(groups, range, *rows, |groups| {
            add_groups(digest, groups);
            let batch = batches.groups(std::mem::take(groups));
            sink.write(&batch.map_err(|source| not_made(&source))?, write)
        })
    }

    /// Adds a reject, after all groups and the rejects before it.
    pub(crate) fn reject(
        &mut self,
        reject: RejectRow,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.end_groups(write)?;
        self.rejects_bytes += reject.message.len() + reject.shown.raw.len();
        self.digest.reject(
            (reject.line, reject.offset),
            reject.reason,
            &reject.message,
            &reject.shown.raw,
            [reject.shown.is_base64, reject.shown.is_truncated],
        );
        self.rejects.push(reject);
        if self.rejects.len() == ARROW_ROWS || self.rejects_bytes >= REJECTS_BYTES {
            self.end_rejects(write)?;
        }
        Ok(())
    }

    /// Completes the partial with the books.
    pub(crate) fn finish(
        mut self,
        books: &BooksRow,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.end_groups(write)?;
        self.end_rejects(write)?;
        let digest = std::mem::take(&mut self.digest);
        let batch = self.batches.books(books, digest);
        self.sink
            .write(&batch.map_err(|source| not_made(&source))?, write)?;
        self.sink.finish(write)
    }

    fn end_groups(&mut self, write: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.groups.len() == 0 {
            return Ok(());
        }
        add_groups(&mut self.digest, &self.groups);
        let batch = self.batches.groups(std::mem::take(&mut self.groups));
        self.sink
            .write(&batch.map_err(|source| not_made(&source))?, write)
    }

    fn end_rejects(&mut self, write: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.rejects.is_empty() {
            return Ok(());
        }
        let batch = self.batches.rejects(&self.rejects);
        self.rejects.clear();
        self.rejects_bytes = 0;
        self.sink
            .write(&batch.map_err(|source| not_made(&source))?, write)
    }
}

/// Adds groups to what is written.
fn add_groups(digest: &mut Digest, groups: &Columns) {
    for (day, user, counts, revenue) in groups.rows() {
        digest.group(day, user, counts, revenue);
    }
}

impl Sink {
    fn write(
        &mut self,
        batch: &RecordBatch,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let bytes = match self {
            Sink::Arrow(writer) => {
                writer.write(batch).map_err(|source| not_made(&source))?;
                std::mem::take(writer.get_mut())
            }
            #[cfg(feature = "parquet")]
            Sink::Parquet(writer) => {
                let written = writer.write(batch).and_then(|()| writer.flush());
                written.map_err(|source| not_made(&source))?;
                std::mem::take(writer.inner_mut())
            }
        };
        write(&bytes)
    }

    fn finish(self, write: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let bytes = match self {
            Sink::Arrow(writer) => writer.into_inner().map_err(|source| not_made(&source))?,
            #[cfg(feature = "parquet")]
            Sink::Parquet(writer) => writer.into_inner().map_err(|source| not_made(&source))?,
        };
        write(&bytes)
    }
}

#[cfg(feature = "parquet")]
fn parquet_writer(
    batches: &Batches,
    facts: &PartialFacts,
) -> parquet::errors::Result<parquet::arrow::ArrowWriter<Vec<u8>>> {
    use parquet::basic::{Compression, ZstdLevel};
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;
    use parquet::schema::types::ColumnPath;

    let facts = facts.to_pairs().into_iter();
    let properties = WriterProperties::builder()
        .set_created_by(format!("daytally version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(PARQUET_ROWS))
        .set_key_value_metadata(Some(
            facts
                .map(|(key, value)| KeyValue::new(key, value))
                .collect(),
        ))
        // They hardly ever come twice in a row group.
        .set_column_dictionary_enabled(ColumnPath::from("user_id"), false)
        .build();
    let schema = std::sync::Arc::clone(&batches.schema);
    parquet::arrow::ArrowWriter::try_new(Vec::new(), schema, Some(properties))
}
