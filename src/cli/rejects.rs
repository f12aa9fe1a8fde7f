//! What the program does with rejects: a line of the log for each, and one of the rejects file; and their
//! places are kept for the report.

use std::io::IsTerminal as _;
use std::mem;
use std::sync::Arc;

use tracing_subscriber::filter::LevelFilter;

use super::args::LogFormat;
use super::config::{AggregateConfig, LogConfig};
use super::log::Log;
use super::warnings::Warnings;
use daytally::Reject;
use daytally::event::Schema;
use daytally::internals::{JsonWriter, push_message};
use daytally::output::Draft;
use daytally::output::report::{PlaceNotes, RejectPlaces};
use daytally::text::Decimal;
use daytally::{RejectBatch, RejectSink, Result};

/// How many invalid events are shown one by one where a person watches: about a screenful.
const SHOWN: usize = 20;

/// Logs every reject, and writes it to the rejects file if there is one.
pub(super) struct LoggedRejects {
    pub(super) file: Option<Draft>,
    pub(super) places: Option<RejectPlaces>,
    log: Log,
    fold: Option<Fold>,
    format: LogFormat,
    schema: Arc<Schema>,
}

/// Keeps a terminal from being flooded: of so many lines the first are shown, and it is said where all are.
/// A log that is kept, in a file or a pipe, has them all.
#[derive(Debug)]
struct Fold {
    /// How many more lines are shown.
    left: usize,
    is_told: bool,
    has_file: bool,
}

impl Fold {
    /// If the log is a terminal, and nobody asked for more of it than usual.
    fn new(log: &LogConfig, has_file: bool) -> Option<Fold> {
        let is_watched = log.file.is_none()
            && log.format == LogFormat::Text
            && log.level == LevelFilter::WARN
            && std::io::stderr().is_terminal();
        is_watched.then_some(Fold {
            left: SHOWN,
            is_told: false,
            has_file,
        })
    }

    /// The first of these lines, as many as may be shown.
    fn first<'a>(&mut self, lines: &'a [u8]) -> &'a [u8] {
        let Some(last) = self.left.checked_sub(1) else {
            return &[];
        };
        match memchr::memchr_iter(b'\n', lines).nth(last) {
            None => {
                self.left -= memchr::memchr_iter(b'\n', lines).count();
                lines
            }
            Some(end) => {
                self.left = 0;
                &lines[..=end]
            }
        }
    }

    /// Says once that there are more.
    fn tell(&mut self) {
        if mem::replace(&mut self.is_told, true) {
            return;
        }
        if self.has_file {
            tracing::warn!(
                "more events are invalid, and are not shown one by one on a terminal: the rejects file will have them all, and -v shows them here"
            );
        } else {
            tracing::warn!(
                "more events are invalid, and are not shown one by one on a terminal: --rejects FILE keeps them all, and -v shows them here"
            );
        }
    }
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
            fold: Fold::new(&config.log, config.rejects.is_some()),
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
    writer: JsonWriter,
    places: Option<PlaceNotes>,
    message: Vec<u8>,
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
        // Once for both.
        let digits = [reject.line, reject.offset].map(Decimal::new);
        let digits = [&digits[0], &digits[1]];
        let message = &mut self.message;
        message.clear();
        push_message(&reject.fault, reject.raw, &self.schema, message);
        if let Some(warnings) = &mut self.warnings {
            warnings.add(reject, digits, message);
        }
        if let Some(json) = &mut self.json {
            self.writer.write(reject, digits, message, json);
        }
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
            writer: JsonWriter::new(),
            message: Vec::new(),
            schema: Arc::clone(&self.schema),
        }
    }

    fn take(&mut self, lines: &mut Lines) -> Result<()> {
        if let Some(warnings) = &mut lines.warnings {
            if let Some(fold) = &mut self.fold {
                let all = warnings.lines();
                let shown = fold.first(all);
                self.log.write(shown);
                if shown.len() < all.len() {
                    fold.tell();
                }
                warnings.clear();
            } else {
                self.log.take(warnings.lines_mut());
            }
        }
        if let (Some(file), Some(json)) = (&mut self.file, &mut lines.json) {
            file.take(json)?;
        }
        if let (Some(places), Some(notes)) = (&mut self.places, &mut lines.places) {
            places.take(notes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_shown() {
        let mut fold = Fold {
            left: 3,
            is_told: false,
            has_file: false,
        };
        for (lines, shown) in [
            ("a\nb\n", "a\nb\n"),
            ("", ""),
            ("c\nd\n", "c\n"),
            ("e\n", ""),
        ] {
            assert_eq!(fold.first(lines.as_bytes()), shown.as_bytes());
        }
        fold.left = 2;
        assert_eq!(fold.first(b"a\nb\n"), b"a\nb\n");
        assert_eq!(fold.left, 0);
    }
}
