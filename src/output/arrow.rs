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
        let schema = Arc::new(Schema::new(fields(false).to_vec()));
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
        let ArrowFile {
            schema,
            writer,
            rows: pending,
        } = self;
        pending.fill(rows, range, ROWS, |rows| batch(schema, writer, rows))?;
        Ok(std::mem::take(self.writer.get_mut()))
    }

    /// Writes what is left, and what is known of the whole.
    pub(super) fn finish(mut self, facts: &Facts) -> Result<Vec<u8>, ArrowError> {
        if self.rows.len() > 0 {
            batch(&self.schema, &mut self.writer, &mut self.rows)?;
        }
        for (key, value) in facts.iter() {
            self.writer.write_metadata(key, value);
        }
        self.writer.into_inner()
    }
}

/// Writes rows as a batch, and takes them.
fn batch(
    schema: &SchemaRef,
    writer: &mut FileWriter<Vec<u8>>,
    rows: &mut Columns,
) -> Result<(), ArrowError> {
    let columns = arrays(std::mem::take(rows))?.into();
    writer.write(&RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Rows as arrays, in the order of [`fields`].
pub(crate) fn arrays(rows: Columns) -> Result<[ArrayRef; 5], ArrowError> {
    let decimals = |numbers: Vec<i128>, (precision, scale)| {
        Decimal128Array::from(numbers).with_precision_and_scale(precision, scale)
    };
    Ok([
        Arc::new(Date32Array::from(rows.dates)),
        Arc::new(decimals(rows.user_ids, USER_ID)?),
        Arc::new(Int64Array::from(rows.event_counts)),
        Arc::new(Int64Array::from(rows.purchase_counts)),
        Arc::new(decimals(rows.revenues, REVENUE)?),
    ])
}

/// The columns of rows.
pub(crate) fn fields(are_nullable: bool) -> [Field; 5] {
    let decimal = |(precision, scale)| DataType::Decimal128(precision, scale);
    let field = |name: &str, of| Field::new(name, of, are_nullable);
    [
        field("date", DataType::Date32),
        field("user_id", decimal(USER_ID)),
        field("event_count", DataType::Int64),
        field("purchase_count", DataType::Int64),
        field("total_revenue", decimal(REVENUE)),
    ]
}
