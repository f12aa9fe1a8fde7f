//! Results as files of Apache Arrow IPC: as they are written, and as other programs write the same table
//! again.
//!
//! The columns are found by their names. Whole numbers may be integers or decimals, and the revenue a decimal
//! with at most 18 decimals; what can be null may be so, as long as nothing is.

use std::fs::File;
use std::io::BufReader;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type, Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_schema::DataType;

use super::Rows;
use super::columns::{self, Kind, NAMES};
use super::stored::StoredFile;
use crate::aggregate::Group;
use crate::error::{Error, Result};

/// The rows of a file.
pub(super) struct ArrowRows {
    stored: StoredFile,
    /// `None` when it has been read to its end.
    reader: Option<FileReader<BufReader<File>>>,
    columns: [Column; 5],
    /// Rows before those that are next.
    rows: u64,
}

/// Where a column is, and what its numbers are to be multiplied with.
#[derive(Clone, Copy, Debug)]
struct Column {
    index: usize,
    factor: i128,
}

impl ArrowRows {
    pub(super) fn open(stored: StoredFile) -> Result<ArrowRows> {
        let file = BufReader::new(stored.handle()?);
        let reader = stored.guarded("Arrow IPC", || {
            FileReader::try_new(file, None).map_err(|error| error.to_string())
        })?;
        let schema = reader.schema();
        let mut columns = Vec::with_capacity(NAMES.len());
        for (at, name) in NAMES.iter().enumerate() {
            let Ok(index) = schema.index_of(name) else {
                return Err(stored.fault(format!(
                    "is Arrow IPC without a column {name}, so no result; is it the file that is meant?"
                )));
            };
            let Some(factor) = kind(schema.field(index).data_type()).and_then(|k| k.factor(at))
            else {
                return Err(stored.fault(format!(
                    "is Arrow IPC with a column {name} that is of another type than results have; write the result again"
                )));
            };
            columns.push(Column { index, factor });
        }
        let Ok(columns) = <[Column; 5]>::try_from(columns) else {
            return Err(stored.fault("is Arrow IPC with other columns than results have"));
        };
        Ok(ArrowRows {
            stored,
            reader: Some(reader),
            columns,
            rows: 0,
        })
    }

    fn append(&mut self, batch: &RecordBatch, rows: &mut Vec<Group>) -> Result<()> {
        let mut all: [Vec<i128>; 5] = std::array::from_fn(|_| Vec::new());
        for (at, (numbers, column)) in all.iter_mut().zip(&self.columns).enumerate() {
            *numbers = column.numbers(batch).ok_or_else(|| self.no_number(at))?;
        }
        columns::append(&all, rows)
            .map_err(|(at, what)| self.stored.row_fault(self.rows + at as u64, what))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    #[cold]
    fn no_number(&self, column: usize) -> Error {
        self.stored.fault(format!(
            "has a null, or a number that is too large, in its column {}, after row {}; write the result again",
            NAMES[column], self.rows
        ))
    }
}

/// What the numbers of a column are; `None` if they are none.
fn kind(data_type: &DataType) -> Option<Kind> {
    let is_date = *data_type == DataType::Date32;
    let scale = match data_type {
        DataType::Date32 | DataType::Int32 | DataType::Int64 | DataType::UInt64 => 0,
        DataType::Decimal128(_, scale) => i64::from(*scale),
        _ => return None,
    };
    Some(Kind { is_date, scale })
}

impl Column {
    /// Its numbers; `None` if one is null, or does not fit.
    fn numbers(self, batch: &RecordBatch) -> Option<Vec<i128>> {
        let column = batch.columns().get(self.index)?;
        if column.null_count() > 0 {
            return None;
        }
        let numbers = match column.data_type() {
            DataType::Date32 => wide(column.as_primitive::<Date32Type>().values()),
            DataType::Int32 => wide(column.as_primitive::<Int32Type>().values()),
            DataType::Int64 => wide(column.as_primitive::<Int64Type>().values()),
            DataType::UInt64 => wide(column.as_primitive::<UInt64Type>().values()),
            DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().values().to_vec(),
            _ => return None,
        };
        let scaled = numbers
            .into_iter()
            .map(|number| number.checked_mul(self.factor));
        scaled.collect()
    }
}

fn wide<T: Copy + Into<i128>>(numbers: &[T]) -> Vec<i128> {
    numbers.iter().map(|number| (*number).into()).collect()
}

impl Rows for ArrowRows {
    fn next_rows(&mut self, rows: &mut Vec<Group>) -> Result<bool> {
        let Some(reader) = &mut self.reader else {
            return Ok(false);
        };
        let batch = self.stored.guarded("Arrow IPC", || {
            reader.next().transpose().map_err(|error| error.to_string())
        })?;
        match batch {
            None => {
                self.reader = None;
                self.stored.check_unchanged()?;
                Ok(false)
            }
            Some(batch) => {
                self.append(&batch, rows)?;
                Ok(true)
            }
        }
    }

    fn place(&self, row: u64) -> String {
        self.stored.place(row)
    }
}
