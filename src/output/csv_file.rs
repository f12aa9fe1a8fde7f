//! A CSV file made row by row, compressed or not: the same bytes as a run makes of the same rows.

use super::csv::{HEADER, RowWriter};
use super::format::{Encoding, Format};
use super::packer::Packer;
use crate::aggregate::Group;
use crate::error::{Error, Result};

/// How many bytes of rows are collected before they are passed on.
const BUFFER: usize = 64 * 1024;

/// A file that is being made. What it gives is to be written in that order.
pub(crate) struct CsvFile {
    format: Format,
    packer: Packer,
    rows: RowWriter,
    buffer: Vec<u8>,
}

impl CsvFile {
    /// Starts a file with its header.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] where the format is no CSV, or not built in.
    pub(crate) fn start(format: Format) -> Result<CsvFile> {
        if format.encoding() != Encoding::Csv {
            return Err(Error::format(format, "it is no CSV".into()));
        }
        if let Some(feature) = format.missing_feature() {
            return Err(Error::format(
                format,
                format!("this build of daytally is without the feature {feature}"),
            ));
        }
        let packer = Packer::new(format.packing());
        Ok(CsvFile {
            format,
            packer: packer.map_err(|source| Error::format(format, source.to_string()))?,
            rows: RowWriter::default(),
            buffer: HEADER.to_vec(),
        })
    }

    /// Adds a row. Rows come in order.
    ///
    /// # Errors
    ///
    /// What `write` says.
    pub(crate) fn push(
        &mut self,
        group: &Group,
        write: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.rows.push(group, &mut self.buffer);
        if self.buffer.len() < BUFFER {
            return Ok(());
        }
        self.flush(write)
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// What `write` says.
    pub(crate) fn finish(mut self, write: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.flush(write)?;
        let format = self.format;
        let packed = self.packer.finish(write)?;
        packed.map_err(|source| Error::format(format, source.to_string()))
    }

    fn flush(&mut self, write: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let packed = self.packer.write(&self.buffer, write)?;
        self.buffer.clear();
        packed.map_err(|source| Error::format(self.format, source.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{GroupKey, Revenue, Totals};
    use crate::event::{Date, UserId};
    use crate::{Input, Options, Pipeline};

    /// Rows enough for several blocks of every packing.
    const ROWS: i64 = 20_000;

    #[test]
    fn a_run_makes_the_same_bytes_of_the_same_rows() {
        let line = |user: i64| {
            format!(
                "{{\"user_id\":{user},\"event_type\":\"purchase\",\"timestamp\":\"2024-01-01T00Z\",\"amount\":0.5}}\n"
            )
        };
        let events: String = (0..ROWS).map(line).collect();
        let pipeline = Pipeline::new(Options::default()).unwrap();
        for name in ["csv", "csv.gz", "csv.zst"] {
            let format: Format = name.parse().unwrap();
            if format.missing_feature().is_some() {
                continue;
            }
            let input = Input::reader("events", std::io::Cursor::new(events.clone()));
            let outcome = pipeline.aggregate(vec![input], &mut ()).unwrap();
            let mut expected = Vec::new();
            let write = |bytes: &[u8]| {
                expected.extend_from_slice(bytes);
                Ok(())
            };
            pipeline
                .write_result(&outcome, format, write, None)
                .unwrap();

            let mut made = Vec::new();
            let mut write = |bytes: &[u8]| {
                made.extend_from_slice(bytes);
                Ok(())
            };
            let mut file = CsvFile::start(format).unwrap();
            let date = Date::from_ymd(2024, 1, 1).unwrap();
            for user in 0..ROWS {
                let totals = Totals {
                    event_count: 1,
                    purchase_count: 1,
                    revenue: Revenue::from_units(5 * 10_u128.pow(17)),
                };
                let key = GroupKey::new(date, UserId::from(user));
                file.push(&Group { key, totals }, &mut write).unwrap();
            }
            file.finish(&mut write).unwrap();
            assert!(made == expected, "{name}");
        }
        assert!(CsvFile::start("jsonl".parse().unwrap()).is_err());
    }
}
