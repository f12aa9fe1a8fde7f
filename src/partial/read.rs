//! Reading a partial, batch by batch, and that it is one as `daytally partial` writes it: rows in order, nothing
//! missing, and all that adds up.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type};
use arrow_array::{Array as _, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::Schema;

use super::cover::SplitRead;
use super::digest::Digest;
use super::facts::PartialFacts;
use super::rows::{self, BooksRow};
use crate::aggregate::{Group, GroupKey, Revenue, Totals};
use crate::books::Books;
use crate::error::{Action, Error, Result};
use crate::event::{Date, UserId};
use crate::output::columns::EPOCH;
use crate::output::{RejectRow, Shown};
use crate::text;

/// How many bytes of a stream are read at a time.
const PIECE: usize = 1 << 18;

/// What comes before a message of a stream: a mark, and its length.
const HEAD: u64 = 8;

/// How many rows of Parquet are read at a time.
#[cfg(feature = "parquet")]
const PARQUET_ROWS: usize = 8192;

/// More lines than that no split has: sums of such numbers stay below 2^64.
const MOST_LINES: u64 = 1 << 48;

/// Rows of a partial.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) groups: Vec<Group>,
    /// If they are wanted.
    pub(crate) rejects: Vec<RejectRow>,
}

/// A partial that is being read.
pub(crate) struct Reader {
    path: PathBuf,
    len: u64,
    facts: PartialFacts,
    source: Source,
    seen: Seen,
}

enum Source {
    Stream(Box<Stream>),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::arrow::arrow_reader::ParquetRecordBatchReader>),
}

/// A stream of Arrow IPC.
struct Stream {
    file: BufReader<File>,
    /// How many bytes of the file have not been read.
    left: u64,
    decoder: StreamDecoder,
    /// A batch that came with the schema.
    next: Option<RecordBatch>,
    /// Whether the message that ends it has been read.
    has_ended: bool,
}

/// What the rows so far come to.
#[derive(Debug, Default)]
struct Seen {
    /// Which split of which input it is.
    split: Option<(String, u64)>,
    last: Option<GroupKey>,
    events: u64,
    /// The rejects, as books.
    rejects: Books,
    last_line: u64,
    last_offset: Option<u64>,
    books: Option<BooksRow>,
    /// What the rows hash to, and what they should.
    digest: Digest,
    checksum: String,
}

impl Reader {
    /// Opens a partial, and reads what it says of itself.
    pub(crate) fn open(path: &Path) -> Result<Reader> {
        let fault = |action, source| Error::io(action, path, source);
        let refused = |what: String| not_a_partial(path, None, &what);
        let there = std::fs::metadata(path).map_err(|source| fault(Action::Open, source))?;
        if !there.is_file() {
            return Err(refused(
                "is no regular file, and partials are read more than once; write it to a file"
                    .into(),
            ));
        }
        let mut file = File::open(path).map_err(|source| fault(Action::Open, source))?;
        let len = there.len();
        let mut start = Vec::new();
        (&mut file)
            .take(HEAD)
            .read_to_end(&mut start)
            .map_err(|source| fault(Action::Read, source))?;
        if start.starts_with(b"PAR1") {
            #[cfg(feature = "parquet")]
            return Reader::open_parquet(path, file, len);
            #[cfg(not(feature = "parquet"))]
            return Err(refused(
                "is Parquet, which this daytally was built without (feature parquet)".into(),
            ));
        }
        if start.starts_with(b"ARROW1") {
            return Err(refused(
                "is a file of Arrow IPC, and a partial is a stream; name what daytally partial has written".into(),
            ));
        }
        if start.is_empty() {
            return Err(refused("has no bytes; run its split again".into()));
        }
        // What is no message would be taken for the length of one.
        if !start.starts_with(&[0xff; 4]) {
            return Err(refused(
                "is no partial: neither a stream of Arrow IPC nor Parquet; name what daytally partial has written".into(),
            ));
        }
        file.rewind()
            .map_err(|source| fault(Action::Read, source))?;
        let mut stream = Stream {
            file: BufReader::with_capacity(PIECE, file),
            left: len,
            decoder: StreamDecoder::new(),
            next: None,
            has_ended: false,
        };
        // The schema is known once something follows it.
        let schema = loop {
            let Some(message) = stream.message(path)? else {
                return Err(refused(
                    "is cut off at its start; run its split again".into(),
                ));
            };
            stream.next = stream.decode(path, message)?;
            if let Some(schema) = stream.decoder.schema() {
                break schema;
            }
        };
        let facts = PartialFacts::of_pairs(|key| schema.metadata().get(key).map(String::as_str));
        let facts = facts.map_err(refused)?;
        check_schema(&schema).map_err(refused)?;
        Ok(Reader {
            path: path.into(),
            len,
            facts,
            source: Source::Stream(Box::new(stream)),
            seen: Seen::default(),
        })
    }

