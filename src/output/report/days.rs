//! What there is by day: a picture each of events, purchases and revenue, and their table.

use super::Report;
use super::chart::{Chart, Column, Frame, Mark, drawn, drawn_decimal};
use super::html::{Cell, grouped, plural, push, table};
use crate::aggregate::{DayTotals, Span};

/// How many columns a picture has at most.
const COLUMNS: usize = 400;

/// A longer run of days without events is drawn as a break.
const LONGEST_GAP: u32 = 14;

/// How wide a column is at most, as a share of the axis.
const WIDEST: f64 = 0.06;

/// What a picture is of.
#[derive(Clone, Copy)]
enum What {
    Events,
    Purchases,
    Revenue,
}

impl What {
    /// Its name, which is its class and its id, too.
    const fn name(self) -> &'static str {
        match self {
            What::Events => "events",
            What::Purchases => "purchases",
            What::Revenue => "revenue",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            What::Events => "Events",
            What::Purchases => "Purchases",
            What::Revenue => "Revenue",
        }
    }

    /// What is drawn, and what is written.
    fn of(self, day: &DayTotals) -> (f64, String) {
        match self {
            What::Events => (drawn(day.event_count), grouped(day.event_count)),
            What::Purchases => (drawn(day.purchase_count), grouped(day.purchase_count)),
            What::Revenue => (drawn_decimal(&day.revenue), grouped(day.revenue)),
        }
    }
}

impl Report<'_> {
    pub(super) fn by_day(&self, out: &mut String) {
        out.push_str("<section id=\"days\">\n<h2>By day</h2>\n");
        if self.days.totals().is_empty() {
            out.push_str("<p>There are no events.</p>\n</section>\n");
            return;
        }
        let (drawn_by, columns) = self.columns();
        if drawn_by != Span::Day {
            push(
                out,
                format_args!(
                    "<p class=\"soft\">The pictures are by {}: there are too many days for a column each.</p>\n",
                    drawn_by.word()
                ),
            );
        }
        out.push_str("<div class=\"charts whole\">\n");
        draw(What::Events, drawn_by, &columns, out);
        if self.summary.purchase_count > 0 {
            draw(What::Purchases, drawn_by, &columns, out);
            draw(What::Revenue, drawn_by, &columns, out);
        }
        out.push_str("</div>\n");
        if self.summary.purchase_count == 0 {
            out.push_str("<p>There are no purchases, and so there is no revenue.</p>\n");
        }
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
            if !span.is_made_of(self.days.span()) {
                continue;
            }
            columns.clear();
            let mut last: Option<u32> = None;
            for totals in &self.days.by(span) {
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
}

fn draw(what: What, drawn_by: Span, columns: &[Result<Option<DayTotals>, u32>], out: &mut String) {
    let word = drawn_by.word();
    let mut most: Option<(f64, String)> = None;
    let bars: Vec<Column> = columns
        .iter()
        .map(|column| {
            let mark = match column {
                Ok(Some(day)) => {
                    let (value, text) = what.of(day);
                    let label = drawn_by.name(day.date);
                    let name = match drawn_by {
                        Span::Week => format!("week from {label}"),
                        _ => label.clone(),
                    };
                    if most.as_ref().is_none_or(|(most, _)| value > *most) {
                        most = Some((value, format!("{text} ({name})")));
                    }
                    Mark::Bar {
                        value,
                        label,
                        name,
                        text,
                    }
                }
                Ok(None) => Mark::Nothing,
                Err(gap) => Mark::Break(format!("{} without events", spans(*gap, drawn_by))),
            };
            Column { width: 1.0, mark }
        })
        .collect();
    let most = most.map_or(String::new(), |(_, text)| text);
    let across = match drawn_by {
        Span::Day => "UTC day",
        Span::Week => "week, by its Monday",
        span => span.word(),
    };
    Chart {
        frame: Frame {
            id: what.name(),
            title: format!("{} by {word}", what.title()),
            description: format!(
                "Columns for each {word} with events. The highest is {most}. All numbers are in the table \
                 of days."
            ),
            note: if columns.len() > 1 {
                format!("the most: {most}")
            } else {
                most
            },
            across: across.into(),
        },
        class: what.name(),
        unit: what.name(),
        is_count: !matches!(what, What::Revenue),
        widest: WIDEST,
        is_in_percent: false,
    }
    .write(&bars, out);
}

fn spans_word(span: Span) -> &'static str {
    match span {
        Span::Day => "days",
        Span::Week => "weeks",
        Span::Month => "months",
        Span::Quarter => "quarters",
        Span::Year => "years",
        Span::Decade => "decades",
        Span::Century => "centuries",
        Span::Millennium => "millennia",
    }
}

fn spans(count: u32, span: Span) -> String {
    format!("{} {}", grouped(count), spans_word(span))
}
