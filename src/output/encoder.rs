//! From groups to the bytes of a result's file, in any format: workers make pieces of ranges side by
//! side, and one after the other they become the file.

use std::ops::Range;

use super::columns::Columns;
use super::facts::Facts;
use super::format::{Encoding, Format};
use super::packer::Packer;
use super::{csv, json_lines};
#[cfg(any(feature = "parquet", feature = "arrow"))]
use crate::aggregate::GrandTotals;
use crate::aggregate::InOrder;
use crate::error::{Error, Result};
use crate::event::Date;

/// What a worker makes of a range of groups. Kept for its memory when it is written.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    text: Vec<u8>,
    columns: Columns,
}

impl Piece {
    /// The rows, if they are for a format of columns.
    #[cfg(feature = "arrow")]
    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Takes groups in order, in place of what was there. Where the rows of each day end is told, as
    /// [`Encoder::write`] wants it, if `by_day`; otherwise where they all end.
    pub(crate) fn fill(
        &mut self,
        format: Format,
        groups: &InOrder,
        by_day: bool,
    ) -> Vec<(Date, usize)> {
        self.text.clear();
        self.columns.clear();
        let Some(last) = groups.iter().next_back() else {
            return Vec::new();
        };
        let ends = match format.encoding() {
            Encoding::Csv if by_day => csv::append_rows_by_day(groups, &mut self.text),
            Encoding::Csv => {
                csv::append_rows(groups, &mut self.text);
                Vec::new()
            }
            Encoding::JsonLines => json_lines::append_rows(groups, &mut self.text),
            Encoding::Parquet | Encoding::Arrow => self.columns.append(groups),
        };
        if by_day {
            return ends;
        }
        let end = self.text.len().max(self.columns.len());
        vec![(last.key.date(), end)]
    }
}

/// A file that is being made. What it gives is to be written in that order.
pub(crate) struct Encoder {
    format: Format,
    file: File,
    /// Of the rows of columns; texts do not ask.
    #[cfg(any(feature = "parquet", feature = "arrow"))]
    totals: GrandTotals,
}

enum File {
    Text(Packer),
    #[cfg(feature = "parquet")]
    Parquet(Box<super::parquet::ParquetFile>),
    #[cfg(feature = "arrow")]
    Arrow(Box<super::arrow::ArrowFile>),
}

impl Encoder {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// What `write` says, and [`Error::Format`] where the format is not built in.
    pub(crate) fn start(
        format: Format,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<Encoder> {
        if let Some(feature) = format.missing_feature() {
            return Err(Error::format(
                format,
                format!("this build of daytally is without the feature {feature}"),
            ));
        }
        let fault = |source: &dyn std::fmt::Display| Error::format(format, source.to_string());
        let file = match format.encoding() {
            Encoding::Csv | Encoding::JsonLines => {
                let mut packer = Packer::new(format.packing()).map_err(|source| fault(&source))?;
                if format.encoding() == Encoding::Csv {
                    packer
                        .write(csv::HEADER, write)?
                        .map_err(|source| fault(&source))?;
                }
                File::Text(packer)
            }
            #[cfg(feature = "parquet")]
            Encoding::Parquet => {
                let file = super::parquet::ParquetFile::new().map_err(|source| fault(&source))?;
                File::Parquet(Box::new(file))
            }
            #[cfg(feature = "arrow")]
            Encoding::Arrow => {
                let file = super::arrow::ArrowFile::new().map_err(|source| fault(&source))?;
                File::Arrow(Box::new(file))
            }
            #[cfg(not(all(feature = "parquet", feature = "arrow")))]
            _ => return Err(Error::format(format, "it is not built in".into())),
        };
        Ok(Encoder {
            format,
            file,
            #[cfg(any(feature = "parquet", feature = "arrow"))]
            totals: GrandTotals::default(),
        })
    }

    /// Adds a part of a piece, in the terms of the ends that it told.
    pub(crate) fn write(
        &mut self,
        piece: &Piece,
        part: Range<usize>,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let format = self.format;
        let fault = |source: &dyn std::fmt::Display| Error::format(format, source.to_string());
        match &mut self.file {
            File::Text(packer) => packer
                .write(piece.text.get(part).unwrap_or_default(), write)?
                .map_err(|source| fault(&source)),
            #[cfg(feature = "parquet")]
            File::Parquet(file) => {
                piece.columns.add_to(part.clone(), &mut self.totals);
                let bytes = file.write(&piece.columns, part);
                write_some(&bytes.map_err(|source| fault(&source))?, write)
            }
            #[cfg(feature = "arrow")]
            File::Arrow(file) => {
                piece.columns.add_to(part.clone(), &mut self.totals);
                let bytes = file.write(&piece.columns, part);
                write_some(&bytes.map_err(|source| fault(&source))?, write)
            }
        }
    }

    /// Completes the file. `of_run` is what is known of the run, if the file is all of its result.
    pub(crate) fn finish(
        self,
        of_run: Option<Facts>,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let format = self.format;
        let fault = |source: &dyn std::fmt::Display| Error::format(format, source.to_string());
        #[cfg(any(feature = "parquet", feature = "arrow"))]
        let facts = || Facts::of_rows(&self.totals).and(of_run);
        #[cfg(not(any(feature = "parquet", feature = "arrow")))]
        // A text has no room for it.
        drop(of_run);
        match self.file {
            File::Text(packer) => packer.finish(write)?.map_err(|source| fault(&source)),
            #[cfg(feature = "parquet")]
            File::Parquet(file) => {
                let bytes = file.finish(&facts());
                write_some(&bytes.map_err(|source| fault(&source))?, write)
            }
            #[cfg(feature = "arrow")]
            File::Arrow(file) => {
                let bytes = file.finish(&facts());
                write_some(&bytes.map_err(|source| fault(&source))?, write)
            }
        }
    }
}

#[cfg(any(feature = "parquet", feature = "arrow"))]
fn write_some(bytes: &[u8], write: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    match bytes {
        [] => Ok(()),
        bytes => write(bytes),
    }
}
