//! The report: one HTML file with all that a run found, for people. It needs nothing but itself: no
//! script, no font, no network.
//!
//! Written by hand, not by a template library: nearly all of it are tables and pictures that are computed,
//! and the two functions that escape (`html.rs`) are all that one would add.

mod chart;
mod html;
mod places;

use crate::aggregate::{DayTotals, Span, Timeline, UserTotal, UserTotals};
use crate::event::Reason;
use crate::output::{Status, Summary};
use crate::text;
use chart::{Chart, Column, drawn, drawn_decimal};
use html::{Cell, Table, escaped, foreign, grouped, percent, push};
pub use places::{PlaceNotes, RejectPlaces};

/// How many columns a picture has at most.
const COLUMNS: usize = 400;

/// A longer run of days without events is drawn as a break.
const LONGEST_GAP: u32 = 14;

/// How many parts the inputs are divided into.
const PARTS: u64 = 60;

/// How many inputs are listed.
const INPUTS: usize = 20;

/// How many rows of a table are shown unfolded.
const UNFOLDED: usize = 24;

/// How many reasons have a colour of their own.
const COLOURS: usize = 3;

/// What a report is made of.
///
/// ```
/// use std::time::Duration;
///
/// use daytally::aggregate::Timeline;
/// use daytally::output::Summary;
/// use daytally::output::report::{RejectPlaces, Report};
/// use daytally::{Input, Options, Pipeline};
///
/// let pipeline = Pipeline::new(Options::default())?;
/// let inputs = vec![Input::open("tests/data/events.jsonl".as_ref())?];
/// let outcome = pipeline.aggregate(inputs, &mut ())?;
/// let mut days = Timeline::default();
/// let totals = pipeline.totals_with(&outcome, Some(&mut |day| days.add(day)))?;
/// let users = pipeline.users(outcome.groups)?;
/// let page = Report {
///     title: "events.jsonl",
///     summary: &Summary::new(&outcome.books, &totals, Vec::new(), Duration::from_secs(1)),
///     days: &days,
///     users: &users,
///     rejects: &RejectPlaces::new(1),
///     facts: &[("threads", "2".into())],
/// }
/// .to_html();
/// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("2024-01-01"));
/// # Ok::<(), daytally::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What it is a report of: the name of the result.
    pub title: &'a str,
    /// The counts, the inputs and the outputs.
    pub summary: &'a Summary,
    /// What there is of each day.
    pub days: &'a Timeline,
    /// What there is of each user.
    pub users: &'a UserTotals,
    /// Where the invalid lines are.
    pub rejects: &'a RejectPlaces,
    /// What else is to be said of the run, each with what it is called.
    pub facts: &'a [(&'static str, String)],
}

/// A table that holds the numbers of a picture, too.
fn table<'a>(id: &'a str, caption: &str, heads: &[&str], rows: usize) -> Table<'a> {
    Table {
        id,
        caption: caption.into(),
        heads: heads.iter().map(|head| (*head).to_owned()).collect(),
        is_folded: rows > UNFOLDED,
    }
}

/// An input as people know it.
fn input_name(name: &str) -> String {
    if name == "-" {
        "standard input".into()
    } else {
        text::name(name).to_string()
    }
}

fn plural(count: u64, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {word}{ending}", grouped(count))
}

