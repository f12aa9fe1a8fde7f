//! Random inputs for the property tests: events as a hostile but literate client would write them, the
//! same events broken, and noise.
//!
//! Strategies build text from parts, so that a failing case shrinks to the part that matters.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

// ---------------------------------------------------------------------------------------------------
// JSON
// ---------------------------------------------------------------------------------------------------

/// JSON white space, mostly none. No `\n`: a line has none.
fn space() -> BoxedStrategy<String> {
    prop_oneof![
        12 => Just(String::new()),
        2 => Just(" ".to_owned()),
        1 => "[ \t\r]{1,3}",
    ]
    .boxed()
}

/// `text` as a JSON string, mostly as anyone would write it, sometimes with needless escapes.
fn quoted(text: String) -> BoxedStrategy<String> {
    let chars = text.chars().count();
    prop_oneof![
        5 => Just(vec![0; chars]),
        1 => vec(0..8_u8, chars),
    ]
    .prop_map(move |ways| {
        let mut written = String::from("\"");
        for (char, way) in text.chars().zip(ways) {
            push_escaped(&mut written, char, way);
        }
        written.push('"');
        written
    })
    .boxed()
}

/// Writes one character of a JSON string in one of the ways that RFC 8259 allows.
fn push_escaped(written: &mut String, char: char, way: u8) {
    let short = match char {
        '"' => Some('"'),
        '\\' => Some('\\'),
        '/' => Some('/'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        _ => None,
    };
    let must_escape = char < ' ' || char == '"' || char == '\\';
    match (way, short) {
        (0..=2, _) if !must_escape => written.push(char),
        (0..=4, Some(letter)) => {
            written.push('\\');
            written.push(letter);
        }
        _ => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let code = match way % 2 {
                    0 => format!("\\u{unit:04x}"),
                    _ => format!("\\u{unit:04X}"),
                };
                written.push_str(&code);
            }
        }
    }
}

/// Text for a field or a key that nobody reads.
fn any_text() -> BoxedStrategy<String> {
    prop_oneof![
        2 => "[a-z_]{0,8}",
        2 => any::<String>(),
        1 => "[\"\\\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}\u{85}\u{2028}\u{202e}{}\\[\\]:, \u{10ffff}\u{feff}]{0,8}",
        1 => select(vec!["user_id", "event_type", "timestamp", "amount", "purchase", "user_id\0", "User_id"])
            .prop_map(str::to_owned),
    ].boxed()
}

/// Any number that RFC 8259 allows.
pub(crate) fn number() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "-?(0|[1-9][0-9]{0,4})",
        2 => "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?",
        1 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?[eE][-+]?[0-9]{1,25}",
        1 => select(vec![
            "1e400", "-1e-400", "18446744073709551616", "-9223372036854775809", "0.0", "-0", "0e0", "1E+2",
            "123456789012345678901234567890",
        ])
        .prop_map(str::to_owned),
    ].boxed()
}

/// Any JSON value.
pub(crate) fn value() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        number(),
        any_text().prop_flat_map(quoted),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (vec((space(), inner.clone(), space()), 0..4), space()).prop_map(|(items, empty)| {
                let items: Vec<String> = items
                    .into_iter()
                    .map(|(before, item, after)| before + &item + &after)
                    .collect();
                if items.is_empty() {
                    format!("[{empty}]")
                } else {
                    format!("[{}]", items.join(","))
                }
            }),
            vec(member(any_text(), inner), 0..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
    .boxed()
}

