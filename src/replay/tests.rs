//! What replaying does to a result and its record, and what it does not.

use super::*;
use std::io::Cursor;

const HEADER: &str = "date,user_id,event_count,purchase_count,total_revenue\n";

/// A result in a folder.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new(rows: &str) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let case = Case { folder };
        case.set(rows);
        case
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("result.csv")
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("result.csv.replayed")
    }

    fn set(&self, rows: &str) {
        std::fs::write(self.path(), format!("{HEADER}{rows}")).unwrap();
    }

    fn rows(&self) -> String {
        let text = std::fs::read_to_string(self.path()).unwrap();
        text.strip_prefix(HEADER).unwrap().to_owned()
    }

    fn open(&self) -> Replay {
        Replay::open(&self.path(), Settings::default()).unwrap()
    }

    /// Replays, and gives what became of the lines.
    fn replay(&self, rejects: &str) -> Result<Counts> {
        self.replay_with(rejects, Settings::default())
    }

    fn replay_with(&self, rejects: &str, settings: Settings) -> Result<Counts> {
        let mut replay = Replay::open(&self.path(), settings)?;
        replay.read(input(rejects), &mut |_| Ok(()))?;
        let replayed = replay.finish()?;
        let counts = replayed.replay().counts().clone();
        drop(replayed.publish(Vec::new())?);
        Ok(counts)
    }
}

fn input(text: &str) -> Input {
    Input::reader("rejects.jsonl", Cursor::new(text.to_owned()))
}

