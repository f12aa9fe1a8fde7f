//! The yardstick: how long it takes to find every newline of a file, and to do nothing else.
//!
//! `cargo bench --bench limit -- --file FILE [--threads N] [--times N]` maps the file, lets threads take chunks of it
//! in turn, finds each newline with memchr, and prints the seconds of each time on a line of its own.
//! No program that reads lines can be faster; how near one comes can be compared between machines.
//! Without a file it checks itself on a few generated lines.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has nothing to measure, and its figures are its output"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use daytally::InputFile;
use daytally::input::Lines;

/// As the pipeline's.
const CHUNK: usize = daytally::DEFAULT_CHUNK_SIZE;

fn main() {
    // Whatever else there is, such as --bench or a filter, is meant for other benchmarks.
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1)
    };
    let number = |name: &str, default: usize| value(name).map_or(default, |n| n.parse().unwrap());
    let Some(path) = value("--file") else {
        return check();
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    let (threads, times) = (number("--threads", cores), number("--times", 5));
    let input = InputFile::open(path.as_ref()).unwrap();
    for _ in 0..times {
        let start = Instant::now();
        black_box(newlines(input.bytes(), threads));
        println!("{:.6}", start.elapsed().as_secs_f64());
    }
}

/// The newlines of a text, found one by one: counting alone, without their places, would be quicker.
fn newlines(text: &[u8], threads: usize) -> usize {
    let next = AtomicUsize::new(0);
    let find = || {
        let mut found = 0;
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed).min(text.len());
            let chunk = &text[start..text.len().min(start + CHUNK)];
            if chunk.is_empty() {
                return found;
            }
            for at in memchr::memchr_iter(b'\n', chunk) {
                black_box(at);
                found += 1;
            }
        }
    };
    std::thread::scope(|scope| {
        let finders: Vec<_> = (0..threads).map(|_| scope.spawn(find)).collect();
        finders
            .into_iter()
            .map(|finder| finder.join().unwrap())
            .sum()
    })
}

fn check() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all("line\n".repeat(700_000).as_bytes()).unwrap();
    let input = InputFile::open(file.path()).unwrap();
    for threads in [1, 3] {
        assert_eq!(
            newlines(input.bytes(), threads),
            Lines::new(input.bytes()).count()
        );
    }
    println!(
        "limit: checked on {} bytes; name a file to measure",
        input.bytes().len()
    );
}
