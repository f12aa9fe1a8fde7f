//! Tests of the generator as a whole: its bytes, its verdicts, its lengths, its order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use chrono::{Days, NaiveDate};

use super::*;
use oracle::Read;

/// FNV-1a: enough to pin bytes, and short enough to be here.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn generate(settings: &Settings) -> Vec<u8> {
    let mut log = Vec::new();
    let written = write_events(settings, &mut log).expect("a Vec takes everything");
    assert_eq!(written.bytes, log.len() as u64);
    log
}

fn settings(profile: Profile, lines: u64) -> Settings {
    Settings {
        profile,
        length: Length::Lines(lines),
        ..Settings::default()
    }
}

/// All lines without their line ends, with their verdicts.
fn lines(settings: &Settings) -> Vec<(Verdict, Vec<u8>)> {
    let mut generator = Generator::new(settings).expect("valid settings");
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let Some(verdict) = generator.next_line(&mut line) else {
            return lines;
        };
        assert_eq!(line.pop(), Some(b'\n'));
        lines.push((verdict, line));
    }
}

/// The events of the valid lines.
fn events(settings: &Settings) -> Vec<Read> {
    let valid = lines(settings).into_iter();
    valid
        .filter(|(verdict, _)| *verdict == Verdict::Valid)
        .map(|(_, line)| oracle::read(&line).expect("a valid line"))
        .collect()
}

/// Changing what a seed gives changes every published benchmark: these bytes stay as they are.
#[test]
fn the_bytes_of_a_seed_never_change() {
    let hash = |profile, order| {
        fnv(&generate(&Settings {
            invalid_rate: 0.1,
            order,
            ..settings(profile, 5_000)
        }))
    };
    let hashes = Profile::ALL.map(|profile| Order::ALL.map(|order| hash(profile, order)));
    let expected = [
        [0x8bbb_e313_fa67_08a5, 0x73cd_3450_47ee_cc1f],
        [0x331f_5337_82e0_1077, 0x725a_d165_7f3b_fd18],
        [0x854f_85d7_965f_ef1d, 0x2af3_79cb_9d87_0539],
    ];
    assert_eq!(hashes, expected, "{hashes:#018x?}");
}

#[test]
fn the_first_lines_of_a_seed_never_change() {
    let first = |profile| {
        let log = generate(&Settings {
            invalid_rate: 0.0,
            users: 100_000,
            ..settings(profile, 2)
        });
        let text = String::from_utf8(log).expect("UTF-8");
        text.split_terminator('\n')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        first(Profile::Narrow),
        [
            r#"{"user_id": 81431, "event_type": "purchase", "timestamp": "2024-01-10T08:11:49Z", "amount": 192.14}"#,
            r#"{"user_id": 70114, "event_type": "login", "timestamp": "2024-01-25T10:55:24Z"}"#,
        ]
    );
    assert_eq!(
        first(Profile::Wide),
        [
            r#"{"event_type":"purchase","context":{"ip":"10.255.177.123","user_agent":"Опера/99.0 (\"настольная\")","geo":{"country":"DE","city":"Köln","lat":50.9375,"lon":6.9603}},"timestamp":"2024-01-10T08:11:49Z","beta":true,"amount":192.14,"user_id":81431}"#,
            r#"{"user_id":70114,"session":{"id":"3a28a8d510cf1005","user_id":254,"score":0.41,"timestamp":0,"new":false},"timestamp":"2024-01-25T10:55:24Z","event_type":"login","context":{"ip":"10.107.64.6","user_agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4) \"Mobile\"","geo":{"country":"FR","city":"L'Haÿ-les-Roses","lat":4.87792e1,"lon":2.3374}}}"#,
        ]
    );
    assert_eq!(
        first(Profile::Mixed),
        [
            "{\"amount\":\t192.14,\t\"timestamp\":\t\"2024-01-10T08:11:49Z\",\t\"event_type\":\t\"purchase\",\t\"user_id\":\t81431}\r",
            "{\"user_id\": 70114, \"timestamp\": \"2024-01-25T10:55:24Z\", \"userid\": [ 1 ,\t2 , -3.5e-7 ], \"ref\": [ ], \"event_type\": \"login\"}\r",
        ]
    );
}

