//! What events look like where they come from elsewhere: the names of their fields, what a purchase is
//! called, and by which days they are counted.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use super::PURCHASE;
use super::date::Date;
use super::field::Field;
use super::json::{self, FieldSpans, Member, Span};
use super::timestamp::{self, TimestampFault, parse_timestamp};
use super::zone::{LocalDays, Zone};
use crate::text;

/// What the fields of events are called and how they are read; by default as everywhere else in this
/// documentation.
///
/// ```
/// use daytally::event::{Decoder, FieldNames, Lanes, Schema, Verdict};
///
/// let schema = Schema::default()
///     .with_fields(FieldNames {
///         user_id: "user.id".parse()?,
///         event_type: "kind".parse()?,
///         ..FieldNames::default()
///     })?
///     .with_purchase_types(["order".into(), "subscription".into()])?
///     .accepting_offsets(true)
///     .in_zone("+02:00".parse()?);
/// let line = br#"{"kind":"order","user":{"id":7},"timestamp":"2024-01-01T23:30:00+01:00","amount":1}"#;
/// let mut decoder = Decoder::with_schema(1000, Lanes::All, &schema);
/// let Verdict::Valid(event) = decoder.decode(line) else { unreachable!() };
/// assert_eq!(event.user_id().get(), 7);
/// assert_eq!(event.date().to_string(), "2024-01-02");
/// assert!(event.purchase().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Schema {
    /// Each at its field's index.
    paths: [FieldPath; Field::COUNT],
    purchase_types: Vec<String>,
    accepts_offsets: bool,
    zone: Zone,
    /// What the rest comes to.
    has_usual_names: bool,
    has_usual_types: bool,
}

/// The four fields of an event, each by its path.
///
/// By default they have the names that they have here.
///
/// ```
/// use daytally::event::{FieldNames, Schema};
///
/// let names = FieldNames { user_id: "user.id".parse().unwrap(), ..FieldNames::default() };
/// let schema = Schema::default().with_fields(names).unwrap();
/// assert_eq!(schema.fields().timestamp.to_string(), "timestamp");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldNames {
    /// Whose event it is.
    pub user_id: FieldPath,
    /// What kind of event it is.
    pub event_type: FieldPath,
    /// When it was.
    pub timestamp: FieldPath,
    /// What was paid, if it is a purchase.
    pub amount: FieldPath,
}

/// Where a field is in an event: its key; or, in an object that is in the event, the keys that lead to it.
///
/// Written with dots between the keys. A dot in a key is written `\.` and a backslash `\\`.
///
/// ```
/// use daytally::event::FieldPath;
///
/// let path: FieldPath = "user.id".parse()?;
/// assert_eq!(path.keys(), ["user", "id"]);
/// let path: FieldPath = r"user\.id".parse()?;
/// assert_eq!(path.keys(), ["user.id"]);
/// assert_eq!(path.to_string(), r"user\.id");
/// assert!("user..id".parse::<FieldPath>().is_err());
/// # Ok::<(), daytally::event::NoFieldPath>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    keys: Vec<String>,
}

/// A text is not the path of a field.
///
/// ```
/// use daytally::event::{FieldPath, NoFieldPath};
/// assert_eq!("user..id".parse::<FieldPath>(), Err(NoFieldPath::EmptyKey));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoFieldPath {
    /// There is nothing before, after or between dots.
    #[error(r"a key is empty; keys have one dot between them, and a dot in a key is written \.")]
    EmptyKey,
    /// A backslash stands before something else than a dot or a backslash.
    #[error(r"a backslash is written \\, and stands for itself in no other way than before a dot")]
    Backslash,
}

