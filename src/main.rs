//! The `daytally` program.

fn main() {}