/// `"key": value` with white space wherever it may stand.
fn member(
    key: impl Strategy<Value = String> + 'static,
    value: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<String> {
    (
        space(),
        key.prop_flat_map(quoted),
        space(),
        space(),
        value,
        space(),
    )
        .prop_map(|(before, key, colon, after, value, end)| {
            format!("{before}{key}{colon}:{after}{value}{end}")
        })
        .boxed()
}

// ---------------------------------------------------------------------------------------------------
// Fields
// ---------------------------------------------------------------------------------------------------

fn user_id() -> BoxedStrategy<String> {
    prop_oneof![
        24 => "[1-9]",
        4 => any::<i64>().prop_map(|id| id.to_string()),
        4 => any::<u64>().prop_map(|id| id.to_string()),
        2 => select(vec![
            "0", "-0", "-1", "9223372036854775807", "9223372036854775808", "18446744073709551615",
            "-9223372036854775808",
        ])
        .prop_map(str::to_owned),
        2 => select(vec!["18446744073709551616", "-9223372036854775809", "99999999999999999999999999"])
            .prop_map(str::to_owned),
        1 => select(vec!["1.0", "1e3", "1E0", "-0.0", "0e0", "\"1\"", "null", "true", "[1]", "{\"user_id\":1}"])
            .prop_map(str::to_owned),
        1 => value(),
    ].boxed()
}

fn event_type() -> BoxedStrategy<String> {
    let text = prop_oneof![
        20 => Just("purchase".to_owned()),
        10 => Just("view".to_owned()),
        1 => Just(String::new()),
        2 => select(vec!["purchase ", "Purchase", "purchases", "purchas", " ", "purchase\0", "achat\u{e9}"])
            .prop_map(str::to_owned),
        2 => any_text(),
    ];
    prop_oneof![
        30 => text.prop_flat_map(quoted),
        1 => value(),
    ]
    .boxed()
}

/// A timestamp's text, well formed and in UTC.
pub(crate) fn good_timestamp() -> BoxedStrategy<String> {
    let date = (
        select(vec![
            0, 1, 4, 100, 400, 1582, 1900, 1999, 2000, 2023, 2024, 2100, 9998, 9999_u32,
        ]),
        1..=12_u32,
        1..=28_u32,
        1..=365_u32,
        (1..=52_u32, 1..=7_u32),
        0..6_u8,
    );
    let time = (0..24_u32, 0..60_u32, 0..60_u32, fraction(), 0..3_u8);
    let zone = select(vec![
        "Z", "z", "+00:00", "-00:00", "+0000", "-0000", "+00", "-00",
    ]);
    (date, select(vec!['T', 'T', 'T', 't']), time, zone)
        .prop_map(
            |(
                (year, month, day, ordinal, (week, weekday), shape),
                letter,
                (h, m, s, fraction, parts),
                zone,
            )| {
                let date = match shape {
                    0 => format!("{year:04}-{month:02}-{day:02}"),
                    1 => format!("{year:04}{month:02}{day:02}"),
                    2 => format!("{year:04}-{ordinal:03}"),
                    3 => format!("{year:04}{ordinal:03}"),
                    4 => format!("{year:04}-W{week:02}-{weekday}"),
                    _ => format!("{year:04}W{week:02}{weekday}"),
                };
                let colon = if shape % 2 == 0 { ":" } else { "" };
                let time = match parts {
                    0 => format!("{h:02}"),
                    1 => format!("{h:02}{colon}{m:02}"),
                    _ => format!("{h:02}{colon}{m:02}{colon}{s:02}"),
                };
                format!("{date}{letter}{time}{fraction}{zone}")
            },
        )
        .boxed()
}

/// The same with another offset, or none.
fn foreign_timestamp() -> BoxedStrategy<String> {
    let zone = prop_oneof![
        Just(String::new()),
        "[-+](0[1-9]|1[0-9]|2[0-3])(:?[0-5][0-9])?",
        "[-+]00:?(0[1-9]|[1-5][0-9])",
    ];
    (good_timestamp(), zone)
        .prop_map(|(text, zone)| {
            let end = text.trim_end_matches(['Z', 'z']).len();
            let end = match text.rfind(['+', '-']) {
                // The last sign may be one of the date's dashes.
                Some(sign) if end == text.len() => sign,
                _ => end,
            };
            format!("{}{zone}", &text[..end])
        })
        .boxed()
}

fn fraction() -> BoxedStrategy<String> {
    prop_oneof![
        6 => Just(String::new()),
        2 => "[.,][0-9]{1,9}",
        1 => "[.,]0{1,4}",
        1 => "[.,]9{1,40}",
    ]
    .boxed()
}

/// Something of the shape of a timestamp, every part at or over its edges.
pub(crate) fn edgy_timestamp() -> BoxedStrategy<String> {
    let year = prop_oneof![
        2 => select(vec!["0000", "0004", "1900", "2000", "2023", "2024", "9999"]).prop_map(str::to_owned),
        2 => "[0-9]{4}",
        1 => select(vec!["", "24", "+2024", "-2024", "10000", "+002024"]).prop_map(str::to_owned),
    ];
    let month =
        prop_oneof![4 => select(vec!["01", "02", "06", "12"]), 1 => select(vec!["00", "13", "1"])];
    let day = prop_oneof![4 => select(vec!["01", "28", "29", "30", "31"]), 1 => select(vec!["00", "32", "7"])];
    let ordinal = select(vec!["001", "060", "365", "366", "000", "367", "999", "1"]);
    let week = (
        select(vec!["W", "W", "W", "w"]),
        select(vec!["01", "52", "53", "00", "54"]),
        "[0-8]?",
    );
    let dash = || select(vec!["", "-", "-", ":"]);
    let date = (year, month, day, ordinal, week, dash(), dash(), 0..4_u8).prop_map(
        |(year, month, day, ordinal, (letter, week, weekday), dash, other, shape)| match shape {
            0 => format!("{year}{dash}{month}{dash}{day}"),
            1 => format!("{year}{dash}{month}{other}{day}"),
            2 => format!("{year}{dash}{ordinal}"),
            _ => format!("{year}{dash}{letter}{week}{dash}{weekday}"),
        },
    );
    let letter =
        prop_oneof![8 => Just("T"), 1 => Just("t"), 1 => select(vec!["", " ", "_", "TT", "T "])];
    let hour = select(vec!["00", "12", "22", "23", "23", "24", "24", "25", "7"]);
    let minute = select(vec!["00", "00", "30", "59", "59", "60", "5"]);
    let second = select(vec!["00", "00", "30", "59", "60", "60", "61", "9"]);
    let colon = || select(vec!["", ":", ":", "-"]);
    let time = (
        hour,
        minute,
        second,
        colon(),
        colon(),
        0..6_u8,
        fraction(),
        0..12_u8,
    )
        .prop_map(
            |(hour, minute, second, colon, other, parts, fraction, empty)| {
                let time = match parts {
                    0 => hour.to_owned(),
                    1 | 2 => format!("{hour}{colon}{minute}"),
                    3 => format!("{hour}{colon}{minute}{other}{second}"),
                    _ => format!("{hour}{colon}{minute}{colon}{second}"),
                };
                let fraction = if empty == 0 { ".".to_owned() } else { fraction };
                time + &fraction
            },
        );
    (date, letter, time, zone())
        .prop_map(|(date, letter, time, zone)| format!("{date}{letter}{time}{zone}"))
        .boxed()
}

fn zone() -> BoxedStrategy<String> {
    prop_oneof![
        8 => Just("Z".to_owned()),
        1 => Just("z".to_owned()),
        1 => Just(String::new()),
        4 => "[-+](00|01|12|23|24|99|0)(:?(00|01|30|59|60|99|0))?",
        1 => select(vec!["ZZ", " Z", "Z ", "UTC", "+", "-", "\u{2212}00:00", "Z+00:00", "+00:", "+00:00:00"])
            .prop_map(str::to_owned),
    ].boxed()
}

/// A string of the shape that RFC 3339 gives, with numbers that may be out of range.
pub(crate) fn rfc3339_shaped() -> BoxedStrategy<String> {
    let number =
        |most: u32, usual: std::ops::RangeInclusive<u32>| prop_oneof![6 => usual, 1 => 0..=most];
    let date = (
        number(9999, 2023..=2024),
        number(99, 1..=12),
        number(99, 1..=31),
    );
    let time = (
        number(99, 0..=23),
        number(99, 0..=59),
        number(99, 0..=59),
        "(\\.[0-9]{1,20})?",
    );
    let zone = prop_oneof![
        4 => "[Zz]",
        1 => Just("+00:00".to_owned()),
        1 => "[-+][0-2][0-9]:[0-6][0-9]",
    ];
    (date, "[Tt]", time, zone)
        .prop_map(|((year, month, day), letter, (h, m, s, fraction), zone)| {
            format!("{year:04}-{month:02}-{day:02}{letter}{h:02}:{m:02}:{s:02}{fraction}{zone}")
        })
        .boxed()
}

/// A timestamp with a few characters changed, dropped or added.
pub(crate) fn broken_timestamp() -> BoxedStrategy<String> {
    let edit = (
        any::<Index>(),
        0..3_u8,
        select(
            "0123456789TtZzWw+-:., _\u{2212}\u{661}\0\n"
                .chars()
                .collect::<Vec<_>>(),
        ),
    );
    (
        prop_oneof![good_timestamp(), edgy_timestamp()],
        vec(edit, 1..3),
    )
        .prop_map(|(text, edits)| {
            let mut chars: Vec<char> = text.chars().collect();
            for (index, kind, char) in edits {
                let at = index.index(chars.len() + 1);
                match kind {
                    0 => chars.insert(at, char),
                    _ if at == chars.len() => {}
                    1 => chars[at] = char,
                    _ => drop(chars.remove(at)),
                }
            }
            chars.into_iter().collect()
        })
        .boxed()
}

pub(crate) fn timestamp() -> BoxedStrategy<String> {
    prop_oneof![
        3 => good_timestamp(),
        2 => edgy_timestamp(),
        1 => foreign_timestamp(),
        1 => rfc3339_shaped(),
        1 => broken_timestamp(),
        1 => any_text(),
    ]
    .boxed()
}

fn timestamp_field() -> BoxedStrategy<String> {
    prop_oneof![
        20 => Just("\"2024-01-01T00:00:00Z\"".to_owned()),
        20 => good_timestamp().prop_flat_map(quoted),
        6 => timestamp().prop_flat_map(quoted),
        2 => foreign_timestamp().prop_flat_map(quoted),
        1 => value(),
    ]
    .boxed()
}

// ---------------------------------------------------------------------------------------------------
// Amounts
// ---------------------------------------------------------------------------------------------------

/// The number `digits` times 10^`exponent`, with the decimal point before digit `point`, and the
/// exponent mended to suit.
fn spell(digits: &str, exponent: i64, point: usize, style: u8) -> String {
    let (whole, fraction) = digits.split_at(point);
    let exponent = exponent + i64::try_from(fraction.len()).expect("a few hundred digits");
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let mut text = whole.to_owned();
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    if exponent != 0 || style % 2 == 1 {
        text.push(if style & 2 == 0 { 'e' } else { 'E' });
        text.push_str(match exponent {
            ..0 => "-",
            _ if style & 4 == 0 => "",
            _ => "+",
        });
        if style & 8 != 0 {
            text.push_str("00");
        }
        text.push_str(&exponent.unsigned_abs().to_string());
    }
    text
}

/// One decimal number in one of its many spellings.
fn spelled(
    digits: impl Strategy<Value = String> + 'static,
    exponent: impl Strategy<Value = i64> + 'static,
) -> BoxedStrategy<String> {
    (digits, exponent, any::<Index>(), any::<u8>())
        .prop_map(|(digits, exponent, index, style)| {
            spell(&digits, exponent, index.index(digits.len() + 1), style)
        })
        .boxed()
}

/// A number whose digits past the 18th place are at, just under or just over a half.
fn near_tie() -> BoxedStrategy<String> {
    let tail = select(vec![
        "5", "4", "6", "50", "49", "51", "500000", "499999", "500001",
    ]);
    let more = prop_oneof![Just(String::new()), "0{1,60}", "0{1,60}1", "9{1,60}"];
    ("[0-9]{0,33}", tail, more)
        .prop_flat_map(|(kept, tail, more)| {
            let digits = kept.clone() + tail + &more;
            let exponent = -18 - i64::try_from(tail.len() + more.len()).expect("a few digits");
            spelled(Just(digits), Just(exponent))
        })
        .boxed()
}

/// A purchase amount's text, always a JSON number.
pub(crate) fn amount() -> BoxedStrategy<String> {
    prop_oneof![
        8 => "[1-9][0-9]{0,3}\\.[0-9]{2}",
        4 => near_tie(),
        2 => spelled("[0-9]{1,40}", -60..20_i64),
        1 => spelled("[0-9]{1,300}", -330..330_i64),
        1 => spelled("[0-9]{1,300}", -1_000_000_000_000..1_000_000_000_000_i64),
        2 => spelled("9{10,40}", -30..6_i64),
        2 => spelled("10{0,40}", -40..20_i64),
        1 => spelled("0{1,40}", -40..40_i64),
        1 => number(),
        1 => "-[1-9](\\.[0-9]{1,20})?",
    ]
    .boxed()
}

fn amount_field() -> BoxedStrategy<String> {
    prop_oneof![
        20 => amount(),
        1 => value(),
        1 => select(vec!["\"19.99\"", "null", "true", "[1]", "-0.0", "0e9", "1e400"]).prop_map(str::to_owned),
    ].boxed()
}

// ---------------------------------------------------------------------------------------------------
// Lines
// ---------------------------------------------------------------------------------------------------

/// None, one or two members of one key.
fn field(
    key: &'static str,
    value: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<Vec<String>> {
    let count = prop_oneof![1 => Just(0_usize), 24 => Just(1), 2 => Just(2)];
    let value = value.boxed();
    count
        .prop_flat_map(move |count| vec(member(Just(key.to_owned()), value.clone()), count))
        .boxed()
}

/// A JSON object that is, more or less, an event.
fn object() -> BoxedStrategy<String> {
    (
        field("user_id", user_id()),
        field("event_type", event_type()),
        field("timestamp", timestamp_field()),
        field("amount", amount_field()),
        prop_oneof![3 => Just(Vec::new()), 1 => vec(member(any_text(), value()), 0..3)],
    )
        .prop_flat_map(|(user_id, event_type, timestamp, amount, extra)| {
            let members = [user_id, event_type, timestamp, amount, extra].concat();
            (space(), Just(members).prop_shuffle(), space())
        })
        .prop_map(|(before, members, after)| format!("{before}{{{}}}{after}", members.join(",")))
        .boxed()
}

/// (a) Structured events, now and then something that is not an object, or blank.
pub(crate) fn structured_line() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        40 => object(),
        1 => value(),
        1 => "[ \t\r]{0,4}",
        1 => (object(), object()).prop_map(|(one, two)| one + &two),
    ]
    .prop_map(String::into_bytes)
    .boxed()
}

