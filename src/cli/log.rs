//! The log: where tracing's events go, and that none is lost without notice.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Dispatch;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::args::LogFormat;
use super::config::LogConfig;
use super::screen;
use daytally::error::{Action, Error, Result};
use daytally::internals::{Waiting, write_parts};
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
    File(LogFile),
    Stderr { is_terminal: bool },
}

/// A log file that is written in pieces: of lines that come by the thousand large ones.
#[derive(Debug)]
struct LogFile {
    file: File,
    waiting: Waiting,
}

impl LogFile {
    /// How much is written at once.
    const PIECE: usize = 64 * 1024;

    /// How many bytes of single lines may wait.
    const WAITING: usize = 8 * 1024;

    fn new(file: File) -> LogFile {
        LogFile {
            file,
            waiting: Waiting::new(LogFile::PIECE),
        }
    }

    /// Writes the next lines.
    fn write_many(&mut self, lines: &[u8]) -> io::Result<()> {
        self.waiting
            .add(lines, |parts| write_parts(&self.file, parts))
    }

    /// The same, and leaves `lines` empty.
    fn take_many(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        self.waiting
            .take(lines, |parts| write_parts(&self.file, parts))
    }

    /// Writes the next line.
    fn write_one(&mut self, line: &[u8]) -> io::Result<()> {
        self.write_many(line)?;
        if self.waiting.len() >= LogFile::WAITING {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what waits. What cannot be written does not wait for another time.
    fn flush(&mut self) -> io::Result<()> {
        self.waiting.flush(|parts| write_parts(&self.file, parts))
    }
}

/// As `BufWriter` does it.
impl Drop for LogFile {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

impl Log {
    /// Starts logging, to the end of the process.
    ///
    /// # Errors
    ///
    /// Where the log file cannot be created.
    pub(super) fn start(config: &LogConfig) -> Result<Log> {
        let out = match &config.file {
            Some(path) => Out::File(LogFile::new(
                File::create(path).map_err(|source| Error::io(Action::Create, path, source))?,
            )),
            None => Out::Stderr {
                is_terminal: io::stderr().is_terminal(),
            },
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
        self.lock().write(lines, LogFile::write_many);
    }

    /// The same, and leaves `lines` empty. Most of them need not be copied then.
    pub(super) fn take(&self, lines: &mut Vec<u8>) {
        let mut state = self.lock();
        let written = match &mut state.out {
            Out::File(file) => file.take_many(lines),
            Out::Stderr { .. } => screen::write(lines),
        };
        lines.clear();
        state.note(written);
    }

    /// Makes sure that everything logged has been written.
    ///
    /// # Errors
    ///
    /// Where a line could not be written, to the log file or to standard error.
    pub(super) fn finish(&self) -> Result<()> {
        let mut state = self.lock();
        if let Out::File(file) = &mut state.out {
            let flushed = file.flush();
            state.note(flushed);
        }
        match (state.failure.take(), &state.path) {
            (Some(source), Some(path)) => Err(Error::io(Action::Write, path, source)),
            (Some(source), None) => Err(Error::Stderr { source }),
            (None, _) => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes lines, to a file in its own way.
    fn write(&mut self, lines: &[u8], to_file: impl Fn(&mut LogFile, &[u8]) -> io::Result<()>) {
        let written = match &mut self.out {
            Out::File(file) => to_file(file, lines),
            Out::Stderr { .. } => screen::write(lines),
        };
        self.note(written);
    }

    /// What cannot be written is noted, and reported at the end of the run.
    fn note(&mut self, written: io::Result<()>) {
        let Err(failure) = written else {
            return;
        };
        // As on standard output: a reader that went away wants no more, and neither does a terminal that is
        // gone, which does not get all lines anyway.
        let wants_no_more = match self.out {
            Out::File(_) => false,
            Out::Stderr { is_terminal } => {
                is_terminal || failure.kind() == io::ErrorKind::BrokenPipe
            }
        };
        if !wants_no_more {
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
        self.0.write(line, LogFile::write_one);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_has_all_lines_in_order_in_whatever_pieces_they_come() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = LogFile::new(File::create(&path).unwrap());
        let mut expected = Vec::new();
        let piece = LogFile::PIECE;
        let lens = [
            1,
            0,
            100,
            piece - 101,
            piece,
            3 * piece + 7,
            9000,
            piece - 7,
            5,
        ];
        for (len, byte) in lens.into_iter().cycle().take(40).zip(b'0'..) {
            let mut lines = vec![byte; len];
            expected.extend_from_slice(&lines);
            match byte % 3 {
                0 => {
                    file.write_one(&lines).unwrap();
                    assert!(file.waiting.len() < LogFile::WAITING);
                }
                1 => file.write_many(&lines).unwrap(),
                _ => {
                    file.take_many(&mut lines).unwrap();
                    assert!(lines.is_empty());
                }
            }
            assert!(file.waiting.len() < piece);
            let written = usize::try_from(file.waiting.written()).unwrap();
            assert_eq!(written + file.waiting.len(), expected.len());
            assert!(std::fs::read(&path).unwrap() == expected[..written]);
        }
        drop(file);
        assert!(std::fs::read(&path).unwrap() == expected);
    }

    #[test]
    fn standard_error_that_takes_no_more_is_told_unless_nobody_is_there() {
        let full = || io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        let finished = |is_terminal, failures: [io::Error; 2]| {
            let log = Log(Arc::new(Mutex::new(State {
                out: Out::Stderr { is_terminal },
                path: None,
                failure: None,
            })));
            for failure in failures {
                log.lock().note(Err(failure));
            }
            log.finish().map_err(|error| error.to_string())
        };
        let gone = || io::ErrorKind::BrokenPipe.into();
        let told = "cannot write the log to standard error: no space left on the disk";
        assert_eq!(finished(false, [full(), gone()]), Err(told.into()));
        assert_eq!(finished(false, [gone(), full()]), Err(told.into()));
        assert_eq!(finished(false, [gone(), gone()]), Ok(()));
        assert_eq!(finished(true, [full(), full()]), Ok(()));
    }

    #[test]
    fn what_cannot_be_written_is_told_and_does_not_pile_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "").unwrap();
        let mut file = LogFile::new(File::open(&path).unwrap());
        file.write_one(b"a").unwrap();
        assert!(file.write_many(&vec![b'b'; 2 * LogFile::PIECE]).is_err());
        assert!(file.waiting.len() < LogFile::PIECE);
        assert!(file.take_many(&mut vec![b'c'; 2 * LogFile::PIECE]).is_err());
        assert!(file.flush().is_err());
        assert!(file.waiting.is_empty());
    }
}
