//! Hints about keys that are missing: those that are nearly there, and those that are elsewhere; and about values
//! that are one object too deep.

use super::super::field::Field;
use super::super::json::{self, Member, Span};
use super::super::rules;
use super::super::schema::{FieldPath, Schema};
use super::Guess;
use crate::text::quoted;

/// A key of an event is shorter, and so is what is nearly one.
const LONGEST: usize = 40;

/// What may be the field, in an event without it.
pub(super) struct Elsewhere {
    pub(super) guess: Guess,
    /// The key.
    pub(super) span: Option<Span>,
    /// The path that leads to it, if its value is valid.
    pub(super) path: Option<FieldPath>,
}

/// For a field without a key: the key that may have been meant, and where it stands. Its value is of a kind
/// that the field's could be.
pub(super) fn of_missing(
    line: &[u8],
    members: &[Member],
    field: Field,
    schema: &Schema,
) -> Option<Elsewhere> {
    if let (Field::UserId, Some(guess)) = (field, reject(line, members)) {
        return Some(Elsewhere {
            guess,
            span: None,
            path: None,
        });
    }
    let path = schema.path(field);
    let others: Vec<(String, &Member)> = members
        .iter()
        .filter(|member| could_be(field, member.value.bytes_of(line)))
        .filter(|member| {
            json::with_key(line, member.key, |key| {
                schema.fields_of_key(key).next().is_none()
            })
        })
        .map(|member| (text(line, member.key), member))
        .collect();
    let find = |is_meant: &dyn Fn(&str) -> bool| {
        others
            .iter()
            .find(|(key, _)| key.len() <= LONGEST && is_meant(&plain(key)))
    };
    let own = |code, message: &str, (key, member): &(String, &Member)| {
        Elsewhere::new(
            (code, message),
            member,
            vec![key.clone()],
            line,
            field,
            schema,
        )
    };
    let spelling = |found: &(String, &Member)| {
        let message = format!(
            "there is a key {}; write it {}",
            quoted(&found.0),
            quoted(&path.name())
        );
        own("key_spelling", &message, found)
    };
    let wanted = plain(path.last());
    if let Some(found) = find(&|key| key == wanted) {
        return Some(spelling(found));
    }
    let nested = |is_meant: &dyn Fn(&str, &str) -> bool| {
        nested(line, members, field, schema, &|outer, inner| {
            is_meant(&plain(outer), &plain(inner))
        })
    };
    let usual = plain(field.key());
    // `user_id` in `meta`, and `id` in `user`.
    let is_same = |outer: &str, inner: &str| inner == wanted || outer.to_owned() + inner == usual;
    if let Some(found) = nested(&is_same) {
        return Some(found);
    }
    if let Some(found) = find(&|key| distance(key, &wanted) <= wanted.len() / 4) {
        return Some(spelling(found));
    }
    let is_other_name = |key: &str| key == usual || aliases(field).contains(&key);
    let Some(found) = find(&is_other_name) else {
        return nested(&|outer, inner| {
            aliases(field).contains(&(outer.to_owned() + inner).as_str())
                || is_other_name(inner) && ENVELOPES.contains(&outer)
        });
    };
    let message = format!(
        "there is a key {}; if that is it, call it {}",
        quoted(&found.0),
        quoted(&path.name())
    );
    Some(own("other_key", &message, found))
}

/// For a value that is an object: what in it would be valid in its place.
pub(super) fn of_object(line: &[u8], value: Span, field: Field, schema: &Schema) -> Option<Guess> {
    let path = schema.path(field).keys();
    let outer = plain(path.last()?);
    let valid: Vec<String> = json::members(line, value.start)
        .into_iter()
        .filter(|member| {
            member.key.end - member.key.start <= 2 * LONGEST
                && rules::fault_of_value(line, field, member.value, schema).is_none()
        })
        .map(|member| text(line, member.key))
        .filter(|key| !key.is_empty() && !is_taken(schema, path, key))
        .collect();
    let is_meant = |key: &&String| {
        let key = plain(key);
        key == outer
            || key == plain(field.key())
            || key == "value"
            || aliases(field).contains(&key.as_str())
            || field == Field::UserId && key == "id"
    };
    let key = match &valid[..] {
        [key] => key,
        several => several.iter().find(is_meant)?,
    };
    let mut keys: Vec<&str> = path.iter().map(String::as_str).collect();
    keys.push(key);
    Some((
        "value_in_object",
        format!(
            "its {} would be valid; if that is it, write it in place of the object{}",
            quoted(key),
            or_named(field, &keys)
        ),
    ))
}