fn click(user: u32, date: &str) -> String {
    format!(r#"{{"user_id":{user},"event_type":"click","timestamp":"{date}T10Z"}}"#)
}

/// A line of a rejects file.
fn reject(line: u64, raw: &str) -> String {
    let raw = serde_json::to_string(raw).unwrap();
    format!(
        "{{\"input\":\"events.jsonl\",\"line\":{line},\"offset\":{},\"reason\":\"invalid_json\",\"message\":\"\",\"raw\":{raw}}}\n",
        line * 100
    )
}

#[test]
fn an_event_is_counted_once() {
    let case = Case::new("2024-01-01,7,1,0,0.00\n");
    let text = reject(1, &click(7, "2024-01-01")) + &reject(2, &click(8, "2024-01-01"));
    let counts = case.replay(&text).unwrap();
    assert_eq!(
        (counts.records, counts.books.valid, counts.already),
        (2, 2, 0)
    );
    let rows = "2024-01-01,7,2,0,0.00\n2024-01-01,8,1,0,0.00\n";
    assert_eq!(case.rows(), rows);
    let record = std::fs::read(case.record()).unwrap();
    for text in [&text, &(text.clone() + &text)] {
        let counts = case.replay(text).unwrap();
        assert_eq!((counts.books.valid, counts.already), (0, 2));
        assert_eq!(case.rows(), rows);
        assert_eq!(std::fs::read(case.record()).unwrap(), record);
    }
    let names = std::fs::read_dir(case.folder.path()).unwrap().count();
    assert_eq!(names, 2, "the result and its record");
}

#[test]
fn a_round_that_did_not_reach_the_result_is_none() {
    let case = Case::new("2024-01-01,7,1,0,0.00\n");
    let text = reject(1, &click(7, "2024-01-01"));
    let before = case.rows();
    case.replay(&text).unwrap();
    let (after, record) = (case.rows(), std::fs::read(case.record()).unwrap());
    assert_ne!(before, after);

    // It was killed between the two renames.
    case.set(&before);
    let mut replay = case.open();
    replay.read(input(&text), &mut |_| Ok(())).unwrap();
    let undone = Undone {
        date: None,
        events: 1,
        is_known: true,
    };
    assert_eq!(replay.undone(), [undone]);
    assert_eq!(
        (replay.counts().books.valid, replay.counts().already),
        (1, 0)
    );
    drop(replay.finish().unwrap().publish(Vec::new()).unwrap());
    assert_eq!(case.rows(), after);
    assert_eq!(std::fs::read(case.record()).unwrap(), record);

    // And now the other way round: both are in place.
    assert_eq!(case.replay(&text).unwrap().already, 1);
    assert_eq!(case.rows(), after);
}

#[test]
fn a_result_that_the_record_does_not_know_is_an_error_and_fresh_forgets() {
    let case = Case::new("2024-01-01,7,1,0,0.00\n");
    let (first, second) = (
        reject(1, &click(7, "2024-01-01")),
        reject(2, &click(9, "2024-01-01")),
    );
    case.replay(&first).unwrap();
    let fresh = Settings {
        is_fresh: true,
        ..Settings::default()
    };
    // It forgets only what does not hold.
    let counts = case.replay_with(&first, fresh.clone()).unwrap();
    assert_eq!((counts.books.valid, counts.already), (0, 1));
    case.set("2024-01-01,7,5,0,0.00\n");
    for text in [&first, &second] {
        let error = case.replay(text).unwrap_err();
        assert!(matches!(error, Error::ReplayedChanged { .. }), "{error}");
        assert_eq!(case.rows(), "2024-01-01,7,5,0,0.00\n");
    }
    // What has no event to count asks nothing of the result.
    case.replay(&reject(3, "{")).unwrap();
    let counts = case.replay_with(&first, fresh.clone()).unwrap();
    assert_eq!((counts.books.valid, counts.already), (1, 0));
    let counts = case.replay_with(&first, fresh).unwrap();
    assert_eq!((counts.books.valid, counts.already), (0, 1));
    assert_eq!(case.rows(), "2024-01-01,7,6,0,0.00\n");
}

#[test]
fn what_cannot_be_counted_is_given_back() {
    let case = Case::new("");
    let cut = reject(4, &click(7, "2024-01-01")).replace("\"}\n", "\",\"truncated\":true}\n");
    assert!(cut.contains("truncated"));
    let text =
        reject(1, "{") + "\n \t\r\n" + &cut + &reject(3, " ") + &reject(5, &click(1, "2024-01-01"));
    let mut given_back = Vec::new();
    let mut replay = case.open();
    let mut sink = |bytes: &[u8]| {
        given_back.extend_from_slice(bytes);
        Ok(())
    };
    replay.read(input(&text), &mut sink).unwrap();
    let counts = replay.counts();
    assert_eq!(
        (
            counts.records,
            counts.books.valid,
            counts.books.blank,
            counts.truncated
        ),
        (4, 1, 1, 1)
    );
    assert_eq!(counts.still_invalid(), 2);
    let given_back = String::from_utf8(given_back).unwrap();
    let mut lines = given_back.split_inclusive('\n');
    let invalid = lines.next().unwrap();
    assert!(
        invalid.starts_with(r#"{"input":"events.jsonl","line":1,"offset":100,"reason":"invalid_json","message":"the JSON ends too early"#)
            || invalid.contains("\"reason\":\"invalid_json\""),
        "{invalid}"
    );
    assert_eq!(lines.next(), Some(cut.as_str()));
    assert_eq!(lines.next(), None);
}

#[test]
fn lines_that_contradict_each_other_are_an_error() {
    let case = Case::new("");
    let one = reject(1, &click(1, "2024-01-01"));
    for other in [
        reject(1, &click(2, "2024-01-01")),
        reject(1, "{"),
        one.replace("\"}\n", "\",\"truncated\":true}\n"),
    ] {
        let error = case
            .replay(&(one.clone() + &other))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("line 2 of rejects.jsonl is of the same event as line 1 of rejects.jsonl, line 1 of events.jsonl, and says something else"),
            "{error}"
        );
    }
    // So it is across files.
    let mut replay = case.open();
    replay.read(input(&one), &mut |_| Ok(())).unwrap();
    replay.read(input(&one), &mut |_| Ok(())).unwrap();
    assert_eq!(replay.counts().repeated, 1);
    let other = reject(1, "x");
    assert!(replay.read(input(&other), &mut |_| Ok(())).is_err());
    drop(replay);
    assert_eq!(case.rows(), "");
    assert!(!case.record().exists());
}

#[test]
fn an_input_of_another_name_is_noticed() {
    let case = Case::new("");
    let named = |name: &str| reject(1, &click(1, "2024-01-01")).replace("events.jsonl", name);
    let allowed = Settings {
        allows_same_text: true,
        ..Settings::default()
    };
    let expect_refused = |text: &str, expected: &str| {
        let error = case.replay(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    expect_refused(
        &(named("a.jsonl") + &named("/data/a.jsonl")),
        "line 2 of rejects.jsonl is of an event of /data/a.jsonl with the text, line and offset of one of a.jsonl that is to be replayed",
    );
    assert_eq!(case.rows(), "");
    let counts = case
        .replay(&(named("a.jsonl") + &named("./a.jsonl")))
        .unwrap();
    assert_eq!((counts.books.valid, counts.repeated), (1, 1));
    assert_eq!(case.replay(&named(".//a.jsonl")).unwrap().already, 1);
    expect_refused(
        &named("/data/a.jsonl"),
        "of one of a.jsonl that was replayed before",
    );
    let counts = case
        .replay_with(&named("/data/a.jsonl"), allowed.clone())
        .unwrap();
    assert_eq!(counts.books.valid, 1);
    // It is known by that name now.
    assert_eq!(case.replay(&named("/data/a.jsonl")).unwrap().already, 1);
    // What is not in the result any more is nothing to be counted twice.
    case.set("");
    assert_eq!(case.replay(&named("b.jsonl")).unwrap().books.valid, 1);
    assert_eq!(case.rows(), "2024-01-01,1,1,0,0.00\n");
}

#[test]
fn a_name_that_is_not_whole_is_told_of() {
    let case = Case::new("");
    let named = |user| reject(1, &click(user, "2024-01-01")).replace("events", "\u{fffd}");
    let error = case.replay(&(named(1) + &named(2))).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("a name that is not UTF-8 is not whole"),
        "{error}"
    );
}

#[test]
fn other_settings_than_before_are_refused_while_anything_of_before_holds() {
    let case = Case::new("");
    let zone = Settings {
        schema: Schema::default().in_zone("+02:00".parse().unwrap()),
        ..Settings::default()
    };
    let text = reject(1, &click(1, "2024-01-01"));
    case.replay_with(&text, zone.clone()).unwrap();
    let rows = case.rows();
    for more in [reject(2, &click(2, "2024-01-01")), reject(3, "{")] {
        let error = case.replay(&more).unwrap_err();
        assert!(matches!(error, Error::ReplaySettings { .. }), "{error}");
        assert!(
            error.to_string().contains("with --timezone +02:00, and"),
            "{error}"
        );
    }
    assert_eq!(case.rows(), rows);
    case.replay_with(&reject(2, &click(2, "2024-01-01")), zone.clone())
        .unwrap();
    // Made anew, it has nothing of before in it.
    case.set("");
    assert_eq!(case.replay(&text).unwrap().books.valid, 1);
    let error = case.replay_with(&text, zone).unwrap_err();
    assert!(matches!(error, Error::ReplaySettings { .. }), "{error}");
}

#[test]
fn what_was_not_read_to_its_end_cannot_be_finished() {
    let case = Case::new("");
    let mut replay = case.open();
    let text = reject(1, &click(1, "2024-01-01")) + "no reject\n";
    assert!(replay.read(input(&text), &mut |_| Ok(())).is_err());
    let error = replay.read(input(""), &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, Error::ReplayBroken { .. }), "{error}");
    let error = replay.finish().unwrap_err();
    assert!(matches!(error, Error::ReplayBroken { .. }), "{error}");
    assert_eq!(case.rows(), "");
    assert!(!case.record().exists());
}

#[test]
fn drafts_of_a_killed_replay_go_also_where_nothing_is_new() {
    let case = Case::new("");
    let stray = case.folder.path().join(".daytally-abc123.tmp");
    std::fs::write(&stray, "x").unwrap();
    case.replay("").unwrap();
    assert!(!stray.exists());
}

#[test]
fn a_second_repair_is_told_of_and_a_reject_as_it_was_is_not() {
    let case = Case::new("");
    case.replay(&reject(1, &click(1, "2024-01-01"))).unwrap();
    for (raw, different) in [("{".to_owned(), 0), (click(2, "2024-01-02"), 1)] {
        let mut replay = case.open();
        replay
            .read(input(&reject(1, &raw)), &mut |_| panic!())
            .unwrap();
        assert_eq!(
            (replay.counts().already, replay.counts().different),
            (1, different)
        );
        let expected = Different {
            place: "line 1 of rejects.jsonl".into(),
            input: "events.jsonl".into(),
            line: 1,
        };
        assert_eq!(
            replay.different(),
            vec![expected; usize::try_from(different).unwrap()]
        );
    }
}

#[test]
fn days_that_were_not_asked_for_are_filtered_each_time() {
    let case = Case::new("");
    let day = "2024-01-02".parse().unwrap();
    let settings = Settings {
        dates: DateRange::new(Some(day), Some(day)).unwrap(),
        ..Settings::default()
    };
    let text = reject(1, &click(1, "2024-01-01")) + &reject(2, &click(1, "2024-01-02"));
    let counts = case.replay_with(&text, settings.clone()).unwrap();
    assert_eq!((counts.books.valid, counts.books.filtered), (1, 1));
    let counts = case.replay_with(&text, settings).unwrap();
    assert_eq!((counts.already, counts.books.filtered), (1, 1));
    assert_eq!(case.rows(), "2024-01-02,1,1,0,0.00\n");
}

#[test]
fn a_result_that_is_changed_meanwhile_is_left_alone() {
    let case = Case::new("");
    let mut replay = case.open();
    let text = reject(1, &click(1, "2024-01-01"));
    replay.read(input(&text), &mut |_| Ok(())).unwrap();
    let replayed = replay.finish().unwrap();
    case.set("2024-01-01,1,9,0,0.00\n");
    let error = replayed.publish(Vec::new()).unwrap_err();
    assert!(matches!(error, Error::InputChanged { .. }), "{error}");
    assert_eq!(case.rows(), "2024-01-01,1,9,0,0.00\n");
    assert!(!case.record().exists());
}

#[test]
fn one_at_a_time_and_looking_is_for_all() {
    let case = Case::new("");
    let _first = case.open();
    let error = Replay::open(&case.path(), Settings::default()).unwrap_err();
    assert!(matches!(error, Error::ReplayInUse { .. }), "{error}");
    let mut looking = Replay::look(&case.path(), Settings::default()).unwrap();
    let text = reject(1, &click(1, "2024-01-01"));
    looking.read(input(&text), &mut |_| Ok(())).unwrap();
    let replayed = looking.finish().unwrap();
    assert_eq!((replayed.round(), replayed.files()[0].added), (Some(1), 1));
    drop(replayed.publish(Vec::new()).unwrap());
    assert_eq!(case.rows(), "");
    assert!(!case.record().exists());
}
