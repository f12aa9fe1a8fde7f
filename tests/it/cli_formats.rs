//! Formats of the result: each says what the CSV says, by name or by option, whole or by days, and the same
//! bytes for the same rows.

use std::fs;
use std::io::Read as _;

use serde_json::Value;

use crate::harness::{CLICK, Run, Sandbox, json_lines, text_of};

const FORMATS: [&str; 8] = [
    "csv",
    "csv.gz",
    "csv.zst",
    "jsonl",
    "jsonl.gz",
    "jsonl.zst",
    "parquet",
    "arrow",
];

/// Rows as texts: date, user, counts, and the revenue as the CSV has it.
type Rows = Vec<[String; 5]>;

/// A sandbox with 60,000 lines, of users at both ends of what there is too, and the rows of their CSV.
fn sandbox() -> (Sandbox, Rows) {
    let sandbox = Sandbox::new();
    let mut events = sandbox.generate([
        "--lines=60000",
        "--users=20000",
        "--days=9",
        "--invalid-rate=0.02",
    ]);
    for user in ["-9223372036854775808", "18446744073709551615", "-1", "0"] {
        for amount in ["0.000000000000000001", "999999999999999.999999", "5"] {
            let line = crate::harness::purchase(user, amount);
            events.extend_from_slice(format!("{line}\n").as_bytes());
        }
    }
    sandbox.write("events.jsonl", events);
    sandbox.aggregate(["-q", "--log-level=off"]).expect_code(0);
    let rows = csv_rows(&sandbox.read("daily_user_stats.csv"));
    assert!(rows.len() > 30_000);
    (sandbox, rows)
}

fn csv_rows(csv: &[u8]) -> Rows {
    let mut reader = csv::Reader::from_reader(csv);
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        std::array::from_fn(|at| row[at].to_owned())
    });
    rows.collect()
}

/// What a result in any format says.
fn rows(format: &str, bytes: Vec<u8>) -> Rows {
    match format.split_once('.') {
        Some((inner, "gz")) => {
            let mut text = Vec::new();
            let mut one = flate2::bufread::GzDecoder::new(&bytes[..]);
            one.read_to_end(&mut text).unwrap();
            // One member is all of it.
            assert!(one.into_inner().is_empty());
            rows(inner, text)
        }
        Some((inner, _)) => {
            let mut text = Vec::with_capacity(64 << 20);
            zstd_safe::decompress(&mut text, &bytes[..]).unwrap();
            rows(inner, text)
        }
        None => match format {
            "csv" => csv_rows(&bytes),
            "jsonl" => json_rows(&bytes),
            "parquet" => parquet_rows(bytes),
            _ => arrow_rows(&bytes),
        },
    }
}

fn json_rows(text: &[u8]) -> Rows {
    let rows = json_lines(std::str::from_utf8(text).unwrap());
    rows.iter()
        .map(|row| {
            assert_eq!(row.as_object().unwrap().len(), 5);
            [
                text_of(row, "date").to_owned(),
                row["user_id"].to_string(),
                row["event_count"].to_string(),
                row["purchase_count"].to_string(),
                text_of(row, "total_revenue").to_owned(),
            ]
        })
        .collect()
}

/// A decimal of 18 places as the CSV has it.
fn money(units: i128) -> String {
    let text = format!("{units:019}");
    let (whole, decimals) = text.split_at(text.len() - 18);
    let kept = decimals.trim_end_matches('0').len().max(2);
    format!("{whole}.{}", &decimals[..kept])
}

fn date(days: i32) -> String {
    let epoch: chrono::NaiveDate = "1970-01-01".parse().unwrap();
    (epoch + chrono::Days::new(u64::try_from(days).unwrap())).to_string()
}

fn parquet_rows(bytes: Vec<u8>) -> Rows {
    use parquet::data_type::AsBytes as _;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let decimal = |field: &Field| match field {
        Field::Decimal(decimal) => {
            let bytes = decimal.data().as_bytes();
            let fill = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
            let mut wide = [fill; 16];
            wide[16 - bytes.len()..].copy_from_slice(bytes);
            i128::from_be_bytes(wide)
        }
        field => panic!("{field:?}"),
    };
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let [
            Field::Date(days),
            user,
            Field::Long(events),
            Field::Long(purchases),
            revenue,
        ] = fields[..]
        else {
            panic!("{fields:?}")
        };
        [
            date(*days),
            decimal(user).to_string(),
            events.to_string(),
            purchases.to_string(),
            money(decimal(revenue)),
        ]
    });
    rows.collect()
}

