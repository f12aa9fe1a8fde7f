//! From entries of config files to defaults of options, checked by what checks the command line.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::file::{ConfigFile, Entry, Value};
use super::{Settings, SettingsError};
use crate::cli::features;

/// What is about the files themselves, or asks for something else than work.
const NOT_IN_FILES: [&str; 4] = ["config", "no-config", "help", "version"];

impl Settings {
    /// The command line with what the files say as its defaults.
    pub(in crate::cli) fn apply(&self, command: Command) -> Command {
        let of_top = command.mut_args(|arg| self.set(None, arg));
        of_top.mut_subcommands(|command| {
            let name = command.get_name().to_owned();
            command.mut_args(|arg| self.set(Some(&name), arg))
        })
    }

    fn set(&self, command: Option<&str>, arg: Arg) -> Arg {
        let Some(option) = option(&arg) else {
            return arg;
        };
        match self.get(command, option) {
            None => arg,
            Some((_, entry)) => match &entry.value {
                Value::Switch(on) => arg.default_value(if *on { "true" } else { "false" }),
                Value::Text(text) => arg.default_value(text.clone()),
                Value::Texts(texts) => arg.default_values(texts.clone()),
                Value::Other(_) => arg,
            },
        }
    }
}

/// The name of an option that can be set in a file.
pub(super) fn option(arg: &Arg) -> Option<&str> {
    arg.get_long()
        .filter(|name| !arg.is_positional() && !NOT_IN_FILES.contains(name))
}

/// Checks that each entry is an option and a value of it.
pub(super) fn check(file: &ConfigFile, command: &Command) -> Result<(), SettingsError> {
    for entry in &file.entries {
        check_entry(entry, command).map_err(|what| file.wrong(entry, what))?;
    }
    Ok(())
}

fn check_entry(entry: &Entry, command: &Command) -> Result<(), String> {
    let mut options: Vec<&Arg> = Vec::new();
    if let Some(table) = &entry.table {
        let Some(command) = command.find_subcommand(table) else {
            if let Some(message) = features::missing_command(table) {
                return Err(message);
            }
            let names = command.get_subcommands().map(Command::get_name);
            return Err(format!(
                "there is no command {}, so no table of that name; there are {}",
                daytally::text::quoted(table),
                names.collect::<Vec<_>>().join(", ")
            ));
        };
        if entry.key.is_empty() {
            return Ok(());
        }
        options.extend(command.get_arguments());
    } else {
        options.extend(command.get_arguments());
        let of_commands = command.get_subcommands().flat_map(Command::get_arguments);
        options.extend(of_commands);
    }
    options.retain(|arg| option(arg).is_some());
    let named: Vec<&Arg> = options
        .iter()
        .copied()
        .filter(|arg| option(arg) == Some(&entry.key))
        .collect();
    if named.is_empty() {
        return Err(unknown(entry, &options));
    }
    // A name can stand for options of several commands, and has to suit all of them.
    named.into_iter().try_for_each(|arg| {
        check_value(arg, &entry.value).map_err(|what| format!("{}: {what}", entry.key))
    })
}

/// Says that there is no such option, and which may be meant.
fn unknown(entry: &Entry, options: &[&Arg]) -> String {
    let key = daytally::text::quoted(&entry.key);
    let of = match &entry.table {
        Some(table) => format!("{table} has no option {key}"),
        None => format!("no command has an option {key}"),
    };
    if NOT_IN_FILES.contains(&entry.key.as_str()) {
        return format!("{} cannot be set in a config file", entry.key);
    }
    let dashed = entry.key.replace('_', "-");
    let mut similar = options
        .iter()
        .find_map(|arg| option(arg).filter(|name| *name == dashed));
    // Clap knows best what looks alike.
    let mut names: Vec<&str> = options.iter().filter_map(|arg| option(arg)).collect();
    names.sort_unstable();
    names.dedup();
    let probe = names.iter().fold(bare(), |probe, name| {
        probe.arg(Arg::new((*name).to_owned()).long((*name).to_owned()))
    });
    let said = probe.try_get_matches_from([format!("--{}", entry.key)]);
    if let Err(said) = &said
        && similar.is_none()
        && let Some(ContextValue::String(suggested)) = said.get(ContextKind::SuggestedArg)
    {
        let suggested = suggested.trim_start_matches('-');
        similar = names.into_iter().find(|name| *name == suggested);
    }
    match similar {
        Some(similar) => format!("{of}; perhaps {similar} is meant"),
        None => of,
    }
}

fn bare() -> Command {
    Command::new("daytally")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
}

fn check_value(arg: &Arg, value: &Value) -> Result<(), String> {
    let texts: &[String] = match (arg.get_action(), value) {
        (ArgAction::SetTrue | ArgAction::SetFalse, Value::Switch(_)) => return Ok(()),
        (ArgAction::SetTrue | ArgAction::SetFalse, _) => return Err("give true or false".into()),
        (ArgAction::Count, Value::Text(text)) => {
            return match text.parse::<u8>() {
                Ok(_) => Ok(()),
                Err(_) => Err("give a whole number from 0 to 255".into()),
            };
        }
        (ArgAction::Count, _) => return Err("give a whole number".into()),
        (ArgAction::Append, Value::Texts(texts)) => texts,
        (_, Value::Text(text)) => std::slice::from_ref(text),
        // It may be given alone, as a switch.
        (_, Value::Switch(_)) if takes_nothing(arg) => return Ok(()),
        (_, Value::Switch(_)) => {
            return Err("it takes a value, not true or false".into());
        }
        (_, Value::Texts(_)) => return Err("it takes one value, not a list".into()),
        (_, Value::Other(kind)) => return Err(format!("it takes a value, not {kind}")),
    };
    let probe = bare().arg(arg.clone().env(None::<&'static str>));
    let name = arg.get_long().unwrap_or_default();
    for text in texts {
        let said = probe
            .clone()
            .try_get_matches_from([format!("--{name}={text}")]);
        if let Err(said) = said {
            return Err(reason(&said, text));
        }
    }
    Ok(())
}

/// Whether an option may come without a value.
fn takes_nothing(arg: &Arg) -> bool {
    arg.get_num_args()
        .is_some_and(|values| values.min_values() == 0)
}

/// Why clap does not take a value.
fn reason(said: &clap::Error, value: &str) -> String {
    let value = daytally::text::quoted(value);
    if let Some(source) = std::error::Error::source(said) {
        return format!("{value} is no value for it: {source}");
    }
    match (said.kind(), said.get(ContextKind::ValidValue)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(valid))) if !valid.is_empty() => {
            format!("{value} is no value for it; there are {}", valid.join(", "))
        }
        _ => format!("{value} is no value for it"),
    }
}
