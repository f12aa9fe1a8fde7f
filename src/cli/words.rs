//! Words that several commands have for people.

use std::fmt::Display;
use std::io::{self, Write};

use daytally::text::grouped;

/// A line with what it is about before it.
pub(super) fn label(out: &mut dyn Write, label: &str, text: &dyn Display) -> io::Result<()> {
    writeln!(out, "{label:>10}  {text}")
}

/// A number of things.
pub(super) fn counted(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", grouped(number))
}