fn arrow_rows(bytes: &[u8]) -> Rows {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
    let reader = arrow_ipc::reader::FileReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
    let mut rows = Rows::new();
    for batch in reader {
        let batch = batch.unwrap();
        let [dates, users, events, purchases, revenues] = batch.columns() else {
            panic!("{batch:?}")
        };
        for at in 0..batch.num_rows() {
            rows.push([
                date(dates.as_primitive::<Date32Type>().value(at)),
                users.as_primitive::<Decimal128Type>().value(at).to_string(),
                events.as_primitive::<Int64Type>().value(at).to_string(),
                purchases.as_primitive::<Int64Type>().value(at).to_string(),
                money(revenues.as_primitive::<Decimal128Type>().value(at)),
            ]);
        }
    }
    rows
}

#[test]
fn every_format_says_what_the_csv_says() {
    let (sandbox, expected) = sandbox();
    for format in FORMATS {
        let name = format!("stats.{format}");
        let run = |args: &[&str]| {
            let run = sandbox.aggregate(
                ["-q", "--log-level=off", "-o", &name, "--summary=s.json"]
                    .iter()
                    .chain(args),
            );
            run.expect_code(0);
            sandbox.read(&name)
        };
        let bytes = run(&["-j1", "--chunk-size=100kB"]);
        assert!(rows(format, bytes.clone()) == expected, "{format}");
        // Threads, chunks and the disk do not show, and what is there already is not touched.
        for args in [
            &["-j3"][..],
            &["-j2", "--memory-limit=128MiB", "--chunk-size=1kB"],
        ] {
            assert!(run(args) == bytes, "{format} {args:?}");
            let summary: Value = serde_json::from_str(&sandbox.text("s.json")).unwrap();
            assert_eq!(summary["output"]["unchanged"], true);
            assert_eq!(text_of(&summary["output"], "format"), format);
        }
        // The option says it where no name does.
        let piped = sandbox.aggregate(["-q", "--log-level=off", "-o-", "--format", format]);
        piped.expect_code(0);
        assert!(piped.stdout == bytes, "{format}");
        fs::remove_file(sandbox.path(&name)).unwrap();
        sandbox
            .aggregate(["-q", "--log-level=off", "--format", format])
            .expect_code(0);
        assert!(sandbox.read(format!("daily_user_stats.{format}")) == bytes);
    }
}

#[test]
fn without_events_there_are_no_rows() {
    let sandbox = Sandbox::with_events("");
    for format in FORMATS {
        let run = sandbox.aggregate(["-q", "-o-", "--format", format]);
        run.expect_code(0);
        assert!(rows(format, run.stdout).is_empty(), "{format}");
    }
}

#[test]
fn days_are_files_of_any_format() {
    let (sandbox, expected) = sandbox();
    for format in FORMATS {
        let run = || {
            sandbox.aggregate([
                "-q",
                "--log-level=off",
                "--partition-by=date",
                "-o",
                &format!("by-{format}"),
                "--format",
                format,
                "--summary=s.json",
            ])
        };
        run().expect_code(0);
        let mut days: Vec<_> = fs::read_dir(sandbox.path(format!("by-{format}")))
            .unwrap()
            .map(|day| day.unwrap().path())
            .collect();
        days.sort();
        let of_days: Rows = days
            .iter()
            .flat_map(|day| {
                let file = day.join(format!("daily_user_stats.{format}"));
                rows(format, fs::read(file).unwrap())
            })
            .collect();
        assert!(of_days == expected, "{format}");
        // The same again changes nothing.
        run().expect_code(0);
        let summary: Value = serde_json::from_str(&sandbox.text("s.json")).unwrap();
        assert_eq!(summary["output"]["unchanged"], true, "{format}");
    }
}

/// Who reads the folder would count a day twice.
#[test]
fn a_day_has_one_format() {
    let sandbox = Sandbox::with_events(CLICK);
    let run = |format: &str, more: &[&str]| -> Run {
        let args = ["--partition-by=date", "-o", "out", "--format", format];
        sandbox.aggregate(args.iter().chain(more))
    };
    run("csv", &[]).expect_code(0);
    let file = "out/date=2024-01-01/daily_user_stats.csv";
    let before = sandbox.read(file);
    run("parquet", &[])
        .expect_code(1)
        .expect_stderr(file)
        .expect_stderr("of another format than parquet");
    sandbox.write("events.jsonl", CLICK.replace("01-01", "01-02"));
    // Another day alone does not disturb it, unless the days between are replaced.
    run("parquet", &["--from=2024-01-01", "--to=2024-01-02"])
        .expect_code(1)
        .expect_stderr(file);
    run("parquet", &[]).expect_code(0);
    assert_eq!(sandbox.read(file), before);
}

