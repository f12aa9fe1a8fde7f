//! Words that several commands have for people.

use std::fmt::Display;
use std::io::{self, Write};

pub(super) use daytally::text::counted;

/// A line with what it is about before it.
pub(super) fn label(out: &mut dyn Write, label: &str, text: &dyn Display) -> io::Result<()> {
    writeln!(out, "{label:>10}  {text}")
}
