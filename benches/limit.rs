//! The yardstick: how long it takes to find every newline of a file, and to do nothing else.
//!
//! `cargo bench --bench limit -- --file FILE [--threads N] [--times N]` maps the file, lets threads take chunks of it
//! in turn, finds each newline with memchr, and prints two figures, in seconds, on a line for each time:
//!
//! 1. Mapping the file anew and finding the newlines. The kernel has to map the pages as they are first touched,
//!    which is a good part of it and which every program that maps its input has to pay. This is the yardstick.
//! 2. Finding them once more in the same mapping, whose pages are there by now: what the search alone takes.
//!
//! No program that reads lines of a mapped file can be faster than the first; how near one comes can be compared
//! between machines. Without a file it checks itself on a few generated lines.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark that cannot go on has nothing to measure, and its figures are its output"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use daytally::internals::InputFile;
use daytally::internals::Lines;

/// As the pipeline's.
const CHUNK: usize = daytally::internals::DEFAULT_CHUNK_SIZE;

fn main() {
    // Whatever else there is, such as --bench or a filter, is meant for other benchmarks.
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1)
    };
    let number = |name: &str, default: usize| {
        value(name).map_or(default, |n| {
            n.parse().ok().filter(|n| *n > 0).unwrap_or_else(|| {
                eprintln!("limit: {name} takes a whole number from 1 on");
                std::process::exit(1)
            })
        })
    };
    let Some(path) = value("--file") else {
        return check();
    };
    let cores = std::thread::available_parallelism().unwrap().get();
    let (threads, times) = (number("--threads", cores), number("--times", 5));
    for _ in 0..times {
        let [anew, again] = time(path.as_ref(), threads);
        println!("{anew:.6} {again:.6}");
    }
}

/// The seconds it takes to map a file and find its newlines, and to find them again.
fn time(path: &Path, threads: usize) -> [f64; 2] {
    let start = Instant::now();
    let input = InputFile::open(path).unwrap_or_else(|error| {
        eprintln!("limit: {error}");
        std::process::exit(1)
    });
    let found = newlines(input.bytes(), threads);
    let anew = start.elapsed();

    let start = Instant::now();
    assert_eq!(newlines(input.bytes(), threads), found);
    [anew, start.elapsed()].map(|time| time.as_secs_f64())
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
    assert!(time(file.path(), 2).iter().all(|seconds| *seconds > 0.0));
    println!(
        "limit: checked on {} bytes; name a file to measure",
        input.bytes().len()
    );
}
