//! What this build was made without, and how to get it.

use clap::error::ErrorKind;

#[cfg(not(feature = "config"))]
use super::config::LOCAL_CONFIG;

/// Commands that take a feature, and whether this build has it.
const COMMANDS: [(&str, &str, bool); 6] = [
    ("splits", "arrow", cfg!(feature = "arrow")),
    ("partial", "arrow", cfg!(feature = "arrow")),
    ("merge", "arrow", cfg!(feature = "arrow")),
    ("config", "config", cfg!(feature = "config")),
    ("completions", "shell", cfg!(feature = "shell")),
    ("man", "shell", cfg!(feature = "shell")),
];

/// That a feature is missing.
pub(super) fn missing(feature: &str) -> String {
    format!(
        "this daytally was built without the feature {feature} (cargo install --path . --locked --features {feature} builds one with it)"
    )
}

/// What is to be said of it: how the command is used, which clap adds to what it says, is no help.
pub(super) fn error(kind: ErrorKind, message: &str) -> clap::Error {
    clap::Error::raw(kind, format!("{message}\n"))
}

/// That a config file cannot be read, if one is asked for or is there; what it says is not to be passed over.
#[cfg(not(feature = "config"))]
pub(super) fn missing_config(cli: &super::args::Cli) -> Option<String> {
    let missing = missing("config");
    if cli.config.is_some() {
        return Some(format!("--config is not in this build: {missing}"));
    }
    let is_there = !cli.no_config && std::fs::symlink_metadata(LOCAL_CONFIG).is_ok();
    is_there.then(|| {
        format!("there is a {LOCAL_CONFIG} here, which cannot be read, and --no-config goes on without it: {missing}")
    })
}

/// That the feature is missing that a command takes; `None` if there is no such command, or it is built in.
pub(super) fn missing_command(name: &str) -> Option<String> {
    let (name, feature, _) = COMMANDS
        .into_iter()
        .find(|(command, _, is_there)| *command == name && !is_there)?;
    Some(format!(
        "daytally {name} is not in this build: {}",
        missing(feature)
    ))
}
