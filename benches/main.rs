//! The benchmarks: one binary, so that it is linked once. Each one asserts the answer it times.
//!
//! `cargo bench -- decode` runs those whose name starts with decode.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has nothing to measure"
)]

mod data;
mod decode;
mod decompress;
mod fields;
mod pipeline;
mod spill;
mod table;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    decode::verdicts,
    decompress::formats,
    fields::timestamps,
    fields::amounts,
    table::cardinalities,
    table::hostile_ids,
    table::partitions,
    pipeline::profiles,
    pipeline::streams,
    pipeline::rejects,
    pipeline::limit,
    spill::disk,
    spill::limits,
);
criterion_main!(benches);
