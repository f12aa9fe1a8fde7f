//! Colours: whether there are any, and which.
//!
//! `--color` decides, or `DAYTALLY_COLOR`. With `auto` the environment does: none if `NO_COLOR` is set
//! (<https://no-color.org>); else always if `CLICOLOR_FORCE` is set and not 0, and none if `CLICOLOR` is 0
//! (<https://bixense.com/clicolors/>); else on a terminal whose `TERM` is not `dumb`. What is set to nothing
//! is not set.
//!
//! The choice is the process's: whatever writes for people asks [`on_stdout`] or [`on_stderr`] and wraps
//! words with [`Paint`].

use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum as _;

use super::args::ColorArg;

/// What went wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What went well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What a line or a column is about.
pub(super) const LABEL: Style = AnsiColor::Cyan.on_default();
/// What may be wrong.
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// What is to be seen first.
pub(super) const STRONG: Style = Style::new().bold();

static CHOICE: Mutex<ColorArg> = Mutex::new(ColorArg::Auto);

/// Makes a choice the one of the process.
pub(super) fn set(choice: ColorArg) {
    *CHOICE.lock().unwrap_or_else(PoisonError::into_inner) = choice;
}

/// The same before the command line is understood, which may be what there is to say: help comes without
/// its options having been looked at. What makes no sense will be told of then.
pub(super) fn set_early(args: &[OsString]) {
    let typed = typed(args);
    let in_environment = || std::env::var_os("DAYTALLY_COLOR");
    let choice = typed.or_else(in_environment).and_then(|text| {
        let text = text.into_string().ok()?;
        ColorArg::from_str(&text, true).ok()
    });
    set(choice.unwrap_or(ColorArg::Auto));
}

/// What is on the command line after `--color`.
fn typed(args: &[OsString]) -> Option<OsString> {
    let mut args = args.iter().skip(1).take_while(|arg| *arg != "--");
    let mut typed = None;
    while let Some(arg) = args.next() {
        if arg == "--color" {
            typed = args.next().cloned();
        } else if let Some(value) = arg.to_str().and_then(|arg| arg.strip_prefix("--color=")) {
            typed = Some(value.into());
        }
    }
    typed
}

/// Whether what goes to standard output is coloured.
pub(super) fn on_stdout() -> bool {
    is_on(&std::io::stdout())
}

/// Whether what goes to standard error is coloured.
pub(super) fn on_stderr() -> bool {
    is_on(&std::io::stderr())
}

fn is_on(stream: &impl IsTerminal) -> bool {
    match *CHOICE.lock().unwrap_or_else(PoisonError::into_inner) {
        ColorArg::Always => return true,
        ColorArg::Never => return false,
        ColorArg::Auto => {}
    }
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        false
    } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        true
    } else if set("CLICOLOR").is_some_and(|value| value == "0") {
        false
    } else {
        stream.is_terminal() && set("TERM").is_some_and(|term| term != "dumb")
    }
}

/// Something in a colour, if there are colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint<T> {
    what: T,
    style: Style,
}

impl<T> Paint<T> {
    /// In a style, if `is_on`.
    pub(super) fn new(is_on: bool, style: Style, what: T) -> Paint<T> {
        let style = if is_on { style } else { Style::new() };
        Paint { what, style }
    }
}

impl<T: fmt::Display> fmt::Display for Paint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The width is the text's: codes take none.
        write!(f, "{}", self.style.render())?;
        self.what.fmt(f)?;
        write!(f, "{}", self.style.render_reset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_color_typed_counts_before_the_end_of_options() {
        for (args, found) in [
            (&["daytally"][..], None),
            (&["daytally", "--color", "never", "explain"], Some("never")),
            (&["daytally", "aggregate", "--color=ALWAYS"], Some("ALWAYS")),
            (
                &["daytally", "--color=auto", "--color", "never"],
                Some("never"),
            ),
            (&["daytally", "aggregate", "--", "--color=never"], None),
            (&["daytally", "--color"], None),
            (&["--color=never"], None),
        ] {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            assert_eq!(typed(&args), found.map(OsString::from), "{args:?}");
        }
    }

    #[test]
    fn paint_pads_the_text_and_not_its_codes() {
        assert_eq!(format!("{:>5}|", Paint::new(false, BAD, "abc")), "  abc|");
        assert_eq!(
            format!("{:>5}|", Paint::new(true, BAD, "abc")),
            "\u{1b}[1m\u{1b}[31m  abc\u{1b}[0m|"
        );
    }
}
