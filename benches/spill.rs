//! Groups that go to the disk and come back, and whole runs that are short of memory beside one that is
//! not.

use std::io::Write as _;
use std::num::NonZeroUsize;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use daytally::event::{Decoder, Event, Verdict};
use daytally::generate::Profile;
use daytally::internals::{Partitions, SpillSettings};
use daytally::{Input, Options, Pipeline};

const GROUPS: u64 = if cfg!(debug_assertions) {
    1 << 12
} else {
    1 << 20
};

/// Events of a group each, in another order than that of the result.
fn events() -> Vec<Event> {
    let mut decoder = Decoder::default();
    let event = |n: u64| {
        let user = n.wrapping_mul(0x9e37_79b9) % (1 << 40);
        let line = format!(r#"{{"user_id":{user},"event_type":"a","timestamp":"2024-01-01T00Z"}}"#);
        match decoder.decode(line.as_bytes()) {
            Verdict::Valid(event) => event,
            verdict => unreachable!("{verdict:?}"),
        }
    };
    (0..GROUPS).map(event).collect()
}

/// Partitions with these in memory, and a folder that lasts as long as its handle.
fn partitions(events: &[Event]) -> (Partitions, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let partitions = Partitions::default().with_spill(SpillSettings {
        memory: usize::MAX,
        folder: folder.path().into(),
        files: 64,
        stop: std::sync::Arc::default(),
    });
    let mut counter = partitions.counter();
    for event in events {
        counter.add(*event);
    }
    counter.finish();
    (partitions, folder)
}

/// Sorting, encoding and writing; reading, decoding and merging: on one thread.
pub(crate) fn disk(criterion: &mut Criterion) {
    let events = events();
    let mut group = criterion.benchmark_group("spill");
    group.sample_size(10);
    group.throughput(Throughput::Elements(GROUPS));
    group.bench_function("to the disk", |bencher| {
        bencher.iter_batched(
            || partitions(&events),
            |(partitions, folder)| {
                partitions.spill_rest();
                assert!(partitions.has_spilled());
                (partitions, folder)
            },
            BatchSize::PerIteration,
        );
    });
    let (partitions, _folder) = partitions(&events);
    partitions.spill_rest();
    let groups = partitions.finish_sorted().unwrap();
    group.bench_function("from the disk", |bencher| {
        bencher.iter(|| {
            let len = |range: daytally::internals::GroupRange<'_>| range.sorted().unwrap().len();
            let read: usize = groups.ranges().map(len).sum();
            assert_eq!(read as u64, GROUPS);
        });
    });
    group.finish();
}

/// From the mapped file to formatted CSV, with as much memory as there is and with so little that some
/// ten thousand groups fit.
pub(crate) fn limits(criterion: &mut Criterion) {
    let (bytes, _) = super::data::events(Profile::Narrow, 0.001, 10_000_000);
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(&bytes).unwrap();
    let inputs = || vec![Input::open(on_disk.path()).unwrap()];
    let mut group = criterion.benchmark_group("memory");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let one = NonZeroUsize::MIN;
    for (name, memory_limit) in [("all there is", u64::MAX), ("little", 72 << 20)] {
        let mut options = Options::default();
        options.threads = one;
        options.memory_limit = memory_limit;
        let pipeline = Pipeline::new(options).unwrap();
        group.bench_function(BenchmarkId::new("aggregate", name), |bencher| {
            bencher.iter(|| {
                let outcome = pipeline.aggregate(inputs(), &mut ()).unwrap();
                let totals = pipeline.write_csv(&outcome, |_| Ok(()));
                assert_eq!(totals.unwrap().event_count, outcome.books.valid);
                let has_spilled = outcome.groups.spilled().files > 0;
                // Debug builds have few groups.
                assert!(cfg!(debug_assertions) || has_spilled == (memory_limit != u64::MAX));
            });
        });
    }
    group.finish();
}
