//! The command `daytally explain`.

mod excerpt;
mod json;
mod place;
mod show;

use std::io::Write as _;

use super::color;
use super::config::ExplainConfig;
use super::exit::Exit;
use super::{report, warn};
use daytally::error::{Error, Result};
use daytally::event::{Decoder, Diagnosis, Lanes, Schema, Verdict};
use daytally::internals::{FoundLine, Locator, Which};

pub(super) use place::Place;

/// Shows the line, or the lines.
pub(super) fn run(config: &ExplainConfig) -> Exit {
    match explain(config) {
        Ok(()) => Exit::Done,
        Err(error) => {
            if !error.is_closed_stdout() {
                report(&error);
            }
            Exit::from(&error)
        }
    }
}

fn explain(config: &ExplainConfig) -> Result<()> {
    if let Some(rejected) = config.place.line_of_stream() {
        let line = FoundLine {
            number: rejected.line,
            offset: rejected.offset,
            bytes: rejected.bytes.as_slice().into(),
            cut: None,
        };
        return print(&Explained::of(config, line).text(config));
    }
    let input = config.place.open()?;
    let locator = Locator::default();
    let locator = Locator {
        // A line that may be valid is looked at whole.
        line_bytes: locator.line_bytes.max(config.max_line_bytes),
        ..locator
    };
    let which = config.place.which();
    if which == Which::All {
        let mut all = All::new(config);
        locator.find(input, which, |line| all.take(line))?;
        return all.finish();
    }
    locator.find(input, which, |line| {
        let is_another = |rejected: &place::Rejected| !rejected.is(&line.bytes);
        if line.cut.is_none() && config.place.rejected().is_some_and(is_another) {
            warn(&format!(
                "{} has changed since: there is another line now at byte {} than the one that was rejected, which is in its raw",
                daytally::text::name(config.place.name()),
                line.offset
            ));
        }
        print(&Explained::of(config, line).text(config))
    })
}

/// A line and what was found out about it.
struct Explained<'a> {
    input: &'a str,
    /// The byte that was asked for.
    asked: Option<u64>,
    line: FoundLine<'a>,
    diagnosis: Diagnosis,
    schema: &'a Schema,
}

impl<'a> Explained<'a> {
    fn of(config: &'a ExplainConfig, line: FoundLine<'a>) -> Explained<'a> {
        Explained {
            input: config.place.name(),
            schema: &config.schema,
            asked: match config.place.which() {
                Which::Offset(offset) => Some(offset),
                _ => None,
            },
            diagnosis: match line.cut {
                Some(cut) => Diagnosis::of_cut(cut.len, config.max_line_bytes),
                None => Diagnosis::with_schema(&line.bytes, config.max_line_bytes, &config.schema),
            },
            line,
        }
    }

    fn text(&self, config: &ExplainConfig) -> String {
        if config.is_json {
            json::object(self)
        } else {
            show::text(self, color::on_stdout())
        }
    }
}

/// All lines of an input, of which those that are not valid are shown; and if there is only one, that.
struct All<'a> {
    config: &'a ExplainConfig,
    decoder: Decoder,
    /// The first line, as long as it is the only one, and need not be shown if it is not.
    first: Option<FoundLine<'static>>,
    lines: u64,
    valid: u64,
    blank: u64,
}

impl<'a> All<'a> {
    fn new(config: &'a ExplainConfig) -> All<'a> {
        All {
            config,
            decoder: Decoder::with_schema(config.max_line_bytes, Lanes::All, &config.schema),
            first: None,
            lines: 0,
            valid: 0,
            blank: 0,
        }
    }

    fn take(&mut self, line: FoundLine<'_>) -> Result<()> {
        self.lines += 1;
        self.first = None;
        let verdict = match line.cut {
            Some(_) => None,
            None => Some(self.decoder.decode(&line.bytes)),
        };
        match verdict {
            Some(Verdict::Valid(_)) => self.valid += 1,
            Some(Verdict::Blank) => self.blank += 1,
            _ => {
                let mut text = Explained::of(self.config, line).text(self.config);
                if !self.config.is_json {
                    text.push('\n');
                }
                return print(&text);
            }
        }
        if self.lines == 1 {
            self.first = Some(line.into_owned());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        if let Some(line) = self.first.take() {
            return print(&Explained::of(self.config, line).text(self.config));
        }
        match self.lines {
            0 => Err(Error::NoSuchLine {
                input: "standard input".into(),
                line: 1,
                lines: 0,
            }),
            1 => Ok(()),
            _ if self.config.is_json => Ok(()),
            lines => print(&format!(
                "{lines} lines: {} valid, {} invalid, {} blank\n",
                self.valid,
                lines - self.valid - self.blank,
                self.blank
            )),
        }
    }
}

fn print(text: &str) -> Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|source| Error::Stdout { source })
}
