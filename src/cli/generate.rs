//! The command `daytally generate`.

use std::fs::File;
use std::os::fd::AsFd as _;

use super::config::GenerateConfig;
use super::exit::Exit;
use super::report;
use daytally::error::Error;
use daytally::generate::write_events;

/// Writes the events to standard output.
pub(super) fn run(config: &GenerateConfig) -> Exit {
    // The descriptor itself: the generator writes whole blocks, a line buffer would cut them up.
    let written = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map(File::from)
        .and_then(|mut stdout| write_events(&config.settings, &mut stdout));
    match written {
        Ok(_) => Exit::Done,
        Err(source) => {
            let error = Error::Stdout { source };
            if !error.is_closed_stdout() {
                report(&error);
            }
            Exit::from(&error)
        }
    }
}