impl Elsewhere {
    /// What is found at a path; the option that names it only where its value is valid.
    fn new(
        (code, message): (&'static str, &str),
        found: &Member,
        keys: Vec<String>,
        line: &[u8],
        field: Field,
        schema: &Schema,
    ) -> Elsewhere {
        let fault = rules::fault_of_value(line, field, found.value, schema);
        let rest = match &fault {
            None => {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                or_named(field, &keys)
            }
            Some(fault) => format!(
                "; its value is not valid either: {}",
                fault.message_in(line, schema)
            ),
        };
        Elsewhere {
            guess: (code, format!("{message}{rest}")),
            span: Some(found.key),
            path: fault.is_none().then(|| FieldPath::of_keys(keys)),
        }
    }
}

/// Whether a value is of a kind that a field's could be, be it written as it should not: an id or an amount
/// in quotes, a timestamp in seconds.
fn could_be(field: Field, value: &[u8]) -> bool {
    let is_string = value.first() == Some(&b'"');
    let is_number = matches!(value.first(), Some(b'-' | b'0'..=b'9'));
    match field {
        Field::UserId => {
            is_string || is_number && !value.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
        }
        Field::EventType => is_string,
        Field::Timestamp | Field::Amount => is_string || is_number,
    }
}

/// How to say where the field is, if that can be typed in a shell as it is shown.
fn or_named(field: Field, keys: &[&str]) -> String {
    let option = match field {
        Field::UserId => "--user-id-field",
        Field::EventType => "--event-type-field",
        Field::Timestamp => "--timestamp-field",
        Field::Amount => "--amount-field",
    };
    let path = FieldPath::of_keys(keys.iter().map(|key| (*key).to_owned()).collect());
    let path = path.to_string();
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_.@:+-".contains(c);
    let starts_well = keys.iter().all(|key| !key.is_empty()) && !path.starts_with('-');
    if starts_well && path.chars().all(is_safe) {
        format!(", or name it with {option} {path}")
    } else if starts_well
        && path
            .chars()
            .all(|c| crate::text::is_showable(c) && c != '\'')
    {
        format!(", or name it with {option} '{path}'")
    } else {
        String::new()
    }
}

/// The field as a key of an object one level down.
fn nested(
    line: &[u8],
    members: &[Member],
    field: Field,
    schema: &Schema,
    is_meant: &dyn Fn(&str, &str) -> bool,
) -> Option<Elsewhere> {
    let path = schema.path(field);
    members.iter().find_map(|outer| {
        let is_object = line.get(outer.value.start) == Some(&b'{');
        let outer_key =
            Some(outer.key).filter(|key| is_object && key.end - key.start <= 2 * LONGEST)?;
        let outer_key = text(line, outer_key);
        let (key, found) = json::members(line, outer.value.start)
            .into_iter()
            .filter(|member| {
                let length = member.key.end - member.key.start;
                length <= 2 * LONGEST && could_be(field, member.value.bytes_of(line))
            })
            .map(|member| (text(line, member.key), member))
            .find(|(key, _)| {
                is_meant(&outer_key, key)
                    && !is_taken(schema, std::slice::from_ref(&outer_key), key)
            })?;
        let message = match path.keys() {
            [_] if plain(&key) == plain(path.last()) => format!(
                "{} is inside {}, and keys inside other values are not the event's; move it up",
                quoted(&key),
                quoted(&outer_key)
            ),
            [name] => format!(
                "there is a key {} inside {}; if that is it, move it up and call it {}",
                quoted(&key),
                quoted(&outer_key),
                quoted(name)
            ),
            _ => format!(
                "there is a key {} inside {}; if that is it, move it to {}",
                quoted(&key),
                quoted(&outer_key),
                quoted(&path.name())
            ),
        };
        Some(Elsewhere::new(
            ("nested_key", &message),
            &found,
            vec![outer_key, key],
            line,
            field,
            schema,
        ))
    })
}

/// Whether a key of an object at a path is a field already.
fn is_taken(schema: &Schema, outer: &[String], key: &str) -> bool {
    Field::ALL.into_iter().any(|field| {
        let keys = schema.path(field).keys();
        keys.split_last()
            .is_some_and(|(last, before)| last == key && before == outer)
    })
}

/// A line of a rejects file.
fn reject(line: &[u8], members: &[Member]) -> Option<Guess> {
    let keys: Vec<String> = members
        .iter()
        .map(|member| text(line, member.key))
        .collect();
    let has = |key: &str| keys.iter().any(|there| there == key);
    let is_reject = ["input", "line", "offset", "reason"].into_iter().all(has)
        && (has("raw") || has("raw_base64"));
    is_reject.then(|| {
        (
            "rejects_file",
            "it is a line of a rejects file, which holds the event as text under \"raw\": `jq -r .raw` gives it"
                .into(),
        )
    })
}

/// The text of a key; of a long one the start, which is as good as no key of an event.
fn text(line: &[u8], key: Span) -> String {
    if key.end - key.start > 1000 {
        return key.start_of(line, 1000, |literal| {
            json::unescape(&format!("{literal}\"")).into()
        });
    }
    key.of(line, |literal| json::unescape(literal).into_owned())
}

/// A key without what is done differently from house to house: case, and what is between words.
fn plain(key: &str) -> String {
    key.chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' ' | '@' | '$'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// What others put around an event, without what [`plain`] leaves out. A `name` in a `user` is no type of
/// event, but one in `data` may be.
const ENVELOPES: [&str; 11] = [
    "attributes",
    "body",
    "context",
    "data",
    "detail",
    "event",
    "fields",
    "message",
    "payload",
    "properties",
    "record",
];

/// What others call the field, without what [`plain`] leaves out.
fn aliases(field: Field) -> &'static [&'static str] {
    match field {
        Field::UserId => &[
            "uid",
            "user",
            "customerid",
            "accountid",
            "memberid",
            "visitorid",
        ],
        Field::EventType => &["type", "event", "eventname", "name", "action", "kind"],
        Field::Timestamp => &[
            "ts",
            "at",
            "time",
            "datetime",
            "eventtime",
            "createdat",
            "occurredat",
            "date",
            "when",
        ],
        Field::Amount => &["price", "total", "value", "revenue", "sum", "cost"],
    }
}

/// How many characters have to be inserted, removed, replaced, or swapped with the next, to make one text
/// of another (optimal string alignment).
pub(in crate::event) fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut fewest = (last[j] + usize::from(a != b))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                fewest = fewest.min(before[j - 1] + 1);
            }
            row.push(fewest);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::super::tests::hint_of;
    use super::*;
    use crate::event::Diagnosis;

    /// A valid event with one key written otherwise.
    fn event(field: &str, other: &str) -> String {
        let keys = ["user_id", "event_type", "timestamp", "amount"];
        let [user_id, event_type, timestamp, amount] =
            keys.map(|key| if key == field { other } else { key });
        format!(
            r#"{{"{user_id}":1,"{event_type}":"purchase","{timestamp}":"2024-01-01T10:00:00Z","{amount}":1}}"#
        )
    }

    #[test]
    fn keys_that_are_nearly_there() {
        for (field, key, code) in [
            ("user_id", "userId", "key_spelling"),
            ("user_id", "user-id", "key_spelling"),
            ("user_id", "User ID", "key_spelling"),
            ("user_id", "USER_ID", "key_spelling"),
            ("user_id", "usr_id", "key_spelling"),
            ("user_id", "uesr_id", "key_spelling"),
            ("user_id", "uid", "other_key"),
            ("user_id", "id", ""),
            ("user_id", "x", ""),
            ("timestamp", "Timestamp", "key_spelling"),
            ("timestamp", "@timestamp", "key_spelling"),
            ("timestamp", "time_stamp", "key_spelling"),
            ("timestamp", "timetsamp", "key_spelling"),
            ("timestamp", "timestmp", "key_spelling"),
            ("timestamp", "ts", "other_key"),
            ("timestamp", "temperature", ""),
            ("amount", "Amount", "key_spelling"),
            ("amount", "ammount", "key_spelling"),
            ("amount", "price", "other_key"),
            ("amount", "count", ""),
        ] {
            let hint = hint_of(event(field, key));
            let option = field.replace('_', "-");
            let typed = match key {
                "User ID" => "'User ID'",
                key => key,
            };
            let expected = match code {
                "key_spelling" => {
                    format!(
                        "{code}: there is a key \"{key}\"; write it \"{field}\", or name it with --{option}-field {typed}"
                    )
                }
                "other_key" => format!(
                    "{code}: there is a key \"{key}\"; if that is it, call it \"{field}\", or name it with --{option}-field {typed}"
                ),
                _ => String::new(),
            };
            assert_eq!(hint, expected, "{field} {key}");
        }
        // Without an event type there is no telling whether there has to be an amount.
        for key in ["eventType", "event-type", "evnt_type"] {
            let hint = hint_of(event("event_type", key));
            assert!(hint.starts_with("key_spelling: "), "{hint}");
        }
        assert!(hint_of(event("event_type", "type")).starts_with("other_key: "));
        let long = "user_id".repeat(1000);
        assert_eq!(hint_of(event("user_id", &long)), "");
    }

    #[test]
    fn a_hint_shows_where_the_key_is() {
        let line = event("timestamp", "Timestamp");
        let hint = Diagnosis::of(line.as_bytes(), 1000).hints()[0].clone();
        assert_eq!(&line[hint.span.unwrap()], r#""Timestamp""#);
    }

    #[test]
    fn keys_one_level_down() {
        let line =
            r#"{"meta":{"user_id":1},"event_type":"click","timestamp":"2024-01-01T10:00:00Z"}"#;
        assert_eq!(
            hint_of(line),
            "nested_key: \"user_id\" is inside \"meta\", and keys inside other values are not the event's; move it up, or name it with --user-id-field meta.user_id"
        );
        let hint = Diagnosis::of(line.as_bytes(), 1000).hints()[0].clone();
        assert_eq!(hint.span, Some(9..18));
        let line =
            r#"{"data":{"userId":1,"eventType":"click","timestamp":"2024-01-01T10:00:00Z"}}"#;
        let diagnosis = Diagnosis::of(line.as_bytes(), 1000);
        assert_eq!(diagnosis.hints().len(), 3);
        assert!(
            diagnosis
                .hints()
                .iter()
                .all(|hint| hint.code == "nested_key")
        );
        // By its name and that of what it is in; and only what could be one.
        let rest = r#""event_type":"click","timestamp":"2024-01-01T10:00:00Z""#;
        for (line, expected) in [
            (
                r#"{"user":{"id":7,"name":"Ann"}"#,
                "nested_key: there is a key \"id\" inside \"user\"; if that is it, move it up and call it \"user_id\", or name it with --user-id-field user.id",
            ),
            (
                r#"{"userId":{"value":7},"user":{"id":"7"}"#,
                "nested_key: there is a key \"id\" inside \"user\"; if that is it, move it up and call it \"user_id\"; its value is not valid either: user_id \"7\" is a string, not an integer",
            ),
            (
                r#"{"user":{"id":{"n":7}},"uid":7"#,
                "other_key: there is a key \"uid\"; if that is it, call it \"user_id\", or name it with --user-id-field uid",
            ),
            (
                r#"{"data":{"uid":7}"#,
                "nested_key: there is a key \"uid\" inside \"data\"; if that is it, move it up and call it \"user_id\", or name it with --user-id-field data.uid",
            ),
            (r#"{"user":{"name":"Ann"}"#, ""),
            (r#"{"user":{"id":null}"#, ""),
            (r#"{"user":[1],"uid":true"#, ""),
            (r#"{"uid":1.5"#, ""),
        ] {
            assert_eq!(hint_of(format!("{line},{rest}}}")), expected, "{line}");
        }
        let line =
            r#"{"user_id":1,"event":{"time":"2024-01-01T10:00:00Z","type":"click"},"type":7}"#;
        let diagnosis = Diagnosis::of(line.as_bytes(), 1000);
        let paths = diagnosis
            .hints()
            .iter()
            .map(|hint| hint.path.as_ref().unwrap());
        assert_eq!(
            paths.map(ToString::to_string).collect::<Vec<_>>(),
            ["event.type", "event.time"]
        );
        // Two levels down is too far away, and arrays are not looked into.
        let line = r#"{"a":{"b":{"user_id":1}},"c":[{"user_id":1}],"event_type":"click","timestamp":"2024-01-01T10:00:00Z"}"#;
        assert_eq!(hint_of(line), "");
    }

    #[test]
    fn a_value_that_is_not_valid_either_is_not_named() {
        let event = |start: &str| {
            format!(
                r#"{{{start},"event_type":"purchase","timestamp":"2024-01-01T10:00:00Z","amount":1}}"#
            )
        };
        let line = event(r#""userId":"7""#);
        assert_eq!(
            hint_of(&line),
            "key_spelling: there is a key \"userId\"; write it \"user_id\"; its value is not valid either: user_id \"7\" is a string, not an integer"
        );
        let hint = Diagnosis::of(line.as_bytes(), 1000).hints()[0].clone();
        assert_eq!(hint.path, None);
        assert_eq!(&line[hint.span.unwrap()], r#""userId""#);
        for (line, end) in [
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T10:00:00Z","a":{"amount":"5.00"}}"#,
                "move it up; its value is not valid either: amount \"5.00\" is a string, not a number",
            ),
            (
                r#"{"user_id":1,"event_type":"purchase","timestamp":"2024-01-01T10:00:00Z","price":0}"#,
                "call it \"amount\"; its value is not valid either: amount 0 is not greater than zero",
            ),
            (
                r#"{"user_id":1,"event_type":"click","ts":1704103200}"#,
                "call it \"timestamp\"; its value is not valid either: timestamp 1704103200 is a number, not a string",
            ),
            (
                r#"{"user_id":1,"event_type":"click","ts":"2024-01-01T10:00:00+01:00"}"#,
                "call it \"timestamp\"; its value is not valid either: timestamp \"2024-01-01T10:00:00+01:00\" is not in UTC: its offset is not zero",
            ),
            (
                r#"{"user_id":1,"eventType":"","timestamp":"2024-01-01T10:00:00Z"}"#,
                "write it \"event_type\"; its value is not valid either: event_type is empty",
            ),
        ] {
            let hint = hint_of(line);
            assert!(hint.ends_with(end), "{hint}");
        }
        let accepting = Schema::default().accepting_offsets(true);
        let line = r#"{"user_id":1,"event_type":"click","ts":"2024-01-01T10:00:00+01:00"}"#;
        let hint = Diagnosis::with_schema(line.as_bytes(), 1000, &accepting).hints()[0].clone();
        assert!(
            hint.message
                .ends_with(", or name it with --timestamp-field ts")
        );
    }

    #[test]
    fn values_one_object_too_deep() {
        let object = |field: &str, key: &str, path: &str| {
            let option = field.replace('_', "-");
            format!(
                "value_in_object: its \"{key}\" would be valid; if that is it, write it in place of the object, or name it with --{option}-field {path}"
            )
        };
        for (field, value, expected) in [
            (
                "amount",
                r#"{"value":5}"#,
                object("amount", "value", "amount.value"),
            ),
            (
                "amount",
                r#"{"currency":"EUR","units":5,"nanos":0}"#,
                object("amount", "units", "amount.units"),
            ),
            (
                "amount",
                r#"{"scale":2,"value":5}"#,
                object("amount", "value", "amount.value"),
            ),
            (
                "user_id",
                r#"{"id":7}"#,
                object("user_id", "id", "user_id.id"),
            ),
            (
                "user_id",
                r#"{"tenant":1,"id":7}"#,
                object("user_id", "id", "user_id.id"),
            ),
            (
                "event_type",
                r#"{"name":"purchase","id":"x"}"#,
                object("event_type", "name", "event_type.name"),
            ),
            (
                "timestamp",
                r#"{"$date":"2024-01-01T10:00:00Z"}"#,
                object("timestamp", "$date", "'timestamp.$date'"),
            ),
            ("amount", r#"{"value":"5.00"}"#, String::new()),
            ("amount", r#"{"a":1,"b":2}"#, String::new()),
            ("amount", r#"{"value":{"value":5}}"#, String::new()),
            ("amount", "{}", String::new()),
            ("user_id", "[7]", String::new()),
        ] {
            let line = super::super::tests::event_with(field, value);
            assert_eq!(hint_of(&line), expected, "{line}");
        }
    }

    /// What a hint names is valid by that name.
    #[test]
    fn what_is_named_is_what_is_read() {
        let named = crate::event::FieldNames {
            amount: "amount.value".parse().unwrap(),
            ..crate::event::FieldNames::default()
        };
        let schema = Schema::default().with_fields(named).unwrap();
        let line = super::super::tests::event_with("amount", r#"{"value":{"value":5}}"#);
        let diagnosis = Diagnosis::with_schema(line.as_bytes(), 1000, &schema);
        assert!(
            diagnosis.hints()[0]
                .message
                .ends_with("--amount-field amount.value.value")
        );
        let line = super::super::tests::event_with("amount", r#"{"value":5}"#);
        let diagnosis = Diagnosis::with_schema(line.as_bytes(), 1000, &schema);
        assert!(diagnosis.hints().is_empty() && diagnosis.faults().is_empty());
    }

    #[test]
    fn lines_of_a_rejects_file() {
        let line = r#"{"input":"a","line":4,"offset":251,"reason":"invalid_json","message":"m","raw":"x"}"#;
        let hints = super::super::tests::hints_of(line);
        assert_eq!(hints.len(), 1, "{hints:?}");
        assert!(hints[0].starts_with("rejects_file: "), "{hints:?}");
    }

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "acb", 1),
            ("abc", "xabc", 1),
            ("ca", "abc", 3),
            ("kitten", "sitting", 3),
            ("\u{e9}a", "ea", 1),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
            assert_eq!(distance(to, from), expected, "{to} {from}");
        }
    }
}
