//! Differences for people: rows as diff(1) marks them, a table of days, and what it all comes to.

use std::cmp::Ordering;
use std::io::{self, Write};

use daytally::aggregate::Totals;
use daytally::event::Date;
use daytally::result::{Difference, RowDifference, Tally};
use daytally::text::grouped;

use super::{Report, Sides};
use crate::cli::args::DiffArgs;
use crate::cli::color::{self, Paint};
use crate::cli::words::{counted, label};

/// How many rows and days are shown if nothing is said.
const ROWS: u64 = 10;
const DAYS: u64 = 20;

/// The text. Rows are written as they are found, days are kept until all rows are.
pub(super) struct Text {
    has_colors: bool,
    most_rows: u64,
    most_days: u64,
    rows: u64,
    days: Vec<(Date, Tally)>,
    days_found: u64,
}

impl Text {
    pub(super) fn new(args: &DiffArgs) -> Text {
        Text {
            has_colors: color::on_stdout(),
            most_rows: args.rows.unwrap_or(ROWS),
            most_days: args.day_rows.unwrap_or(DAYS),
            rows: 0,
            days: Vec::new(),
            days_found: 0,
        }
    }

    fn row(&self, out: &mut dyn Write, row: &RowDifference) -> io::Result<()> {
        let (sign, colour) = match (row.old, row.new) {
            (None, _) => ('+', color::GOOD),
            (_, None) => ('-', color::BAD),
            _ => ('~', color::DOUBTFUL),
        };
        let of = |totals: fn(&Totals) -> String| {
            let (old, new) = (row.old.as_ref().map(totals), row.new.as_ref().map(totals));
            match (old, new) {
                (Some(old), Some(new)) if old != new => format!("{old} → {new}"),
                (Some(one), _) | (None, Some(one)) => one,
                (None, None) => String::new(),
            }
        };
        let line = format!(
            "{sign} {}  user {}  events {}  purchases {}  revenue {}",
            row.key.date(),
            row.key.user_id(),
            of(|totals| totals.event_count.to_string()),
            of(|totals| totals.purchase_count.to_string()),
            of(|totals| totals.revenue.to_string()),
        );
        writeln!(out, "{}", Paint::new(self.has_colors, colour, &line))
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = vec![
            [
                "day",
                "added",
                "removed",
                "changed",
                "events",
                "purchases",
                "revenue",
            ]
            .map(String::from),
        ];
        for (date, tally) in &self.days {
            let Tally { old, new, .. } = tally;
            lines.push([
                date.to_string(),
                grouped(tally.added),
                grouped(tally.removed),
                grouped(tally.changed),
                change(old.event_count, new.event_count),
                change(old.purchase_count, new.purchase_count),
                grouped(format!("{:+}", new.total_revenue.since(old.total_revenue))),
            ]);
        }
        let widths: [usize; 7] =
            std::array::from_fn(|at| lines.iter().map(|line| line[at].len()).max().unwrap_or(0));
        for (nth, line) in lines.iter().enumerate() {
            let cells = line
                .iter()
                .zip(widths)
                .enumerate()
                .map(|(at, (cell, width))| match at {
                    0 => format!("{cell:<width$}"),
                    _ => format!("  {cell:>width$}"),
                });
            let text = cells.collect::<String>();
            match nth {
                0 => writeln!(out, "{}", Paint::new(self.has_colors, color::STRONG, &text))?,
                _ => writeln!(out, "{text}")?,
            }
        }
        Ok(())
    }
}

impl Report for Text {
    fn begin(&mut self, out: &mut dyn Write, sides: &Sides) -> io::Result<()> {
        label(out, "old", &sides.old)?;
        label(out, "new", &sides.new)
    }

    fn difference(&mut self, out: &mut dyn Write, difference: &Difference) -> io::Result<()> {
        match difference {
            Difference::Row(row) => {
                if self.rows == 0 && self.most_rows > 0 {
                    writeln!(out)?;
                }
                self.rows += 1;
                if self.rows <= self.most_rows {
                    self.row(out, row)?;
                }
            }
            Difference::Day(date, tally) => {
                self.days_found += 1;
                if self.days_found <= self.most_days {
                    self.days.push((*date, *tally));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, _: &Sides, tally: &Tally) -> io::Result<()> {
        let (old, new) = (&tally.old, &tally.new);
        if tally.is_same() {
            label(out, "same", &counted(tally.same, "row"))?;
            label(out, "events", &grouped(old.event_count))?;
            label(out, "purchases", &grouped(old.purchase_count))?;
            return label(out, "revenue", &grouped(old.total_revenue));
        }
        let more = self.rows.saturating_sub(self.most_rows);
        if more > 0 && self.most_rows > 0 {
            writeln!(out, "… and {}; -n all shows all", counted(more, "more row"))?;
        }
        if !self.days.is_empty() {
            writeln!(out)?;
            self.table(out)?;
            let more = self.days_found - self.days.len() as u64;
            if more > 0 {
                let more = counted(more, "more day");
                writeln!(out, "… and {more}; --day-rows all shows all")?;
            }
        }
        writeln!(out)?;
        let rows = format!(
            "{} same, {} added, {} removed, {} changed",
            grouped(tally.same),
            grouped(tally.added),
            grouped(tally.removed),
            grouped(tally.changed)
        );
        label(out, "rows", &rows)?;
        label(out, "events", &counts(old.event_count, new.event_count))?;
        label(
            out,
            "purchases",
            &counts(old.purchase_count, new.purchase_count),
        )?;
        let (before, after) = (old.total_revenue, new.total_revenue);
        let change = format!("{:+}", after.since(before));
        let revenue = format!(
            "{} → {} ({})",
            grouped(before),
            grouped(after),
            grouped(change)
        );
        label(out, "revenue", &revenue)
    }
}

/// By how much a number has become another, with its sign.
fn change(old: u128, new: u128) -> String {
    match new.cmp(&old) {
        Ordering::Greater => format!("+{}", grouped(new - old)),
        Ordering::Less => format!("-{}", grouped(old - new)),
        Ordering::Equal => "0".into(),
    }
}

fn counts(old: u128, new: u128) -> String {
    format!("{} → {} ({})", grouped(old), grouped(new), change(old, new))
}
