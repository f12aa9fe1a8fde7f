//! That the splits of partials are all of their inputs, each byte once, and all of the same version of it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::rows::BooksRow;
use crate::error::{Error, Result};
use crate::text;

/// A split that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SplitRead {
    /// The partial.
    pub(crate) file: PathBuf,
    pub(crate) input: String,
    pub(crate) start: u64,
    /// Whether it has a row for each invalid line.
    pub(crate) has_rejects: bool,
    pub(crate) row: BooksRow,
}

/// The inputs of partials, each with all of its splits.
#[derive(Debug)]
pub(crate) struct Cover(Vec<CoveredInput>);

/// An input, all of which is in splits.
#[derive(Debug)]
pub(crate) struct CoveredInput {
    pub(crate) name: String,
    /// In order.
    pub(crate) splits: Vec<SplitRead>,
}

impl Cover {
    /// Puts splits in order: inputs as they are named in `order`, or by the bytes of their names.
    ///
    /// # Errors
    ///
    /// Where something is missing or there twice, or an input has changed between two of its splits; and where
    /// the order has a name that no input has, or has not those of all.
    pub(crate) fn of(splits: Vec<SplitRead>, order: Option<&[String]>) -> Result<Cover> {
        let mut inputs: HashMap<String, Vec<SplitRead>> = HashMap::new();
        for split in splits {
            inputs.entry(split.input.clone()).or_default().push(split);
        }
        let mut inputs: Vec<CoveredInput> = inputs
            .into_iter()
            .map(|(name, splits)| CoveredInput { name, splits })
            .collect();
        inputs.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if let Some(order) = order {
            inputs = ordered(inputs, order)?;
        }
        for input in &mut inputs {
            input
                .splits
                .sort_by_key(|split| (split.start, split.row.end));
            input.check()?;
        }
        Ok(Cover(inputs))
    }

    /// The inputs in order.
    pub(crate) fn inputs(&self) -> &[CoveredInput] {
        &self.0
    }
}

impl CoveredInput {
    /// The length of the input.
    pub(crate) fn size(&self) -> u64 {
        self.splits.first().map_or(0, |split| split.row.size)
    }

    fn check(&self) -> Result<()> {
        let name = text::name(&self.name).to_string();
        let of_two = |one: &SplitRead, other: &SplitRead, what: String| Error::NotAPartial {
            place: format!("{} and {}", shown(&one.file), shown(&other.file)),
            what,
        };
        let missing = |from: u64, to: u64| Error::NotAPartial {
            place: name.clone(),
            what: format!(
                "has no partial of its bytes {from}..{to}; make it with daytally partial --split {from}..{to} {name}, and merge again with all"
            ),
        };
        let Some(first) = self.splits.first() else {
            return Ok(());
        };
        let version = |split: &SplitRead| {
            let modified = match split.row.modified {
                Some(at) => format!("last written to at {at} ns since 1970"),
                None => "of no known date".into(),
            };
            format!("{} bytes, {modified}", split.row.size)
        };
        let mut covered: Option<&SplitRead> = None;
        for split in &self.splits {
            if (split.row.size, split.row.modified) != (first.row.size, first.row.modified) {
                return Err(of_two(
                    first,
                    split,
                    format!(
                        "are of different versions of {name}: {}, and {}; run all of its splits again",
                        version(first),
                        version(split)
                    ),
                ));
            }
            let end = covered.map_or(0, |before| before.row.end);
            if let Some(before) = covered
                && (split.start < end || split.row.end == split.start)
            {
                return Err(of_two(
                    before,
                    split,
                    format!(
                        "are the splits {}..{end} and {}..{} of {name}, and have the same bytes; leave one of them out",
                        before.start, split.start, split.row.end
                    ),
                ));
            }
            if split.start > end {
                return Err(missing(end, split.start));
            }
            covered = Some(split);
        }
        match covered.map_or(0, |last| last.row.end) {
            end if end < first.row.size => Err(missing(end, first.row.size)),
            _ => Ok(()),
        }
    }
}

