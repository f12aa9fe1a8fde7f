//! The mixed profile: the same events in every spelling that is valid, to leave no lane untried.

use super::draft::{Draft, Field, quote};
use super::event::{Event, EventType};
use super::rng::Stream;
use super::text::{push_cents, push_digits, push_escaped, push_number};
use super::timestamp;

/// Event types that are not among the usual ones, as JSON text. None of them is `purchase`.
const ODD_EVENT_TYPES: [&str; 12] = [
    r#""Purchase""#,
    r#""PURCHASE""#,
    r#""purchase ""#,
    r#"" ""#,
    r#""purchase\u0000""#,
    r#""add\/to\/cart""#,
    r#""カートに入れる""#,
    r#""\ud83d\uded2""#,
    r#""käuf\u00e4""#,
    r#""say \"hi\"""#,
    r#""null""#,
    r#""tab\there""#,
];

/// Values that an ignored field may have.
const ODD_VALUES: [&str; 36] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1e400",
    "-1E+400",
    "1e-400",
    "0e9",
    "123456789012345678901234567890",
    "-9223372036854775809",
    "18446744073709551616",
    "0.1000000000000000055511151231257827",
    "3.14159265358979323846264338327950288",
    r#""""#,
    r#""plain""#,
    r#""\"user_id\": 5, \"amount\": -1""#,
    r#""}{""#,
    r#""][\\""#,
    r#""\\\"""#,
    r#""\u0000\b\f\n\r\t\/""#,
    r#""\ud83d\ude00""#,
    r#""日本語 ñ é 😀""#,
    "\"\u{2028}\u{7f}\u{feff}\"",
    "{}",
    "[]",
    "[ ]",
    "{ }",
    "[1,[2,[3,[4,[[[[[[[[]]]]]]]]]]]]",
    "[ 1 ,\t2 , -3.5e-7 ]",
    r#"{"user_id":"x","event_type":7,"timestamp":null,"amount":-1}"#,
    r#"{ "amount" : [ { "amount" : "free" } ] }"#,
    r#"{"a":{"b":{"c":{"timestamp":"INVALID"}}}}"#,
    r#"["user_id",1,"event_type","purchase"]"#,
    r#"{"":{"":""}}"#,
];

/// Keys of ignored fields, as JSON text without the quotes. None of them is a field's key.
const ODD_KEYS: [&str; 20] = [
    "session",
    "ref",
    "tags",
    "meta",
    "n",
    "note",
    "id",
    "user",
    "userid",
    "user_id ",
    "User_Id",
    "USER_ID",
    "Amount",
    "event",
    "time stamp",
    "ключ",
    r"a\u0062c",
    r#"a\"b"#,
    r"back\\slash",
    "",
];

/// User ids at the edges of what is read: the text before the last digit, which is drawn.
const EDGE_USER_IDS: [&str; 8] = [
    "-",
    "-922337203685477580",
    "922337203685477580",
    "1844674407370955161",
    "1000000000000000000",
    "429496729",
    "1000000000000",
    "",
];

/// What stands between the parts of a line.
#[derive(Clone, Copy)]
enum Spacing {
    Compact,
    /// A space after colons and commas.
    Spaced,
    /// A tab after colons and commas.
    Tabs,
    /// Anything anywhere.
    Wild,
}

/// Where in a line white space may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Other,
    AfterSeparator,
}

impl Spacing {
    fn push(self, gap: Gap, buf: &mut Vec<u8>, rng: &mut Stream) {
        const WILD: [&[u8]; 8] = [b"", b"", b"", b" ", b"  ", b"\t", b" \t ", b"       "];
        match self {
            Self::Spaced if gap == Gap::AfterSeparator => buf.push(b' '),
            Self::Tabs if gap == Gap::AfterSeparator => buf.push(b'\t'),
            Self::Wild => buf.extend_from_slice(rng.pick(&WILD)),
            Self::Compact | Self::Spaced | Self::Tabs => {}
        }
    }
}

/// Puts the fields of an event into a draft, each in one of its valid spellings.
pub(super) fn fill(draft: &mut Draft, event: &Event, rng: &mut Stream) {
    draft.clear();
    push_user_id(draft.value(Field::UserId), event.user_id, rng);
    push_event_type(draft.value(Field::EventType), event.kind, rng);
    let timestamp = draft.value(Field::Timestamp);
    timestamp.push(b'"');
    timestamp::push_varied(timestamp, event.moment, rng);
    timestamp.push(b'"');
    if event.kind == EventType::Purchase {
        push_amount(draft.value(Field::Amount), event.cents, rng);
    } else if rng.one_in(8) {
        // Nobody reads this amount, so it may be anything.
        push_odd_value(draft.value(Field::Amount), rng);
    }
}

