//! Events into groups: at several cardinalities, and with ids chosen to collide.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use daytally::aggregate::{GroupKey, Totals};
use daytally::event::{Decoder, Event, Verdict};
use daytally::generate::Profile;
use daytally::internals::Lines;
use daytally::internals::{KeyHasher, Partitions, Table};
use hashbrown::HashMap;

/// The valid events of generated lines.
fn events(users: u64) -> Vec<Event> {
    let (bytes, _) = super::data::events(Profile::Narrow, 0.0, users);
    let mut decoder = Decoder::default();
    Lines::new(&bytes)
        .filter_map(|line| match decoder.decode(line.bytes) {
            Verdict::Valid(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// One worker's table, by how many users there are; and beside it the plain way, a map of whole totals
/// that takes one event after the other.
pub(crate) fn cardinalities(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table");
    group.sample_size(10);
    for users in [10, 1_000, 100_000] {
        let events = events(users);
        group.throughput(Throughput::Elements(events.len() as u64));
        group.bench_function(BenchmarkId::new("add", users), |bencher| {
            bencher.iter_batched(
                || Table::new(KeyHasher::random()),
                |mut table| {
                    for some in events.chunks(256) {
                        table.add(some);
                    }
                    let mut counted = 0;
                    table.drain(|group| counted += group.totals.event_count);
                    assert_eq!(counted, events.len() as u64);
                },
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("plain map", users), |bencher| {
            bencher.iter_batched(
                || HashMap::with_hasher(KeyHasher::random()),
                |mut map: HashMap<GroupKey, Totals, KeyHasher>| {
                    for event in &events {
                        let key = GroupKey::new(event.date(), event.user_id());
                        map.entry(key).or_default().add(event);
                    }
                    let counted: u64 = map.values().map(|totals| totals.event_count).sum();
                    assert_eq!(counted, events.len() as u64);
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// A name, and the id of each number.
type Pattern = (&'static str, fn(u64) -> u64);

/// Ids that differ only where a weak hash does not look, beside ordinary ones: the times should be
/// alike.
pub(crate) fn hostile_ids(criterion: &mut Criterion) {
    let count: u64 = if cfg!(debug_assertions) {
        1 << 10
    } else {
        1 << 18
    };
    let mut group = criterion.benchmark_group("ids");
    group.sample_size(10);
    group.throughput(Throughput::Elements(count));
    let patterns: [Pattern; 5] = [
        ("counting", |n| n),
        ("shifted by 32", |n| n << 32),
        ("shifted by 45", |n| n << 45),
        ("bits reversed", u64::reverse_bits),
        ("times the Fibonacci constant", |n| {
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        }),
    ];
    for (name, id) in patterns {
        let lines: Vec<String> = (0..count)
            .map(|n| {
                let id = id(n);
                format!(r#"{{"user_id":{id},"event_type":"a","timestamp":"2024-01-01T00Z"}}"#)
            })
            .collect();
        let mut decoder = Decoder::default();
        let events: Vec<Event> = lines
            .iter()
            .map(|line| match decoder.decode(line.as_bytes()) {
                Verdict::Valid(event) => event,
                verdict => unreachable!("{verdict:?}"),
            })
            .collect();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || Table::new(KeyHasher::random()),
                |mut table| {
                    for some in events.chunks(256) {
                        table.add(some);
                    }
                    assert_eq!(table.len() as u64, count);
                    table
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Events of many groups into the partitions, and those into the order of the result.
pub(crate) fn partitions(criterion: &mut Criterion) {
    let events = events(100_000);
    let mut group = criterion.benchmark_group("partitions");
    group.sample_size(10);
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("count, merge and sort", |bencher| {
        bencher.iter(|| {
            let partitions = Partitions::default();
            let mut counter = partitions.counter();
            for event in &events {
                counter.add(*event);
            }
            counter.finish();
            let groups = partitions.finish_sorted().unwrap();
            let counts = groups.iter().map(|group| group.unwrap().totals.event_count);
            let events_counted: u64 = counts.sum();
            assert_eq!(events_counted, events.len() as u64);
        });
    });
    group.finish();
}
