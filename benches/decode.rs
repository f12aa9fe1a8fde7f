//! Lines to verdicts, on one thread, in memory.

use criterion::{BenchmarkId, Criterion, Throughput};
use daytally::event::{Decoder, Verdict};
use daytally::generate::Profile;
use daytally::input::Lines;

/// The general lane, on clean lines of every profile and on lines most of which are invalid.
pub(crate) fn verdicts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10);
    for (name, profile, invalid_rate) in [
        ("narrow", Profile::Narrow, 0.0),
        ("wide", Profile::Wide, 0.0),
        ("mixed", Profile::Mixed, 0.0),
        ("invalid", Profile::Narrow, 0.8),
    ] {
        let (bytes, invalid) = super::data::events(profile, invalid_rate, 1000);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("general", name), |bencher| {
            let mut decoder = Decoder::default();
            bencher.iter(|| {
                let found = Lines::new(&bytes)
                    .filter(|line| matches!(decoder.decode(line.bytes), Verdict::Invalid(_)))
                    .count();
                assert_eq!(found as u64, invalid);
            });
        });
    }
    group.finish();
}