fn push_user_id(buf: &mut Vec<u8>, user_id: u64, rng: &mut Stream) {
    if rng.one_in(64) {
        buf.extend_from_slice(rng.pick(&EDGE_USER_IDS).as_bytes());
        // 0 to 5 keeps all of them within -2^63 to 2^64 - 1.
        push_number(buf, u64::from(rng.small(6)));
    } else {
        push_number(buf, user_id);
    }
}

fn push_event_type(buf: &mut Vec<u8>, event_type: EventType, rng: &mut Stream) {
    if event_type != EventType::Purchase && rng.one_in(32) {
        buf.extend_from_slice(rng.pick(&ODD_EVENT_TYPES).as_bytes());
    } else if rng.one_in(16) {
        buf.push(b'"');
        push_escaped(buf, event_type.name(), rng);
        buf.push(b'"');
    } else {
        quote(buf, event_type.name());
    }
}

/// Writes an amount in one of the forms of a JSON number; all of them are exactly `cents`.
fn push_amount(buf: &mut Vec<u8>, cents: u32, rng: &mut Stream) {
    let e = rng.pick(b"eE");
    match rng.small(12) {
        0 => {
            // As short as can be: 20, 19.5.
            push_cents(buf, cents);
            while buf.last() == Some(&b'0') {
                buf.pop();
            }
            if buf.last() == Some(&b'.') {
                buf.pop();
            }
        }
        1 => {
            push_cents(buf, cents);
            buf.extend((0..=rng.small(20)).map(|_| b'0'));
        }
        2 => {
            push_number(buf, u64::from(cents));
            buf.push(e);
            buf.extend_from_slice(rng.pick(&[b"-2".as_slice(), b"-02", b"-002"]));
        }
        3 => {
            // One digit before the point: 1.999e1.
            let start = buf.len();
            push_number(buf, u64::from(cents));
            let digits = buf.len() - start;
            if digits > 1 {
                buf.insert(start + 1, b'.');
            }
            push_exponent(buf, e, digits, 3, rng);
        }
        4 => {
            // None before the point: 0.1999E+2.
            buf.extend_from_slice(b"0.");
            let start = buf.len();
            push_number(buf, u64::from(cents));
            let digits = buf.len() - start;
            push_exponent(buf, e, digits, 2, rng);
        }
        _ => push_cents(buf, cents),
    }
}

/// Writes the exponent `digits - places`.
fn push_exponent(buf: &mut Vec<u8>, e: u8, digits: usize, places: usize, rng: &mut Stream) {
    buf.push(e);
    if digits < places {
        buf.push(b'-');
    } else if rng.one_in(2) {
        buf.push(b'+');
    }
    push_number(buf, digits.abs_diff(places) as u64);
}

fn push_odd_value(buf: &mut Vec<u8>, rng: &mut Stream) {
    match rng.small(8) {
        0 => {
            // An integer of up to 31 digits.
            buf.push(b'1');
            let digits = rng.small(31);
            push_digits(buf, digits, rng);
        }
        1 => {
            let (whole, places) = (rng.small(10), 1 + rng.small(30));
            buf.extend_from_slice(if rng.one_in(2) { b"-1" } else { b"7" });
            push_digits(buf, whole, rng);
            buf.push(b'.');
            push_digits(buf, places, rng);
        }
        _ => buf.extend_from_slice(rng.pick(&ODD_VALUES).as_bytes()),
    }
}

/// A member of the line's object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Field(Field),
    /// A field that does not count, because its key comes again.
    Overruled(Field),
    Extra,
}

/// The members of a line, in order.
struct Members {
    items: [Member; Self::MOST],
    count: usize,
}

impl Members {
    const MOST: usize = 9;

    /// Four fields, up to four extra members, and one duplicate.
    fn draw(draft: &Draft, rng: &mut Stream) -> Self {
        let mut members = Self {
            items: [Member::Extra; Self::MOST],
            count: 0,
        };
        for (field, _) in draft.fields() {
            members.items[members.count] = Member::Field(field);
            members.count += 1;
        }
        if rng.one_in(2) {
            members.count += rng.index(5);
        }
        if rng.one_in(2) {
            rng.shuffle(&mut members.items[..members.count]);
        }
        if rng.one_in(16) {
            members.duplicate_one(rng);
        }
        members
    }

