//! Whole files to a whole result, on all threads; and the limit that no program can beat.

use std::hint::black_box;
use std::io::{Cursor, Write as _};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use daytally::generate::Profile;
use daytally::input::Compression;
use daytally::internals::{InputFile, Lines};
use daytally::{Input, Options, Pipeline, Reject, RejectBatch, RejectSink, Result};

/// Generated events in a file that lasts as long as the handle, and how many are invalid.
fn file(profile: Profile, invalid_rate: f64, users: u64) -> (tempfile::NamedTempFile, u64) {
    let (bytes, invalid) = super::data::events(profile, invalid_rate, users);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    (file, invalid)
}

/// From the mapped file to formatted CSV.
pub(crate) fn profiles(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipeline");
    group.sample_size(10);
    for (name, profile, invalid_rate, users) in [
        ("narrow", Profile::Narrow, 0.001, 1_000),
        ("wide", Profile::Wide, 0.001, 1_000),
        ("mixed", Profile::Mixed, 0.001, 1_000),
        ("many groups", Profile::Narrow, 0.001, 100_000),
        ("dirty", Profile::Narrow, 0.2, 1_000),
    ] {
        let (on_disk, invalid) = file(profile, invalid_rate, users);
        let inputs = || vec![Input::open(on_disk.path()).unwrap()];
        let pipeline = Pipeline::new(Options::default()).unwrap();
        group.throughput(Throughput::Bytes(inputs()[0].len().unwrap()));
        group.bench_function(BenchmarkId::new("aggregate", name), |bencher| {
            bencher.iter(|| {
                let outcome = pipeline.aggregate(inputs(), &mut ()).unwrap();
                assert_eq!(outcome.books.invalid(), invalid);
                let mut size = 0;
                let totals = pipeline.write_csv(&outcome, |piece| {
                    size += piece.len();
                    Ok(())
                });
                assert_eq!(totals.unwrap().event_count, outcome.books.valid);
                assert!(size > 54);
            });
        });
    }
    group.finish();
}

/// From a stream, plain and of each format, on all threads: to be held against the mapped file above,
/// and against `decompress`, which is the limit where one thread decompresses.
pub(crate) fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("streams");
    group.sample_size(10);
    let (bytes, invalid) = super::data::events(Profile::Narrow, 0.001, 1_000);
    let formats = Compression::ALL
        .iter()
        .copied()
        .filter(|format| format.is_built_in())
        .map(|format| (format.name(), super::decompress::compress(format, &bytes)));
    let size = bytes.len() as u64;
    group.throughput(Throughput::Bytes(size));
    let pipeline = Pipeline::new(Options::default()).unwrap();
    for (name, stream) in std::iter::once(("plain", bytes.clone())).chain(formats) {
        group.bench_function(BenchmarkId::new("aggregate", name), |bencher| {
            bencher.iter_batched(
                || vec![Input::reader(name, Cursor::new(stream.clone()))],
                |inputs| {
                    let outcome = pipeline.aggregate(inputs, &mut ()).unwrap();
                    assert_eq!(outcome.books.invalid(), invalid);
                    assert_eq!(outcome.inputs[0].bytes, size);
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Writes the lines of the rejects file to memory.
struct Json(u64);

#[derive(Clone, Default)]
struct JsonLines {
    json: Vec<u8>,
    message: String,
}

impl RejectBatch for JsonLines {
    fn add(&mut self, reject: &Reject<'_>) {
        self.message.clear();
        reject.fault.push_message(reject.raw, &mut self.message);
        reject.write_json(&self.message, &mut self.json);
    }

    fn size(&self) -> usize {
        self.json.len()
    }
}

impl RejectSink for Json {
    type Batch = JsonLines;

    fn batch(&self) -> JsonLines {
        JsonLines::default()
    }

    fn take(&mut self, batch: &mut JsonLines) -> Result<()> {
        self.0 += memchr::memchr_iter(b'\n', &batch.json).count() as u64;
        batch.json.clear();
        Ok(())
    }
}

/// The same with what there is to say of each reject, from few rejects to nothing but.
pub(crate) fn rejects(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rejects");
    group.sample_size(10);
    for (name, invalid_rate) in [("narrow", 0.001), ("dirty", 0.2), ("all invalid", 1.0)] {
        let (on_disk, invalid) = file(Profile::Narrow, invalid_rate, 1_000);
        let inputs = || vec![Input::open(on_disk.path()).unwrap()];
        let pipeline = Pipeline::new(Options::default()).unwrap();
        group.throughput(Throughput::Bytes(inputs()[0].len().unwrap()));
        group.bench_function(BenchmarkId::new("json", name), |bencher| {
            bencher.iter(|| {
                let mut json = Json(0);
                let outcome = pipeline.aggregate(inputs(), &mut json).unwrap();
                assert_eq!((outcome.books.invalid(), json.0), (invalid, invalid));
            });
        });
    }
    group.finish();
}

/// The yardstick: every newline of the same file found with memchr, on as many threads, and nothing
/// else done.
pub(crate) fn limit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limit");
    group.sample_size(10);
    let threads = Options::default().threads.get();
    for (name, profile) in [("narrow", Profile::Narrow), ("wide", Profile::Wide)] {
        let (on_disk, _) = file(profile, 0.001, 1_000);
        let input = InputFile::open(on_disk.path()).unwrap();
        let bytes = input.bytes();
        let lines = Lines::new(bytes).count();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("newlines", name), |bencher| {
            bencher.iter(|| {
                let share = bytes.len().div_ceil(threads);
                let found: usize = std::thread::scope(|scope| {
                    let finders: Vec<_> = bytes
                        .chunks(share)
                        .map(|chunk| scope.spawn(|| newlines_found(chunk)))
                        .collect();
                    finders
                        .into_iter()
                        .map(|finder| finder.join().unwrap())
                        .sum()
                });
                assert_eq!(found, lines);
            });
        });
    }
    group.finish();
}

/// Finds each newline, one by one: counting alone, without their places, would be quicker still.
fn newlines_found(bytes: &[u8]) -> usize {
    let mut found = 0;
    for at in memchr::memchr_iter(b'\n', bytes) {
        black_box(at);
        found += 1;
    }
    found
}
