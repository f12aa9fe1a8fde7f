//! The command line: what was typed, what it resolves to, and one file for each command.
//!
//! A thin user of the library: nothing here knows of JSON or of tables.

mod aborts;
mod aggregate;
mod args;
mod check;
mod color;
#[cfg(feature = "shell")]
mod completions;
mod config;
mod diff;
mod exit;
mod explain;
mod features;
mod generate;
mod limit;
mod log;
#[cfg(feature = "shell")]
mod man;
#[cfg(feature = "arrow")]
mod merge;
#[cfg(feature = "arrow")]
mod partial;
mod places;
mod plot;
mod progress;
mod rejects;
mod replay;
mod reporting;
mod result;
mod screen;
#[cfg(feature = "config")]
mod settings;
mod signals;
mod size;
#[cfg(feature = "arrow")]
mod splits;
mod state;
mod version;
mod warnings;
mod words;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command};
use color::Paint;
use config::{AggregateConfig, CheckConfig, ExplainConfig, GenerateConfig, ReplayConfig};
use daytally::error::Error;
use exit::Exit;

/// Runs the program with the arguments and the environment of the process.
///
/// All it has to say has been said when it returns; the exit code is for the caller to end with.
pub(crate) fn main() -> ExitCode {
    aborts::handle();
    run(std::env::args_os()).into()
}

/// Typed → resolved → run.
fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    color::set_early(&args);
    let matches = match command().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(said) => return say(&better(said)),
    };
    #[cfg(feature = "config")]
    let is_diff = matches.subcommand_name() == Some("diff");
    #[cfg(feature = "config")]
    let (matches, settings) = match with_settings(matches, &args) {
        Ok(both) => both,
        // There 1 means that results are different.
        Err(Exit::Failed) if is_diff => return Exit::Trouble,
        Err(exit) => return exit,
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(said) => return say(&said.format(&mut Cli::command())),
    };
    color::set(cli.color);
    #[cfg(not(feature = "config"))]
    if let Some(message) = features::missing_config(&cli) {
        return say(&features::error(
            clap::error::ErrorKind::ValueValidation,
            &message,
        ));
    }
    match cli.command {
        Command::Aggregate(args) => match AggregateConfig::resolve(*args, &matches) {
            #[cfg(feature = "config")]
            Ok(config) => aggregate::run(config.with_files(settings.files())),
            #[cfg(not(feature = "config"))]
            Ok(config) => aggregate::run(config),
            Err(said) => say(&said),
        },
        Command::Check(args) => match CheckConfig::resolve(*args, &matches) {
            Ok(config) => check::run(&config),
            Err(said) => say(&said),
        },
        Command::Explain(args) => match ExplainConfig::resolve(args) {
            Ok(config) => explain::run(&config),
            Err(said) => say(&said),
        },
        Command::Replay(args) => match ReplayConfig::resolve(*args) {
            Ok(config) => replay::run(&config),
            Err(said) => say(&said),
        },
        Command::Diff(args) => diff::run(&args),
        #[cfg(feature = "arrow")]
        Command::Splits(args) => match splits::SplitsConfig::resolve(args, &matches) {
            Ok(config) => splits::run(&config),
            Err(said) => say(&said),
        },
        #[cfg(feature = "arrow")]
        Command::Partial(args) => match partial::PartialConfig::resolve(*args, &matches) {
            Ok(config) => partial::run(&config),
            Err(said) => say(&said),
        },
        #[cfg(feature = "arrow")]
        Command::Merge(args) => match merge::MergeConfig::resolve(*args, &matches) {
            #[cfg(feature = "config")]
            Ok(config) => merge::run(config.with_files(settings.files())),
            #[cfg(not(feature = "config"))]
            Ok(config) => merge::run(config),
            Err(said) => say(&said),
        },
        Command::State(args) => state::run(&args),
        Command::Generate(args) => match GenerateConfig::resolve(&args, &matches) {
            Ok(config) => generate::run(&config),
            Err(said) => say(&said),
        },
        #[cfg(feature = "config")]
        Command::Config(args) => settings::show::run(&settings, command(), &args),
        #[cfg(feature = "shell")]
        Command::Completions(args) => completions::run(&args, command()),
        #[cfg(feature = "shell")]
        Command::Man(args) => man::run(&args, command()),
    }
}

/// For who gives a command that there is not: what it takes to have it; or, if it is an input, which command
/// reads it.
fn better(mut said: clap::Error) -> clap::Error {
    let Some(ContextValue::String(typed)) = said.get(ContextKind::InvalidSubcommand) else {
        return said;
    };
    if let Some(message) = features::missing_command(typed) {
        return features::error(said.kind(), &message);
    }
    if std::fs::symlink_metadata(typed).is_ok() {
        let tip = format!("to read it, use 'daytally aggregate {typed}'");
        said.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    said
}

/// What was typed, with what config files say below it.
#[cfg(feature = "config")]
fn with_settings(
    matches: clap::ArgMatches,
    args: &[OsString],
) -> Result<(clap::ArgMatches, settings::Settings), Exit> {
    let settings =
        settings::Settings::find(&matches, &command()).map_err(|error| settings::fail(&error))?;
    if settings.files().next().is_none() {
        return Ok((matches, settings));
    }
    match settings.apply(command()).try_get_matches_from(args) {
        Ok(matches) => Ok((matches, settings)),
        Err(said) => Err(say(&said)),
    }
}

/// The command line. A variable that is set to nothing, as container files like to do, is not set.
fn command() -> clap::Command {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|v| v.is_empty());
    let without_empty = |arg: clap::Arg| {
        if arg.get_env().is_some_and(is_empty) {
            arg.env(None::<&'static str>)
        } else {
            arg
        }
    };
    Cli::command()
        .mut_args(without_empty)
        .mut_subcommands(|command| command.mut_args(without_empty))
}

/// Lets clap say what it has to: help and version on standard output, wrong use on standard error.
fn say(said: &clap::Error) -> Exit {
    let rendered = said.render();
    let text = rendered.to_string();
    let safe = daytally::text::lines(&text).to_string();
    let has_colors = if said.use_stderr() {
        color::on_stderr()
    } else {
        color::on_stdout()
    };
    let text = if has_colors && text == safe {
        rendered.ansi().to_string()
    } else {
        // It quotes what was typed, and that came from who knows where.
        safe
    };
    if said.use_stderr() {
        // There is nowhere left to report that standard error is closed.
        let _ = write!(std::io::stderr(), "{text}");
        return Exit::Usage;
    }
    let mut stdout = std::io::stdout().lock();
    let said = write!(stdout, "{text}").and_then(|()| stdout.flush());
    let Err(error) = said.map_err(|source| Error::Stdout { source }) else {
        return Exit::Done;
    };
    if !error.is_closed_stdout() {
        report(&error);
    }
    Exit::from(&error)
}

/// Tells a person of something that is not as it may seem, in one line.
fn warn(what: &dyn std::fmt::Display) {
    let word = Paint::new(color::on_stderr(), color::DOUBTFUL, "warning:");
    // There is nowhere left to report that standard error is closed.
    let _ = screen::write(format!("{word} {what}\n").as_bytes());
}

/// Tells a person why the run failed, in one line.
fn report(error: &dyn std::fmt::Display) {
    let word = Paint::new(color::on_stderr(), color::BAD, "error:");
    // There is nowhere left to report that standard error is closed.
    let _ = screen::write(format!("{word} {error}\n").as_bytes());
}
