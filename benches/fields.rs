//! The values of single fields.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use daytally::event::{Amount, Date, parse_timestamp};

/// Timestamps of every form that falls on one day.
pub(crate) fn timestamps(criterion: &mut Criterion) {
    let texts = [
        "2024-02-29T12:34:56Z",
        "2024-02-29T12:34:56.789012Z",
        "2024-02-29T12:34:56+00:00",
        "20240229T123456Z",
        "2024-060T12:34Z",
        "2024-W09-4T12Z",
        "2024-02-28T24:00:00Z",
    ];
    let day = Date::from_ymd(2024, 2, 29).unwrap();
    let mut group = criterion.benchmark_group("timestamp");
    group.throughput(Throughput::Elements(1));
    for text in texts {
        group.bench_function(text, |bencher| {
            bencher.iter(|| assert_eq!(parse_timestamp(black_box(text).as_bytes()), Ok(day)));
        });
    }
    group.finish();
}

/// Amounts from the ordinary to the absurd.
pub(crate) fn amounts(criterion: &mut Criterion) {
    let long = format!("1{}e-400", "0".repeat(400));
    let texts = [
        ("two decimals", "19.99"),
        ("integer", "100"),
        ("eighteen decimals", "0.123456789012345678"),
        ("exponent", "1.999e1"),
        ("400 digits", &long),
    ];
    let mut group = criterion.benchmark_group("amount");
    group.throughput(Throughput::Elements(1));
    for (name, text) in texts {
        let units = Amount::from_json_number(text).unwrap().units();
        // Checked by another road: all of these fit a float's precision.
        let float: f64 = text.parse().unwrap();
        let ours: f64 = format!("{units}e-18").parse().unwrap();
        assert!((ours - float).abs() < 1e-9, "{text}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let amount = Amount::from_json_number(black_box(text));
                assert_eq!(amount.map(Amount::units), Ok(units));
            });
        });
    }
    group.finish();
}