/// Puts inputs in an order.
fn ordered(inputs: Vec<CoveredInput>, order: &[String]) -> Result<Vec<CoveredInput>> {
    let refused = |name: &str, what: &str| {
        Err(Error::NotAPartial {
            place: text::name(name).to_string(),
            what: what.into(),
        })
    };
    let mut by_name: HashMap<String, CoveredInput> = inputs
        .into_iter()
        .map(|input| (input.name.clone(), input))
        .collect();
    let mut named = HashSet::new();
    let mut inputs = Vec::with_capacity(by_name.len());
    for name in order {
        if !named.insert(name) {
            return refused(name, "is twice in the list of --inputs-order; name it once");
        }
        match by_name.remove(name) {
            Some(input) => inputs.push(input),
            None => {
                return refused(
                    name,
                    "is in the list of --inputs-order, and none of the partials is of it; make them with daytally partial, or take it out of the list",
                );
            }
        }
    }
    // The first by name, so that the message is always the same.
    match by_name.into_keys().min() {
        None => Ok(inputs),
        Some(left) => refused(
            &left,
            "has partials, and is not in the list of --inputs-order; name it there, or leave its partials out",
        ),
    }
}

fn shown(file: &Path) -> String {
    text::path(file).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Books;
    use crate::first_places::FirstPlaces;

    fn split(input: &str, start: u64, end: u64, size: u64) -> SplitRead {
        SplitRead {
            file: format!("{input}-{start}").into(),
            input: input.into(),
            start,
            has_rejects: false,
            row: BooksRow {
                end,
                size,
                modified: Some(5),
                books: Books::default(),
                first: FirstPlaces::default(),
            },
        }
    }

    fn error(splits: Vec<SplitRead>) -> String {
        Cover::of(splits, None).unwrap_err().to_string()
    }

    #[test]
    fn splits_that_are_all_of_their_inputs_are_put_in_order() {
        let splits = vec![
            split("b", 4, 9, 9),
            split("a", 0, 0, 0),
            split("b", 0, 4, 9),
            split("a/b", 0, 7, 7),
        ];
        let names = |order: Option<&[String]>| {
            let cover = Cover::of(splits.clone(), order).unwrap();
            let starts = |input: &CoveredInput| {
                let starts = input.splits.iter().map(|split| split.start.to_string());
                starts.collect::<Vec<_>>().join(",")
            };
            let inputs = cover.inputs().iter();
            let shown = inputs.map(|input| format!("{}:{}", input.name, starts(input)));
            shown.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(None), "a:0 a/b:0 b:0,4");
        let order = ["b", "a", "a/b"].map(String::from);
        assert_eq!(names(Some(&order)), "b:0,4 a:0 a/b:0");
        for (order, part) in [
            (&["b", "a"][..], "a/b has partials, and is not in the list"),
            (&["b", "a", "c"], "c is in the list"),
            (&["b", "b"], "b is twice in the list"),
        ] {
            let order: Vec<String> = order.iter().map(ToString::to_string).collect();
            let error = Cover::of(splits.clone(), Some(&order))
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_is_missing_or_there_twice_is_named() {
        for (splits, part) in [
            (
                vec![split("a", 3, 9, 9)],
                "a has no partial of its bytes 0..3",
            ),
            (
                vec![split("a", 0, 3, 9)],
                "of its bytes 3..9; make it with daytally partial --split 3..9 a, and",
            ),
            (
                vec![split("a", 0, 3, 9), split("a", 5, 9, 9)],
                "of its bytes 3..5",
            ),
            (
                vec![split("a", 0, 5, 9), split("a", 4, 9, 9)],
                "a-4 are the splits 0..5 and 4..9 of a, and have the same bytes",
            ),
            (
                vec![split("a", 0, 9, 9), split("a", 0, 9, 9)],
                "the splits 0..9 and 0..9 of a",
            ),
            (
                vec![split("a", 0, 0, 0), split("a", 0, 0, 0)],
                "the splits 0..0 and 0..0 of a",
            ),
            (
                vec![split("a", 0, 5, 9), split("a", 5, 8, 8)],
                "different versions of a: 9 bytes, last written to at 5 ns since 1970, and 8 bytes",
            ),
        ] {
            let error = error(splits);
            assert!(error.contains(part), "{error}");
            assert!(error.ends_with("; nothing was written"), "{error}");
        }
        let mut other = split("a", 5, 9, 9);
        other.row.modified = None;
        let error = error(vec![split("a", 0, 5, 9), other]);
        assert!(error.contains("of no known date"), "{error}");
    }
}