#[test]
fn equal_settings_give_equal_bytes_and_another_seed_others() {
    for profile in Profile::ALL {
        let settings = settings(profile, 2_000);
        assert_eq!(generate(&settings), generate(&settings));
        let other = Settings {
            seed: 43,
            ..settings.clone()
        };
        assert_ne!(generate(&settings), generate(&other));
    }
}

#[test]
fn every_line_has_the_verdict_it_should() {
    for profile in Profile::ALL {
        let settings = Settings {
            invalid_rate: 0.2,
            days: 800,
            ..settings(profile, 20_000)
        };
        let mut defects = BTreeSet::new();
        for (verdict, line) in lines(&settings) {
            let expected = match verdict {
                Verdict::Valid => None,
                Verdict::Invalid(defect) => {
                    defects.insert(defect);
                    Some(defect.code())
                }
            };
            let read = oracle::read(&line);
            let text = String::from_utf8_lossy(&line);
            assert_eq!(read.as_ref().err().copied(), expected, "{profile}: {text}");
            if let Ok(read) = read
                && profile != Profile::Mixed
            {
                assert!((1..=1_000).contains(&read.user_id));
                assert_eq!(read.amount.is_some(), read.event_type == "purchase");
            }
            assert!(!line.contains(&b'\n'));
        }
        assert_eq!(defects.len(), Defect::ALL.len());
    }
}

#[test]
fn profiles_write_the_same_events() {
    let of = |profile| {
        events(&Settings {
            invalid_rate: 0.05,
            ..settings(profile, 10_000)
        })
    };
    let (narrow, wide, mixed) = (of(Profile::Narrow), of(Profile::Wide), of(Profile::Mixed));
    assert_eq!(narrow, wide);
    assert_eq!(narrow.len(), mixed.len());
    let mut other_users = 0;
    for (narrow, mixed) in narrow.iter().zip(&mixed) {
        assert_eq!(narrow.date, mixed.date);
        assert_eq!(narrow.amount, mixed.amount);
        other_users += u32::from(narrow.user_id != mixed.user_id);
    }
    assert!((50..300).contains(&other_users), "{other_users}");
}

#[test]
fn verdicts_depend_on_seed_and_rate_alone() {
    let verdicts = |settings: &Settings| -> Vec<Verdict> {
        lines(settings)
            .into_iter()
            .map(|(verdict, _)| verdict)
            .collect()
    };
    let base = Settings {
        invalid_rate: 0.1,
        ..settings(Profile::Narrow, 5_000)
    };
    let expected = verdicts(&base);
    let other = Settings {
        users: 7,
        days: 3,
        profile: Profile::Mixed,
        order: Order::Time,
        ..base.clone()
    };
    assert_eq!(verdicts(&other), expected);
    let more = Settings {
        invalid_rate: 0.3,
        ..base
    };
    for (low, high) in expected.into_iter().zip(verdicts(&more)) {
        assert!(low == high || low == Verdict::Valid);
    }
}

#[test]
fn the_rate_of_invalid_lines_is_as_asked() {
    let invalid = |rate| {
        let settings = Settings {
            invalid_rate: rate,
            ..settings(Profile::Narrow, 20_000)
        };
        write_events(&settings, &mut io::sink())
            .expect("a sink takes everything")
            .invalid
    };
    assert_eq!(invalid(0.0), 0);
    assert_eq!(invalid(1.0), 20_000);
    assert!((900..1_100).contains(&invalid(0.05)));
}

