//! How the fields of lines are written: for somebody who wants to know what a log looks like.
//!
//! Counts what is seen and judges nothing. Adding up the counts of parts of an input, in any order,
//! gives those of all of it.

use std::collections::BTreeMap;

use super::decode::is_blank;
use super::field::Field;
use super::json::{self, Member, Span};
use super::schema::{FieldPath, Schema};

/// How much is kept of a text from the data, in characters.
const KEPT: usize = 48;

/// How lines are written, counted.
///
/// ```
/// use daytally::event::Schema;
/// use daytally::internals::Styles;
///
/// let mut styles = Styles::default();
/// let line = br#"{"user_id":7,"event_type":"click","timestamp":"2024-01-01T08:30Z","ip":""}"#;
/// styles.add_with(line, &Schema::default());
/// assert_eq!(styles.user_ids["integer"], 1);
/// assert_eq!(styles.timestamps["YYYY-MM-DDThh:mmZ"], 1);
/// assert_eq!(styles.other_keys["ip"], 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Styles {
    /// Lines that are objects, as far as they are JSON.
    pub objects: u64,
    /// Kinds of `user_id`: `integer`, `negative integer`, `string`, `missing` and so on.
    pub user_ids: BTreeMap<&'static str, u64>,
    /// Values of `event_type`, the start of long ones.
    pub event_types: BTreeMap<String, u64>,
    /// Forms of `timestamp`: letters for digits (`YYYY-MM-DDThh:mm:ss.3Z` has three decimals), or what it
    /// is if it is no string.
    pub timestamps: BTreeMap<String, u64>,
    /// Forms of `amount`, where it is there: `integer`, `2 decimals`, `exponent`, `string` and so on.
    pub amounts: BTreeMap<String, u64>,
    /// Keys of the event that are no fields and lead to none, the start of long ones, and how many lines have
    /// them.
    pub other_keys: BTreeMap<String, u64>,
    /// Orders in which the keys of the four fields stand, or those that lead to them.
    pub key_orders: BTreeMap<String, u64>,
    /// Lines that have a key of the four fields, or one that leads to it, twice.
    pub duplicate_keys: u64,
    /// Lines with `\` escapes in a key or value of the four.
    pub escapes: u64,
    /// Lines that end with CR LF.
    pub crlf: u64,
    /// How long the lines are that are not blank.
    pub lengths: Lengths,
}

/// Lengths of lines in bytes, without `\n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lengths(BTreeMap<u64, u64>);

impl Lengths {
    /// Counts a line.
    pub(crate) fn add(&mut self, len: u64) {
        *self.0.entry(len).or_default() += 1;
    }

    /// The shortest; `None` without lines.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        self.0.keys().next().copied()
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        self.0.keys().next_back().copied()
    }

    /// One that half of the lines are not longer than.
    #[must_use]
    pub fn median(&self) -> Option<u64> {
        let lines: u64 = self.0.values().sum();
        let mut before = 0;
        self.0.iter().find_map(|(len, count)| {
            before += count;
            (2 * before >= lines).then_some(*len)
        })
    }
}

