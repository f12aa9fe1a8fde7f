//! Events that look different: other names of fields, fields in other objects, other purchases, offsets,
//! and days of a time zone.

use serde_json::{Value, json};

use crate::harness::{Sandbox, expect_printable};
use crate::reference::HEADER;

const OTHER: &str = r#"{"uid":123,"kind":"click","ts":"2024-01-01T10:00:00Z"}
{"uid":123,"kind":"order","ts":"2024-01-01T23:30:00Z","price":19.99}
{"uid":456,"kind":"renewal","ts":"2024-01-02T00:30:00+01:00","price":5}
{"uid":456,"kind":"purchase","ts":"2024-01-02T00:30:00Z"}
{"uid":789,"kind":"click"}
"#;

const NAMES: [&str; 6] = [
    "--user-id-field=uid",
    "--event-type-field=kind",
    "--timestamp-field=ts",
    "--amount-field=price",
    "--purchase-type=order",
    "--purchase-type=renewal",
];

fn rows(rows: &[&str]) -> String {
    [HEADER, &rows.join("\n"), "\n"].concat()
}

fn summary(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.aggregate([&["-q", "--summary=-"][..], args].concat());
    run.expect_code(0);
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn fields_and_purchases_have_the_names_that_are_given() {
    let sandbox = Sandbox::with_events(OTHER);
    let run = sandbox.aggregate(NAMES);
    run.expect_code(0);
    run.expect_stderr("there is no key \"ts\" input=events.jsonl line=5");
    run.expect_stderr("ts \"2024-01-02T00:30:00+01:00\" is not in UTC");
    run.expect_stderr(r#"user_id is uid; event_type is kind; timestamp is ts; amount is price; purchases are "order", "renewal""#);
    let expected = rows(&["2024-01-01,123,2,1,19.99", "2024-01-02,456,1,0,0.00"]);
    assert_eq!(sandbox.csv(), expected);

    let run = sandbox.aggregate([&NAMES[..], &["--lanes=general", "-q"]].concat());
    run.expect_code(0);
    assert_eq!(sandbox.csv(), expected);
}

#[test]
fn offsets_are_converted_where_that_is_wanted() {
    let sandbox = Sandbox::with_events(OTHER);
    let args = [&NAMES[..], &["--accept-offsets"]].concat();
    let summary = summary(&sandbox, &args);
    assert_eq!(
        summary["invalid_by_reason"],
        json!({"missing_timestamp": 1})
    );
    assert_eq!(
        sandbox.csv(),
        rows(&[
            "2024-01-01,123,2,1,19.99",
            "2024-01-01,456,1,1,5.00",
            "2024-01-02,456,1,0,0.00"
        ])
    );
    assert_eq!(
        summary["schema"],
        json!({
            "user_id_field": "uid", "event_type_field": "kind", "timestamp_field": "ts", "amount_field": "price",
            "purchase_types": ["order", "renewal"], "accept_offsets": true, "timezone": "UTC",
            "timezone_database": null
        })
    );
}

#[cfg(feature = "timezone")]
#[test]
fn days_are_those_of_the_zone() {
    let sandbox = Sandbox::with_events(OTHER);
    let args = [
        &NAMES[..],
        &["--accept-offsets", "--timezone=europe/berlin"],
    ]
    .concat();
    let all = summary(&sandbox, &args);
    assert_eq!(
        sandbox.csv(),
        rows(&[
            "2024-01-01,123,1,0,0.00",
            "2024-01-02,123,1,1,19.99",
            "2024-01-02,456,2,1,5.00"
        ])
    );
    assert_eq!(all["schema"]["timezone"], "Europe/Berlin");
    assert!(all["schema"]["timezone_database"].is_string());

    let second = summary(&sandbox, &[&args[..], &["--from=2024-01-02"]].concat());
    assert_eq!(
        (&second["valid"], &second["filtered"]),
        (&json!(3), &json!(1))
    );

    // A zone that is behind, written as an offset.
    let args = [&NAMES[..], &["--timezone", "-10:30"]].concat();
    let behind = summary(&sandbox, &args);
    assert_eq!(behind["schema"]["timezone"], "-10:30");
    assert_eq!(behind["first_date"], "2023-12-31");
}

#[test]
fn fields_may_be_in_other_objects() {
    let sandbox = Sandbox::with_events(
        r#"{"user":{"id":1,"id":2},"event":{"type":"purchase","at":"2024-01-01T10:00:00Z","price.net":1.5}}
{"event":{"at":"2024-01-01T10:00:00Z","type":"click"},"user":{"id":9},"user":{"id":2}}
{"user":{"id":2},"event":{"type":"click","at":"2024-01-01T10:00:00Z"},"user":2}
"#,
    );
    for lanes in ["all", "general"] {
        let run = sandbox.aggregate([
            "--user-id-field=user.id",
            "--event-type-field=event.type",
            "--timestamp-field=event.at",
            r"--amount-field=event.price\.net",
            "--lanes",
            lanes,
        ]);
        run.expect_code(0);
        run.expect_stderr("there is no key \"user.id\" input=events.jsonl line=3");
        assert_eq!(sandbox.csv(), rows(&["2024-01-01,2,2,1,1.50"]));
    }
}

#[test]
fn what_cannot_be_is_wrong_use() {
    let sandbox = Sandbox::with_events(OTHER);
    for (args, message) in [
        (
            &["--user-id-field=amount"][..],
            r#"user_id is "amount" and amount is "amount", which is the same"#,
        ),
        (
            &["--user-id-field=user", "--timestamp-field=user.ts"],
            r#"user_id is "user" and timestamp is "user.ts", which are one within the other"#,
        ),
        (&["--user-id-field=a..b"], "a key is empty"),
        (&["--amount-field="], "a key is empty"),
        (&[r"--amount-field=a\b"], r"a backslash is written \\"),
        (&["--purchase-type="], "no event's type is empty"),
        (&["--timezone=+2"], "there is no such offset"),
        (&["--timezone=+25:00"], "from -23:59 to +23:59"),
        (&["--timezone=Nowhere"], "there is no such time zone"),
        (&["--timezone=\u{1b}[31m"], "there is no such time zone"),
    ] {
        let run = sandbox.aggregate(args);
        run.expect_code(2);
        let said = run.stderr.clone();
        if cfg!(feature = "timezone") || !args[0].starts_with("--timezone") {
            assert!(said.contains(message), "{said}");
        }
        expect_printable(&said);
        assert_eq!(sandbox.names(), ["events.jsonl"]);
    }
    if cfg!(feature = "timezone") {
        let run = sandbox.aggregate(["--timezone=Berlin"]);
        run.expect_code(2);
        run.expect_stderr("perhaps Europe/Berlin is meant");
    }
}

#[test]
fn explain_and_the_rejects_use_the_names_too() {
    let sandbox = Sandbox::with_events(OTHER);
    let run = sandbox.aggregate([&NAMES[..], &["-q", "--rejects=rejects.jsonl"]].concat());
    run.expect_code(0);
    let rejects = sandbox.text("rejects.jsonl");
    assert!(
        rejects.contains(r#""message":"there is no key \"ts\"""#),
        "{rejects}"
    );

    let explained = |args: &[&str]| {
        let run = sandbox.run([&["explain", "events.jsonl:3"][..], args].concat());
        run.expect_code(0);
        run.stdout_text().to_owned()
    };
    let text = explained(&NAMES);
    assert!(text.contains("timestamp_not_utc: ts \""), "{text}");
    assert!(
        text.contains("or accept it with --accept-offsets"),
        "{text}"
    );
    let text = explained(&[&NAMES[..], &["--accept-offsets", "--timezone=+09:00"]].concat());
    assert!(
        text.contains("  date        2024-01-02 in +09:00\n"),
        "{text}"
    );
    assert!(text.contains("  amount      5.00\n"), "{text}");
    let text = explained(&[]);
    assert!(
        text.contains("or name it with --user-id-field uid\n"),
        "{text}"
    );
}

#[test]
fn a_state_belongs_to_a_schema() {
    let sandbox = Sandbox::with_events(OTHER);
    let state = ["events.jsonl", "-q", "--state=state"];
    let run = sandbox.aggregate([&state[..], &NAMES].concat());
    run.expect_code(0);
    let first = sandbox.csv();
    for (args, message) in [
        (
            vec![],
            r#"was made with --user-id-field "uid", and this run has "user_id""#,
        ),
        (
            NAMES[..5].to_vec(),
            r#"was made with --purchase-type "order" and "renewal", and this run has "order""#,
        ),
        (
            [&NAMES[..], &["--accept-offsets"]].concat(),
            "was made with --accept-offsets off, and this run has on",
        ),
        (
            [&NAMES[..], &["--timezone=+01:00"]].concat(),
            "was made with --timezone UTC, and this run has +01:00",
        ),
    ] {
        let run = sandbox.aggregate([&state[..], &args].concat());
        run.expect_code(2);
        run.expect_stderr(message);
    }
    // The order in which purchases are named says nothing.
    let swapped = [
        &NAMES[..4],
        &["--purchase-type=renewal", "--purchase-type=order"],
    ]
    .concat();
    let run = sandbox.aggregate([&state[..], &swapped].concat());
    run.expect_code(0);
    assert_eq!(sandbox.csv(), first);
    sandbox.run(["state", "state", "--check"]).expect_code(0);

    // The usual one is not worth a word.
    let run = sandbox.aggregate(["events.jsonl", "-q", "--state=usual", "-o", "usual.csv"]);
    run.expect_code(0);
    let mark = sandbox.text("usual/daytally-state");
    assert!(!mark.contains("schema"), "{mark}");
}

#[test]
fn the_environment_and_config_files_name_fields_too() {
    let sandbox = Sandbox::with_events(OTHER);
    let mut command = sandbox.program();
    command.args(["aggregate", "events.jsonl", "-q", "--user-id-field=uid"]);
    for (name, value) in [
        ("DAYTALLY_EVENT_TYPE_FIELD", "kind"),
        ("DAYTALLY_TIMESTAMP_FIELD", "ts"),
        ("DAYTALLY_AMOUNT_FIELD", "price"),
        ("DAYTALLY_PURCHASE_TYPE", "order"),
        ("DAYTALLY_ACCEPT_OFFSETS", "1"),
        ("DAYTALLY_TIMEZONE", "-01:00"),
    ] {
        command.env(name, value);
    }
    assert!(command.status().unwrap().success());
    assert_eq!(
        sandbox.csv(),
        rows(&["2024-01-01,123,2,1,19.99", "2024-01-01,456,2,0,0.00"])
    );
    if cfg!(feature = "config") {
        sandbox.write(
            "daytally.toml",
            "user-id-field = \"uid\"\nevent-type-field = \"kind\"\ntimestamp-field = \"ts\"\namount-field = \"price\"\n\
             purchase-type = [\"order\", \"renewal\"]\naccept-offsets = true\n",
        );
        sandbox.aggregate(["-q"]).expect_code(0);
        assert_eq!(
            sandbox.csv(),
            rows(&[
                "2024-01-01,123,2,1,19.99",
                "2024-01-01,456,1,1,5.00",
                "2024-01-02,456,1,0,0.00"
            ])
        );
        let run = sandbox.run(["explain", "events.jsonl:3"]);
        run.expect_code(0);
        assert!(run.stdout_text().contains(": valid\n"));
        // What is named on the command line is all there is.
        sandbox
            .aggregate(["-q", "--purchase-type=renewal"])
            .expect_code(0);
        assert!(sandbox.csv().contains("123,2,0,0.00"));
    }
}