    #[cfg(feature = "parquet")]
    fn open_parquet(path: &Path, file: File, len: u64) -> Result<Reader> {
        use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

        let refused = |what: String| not_a_partial(path, None, &what);
        let reader = guarded(path, || ParquetRecordBatchReaderBuilder::try_new(file))?;
        let pairs = reader.metadata().file_metadata().key_value_metadata();
        let facts = PartialFacts::of_pairs(|key| {
            let mut pairs = pairs.into_iter().flatten();
            pairs.find(|pair| pair.key == key)?.value.as_deref()
        });
        let facts = facts.map_err(refused)?;
        check_schema(reader.schema()).map_err(refused)?;
        let reader = guarded(path, || reader.with_batch_size(PARQUET_ROWS).build())?;
        Ok(Reader {
            path: path.into(),
            len,
            facts,
            source: Source::Parquet(Box::new(reader)),
            seen: Seen::default(),
        })
    }

    /// How events were judged.
    pub(crate) fn facts(&self) -> &PartialFacts {
        &self.facts
    }

    /// The length of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Reads the next rows, in place of what was there; `false` when there are none left.
    pub(crate) fn next(&mut self, wants_rejects: bool, rows: &mut Rows) -> Result<bool> {
        rows.groups.clear();
        rows.rejects.clear();
        let batch = match &mut self.source {
            Source::Stream(stream) => stream.batch(&self.path)?,
            #[cfg(feature = "parquet")]
            Source::Parquet(reader) => guarded(&self.path, || reader.next().transpose())?,
        };
        let Some(batch) = batch else {
            return Ok(false);
        };
        let taken =
            View::of(&batch).and_then(|view| view.rows(&mut self.seen, wants_rejects, rows));
        taken.map_err(|what| self.refused(&damage(&what)))?;
        Ok(true)
    }

    /// What it comes to, once all rows were read.
    pub(crate) fn finish(mut self) -> Result<SplitRead> {
        let (Some(row), Some((input, start))) = (self.seen.books.take(), self.seen.split.take())
        else {
            return Err(self.refused(
                "is cut off: it does not end with the row of its books; run its split again",
            ));
        };
        let seen = &self.seen;
        let is_place =
            start <= row.end && row.end <= row.size && (start < row.end || row.size == 0);
        let what = if !is_place {
            "its split is not in its input".to_owned()
        } else if seen.events != row.books.valid {
            format!(
                "its groups hold {} events, and {} were valid",
                seen.events, row.books.valid
            )
        } else if self.facts.has_rejects
            && !seen
                .rejects
                .invalid_by_reason()
                .eq(row.books.invalid_by_reason())
        {
            format!(
                "it has {} rejects, and {} lines were invalid",
                seen.rejects.invalid(),
                row.books.invalid()
            )
        } else if !self.facts.has_rejects && seen.rejects.invalid() > 0 {
            "it has rejects, and says that it has none".to_owned()
        } else if seen.last_line > row.books.lines() {
            format!(
                "it has a reject of line {}, and {} lines",
                seen.last_line,
                row.books.lines()
            )
        } else if std::mem::take(&mut self.seen.digest).finish(&input, start, &row)
            != self.seen.checksum
        {
            "its checksum is another".to_owned()
        } else {
            return Ok(SplitRead {
                file: self.path,
                input,
                start,
                has_rejects: self.facts.has_rejects,
                row,
            });
        };
        self.seen.split = Some((input, start));
        Err(self.refused(&damage(&what)))
    }

