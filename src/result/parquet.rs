//! Results as Apache Parquet: as they are written, and as other programs write the same table again.
//!
//! The columns are found by their names. Whole numbers may be integers or decimals of any width, and the
//! revenue a decimal with at most 18 decimals; what can be null may be so, as long as nothing is.

use std::fs::File;

use parquet::basic::{ConvertedType, LogicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::Rows;
use super::columns::{self, Kind, NAMES};
use super::stored::StoredFile;
use crate::aggregate::Group;
use crate::error::Result;

/// How many rows are read at a time.
const ROWS: usize = 8192;

/// The rows of a file.
pub(super) struct ParquetRows {
    stored: StoredFile,
    reader: SerializedFileReader<File>,
    columns: [Column; 5],
    /// The row group that is next.
    next_group: usize,
    /// Those of the row group that is read.
    readers: Option<[ColumnReader; 5]>,
    /// Rows before those that are next.
    rows: u64,
    is_at_end: bool,
}

/// Where a column is, and what its numbers are.
#[derive(Clone, Copy, Debug)]
struct Column {
    index: usize,
    factor: i128,
    is_unsigned: bool,
}

/// Why numbers cannot be read.
enum Fault {
    Parquet(ParquetError),
    /// One is null, or does not fit.
    Number,
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Fault {
        Fault::Parquet(error)
    }
}

impl ParquetRows {
    pub(super) fn open(stored: StoredFile) -> Result<ParquetRows> {
        let unreadable = |error: ParquetError| stored.unreadable("Parquet", &error);
        let reader = SerializedFileReader::new(stored.handle()?).map_err(unreadable)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let mut columns = Vec::with_capacity(NAMES.len());
        for (at, name) in NAMES.iter().enumerate() {
            let found = schema
                .columns()
                .iter()
                .position(|column| column.path().parts() == [*name]);
            let Some(index) = found else {
                return Err(stored.fault(format!(
                    "is Parquet without a column {name}, so no result; is it the file that is meant?"
                )));
            };
            let Some(column) = Column::new(at, index, &schema.column(index)) else {
                return Err(stored.fault(format!(
                    "is Parquet with a column {name} that is of another type than results have; write the result again"
                )));
            };
            columns.push(column);
        }
        let Ok(columns) = <[Column; 5]>::try_from(columns) else {
            return Err(stored.fault("is Parquet with other columns than results have"));
        };
        Ok(ParquetRows {
            stored,
            reader,
            columns,
            next_group: 0,
            readers: None,
            rows: 0,
            is_at_end: false,
        })
    }

    /// The next numbers of each column, as many of all of them; none at the end.
    fn numbers(&mut self) -> std::result::Result<[Vec<i128>; 5], (ParquetError, Option<usize>)> {
        let general = |what: &str| (ParquetError::General(what.into()), None);
        loop {
            let readers = match &mut self.readers {
                Some(readers) => readers,
                None if self.next_group == self.reader.num_row_groups() => {
                    return Ok(std::array::from_fn(|_| Vec::new()));
                }
                readers => {
                    let group = self
                        .reader
                        .get_row_group(self.next_group)
                        .map_err(|error| (error, None))?;
                    self.next_group += 1;
                    let mut of_columns = Vec::with_capacity(self.columns.len());
                    for column in &self.columns {
                        let reader = group.get_column_reader(column.index);
                        of_columns.push(reader.map_err(|error| (error, None))?);
                    }
                    let of_columns = of_columns
                        .try_into()
                        .map_err(|_| general("there are other columns"))?;
                    readers.insert(of_columns)
                }
            };
            let mut all: [Vec<i128>; 5] = std::array::from_fn(|_| Vec::new());
            for (at, (numbers, (reader, column))) in all
                .iter_mut()
                .zip(readers.iter_mut().zip(&self.columns))
                .enumerate()
            {
                column.read(reader, numbers).map_err(|fault| match fault {
                    Fault::Parquet(error) => (error, None),
                    Fault::Number => (ParquetError::General(String::new()), Some(at)),
                })?;
            }
            let rows = all[0].len();
            if all.iter().any(|numbers| numbers.len() != rows) {
                return Err(general("its columns are of different lengths"));
            }
            if rows > 0 {
                return Ok(all);
            }
            self.readers = None;
        }
    }
}

impl Column {
    /// `None` if it is of another type.
    fn new(at: usize, index: usize, column: &ColumnDescriptor) -> Option<Column> {
        if column.max_rep_level() > 0 {
            return None;
        }
        let logical = column.logical_type_ref();
        let converted = column.converted_type();
        let is_date =
            matches!(logical, Some(LogicalType::Date)) || converted == ConvertedType::DATE;
        let is_decimal = matches!(logical, Some(LogicalType::Decimal { .. }))
            || converted == ConvertedType::DECIMAL;
        let is_unsigned = matches!(
            logical,
            Some(LogicalType::Integer(kind)) if !kind.is_signed
        ) || matches!(
            converted,
            ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        );
        let kind = Kind {
            is_date,
            scale: if is_decimal {
                i64::from(column.type_scale())
            } else {
                0
            },
        };
        Some(Column {
            index,
            factor: kind.factor(at)?,
            is_unsigned,
        })
    }

    /// The next numbers of the row group, up to [`ROWS`].
    fn read(
        self,
        reader: &mut ColumnReader,
        numbers: &mut Vec<i128>,
    ) -> std::result::Result<(), Fault> {
        match reader {
            ColumnReader::Int32ColumnReader(reader) => self.append(reader, numbers, |&number| {
                Some(if self.is_unsigned {
                    i128::from(number.cast_unsigned())
                } else {
                    i128::from(number)
                })
            }),
            ColumnReader::Int64ColumnReader(reader) => self.append(reader, numbers, |&number| {
                Some(if self.is_unsigned {
                    i128::from(number.cast_unsigned())
                } else {
                    i128::from(number)
                })
            }),
            ColumnReader::ByteArrayColumnReader(reader) => {
                self.append(reader, numbers, |bytes| big_endian(bytes.data()))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                self.append(reader, numbers, |bytes| big_endian(bytes.data()))
            }
            _ => Err(Fault::Number),
        }
    }

    fn append<T: DataType>(
        self,
        reader: &mut ColumnReaderImpl<T>,
        numbers: &mut Vec<i128>,
        number: impl Fn(&T::T) -> Option<i128>,
    ) -> std::result::Result<(), Fault> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        while numbers.len() < ROWS {
            levels.clear();
            values.clear();
            let wanted = ROWS - numbers.len();
            let (records, found, _) =
                reader.read_records(wanted, Some(&mut levels), None, &mut values)?;
            if records == 0 {
                break;
            }
            if found < records {
                return Err(Fault::Number);
            }
            for value in &values {
                let number = number(value).and_then(|number| number.checked_mul(self.factor));
                numbers.push(number.ok_or(Fault::Number)?);
            }
        }
        Ok(())
    }
}

