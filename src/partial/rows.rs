//! The rows of a partial as record batches: the schema, and how groups, rejects and books fill its columns.
//!
//! A batch that is written has rows of one kind. One that is read may have any.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use serde_json::{Map, Value, json};

use super::digest::Digest;
use super::facts::PartialFacts;
use crate::books::Books;
use crate::event::Reason;
use crate::first_places::{FirstPlaces, LinePlace};
use crate::output::RejectRow;
use crate::output::arrow;
use crate::output::columns::Columns;

pub(super) const GROUP: &str = "group";
pub(super) const REJECT: &str = "reject";
pub(super) const BOOKS: &str = "books";

/// The books of a split, and which split it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BooksRow {
    pub(crate) end: u64,
    pub(crate) size: u64,
    pub(crate) modified: Option<i64>,
    pub(crate) books: Books,
    /// Lines counted from 1 in the split.
    pub(crate) first: FirstPlaces,
}

/// All columns, without metadata.
pub(super) fn fields() -> Vec<Field> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let count = |name: &str| Field::new(name, DataType::Int64, true);
    let mut fields = vec![
        Field::new("kind", DataType::Utf8, false),
        Field::new("input", DataType::Utf8, false),
        Field::new("split_start", DataType::Int64, false),
    ];
    fields.extend(arrow::fields(true));
    fields.extend(
        [
            "split_end",
            "input_size",
            "input_modified",
            "lines",
            "blank",
            "valid",
            "filtered",
            "invalid",
        ]
        .map(count),
    );
    fields.extend(["invalid_by_reason", "first_by_reason", "checksum"].map(text));
    fields.extend(["line", "offset"].map(count));
    fields.extend(["reason", "message", "raw", "raw_base64"].map(text));
    fields.push(Field::new("truncated", DataType::Boolean, true));
    fields
}

/// Makes batches of the rows of one partial.
pub(super) struct Batches {
    pub(super) schema: SchemaRef,
    input: String,
    start: i64,
}

impl Batches {
    pub(super) fn new(facts: &PartialFacts, input: String, start: u64) -> Batches {
        let metadata: HashMap<String, String> = facts.to_pairs().into_iter().collect();
        Batches {
            schema: Arc::new(Schema::new_with_metadata(fields(), metadata)),
            input,
            start: int(start),
        }
    }

    /// A batch of groups.
    pub(super) fn groups(&self, groups: Columns) -> Result<RecordBatch, ArrowError> {
        let rows = groups.len();
        let [dates, users, events, purchases, revenues] = arrow::arrays(groups)?;
        let columns = [
            ("date", dates),
            ("user_id", users),
            ("event_count", events),
            ("purchase_count", purchases),
            ("total_revenue", revenues),
        ];
        self.batch(GROUP, rows, &columns)
    }

