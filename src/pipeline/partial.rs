//! Runs of a part of an input, whose groups, rejects and books become a [partial](crate::partial).

use std::sync::Arc;

use super::sink::{RejectBatch, RejectSink};
use super::{Phase, Pipeline};
use crate::aggregate::GrandTotals;
use crate::books::Books;
use crate::error::{Error, Result};
use crate::event::Schema;
use crate::input::{Input, Split};
use crate::output::{Format, Reject};
use crate::partial::{BooksRow, PartialFacts, PartialFormat, Spool, Writer, push_row};

/// How a partial is to be made.
///
/// ```
/// use daytally::PartialSettings;
/// use daytally::input::Split;
///
/// let mut settings = PartialSettings::default();
/// settings.split = Split::new(0, Some(64 << 20)).unwrap();
/// settings.keeps_rejects = true;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PartialSettings {
    /// Which lines of the input are read.
    pub split: Split,
    /// What is written.
    pub format: PartialFormat,
    /// Whether there is a row for each invalid line.
    pub keeps_rejects: bool,
}

impl Pipeline {
    /// Reads a split of an input, and makes its partial, piece by piece. `rejects` gets the invalid lines, with
    /// numbers that start in the split. Returns the books, and what the groups come to.
    ///
    /// # Errors
    ///
    /// As [`aggregate`](Pipeline::aggregate) and [`write_result`](Pipeline::write_result); [`Error::Split`] where the
    /// split cannot be read; and what `write` says. What was written is to be discarded then.
    ///
    /// ```
    /// use daytally::{Input, Options, PartialSettings, Pipeline};
    ///
    /// let pipeline = Pipeline::new(Options::default())?;
    /// let input = Input::open("tests/data/events.jsonl".as_ref())?;
    /// let mut partial = Vec::new();
    /// let write = |bytes: &[u8]| Ok(partial.extend_from_slice(bytes));
    /// let mut settings = PartialSettings::default();
    /// settings.split = "100..".parse().unwrap();
    /// let (books, _) = pipeline.write_partial(input, settings, &mut (), write)?;
    /// assert_eq!(books.lines(), 3);
    /// # Ok::<(), daytally::Error>(())
    /// ```
    pub fn write_partial<S: RejectSink>(
        &self,
        mut input: Input,
        settings: PartialSettings,
        rejects: &mut S,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<(Books, GrandTotals)> {
        input.split(settings.split)?;
        let (name, start) = (input.name().to_owned(), settings.split.start());
        let identity = input.identity();
        let mut rejects = SpooledRejects {
            inner: rejects,
            spool: settings
                .keeps_rejects
                .then(|| Spool::new(&self.options.temp_dir())),
            schema: Arc::new(self.options.schema.clone()),
        };
        let outcome = self.aggregate(vec![input], &mut rejects)?;
        let spool = rejects.spool;
        let read = outcome.inputs.first().ok_or(Error::Panicked)?;
        // What the kernel makes up says that it has no bytes; its date means nothing.
        let identity = identity.filter(|identity| identity.size > 0 || read.bytes == 0);
        let size = identity.map_or_else(
            || read.compressed.map_or(read.bytes, |(_, bytes)| bytes),
            |identity| identity.size,
        );

        self.options.progress.enter(Phase::Writing);
        let facts = PartialFacts::of(&self.options, settings.keeps_rejects);
        let mut writer = Writer::start(settings.format, &facts, name, start)?;
        let totals = self.write_rows(
            &outcome,
            Format::ARROW,
            false,
            |piece, ends| {
                let rows = ends.last().map_or(0, |(_, end)| *end);
                writer.groups(piece.columns(), 0..rows, &mut write)
            },
            None,
        )?;
        if let Some(spool) = spool {
            spool.read(|row| {
                self.check_stop()?;
                writer.reject(row, &mut write)
            })?;
        }
        let books = BooksRow {
            end: settings.split.end().unwrap_or(size),
            size,
            modified: identity.map(|identity| identity.modified),
            books: outcome.books.clone(),
            first: outcome.first.clone(),
        };
        writer.finish(&books, &mut write)?;
        Ok((outcome.books, totals))
    }
}

/// Has rejects wait until the groups are written, if they are to be written too, and passes them on.
struct SpooledRejects<'run, S> {
    inner: &'run mut S,
    spool: Option<Spool>,
    schema: Arc<Schema>,
}

/// Rejects for both.
#[derive(Clone)]
struct SpooledBatch<B> {
    inner: B,
    /// As they wait, and how many.
    rows: Option<(Vec<u8>, u64)>,
    schema: Arc<Schema>,
}

impl<B: RejectBatch> RejectBatch for SpooledBatch<B> {
    fn add(&mut self, reject: &Reject<'_>) {
        self.inner.add(reject);
        if let Some((rows, count)) = &mut self.rows {
            let mut message = String::new();
            reject
                .fault
                .push_message_in(reject.raw, &self.schema, &mut message);
            push_row(&reject.to_row(message), rows);
            *count += 1;
        }
    }

    fn size(&self) -> usize {
        self.inner.size() + self.rows.as_ref().map_or(0, |(rows, _)| rows.len())
    }
}

impl<S: RejectSink> RejectSink for SpooledRejects<'_, S> {
    type Batch = SpooledBatch<S::Batch>;

    fn batch(&self) -> Self::Batch {
        SpooledBatch {
            inner: self.inner.batch(),
            rows: self.spool.as_ref().map(|_| (Vec::new(), 0)),
            schema: Arc::clone(&self.schema),
        }
    }

    fn take(&mut self, batch: &mut Self::Batch) -> Result<()> {
        self.inner.take(&mut batch.inner)?;
        if let (Some(spool), Some((rows, count))) = (&mut self.spool, &mut batch.rows) {
            spool.add(rows, *count)?;
            rows.clear();
            *count = 0;
        }
        Ok(())
    }
}