impl Styles {
    /// Counts a line, given without its `\n`. A blank one counts for nothing.
    ///
    /// ```
    /// use daytally::event::{FieldNames, Schema};
    /// use daytally::internals::Styles;
    ///
    /// let user_id = "user.id".parse()?;
    /// let schema = Schema::default().with_fields(FieldNames { user_id, ..FieldNames::default() })?;
    /// let mut styles = Styles::default();
    /// styles.add_with(br#"{"user":{"id":"7"},"user_id":1}"#, &schema);
    /// assert_eq!(styles.user_ids["string"], 1);
    /// assert_eq!(styles.other_keys["user_id"], 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_with(&mut self, line: &[u8], schema: &Schema) {
        if is_blank(line) {
            return;
        }
        self.lengths.add(line.len() as u64);
        self.crlf += u64::from(line.ends_with(b"\r"));
        let is_object = line.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if !is_object {
            return;
        }
        self.objects += 1;
        let mut last: [Option<Member>; Field::COUNT] = [None; Field::COUNT];
        let (mut order, mut is_duplicate, mut has_escape) = (String::new(), false, false);
        let mut others = Vec::new();
        for member in json::members(line, 0) {
            let mut head = None;
            json::with_key(line, member.key, |key| {
                for field in schema.fields_of_key(key) {
                    is_duplicate |= head.is_none() && last[field.index()].is_some();
                    last[field.index()] = Some(member);
                    head = Some(field);
                }
            });
            let Some(field) = head else {
                others.push(string(line, member.key));
                continue;
            };
            has_escape |= member.key.bytes_of(line).contains(&b'\\');
            if !order.is_empty() {
                order.push(' ');
            }
            if order.len() < 4 * KEPT {
                order.push_str(schema.path(field).head());
            }
        }
        // Lines are counted, not keys.
        others.sort_unstable();
        others.dedup();
        for key in others {
            *self.other_keys.entry(key).or_default() += 1;
        }
        let mut values = [None; Field::COUNT];
        for field in Field::ALL {
            let Some(member) = last[field.index()] else {
                continue;
            };
            let (value, is_twice) = follow(line, member.value, schema.path(field));
            is_duplicate |= is_twice;
            has_escape |= value.is_some_and(|span: Span| {
                let bytes = span.bytes_of(line);
                bytes.starts_with(b"\"") && bytes.contains(&b'\\')
            });
            values[field.index()] = value;
        }
        self.duplicate_keys += u64::from(is_duplicate);
        self.escapes += u64::from(has_escape);
        *self.key_orders.entry(order).or_default() += 1;
        let value = |field: Field| values[field.index()];
        *self
            .user_ids
            .entry(value(Field::UserId).map_or("missing", |span: Span| {
                match kind(span.bytes_of(line)) {
                    "number" => number_kind(span.bytes_of(line)),
                    kind => kind,
                }
            }))
            .or_default() += 1;
        let event_type = value(Field::EventType).map_or("(missing)".into(), |span| {
            match kind(span.bytes_of(line)) {
                "string" => string(line, span),
                kind => format!("({kind})"),
            }
        });
        *self.event_types.entry(event_type).or_default() += 1;
        let timestamp = value(Field::Timestamp).map_or("missing".into(), |span| {
            match kind(span.bytes_of(line)) {
                "string" => timestamp_form(&string(line, span)),
                kind => kind.into(),
            }
        });
        *self.timestamps.entry(timestamp).or_default() += 1;
        if let Some(span) = value(Field::Amount) {
            *self
                .amounts
                .entry(amount_form(span.bytes_of(line)))
                .or_default() += 1;
        }
    }

    /// Counts a line of which only the length is known.
    pub(crate) fn add_cut(&mut self, len: u64) {
        self.lengths.add(len);
    }

    /// Adds the counts of another part.
    pub(crate) fn merge(&mut self, other: Styles) {
        fn add<K: Ord>(to: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
            for (key, count) in from {
                *to.entry(key).or_default() += count;
            }
        }
        self.objects += other.objects;
        add(&mut self.user_ids, other.user_ids);
        add(&mut self.event_types, other.event_types);
        add(&mut self.timestamps, other.timestamps);
        add(&mut self.amounts, other.amounts);
        add(&mut self.other_keys, other.other_keys);
        add(&mut self.key_orders, other.key_orders);
        self.duplicate_keys += other.duplicate_keys;
        self.escapes += other.escapes;
        self.crlf += other.crlf;
        add(&mut self.lengths.0, other.lengths.0);
    }
}

