//! The command `daytally replay`.

mod args;
mod json;
mod show;

use std::time::Instant;

use super::color::{self, Paint};
use super::config::ReplayConfig;
use super::exit::Exit;
use super::signals::{self, Watch};
use super::{places, report, screen};
use daytally::Input;
use daytally::error::{Error, Result};
use daytally::output::{Draft, Finished, Published, Target};
use daytally::replay::{Places, Replay, Replayed};
use daytally::text;

pub(super) use args::ReplayArgs;

/// Replays, and tells how it went.
pub(super) fn run(config: &ReplayConfig) -> Exit {
    let watched = signals::handle(&config.settings.stop, |error| report(error))
        .map_err(|source| Error::Signals { source });
    let (exit, watch) = match watched {
        Ok(watch) => (replay(config, &watch), Some(watch)),
        Err(error) => (Err(error), None),
    };
    let exit = match exit {
        Ok(()) => Exit::Done,
        Err(error) => {
            let exit = Exit::from(&error);
            if let Some(watch) = &watch {
                watch.is_over(exit);
            }
            if !error.is_closed_stdout() {
                report(&error);
            }
            exit
        }
    };
    if let Some(watch) = watch {
        watch.is_over(exit);
    }
    exit
}

/// What is told apart from what was found.
struct Ends<'a> {
    is_dry: bool,
    /// Where what is still invalid goes.
    rest: Option<&'a Target>,
    started: Instant,
}

fn replay(config: &ReplayConfig, watch: &Watch) -> Result<()> {
    let ends = Ends {
        is_dry: config.is_dry,
        rest: config.rest.as_ref(),
        started: Instant::now(),
    };
    let inputs = inputs(config)?;
    // Not even a lock is taken where something else may be.
    places::check_replay(config, &Places::of(&config.into)?)?;
    let settings = config.settings.clone();
    let mut replay = if config.is_dry {
        Replay::look(&config.into, settings)?
    } else {
        Replay::open(&config.into, settings)?
    };
    // Every place is tried before the work starts.
    let rest = ends.rest.filter(|_| !config.is_dry);
    let mut rest = rest.map(Draft::create).transpose()?;
    let summary = config.summary.as_ref().map(Draft::create).transpose()?;
    for input in inputs {
        replay.read(input, &mut |lines| match &mut rest {
            Some(file) => file.write(lines),
            None => Ok(()),
        })?;
    }
    let replayed = replay.finish()?;
    let mut others: Vec<Finished> = Vec::new();
    others.extend(rest.map(Draft::finish).transpose()?);
    if let Some(mut file) = summary {
        file.write(&json::object(config, &replayed, &ends))?;
        others.push(file.finish()?);
    }
    let mut said = Vec::new();
    if !config.is_quiet {
        said = words(&replayed, &ends);
    }
    if let Some(signal) = config.settings.stop.signal() {
        return Err(Error::Stopped { signal });
    }
    watch.let_it_finish();
    let published = replayed.publish(others)?;
    watch.is_over(Exit::Done);
    if !config.is_quiet {
        tell_strays(&published);
    }
    // Nobody reads a standard error that is closed.
    let _ = screen::write(&said);
    Ok(())
}

/// Opens the rejects files.
fn inputs(config: &ReplayConfig) -> Result<Vec<Input>> {
    let is_stdin = |file: &&std::path::PathBuf| file.as_os_str() == "-";
    if config.files.iter().filter(is_stdin).count() > 1 {
        return Err(Error::StdinTwice);
    }
    let open = |file: &std::path::PathBuf| match file.as_os_str() {
        name if name == "-" => Ok(Input::stdin()),
        name if name.is_empty() => Err(Error::EmptyName),
        _ => Input::open(file),
    };
    config.files.iter().map(open).collect()
}

/// What is said on standard error.
fn words(replayed: &Replayed, ends: &Ends<'_>) -> Vec<u8> {
    let has_colors = color::on_stderr();
    let mut said = Vec::new();
    for warning in show::warnings(replayed) {
        let word = Paint::new(has_colors, color::DOUBTFUL, "warning:");
        said.extend_from_slice(format!("{word} {warning}\n").as_bytes());
    }
    // Writing to a vector cannot fail.
    let _ = show::write(&mut said, replayed, ends);
    said
}

fn tell_strays(published: &Published) {
    for stray in published.strays() {
        let word = Paint::new(color::on_stderr(), color::DOUBTFUL, "warning:");
        let folder = text::path(stray);
        let line = format!(
            "{word} what was replaced could not be removed from {folder}; the next run that writes there tries again\n"
        );
        let _ = screen::write(line.as_bytes());
    }
}
