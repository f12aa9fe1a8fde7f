//! The command `daytally man`.

use std::fs;
use std::path::Path;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::args::ManArgs;
use super::exit::Exit;
use super::report;
use daytally::error::{Action, Error, Result};
use daytally::output::{Draft, Publication, Target};

/// Writes the pages into the folder.
pub(super) fn run(args: &ManArgs, command: clap::Command) -> Exit {
    match write_pages(&args.folder, command) {
        Ok(()) => Exit::Done,
        Err(error) => {
            report(&error);
            Exit::from(&error)
        }
    }
}

/// All pages, or none.
fn write_pages(folder: &Path, command: clap::Command) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::io(Action::Create, folder, source))?;
    let mut publication = Publication::default();
    for (name, page) in pages(command) {
        let mut draft = Draft::create(&Target::Path(folder.join(name)))?;
        draft.write(&page)?;
        publication.add(draft.finish()?);
    }
    publication.publish().map(drop)
}

/// The name and the text of each page.
fn pages(command: clap::Command) -> Vec<(String, Vec<u8>)> {
    // The help of a command is its own page. What this processor is like is not for a manual.
    let mut command = command
        .disable_help_subcommand(true)
        .long_version(env!("CARGO_PKG_VERSION"));
    command.build();
    let program = command.get_name().to_owned();
    let mut pages = vec![(format!("{program}.1"), page(&command, &program))];
    for command in command.get_subcommands() {
        let name = format!("{program}-{}", command.get_name());
        pages.push((format!("{name}.1"), page(command, &name)));
    }
    pages
}

fn page(command: &clap::Command, name: &str) -> Vec<u8> {
    let source = format!("daytally {}", env!("CARGO_PKG_VERSION"));
    let is_program = command.has_subcommands();
    // The name decides what the heading and the references say.
    let man = Man::new(command.clone().name(name.to_owned()))
        .title(name.to_uppercase())
        .source(source)
        .manual("daytally");
    let mut page = Vec::new();
    // Writing to a vector cannot fail.
    let _ = man.render(&mut page);
    let mut page = with_examples(page);
    if is_program {
        let _ = sections().to_writer(&mut page);
    }
    page
}

/// The page with its examples as lines that can be copied, under a heading of that name; `clap_mangen` fills
/// them like text, under one that says nothing.
fn with_examples(page: Vec<u8>) -> Vec<u8> {
    let Ok(page) = String::from_utf8(page) else {
        // It is made of UTF-8.
        return Vec::new();
    };
    let Some((before, rest)) = page.split_once("\n.SH EXTRA\n") else {
        return page.into_bytes();
    };
    let end = rest.find("\n.SH ").unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    let (heading, text) = match text.strip_prefix("Examples:\n") {
        Some(examples) => ("EXAMPLES", examples),
        None => ("NOTES", text),
    };
    let text = text.trim_end();
    format!(
        "{before}\n.SH {heading}\n.nf\n{text}\n.fi\n{}",
        after.trim_start_matches('\n')
    )
    .into_bytes()
}

/// What is true of all commands.
fn sections() -> Roff {
    let mut roff = Roff::new();
    let mut section = |title: &str, paragraphs: &[&str]| {
        roff.control("SH", [title]);
        for paragraph in paragraphs {
            roff.control("PP", []);
            roff.text([roman(*paragraph)]);
        }
    };
    section(
        "EXIT STATUS",
        &[
            "0: it was done, whatever was skipped.",
            "1: it could not be done.",
            "2: wrong use.",
            "3: more invalid events than --max-invalid allows.",
            "130, 143: stopped by SIGINT or SIGTERM.",
        ],
    );
    section(
        "ENVIRONMENT",
        &[
            "Every option has a variable, DAYTALLY_ and its long name in upper case with underscores: DAYTALLY_MAX_INVALID=1% is --max-invalid 1%. The command line wins. A variable that is set to nothing is not set.",
        ],
    );
    #[cfg(feature = "config")]
    section(
        "FILES",
        &[
            "Config files, TOML with the long names of options, at the top or in a table [COMMAND]; the later ones win, and the environment and the command line over all of them:",
            "$XDG_CONFIG_DIRS/daytally/config.toml, by default /etc/xdg/daytally/config.toml",
            "$XDG_CONFIG_HOME/daytally/config.toml, by default ~/.config/daytally/config.toml",
            "./daytally.toml",
        ],
    );
    roff
}