/// The value that a path leads to from that of its first key, and whether one of its other keys is there
/// twice.
fn follow(line: &[u8], head: Span, path: &FieldPath) -> (Option<Span>, bool) {
    let mut is_twice = false;
    let value = path.keys().iter().skip(1).try_fold(head, |value, key| {
        let of_key: Vec<Member> = json::members(line, value.start)
            .into_iter()
            .filter(|member| json::with_key(line, member.key, |there| there == key.as_bytes()))
            .collect();
        is_twice |= of_key.len() > 1;
        of_key.last().map(|member| member.value)
    });
    (value, is_twice)
}

/// What a JSON value is.
fn kind(value: &[u8]) -> &'static str {
    match value.first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

fn number_kind(number: &[u8]) -> &'static str {
    if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        "decimal or exponent"
    } else if number.starts_with(b"-") {
        "negative integer"
    } else {
        "integer"
    }
}

/// The start of a string, unescaped.
fn string(line: &[u8], span: Span) -> String {
    // An escape of six bytes is a character; what is cut inside one is not shown.
    let is_long = span.end - span.start > 12 * KEPT;
    if is_long {
        return span.start_of(line, KEPT, |text| {
            text.trim_start_matches('"').to_owned() + "..."
        });
    }
    span.of(line, |literal| {
        let text = json::unescape(literal);
        match text.char_indices().nth(KEPT) {
            Some((end, _)) => text[..end].to_owned() + "...",
            None => text.into_owned(),
        }
    })
}

/// The form of a timestamp: letters for its digits where it looks like a date-time, `9` where not.
fn timestamp_form(text: &str) -> String {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let shape = |part: &str| -> String {
        part.chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect()
    };
    let date = match shape(date).as_str() {
        "9999-99-99" => "YYYY-MM-DD".into(),
        "99999999" => "YYYYMMDD".into(),
        "9999-999" => "YYYY-DDD".into(),
        "9999999" => "YYYYDDD".into(),
        "9999-W99-9" => "YYYY-Www-D".into(),
        "9999W999" => "YYYYWwwD".into(),
        other => other.to_owned(),
    };
    let offset_at = time
        .char_indices()
        .skip(1)
        .find(|(_, c)| matches!(c, 'Z' | 'z' | '+' | '-'))
        .map_or(time.len(), |(at, _)| at);
    let (time, offset) = time.split_at(offset_at);
    let (whole, fraction) = match time.find(['.', ',']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let mut form = date;
    match shape(whole).get(1..).unwrap_or_default() {
        "99:99:99" => form += &(whole[..1].to_owned() + "hh:mm:ss"),
        "99:99" => form += &(whole[..1].to_owned() + "hh:mm"),
        "999999" => form += &(whole[..1].to_owned() + "hhmmss"),
        "9999" => form += &(whole[..1].to_owned() + "hhmm"),
        "99" => form += &(whole[..1].to_owned() + "hh"),
        _ => form += &shape(whole),
    }
    if let Some(digits) = fraction.get(1..) {
        form += &fraction[..1];
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            form += &digits.len().to_string();
        } else {
            form += &shape(digits);
        }
    }
    let is_zero = offset.bytes().all(|byte| !matches!(byte, b'1'..=b'9'));
    form += &if is_zero {
        offset.to_owned()
    } else {
        shape(offset)
    };
    form
}