    fn refused(&self, what: &str) -> Error {
        not_a_partial(&self.path, self.seen.split.as_ref(), what)
    }
}

impl Stream {
    /// The next batch; `None` at the end.
    fn batch(&mut self, path: &Path) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.next.take() {
            return Ok(Some(batch));
        }
        while let Some(message) = self.message(path)? {
            if let Some(batch) = self.decode(path, message)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn decode(&mut self, path: &Path, message: Vec<u8>) -> Result<Option<RecordBatch>> {
        let mut bytes = Buffer::from_vec(message);
        guarded(path, || self.decoder.decode(&mut bytes))
    }

    /// The next message with its body, which was found not to reach past itself; `None` at the end.
    fn message(&mut self, path: &Path) -> Result<Option<Vec<u8>>> {
        let refused = |what: &str| Err(not_a_partial(path, None, what));
        if self.left == 0 {
            return Ok(None);
        }
        if self.has_ended {
            return refused("has more in it than one partial; write each to a file of its own");
        }
        let mut message = Vec::new();
        self.read(path, HEAD, &mut message)?;
        let (mark, len) = message.split_at(4);
        if mark != [0xff; 4] {
            return refused(&damage(&"there is no message where one should be"));
        }
        let len = len.try_into().map_or(0, u32::from_le_bytes);
        if len == 0 {
            self.has_ended = true;
            return Ok(Some(message));
        }
        self.read(path, len.into(), &mut message)?;
        let head = usize::try_from(HEAD).unwrap_or(message.len());
        match body_len(&message[head..]) {
            Ok(body) => self.read(path, body, &mut message)?,
            Err(what) => return refused(&damage(&what)),
        }
        Ok(Some(message))
    }

    /// Reads so many bytes more.
    fn read(&mut self, path: &Path, len: u64, bytes: &mut Vec<u8>) -> Result<()> {
        let read = if len > self.left {
            0
        } else {
            let read = (&mut self.file).take(len).read_to_end(bytes);
            read.map_err(|source| Error::io(Action::Read, path, source))? as u64
        };
        if read < len {
            let what = "is cut off in the middle; run its split again";
            return Err(not_a_partial(path, None, what));
        }
        self.left -= len;
        Ok(())
    }
}

/// How long the body of a message is, whose parts all lie in it; or what is wrong.
fn body_len(message: &[u8]) -> Checked<u64> {
    let message = arrow_ipc::root_as_message(message).map_err(|source| source.to_string())?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| "a message has no length")?;
    let Some(batch) = message.header_as_record_batch() else {
        return Ok(body);
    };
    let is_whole = |offset: i64, len: i64| {
        let (Ok(offset), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else {
            return false;
        };
        offset.checked_add(len).is_some_and(|end| end <= body)
    };
    let mut buffers = batch.buffers().into_iter().flatten();
    if !buffers.all(|buffer| is_whole(buffer.offset(), buffer.length())) {
        return Err("a part of a batch lies past its end".into());
    }
    // Each row has more than one byte.
    let mut nodes = batch.nodes().into_iter().flatten();
    let is_count = |count: i64| u64::try_from(count).is_ok_and(|count| count <= body);
    let are_counts = nodes.all(|node| is_count(node.length()) && is_count(node.null_count()));
    if !are_counts || !is_count(batch.length()) {
        return Err("a batch has other rows than it can have".into());
    }
    Ok(body)
}

/// What the reader of a format makes of bytes that may be anything: not each keeps from panicking then.
fn guarded<T, E: std::fmt::Display>(
    path: &Path,
    read: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<T> {
    // What panicked is not used again.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|source| not_a_partial(path, None, &damage(&source))),
        Err(_) => Err(not_a_partial(path, None, &damage(&"it cannot be decoded"))),
    }
}

/// That something about a partial is not as it should be.
fn damage(what: &dyn std::fmt::Display) -> String {
    let what = what.to_string();
    format!("is damaged: {}; run its split again", text::lines(&what))
}

/// The error for what is no partial as it should be.
fn not_a_partial(path: &Path, split: Option<&(String, u64)>, what: &str) -> Error {
    let path = text::path(path);
    Error::NotAPartial {
        place: match split {
            None => path.to_string(),
            Some((input, start)) => format!("{path} (from byte {start} of {})", text::name(input)),
        },
        what: what.into(),
    }
}

/// That all columns are there, each of its type. There may be more.
fn check_schema(schema: &Schema) -> Checked<()> {
    for field in rows::fields() {
        let name = field.name();
        match schema.field_with_name(name) {
            Ok(found) if found.data_type() == field.data_type() => {}
            Ok(found) => {
                return Err(format!(
                    "is no partial: its column {name} is {}, not {}; name what daytally partial has written",
                    found.data_type(),
                    field.data_type()
                ));
            }
            Err(_) => {
                return Err(format!(
                    "is no partial: it has no column {name}; name what daytally partial has written"
                ));
            }
        }
    }
    Ok(())
}

/// The columns of a batch.
struct View<'a> {
    rows: usize,
    kind: &'a StringArray,
    input: &'a StringArray,
    split_start: &'a PrimitiveArray<Int64Type>,
    date: &'a PrimitiveArray<Date32Type>,
    user_id: &'a PrimitiveArray<Decimal128Type>,
    event_count: &'a PrimitiveArray<Int64Type>,
    purchase_count: &'a PrimitiveArray<Int64Type>,
    total_revenue: &'a PrimitiveArray<Decimal128Type>,
    batch: &'a RecordBatch,
}