#[test]
fn files_say_what_they_are() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let (sandbox, expected) = sandbox();
    let run = |name: &str| {
        sandbox
            .aggregate(["-q", "--log-level=off", "--from=2024-01-02", "-o", name])
            .expect_code(0);
        sandbox.read(name)
    };
    let first = "2024-01-01".to_owned();
    let expected = expected.iter().filter(|row| row[0] > first).count();
    let reader = SerializedFileReader::new(bytes::Bytes::from(run("s.parquet"))).unwrap();
    let file = reader.metadata().file_metadata();
    let facts = file.key_value_metadata().unwrap();
    let fact = |key: &str| {
        let fact = facts
            .iter()
            .find(|fact| fact.key == format!("daytally.{key}"));
        fact.and_then(|fact| fact.value.clone())
            .unwrap_or_else(|| panic!("no {key}"))
    };
    assert_eq!(fact("groups"), expected.to_string());
    assert_eq!(fact("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (fact("from").as_str(), fact("first_date").as_str()),
        ("2024-01-02", "2024-01-02")
    );
    assert_eq!(fact("lines"), "60012");
    let by_reason: Value = serde_json::from_str(&fact("invalid_by_reason")).unwrap();
    let invalid: u64 = by_reason
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(fact("invalid"), invalid.to_string());
    let group = reader.metadata().row_group(0);
    let sorted_by = group.sorting_columns().unwrap();
    assert_eq!(
        sorted_by.iter().map(|by| by.column_idx).collect::<Vec<_>>(),
        [0, 1]
    );
    for column in group.columns() {
        let statistics = column.statistics().unwrap();
        assert!(statistics.min_bytes_opt() <= statistics.max_bytes_opt());
        assert_eq!(statistics.null_count_opt(), Some(0));
    }

    let bytes = run("s.arrow");
    let reader = arrow_ipc::reader::FileReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
    assert_eq!(
        reader.custom_metadata()["daytally.groups"],
        expected.to_string()
    );
}

#[test]
fn formats_that_there_are_not() {
    let sandbox = Sandbox::with_events(CLICK);
    sandbox
        .aggregate(["--format", "xlsx"])
        .expect_code(2)
        .expect_stderr("there are csv, csv.gz, csv.zst, jsonl");
    // A name that speaks of no format is as good as ever.
    sandbox.aggregate(["-o", "stats.txt"]).expect_code(0);
    assert!(sandbox.text("stats.txt").starts_with("date,user_id"));
    // And the option wins over the name.
    sandbox
        .aggregate(["-o", "stats.parquet", "--format", "CSV"])
        .expect_code(0);
    assert!(sandbox.text("stats.parquet").starts_with("date,user_id"));
}

/// What would be something else than its name says is not written by accident.
#[test]
fn names_of_formats_that_there_are_not() {
    let sandbox = Sandbox::with_events(CLICK);
    for (name, extension) in [
        ("stats.xlsx", ".xlsx"),
        ("stats.csv.bz2", ".bz2"),
        ("stats.parquet.gz", ".parquet.gz"),
    ] {
        sandbox
            .aggregate(["-o", name])
            .expect_code(2)
            .expect_stderr(&format!("results have no format {extension};"))
            .expect_stderr("csv, csv.gz, csv.zst, jsonl");
    }
    sandbox
        .aggregate(["--partition-by=date", "-o", "days.parquet"])
        .expect_code(2)
        .expect_stderr("say --format parquet");
    assert_eq!(sandbox.names(), ["events.jsonl"]);
    // It is done for who says so.
    sandbox
        .aggregate(["-o", "stats.xlsx", "--format=csv"])
        .expect_code(0);
    assert!(sandbox.text("stats.xlsx").starts_with("date,user_id"));
    sandbox
        .aggregate(["--partition-by=date", "-o", "days.parquet", "--format=csv"])
        .expect_code(0);
    assert!(sandbox.path("days.parquet").is_dir());
}