fn amount_form(value: &[u8]) -> String {
    match kind(value) {
        "number" if value.iter().any(|byte| matches!(byte, b'e' | b'E')) => "exponent".into(),
        "number" => match value.iter().position(|byte| *byte == b'.') {
            None => "integer".into(),
            Some(at) => match value.len() - at - 1 {
                1 => "1 decimal".into(),
                decimals => format!("{decimals} decimals"),
            },
        },
        kind => kind.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::FieldNames;

    #[test]
    fn timestamps_have_forms() {
        for (text, form) in [
            ("2024-01-01T08:30:00Z", "YYYY-MM-DDThh:mm:ssZ"),
            ("2024-01-01t08:30:00.123z", "YYYY-MM-DDthh:mm:ss.3z"),
            ("20240101T083000+0000", "YYYYMMDDThhmmss+0000"),
            ("2024-001T08,5+02:00", "YYYY-DDDThh,1+99:99"),
            ("2024-W01-1T08-00", "YYYY-Www-DThh-00"),
            ("2024-01-01 08:30:00", "YYYY-MM-DD hh:mm:ss"),
            ("2024-01-01", "YYYY-MM-DD"),
            ("yesterday", "yesterday"),
            ("1/2/2024", "9/9/9999"),
            ("", ""),
            ("T", "T"),
            ("äT.ü", "äT.ü"),
        ] {
            assert_eq!(timestamp_form(text), form, "{text}");
        }
    }

    #[test]
    fn fields_are_where_the_schema_says() {
        let schema = Schema::default()
            .with_fields(FieldNames {
                user_id: "user.id".parse().unwrap(),
                timestamp: "user.at".parse().unwrap(),
                event_type: "kind".parse().unwrap(),
                ..FieldNames::default()
            })
            .unwrap();
        let mut styles = Styles::default();
        for line in [
            r#"{"user":{"id":1,"at":"2024-01-01T00Z"},"kind":"a","timestamp":7}"#,
            r#"{"kind":"\u0061","user":{"id":1,"id":"2"}}"#,
            r#"{"user":{"id":1},"user":3}"#,
            r#"{"user":{"id":{"x":1}},"amount":2}"#,
        ] {
            styles.add_with(line.as_bytes(), &schema);
        }
        let ids: Vec<_> = styles.user_ids.into_iter().collect();
        assert_eq!(
            ids,
            [("integer", 1), ("missing", 1), ("object", 1), ("string", 1)]
        );
        assert_eq!((styles.event_types["a"], styles.amounts["integer"]), (2, 1));
        assert_eq!(
            (styles.timestamps["missing"], styles.timestamps.len()),
            (3, 2)
        );
        assert_eq!((styles.duplicate_keys, styles.escapes), (2, 1));
        assert_eq!(
            styles.other_keys.into_keys().collect::<Vec<_>>(),
            ["timestamp"]
        );
        let orders: Vec<_> = styles.key_orders.into_keys().collect();
        assert_eq!(
            orders,
            ["kind user", "user amount", "user kind", "user user"]
        );
    }

    #[test]
    fn fields_are_counted_by_how_they_are_written() {
        let mut styles = Styles::default();
        for line in [
            &br#"{"user_id":-7,"event_type":"a","timestamp":7,"amount":1.50}"#[..],
            b"{\"amount\":1e3,\"user\\u005fid\":\"7\",\"user_id\":1.0,\"x\":[{\"user_id\":1}]}\r",
            b"  ",
            b"[1]",
            b"{\"user_id\":\"1\",",
            b"\xff",
        ] {
            let mut part = Styles::default();
            part.add_with(line, Schema::usual());
            styles.merge(part);
        }
        assert_eq!(styles.objects, 3);
        let ids: Vec<_> = styles.user_ids.into_iter().collect();
        assert_eq!(
            ids,
            [
                ("decimal or exponent", 1),
                ("negative integer", 1),
                ("string", 1)
            ]
        );
        assert_eq!(styles.amounts["2 decimals"], 1);
        assert_eq!(styles.amounts["exponent"], 1);
        assert_eq!(styles.timestamps["missing"], 2);
        assert_eq!(
            (styles.duplicate_keys, styles.escapes, styles.crlf),
            (1, 1, 1)
        );
        assert_eq!(styles.other_keys.len(), 1);
        assert_eq!(
            (styles.lengths.min(), styles.lengths.max()),
            (Some(1), Some(68))
        );
    }

    #[test]
    fn lines_with_another_key_are_counted() {
        let mut styles = Styles::default();
        for line in [&br#"{"x":1,"y":2,"x":3}"#[..], br#"{"\u0078":1}"#] {
            styles.add_with(line, Schema::usual());
        }
        let others: Vec<_> = styles.other_keys.into_iter().collect();
        assert_eq!(others, [("x".into(), 2), ("y".into(), 1)]);
    }
}
