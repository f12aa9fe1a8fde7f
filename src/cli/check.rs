//! The command `daytally check`.

mod advice;
mod args;
mod json;
mod show;

use std::io::Write as _;
use std::time::Duration;

use super::config::CheckConfig;
use super::exit::Exit;
use super::report;
use daytally::error::{Error, Result};
use daytally::input::Place;
use daytally::output::SchemaSummary;
use daytally::survey::{Needs, Survey, survey};

pub(super) use args::CheckArgs;

/// Looks at the inputs, and tells.
pub(super) fn run(config: &CheckConfig) -> Exit {
    match check(config) {
        Ok(()) => Exit::Done,
        Err(error) => {
            if !error.is_closed_stdout() {
                report(&error);
            }
            Exit::from(&error)
        }
    }
}

fn check(config: &CheckConfig) -> Result<()> {
    let (found, searched) = config.search.survey();
    searched?;
    let inputs = found
        .inputs
        .iter()
        .map(Place::open)
        .collect::<Result<Vec<_>>>()?;
    let survey = survey(inputs, &config.settings)?;
    let checked = Checked {
        needs: Needs::of(&survey, &config.options),
        advice: advice::of(config, &survey, &found),
        schema: SchemaSummary::of(&config.settings.schema),
        time: config.settings.time,
        survey,
    };
    let text = if config.is_json {
        json::object(&checked)
    } else {
        show::text(&checked)
    };
    let text = daytally::text::lines(&text).to_string();
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|source| Error::Stdout { source })
}

/// All that there is to tell.
struct Checked {
    survey: Survey,
    needs: Option<Needs>,
    advice: advice::Advice,
    /// What events look like, if it was said.
    schema: Option<SchemaSummary>,
    /// How long it was read at most.
    time: Duration,
}

impl Checked {
    /// Whether the inputs have no events, as far as they were read.
    fn has_nothing(&self) -> bool {
        let books = &self.survey.part.books;
        books.lines() == books.blank
    }
}
