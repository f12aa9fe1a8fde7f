//! The command `daytally config`: which settings hold, and where each is from.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use super::Settings;
use super::apply::option;
use crate::cli::args::ConfigArgs;
use crate::cli::exit::Exit;
use crate::cli::{report, say};
use daytally::error::Error;
use daytally::internals::path_text;

/// An option and what holds for it.
#[derive(Debug, Serialize)]
struct Row {
    option: String,
    /// `None` if nothing was said, and there is no default that is always the same.
    value: Option<String>,
    /// `command line`, the variable, the file and line, or `default`.
    from: Option<String>,
}

/// A file that was looked for.
#[derive(Debug, Serialize)]
struct FileRow {
    path: String,
    is_there: bool,
}

/// All there is to show.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    files: Vec<FileRow>,
    command: &'a str,
    options: Vec<Row>,
}

/// The command that is shown if none is named.
const DEFAULT_COMMAND: &str = "aggregate";

/// Shows what holds for a command that is called with some arguments.
pub(in crate::cli) fn run(settings: &Settings, command: Command, asked: &ConfigArgs) -> Exit {
    let name = asked.command.as_deref().unwrap_or(DEFAULT_COMMAND);
    let args = asked.args.iter().cloned();
    // What has to be given to run it does not have to be to look at it.
    let mut command = settings
        .apply(command)
        .mut_subcommands(|command| command.mut_args(|arg| arg.required(false)));
    let typed = ["daytally".into(), name.into()].into_iter().chain(args);
    let matches = match command.try_get_matches_from_mut(typed) {
        Ok(matches) => matches,
        Err(said) => return say(&said),
    };
    let (Some(command), Some(matches)) = (
        command.find_subcommand(name),
        matches.subcommand_matches(name),
    ) else {
        return Exit::Usage;
    };
    let shown = Shown {
        files: settings.file_rows(),
        command: name,
        options: command
            .get_arguments()
            .filter_map(|arg| settings.row(name, arg, matches))
            .collect(),
    };
    let text = if asked.json {
        // Numbers, strings and string keys: nothing here can fail to serialise.
        serde_json::to_string(&shown).unwrap_or_default() + "\n"
    } else {
        shown.text()
    };
    let text = daytally::text::lines(&text).to_string();
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(source) => {
            let error = Error::Stdout { source };
            if !error.is_closed_stdout() {
                report(&error);
            }
            Exit::from(&error)
        }
    }
}

impl Settings {
    fn file_rows(&self) -> Vec<FileRow> {
        let absolute = |path: &std::path::Path| {
            std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
        };
        self.looked_at
            .iter()
            .map(|candidate| absolute(&candidate.path))
            .map(|path| FileRow {
                is_there: self.files().any(|file| file == path),
                path: path_text(path),
            })
            .collect()
    }

    fn row(&self, command: &str, arg: &Arg, matches: &ArgMatches) -> Option<Row> {
        let name = option(arg)?;
        let id = arg.get_id().as_str();
        let source = matches.value_source(id);
        let value = match arg.get_action() {
            ArgAction::SetTrue | ArgAction::SetFalse => Some(matches.get_flag(id).to_string()),
            ArgAction::Count => Some(matches.get_count(id).to_string()),
            _ => matches.get_raw(id).map(|values| {
                let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
                values.join(", ")
            }),
        };
        let from = match source {
            Some(ValueSource::CommandLine) => Some("command line".to_owned()),
            Some(ValueSource::EnvVariable) => arg
                .get_env()
                .map(|name| name.to_string_lossy().into_owned()),
            Some(_) => Some(match self.get(Some(command), name) {
                Some((file, entry)) => file.place(entry),
                None => "default".into(),
            }),
            None => None,
        };
        Some(Row {
            option: name.to_owned(),
            value: value.filter(|_| from.is_some()),
            from,
        })
    }
}

impl Shown<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        if self.files.is_empty() {
            text.push_str("no config files are read\n");
        } else {
            text.push_str("config files, of which the later ones win:\n");
        }
        for file in &self.files {
            let note = if file.is_there { "" } else { "  (not there)" };
            let _ = writeln!(text, "  {}{note}", file.path);
        }
        let _ = writeln!(text, "\ndaytally {}:", self.command);
        let set: Vec<(&str, String, &str)> = self
            .options
            .iter()
            .filter_map(|row| {
                let value = row.value.as_ref()?;
                let shown = if value.is_empty() { "\"\"" } else { value };
                Some((
                    row.option.as_str(),
                    daytally::text::name(shown).to_string(),
                    row.from.as_deref()?,
                ))
            })
            .collect();
        let width = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        let names = width(&mut set.iter().map(|(name, ..)| name.len()));
        let values = width(&mut set.iter().map(|(_, value, _)| value.chars().count()));
        for (name, value, from) in set {
            let _ = writeln!(text, "  {name:<names$}  {value:<values$}  {from}");
        }
        let unset: Vec<&str> = self
            .options
            .iter()
            .filter(|row| row.value.is_none())
            .map(|row| row.option.as_str())
            .collect();
        if !unset.is_empty() {
            let _ = writeln!(text, "  not set: {}", unset.join(", "));
        }
        text
    }
}
