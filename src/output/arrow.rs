//! The result as a file of Apache Arrow IPC (also known as Feather version 2).
//!
//! | column | type |
//! |---|---|
//! | `date` | Date32 |
//! | `user_id` | Decimal128(20, 0): signed and unsigned 64-bit ids |
//! | `event_count`, `purchase_count` | Int64 |
//! | `total_revenue` | Decimal128(38, 18) |
//!
//! None is ever null. Not compressed, so that readers can map the file.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::columns::Columns;
use super::facts::Facts;

/// How many rows a record batch has. Always the same many, so that the bytes of a file do not depend on
/// how the rows were made.
const ROWS: usize = 65_536;

/// Digits of a user id, and of a revenue, of which 18 are decimals.
const USER_ID: (u8, i8) = (20, 0);
const REVENUE: (u8, i8) = (38, 18);

/// An Arrow file that is being written.
pub(super) struct ArrowFile {
    schema: SchemaRef,
    /// Writes into memory, which is taken away after each batch.
    writer: FileWriter<Vec<u8>>,
    /// The rows of the next batch.
    rows: Columns,
}

impl ArrowFile {
    pub(super) fn new() -> Result<ArrowFile, ArrowError> {
        let schema = Arc::new(schema());
        Ok(ArrowFile {
            writer: FileWriter::try_new(Vec::new(), &schema)?,
            schema,
            rows: Columns::default(),
        })
    }

    /// Adds rows, and gives the bytes that are complete.
    pub(super) fn write(
        &mut self,
        rows: &Columns,
        range: std::ops::Range<usize>,
    ) -> Result<Vec<u8>, ArrowError> {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + ROWS - self.rows.len());
            self.rows.extend(rows, start..end);
            start = end;
            if self.rows.len() == ROWS {
                self.batch()?;
            }
        }
        Ok(std::mem::take(self.writer.get_mut()))
    }

    /// Writes what is left, and what is known of the whole.
    pub(super) fn finish(mut self, facts: &Facts) -> Result<Vec<u8>, ArrowError> {
        if self.rows.len() > 0 {
            self.batch()?;
        }
        for (key, value) in facts.iter() {
            self.writer.write_metadata(key, value);
        }
        self.writer.into_inner()
    }

    fn batch(&mut self) -> Result<(), ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let decimals = |numbers: Vec<i128>, (precision, scale)| {
            Decimal128Array::from(numbers).with_precision_and_scale(precision, scale)
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Date32Array::from(rows.dates)),
            Arc::new(decimals(rows.user_ids, USER_ID)?),
            Arc::new(Int64Array::from(rows.event_counts)),
            Arc::new(Int64Array::from(rows.purchase_counts)),
            Arc::new(decimals(rows.revenues, REVENUE)?),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.writer.write(&batch)
    }
}

fn schema() -> Schema {
    let decimal = |(precision, scale)| DataType::Decimal128(precision, scale);
    Schema::new(vec![
        Field::new("date", DataType::Date32, false),
        Field::new("user_id", decimal(USER_ID), false),
        Field::new("event_count", DataType::Int64, false),
        Field::new("purchase_count", DataType::Int64, false),
        Field::new("total_revenue", decimal(REVENUE), false),
    ])
}
