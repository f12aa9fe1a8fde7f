//! What is seen of a run while it lasts: a bar on a terminal, a line now and then elsewhere.
//!
//! A thread of its own looks at the run's [`Progress`], ten times a second or every half a minute. indicatif
//! makes the text of the bar, and [`screen`] has the terminal: whoever writes there takes the bar away, and
//! the next look brings it back, so that no line of the log is torn, and a run that logs much does not draw
//! more often for it. Nothing is drawn in the first half second. The cursor is never hidden, so that there is
//! nothing to be put right if the process is ended.

use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{
    DecimalBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike,
};
use tracing_subscriber::filter::LevelFilter;

use super::args::{LogFormat, ProgressArg};
use super::config::LogConfig;
use super::{log, screen};
use daytally::{Phase, Progress, ProgressNow};

/// How long a run may take before there is a bar.
const SHORT: Duration = Duration::from_millis(500);

/// How often the bar is drawn.
const LOOK: Duration = Duration::from_millis(100);

/// How wide a terminal is that does not say.
const COLUMNS: u16 = 80;

/// Shows how far a run is, until it is dropped.
#[derive(Debug)]
pub(super) struct Shown {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Shown {
    /// Starts to, if it is to be shown.
    pub(super) fn start(config: &LogConfig, progress: &Progress) -> Option<Shown> {
        let is_wanted = match config.progress {
            ProgressArg::Auto => !config.is_quiet,
            ProgressArg::Always => true,
            ProgressArg::Never => false,
        };
        if !is_wanted {
            return None;
        }
        let is_dumb = || std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let has_bar = io::stderr().is_terminal() && !is_dumb();
        let (stop, stopped) = mpsc::channel::<()>();
        let progress = progress.clone();
        let every = config.progress_every;
        let format = match config.file {
            None => config.format,
            Some(_) => LogFormat::Text,
        };
        let wait = move |time| stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
        let thread = std::thread::Builder::new().name("daytally-progress".into());
        let thread = if has_bar {
            thread.spawn(move || show_bar(&progress, wait))
        } else {
            thread.spawn(move || tell(&progress, format, every, wait))
        };
        // Where there may be no more threads, the run does without.
        let thread = thread.ok()?;
        Some(Shown {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that anybody waits for.
            let _ = thread.join();
        }
        screen::end();
    }
}

fn show_bar(progress: &Progress, wait: impl Fn(Duration) -> bool) {
    let begin = Instant::now();
    let canvas = Canvas::default();
    let target = ProgressDrawTarget::term_like(Box::new(canvas.clone()));
    let bar = ProgressBar::with_draw_target(None, target);
    let mut time = SHORT;
    while wait(time) {
        time = LOOK;
        let now = progress.look();
        let columns = usize::from(columns());
        update(&bar, &now, begin.elapsed(), columns);
        canvas.clear();
        bar.tick();
        let line: String = canvas
            .text()
            .chars()
            .take(columns.saturating_sub(1))
            .collect();
        screen::draw(line.trim_end());
    }
}

/// Tells the bar how far the run is, in as much as there is room for: what matters least is left out first.
fn update(bar: &ProgressBar, now: &ProgressNow, elapsed: Duration, columns: usize) {
    let speed = format!("{}/s", DecimalBytes(per_second(now.text_bytes, elapsed)));
    let events = format!(
        "{} events",
        HumanCount(now.valid + now.filtered + now.invalid)
    );
    let invalid = format!("{} invalid", HumanCount(now.invalid));
    let (template, messages) = match (now.phase, now.total) {
        (Phase::Reading, Some(total @ 1..)) => {
            let sizes = format!("{}/{}", DecimalBytes(now.bytes), DecimalBytes(total));
            let all = [sizes, speed, events, invalid];
            let [sizes, speed, _, invalid] = all.each_ref().map(String::as_str);
            (
                "{percent:>3}% {wide_bar} {msg}, {eta} left",
                vec![
                    all.join(", "),
                    [sizes, speed, invalid].join(", "),
                    [speed, invalid].join(", "),
                    invalid.to_owned(),
                ],
            )
        }
        (Phase::Reading, _) => {
            let bytes = DecimalBytes(now.bytes).to_string();
            (
                "{spinner} {msg}",
                vec![
                    [&bytes, &speed, &events, &invalid]
                        .map(String::as_str)
                        .join(", "),
                    [&bytes, &invalid].map(String::as_str).join(", "),
                    invalid,
                ],
            )
        }
        (Phase::Starting, _) => ("{spinner} {msg}", vec!["looking at the inputs".into()]),
        (Phase::Sorting, _) => ("{spinner} {msg}", vec!["sorting".into()]),
        (Phase::Writing, _) => (
            "{spinner} {msg}",
            vec![format!("writing, {} rows", HumanCount(now.rows))],
        ),
        (Phase::Publishing, _) => (
            "{spinner} {msg}",
            vec!["putting the result in place".into()],
        ),
    };
    // Beside it there are the percentage, the time left, and a bar that says something.
    let beside = if now.phase == Phase::Reading && now.total.is_some() {
        "100%  , 59m left".len() + LEAST_BAR
    } else {
        "- ".len()
    };
    let fits = |message: &String| message.len() + beside < columns;
    let message = messages.iter().find(|message| fits(message));
    let (template, message) = match message {
        Some(message) => (template, message.clone()),
        // No room for a bar, nor for much else.
        None if now.total.is_some_and(|total| total > 0) => (
            "{percent:>3}% {msg}",
            messages.last().cloned().unwrap_or_default(),
        ),
        None => (template, messages.last().cloned().unwrap_or_default()),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=>-").tick_chars("-\\|/ "));
    }
    if let Some(total) = now.total {
        bar.set_length(total);
    }
    bar.set_position(now.bytes);
    bar.set_message(message);
}

/// How many columns a bar has at least.
const LEAST_BAR: usize = 10;

fn per_second(bytes: u64, elapsed: Duration) -> u64 {
    let milliseconds = elapsed.as_millis().max(1);
    u64::try_from(u128::from(bytes) * 1000 / milliseconds).unwrap_or(u64::MAX)
}

/// How wide the terminal is now.
fn columns() -> u16 {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 => size.ws_col,
        _ => COLUMNS,
    }
}

/// Writes a line to the log's format now and then.
fn tell(progress: &Progress, format: LogFormat, every: Duration, wait: impl Fn(Duration) -> bool) {
    let begin = Instant::now();
    // Not the log's own: its level may leave out what is no warning, and it may go to a file.
    let lines = log::subscriber(format, LevelFilter::INFO, || Lines);
    while wait(every) {
        let now = progress.look();
        let elapsed = begin.elapsed();
        let per_second = per_second(now.text_bytes, elapsed);
        let left = now.total.filter(|_| now.bytes > 0).map(|total| {
            let left = u128::from(total - now.bytes) * elapsed.as_millis();
            u64::try_from(left / u128::from(now.bytes) / 1000).unwrap_or(u64::MAX)
        });
        tracing::dispatcher::with_default(&lines, || match now.phase {
            Phase::Starting => tracing::info!("looking at the inputs"),
            Phase::Reading => tracing::info!(
                bytes = now.bytes,
                total_bytes = now.total,
                bytes_per_second = per_second,
                events = now.valid + now.filtered + now.invalid,
                invalid = now.invalid,
                seconds_left = left,
                "reading"
            ),
            Phase::Sorting => tracing::info!("sorting"),
            Phase::Writing => tracing::info!(rows = now.rows, "writing"),
            Phase::Publishing => tracing::info!("putting the result in place"),
        });
    }
}

/// Lines of the log on standard error.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        screen::write(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What indicatif draws on.
#[derive(Clone, Debug, Default)]
struct Canvas(Arc<Mutex<String>>);

impl Canvas {
    fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        // The last column is left free: some terminals go on to the next line there.
        columns().saturating_sub(1)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut canvas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        canvas.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