/// What is wrong with a row.
type Checked<T> = std::result::Result<T, String>;

impl<'a> View<'a> {
    fn of(batch: &'a RecordBatch) -> Checked<View<'a>> {
        Ok(View {
            rows: batch.num_rows(),
            kind: text_column(batch, "kind")?,
            input: text_column(batch, "input")?,
            split_start: int_column(batch, "split_start")?,
            date: column(batch, "date")?
                .as_primitive_opt()
                .ok_or("it has other dates")?,
            user_id: column(batch, "user_id")?
                .as_primitive_opt()
                .ok_or("it has other users")?,
            event_count: int_column(batch, "event_count")?,
            purchase_count: int_column(batch, "purchase_count")?,
            total_revenue: column(batch, "total_revenue")?
                .as_primitive_opt()
                .ok_or("it has other revenues")?,
            batch,
        })
    }

    /// Takes all rows, in order.
    fn rows(&self, seen: &mut Seen, wants_rejects: bool, rows: &mut Rows) -> Checked<()> {
        let rejects = Rejects::of(self.batch)?;
        for at in 0..self.rows {
            if seen.books.is_some() {
                return Err("it has rows after its books".into());
            }
            let start = count(self.split_start, at, "split_start")?;
            let input = text_at(self.input, at, "input")?;
            match &seen.split {
                Some((of, from)) if of == input && *from == start => {}
                Some((of, from)) => {
                    return Err(format!(
                        "it has rows of two splits, from byte {from} of {} and from byte {start} of {}",
                        text::name(of),
                        text::name(input)
                    ));
                }
                None => seen.split = Some((input.to_owned(), start)),
            }
            match text_at(self.kind, at, "kind")? {
                rows::GROUP => {
                    let group = self.group(at, &mut seen.digest)?;
                    if seen.rejects.invalid() > 0 || seen.last.is_some_and(|last| last >= group.key)
                    {
                        return Err(format!(
                            "user {} on {} is out of order, or there twice",
                            group.key.user_id(),
                            group.key.date()
                        ));
                    }
                    seen.last = Some(group.key);
                    seen.events += group.totals.event_count;
                    if seen.events > MOST_LINES {
                        return Err("it has more events than can be".into());
                    }
                    rows.groups.push(group);
                }
                rows::REJECT => {
                    let reject = rejects.row(at, wants_rejects, &mut seen.digest)?;
                    if reject.line <= seen.last_line
                        || seen.last_offset.is_some_and(|last| last >= reject.offset)
                    {
                        return Err(format!(
                            "the reject of line {} is out of order",
                            reject.line
                        ));
                    }
                    (seen.last_line, seen.last_offset) = (reject.line, Some(reject.offset));
                    seen.rejects.count_invalid(reject.reason);
                    if wants_rejects {
                        rows.rejects.push(reject);
                    }
                }
                rows::BOOKS => {
                    seen.books = Some(self.books(at)?);
                    let checksum = text_column(self.batch, "checksum")?;
                    text_at(checksum, at, "checksum")?.clone_into(&mut seen.checksum);
                }
                other => {
                    return Err(format!("it has a row of the kind {}", text::excerpt(other)));
                }
            }
        }
        Ok(())
    }

    fn group(&self, at: usize, digest: &mut Digest) -> Checked<Group> {
        let days = has(self.date, at, "date")?.value(at);
        let date = days
            .checked_add(EPOCH)
            .and_then(|days| Date::from_days(u32::try_from(days).ok()?))
            .ok_or_else(|| format!("{days} is no day"))?;
        let user = has(self.user_id, at, "user_id")?.value(at);
        let user = UserId::try_from(user).map_err(|_| format!("{user} is no user"))?;
        let revenue = has(self.total_revenue, at, "total_revenue")?.value(at);
        let totals = Totals {
            event_count: count(self.event_count, at, "event_count")?,
            purchase_count: count(self.purchase_count, at, "purchase_count")?,
            revenue: u128::try_from(revenue)
                .map(Revenue::from_units)
                .map_err(|_| "a revenue is negative")?,
        };
        if totals.event_count == 0 || totals.purchase_count > totals.event_count {
            return Err(format!(
                "user {user} on {date} has {} purchases in {} events",
                totals.purchase_count, totals.event_count
            ));
        }
        let counts = [self.event_count.value(at), self.purchase_count.value(at)];
        digest.group(days, user.get(), counts, revenue);
        Ok(Group {
            key: GroupKey::new(date, user),
            totals,
        })
    }

    fn books(&self, at: usize) -> Checked<BooksRow> {
        let number = |name: &str| count(int_column(self.batch, name)?, at, name);
        let json = |name: &str| text_at(text_column(self.batch, name)?, at, name);
        let mut books = Books {
            blank: number("blank")?,
            valid: number("valid")?,
            filtered: number("filtered")?,
            ..Books::default()
        };
        let (lines, invalid) = (number("lines")?, number("invalid")?);
        let sum = [books.blank, books.valid, books.filtered, invalid]
            .into_iter()
            .fold(0_u64, u64::saturating_add);
        if sum != lines || lines > MOST_LINES {
            return Err(format!(
                "{lines} lines were read, {} blank + {} valid + {} filtered + {invalid} invalid were counted",
                books.blank, books.valid, books.filtered
            ));
        }
        let reasons = json("invalid_by_reason")?;
        rows::invalid_of_json(reasons, invalid)
            .map(|by_reason| books.merge(&by_reason))
            .ok_or("its invalid_by_reason means nothing, or does not add up to its invalid")?;
        let modified = int_column(self.batch, "input_modified")?;
        Ok(BooksRow {
            end: number("split_end")?,
            size: number("input_size")?,
            modified: modified.is_valid(at).then(|| modified.value(at)),
            first: rows::first_of_json(json("first_by_reason")?)
                .ok_or("its first_by_reason means nothing")?,
            books,
        })
    }
}

/// The columns of rejects.
struct Rejects<'a> {
    line: &'a PrimitiveArray<Int64Type>,
    offset: &'a PrimitiveArray<Int64Type>,
    reason: &'a StringArray,
    message: &'a StringArray,
    raw: &'a StringArray,
    raw_base64: &'a StringArray,
    truncated: &'a BooleanArray,
}

