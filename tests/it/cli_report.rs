//! The report: `--report`, whose numbers are those of the result and of the rejects file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;

use crate::harness::{
    CLICK, Sandbox, is_unprintable, json_lines, number_of, purchase, snapshot, text_of,
};

/// The rows of a table of the page, cell by cell, digits without separators.
fn rows(page: &str, id: &str) -> Vec<Vec<String>> {
    let start = page
        .find(&format!("<table id=\"{id}\">"))
        .unwrap_or_else(|| panic!("no table {id}"));
    let table = &page[start..][..page[start..].find("</table>").unwrap()];
    let body = table.split("<tbody>").nth(1).unwrap();
    body.split("<tr>")
        .skip(1)
        .map(|row| {
            row.trim_end()
                .split('<')
                .filter_map(|cell| Some(cell.split_once('>')?.1.trim().replace(',', "")))
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect()
}

/// What does not depend on how the run was done.
fn data_of(page: &str) -> &str {
    page.split("<footer").next().unwrap()
}

/// A decimal in units of 10^-18.
fn units(decimal: &str) -> u128 {
    let (whole, rest) = decimal.split_once('.').unwrap();
    whole.parse::<u128>().unwrap() * 10_u128.pow(18)
        + format!("{rest:0<18}").parse::<u128>().unwrap()
}

/// Users, events, purchases and revenue.
type Sums = (BTreeSet<i128>, u64, u64, u128);

/// The result added up by its day, and by user.
fn sums(csv: &str) -> (BTreeMap<String, Sums>, BTreeMap<i128, Sums>) {
    let (mut days, mut users) = (
        BTreeMap::<String, Sums>::new(),
        BTreeMap::<i128, Sums>::new(),
    );
    for row in csv.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let user: i128 = cells[1].parse().unwrap();
        for sums in [
            days.entry(cells[0].to_owned()).or_default(),
            users.entry(user).or_default(),
        ] {
            sums.0.insert(user);
            sums.1 += cells[2].parse::<u64>().unwrap();
            sums.2 += cells[3].parse::<u64>().unwrap();
            sums.3 += units(cells[4]);
        }
    }
    (days, users)
}

/// Compares a page with the result and the rejects, of inputs in order.
fn expect_numbers(sandbox: &Sandbox, page: &str, inputs: &[&str]) {
    let (days, users) = sums(&sandbox.csv());
    let shown: Vec<_> = rows(page, "day-table")
        .into_iter()
        .map(|row| {
            let [users, events, purchases] = [1, 2, 3].map(|at| row[at].parse::<u64>().unwrap());
            (row[0].clone(), users, events, purchases, units(&row[4]))
        })
        .collect();
    let expected: Vec<_> = days
        .iter()
        .map(|(day, sums)| (day.clone(), sums.0.len() as u64, sums.1, sums.2, sums.3))
        .collect();
    assert_eq!(shown, expected);

    for (id, key) in [("top-events", 1), ("top-revenue", 3)] {
        let of = |sums: &Sums| if key == 1 { u128::from(sums.1) } else { sums.3 };
        let mut top: Vec<_> = users.iter().filter(|(_, sums)| of(sums) > 0).collect();
        top.sort_by_key(|(user, sums)| (std::cmp::Reverse(of(sums)), **user));
        let shown: Vec<_> = rows(page, id)
            .into_iter()
            .map(|row| {
                (
                    row[0].parse().unwrap(),
                    row[1].parse().unwrap(),
                    units(&row[3]),
                )
            })
            .collect();
        let expected: Vec<(i128, u64, u128)> = top
            .iter()
            .take(20)
            .map(|(user, sums)| (**user, sums.1, sums.3))
            .collect();
        assert_eq!(shown, expected);
    }
    for row in rows(page, "event-bins") {
        let (from, to) = row[0].split_once('–').unwrap_or((&row[0], &row[0]));
        let bin = from.parse::<u64>().unwrap()..=to.parse::<u64>().unwrap();
        let count = users.values().filter(|sums| bin.contains(&sums.1)).count();
        assert_eq!(row[1], count.to_string(), "{row:?}");
    }
    for row in rows(page, "revenue-bins") {
        let whole = |bound: &str| {
            units(&format!(
                "{bound}{}",
                if bound.contains('.') { "" } else { ".0" }
            ))
        };
        let bin = match row[0].split_once(" to &lt; ") {
            Some((from, to)) => whole(from)..whole(to),
            None => 0..1,
        };
        let count = users.values().filter(|sums| bin.contains(&sums.3)).count();
        assert_eq!(row[1], count.to_string(), "{row:?}");
    }

    let rejects = json_lines(&sandbox.text("rejects.jsonl"));
    let mut by_reason: BTreeMap<&str, (u64, String)> = BTreeMap::new();
    for reject in &rejects {
        let input = text_of(reject, "input");
        let first = format!("{input}:{}", number_of(reject, "line"));
        by_reason
            .entry(text_of(reject, "reason"))
            .or_insert((0, first))
            .0 += 1;
    }
    let shown: BTreeMap<String, (u64, String)> = rows(page, "reason-table")
        .into_iter()
        .map(|row| (row[0].clone(), (row[1].parse().unwrap(), row[3].clone())))
        .collect();
    let expected: BTreeMap<String, (u64, String)> = by_reason
        .into_iter()
        .map(|(reason, is)| (reason.to_owned(), is))
        .collect();
    assert_eq!(shown, expected);

    // Each part has the rejects that start in it.
    let sizes: BTreeMap<&str, u64> = inputs
        .iter()
        .map(|name| (*name, sandbox.read(name).len() as u64))
        .collect();
    let before = |name: &str| -> u64 {
        inputs
            .iter()
            .take_while(|input| **input != name)
            .map(|input| sizes[input])
            .sum()
    };
    let places: Vec<u64> = rejects
        .iter()
        .map(|reject| before(text_of(reject, "input")) + number_of(reject, "offset"))
        .collect();
    let mut at = 0;
    for row in rows(page, "position-table") {
        let bytes: u64 = row[1].parse().unwrap();
        let count = places
            .iter()
            .filter(|place| (at..at + bytes).contains(place))
            .count();
        assert_eq!(row[2], count.to_string(), "{row:?}");
        at += bytes;
    }
    assert_eq!(at, sizes.values().sum::<u64>());
}

#[test]
fn its_numbers_are_those_of_the_result_and_the_rejects_however_the_run_is_done() {
    let sandbox = Sandbox::new();
    for (name, seed, lines) in [
        ("a.jsonl", "1", "3000"),
        ("b.jsonl", "2", "500"),
        ("c.jsonl", "3", "1500"),
    ] {
        let events = sandbox.generate([
            "--lines",
            lines,
            "--seed",
            seed,
            "--users",
            "700",
            "--days",
            "40",
            "--profile",
            "mixed",
            "--invalid-rate",
            "0.1",
        ]);
        sandbox.write(name, events);
    }
    let inputs = ["a.jsonl", "b.jsonl", "c.jsonl"];
    let run = |more: &[&str]| {
        let all = [
            &inputs[..],
            &["--rejects=rejects.jsonl", "--report=run.html", "-q"],
            more,
        ]
        .concat();
        sandbox.aggregate(all).expect_code(0);
        sandbox.text("run.html")
    };
    let page = run(&[]);
    expect_numbers(&sandbox, &page, &inputs);
    for more in [
        &["--threads=1"][..],
        &["--threads=4", "--chunk-size=999"],
        &["--threads=1", "--memory-limit=96MiB", "--no-mmap"],
        &["--state=state"],
        // Nothing is read the second time.
        &["--state=state", "--threads=3"],
    ] {
        assert_eq!(data_of(&run(more)), data_of(&page), "{more:?}");
    }
    // What was added is read, and the rest is from the state.
    let more = sandbox.generate([
        "--lines=700",
        "--seed=4",
        "--users=700",
        "--days=40",
        "--invalid-rate=0.2",
    ]);
    sandbox.write("b.jsonl", [sandbox.read("b.jsonl"), more].concat());
    let grown = run(&["--state=state"]);
    expect_numbers(&sandbox, &grown, &inputs);
    assert_eq!(data_of(&run(&[])), data_of(&grown));
    // A state that was kept without rejects learns of them.
    sandbox
        .aggregate([&inputs[..], &["--state=other", "-q"]].concat())
        .expect_code(0);
    sandbox
        .aggregate([&inputs[..], &["--state=other", "-q", "--report=run.html"]].concat())
        .expect_code(0);
    assert_eq!(data_of(&sandbox.text("run.html")), data_of(&grown));
}

#[test]
fn it_needs_nothing_from_anywhere_and_nothing_gets_out_of_its_place() {
    let sandbox = Sandbox::new();
    let name = OsStr::from_bytes(b"<script>alert(1)</script>\"'&\xff\xe2\x80\xae\x1b[31m.jsonl");
    let name = name.to_string_lossy().replace('/', "_");
    let mut name = name.into_bytes();
    name.push(0xff);
    let name = OsStr::from_bytes(&name);
    sandbox.write(name, format!("{CLICK}\n<script>alert(2)</script>\nnull\n"));
    sandbox.write("b\u{202e}<b>.jsonl", "\n{\n");
    sandbox
        .aggregate([
            name,
            OsStr::new("b\u{202e}<b>.jsonl"),
            OsStr::new("-q"),
            OsStr::new("-o<img src=x onerror=alert(3)>.csv"),
            OsStr::new("--report=run.html"),
        ])
        .expect_code(0);
    let page = sandbox.text("run.html");
    for part in [
        "<script", "<img", "<b>", "http:", "https:", "src=", "url(", "@import",
    ] {
        let part_of_name = part == "src=" || part == "<img";
        let page = page.replace("&lt;img src=x", "");
        assert!(!page.contains(part), "{part} {part_of_name}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;_script&gt;&quot;&#39;&amp;"));
    assert!(page.contains("&lt;img src=x onerror=alert(3)&gt;.csv"));
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert!(!page.chars().any(|c| c != '\n' && is_unprintable(c)));
}

#[test]
fn with_too_many_invalid_events_it_says_that_there_is_no_result() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\nx\n"));
    sandbox
        .aggregate(["--max-invalid=0", "--report=run.html", "-q", "--summary=-"])
        .expect_code(3);
    let page = sandbox.text("run.html");
    assert!(page.contains("No result was published"));
    assert_eq!(rows(&page, "day-table").len(), 1);
    assert_eq!(sandbox.names(), ["events.jsonl", "run.html"]);
}