/// A decimal's digits: two's complement, the greatest byte first.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let is_negative = bytes.first()? >> 7 == 1;
    let fill = if is_negative { 0xff } else { 0 };
    let (over, rest) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut filled = [fill; 16];
    filled[16 - rest.len()..].copy_from_slice(rest);
    let number = i128::from_be_bytes(filled);
    (over.iter().all(|byte| *byte == fill) && (number < 0) == is_negative).then_some(number)
}

impl Rows for ParquetRows {
    fn next_rows(&mut self, rows: &mut Vec<Group>) -> Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        let numbers = match self.numbers() {
            Ok(numbers) => numbers,
            Err((_, Some(column))) => {
                return Err(self.stored.fault(format!(
                    "has a null, or a number that is too large, in its column {}, after row {}; write the result again",
                    NAMES[column], self.rows
                )));
            }
            Err((error, None)) => {
                // It may be another file by now.
                self.stored.check_unchanged()?;
                return Err(self.stored.unreadable("Parquet", &error));
            }
        };
        if numbers[0].is_empty() {
            self.is_at_end = true;
            self.stored.check_unchanged()?;
            return Ok(false);
        }
        for at in 0..numbers[0].len() {
            let row = columns::row(std::array::from_fn(|column| numbers[column][at]));
            rows.push(row.map_err(|what| self.stored.row_fault(self.rows, what))?);
            self.rows += 1;
        }
        Ok(true)
    }

    fn place(&self, row: u64) -> String {
        self.stored.place(row)
    }
}
