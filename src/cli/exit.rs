//! The exit codes.

use std::process::ExitCode;

use daytally::error::Error;

/// How the program ends. In every case but [`Exit::Done`] the file at the output path is what it was
/// before, unless the message says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// 0: it did what it was asked to, whatever was skipped.
    Done,
    /// 1: it could not.
    Failed,
    /// 1: two results are different, as diff(1) has it.
    Different,
    /// 2: they could not be compared, as diff(1) has it.
    Trouble,
    /// 2: it was called wrongly.
    Usage,
    /// 3: more events were invalid than allowed.
    TooManyInvalid,
    /// 128 + the signal's number: it was stopped, as shells put it.
    Stopped(u8),
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Exit {
        match error {
            error if error.is_closed_stdout() => Exit::Done,
            Error::OverwritesInput { .. }
            | Error::SameOutput { .. }
            | Error::InputTwice { .. }
            | Error::ReadTwice { .. }
            | Error::StdinTwice
            | Error::NotAState { .. }
            | Error::StateInput { .. }
            | Error::StateSettings { .. }
            | Error::NotReplayable { .. }
            | Error::ReplaySettings { .. }
            | Error::EmptyName
            | Error::EmptyAlternative { .. }
            | Error::UnknownClass { .. }
            | Error::PatternTooLong { .. } => Exit::Usage,
            Error::TooManyInvalid { .. } => Exit::TooManyInvalid,
            Error::Stopped { signal } => Exit::Stopped(u8::try_from(*signal).unwrap_or(0)),
            _ => Exit::Failed,
        }
    }
}

impl Exit {
    /// The number.
    pub(super) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed | Exit::Different => 1,
            Exit::Usage | Exit::Trouble => 2,
            Exit::TooManyInvalid => 3,
            Exit::Stopped(signal) => 128 + signal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
