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
    numbers: Numbers,
    /// Rows before those that are next.
    rows: u64,
    is_at_end: bool,
}

/// The numbers of a file, column by column.
struct Numbers {
    reader: SerializedFileReader<File>,
    columns: [Column; 5],
    /// The row group that is next.
    next_group: usize,
    /// Those of the row group that is read.
    readers: Option<[ColumnReader; 5]>,
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
    /// One of this column is null, or does not fit.
    Number(usize),
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Fault {
        Fault::Parquet(error)
    }
}

impl ParquetRows {
    pub(super) fn open(stored: StoredFile) -> Result<ParquetRows> {
        let file = stored.handle()?;
        let reader = stored.guarded("Parquet", || {
            SerializedFileReader::new(file).map_err(|error| error.to_string())
        })?;
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
            numbers: Numbers {
                reader,
                columns,
                next_group: 0,
                readers: None,
            },
            rows: 0,
            is_at_end: false,
        })
    }
}

impl Numbers {
    /// The readers of the next row group's columns; `None` if there is no other.
    fn next_readers(&mut self) -> std::result::Result<Option<[ColumnReader; 5]>, ParquetError> {
        if self.next_group == self.reader.num_row_groups() {
            return Ok(None);
        }
        let group = self.reader.get_row_group(self.next_group)?;
        self.next_group += 1;
        let readers = self
            .columns
            .iter()
            .map(|column| group.get_column_reader(column.index))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        readers
            .try_into()
            .map(Some)
            .map_err(|_| ParquetError::General("there are other columns".into()))
    }

    /// The next numbers of each column, as many of all of them; none at the end.
    fn next(&mut self) -> std::result::Result<[Vec<i128>; 5], Fault> {
        loop {
            let readers = match &mut self.readers {
                Some(readers) => readers,
                None => match self.next_readers()? {
                    Some(readers) => self.readers.insert(readers),
                    None => return Ok(Default::default()),
                },
            };
            let mut all: [Vec<i128>; 5] = Default::default();
            let columns = readers.iter_mut().zip(&self.columns);
            for (at, (numbers, (reader, column))) in all.iter_mut().zip(columns).enumerate() {
                column.read(reader, numbers).map_err(|fault| match fault {
                    Fault::Number(_) => Fault::Number(at),
                    fault @ Fault::Parquet(_) => fault,
                })?;
            }
            let rows = all[0].len();
            if all.iter().any(|numbers| numbers.len() != rows) {
                let what = "its columns are of different lengths";
                return Err(Fault::Parquet(ParquetError::General(what.into())));
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
            _ => Err(Fault::Number(0)),
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
                return Err(Fault::Number(0));
            }
            for value in &values {
                let number = number(value).and_then(|number| number.checked_mul(self.factor));
                numbers.push(number.ok_or(Fault::Number(0))?);
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
        let read = self
            .stored
            .guarded("Parquet", || match self.numbers.next() {
                Ok(numbers) => Ok(Ok(numbers)),
                Err(Fault::Number(column)) => Ok(Err(column)),
                Err(Fault::Parquet(error)) => Err(error.to_string()),
            });
        let numbers = read?.map_err(|column| {
            self.stored.fault(format!(
                "has a null, or a number that is too large, in its column {}, after row {}; write the result again",
                NAMES[column], self.rows
            ))
        })?;
        if numbers[0].is_empty() {
            self.is_at_end = true;
            self.stored.check_unchanged()?;
            return Ok(false);
        }
        columns::append(&numbers, rows)
            .map_err(|(at, what)| self.stored.row_fault(self.rows + at as u64, what))?;
        self.rows += numbers[0].len() as u64;
        Ok(true)
    }

    fn place(&self, row: u64) -> String {
        self.stored.place(row)
    }
}