impl<'a> Rejects<'a> {
    fn of(batch: &'a RecordBatch) -> Checked<Rejects<'a>> {
        Ok(Rejects {
            line: int_column(batch, "line")?,
            offset: int_column(batch, "offset")?,
            reason: text_column(batch, "reason")?,
            message: text_column(batch, "message")?,
            raw: text_column(batch, "raw")?,
            raw_base64: text_column(batch, "raw_base64")?,
            truncated: column(batch, "truncated")?
                .as_boolean_opt()
                .ok_or("its truncated is no boolean")?,
        })
    }

    /// A reject; without its texts, if those are not wanted.
    fn row(&self, at: usize, wants_texts: bool, digest: &mut Digest) -> Checked<RejectRow> {
        let reason = text_at(self.reason, at, "reason")?;
        let is_base64 = self.raw_base64.is_valid(at);
        if is_base64 == self.raw.is_valid(at) {
            return Err("a reject has both raw and raw_base64, or none".into());
        }
        let raw = if is_base64 { self.raw_base64 } else { self.raw };
        let text = |text: &str| {
            if wants_texts {
                text.to_owned()
            } else {
                String::new()
            }
        };
        let place = (
            count(self.line, at, "line")?,
            count(self.offset, at, "offset")?,
        );
        let reason = rows::reason_of(reason)
            .ok_or_else(|| format!("there is no reason {}", text::excerpt(reason)))?;
        let message = text_at(self.message, at, "message")?;
        let is_truncated = has(self.truncated, at, "truncated")?.value(at);
        let kinds = [is_base64, is_truncated];
        digest.reject(place, reason, message, raw.value(at), kinds);
        Ok(RejectRow {
            line: place.0,
            offset: place.1,
            reason,
            message: text(message),
            shown: Shown {
                raw: text(raw.value(at)),
                is_base64,
                is_truncated,
            },
        })
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Checked<&'a arrow_array::ArrayRef> {
    let column = batch.column_by_name(name);
    column.ok_or_else(|| format!("it has no column {name}"))
}

fn text_column<'a>(batch: &'a RecordBatch, name: &str) -> Checked<&'a StringArray> {
    let texts = column(batch, name)?.as_string_opt();
    texts.ok_or_else(|| format!("its {name} is no text"))
}

fn int_column<'a>(batch: &'a RecordBatch, name: &str) -> Checked<&'a PrimitiveArray<Int64Type>> {
    let numbers = column(batch, name)?.as_primitive_opt();
    numbers.ok_or_else(|| format!("its {name} is no number"))
}

/// The column, if it has a value there.
fn has<'a, A: arrow_array::Array>(column: &'a A, at: usize, name: &str) -> Checked<&'a A> {
    if column.is_valid(at) {
        Ok(column)
    } else {
        Err(format!("a row has no {name}"))
    }
}

fn text_at<'a>(column: &'a StringArray, at: usize, name: &str) -> Checked<&'a str> {
    has(column, at, name).map(|column| column.value(at))
}

/// A number that counts something.
fn count(column: &PrimitiveArray<Int64Type>, at: usize, name: &str) -> Checked<u64> {
    let number = has(column, at, name)?.value(at);
    u64::try_from(number).map_err(|_| format!("a {name} is {number}"))
}
