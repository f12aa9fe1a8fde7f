//! The command `daytally completions`.

use std::io::Write as _;

use super::args::CompletionsArgs;
use super::exit::Exit;
use super::report;
use daytally::error::Error;

/// Writes the script to standard output.
pub(super) fn run(args: &CompletionsArgs, mut command: clap::Command) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "daytally", &mut script);
    match std::io::stdout().write_all(&script) {
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