impl Report<'_> {
    /// The page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut out = String::with_capacity(64 * 1024);
        let title = foreign(self.title).to_string();
        push(
            &mut out,
            format_args!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                 <meta http-equiv=\"Content-Security-Policy\" \
                 content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
                 <meta name=\"color-scheme\" content=\"light dark\">\n\
                 <link rel=\"icon\" href=\"data:,\">\n\
                 <title>{title}: report of daytally</title>\n<style>\n{}</style>\n</head>\n<body>\n\
                 <header>\n<h1>{title}</h1>\n",
                include_str!("style.css")
            ),
        );
        self.head(&mut out);
        out.push_str("</header>\n<main>\n");
        self.by_day(&mut out);
        self.by_user(&mut out);
        self.invalid(&mut out);
        out.push_str("</main>\n");
        self.run(&mut out);
        out.push_str("</body>\n</html>\n");
        out
    }

    fn head(&self, out: &mut String) {
        let summary = self.summary;
        let none = || "none".to_owned();
        let (first, last) = (
            summary.first_date.clone().unwrap_or_else(none),
            summary.last_date.clone().unwrap_or_else(none),
        );
        let asked = match (&summary.from, &summary.to) {
            (None, None) => String::new(),
            (Some(from), None) => format!("; only days from {from} were asked for"),
            (None, Some(to)) => format!("; only days to {to} were asked for"),
            (Some(from), Some(to)) => format!("; only days from {from} to {to} were asked for"),
        };
        let days = if self.days.days() == 0 {
            "No day has events".to_owned()
        } else {
            format!(
                "{} with events, from {first} to {last}",
                plural(self.days.days(), "UTC day")
            )
        };
        push(
            out,
            format_args!(
                "<p class=\"soft\">{}{}.</p>\n",
                escaped(days),
                escaped(asked)
            ),
        );
        if summary.status == Status::TooManyInvalid {
            out.push_str(
                "<p class=\"warn\" role=\"note\"><strong>No result was published:</strong> more events are \
                 invalid than <code>--max-invalid</code> allows. This is what would have been in it.</p>\n",
            );
        }
        out.push_str("<dl class=\"key\">\n");
        for (name, value) in [
            ("events", grouped(summary.event_count)),
            ("purchases", grouped(summary.purchase_count)),
            ("revenue", grouped(&summary.total_revenue)),
            ("users", grouped(self.users.users())),
            ("rows of the result", grouped(summary.groups)),
            ("invalid events", grouped(summary.invalid)),
        ] {
            push(
                out,
                format_args!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"),
            );
        }
        out.push_str("</dl>\n");
    }

    fn by_day(&self, out: &mut String) {
        out.push_str("<section id=\"days\">\n<h2>By day</h2>\n");
        if self.days.totals().is_empty() {
            out.push_str("<p>There are no events.</p>\n</section>\n");
            return;
        }
        let (drawn_by, columns) = self.columns();
        let word = drawn_by.word();
        if drawn_by != Span::Day {
            push(
                out,
                format_args!(
                    "<p class=\"soft\">The pictures are by {word}: there are too many days for a column each.</p>\n"
                ),
            );
        }
        out.push_str("<div class=\"charts\">\n");
        for (what, class, number) in [
            ("Events", "events", 0),
            ("Purchases", "purchases", 1),
            ("Revenue", "revenue", 2),
        ] {
            let shown = |day: &DayTotals| match number {
                0 => (drawn(day.event_count), grouped(day.event_count)),
                1 => (drawn(day.purchase_count), grouped(day.purchase_count)),
                _ => (drawn_decimal(&day.revenue), grouped(day.revenue)),
            };
            let mut most: Option<(f64, String)> = None;
            let bars: Vec<Column> = columns
                .iter()
                .map(|column| match column {
                    Ok(Some(day)) => {
                        let (value, text) = shown(day);
                        let name = drawn_by.name(day.date);
                        let tip = format!("{name}: {text}");
                        if most.as_ref().is_none_or(|(most, _)| value > *most) {
                            most = Some((value, tip.clone()));
                        }
                        Column::Bar(vec![value], name, tip)
                    }
                    Ok(None) => Column::Bar(vec![0.0], String::new(), String::new()),
                    Err(gap) => Column::Break(format!("{} without events", spans(*gap, drawn_by))),
                })
                .collect();
            let most = most.map_or(String::new(), |(_, tip)| tip);
            Chart {
                id: class,
                title: format!("{what} by {word}"),
                description: format!(
                    "Columns for each {word} with events. The highest is {most}. All numbers are in the table \
                     of days."
                ),
                series: vec![(class, String::new())],
            }
            .columns(&bars, out);
        }
        out.push_str("</div>\n");
        if columns.iter().any(Result::is_err) {
            push(
                out,
                format_args!(
                    "<p class=\"soft\">A dotted line stands for more than {LONGEST_GAP} {} in a row without events.</p>\n",
                    spans_word(drawn_by)
                ),
            );
        }
        self.day_table(out);
        out.push_str("</section>\n");
    }

    fn day_table(&self, out: &mut String) {
        let span = self.days.span();
        let word = span.word();
        let users = if span == Span::Day {
            "users"
        } else {
            "users, day by day"
        };
        if span != Span::Day {
            push(
                out,
                format_args!(
                    "<p class=\"soft\">The table is by {word}, since there are {} with events; the days are in \
                     the result.</p>\n",
                    plural(self.days.days(), "day")
                ),
            );
        }
        let rows = self.days.totals().iter().map(|day| {
            vec![
                Cell::words(span.name(day.date)),
                Cell::number(day.users),
                Cell::number(day.event_count),
                Cell::number(day.purchase_count),
                Cell::number(day.revenue),
            ]
        });
        table(
            "day-table",
            &format!("Users, events, purchases and revenue by {word}"),
            &[word, users, "events", "purchases", "revenue"],
            self.days.totals().len(),
        )
        .write(rows, out);
    }

    /// What is drawn: a span that is short enough, and for each something, nothing, or a gap.
    fn columns(&self) -> (Span, Vec<Result<Option<DayTotals>, u32>>) {
        let mut columns = Vec::new();
        for span in [
            Span::Day,
            Span::Week,
            Span::Month,
            Span::Year,
            Span::Decade,
            Span::Century,
        ] {
            // What is by month already cannot be by week.
            if span != self.days.span()
                && span.word() != "century"
                && !is_longer(span, self.days.span())
            {
                continue;
            }
            columns.clear();
            let mut last: Option<u32> = None;
            for totals in self.days.by(span).totals() {
                let at = span.of(totals.date);
                match at - last.map_or(at, |last| last + 1) {
                    gap if gap > LONGEST_GAP => columns.push(Err(gap)),
                    gap => columns.extend((0..gap).map(|_| Ok(None))),
                }
                columns.push(Ok(Some(*totals)));
                last = Some(at);
            }
            if columns.len() <= COLUMNS {
                return (span, columns);
            }
        }
        (Span::Century, columns)
    }

    fn by_user(&self, out: &mut String) {
        out.push_str("<section id=\"users\">\n<h2>By user</h2>\n");
        let users = self.users;
        let (Some(median), Some(most)) = (users.events_of(500), users.events_of(1000)) else {
            out.push_str("<p>There are no users.</p>\n</section>\n");
            return;
        };
        let at = |share| grouped(users.events_of(share).unwrap_or(0));
        push(
            out,
            format_args!(
                "<p>{} over all days. Half of them have at most {}, nine of ten at most {}, 99 of 100 at most \
                 {}; the most is {}. {} without revenue.</p>\n<div class=\"charts\">\n",
                plural(users.users(), "user"),
                plural(median, "event"),
                at(900),
                at(990),
                grouped(most),
                plural(users.without_revenue(), "user"),
            ),
        );
        let events: Vec<(String, u64)> = users
            .bins_of_events()
            .into_iter()
            .map(|(from, to, count)| {
                let name = if from == to {
                    grouped(from)
                } else {
                    format!("{}–{}", grouped(from), grouped(to))
                };
                (name, count)
            })
            .collect();
        let revenue: Vec<(String, u64)> = std::iter::once(("none".into(), users.without_revenue()))
            .chain(
                users
                    .bins_of_revenue()
                    .into_iter()
                    .map(|(from, to, count)| {
                        let name = if to.is_saturated() {
                            format!("{} or more", plain(from))
                        } else {
                            format!("{} to < {}", plain(from), plain(to))
                        };
                        (name, count)
                    }),
            )
            .collect();
        draw_bins(&events, &revenue, out);
        out.push_str("</div>\n<div class=\"charts\">\n");
        for (id, what, bins) in [
            ("event-bins", "events", &events),
            ("revenue-bins", "revenue", &revenue),
        ] {
            out.push_str("<div>\n");
            let rows = bins.iter().map(|(name, count)| {
                vec![
                    Cell::words(name),
                    Cell::number(count),
                    Cell::Number(percent(*count, users.users())),
                ]
            });
            table(
                id,
                &format!("Users by {what}"),
                &[what, "users", "share"],
                bins.len(),
            )
            .write(rows, out);
            out.push_str("</div>\n");
        }
        out.push_str("</div>\n<div class=\"charts\">\n");
        for (id, what, top) in [
            ("top-events", "events", users.most_events()),
            ("top-revenue", "revenue", users.most_revenue()),
        ] {
            if !top.is_empty() {
                out.push_str("<div>\n");
                top_table(id, what, top, out);
                out.push_str("</div>\n");
            }
        }
        out.push_str("</div>\n</section>\n");
    }

    fn invalid(&self, out: &mut String) {
        out.push_str("<section id=\"invalid\">\n<h2>Invalid events</h2>\n");
        let summary = self.summary;
        let events = summary.invalid + summary.valid + summary.filtered;
        if summary.invalid == 0 {
            out.push_str("<p>There are none.</p>\n</section>\n");
            return;
        }
        push(
            out,
            format_args!(
                "<p>{} of {}: {}.</p>\n",
                grouped(summary.invalid),
                plural(events, "event"),
                percent(summary.invalid, events)
            ),
        );
        let mut reasons: Vec<(Reason, u64)> = Reason::ALL
            .into_iter()
            .filter_map(|reason| Some((reason, *summary.invalid_by_reason.get(reason.code())?)))
            .collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), reason.index()));

        out.push_str("<div class=\"charts\">\n");
        let rows: Vec<(String, f64, String)> = reasons
            .iter()
            .map(|(reason, count)| (reason.code().into(), drawn(*count), grouped(count)))
            .collect();
        Chart {
            id: "reasons",
            title: "Invalid events by reason".into(),
            description:
                "Bars for each reason, the most frequent first. All numbers are in the table of \
                          reasons."
                    .into(),
            series: vec![("bad1", String::new())],
        }
        .rows(&rows, out);
        self.by_position(&reasons, out);
        out.push_str("</div>\n");

        let rows = reasons.iter().map(|(reason, count)| {
            let first = self.rejects.first(*reason).and_then(|(input, line)| {
                let name = input_name(&summary.inputs.get(input)?.input);
                Some(format!("{name}, line {}", grouped(line)))
            });
            vec![
                Cell::words(reason.code()),
                Cell::number(count),
                Cell::Number(percent(*count, summary.invalid)),
                Cell::words(first.unwrap_or_else(|| "–".into())),
            ]
        });
        table(
            "reason-table",
            "Invalid events by reason",
            &["reason", "events", "share", "first at"],
            0,
        )
        .write(rows, out);
        self.position_table(&reasons, out);
        self.worst_inputs(out);
        out.push_str("</section>\n");
    }

    fn parts(&self) -> Vec<places::Part> {
        let sizes: Vec<u64> = self
            .summary
            .inputs
            .iter()
            .map(|input| input.bytes)
            .collect();
        self.rejects.parts(&sizes, PARTS)
    }

    /// The start of a part of the inputs.
    fn place(&self, (input, offset): (usize, u64)) -> String {
        let inputs = &self.summary.inputs;
        match inputs.get(input) {
            Some(input) if inputs.len() > 1 => {
                format!("{}, byte {}", input_name(&input.input), grouped(offset))
            }
            _ => format!("byte {}", grouped(offset)),
        }
    }

    fn by_position(&self, reasons: &[(Reason, u64)], out: &mut String) {
        let parts = self.parts();
        let total: u64 = parts.iter().map(|part| part.bytes).sum();
        let (named, others) = reasons.split_at(reasons.len().min(COLOURS));
        let mut series: Vec<(&'static str, String)> = named
            .iter()
            .zip(["bad1", "bad2", "bad3"])
            .map(|((reason, _), class)| (class, reason.code().to_owned()))
            .collect();
        if !others.is_empty() {
            series.push(("bad4", plural(others.len() as u64, "other reason")));
        }
        let mut before = 0;
        let bars: Vec<Column> = parts
            .iter()
            .map(|part| {
                let mut values: Vec<f64> = named
                    .iter()
                    .map(|(reason, _)| drawn(part.counts[reason.index()]))
                    .collect();
                let rest = others
                    .iter()
                    .map(|(reason, _)| part.counts[reason.index()])
                    .sum();
                values.push(drawn(rest));
                let label = percent(before, total);
                before += part.bytes;
                let all: u64 = part.counts.iter().sum();
                let tip = format!("from {}: {}", self.place(part.start), grouped(all));
                // Whole percents are enough on an axis.
                let label = label.split('.').next().unwrap_or_default().to_owned() + "%";
                Column::Bar(values, label.replace("< 0%", "0%"), tip)
            })
            .collect();
        Chart {
            id: "positions",
            title: "Invalid events by position in the input".into(),
            description: format!(
                "Columns for {} of about the same size, from the first byte of the first input to the last of \
                 the last. All numbers are in the table of positions.",
                plural(parts.len() as u64, "part")
            ),
            series,
        }
        .columns(&bars, out);
    }

    fn position_table(&self, reasons: &[(Reason, u64)], out: &mut String) {
        let parts = self.parts();
        let mut heads = vec!["from", "bytes", "invalid"];
        heads.extend(reasons.iter().map(|(reason, _)| reason.code()));
        let rows = parts.iter().map(|part| {
            let mut row = vec![
                Cell::words(self.place(part.start)),
                Cell::number(part.bytes),
                Cell::number(part.counts.iter().sum::<u64>()),
            ];
            let counts = reasons
                .iter()
                .map(|(reason, _)| part.counts[reason.index()]);
            row.extend(counts.map(Cell::number));
            row
        });
        table(
            "position-table",
            "Invalid events by position in the input, and by reason",
            &heads,
            parts.len(),
        )
        .write(rows, out);
    }

    /// Of several inputs those with the most invalid events.
    fn worst_inputs(&self, out: &mut String) {
        let inputs = &self.summary.inputs;
        if inputs.len() < 2 {
            return;
        }
        let mut worst: Vec<(usize, u64)> = self
            .rejects
            .by_input()
            .map(|(input, counts)| (input, counts.iter().sum()))
            .collect();
        worst.sort_by_key(|(input, count)| (std::cmp::Reverse(*count), *input));
        push(
            out,
            format_args!(
                "<p>{} of {} have invalid events.</p>\n",
                grouped(worst.len()),
                plural(inputs.len() as u64, "input")
            ),
        );
        let rows = worst.iter().take(INPUTS).filter_map(|(input, count)| {
            let input = inputs.get(*input)?;
            Some(vec![
                Cell::words(input_name(&input.input)),
                Cell::number(count),
                Cell::number(input.lines),
                Cell::Number(percent(*count, input.lines)),
            ])
        });
        table(
            "worst-inputs",
            &format!("Inputs with the most invalid events, at most {INPUTS}"),
            &["input", "invalid", "lines", "share of its lines"],
            0,
        )
        .write(rows, out);
    }

    /// What depends on how the run was done, and not on the data alone, is here and nowhere else.
    fn run(&self, out: &mut String) {
        out.push_str("<footer id=\"run\">\n<h2>The run</h2>\n");
        let summary = self.summary;
        let bytes: u64 = summary.inputs.iter().map(|input| input.bytes).sum();
        let mut rows: Vec<(&str, String)> = vec![
            ("lines", grouped(summary.lines)),
            ("valid events in the result", grouped(summary.valid)),
            ("valid events of other days", grouped(summary.filtered)),
            ("invalid events", grouped(summary.invalid)),
            ("blank lines", grouped(summary.blank)),
            ("bytes, decompressed", grouped(bytes)),
            ("inputs", grouped(summary.inputs.len())),
            ("seconds", format!("{:.2}", summary.elapsed_seconds)),
            (
                "speed",
                format!("{:.1} MB/s", summary.bytes_per_second / 1e6),
            ),
        ];
        if summary.spilled_bytes > 0 {
            let files = plural(summary.spill_files, "temporary file");
            let bytes = grouped(summary.spilled_bytes);
            rows.push(("taken to the disk", format!("{bytes} bytes in {files}")));
        }
        let place = |path: &str| match path {
            "-" => "standard output".to_owned(),
            path => text::name(path).to_string(),
        };
        match &summary.output {
            Some(output) => {
                rows.push(("result", place(&output.path)));
                rows.push(("its bytes", grouped(output.bytes)));
                if let Some(sha256) = &output.sha256 {
                    rows.push(("its SHA-256", sha256.clone()));
                }
            }
            None => rows.push(("result", "not published".into())),
        }
        if let Some(rejects) = &summary.rejects {
            rows.push(("rejects", place(rejects)));
        }
        rows.extend(self.facts.iter().map(|(name, fact)| (*name, fact.clone())));
        let rows = rows
            .iter()
            .map(|(name, fact)| vec![Cell::words(name), Cell::foreign(fact)]);
        out.push_str("<div class=\"facts\">\n");
        table("facts", "Facts of the run", &["what", "value"], 0).write(rows, out);
        out.push_str("</div>\n");

        let inputs = summary.inputs.iter().take(INPUTS).map(|input| {
            let how = match (input.compression, input.compressed_bytes) {
                (Some(format), Some(bytes)) => format!("{format}, {} bytes", grouped(bytes)),
                _ => "not compressed".into(),
            };
            vec![
                Cell::words(input_name(&input.input)),
                Cell::number(input.bytes),
                Cell::number(input.lines),
                Cell::words(how),
                Cell::words(input.source.unwrap_or("read")),
            ]
        });
        table(
            "inputs",
            "Inputs",
            &["input", "bytes, decompressed", "lines", "stored as", "how"],
            0,
        )
        .write(inputs, out);
        let more = summary.inputs.len().saturating_sub(INPUTS) as u64;
        if more > 0 {
            push(
                out,
                format_args!("<p>And {}.</p>\n", plural(more, "more input")),
            );
        }
        out.push_str("</footer>\n");
    }
}