#[test]
fn it_is_an_output_like_the_others() {
    let sandbox = Sandbox::with_events(format!("{CLICK}\n"));
    let before = snapshot(&sandbox);
    for (args, message) in [
        (&["--report=events.jsonl"][..], "the report (--report)"),
        (&["--report=same", "--output=same"], "the report (--report)"),
        (
            &["--report=same", "--summary=same"],
            "the report (--report)",
        ),
        (&["--report=-", "--output=-"], "the report (--report)"),
        (&["--report=-", "--summary=-"], "the report (--report)"),
        (&["--report=there/is/no/run.html"], "there/is/no"),
    ] {
        let run = sandbox.aggregate(args);
        assert!(run.code == Some(1) || run.code == Some(2), "{args:?}");
        run.expect_stderr(message);
        assert_eq!(snapshot(&sandbox), before, "{args:?}");
    }
    let run = sandbox.aggregate(["--report=-", "--summary=summary.json", "-q"]);
    run.expect_code(0);
    assert!(
        run.stdout_text().starts_with("<!DOCTYPE html>")
            && run.stdout_text().ends_with("</html>\n")
    );
    let summary: Value = serde_json::from_str(&sandbox.text("summary.json")).unwrap();
    assert_eq!(text_of(&summary, "report"), "-");
    sandbox
        .aggregate(["--summary=summary.json", "-q"])
        .expect_code(0);
    assert!(!sandbox.text("summary.json").contains("report"));
}