    /// A batch of rejects.
    pub(super) fn rejects(&self, rejects: &[RejectRow]) -> Result<RecordBatch, ArrowError> {
        let numbers = |of: fn(&RejectRow) -> u64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(
                rejects.iter().map(|row| int(of(row))),
            ))
        };
        let mut texts = StringBuilder::new();
        let mut base64 = StringBuilder::new();
        for RejectRow { shown, .. } in rejects {
            let (has, has_not) = if shown.is_base64 {
                (&mut base64, &mut texts)
            } else {
                (&mut texts, &mut base64)
            };
            has.append_value(&shown.raw);
            has_not.append_null();
        }
        let reasons = rejects.iter().map(|row| row.reason.code());
        let messages = rejects.iter().map(|row| &row.message);
        let truncated = rejects.iter().map(|row| row.shown.is_truncated);
        let columns: [(&str, ArrayRef); 7] = [
            ("line", numbers(|row| row.line)),
            ("offset", numbers(|row| row.offset)),
            ("reason", Arc::new(StringArray::from_iter_values(reasons))),
            ("message", Arc::new(StringArray::from_iter_values(messages))),
            ("raw", Arc::new(texts.finish())),
            ("raw_base64", Arc::new(base64.finish())),
            (
                "truncated",
                Arc::new(truncated.map(Some).collect::<BooleanArray>()),
            ),
        ];
        self.batch(REJECT, rejects.len(), &columns)
    }

    /// A batch of the books.
    pub(super) fn books(&self, row: &BooksRow, digest: Digest) -> Result<RecordBatch, ArrowError> {
        let checksum = digest.finish(&self.input, self.start.unsigned_abs(), row);
        let number = |number: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![int(number)])) };
        let text = |text: String| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let books = &row.books;
        self.batch(
            BOOKS,
            1,
            &[
                ("split_end", number(row.end)),
                ("input_size", number(row.size)),
                (
                    "input_modified",
                    Arc::new(Int64Array::from(vec![row.modified])),
                ),
                ("lines", number(books.lines())),
                ("blank", number(books.blank)),
                ("valid", number(books.valid)),
                ("filtered", number(books.filtered)),
                ("invalid", number(books.invalid())),
                ("invalid_by_reason", text(invalid_to_json(books))),
                ("first_by_reason", text(first_to_json(&row.first))),
                ("checksum", text(checksum)),
            ],
        )
    }

    /// A batch with these columns; the others have no values.
    fn batch(
        &self,
        kind: &str,
        rows: usize,
        columns: &[(&str, ArrayRef)],
    ) -> Result<RecordBatch, ArrowError> {
        let repeated = |text: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                text, rows,
            )))
        };
        let all = self.schema.fields().iter().map(|field| {
            let own = columns.iter().find(|(name, _)| name == field.name());
            match (field.name().as_str(), own) {
                (_, Some((_, column))) => Arc::clone(column),
                ("kind", None) => repeated(kind),
                ("input", None) => repeated(&self.input),
                ("split_start", None) => Arc::new(Int64Array::from(vec![self.start; rows])),
                _ => new_null_array(field.data_type(), rows),
            }
        });
        RecordBatch::try_new(Arc::clone(&self.schema), all.collect())
    }
}

/// A number as columns have it. None reaches 2^63 in the time that anyone has.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn invalid_to_json(books: &Books) -> String {
    let reasons = books.invalid_by_reason();
    let map: Map<String, Value> = reasons
        .map(|(reason, count)| (reason.code().to_owned(), count.into()))
        .collect();
    Value::from(map).to_string()
}

fn first_to_json(first: &FirstPlaces) -> String {
    let map: Map<String, Value> = first
        .iter()
        .map(|(reason, place)| {
            let place = json!({"line": place.line, "offset": place.offset});
            (reason.code().to_owned(), place)
        })
        .collect();
    Value::from(map).to_string()
}

/// The reason of a code.
pub(super) fn reason_of(code: &str) -> Option<Reason> {
    Reason::ALL
        .iter()
        .copied()
        .find(|reason| reason.code() == code)
}

/// What [`invalid_to_json`] wrote of so many in all; `None` if that means nothing, or is another number.
pub(super) fn invalid_of_json(json: &str, all: u64) -> Option<Books> {
    let map: Map<String, Value> = serde_json::from_str(json).ok()?;
    let (mut books, mut left) = (Books::default(), all);
    for (code, count) in map {
        let count = count.as_u64()?;
        left = left.checked_sub(count)?;
        books.add_invalid(reason_of(&code)?, count);
    }
    (left == 0).then_some(books)
}

/// What [`first_to_json`] wrote; `None` if that means nothing.
pub(super) fn first_of_json(json: &str) -> Option<FirstPlaces> {
    let map: Map<String, Value> = serde_json::from_str(json).ok()?;
    let mut first = FirstPlaces::default();
    for (code, place) in map {
        let number = |name: &str| place.get(name).and_then(Value::as_u64);
        let place = LinePlace {
            input: 0,
            line: number("line")?,
            offset: number("offset")?,
        };
        first.add(reason_of(&code)?, place);
    }
    Some(first)
}
