//! The integration tests: the program and the library, judged from outside against SPEC.
//!
//! [`reference`] is an independent reading of SPEC; everything else compares the real thing with it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(clippy::print_stderr, reason = "a test that skips says so")]

mod cli_check;
mod cli_color;
#[cfg(feature = "config")]
mod cli_config;
mod cli_dates;
mod cli_diff;
mod cli_ends;
mod cli_errors;
mod cli_explain;
#[cfg(all(
    feature = "parquet",
    feature = "arrow",
    feature = "gzip",
    feature = "zstd"
))]
mod cli_formats;
mod cli_generate;
mod cli_hostile;
mod cli_inputs;
mod cli_log;
mod cli_mapping;
mod cli_memory;
mod cli_options;
#[cfg(feature = "arrow")]
mod cli_partial;
mod cli_partition;
mod cli_progress;
mod cli_publish;
mod cli_rejects;
mod cli_replay;
mod cli_report;
mod cli_result;
mod cli_schema;
#[cfg(feature = "shell")]
mod cli_shell;
mod cli_signals;
mod cli_spill;
#[cfg(all(feature = "arrow", feature = "gzip"))]
mod cli_splits;
#[cfg(feature = "gzip")]
mod cli_state;
mod cli_stderr;
mod cli_streams;
mod cli_summary;
mod cli_surroundings;
mod compression;
mod conformance;
mod harness;
mod property;
mod property_files;
mod property_schema;
mod python_table;
mod reference;
mod reference_checks;
mod strategies;