#[test]
fn empty_and_odd_inputs_have_pages_too() {
    let sandbox = Sandbox::with_events("");
    sandbox
        .aggregate(["--report=run.html", "-q"])
        .expect_code(0);
    assert!(sandbox.text("run.html").contains("There are no events"));

    // Without purchases there are no empty pictures of them.
    sandbox.write("events.jsonl", format!("{CLICK}\n"));
    sandbox
        .aggregate(["--report=run.html", "-q"])
        .expect_code(0);
    let page = sandbox.text("run.html");
    assert!(page.contains("There are no purchases, and so there is no revenue."));
    assert!(page.contains("<p>1 user, with 1 event.</p>"));
    assert!(!page.contains("<svg id=\"revenue\""));

    // More than can be added up for a user, and a day far out.
    let most = purchase("1", "999999999999999.999999999999999999");
    let far = most.replace("2024", "0001");
    sandbox.write(
        "events.jsonl",
        format!(
            "{far}\n{most}\n{}\n",
            purchase("-5", "0.000000000000000001")
        ),
    );
    sandbox
        .aggregate(["--report=run.html", "-q"])
        .expect_code(0);
    let page = sandbox.text("run.html");
    assert_eq!(
        rows(&page, "top-revenue")[0],
        ["1", "2", "2", "1999999999999999.999999999999999998"]
    );
    assert_eq!(
        rows(&page, "top-revenue")[1],
        ["-5", "1", "1", "0.000000000000000001"]
    );
    assert!(page.contains("class=\"break\"") && page.contains("days without events"));
}

