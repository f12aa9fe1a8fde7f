//! What all partials of one run have in common: how events were judged, and which were counted.

use crate::Options;
use crate::event::{Date, DateRange, Schema};
use crate::state::{RULES, StoredSchema, difference};

use super::VERSION;

/// How the events of a partial were judged, and which days were counted.
///
/// ```
/// use daytally::{Input, Options, PartialSet, PartialSettings, Pipeline};
///
/// let mut options = Options::default();
/// options.max_line_bytes = 1000;
/// let pipeline = Pipeline::new(options)?;
/// let input = Input::open("tests/data/events.jsonl".as_ref())?;
/// let mut partial = Vec::new();
/// let write = |bytes: &[u8]| Ok(partial.extend_from_slice(bytes));
/// pipeline.write_partial(input, PartialSettings::default(), &mut (), write)?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("0.arrow");
/// std::fs::write(&file, partial).unwrap();
/// let partials = PartialSet::open(vec![file], None)?;
/// assert_eq!(partials.facts().max_line_bytes, 1000);
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartialFacts {
    /// The days that were asked for.
    pub dates: DateRange,
    /// What events look like.
    pub schema: Schema,
    /// The longest line that may be valid, in bytes.
    pub max_line_bytes: u64,
    /// Whether there is a row for each invalid line.
    pub has_rejects: bool,
}

const PREFIX: &str = "daytally.partial.";

impl PartialFacts {
    pub(crate) fn of(options: &Options, has_rejects: bool) -> PartialFacts {
        PartialFacts {
            dates: options.dates,
            schema: options.schema.clone(),
            max_line_bytes: options.max_line_bytes as u64,
            has_rejects,
        }
    }

    /// As they are in the metadata.
    pub(super) fn to_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = vec![
            ("version", VERSION.to_string()),
            ("rules", RULES.to_string()),
            ("max_line_bytes", self.max_line_bytes.to_string()),
            ("rejects", self.has_rejects.to_string()),
        ];
        let day = |date: Option<Date>| date.map(|date| date.to_string());
        pairs.extend(day(self.dates.from()).map(|date| ("from", date)));
        pairs.extend(day(self.dates.to()).map(|date| ("to", date)));
        let schema = StoredSchema::of(&self.schema);
        pairs.extend(schema.and_then(|schema| {
            let json = serde_json::to_string(&schema).ok()?;
            Some(("schema", json))
        }));
        let mut pairs: Vec<(String, String)> = pairs
            .into_iter()
            .map(|(key, value)| (format!("{PREFIX}{key}"), value))
            .collect();
        pairs.push((
            "daytally.version".into(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ));
        pairs
    }

    /// What the metadata says; or what is wrong with it.
    pub(super) fn of_pairs<'a>(
        get: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<PartialFacts, String> {
        let of = |key: &str| get(&format!("{PREFIX}{key}"));
        let version = of("version").ok_or(
            "is no partial: its metadata has no daytally.partial.version; name what daytally partial has written",
        )?;
        if version != VERSION.to_string() {
            return Err(format!(
                "is a partial of version {}, and this program knows version {VERSION}; use the program that wrote it",
                crate::text::excerpt(version)
            ));
        }
        let wrong = |key: &str| {
            format!("is damaged: its metadata has no proper {PREFIX}{key}; run its split again")
        };
        let rules = of("rules").ok_or_else(|| wrong("rules"))?;
        if rules != RULES.to_string() {
            return Err(format!(
                "was made by rules of version {}, and this program has version {RULES}; use one program for all",
                crate::text::excerpt(rules)
            ));
        }
        let day = |key: &str| {
            let day = of(key).map(str::parse::<Date>).transpose();
            day.map_err(|_| wrong(key))
        };
        let schema = match of("schema") {
            None => Schema::default(),
            Some(json) => serde_json::from_str::<StoredSchema>(json)
                .ok()
                .and_then(|stored| stored.to_schema())
                .ok_or_else(|| {
                    "was made for events whose fields or time zone this program cannot make out; use the program that wrote it".to_owned()
                })?,
        };
        Ok(PartialFacts {
            dates: DateRange::new(day("from")?, day("to")?).ok_or_else(|| wrong("from"))?,
            schema,
            max_line_bytes: of("max_line_bytes")
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| wrong("max_line_bytes"))?,
            has_rejects: of("rejects")
                .and_then(|is| is.parse().ok())
                .ok_or_else(|| wrong("rejects"))?,
        })
    }

    /// The first option in which others differ: its name, what it is here, and what it is there. Rejects may
    /// be kept in some and not in others.
    pub(crate) fn difference(
        &self,
        other: &PartialFacts,
    ) -> Option<(&'static str, String, String)> {
        if let Some(schema) = difference(&self.schema, &other.schema) {
            return Some(schema);
        }
        let day =
            |date: Option<Date>| date.map_or_else(|| "no day".into(), |date| date.to_string());
        [
            ("--from", day(self.dates.from()), day(other.dates.from())),
            ("--to", day(self.dates.to()), day(other.dates.to())),
            (
                "--max-line-bytes",
                self.max_line_bytes.to_string(),
                other.max_line_bytes.to_string(),
            ),
        ]
        .into_iter()
        .find(|(_, here, there)| here != there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn facts() -> PartialFacts {
        PartialFacts {
            dates: DateRange::new("2024-01-01".parse().ok(), None).unwrap(),
            schema: Schema::default().in_zone("+02:00".parse().unwrap()),
            max_line_bytes: 1000,
            has_rejects: true,
        }
    }

    fn read(pairs: &BTreeMap<String, String>) -> Result<PartialFacts, String> {
        PartialFacts::of_pairs(|key| pairs.get(key).map(String::as_str))
    }

    #[test]
    fn facts_come_back_and_what_is_wrong_is_told() {
        let usual = PartialFacts::of(&Options::default(), false);
        for facts in [facts(), usual.clone()] {
            let pairs: BTreeMap<_, _> = facts.to_pairs().into_iter().collect();
            assert_eq!(read(&pairs), Ok(facts));
        }
        let whole: BTreeMap<_, _> = facts().to_pairs().into_iter().collect();
        for (key, value, part) in [
            ("version", None, "is no partial"),
            (
                "version",
                Some("2"),
                "of version 2, and this program knows version 1",
            ),
            ("rules", Some("9"), "rules of version 9"),
            ("from", Some("yesterday"), "daytally.partial.from"),
            ("max_line_bytes", None, "max_line_bytes"),
            ("rejects", Some("perhaps"), "rejects"),
            ("schema", Some("{}"), "fields or time zone"),
        ] {
            let mut pairs = whole.clone();
            let key = format!("{PREFIX}{key}");
            match value {
                None => pairs.remove(&key),
                Some(value) => pairs.insert(key, value.into()),
            };
            let error = read(&pairs).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(facts().difference(&facts()), None);
        let (setting, here, there) = facts().difference(&usual).unwrap();
        assert_eq!((setting, &*here, &*there), ("--timezone", "+02:00", "UTC"));
        let shorter = PartialFacts {
            max_line_bytes: 7,
            ..facts()
        };
        assert_eq!(
            facts().difference(&shorter).map(|(setting, ..)| setting),
            Some("--max-line-bytes")
        );
    }
}