/// Fields, or types of purchases, that cannot be.
///
/// ```
/// use daytally::event::{NoSchema, Schema};
/// let schema = Schema::default().with_purchase_types([String::new()]);
/// assert_eq!(schema, Err(NoSchema::EmptyType));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSchema {
    /// Two fields are the same, or one is in the other.
    #[error(
        "{first} is {} and {second} is {}, which {}; each field needs a place of its own",
        text::quoted(.first_path),
        text::quoted(.second_path),
        if *.is_same { "is the same" } else { "are one within the other" }
    )]
    Overlap {
        /// The one that comes first.
        first: &'static str,
        /// Its path.
        first_path: String,
        /// The other one.
        second: &'static str,
        /// Its path.
        second_path: String,
        /// Whether they are the same.
        is_same: bool,
    },
    /// A type of purchases is the empty text, which no event may have as its type.
    #[error("the type of a purchase cannot be empty, since no event's type is")]
    EmptyType,
}

impl Default for FieldNames {
    fn default() -> FieldNames {
        let [user_id, event_type, timestamp, amount] = Field::ALL.map(FieldPath::usual);
        FieldNames {
            user_id,
            event_type,
            timestamp,
            amount,
        }
    }
}

impl Default for Schema {
    fn default() -> Schema {
        Schema {
            paths: Field::ALL.map(FieldPath::usual),
            purchase_types: vec![PURCHASE.into()],
            accepts_offsets: false,
            zone: Zone::UTC,
            has_usual_names: true,
            has_usual_types: true,
        }
    }
}

