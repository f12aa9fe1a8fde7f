//! Settings: what config files say, and how that becomes the defaults of options.
//!
//! Each option can stand in a file by its long name, at the top for every command that has it, or in
//! the table of a command. The environment and the command line win over all files, and of files the
//! nearer one over the farther; see [`places`].

mod apply;
mod file;
mod places;
pub(super) mod show;

use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::exit::Exit;
use daytally::error::Error;
use file::{ConfigFile, Entry};
use places::Candidate;

/// What is in the config files that were found, the farthest first: the last one that says something
/// wins.
#[derive(Debug, Default)]
pub(super) struct Settings {
    looked_at: Vec<Candidate>,
    files: Vec<ConfigFile>,
}

/// Why the settings cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// A file cannot be read.
    #[error("config file: {0}")]
    Unreadable(Error),
    /// What a file says makes no sense.
    #[error("{}:{line}: {what}", daytally::text::path(path))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        what: String,
    },
}

impl From<&SettingsError> for Exit {
    fn from(error: &SettingsError) -> Exit {
        match error {
            SettingsError::Unreadable(_) => Exit::Failed,
            SettingsError::Wrong { .. } => Exit::Usage,
        }
    }
}

/// Says why the settings cannot be had.
pub(super) fn fail(error: &SettingsError) -> Exit {
    super::report(error);
    Exit::from(error)
}

impl Settings {
    /// Reads the config files: the one that `--config` names, or those in the usual places, or none
    /// with `--no-config`.
    ///
    /// Everything in them is checked against all commands, so that what is wrong shows at the first
    /// run and not at the first that uses it.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or says what no command understands.
    pub(super) fn find(
        matches: &ArgMatches,
        command: &clap::Command,
    ) -> Result<Settings, SettingsError> {
        let looked_at = places::candidates(matches);
        let mut files = Vec::new();
        for candidate in &looked_at {
            if let Some(file) = ConfigFile::read(candidate)? {
                apply::check(&file, command)?;
                files.push(file);
            }
        }
        Ok(Settings { looked_at, files })
    }

    /// The files that were found, the farthest first.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// What holds for an option of a command, if a file says so; `None` stands for the options that
    /// come before any command.
    fn get(&self, command: Option<&str>, option: &str) -> Option<(&ConfigFile, &Entry)> {
        self.files.iter().rev().find_map(|file| {
            let entries = || file.entries.iter().filter(|entry| entry.key == option);
            let own =
                entries().find(|entry| command.is_some() && entry.table.as_deref() == command);
            own.or_else(|| entries().find(|entry| entry.table.is_none()))
                .map(|entry| (file, entry))
        })
    }
}
