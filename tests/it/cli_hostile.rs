//! Inputs that nobody sane would write: each line gets its verdict, and nothing falls over.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::harness::{self, CLICK, Sandbox, expected_positions, json_lines, positions, purchase};
use crate::reference::{self, DEFAULT_MAX_LINE_BYTES};

/// The program's result and rejects are the reference's.
#[track_caller]
fn expect_agreement(name: &str, events: &[u8], args: &[&str]) {
    let sandbox = Sandbox::with_events(events);
    sandbox
        .aggregate([&["--rejects=r.jsonl", "--log-format=json"], args].concat())
        .expect_code(0);
    let expected = reference::run(&[events], DEFAULT_MAX_LINE_BYTES);
    assert_eq!(sandbox.csv(), expected.csv, "{name}");
    assert_eq!(
        positions(&json_lines(&sandbox.text("r.jsonl"))),
        expected_positions(&expected, &["events.jsonl"]),
        "{name}"
    );
}

#[test]
fn deep_nesting() {
    let million = 1_000_000;
    for (name, line) in [
        ("arrays", "[".repeat(million)),
        ("closed arrays", "[".repeat(million) + &"]".repeat(million)),
        ("objects", "{\"a\":".repeat(million / 5)),
        ("both", "[{\"a\":".repeat(million / 6)),
        ("closers", "]".repeat(million)),
        ("strings", "[\"[".repeat(million / 3)),
        (
            "in a field",
            CLICK.replacen('{', &format!("{{\"x\":{},", "[".repeat(million)), 1),
        ),
        ("in the amount", purchase("1", &"[".repeat(million))),
    ] {
        expect_agreement(name, format!("{CLICK}\n{line}\n{CLICK}\n").as_bytes(), &[]);
    }
}

#[test]
fn nesting_on_both_sides_of_the_limit() {
    let mut events = String::new();
    for depth in [1022, 1023, 1024, 1025] {
        let nested = "[".repeat(depth) + &"]".repeat(depth);
        let closed = CLICK.replacen('{', &format!("{{\"x\":{nested},"), 1);
        let open = CLICK.replacen('{', &format!("{{\"x\":{},", "[".repeat(depth)), 1);
        for line in [nested, closed, open] {
            events += &line;
            events.push('\n');
        }
    }
    expect_agreement("nesting", events.as_bytes(), &[]);
}

/// 64 MB in one line: over the limit, so nobody needs to look inside.
#[test]
fn a_line_of_many_megabytes() {
    let mut events = format!("{CLICK}\n{{\"x\":\"").into_bytes();
    events.resize(events.len() + 64_000_000, b'y');
    events.extend(format!("\"}}\n{CLICK}\n").bytes());
    expect_agreement("one long line", &events, &["--threads=4"]);
    expect_agreement(
        "one long line, small chunks",
        &events,
        &["--threads=2", "--chunk-size=1M"],
    );
}

#[test]
fn many_of_one_byte() {
    for byte in [0_u8, b'\n', b' ', b'"', b'{', b'\\', 0x80, 0xff] {
        expect_agreement(
            &format!("{byte:#x}"),
            &vec![byte; 100_000],
            &["--chunk-size=4096", "--threads=3"],
        );
    }
}

#[test]
fn other_encodings() {
    let text = format!("{CLICK}\n{}\n{CLICK}\r\n", purchase("2", "1.5"));
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let wide: Vec<u8> = text
        .chars()
        .flat_map(|char| u32::from(char).to_le_bytes())
        .collect();
    for (name, bytes) in [
        ("UTF-16LE", little.clone()),
        ("UTF-16BE", big.clone()),
        (
            "UTF-16LE with its mark",
            [&b"\xff\xfe"[..], &little].concat(),
        ),
        ("UTF-16BE with its mark", [&b"\xfe\xff"[..], &big].concat()),
        ("UTF-32LE", wide),
        (
            "Latin-1",
            b"{\"user_id\":1,\"event_type\":\"caf\xe9\",\"timestamp\":\"2024-01-01T00Z\"}".to_vec(),
        ),
        (
            "gzip",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00".to_vec(),
        ),
        ("two marks", format!("\u{feff}\u{feff}{CLICK}").into_bytes()),
        ("half a mark", [&b"\xef\xbb"[..], CLICK.as_bytes()].concat()),
    ] {
        // Compressed inputs may one day be read as what they hold.
        if name != "gzip" {
            expect_agreement(name, &bytes, &[]);
        }
    }
}

#[test]
fn random_bytes() {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for length in [1, 63, 4096, 300_000] {
        let mut bytes = vec![0; length];
        rng.fill_bytes(&mut bytes);
        expect_agreement(
            &format!("{length} bytes"),
            &bytes,
            &["--chunk-size=1000", "--threads=4"],
        );
    }
}

/// A file of short lines in which nearly every byte ends one.
#[test]
fn very_many_lines() {
    let events = "\n1\n".repeat(30_000);
    expect_agreement(
        "short lines",
        events.as_bytes(),
        &["-q", "--chunk-size=100"],
    );
}

/// Users chosen so that a weak hash would put them all in one place.
#[test]
fn users_that_collide_in_weak_hashes() {
    let mut events = String::new();
    for index in 0..20_000_u64 {
        events += &CLICK.replacen(":1,", &format!(":{},", index << 32), 1);
        events.push('\n');
    }
    expect_agreement("shifted ids", events.as_bytes(), &[]);
}

/// Very long tokens in every field: no stack, no quadratic time, and the log stays readable.
#[test]
fn long_tokens() {
    let digits = "9".repeat(1_000_000);
    let zeros = "0".repeat(1_000_000);
    let events = [
        CLICK.replacen(":1,", &format!(":{digits},"), 1),
        CLICK.replacen(":1,", &format!(":1{zeros},"), 1),
        CLICK.replace("click", &digits),
        CLICK.replacen("00Z", &format!("00.{digits}Z"), 1),
        CLICK.replacen('{', &format!("{{\"{digits}\":1,"), 1),
        purchase("1", &digits),
        purchase("1", &format!("0.{zeros}1")),
        purchase("1", &format!("0.{digits}")),
        purchase("1", &format!("1e{digits}")),
        purchase("1", &format!("1e-{digits}")),
        purchase("1", &format!("1e{zeros}2")),
        purchase("1", &format!("{digits}e-1000000")),
        purchase("1", &format!("1{zeros}e-1000000")),
        purchase("1", &format!("0.{zeros}1e1000001")),
        purchase("1", &format!("0.{zeros}1e999982")),
    ]
    .join("\n");
    let sandbox = Sandbox::with_events(&events);
    let run = sandbox.aggregate(["--rejects=r.jsonl"]);
    run.expect_code(0);
    harness::expect_printable(&run.stderr);
    let expected = reference::run(&[events.as_bytes()], DEFAULT_MAX_LINE_BYTES);
    assert_eq!(sandbox.csv(), expected.csv);
    assert_eq!(
        positions(&json_lines(&sandbox.text("r.jsonl"))),
        expected_positions(&expected, &["events.jsonl"])
    );
    assert!(run.stderr.len() < 100_000);
}
