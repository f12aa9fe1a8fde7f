//! The result as Apache Parquet.
//!
//! | column | type |
//! |---|---|
//! | `date` | `INT32`, DATE |
//! | `user_id` | `FIXED_LEN_BYTE_ARRAY(9)`, DECIMAL(20, 0): signed and unsigned 64-bit ids |
//! | `event_count`, `purchase_count` | `INT64` |
//! | `total_revenue` | `FIXED_LEN_BYTE_ARRAY(16)`, DECIMAL(38, 18) |
//!
//! None is ever null. Rows are sorted by date and user, and the file says so; each row group has the least and
//! the greatest value of each column. What is compressed is so with Zstandard.

use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    ByteArray, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

use super::columns::Columns;
use super::facts::Facts;

/// The columns and their types, as Parquet puts it.
const SCHEMA: &str = "message daily_user_stats {
    required int32 date (date);
    required fixed_len_byte_array(9) user_id (decimal(20, 0));
    required int64 event_count;
    required int64 purchase_count;
    required fixed_len_byte_array(16) total_revenue (decimal(38, 18));
}";

/// How many rows a row group has: what `DuckDB` has taken to work well, in turns of 2,048. Always the same
/// many, so that the bytes of a file do not depend on how the rows were made.
const ROWS: usize = 122_880;

/// A Parquet file that is being written.
pub(super) struct ParquetFile {
    /// Writes into memory, which is taken away after each row group.
    writer: SerializedFileWriter<Vec<u8>>,
    /// The rows of the next row group.
    rows: Columns,
}

impl ParquetFile {
    pub(super) fn new() -> Result<ParquetFile, ParquetError> {
        let writer = SerializedFileWriter::new(Vec::new(), schema()?, properties()?)?;
        Ok(ParquetFile {
            writer,
            rows: Columns::default(),
        })
    }

    /// Adds rows, and gives the bytes that are complete.
    pub(super) fn write(
        &mut self,
        rows: &Columns,
        range: std::ops::Range<usize>,
    ) -> Result<Vec<u8>, ParquetError> {
        let ParquetFile {
            writer,
            rows: pending,
        } = self;
        pending.fill(rows, range, ROWS, |rows| row_group(writer, rows))?;
        self.take()
    }

    /// Writes what is left, and what is known of the whole.
    pub(super) fn finish(mut self, facts: &Facts) -> Result<Vec<u8>, ParquetError> {
        if self.rows.len() > 0 {
            row_group(&mut self.writer, &self.rows)?;
        }
        for (key, value) in facts.iter() {
            let fact = KeyValue::new(key.to_owned(), value.to_owned());
            self.writer.append_key_value_metadata(fact);
        }
        self.writer.into_inner()
    }

    fn take(&mut self) -> Result<Vec<u8>, ParquetError> {
        self.writer.flush()?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }
}

/// Writes rows as a row group.
fn row_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    rows: &Columns,
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    column::<Int32Type>(&mut group, &rows.dates)?;
    column::<FixedLenByteArrayType>(&mut group, &decimals::<9>(&rows.user_ids))?;
    column::<Int64Type>(&mut group, &rows.event_counts)?;
    column::<Int64Type>(&mut group, &rows.purchase_counts)?;
    column::<FixedLenByteArrayType>(&mut group, &decimals::<16>(&rows.revenues))?;
    group.close()?;
    Ok(())
}

fn column<T: parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("there is no such column".into()));
    };
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

/// Numbers as the schema has decimals: big-endian two's complement in so many bytes.
fn decimals<const BYTES: usize>(numbers: &[i128]) -> Vec<FixedLenByteArray> {
    // One piece of memory for all of them, of which each is a part.
    let mut bytes = Vec::with_capacity(numbers.len() * BYTES);
    for number in numbers {
        bytes.extend_from_slice(&number.to_be_bytes()[16 - BYTES..]);
    }
    let bytes = bytes::Bytes::from(bytes);
    let parts = (0..numbers.len()).map(|at| bytes.slice(at * BYTES..(at + 1) * BYTES));
    parts.map(|part| ByteArray::from(part).into()).collect()
}

fn schema() -> Result<TypePtr, ParquetError> {
    parse_message_type(SCHEMA).map(Arc::new)
}

fn properties() -> Result<WriterPropertiesPtr, ParquetError> {
    let sorted_by = |column_idx| SortingColumn {
        column_idx,
        descending: false,
        nulls_first: false,
    };
    let properties = WriterProperties::builder()
        .set_created_by(format!("daytally version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROWS))
        .set_sorting_columns(Some(vec![sorted_by(0), sorted_by(1)]))
        // They hardly ever come twice in a row group.
        .set_column_dictionary_enabled(ColumnPath::from("user_id"), false);
    Ok(Arc::new(properties.build()))
}
