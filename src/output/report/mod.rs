//! The report: one HTML file with all that a run found, for people. It needs nothing but itself: no
//! script, no font, no network.
//!
//! Written by hand, not by a template library: nearly all of it are tables and pictures that are computed,
//! and the two functions that escape (`html.rs`) are all that one would add.

mod axis;
mod chart;
mod days;
mod html;
mod invalid;
mod places;
mod rows;
mod run;
mod users;

use crate::aggregate::{Timeline, UserTotals};
use crate::output::{Status, Summary};
use html::{breakable, escaped, foreign, grouped, plural, push};
pub use places::{PlaceNotes, RejectPlaces};
pub use run::Fact;

/// How many inputs are listed.
const INPUTS: usize = 20;

/// What a report is made of.
///
/// ```
/// use std::time::Duration;
///
/// use daytally::internals::Timeline;
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
///     facts: &[("threads", 2_u64.into())],
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
    pub facts: &'a [(&'static str, Fact)],
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
        let time = |date: &str| format!("<time>{}</time>", escaped(date));
        let date = |date: &Option<String>| date.as_deref().map_or("none".into(), time);
        let (first, last) = (date(&summary.first_date), date(&summary.last_date));
        let asked = match (&summary.from, &summary.to) {
            (None, None) => String::new(),
            (Some(from), None) => format!("; only days from {} were asked for", time(from)),
            (None, Some(to)) => format!("; only days to {} were asked for", time(to)),
            (Some(from), Some(to)) => format!(
                "; only days from {} to {} were asked for",
                time(from),
                time(to)
            ),
        };
        let days = match self.days.days() {
            0 => "No day has events".to_owned(),
            1 => format!("1 UTC day with events: {first}"),
            days => format!(
                "{} with events, from {first} to {last}",
                plural(days, "UTC day")
            ),
        };
        push(out, format_args!("<p class=\"soft\">{days}{asked}.</p>\n"));
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
            // Only what is long may be broken.
            let (class, value) = if value.len() > 14 {
                (" class=\"long\"", breakable(&value))
            } else {
                ("", value)
            };
            push(
                out,
                format_args!("<div{class}><dt>{name}</dt><dd>{value}</dd></div>\n"),
            );
        }
        out.push_str("</dl>\n");
    }
}