/// Pictures of how many users have how many events, and how much revenue.
fn draw_bins(events: &[(String, u64)], revenue: &[(String, u64)], out: &mut String) {
    for (id, what, class, bins) in [
        ("events-of-users", "Events", "events", events),
        ("revenue-of-users", "Revenue", "revenue", revenue),
    ] {
        let bars: Vec<Column> = bins
            .iter()
            .map(|(name, count)| {
                let label = name.split(" to ").next().unwrap_or(name).to_owned();
                let tip = format!("{name}: {}", plural(*count, "user"));
                Column::Bar(vec![drawn(*count)], label, tip)
            })
            .collect();
        let most = bins.iter().rev().max_by_key(|bin| bin.1);
        let most = most.map_or("", |(name, _)| name.as_str());
        let from = if id == "revenue-of-users" {
            ", from"
        } else {
            ""
        };
        Chart {
            id,
            title: format!("Users by {}{from}", what.to_lowercase()),
            description: format!(
                "How many users have how much: bins that grow from left to right. Most users are at {most}."
            ),
            series: vec![(class, String::new())],
        }
        .columns(&bars, out);
    }
}

fn top_table(id: &str, what: &str, top: &[UserTotal], out: &mut String) {
    let rows = top.iter().map(|user| {
        let totals = &user.totals;
        let revenue = if totals.revenue.is_saturated() {
            format!("more than {}", grouped(totals.revenue))
        } else {
            grouped(totals.revenue)
        };
        vec![
            // A name made of digits: without separators.
            Cell::words(user.user_id),
            Cell::number(totals.event_count),
            Cell::number(totals.purchase_count),
            Cell::Number(revenue),
        ]
    });
    table(
        id,
        &format!("Users with the most {what}"),
        &["user", "events", "purchases", "revenue"],
        0,
    )
    .write(rows, out);
}

/// A bound of a bin: without decimals where there are none.
fn plain(bound: crate::aggregate::Revenue) -> String {
    let text = grouped(bound);
    text.strip_suffix(".00").map(str::to_owned).unwrap_or(text)
}

fn spans_word(span: Span) -> &'static str {
    match span {
        Span::Day => "days",
        Span::Week => "weeks",
        Span::Month => "months",
        Span::Year => "years",
        Span::Decade => "decades",
        Span::Century => "centuries",
    }
}

fn spans(count: u32, span: Span) -> String {
    format!("{} {}", grouped(count), spans_word(span))
}

fn is_longer(span: Span, than: Span) -> bool {
    let rank = |span| match span {
        Span::Day => 0,
        Span::Week => 1,
        Span::Month => 2,
        Span::Year => 3,
        Span::Decade => 4,
        Span::Century => 5,
    };
    rank(span) >= rank(than)
}
