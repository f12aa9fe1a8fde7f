//! Daily per-user statistics from JSON Lines event logs.
//!
//! For every user and UTC day: how many events, how many of them purchases, and what the purchases
//! come to. Every line is accounted for: it is blank, a valid event, or an invalid event with its
//! place and a [`Reason`](event::Reason). The same input gives the same bytes, whatever the number
//! of threads.
//!
//! Files are mapped and cut into chunks at newlines, each chunk's lines become events or rejects,
//! events become group totals in a table of each worker's own, tables merge, and the totals are
//! published: input → chunk → event → aggregate → output. [`Pipeline`] wires this together.
//!
//! # Where to start
//!
//! [`Options`] make a [`Pipeline`], that makes an [`Outcome`] of [`Input`]s, and the outcome has the groups: see the
//! [example](#example), and [Embedding](#embedding) for a run within another program.
//!
//! | for | there is |
//! |---|---|
//! | inputs by name, folder or pattern; a file; anything that reads | [`input::Search`]; [`Input::open`]; [`Input::reader`] |
//! | what is counted: days, time zone, names of fields, types of purchases | [`Options::dates`], [`event::Schema`] |
//! | invalid lines, as they are found | [`RejectSink`]; `&mut ()` drops them |
//! | a look at the run from another thread, and an end to it | [`Progress`], [`Stop`] |
//! | the groups, one by one | [`Outcome::groups`] |
//! | a result file, or one for each day | [`Pipeline::write_result`] with [`output::Draft`], [`Pipeline::write_result_by_day`] with [`output::DayDrafts`] |
//! | what the groups come to, of all and by day | [`Pipeline::totals`], [`Pipeline::totals_with`] |
//! | the summary as text and as JSON | [`output::Summary`] |
//! | reading only what is new | [`state::State`], [`Pipeline::aggregate_with`] |
//! | parts of an input on several machines | `Pipeline::write_partial`, `Pipeline::merge` (feature `arrow`) |
//! | results, read back and compared | [`result::ResultReader`], [`result::diff`] |
//! | one line, judged or explained | [`event::Decoder`], [`event::Diagnosis`] |
//!
//! # Modules
//!
//! | module | owns |
//! |---|---|
//! | [`input`] | finding, opening, mapping and decompressing inputs, cutting them into chunks, and chunks into lines |
//! | [`event`] | the rules; a [`Decoder`](event::Decoder) turns a line into a verdict |
//! | [`aggregate`] | groups and their exact totals |
//! | [`output`] | serialisers, and the publisher of files |
//! | [`state`] | what earlier runs have counted, kept in a folder |
//! | `partial` | what a run has counted of a part of an input, for others to add up (feature `arrow`) |
//! | [`result`] | results, read back and compared |
//! | [`error`] | the ways a run can fail |
//!
//! # What is promised
//!
//! What this documentation shows is the API, and it follows [Semantic Versioning](https://semver.org): it does not
//! break before the second number of the version changes, or the first from 1.0 on. Enums and structs that may grow are
//! `#[non_exhaustive]`: options are made as `let mut options = Options::default();` and then set.
//!
//! **What it does not show is no part of the API, though it can be named, and may change or go in any release.** These
//! are the modules `internals`, `generate`, `replay`, `survey`, `text` and `output::report`, and a few methods, which
//! are there for the program `daytally`, and for the benchmarks and tests of this package.
//!
//! # What is global
//!
//! The first file that is mapped in a process installs a handler for SIGBUS, so that an input that is cut
//! shorter while it is mapped is an error and not a crash. There is one list of drafts that have a name
//! ([`output::discard_drafts`]). Nothing else is global: no signals are
//! handled ([`Options::stop`] is for that), and nothing is logged. Files are only written where groups
//! do not fit into [`Options::memory_limit`], and they have no names.
//!
//! # The rules
//!
//! An event is a JSON object with `user_id`, `event_type` and `timestamp`, and with `amount` if
//! `event_type` is exactly `purchase`. Other keys are ignored. The first rule that fails gives the
//! reason:
//!
//! | # | code | fails when |
//! |---|---|---|
//! | 1 | `line_too_long` | the line is longer than [`Options::max_line_bytes`] |
//! | 2 | `invalid_utf8` | the line is not UTF-8 |
//! | 3 | `invalid_json` | the line is not exactly one JSON text (RFC 8259), is nested deeper than 1,024 levels, or has a lone surrogate |
//! | 4 | `not_an_object` | the line is JSON, but not an object |
//! | 5 | `missing_user_id` | there is no such key |
//! | 6 | `invalid_user_id` | it is not a number written as an integer |
//! | 7 | `user_id_out_of_range` | it is outside −2^63 … 2^64−1 |
//! | 8 | `missing_event_type` | there is no such key |
//! | 9 | `invalid_event_type` | it is not a string |
//! | 10 | `empty_event_type` | it is `""` |
//! | 11 | `missing_timestamp` | there is no such key |
//! | 12 | `invalid_timestamp` | it is not a string, or not an ISO 8601 or RFC 3339 date-time ([`parse_timestamp`](event::parse_timestamp)) |
//! | 13 | `timestamp_not_utc` | it is a date-time whose offset is not zero, or that has none |
//! | 14 | `missing_amount` | the event is a purchase and there is no such key |
//! | 15 | `invalid_amount` | it is not a number |
//! | 16 | `non_positive_amount` | it is zero or negative, as written |
//! | 17 | `amount_out_of_range` | it is 10^15 or more |
//!
//! A line of nothing but white space is blank: neither valid nor invalid. Keys and values are
//! compared after unescaping; of duplicate keys the last one counts.
//!
//! # Example
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use daytally::event::Reason;
//! use daytally::output::{Draft, Target};
//! use daytally::{Input, Options, Pipeline, Reject, RejectBatch, RejectSink, Result};
//!
//! /// Remembers where each reason occurred first.
//! #[derive(Clone, Default)]
//! struct FirstOfEach(BTreeMap<Reason, (String, u64)>);
//!
//! // Each worker remembers for some consecutive lines; the whole run is that in order.
//! impl RejectBatch for FirstOfEach {
//!     fn add(&mut self, reject: &Reject<'_>) {
//!         self.0
//!             .entry(reject.fault.reason())
//!             .or_insert_with(|| (reject.input.to_owned(), reject.line));
//!     }
//!
//!     fn size(&self) -> usize {
//!         0 // It stays small.
//!     }
//! }
//!
//! impl RejectSink for FirstOfEach {
//!     type Batch = FirstOfEach;
//!
//!     fn batch(&self) -> FirstOfEach {
//!         FirstOfEach::default()
//!     }
//!
//!     fn take(&mut self, batch: &mut FirstOfEach) -> Result<()> {
//!         for (reason, place) in std::mem::take(&mut batch.0) {
//!             self.0.entry(reason).or_insert(place);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> Result<()> {
//!     let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
//!     let pipeline = Pipeline::new(Options::default())?;
//!     let mut rejects = FirstOfEach::default();
//!     let outcome = pipeline.aggregate(inputs, &mut rejects)?;
//!     for (reason, (input, line)) in &rejects.0 {
//!         println!("{reason} first at {input}:{line}");
//!     }
//!     for group in outcome.groups.iter() {
//!         let group = group?;
//!         println!("{} {}", group.key.user_id(), group.totals.revenue);
//!     }
//! #   assert_eq!(rejects.0[&Reason::InvalidTimestamp].1, 4);
//! #   assert_eq!(rejects.0[&Reason::NonPositiveAmount].1, 5);
//! #   let revenues: Vec<_> = outcome.groups.iter().map(|group| group.unwrap().totals.revenue.to_string()).collect();
//! #   assert_eq!(revenues, ["19.99", "0.00"]);
//!
//!     // The file appears complete or not at all.
//!     let target = Target::new("daily_user_stats.csv".into());
//! #   let folder = tempfile::tempdir().unwrap();
//! #   let path = folder.path().join("daily_user_stats.csv");
//! #   let target = Target::new(path.clone());
//!     let mut draft = Draft::create(&target)?;
//!     pipeline.write_csv(&outcome, |bytes| draft.write(bytes))?;
//!     draft.finish()?.publish()
//! #   ?;
//! #   assert_eq!(std::fs::read_to_string(path).unwrap().lines().nth(1), Some("2024-01-01,123,2,1,19.99"));
//! #   Ok(())
//! }
//! ```
//!
//! To drop the rejects pass `&mut ()`; they are counted in the [`Books`] all the same.
//!
//! # Embedding
//!
//! A run within another program: rejects go to its queue, rows to a writer of its own, and its own thread watches.
//!
//! ```
//! use std::sync::mpsc::{Sender, channel};
//! use std::thread;
//! use std::time::Duration;
//!
//! use daytally::{
//!     Error, Input, Options, Phase, Pipeline, Progress, Reject, RejectBatch, RejectSink, Result,
//!     Stop,
//! };
//!
//! /// Sends rejects to whoever is interested, those of some consecutive lines at a time.
//! struct Queue(Sender<Vec<String>>);
//!
//! #[derive(Clone, Default)]
//! struct Messages(Vec<String>);
//!
//! impl RejectBatch for Messages {
//!     fn add(&mut self, reject: &Reject<'_>) {
//!         let reason = reject.fault.reason();
//!         self.0.push(format!("{}:{} {reason}", reject.input, reject.line));
//!     }
//!
//!     fn size(&self) -> usize {
//!         self.0.iter().map(String::len).sum()
//!     }
//! }
//!
//! impl RejectSink for Queue {
//!     type Batch = Messages;
//!
//!     fn batch(&self) -> Messages {
//!         Messages::default()
//!     }
//!
//!     fn take(&mut self, batch: &mut Messages) -> Result<()> {
//!         // An error ends the run.
//!         self.0.send(std::mem::take(&mut batch.0)).map_err(|_| Error::sink("nobody listens"))
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let progress = Progress::default();
//! let stop = Stop::default();
//! let mut options = Options::default();
//! options.progress = progress.clone();
//! options.stop = stop.clone();
//! let pipeline = Pipeline::new(options)?;
//! let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
//! let (sender, receiver) = channel();
//! let (outcome, shown) = thread::scope(|scope| {
//!     let watcher = scope.spawn(|| {
//!         loop {
//!             let now = progress.look();
//!             if now.phase == Phase::Publishing {
//!                 return format!("{} bytes, {} valid, {} invalid", now.bytes, now.valid, now.invalid);
//!             }
//!             if now.invalid > 1_000_000 {
//!                 // The run ends with `Error::Stopped`, whose number this is.
//!                 stop.request(15);
//!             }
//!             thread::sleep(Duration::from_millis(1));
//!         }
//!     });
//!     let outcome = pipeline.aggregate(inputs, &mut Queue(sender));
//!     // Whatever the program does with the result, it has come to that.
//!     progress.enter(Phase::Publishing);
//!     Ok::<_, Error>((outcome?, watcher.join().expect("it does not panic")))
//! })?;
//! assert_eq!(shown, "422 bytes, 3 valid, 2 invalid");
//! let rejects: Vec<String> = receiver.into_iter().flatten().collect();
//! assert_eq!(rejects[0], "tests/data/events.jsonl:4 invalid_timestamp");
//!
//! let mut rows = Vec::new();
//! pipeline.write_result(&outcome, "jsonl".parse().unwrap(), |bytes| Ok(rows.extend_from_slice(bytes)), None)?;
//! assert_eq!(rows.iter().filter(|byte| **byte == b'\n').count(), 2);
//! # Ok(())
//! # }
//! ```

pub mod aggregate;
mod books;
pub mod error;
pub mod event;
mod fetch;
mod first_places;
#[doc(hidden)]
pub mod generate;
pub mod input;
#[doc(hidden)]
pub mod internals;
pub mod output;
#[cfg(feature = "arrow")]
pub mod partial;
mod pipeline;
#[doc(hidden)]
pub mod replay;
pub mod result;
pub mod state;
#[doc(hidden)]
pub mod survey;
#[doc(hidden)]
pub mod text;

pub use books::Books;
pub use error::{Error, Result};
pub use first_places::{FirstPlaces, LinePlace};
pub use input::source::Input;
pub use output::rejects::Reject;
pub use pipeline::{
    Incremental, InputOutcome, InputSource, Options, Outcome, Phase, Pipeline, Progress,
    ProgressNow, RejectBatch, RejectSink, Stop,
};
#[cfg(feature = "arrow")]
pub use pipeline::{Merged, PartialSet, PartialSettings};
