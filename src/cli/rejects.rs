//! What the program does with rejects: a line of the log for each, and one of the rejects file; and their
//! places are kept for the report.

use std::mem;
use std::sync::Arc;

use super::args::LogFormat;
use super::config::AggregateConfig;
use super::log::Log;
use super::warnings::Warnings;
use daytally::event::Schema;
use daytally::output::report::{PlaceNotes, RejectPlaces};
use daytally::output::{Draft, Reject};
use daytally::{RejectBatch, RejectSink, Result};

/// Logs every reject, and writes it to the rejects file if there is one.
pub(super) struct LoggedRejects {
    pub(super) file: Option<Draft>,
    pub(super) places: Option<RejectPlaces>,
    log: Log,
    format: LogFormat,
    schema: Arc<Schema>,
}

impl LoggedRejects {
    pub(super) fn new(
        file: Option<Draft>,
        places: Option<RejectPlaces>,
        log: Log,
        config: &AggregateConfig,
    ) -> LoggedRejects {
        LoggedRejects {
            file,
            places,
            log,
            format: config.log.format,
            schema: Arc::new(config.options.schema.clone()),
        }
    }
}

/// The lines for some rejects.
#[derive(Clone)]
pub(super) struct Lines {
    warnings: Option<Warnings>,
    json: Option<Vec<u8>>,
    places: Option<PlaceNotes>,
    message: String,
    schema: Arc<Schema>,
}

impl RejectBatch for Lines {
    fn add(&mut self, reject: &Reject<'_>) {
        if let Some(places) = &mut self.places {
            places.add(reject);
        }
        if self.warnings.is_none() && self.json.is_none() {
            return;
        }
        let mut message = mem::take(&mut self.message);
        message.clear();
        reject
            .fault
            .push_message_in(reject.raw, &self.schema, &mut message);
        if let Some(warnings) = &mut self.warnings {
            warnings.add(reject, &message);
        }
        if let Some(json) = &mut self.json {
            reject.write_json(&message, json);
        }
        self.message = message;
    }

    fn size(&self) -> usize {
        let warnings = self.warnings.as_ref().map_or(0, |w| w.lines().len());
        let places = self.places.as_ref().map_or(0, PlaceNotes::size);
        warnings + self.json.as_ref().map_or(0, Vec::len) + places
    }
}

impl RejectSink for LoggedRejects {
    type Batch = Lines;

    fn batch(&self) -> Lines {
        Lines {
            warnings: tracing::enabled!(tracing::Level::WARN).then(|| Warnings::new(self.format)),
            json: self.file.is_some().then(Vec::new),
            places: self.places.as_ref().map(|_| PlaceNotes::default()),
            message: String::new(),
            schema: Arc::clone(&self.schema),
        }
    }

    fn take(&mut self, lines: &mut Lines) -> Result<()> {
        if let Some(warnings) = &mut lines.warnings {
            self.log.write(warnings.lines());
            warnings.clear();
        }
        if let (Some(file), Some(json)) = (&mut self.file, &mut lines.json) {
            file.write(json)?;
            json.clear();
        }
        if let (Some(places), Some(notes)) = (&mut self.places, &mut lines.places) {
            places.take(notes);
        }
        Ok(())
    }
}