impl Schema {
    /// The one that holds by default.
    pub(super) fn usual() -> &'static Schema {
        static USUAL: LazyLock<Schema> = LazyLock::new(Schema::default);
        &USUAL
    }

    /// The same with other names of the fields.
    ///
    /// # Errors
    ///
    /// [`NoSchema::Overlap`] where two of them are the same, or one is in another one.
    pub fn with_fields(self, names: FieldNames) -> Result<Schema, NoSchema> {
        let paths = [
            names.user_id,
            names.event_type,
            names.timestamp,
            names.amount,
        ];
        for first in Field::ALL {
            for second in &Field::ALL[first.index() + 1..] {
                let (one, other) = (&paths[first.index()], &paths[second.index()]);
                if one.keys.starts_with(&other.keys) || other.keys.starts_with(&one.keys) {
                    return Err(NoSchema::Overlap {
                        first: first.key(),
                        first_path: one.to_string(),
                        second: second.key(),
                        second_path: other.to_string(),
                        is_same: one == other,
                    });
                }
            }
        }
        Ok(Schema {
            has_usual_names: paths == Field::ALL.map(FieldPath::usual),
            paths,
            ..self
        })
    }

    /// The same with other types of events as purchases: exactly those texts. None at all leaves the usual
    /// one.
    ///
    /// # Errors
    ///
    /// [`NoSchema::EmptyType`] where one of them is empty.
    pub fn with_purchase_types(
        self,
        types: impl IntoIterator<Item = String>,
    ) -> Result<Schema, NoSchema> {
        let mut types: Vec<String> = types.into_iter().collect();
        if types.iter().any(String::is_empty) {
            return Err(NoSchema::EmptyType);
        }
        types.sort_unstable();
        types.dedup();
        if types.is_empty() {
            types.push(PURCHASE.into());
        }
        Ok(Schema {
            has_usual_types: types == [PURCHASE],
            purchase_types: types,
            ..self
        })
    }

    /// The same with timestamps of any offset, or only of a zero one.
    #[must_use]
    pub fn accepting_offsets(self, accepts_offsets: bool) -> Schema {
        Schema {
            accepts_offsets,
            ..self
        }
    }

    /// The same with the days of another time zone.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Schema {
        Schema { zone, ..self }
    }

    /// What the fields are called.
    #[must_use]
    pub fn fields(&self) -> FieldNames {
        let [user_id, event_type, timestamp, amount] = self.paths.clone();
        FieldNames {
            user_id,
            event_type,
            timestamp,
            amount,
        }
    }

    /// The types of events that are purchases, in the order of their bytes.
    #[must_use]
    pub fn purchase_types(&self) -> &[String] {
        &self.purchase_types
    }

    /// Whether timestamps may have any offset.
    #[must_use]
    pub const fn accepts_offsets(&self) -> bool {
        self.accepts_offsets
    }

    /// The zone whose days events are counted by.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Whether all of it is as by default.
    #[must_use]
    pub(crate) const fn is_usual(&self) -> bool {
        self.has_usual_names && self.has_usual_types && self.has_usual_days()
    }

    const fn has_usual_days(&self) -> bool {
        !self.accepts_offsets && self.zone.is_utc()
    }

    pub(super) const fn has_usual_names(&self) -> bool {
        self.has_usual_names
    }

    /// Whether all fields are the event's own, and none is in another object.
    pub(super) fn is_flat(&self) -> bool {
        self.paths.iter().all(|path| path.keys.len() == 1)
    }

    pub(super) fn path(&self, field: Field) -> &FieldPath {
        &self.paths[field.index()]
    }

    /// The fields that a key of an event, its escapes undone, is or leads to.
    pub(super) fn fields_of_key(&self, key: &[u8]) -> impl Iterator<Item = Field> {
        Field::ALL
            .into_iter()
            .filter(move |field| self.path(*field).head().as_bytes() == key)
    }

    /// Notes where the values are that a member of an event has or leads to.
    #[inline]
    pub(super) fn note(&self, line: &[u8], key: Span, value: Span, spans: &mut FieldSpans) {
        if self.has_usual_names {
            if let Some(field) = json::field(line, key) {
                spans[field.index()] = Some(value);
            }
        } else {
            json::with_key(line, key, |key| {
                for field in self.fields_of_key(key) {
                    spans[field.index()] = Some(value);
                }
            });
        }
    }

    /// Goes from the values that were noted to those that they lead to.
    #[inline]
    pub(super) fn resolve(&self, line: &[u8], spans: &mut FieldSpans) {
        if self.has_usual_names {
            return;
        }
        for (path, span) in self.paths.iter().zip(spans) {
            *span = span.and_then(|head| path.within(line, head));
        }
    }

    /// Whether events of a type are purchases.
    #[inline]
    pub(super) fn is_purchase(&self, event_type: &[u8]) -> bool {
        if self.has_usual_types {
            return event_type == PURCHASE.as_bytes();
        }
        self.purchase_types
            .iter()
            .any(|purchase| purchase.as_bytes() == event_type)
    }

    /// The day of a timestamp.
    ///
    /// # Errors
    ///
    /// As for [`parse_timestamp`], and where the day is out of range.
    #[inline]
    pub(super) fn date(&self, timestamp: &[u8]) -> Result<Date, TimestampFault> {
        if self.has_usual_days() {
            return parse_timestamp(timestamp);
        }
        let instant = timestamp::instant(timestamp, self.accepts_offsets)?;
        self.zone.date_at(instant).ok_or(TimestampFault::OutOfRange)
    }

    /// The same, with the days of the zone at hand.
    pub(super) fn date_with(&self, timestamp: &[u8], days: &mut LocalDays) -> Option<Date> {
        if self.has_usual_days() {
            return parse_timestamp(timestamp).ok();
        }
        days.at(timestamp::instant(timestamp, self.accepts_offsets).ok()?)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("fields", &self.paths.each_ref().map(FieldPath::to_string))
            .field("purchase_types", &self.purchase_types)
            .field("accepts_offsets", &self.accepts_offsets)
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}

impl FieldPath {
    fn usual(field: Field) -> FieldPath {
        FieldPath {
            keys: vec![field.key().into()],
        }
    }

    /// The path of a key in an object, or in what a path leads to.
    pub(super) fn of_keys(keys: Vec<String>) -> FieldPath {
        FieldPath { keys }
    }

    /// The keys, from that of the event down; at least one.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// What people read: the key, or the path where there are several.
    pub(super) fn name(&self) -> String {
        match &self.keys[..] {
            [key] => key.clone(),
            _ => self.to_string(),
        }
    }