/// Events as a careful client writes them, or very nearly: compact, in a fixed order, nothing escaped,
/// every value at or just past what is ordinary.
pub(crate) fn ordinary_line() -> BoxedStrategy<Vec<u8>> {
    let user_id = prop_oneof![
        6 => "[1-9][0-9]{0,8}",
        1 => "-?[0-9]{1,3}",
        1 => "-?[1-9][0-9]{16,20}",
        1 => "(9223372036854775|1844674407370955)[0-9]{3,4}",
        1 => "-9223372036854775[0-9]{3}",
        1 => "[0-9]{1,3}[.eE+ -][0-9]{0,2}",
    ];
    let event_type = prop_oneof![
        6 => Just("purchase".to_owned()),
        2 => "[a-z_]{0,20}",
        1 => "purchas(e|ed|f|E| e|e |)",
        1 => "[ -\u{7f}\u{e9}\u{1f600}]{0,12}",
    ];
    let time = prop_oneof![
        6 => "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{3,6})?Z",
        2 => rfc3339_shaped(),
        1 => timestamp(),
    ];
    let amount = prop_oneof![
        6 => "[0-9]{1,4}\\.[0-9]{1,2}",
        2 => "[0-9]{1,17}(\\.[0-9]{0,22})?",
        1 => "0(\\.0{0,20}[0-9]?)?",
        1 => "-?[0-9]{1,2}(\\.[0-9]{1,2})?[eE]?[+-]?[0-9]{1,2}",
        1 => amount(),
    ];
    let extra = prop_oneof![
        6 => Just(String::new()),
        1 => "\"[a-z]{1,9}\":(true|false|null|-?[0-9]{1,4}|\"[a-z ]{0,40}\"|\\[\\]|\\{\\})",
        1 => "\"(user_id|event_type|timestamp|amount|user_i|amount_)\":(1|\"x\"|0.5)",
        1 => value().prop_map(|value| format!("\"x\":{value}")),
    ];
    let spacing = select(vec![
        (",", ":"),
        (",", ":"),
        (", ", ": "),
        (", ", ":"),
        (" ,", " : "),
        (",", ""),
    ]);
    let order = select(vec![
        [0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
        [4, 0, 1, 2, 3],
        [0, 4, 1, 2, 3],
        [2, 1, 0, 4, 3],
        [3, 2, 1, 0, 4],
    ]);
    (user_id, event_type, time, amount, extra, spacing, order)
        .prop_map(
            |(user_id, event_type, time, amount, extra, (comma, colon), order)| {
                let members = [
                    format!("\"user_id\"{colon}{user_id}"),
                    format!("\"event_type\"{colon}\"{event_type}\""),
                    format!("\"timestamp\"{colon}\"{time}\""),
                    format!("\"amount\"{colon}{amount}"),
                    extra,
                ];
                let members: Vec<&str> = order
                    .iter()
                    .map(|index| members[*index].as_str())
                    .filter(|member| !member.is_empty())
                    .collect();
                one_line(format!("{{{}}}", members.join(comma)).into_bytes())
            },
        )
        .boxed()
}

#[derive(Debug, Clone)]
enum Edit {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Delete(Index, usize),
    Truncate(Index),
    Repeat(Index, usize),
}

fn edit() -> BoxedStrategy<Edit> {
    let bytes = prop_oneof![
        vec(any::<u8>(), 1..4),
        select(br#"{}[]:,"\-+.eE0192ntf "#.to_vec()).prop_map(|byte| vec![byte]),
        select(vec![
            "\\ud800", "\\udc00", "\\u0000", "\\x", "\u{feff}", "\0", "//", "NaN", "\u{2028}"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        select(vec![
            b"\xff".to_vec(),
            b"\xc0\xaf".to_vec(),
            b"\xed\xa0\x80".to_vec(),
            b"\xf4\x90\x80\x80".to_vec()
        ]),
    ];
    prop_oneof![
        3 => (any::<Index>(), 1..=255_u8).prop_map(|(at, mask)| Edit::Flip(at, mask)),
        3 => (any::<Index>(), bytes).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        3 => (any::<Index>(), 1..4_usize).prop_map(|(at, count)| Edit::Delete(at, count)),
        1 => any::<Index>().prop_map(Edit::Truncate),
        1 => (any::<Index>(), 1..20_usize).prop_map(|(at, count)| Edit::Repeat(at, count)),
    ]
    .boxed()
}

/// (b) Structured events, bent: bytes flipped, dropped, added, repeated; lines cut off or spliced.
pub(crate) fn mutated_line() -> BoxedStrategy<Vec<u8>> {
    let whole = prop_oneof![
        4 => structured_line(),
        2 => ordinary_line(),
        1 => (structured_line(), structured_line(), any::<Index>(), any::<Index>()).prop_map(
            |(one, two, cut, join)| {
                let head = &one[..cut.index(one.len() + 1)];
                [head, &two[join.index(two.len() + 1)..]].concat()
            },
        ),
    ];
    (whole, vec(edit(), 1..4))
        .prop_map(|(mut line, edits)| {
            for edit in edits {
                apply(&mut line, &edit);
            }
            one_line(line)
        })
        .boxed()
}

fn apply(line: &mut Vec<u8>, edit: &Edit) {
    let (Edit::Flip(at, _)
    | Edit::Insert(at, _)
    | Edit::Delete(at, _)
    | Edit::Truncate(at)
    | Edit::Repeat(at, _)) = edit;
    let at = at.index(line.len() + 1);
    let rest = line.split_off(at);
    match edit {
        Edit::Flip(_, mask) => {
            line.extend(rest.iter().take(1).map(|byte| byte ^ mask));
            line.extend(rest.iter().skip(1));
        }
        Edit::Insert(_, bytes) => {
            line.extend(bytes);
            line.extend(rest);
        }
        Edit::Delete(_, count) => line.extend(rest.iter().skip(*count)),
        Edit::Truncate(_) => {}
        Edit::Repeat(_, count) => {
            line.extend(rest.iter().take(*count));
            line.extend(rest);
        }
    }
}

/// A line holds no `\n`; what would be one becomes something else that is not allowed in a string.
fn one_line(mut line: Vec<u8>) -> Vec<u8> {
    for byte in &mut line {
        if *byte == b'\n' {
            *byte = 0x0b;
        }
    }
    line
}

/// (c) Noise: bytes, and JSON's own tokens in any order.
pub(crate) fn noise_line() -> BoxedStrategy<Vec<u8>> {
    let tokens = vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        " ",
        "\t",
        "\r",
        "null",
        "true",
        "false",
        "0",
        "-",
        "1.5",
        "1e5",
        "\"user_id\"",
        "\"event_type\"",
        "\"timestamp\"",
        "\"amount\"",
        "\"purchase\"",
        "\"\"",
        "\"2024-01-01T00:00:00Z\"",
        "\"user_id\":1,",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\u{feff}",
        "\u{0}",
    ];
    prop_oneof![
        vec(any::<u8>(), 0..80).prop_map(one_line),
        vec(select(tokens), 0..24).prop_map(|tokens| tokens.concat().into_bytes()),
    ]
    .boxed()
}

/// Any line of these kinds.
pub(crate) fn line() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![4 => structured_line(), 2 => ordinary_line(), 3 => mutated_line(), 1 => noise_line()].boxed()
}

/// A whole input: lines, their ends, perhaps a byte order mark, perhaps no `\n` at its end.
pub(crate) fn input() -> BoxedStrategy<Vec<u8>> {
    let end = select(vec!["\n", "\n", "\n", "\r\n", "\n\n", "\n \n"]);
    let mark = prop_oneof![8 => Just(false), 1 => Just(true)];
    (mark, vec((line(), end), 0..12), any::<bool>())
        .prop_map(|(mark, lines, ended)| {
            let mut input = if mark {
                b"\xef\xbb\xbf".to_vec()
            } else {
                Vec::new()
            };
            for (line, end) in lines {
                input.extend(line);
                input.extend(end.as_bytes());
            }
            if !ended && input.ends_with(b"\n") {
                input.pop();
            }
            input
        })
        .boxed()
}
