//! Lines to verdicts, on one thread, in memory: by both lanes, the fast one by all means that this machine has.

use criterion::{BenchmarkId, Criterion, Throughput};
use daytally::event::{Decoder, Lanes, Verdict};
use daytally::generate::Profile;
use daytally::internals::Means;

/// How many lines there are, and how many of them are invalid, read as a worker of the pipeline does.
fn read(decoder: &mut Decoder, text: &[u8]) -> (usize, u64) {
    let (mut at, mut lines, mut invalid, mut users) = (0, 0, 0, 0);
    while at < text.len() {
        let run = decoder.decode_lines(
            &text[at..],
            text.len() - at,
            1024,
            |event| users ^= event.user_id().get(),
            |_, other| invalid += u64::from(matches!(other.verdict, Verdict::Invalid(_))),
        );
        lines += run.lines;
        at += run.len;
    }
    std::hint::black_box(users);
    (lines, invalid)
}

/// Clean lines of every profile, and lines most of which are invalid.
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
        let lines = memchr::memchr_iter(b'\n', &bytes).count();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let mut bench = |lane: String, mut decoder: Decoder| {
            group.bench_function(BenchmarkId::new(lane, name), |bencher| {
                bencher.iter(|| assert_eq!(read(&mut decoder, &bytes), (lines, invalid)));
            });
        };
        // The best first.
        for means in Means::all() {
            let lane = format!("all lanes, {}", means.name());
            bench(lane, Decoder::with_means(usize::MAX, means));
        }
        let general = Decoder::with_lanes(usize::MAX, Lanes::General);
        bench("general".to_owned(), general);
    }
    group.finish();
}
