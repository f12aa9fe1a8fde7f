//! The end of a run: the summary for people, and where each reason was found first.

use serde_json::{Value, json};

use crate::harness::{CLICK, Sandbox, json_lines, number_of, text_of};

fn first(sandbox: &Sandbox, args: &[&str]) -> Value {
    let with_summary = ["--summary=-"].iter().chain(args);
    let run = sandbox.aggregate(with_summary);
    run.expect_code(0);
    let summary: Value = serde_json::from_str(run.stdout_text()).unwrap();
    summary["first_by_reason"].clone()
}

/// The first of each reason in a rejects file.
fn first_in(rejects: &str) -> Value {
    let mut first = serde_json::Map::new();
    for reject in json_lines(rejects) {
        let place = json!({
            "input": text_of(&reject, "input"),
            "line": number_of(&reject, "line"),
            "offset": number_of(&reject, "offset"),
        });
        let reason = text_of(&reject, "reason").to_owned();
        first.entry(reason).or_insert(place);
    }
    first.into()
}

#[test]
fn the_reasons_are_ranked_with_share_and_first_place() {
    let sandbox = Sandbox::new();
    sandbox.write("a b.jsonl", format!("{CLICK}\nnull\nx\n"));
    sandbox.write("b.jsonl", "x\n\ny\n{}\n");
    let run = sandbox.aggregate(["b.jsonl", "a b.jsonl"]);
    run.expect_code(0).expect_stderr(
        "    events  1 valid, 5 invalid (83.33 %), 1 blank line\n            \
         3  60.00 %  invalid_json     first at b.jsonl:1\n            \
         1  20.00 %  missing_user_id  first at b.jsonl:4\n            \
         1  20.00 %  not_an_object    first at a b.jsonl:2\n",
    );
}

#[test]
fn the_first_places_are_those_of_the_rejects_however_the_run_is_done() {
    let sandbox = Sandbox::new();
    for (name, seed) in [("a.jsonl", "1"), ("b.jsonl", "2"), ("c.jsonl", "3")] {
        let events = sandbox.generate(["--lines=2000", "--invalid-rate=0.1", "--seed", seed]);
        sandbox.write(name, events);
    }
    let inputs = ["b.jsonl", "a.jsonl", "c.jsonl"];
    let run = |args: &[&str]| {
        let all: Vec<&str> = inputs.iter().chain(args).copied().collect();
        first(&sandbox, &all)
    };
    let once = run(&["--rejects=r.jsonl"]);
    assert_eq!(once, first_in(&sandbox.text("r.jsonl")));
    for args in [
        &["-j1"][..],
        &["-j4", "--chunk-size=1000"],
        &["-j3", "--chunk-size=64", "--no-mmap"],
        &["--state=s", "-j2"],
        &["--state=s"],
        &["--state=t", "--chunk-size=500", "-j4"],
    ] {
        assert_eq!(run(args), once, "{args:?}");
    }
    // As inputs in another order, all of them kept.
    let other = ["c.jsonl", "b.jsonl", "a.jsonl", "--rejects=r.jsonl"];
    let plain = first(&sandbox, &other);
    assert_eq!(plain, first_in(&sandbox.text("r.jsonl")));
    assert_eq!(
        first(&sandbox, &["c.jsonl", "b.jsonl", "a.jsonl", "--state=s"]),
        plain
    );
}

#[test]
fn a_last_line_that_is_finished_later_is_no_first_place_any_more() {
    let sandbox = Sandbox::new();
    let read = |text: String| {
        sandbox.write("events.jsonl", &text);
        first(&sandbox, &["--state=s"])
    };
    let half = &CLICK[..20];
    let place = |line: u64, offset: usize| json!({"invalid_json": {"input": "events.jsonl", "line": line, "offset": offset}});
    let begin = format!("{CLICK}\n");
    assert_eq!(read(format!("{begin}{half}")), place(2, begin.len()));
    let whole = format!("{begin}{CLICK}\n");
    assert_eq!(read(whole.clone()), json!({}));
    assert_eq!(read(format!("{whole}\nx\ny\n")), place(4, whole.len() + 1));
}
