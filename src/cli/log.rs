//! The log: where tracing's events go, and that none is lost without notice.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

use super::args::LogFormat;
use super::config::LogConfig;
use daytally::error::{Action, Error, Result};
use daytally::output::{Draft, Reject};
use daytally::{RejectSink, text};

/// The log of a run, for making sure of it at the end.
#[derive(Clone, Debug)]
pub(super) struct Log(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    out: Out,
    path: Option<PathBuf>,
    failure: Option<io::Error>,
}

#[derive(Debug)]
enum Out {
    File(BufWriter<File>),
    Stderr,
}

impl Log {
    /// Starts logging, to the end of the process.
    ///
    /// # Errors
    ///
    /// Where the log file cannot be created.
    pub(super) fn start(config: &LogConfig) -> Result<Log> {
        let out = match &config.file {
            Some(path) => Out::File(BufWriter::new(
                File::create(path).map_err(|source| Error::io(Action::Create, path, source))?,
            )),
            None => Out::Stderr,
        };
        let log = Log(Arc::new(Mutex::new(State {
            out,
            path: config.file.clone(),
            failure: None,
        })));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(config.level)
            .with_ansi(false)
            .with_target(false)
            // What cannot be written is noted, and reported at the end of the run.
            .log_internal_errors(false)
            .with_writer(log.clone());
        let started = match config.format {
            LogFormat::Text => tracing::subscriber::set_global_default(subscriber.finish()),
            LogFormat::Json => tracing::subscriber::set_global_default(
                subscriber
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false)
                    .finish(),
            ),
        };
        // One process has one run; in a test of this module a second one keeps the first's log.
        drop(started);
        Ok(log)
    }

    /// Makes sure that everything logged has been written.
    ///
    /// # Errors
    ///
    /// Where a line could not be written to the log file.
    pub(super) fn finish(&self) -> Result<()> {
        let mut state = self.lock();
        if let Out::File(file) = &mut state.out
            && let Err(failure) = file.flush()
        {
            state.failure.get_or_insert(failure);
        }
        let path = state.path.clone();
        match (state.failure.take(), path) {
            (Some(source), Some(path)) => Err(Error::io(Action::Write, &path, source)),
            // Standard error is gone: nobody is left who would read it.
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self.lock())
    }
}

/// Writes one line of the log.
pub(super) struct Line<'a>(MutexGuard<'a, State>);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let state = &mut *self.0;
        let written = match &mut state.out {
            Out::File(file) => file.write_all(line),
            Out::Stderr => io::stderr().write_all(line),
        };
        if let Err(failure) = written {
            state.failure.get_or_insert(failure);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs every reject, and writes it to the rejects file if there is one.
pub(super) struct LoggedRejects {
    pub(super) file: Option<Draft>,
    format: LogFormat,
    json: Vec<u8>,
}

impl LoggedRejects {
    pub(super) fn new(file: Option<Draft>, format: LogFormat) -> LoggedRejects {
        LoggedRejects {
            file,
            format,
            json: Vec::new(),
        }
    }
}

impl RejectSink for LoggedRejects {
    fn reject(&mut self, reject: &Reject<'_>) -> Result<()> {
        if tracing::enabled!(tracing::Level::WARN) {
            tracing::warn!(
                input = %field(reject.input, self.format),
                line = reject.line,
                offset = reject.offset,
                reason = %reject.fault.reason(),
                "{}",
                reject.fault.message(reject.raw)
            );
        }
        if let Some(file) = &mut self.file {
            self.json.clear();
            reject.write_json(&mut self.json);
            file.write(&self.json)?;
        }
        Ok(())
    }
}

/// A name as the value of a log field: in text in quotes unless it is one plain word.
fn field(name: &str, format: LogFormat) -> String {
    if format == LogFormat::Json {
        return text::name(name).to_string();
    }
    let is_word = |c: char| text::is_showable(c) && !matches!(c, ' ' | '"' | '\\' | '=');
    if !name.is_empty() && name.chars().all(is_word) {
        name.to_owned()
    } else {
        text::quoted(name).to_string()
    }
}

/// A path as the value of a log field.
pub(super) fn path_field(path: &Path, format: LogFormat) -> String {
    field(&path.to_string_lossy(), format)
}
