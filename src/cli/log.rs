//! The log: where tracing's events go, and that none is lost without notice.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Dispatch;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::args::LogFormat;
use super::config::LogConfig;
use super::screen;
use daytally::error::{Action, Error, Result};
use daytally::text;

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
        let subscriber = subscriber(config.format, config.level, log.clone());
        let started = tracing::dispatcher::set_global_default(subscriber);
        // One process has one run; in a test of this module a second one keeps the first's log.
        drop(started);
        Ok(log)
    }

    /// Writes lines that are formatted already.
    pub(super) fn write(&self, lines: &[u8]) {
        self.lock().write(lines);
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

impl State {
    /// What cannot be written is noted, and reported at the end of the run.
    fn write(&mut self, lines: &[u8]) {
        let written = match &mut self.out {
            Out::File(file) => file.write_all(lines),
            Out::Stderr => screen::write(lines),
        };
        if let Err(failure) = written {
            self.failure.get_or_insert(failure);
        }
    }
}

/// What formats the program's own lines.
pub(super) fn subscriber<W>(format: LogFormat, level: LevelFilter, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_target(false)
        // The log knows for itself what it could not write.
        .log_internal_errors(false)
        .with_writer(writer);
    match format {
        LogFormat::Text => subscriber.finish().into(),
        LogFormat::Json => subscriber
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .finish()
            .into(),
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
        self.0.write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A name as the value of a log field: in text in quotes unless it is one plain word.
pub(super) fn field(name: &str, format: LogFormat) -> String {
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
