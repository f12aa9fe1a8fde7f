//! Differences for programs: JSON Lines, each written as soon as it is known.

use std::io::{self, Write};

use daytally::aggregate::Totals;
use daytally::result::{Difference, RowDifference, Sums, Tally};
use serde::Serialize;

use super::{Report, Sides};
use crate::cli::args::DiffArgs;

/// The objects.
pub(super) struct Lines {
    rows: u64,
    days: u64,
}

impl Lines {
    pub(super) fn new(args: &DiffArgs) -> Lines {
        Lines {
            rows: args.rows.unwrap_or(u64::MAX),
            days: args.day_rows.unwrap_or(u64::MAX),
        }
    }
}

/// A row that differs. Amounts are text, to keep them exact.
#[derive(Serialize)]
struct Row {
    r#type: &'static str,
    change: &'static str,
    date: String,
    user_id: i128,
    old: Option<Numbers>,
    new: Option<Numbers>,
}

#[derive(Serialize)]
struct Numbers {
    event_count: u64,
    purchase_count: u64,
    total_revenue: String,
}

impl From<Totals> for Numbers {
    fn from(totals: Totals) -> Numbers {
        Numbers {
            event_count: totals.event_count,
            purchase_count: totals.purchase_count,
            total_revenue: totals.revenue.to_string(),
        }
    }
}

/// A day, or all.
#[derive(Serialize)]
struct Whole<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    head: Head<'a>,
    rows: Rows,
    event_count: Counts,
    purchase_count: Counts,
    total_revenue: Amounts,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Head<'a> {
    Day {
        date: String,
    },
    All {
        same: bool,
        old: &'a str,
        new: &'a str,
    },
}

#[derive(Serialize)]
struct Rows {
    same: u64,
    added: u64,
    removed: u64,
    changed: u64,
}

#[derive(Serialize)]
struct Counts {
    old: u128,
    new: u128,
    delta: i128,
}

impl Counts {
    fn new(old: u128, new: u128) -> Counts {
        // Sums of counts of 64 bits, of rows that somebody has read one by one.
        let signed = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
        Counts {
            old,
            new,
            delta: signed(new) - signed(old),
        }
    }
}

#[derive(Serialize)]
struct Amounts {
    old: String,
    new: String,
    delta: String,
}

impl<'a> Whole<'a> {
    fn of(r#type: &'static str, head: Head<'a>, tally: &Tally) -> Whole<'a> {
        let Tally { old, new, .. } = tally;
        let count = |of: fn(&Sums) -> u128| Counts::new(of(old), of(new));
        Whole {
            r#type,
            head,
            rows: Rows {
                same: tally.same,
                added: tally.added,
                removed: tally.removed,
                changed: tally.changed,
            },
            event_count: count(|sums| sums.event_count),
            purchase_count: count(|sums| sums.purchase_count),
            total_revenue: Amounts {
                old: old.total_revenue.to_string(),
                new: new.total_revenue.to_string(),
                delta: new.total_revenue.since(old.total_revenue).to_string(),
            },
        }
    }
}

fn row(difference: &RowDifference) -> Row {
    Row {
        r#type: "row",
        change: match (difference.old, difference.new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        },
        date: difference.key.date().to_string(),
        user_id: difference.key.user_id().get(),
        old: difference.old.map(Numbers::from),
        new: difference.new.map(Numbers::from),
    }
}

fn write(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(object)?;
    // Names are from outside, and what is not safe to show may be escaped in strings.
    writeln!(out, "{}", daytally::text::name(&text))
}

impl Report for Lines {
    fn begin(&mut self, _: &mut dyn Write, _: &Sides) -> io::Result<()> {
        Ok(())
    }

    fn difference(&mut self, out: &mut dyn Write, difference: &Difference) -> io::Result<()> {
        let left = match difference {
            Difference::Row(_) => &mut self.rows,
            Difference::Day(..) => &mut self.days,
        };
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        match difference {
            Difference::Row(difference) => write(out, &row(difference)),
            Difference::Day(date, tally) => {
                let date = date.to_string();
                write(out, &Whole::of("day", Head::Day { date }, tally))
            }
        }
    }

    fn end(&mut self, out: &mut dyn Write, sides: &Sides, tally: &Tally) -> io::Result<()> {
        let head = Head::All {
            same: tally.is_same(),
            old: &sides.old.to_string(),
            new: &sides.new.to_string(),
        };
        write(out, &Whole::of("total", head, tally))
    }
}
