//! Schemas: whatever fields are called, every lane gives the verdict of the rules, and it is the one that
//! the line has with the usual names.

use std::fmt::Write as _;

use daytally::event::{
    DEFAULT_MAX_LINE_BYTES, Decoder, Diagnosis, FieldNames, FieldPath, Lanes, Schema, Verdict,
};
use daytally::generate::{Generator, Length, Profile, Settings};
use proptest::prelude::*;

use crate::harness::proptest_config;

const USUAL: [&str; 4] = ["user_id", "event_type", "timestamp", "amount"];

/// What the keys of a field are; one, mostly.
fn keys() -> impl Strategy<Value = Vec<String>> {
    let key = prop_oneof![
        3 => "[a-z]{1,3}#",
        // Longer than words and blocks, and alike.
        2 => (0..80_usize, 0..3_u8).prop_map(|(len, end)| format!("#{}{end}", "x".repeat(len))),
        1 => "[\"\\\\.\u{e9}\u{65e5}\u{1f600} \u{1}\t#]{1,20}#",
        1 => prop::sample::select(USUAL.map(String::from).to_vec()),
    ];
    prop_oneof![
        4 => prop::collection::vec(key.clone(), 1..2),
        1 => prop::collection::vec(key, 1..4),
    ]
}

/// Four fields of which none is in another; no two of them start with the same key, so that they can be
/// put where the usual ones are.
fn fields() -> impl Strategy<Value = [Vec<String>; 4]> {
    [keys(), keys(), keys(), keys()].prop_filter("the same key twice", |fields| {
        fields
            .iter()
            .enumerate()
            .all(|(index, field)| fields[..index].iter().all(|other| other[0] != field[0]))
    })
}

fn path(keys: &[String]) -> FieldPath {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| key.replace('\\', "\\\\").replace('.', "\\."))
        .collect();
    keys.join(".").parse().unwrap()
}

fn schema(
    fields: &[Vec<String>; 4],
    purchase_types: &[String],
    accept_offsets: bool,
    zone: &str,
) -> Schema {
    let [user_id, event_type, timestamp, amount] = fields.each_ref().map(|keys| path(keys));
    Schema::default()
        .with_fields(FieldNames {
            user_id,
            event_type,
            timestamp,
            amount,
        })
        .unwrap()
        .with_purchase_types(purchase_types.iter().cloned())
        .unwrap()
        .accepting_offsets(accept_offsets)
        .in_zone(zone.parse().unwrap())
}

/// Lines of a profile, some of them spoiled.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let profile = prop::sample::select(&Profile::ALL[..]);
    (profile, any::<u64>(), 1..40_u64).prop_map(|(profile, seed, lines)| {
        let settings = Settings {
            length: Length::Lines(lines),
            seed,
            profile,
            invalid_rate: 0.2,
            ..Settings::default()
        };
        let mut generator = Generator::new(&settings).unwrap();
        let mut text = Vec::new();
        let mut lines = Vec::new();
        while generator.next_line(&mut text).is_some() {
            text.pop();
            lines.extend(String::from_utf8(text.clone()).ok());
            text.clear();
        }
        lines
    })
}

/// The end of the string that starts at a byte.
fn end_of_string(line: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match line.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A line whose fields have other names. `None` where it is no JSON object, or has such a key already.
fn renamed(line: &str, fields: &[Vec<String>; 4], escapes: bool) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(line)
        .ok()?
        .as_object()?;
    let bytes = line.as_bytes();
    let mut out = String::new();
    let (mut at, mut depth, mut copied) = (0, 0_u32, 0);
    // Braces to be closed after the value of this member.
    let mut to_close = 0;
    let mut is_key = false;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                is_key = depth == 1;
            }
            b'}' | b']' | b',' if depth == 1 => {
                out.push_str(&line[copied..at]);
                out.push_str(&"}".repeat(to_close));
                (copied, to_close) = (at, 0);
                is_key = true;
                depth -= u32::from(bytes[at] != b',');
            }
            b'}' | b']' => depth -= 1,
            b'"' => {
                let end = end_of_string(bytes, at)?;
                if depth == 1 && is_key {
                    let key: String = serde_json::from_str(&line[at..end]).ok()?;
                    if let Some(field) = USUAL.iter().position(|usual| *usual == key) {
                        out.push_str(&line[copied..at]);
                        let keys: Vec<String> = fields[field]
                            .iter()
                            .map(|key| literal(key, escapes))
                            .collect();
                        out.push_str(&keys.join(":{"));
                        to_close = keys.len() - 1;
                        copied = end;
                    } else if fields.iter().any(|field| field[0] == key) {
                        return None;
                    }
                    is_key = false;
                }
                at = end - 1;
            }
            _ => {}
        }
        at += 1;
    }
    out.push_str(&line[copied..]);
    Some(out)
}

/// A key as it may be written.
fn literal(key: &str, escapes: bool) -> String {
    if !escapes {
        return serde_json::to_string(key).unwrap();
    }
    // The last character, so that the escape comes late.
    let mut units = [0; 2];
    let last = key.chars().last().unwrap();
    let start = serde_json::to_string(&key[..key.len() - last.len_utf8()]).unwrap();
    let mut end = String::new();
    for unit in last.encode_utf16(&mut units) {
        write!(end, "\\u{unit:04x}").unwrap();
    }
    format!("{}{end}\"", &start[..start.len() - 1])
}