    /// Puts a member with the key of a field somewhere before that field.
    fn duplicate_one(&mut self, rng: &mut Stream) {
        let at = rng.index(self.count);
        if let Member::Field(field) = self.items[at] {
            let before = rng.index(at + 1);
            self.items.copy_within(before..self.count, before + 1);
            self.items[before] = Member::Overruled(field);
            self.count += 1;
        }
    }
}

/// Writes a draft's line, without its line end.
pub(super) fn write_draft(draft: &Draft, rng: &mut Stream, buf: &mut Vec<u8>) {
    use Gap::{AfterSeparator, Other};
    use Spacing::{Compact, Spaced, Tabs, Wild};

    let spacing = rng.pick(&[Compact, Compact, Spaced, Spaced, Spaced, Tabs, Wild, Wild]);
    let members = Members::draw(draft, rng);

    spacing.push(Other, buf, rng);
    buf.push(b'{');
    for (i, member) in members.items[..members.count].iter().enumerate() {
        if i > 0 {
            spacing.push(Other, buf, rng);
            buf.push(b',');
            spacing.push(AfterSeparator, buf, rng);
        } else {
            spacing.push(Other, buf, rng);
        }
        push_key(buf, *member, rng);
        spacing.push(Other, buf, rng);
        buf.push(b':');
        spacing.push(AfterSeparator, buf, rng);
        match *member {
            Member::Field(field) => buf.extend_from_slice(draft.get(field).unwrap_or(b"null")),
            Member::Overruled(_) | Member::Extra => push_odd_value(buf, rng),
        }
    }
    spacing.push(Other, buf, rng);
    buf.push(b'}');
    spacing.push(Other, buf, rng);
    if rng.one_in(16) {
        buf.push(b'\r');
    }
}

fn push_key(buf: &mut Vec<u8>, member: Member, rng: &mut Stream) {
    buf.push(b'"');
    match member {
        Member::Field(field) | Member::Overruled(field) if rng.one_in(16) => {
            push_escaped(buf, field.key(), rng);
        }
        Member::Field(field) | Member::Overruled(field) => buf.extend_from_slice(field.key()),
        Member::Extra => buf.extend_from_slice(rng.pick(&ODD_KEYS).as_bytes()),
    }
    buf.push(b'"');
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::generate::oracle;

    #[test]
    fn every_piece_of_text_is_json() {
        for text in ODD_EVENT_TYPES {
            let name: String = serde_json::from_str(text).expect(text);
            assert!(name != "purchase" && !name.is_empty(), "{text}");
        }
        for text in ODD_VALUES {
            serde_json::from_str::<Value>(text).expect(text);
        }
        for text in ODD_KEYS {
            let key: String = serde_json::from_str(&format!("\"{text}\"")).expect(text);
            assert!(Field::ALL.iter().all(|field| field.key() != key.as_bytes()));
        }
        for text in EDGE_USER_IDS {
            for last in 0..6 {
                let id: i128 = format!("{text}{last}").parse().expect(text);
                assert!((i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&id));
            }
        }
    }

    #[test]
    fn every_form_of_an_amount_is_the_same_number() {
        let [mut rng] = Stream::split(11);
        for cents in (1..=1_100).chain([1_999, 2_000, 1_950, 39_999, 40_000]) {
            for _ in 0..60 {
                let mut buf = Vec::new();
                push_amount(&mut buf, cents, &mut rng);
                let text = String::from_utf8(buf).expect("ASCII");
                serde_json::from_str::<Value>(&text).expect("a JSON number");
                assert_eq!(
                    oracle::decimal(&text),
                    oracle::decimal(&format!("{cents}e-2")),
                    "{text} for {cents} cents"
                );
            }
        }
    }

    #[test]
    fn amounts_take_every_form() {
        let [mut rng] = Stream::split(12);
        let texts: std::collections::BTreeSet<_> = (0..2_000)
            .map(|_| {
                let mut buf = Vec::new();
                push_amount(&mut buf, 1_950, &mut rng);
                String::from_utf8(buf).expect("ASCII")
            })
            .collect();
        for form in ["19.50", "19.5", "1950e-2", "1.950e1", "0.1950E+2", "19.500"] {
            assert!(texts.contains(form), "no {form} in {texts:?}");
        }
    }
}
