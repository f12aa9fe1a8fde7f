//! What the tools of each format make, read by the library.
//!
//! A tool that is missing is skipped, and the test says so.

use std::io::{self, Read as _, Write as _};
use std::num::NonZero;
use std::process::{Command, Stdio};

use daytally::generate::{Length, Settings, write_events};
use daytally::input::{Compression, DecompressError, Fault};
use daytally::internals::Decompressor;

/// A tool, its arguments, and the format that it makes. Several of one format are concatenated too.
const TOOLS: [(&str, &[&str], Compression); 29] = [
    ("gzip", &["-1"], Compression::Gzip),
    ("gzip", &["-9", "--no-name"], Compression::Gzip),
    ("pigz", &["-p4", "-b128"], Compression::Gzip),
    ("pigz", &["-p4", "-i"], Compression::Gzip),
    ("pigz", &["-0"], Compression::Gzip),
    ("bgzip", &["-@4"], Compression::Gzip),
    ("zstd", &["-q", "-3"], Compression::Zstd),
    ("zstd", &["-q", "-T4", "-1"], Compression::Zstd),
    ("zstd", &["-q", "--no-check"], Compression::Zstd),
    ("zstd", &["-q", "--long=27", "-5"], Compression::Zstd),
    ("zstd", &["-q", "--ultra", "-20"], Compression::Zstd),
    ("zstd", &["-q", "--fast=5"], Compression::Zstd),
    ("pzstd", &["-q", "-p4"], Compression::Zstd),
    ("bzip2", &["-1"], Compression::Bzip2),
    ("bzip2", &["-9"], Compression::Bzip2),
    ("pbzip2", &["-p4", "-b1"], Compression::Bzip2),
    ("xz", &["-0"], Compression::Xz),
    ("xz", &["-6", "-T4", "--block-size=150000"], Compression::Xz),
    ("xz", &["-1", "-C", "sha256"], Compression::Xz),
    ("xz", &["-1", "-C", "crc32"], Compression::Xz),
    ("xz", &["-1", "-C", "none"], Compression::Xz),
    (
        "xz",
        &["-T1", "--delta=dist=4", "--lzma2=preset=1"],
        Compression::Xz,
    ),
    ("lz4", &["-q", "-1"], Compression::Lz4),
    ("lz4", &["-q", "-9", "-B4"], Compression::Lz4),
    ("lz4", &["-q", "-BD", "-B4"], Compression::Lz4),
    ("lz4", &["-q", "-BD", "-B6", "-BX"], Compression::Lz4),
    (
        "lz4",
        &["-q", "-B5", "-BX", "--content-size"],
        Compression::Lz4,
    ),
    ("lz4", &["-q", "--no-frame-crc"], Compression::Lz4),
    ("lz4", &["-q", "--fast=9", "-BD"], Compression::Lz4),
];

/// What a tool makes of `content`, or `None` after saying that it is missing.
fn run(tool: &str, arguments: &[&str], content: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new(tool)
        .args(arguments)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!(
                "the test skips {tool} {}: there is no {tool}",
                arguments.join(" ")
            );
            return None;
        }
        Err(error) => panic!("{tool}: {error}"),
    };
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(content).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{tool} {arguments:?}");
    Some(output.stdout)
}

fn events(bytes: u64, seed: u64) -> Vec<u8> {
    let settings = Settings {
        length: Length::Bytes(bytes),
        seed,
        ..Settings::default()
    };
    let mut events = Vec::new();
    write_events(&settings, &mut events).unwrap();
    events
}

fn decompress(bytes: &[u8], threads: usize) -> Result<Vec<u8>, Fault> {
    let start = &bytes[..bytes.len().min(Compression::MAGIC_LEN)];
    let format = Compression::detect(start).expect("a compressed file");
    let source = Box::new(io::Cursor::new(bytes.to_vec()));
    let mut all = Vec::new();
    Decompressor::with_limits(
        format,
        source,
        NonZero::new(threads).unwrap(),
        Decompressor::MEMORY,
    )
    .and_then(|mut reader| reader.read_to_end(&mut all))
    .map_err(|error| DecompressError::of(&error).unwrap().fault.clone())?;
    Ok(all)
}

#[test]
fn what_tools_make_is_read_whole_and_not_read_cut_off() {
    let large = events(700_000, 1);
    // What does not compress is stored.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(200_000)
    .collect();
    for (tool, arguments, format) in TOOLS {
        if !format.is_built_in() {
            continue;
        }
        let (mut files, mut last) = (Vec::new(), 0);
        for content in [&b""[..], b"{}\n", &noise, &large] {
            let Some(file) = run(tool, arguments, content) else {
                break;
            };
            assert_eq!(
                Compression::detect(&file[..file.len().min(Compression::MAGIC_LEN)]),
                Some(format),
                "{tool} {arguments:?}"
            );
            for threads in [1, 4] {
                assert!(
                    decompress(&file, threads).as_deref() == Ok(content),
                    "{tool} {arguments:?}, {} bytes, {threads} threads",
                    content.len()
                );
            }
            last = file.len();
            files.extend(file);
        }
        if files.is_empty() {
            continue;
        }
        let all = [&b"{}\n"[..], &noise, &large].concat();
        assert!(
            decompress(&files, 2) == Ok(all),
            "{tool} {arguments:?}, concatenated"
        );
        // All within the last file: between two of them, a cut cannot be seen.
        for missing in [1, 5, last / 2, last - 3] {
            let cut = files.len() - missing;
            for threads in [1, 4] {
                assert_eq!(
                    decompress(&files[..cut], threads).map(|got| got.len()),
                    Err(Fault::CutOff),
                    "{tool} {arguments:?} cut at {cut} of {}, {threads} threads",
                    files.len()
                );
            }
        }
    }
}

#[test]
fn what_is_not_read_says_what_to_do() {
    for (tool, arguments, format, expected) in [
        (
            "zstd",
            &["-q", "--long=28", "--no-content-size"][..],
            Compression::Zstd,
            "a window of more than 128 MiB",
        ),
        ("lz4", &["-q", "-l"], Compression::Lz4, "before 2013"),
        (
            "xz",
            &["--format=xz", "--lzma2=preset=0,dict=512MiB"],
            Compression::Xz,
            "538 MB of memory, and may take 268 MB",
        ),
    ] {
        if !format.is_built_in() {
            continue;
        }
        let Some(file) = run(tool, arguments, &events(100_000, 2)) else {
            continue;
        };
        for threads in [1, 4] {
            let fault = decompress(&file, threads).unwrap_err();
            let is_told = match fault {
                Fault::Unsupported { what, .. } => what.contains(expected),
                Fault::NeedsMemory {
                    allowed,
                    needed: Some(needed),
                } => {
                    let (needed, allowed) = (needed.div_ceil(1_000_000), allowed / 1_000_000);
                    expected == format!("{needed} MB of memory, and may take {allowed} MB")
                }
                _ => false,
            };
            assert!(is_told, "{tool} {arguments:?}: {fault:?}");
        }
    }
}