/// What is the same whatever the fields are called.
fn essence(verdict: Verdict) -> String {
    match verdict {
        Verdict::Invalid(fault) => fault.reason().code().into(),
        other => format!("{other:?}"),
    }
}

/// All lanes on the lines one after the other, by each way through them.
fn check_lanes(lines: &[String], schema: &Schema, nested: &str) -> Vec<Verdict> {
    let plain: Vec<Verdict> = lines
        .iter()
        .map(|line| {
            Diagnosis::with_schema(line.as_bytes(), DEFAULT_MAX_LINE_BYTES, schema).verdict()
        })
        .collect();
    if lines.is_empty() {
        // Put together they would be a blank line.
        return plain;
    }
    for lanes in [Lanes::All, Lanes::General] {
        for before in ["", &format!("{nested}\n").repeat(64)] {
            let mut decoder = Decoder::with_schema(DEFAULT_MAX_LINE_BYTES, lanes, schema);
            let text = format!("{before}{}\n{}", lines.join("\n"), " ".repeat(100));
            let mut rest = text.as_bytes();
            let mut verdicts = Vec::new();
            while !rest.is_empty() {
                let next = decoder.decode_next(rest);
                verdicts.push(next.verdict);
                rest = &rest[next.len..];
            }
            let skipped = before.lines().count();
            assert_eq!(
                verdicts[skipped..verdicts.len() - 1],
                plain[..],
                "{schema:?}"
            );
        }
    }
    plain
}

proptest! {
    #![proptest_config(proptest_config(150))]

    #[test]
    fn other_names_make_no_difference(lines in lines(), fields in fields(), escapes: bool) {
        let schema = schema(&fields, &[], false, "UTC");
        // A nested line is one that walking is not good at.
        let usual = r#"{"a#":[{}],"user_id":1,"event_type":"b","timestamp":"2024-01-01T00:00:00Z"}"#;
        let nested = renamed(usual, &fields, false).unwrap_or_default();
        let mut decoder = Decoder::with_lanes(DEFAULT_MAX_LINE_BYTES, Lanes::General);
        let (mut others, mut expected) = (Vec::new(), Vec::new());
        for line in lines.iter().filter(|line| !line.contains('\n')) {
            if let Some(other) = renamed(line, &fields, escapes) {
                others.push(other);
                expected.push(essence(decoder.decode(line.as_bytes())));
            }
        }
        let verdicts: Vec<String> = check_lanes(&others, &schema, &nested).into_iter().map(essence).collect();
        prop_assert_eq!(verdicts, expected, "{:?}", others);
    }

    #[test]
    fn lanes_agree_on_any_schema(
        lines in lines(),
        mut fields in fields(),
        is_usual in [any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()],
        types in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec!["purchase", "click", "view", "PURCHASE", "logout", "\u{e9}"]).prop_map(String::from),
                "[a-z\"\\\\]{1,40}",
            ],
            0..4,
        ),
        accept_offsets: bool,
        zone in prop::sample::select(if cfg!(feature = "timezone") {
            &["UTC", "+05:45", "-11:30", "Europe/Berlin", "America/New_York", "Pacific/Apia"][..]
        } else {
            &["UTC", "+05:45", "-11:30"][..]
        }),
    ) {
        for (index, keep) in is_usual.into_iter().enumerate() {
            if keep && fields.iter().all(|keys| keys[0] != USUAL[index]) {
                fields[index] = vec![USUAL[index].into()];
            }
        }
        let schema = schema(&fields, &types, accept_offsets, zone);
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.contains('\n')).collect();
        check_lanes(&lines, &schema, r#"{"a":[{}],"user_id":1,"event_type":"b","timestamp":"2024-01-01T00:00:00Z"}"#);
    }
}

#[test]
fn purchases_are_found_whatever_they_are_called() {
    let long = "x".repeat(50);
    let types = ["order", "\u{e9}t\u{e9} \"sale\"", &long, "ab"].map(String::from);
    let schema = Schema::default().with_purchase_types(types).unwrap();
    let event = |event_type: &str| {
        format!(
            r#"{{"user_id":1,"event_type":{event_type},"timestamp":"2024-01-01T00:00:00Z","amount":1,"a":[{{}}]}}"#
        )
    };
    let mut lines = Vec::new();
    let mut expected = Vec::new();
    for (event_type, is_purchase) in [
        ("\"order\"", true),
        ("\"orders\"", false),
        ("\"orde\"", false),
        ("\"Order\"", false),
        ("\"o\\u0072der\"", true),
        ("\"purchase\"", false),
        ("\"\u{e9}t\u{e9} \\\"sale\\\"\"", true),
        ("\"\u{e9}t\\u00e9 \\\"sale\\u0022\"", true),
        ("\"ab\"", true),
        ("\"ab \"", false),
        (&format!("\"{long}\""), true),
        (&format!("\"{long}x\""), false),
        (&format!("\"{long}\\u0078\""), false),
        (&format!("\"{}\\u0078\"", &long[1..]), true),
    ] {
        lines.push(event(event_type));
        expected.push(is_purchase);
    }
    let verdicts = check_lanes(&lines, &schema, &event("\"b\""));
    let found: Vec<bool> = verdicts
        .into_iter()
        .map(|verdict| matches!(verdict, Verdict::Valid(event) if event.purchase().is_some()))
        .collect();
    assert_eq!(found, expected);
}