/// A picture of the page.
fn picture<'a>(page: &'a str, id: &str) -> &'a str {
    let start = page.find(&format!("<svg id=\"{id}\"")).unwrap();
    &page[start..][..page[start..].find("</svg>").unwrap()]
}

#[test]
fn pictures_name_what_they_show_and_no_colour_has_to_be_told_from_another() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "events.jsonl",
        sandbox.generate([
            "--lines=2000",
            "--days=1",
            "--profile=mixed",
            "--invalid-rate=0.1",
        ]),
    );
    sandbox
        .aggregate(["--report=run.html", "-q"])
        .expect_code(0);
    let page = sandbox.text("run.html");
    for picture in page.split("<svg ").skip(1) {
        let picture = &picture[..picture.find("</svg>").unwrap()];
        assert_eq!(picture.matches("<g class=").count(), 1, "{picture}");
    }
    let reasons = rows(&page, "reason-table");
    assert!(reasons.len() > 12);
    for id in ["reasons", "reason-positions"] {
        let names: Vec<&str> = picture(&page, id)
            .split("<text y=")
            .skip(1)
            .map(|text| text.split(['>', '<']).nth(1).unwrap())
            .collect();
        let expected: Vec<&str> = reasons.iter().map(|row| &*row[0]).collect();
        assert_eq!(names, expected, "{id}");
    }
    // One day is a column with its name and its value, and not as wide as the picture.
    let events = picture(&page, "events");
    let day = &rows(&page, "day-table")[0];
    assert_eq!(events.matches("<rect").count(), 1);
    assert!(events.contains("width=\"6%\"") && events.contains(">2024-01-01</text>"));
    let value = format!(">{},{}</text>", &day[2][..1], &day[2][1..]);
    assert!(events.contains(&value), "{value}");
    // Numbers look the same everywhere.
    assert!(page.contains(">16,777,216\n") && page.contains(">4,194,304\n"));
    assert!(page.contains("1 UTC day with events: <time>2024-01-01</time>."));
}

#[test]
fn users_that_do_not_fit_into_memory_are_counted_all_the_same() {
    let sandbox = Sandbox::new();
    // Of one day there are as many users as groups: where those do not fit, users do not.
    sandbox.write(
        "events.jsonl",
        sandbox.generate(["--lines=650000", "--users=10000000", "--days=1"]),
    );
    let run = |limit: &str| {
        let args = [limit, "--threads=1", "-q", "--log-level=off"];
        sandbox
            .aggregate([&args[..], &["--report=run.html", "--summary=summary.json"]].concat())
            .expect_code(0);
        let has_spilled = sandbox.text("summary.json").contains("spilled_bytes");
        (sandbox.text("run.html"), has_spilled)
    };
    let (page, has_spilled) = run("--memory-limit=1GiB");
    assert!(!has_spilled);
    let (tight, has_spilled) = run("--memory-limit=96MiB");
    assert!(has_spilled);
    assert_eq!(data_of(&tight), data_of(&page));
}

#[test]
fn years_of_days_and_many_users_make_a_page_of_less_than_two_megabytes() {
    let sandbox = Sandbox::new();
    let mut events = String::new();
    // Eleven years of days, and more.
    for day in 0..6000_u64 {
        let date = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + chrono::Days::new(day);
        for user in 0..10 {
            let user = day * 10 + user;
            writeln!(
                events,
                "{{\"user_id\":{user},\"event_type\":\"purchase\",\"timestamp\":\"{date}T10Z\",\
                 \"amount\":123456789012345.678901234567890123}}"
            )
            .unwrap();
        }
        events += "{\n";
    }
    sandbox.write("events.jsonl", &events);
    for (args, days) in [(&["--to=2010-12-31"][..], 4018), (&[], 198)] {
        sandbox
            .aggregate([&["--report=run.html", "-q", "--log-level=off"], args].concat())
            .expect_code(0);
        let page = sandbox.text("run.html");
        assert_eq!(rows(&page, "day-table").len(), days);
        assert!(page.len() < 2_000_000, "{}", page.len());
        assert!(page.matches("<rect").count() < 1700);
    }
}