    /// The first key.
    pub(super) fn head(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    /// The last key.
    pub(super) fn last(&self) -> &str {
        self.keys.last().map_or("", String::as_str)
    }

    /// The value the path leads to, given that of its first key. Of duplicate keys the last one counts, in
    /// each object.
    pub(super) fn within(&self, line: &[u8], head: Span) -> Option<Span> {
        self.keys.iter().skip(1).try_fold(head, |value, key| {
            Some(last_member(line, value, key)?.value)
        })
    }
}

/// The last member with a key of an object.
pub(super) fn last_member(line: &[u8], object: Span, key: &str) -> Option<Member> {
    json::members(line, object.start)
        .into_iter()
        .rfind(|member| json::with_key(line, member.key, |there| there == key.as_bytes()))
}

/// As it is written on a command line.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.keys.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            for c in key.chars() {
                if matches!(c, '.' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for FieldPath {
    type Err = NoFieldPath;

    fn from_str(text: &str) -> Result<FieldPath, NoFieldPath> {
        let mut keys = vec![String::new()];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let c = match c {
                '.' => {
                    keys.push(String::new());
                    continue;
                }
                '\\' => chars
                    .next()
                    .filter(|c| matches!(c, '.' | '\\'))
                    .ok_or(NoFieldPath::Backslash)?,
                c => c,
            };
            if let Some(key) = keys.last_mut() {
                key.push(c);
            }
        }
        if keys.iter().any(String::is_empty) {
            return Err(NoFieldPath::EmptyKey);
        }
        Ok(FieldPath { keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Diagnosis, Reason, Verdict};

    fn names(user_id: &str, amount: &str) -> Result<Schema, NoSchema> {
        Schema::default().with_fields(FieldNames {
            user_id: user_id.parse().unwrap(),
            amount: amount.parse().unwrap(),
            ..FieldNames::default()
        })
    }

    #[test]
    fn paths_are_read_and_written() {
        for (text, keys) in [
            ("a", &["a"][..]),
            ("a.b.c", &["a", "b", "c"]),
            (r"a\.b", &["a.b"]),
            (r"a\\.b", &["a\\", "b"]),
            ("\u{e9} \u{65e5}.\"", &["\u{e9} \u{65e5}", "\""]),
        ] {
            let path: FieldPath = text.parse().unwrap();
            assert_eq!(path.keys(), keys, "{text}");
            assert_eq!(path.to_string(), text);
        }
        for text in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(
                text.parse::<FieldPath>(),
                Err(NoFieldPath::EmptyKey),
                "{text}"
            );
        }
        for text in ["\\", r"a\b", r"a.\"] {
            assert_eq!(
                text.parse::<FieldPath>(),
                Err(NoFieldPath::Backslash),
                "{text}"
            );
        }
    }

    #[test]
    fn fields_need_places_of_their_own() {
        assert!(names("uid", "price").is_ok());
        assert!(names("a.b", "a.c").is_ok());
        // Swapped, they are two all the same.
        assert!(names("amount", "user_id").is_ok());
        for (user_id, amount, is_same) in [
            ("amount", "amount", true),
            ("amount", "amount.net", false),
            ("a.b.c", "a.b", false),
        ] {
            let error = names(user_id, amount).unwrap_err();
            assert!(matches!(error, NoSchema::Overlap { is_same: same, .. } if same == is_same));
        }
        assert!(names("a", r"a\.b").is_ok());
        let schema = Schema::default();
        assert_eq!(
            schema.clone().with_purchase_types([String::new()]),
            Err(NoSchema::EmptyType)
        );
        assert!(schema.clone().with_purchase_types([]).unwrap().is_usual());
        assert!(!schema.accepting_offsets(true).is_usual());
    }

    #[test]
    fn the_last_of_duplicates_counts_in_each_object() {
        let schema = names("u.id", "amount").unwrap();
        let rest = r#""event_type":"a","timestamp":"2024-01-01T00Z""#;
        for (user, expected) in [
            (r#""u":{"id":1}"#, Some(1)),
            (r#""u":{"id":1,"id":2}"#, Some(2)),
            (r#""u":{"id":1},"u":{"id":3}"#, Some(3)),
            (r#""u":{"id":1},"u":{}"#, None),
            (r#""u":{"id":1},"u":7"#, None),
            (r#""u":[{"id":1}]"#, None),
            (r#""u.id":1"#, None),
            (r#""\u0075":{"\u0069d":4}"#, Some(4)),
            (r#""x":{"u":{"id":1}}"#, None),
        ] {
            let line = format!("{{{user},{rest}}}");
            for lanes in [crate::event::Lanes::All, crate::event::Lanes::General] {
                let mut decoder = crate::event::Decoder::with_schema(1000, lanes, &schema);
                let found = match decoder.decode(line.as_bytes()) {
                    Verdict::Valid(event) => Some(event.user_id().get()),
                    Verdict::Invalid(fault) => {
                        assert_eq!(fault.reason(), Reason::MissingUserId);
                        let message = fault.message_in(line.as_bytes(), &schema).to_string();
                        assert_eq!(message, "there is no key \"u.id\"");
                        None
                    }
                    Verdict::Blank => panic!(),
                };
                assert_eq!(found, expected, "{line}");
            }
            let diagnosis = Diagnosis::with_schema(line.as_bytes(), 1000, &schema);
            assert_eq!(diagnosis.faults().is_empty(), expected.is_some());
        }
    }

    #[test]
    fn timestamps_fall_on_days_of_utc_or_of_a_zone() {
        let usual = Schema::default();
        let offsets = Schema::default().accepting_offsets(true);
        let fixed = |zone: &str| offsets.clone().in_zone(zone.parse().unwrap());
        for (schema, text, expected) in [
            (
                &usual,
                "2024-01-01T00:30:00+01:00",
                Err(TimestampFault::HasOffset),
            ),
            (&offsets, "2024-01-01T00:30:00+01:00", Ok("2023-12-31")),
            (&offsets, "2024-01-01T00:30:00-23:59", Ok("2024-01-02")),
            (
                &offsets,
                "2024-01-01T00:30:00",
                Err(TimestampFault::HasNoOffset),
            ),
            (&offsets, "2024-01-01T24:00:00+00:01", Ok("2024-01-01")),
            (&offsets, "2024-01-01T24:00Z", Ok("2024-01-02")),
            (
                &offsets,
                "9999-12-31T24:00+01:00",
                Err(TimestampFault::NotADateTime),
            ),
            (
                &offsets,
                "9999-12-31T23:59:59-00:01",
                Err(TimestampFault::OutOfRange),
            ),
            (
                &offsets,
                "0000-01-01T00:00+00:01",
                Err(TimestampFault::OutOfRange),
            ),
            (&offsets, "0000-01-01T00:01+00:01", Ok("0000-01-01")),
            (&offsets, "2016-12-31T23:59:60-00:01", Ok("2017-01-01")),
            (&offsets, "2016-12-31T23:59:60Z", Ok("2016-12-31")),
            // Fractions of hours and of minutes.
            (&offsets, "2024-01-01T05.5+05:30", Ok("2024-01-01")),
            (
                &offsets,
                "2024-01-01T05.4999999999999999999999999999+05:30",
                Ok("2023-12-31"),
            ),
            (&offsets, "2024-01-01T23.5-00:30", Ok("2024-01-02")),
            (
                &offsets,
                "2024-01-01T23:29.99999999999999999999-00:30",
                Ok("2024-01-01"),
            ),
            (
                &fixed("-03:00"),
                "2024-01-01T02:59:59.999Z",
                Ok("2023-12-31"),
            ),
            (&fixed("-03:00"), "2024-01-01T03:00:00Z", Ok("2024-01-01")),
            (&fixed("+05:45"), "20240101T1815Z", Ok("2024-01-02")),
            (
                &fixed("+23:59"),
                "9999-12-31T00:01Z",
                Err(TimestampFault::OutOfRange),
            ),
            (
                &fixed("-00:01"),
                "0000-01-01T00:00Z",
                Err(TimestampFault::OutOfRange),
            ),
            (&fixed("-01:00"), "9999-12-31T23:30-01:00", Ok("9999-12-31")),
        ] {
            let date = schema.date(text.as_bytes());
            assert_eq!(
                date.map(|date| date.to_string()),
                expected.map(Into::into),
                "{text} {schema:?}"
            );
            let mut days = LocalDays::new(schema.zone());
            assert_eq!(
                schema.date_with(text.as_bytes(), &mut days),
                date.ok(),
                "{text}"
            );
        }
    }
}