#[test]
fn defects_are_spread_evenly() {
    let settings = Settings {
        invalid_rate: 1.0,
        ..settings(Profile::Narrow, 16_000)
    };
    let mut counts = BTreeMap::new();
    for (verdict, _) in lines(&settings) {
        if let Verdict::Invalid(defect) = verdict {
            *counts.entry(defect).or_insert(0) += 1;
        }
    }
    assert_eq!(counts.len(), Defect::ALL.len());
    assert!(
        counts.values().all(|n| (850..1_150).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn lines_are_as_long_as_the_profile_says() {
    let average = |profile| generate(&settings(profile, 20_000)).len() / 20_000;
    let (narrow, wide, mixed) = (
        average(Profile::Narrow),
        average(Profile::Wide),
        average(Profile::Mixed),
    );
    assert!((75..=95).contains(&narrow), "{narrow}");
    assert!((280..=340).contains(&wide), "{wide}");
    assert!((90..=160).contains(&mixed), "{mixed}");
}

#[test]
fn a_size_is_passed_by_less_than_a_line() {
    for profile in Profile::ALL {
        for bytes in [0, 1, 100, 4_096, 300_000] {
            let log = generate(&Settings {
                length: Length::Bytes(bytes),
                invalid_rate: 0.1,
                ..settings(profile, 0)
            });
            let bytes = usize::try_from(bytes).expect("small");
            let last = log.split_inclusive(|&byte| byte == b'\n').next_back();
            let last = last.map_or(0, <[u8]>::len);
            assert!(log.len() >= bytes, "{profile}");
            assert!(bytes == 0 || log.len() - last < bytes, "{profile}");
            assert!(bytes > 0 || log.is_empty());
        }
    }
}

#[test]
fn in_time_order_days_never_go_back_and_are_all_there() {
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date");
    for profile in Profile::ALL {
        for length in [Length::Lines(20_000), Length::Bytes(2_000_000)] {
            let events = events(&Settings {
                length,
                days: 40,
                order: Order::Time,
                ..settings(profile, 0)
            });
            assert!(events.is_sorted_by_key(|event| event.date), "{profile}");
            let mut days = BTreeMap::new();
            for event in &events {
                *days.entry(event.date).or_insert(0) += 1;
            }
            let expected: Vec<_> = (0..40).map(|day| first + Days::new(day)).collect();
            assert_eq!(days.keys().copied().collect::<Vec<_>>(), expected);
            let even = events.len() / 40;
            assert!(
                days.values()
                    .all(|n| (even * 8 / 10..even * 12 / 10).contains(n))
            );
        }
    }
}

#[test]
fn in_time_order_plain_timestamps_never_go_back() {
    let log = generate(&Settings {
        order: Order::Time,
        invalid_rate: 0.0,
        ..settings(Profile::Narrow, 5_000)
    });
    let text = String::from_utf8(log).expect("UTF-8");
    let times: Vec<_> = text
        .lines()
        .map(|line| line.split('"').nth(9).expect("a timestamp"))
        .collect();
    assert_eq!(times[0], "2024-01-01T00:00:00Z");
    assert_eq!(times[2_500], "2024-01-16T12:00:00Z");
    assert!(times.is_sorted());
}

#[test]
fn in_random_order_all_days_are_there() {
    let events = events(&Settings {
        days: 366,
        ..settings(Profile::Wide, 20_000)
    });
    let days: BTreeSet<_> = events.iter().map(|event| event.date).collect();
    assert_eq!(days.len(), 366);
    assert!(!events.is_sorted_by_key(|event| event.date));
}

#[test]
fn the_largest_settings_work() {
    for (profile, order) in Profile::ALL
        .into_iter()
        .zip([Order::Time, Order::Random, Order::Time])
    {
        let settings = Settings {
            length: Length::Lines(u64::MAX),
            seed: u64::MAX,
            users: u64::MAX,
            days: clock::MAX_DAYS,
            order,
            profile,
            invalid_rate: 0.5,
        };
        let mut generator = Generator::new(&settings).expect("valid settings");
        // As if nearly all had been written already: the last moments of the span.
        generator.written.lines = u64::MAX - 1_000;
        let mut line = Vec::new();
        while let Some(verdict) = generator.next_line(&mut line) {
            line.pop();
            let valid = oracle::read(&line).is_ok();
            assert_eq!(
                valid,
                verdict == Verdict::Valid,
                "{}",
                String::from_utf8_lossy(&line)
            );
            line.clear();
        }
        assert_eq!(generator.written().lines, u64::MAX);
    }
}

#[test]
fn settings_out_of_range_write_nothing() {
    let settings = Settings {
        days: 0,
        ..Settings::default()
    };
    let mut log = Vec::new();
    let error = write_events(&settings, &mut log).expect_err("no days");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(log.is_empty());
}

#[test]
fn errors_of_the_output_come_through() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = write_events(&Settings::default(), &mut Full).expect_err("full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
