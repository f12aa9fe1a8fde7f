//! The `daytally` program: parse what was typed, run it, and end with the right exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
