//! The days of a result as a chart of text: the numbers of each, and a bar beside that of its events.
//!
//! Days that are too many are put together by the week, month, quarter, year, or longer. None is left out: a
//! day without events has a line without a bar. Memory is bounded, whatever the days: as more come than are
//! kept, they are put together already.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use chrono::Datelike as _;
use daytally::aggregate::DayTotals;
use daytally::event::Date;
use daytally::text;

use super::color::{self, Paint};

/// How many lines of bars there are at most.
const LINES: u32 = 40;

/// How many bars are kept before they are put together.
const KEPT: usize = 4096;

/// How wide the chart is where there is no terminal, and at most on one.
const COLUMNS: usize = 80;
const MOST_COLUMNS: usize = 120;

/// What a bar is for, from the shortest to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    /// So many years.
    Years(u32),
}

const UNITS: [Unit; 8] = [
    Unit::Day,
    Unit::Week,
    Unit::Month,
    Unit::Quarter,
    Unit::Years(1),
    Unit::Years(10),
    Unit::Years(100),
    Unit::Years(1000),
];

impl Unit {
    /// Counts the units, from that of 0000-01-01 or one before.
    fn index(self, date: Date) -> u32 {
        let day = date.to_chrono();
        // No year is negative.
        let year = u32::try_from(day.year()).unwrap_or(0);
        match self {
            Unit::Day => date.days(),
            // 0000-01-01 was a Saturday; weeks begin on Mondays (ISO 8601).
            Unit::Week => (date.days() + 5) / 7,
            Unit::Month => year * 12 + day.month0(),
            Unit::Quarter => year * 4 + day.month0() / 3,
            Unit::Years(years) => year / years,
        }
    }

    /// What a unit is called, by its index.
    fn name(self, index: u32) -> String {
        let date = |days| Date::from_days(days).unwrap_or(Date::MIN).to_string();
        match self {
            Unit::Day => date(index),
            Unit::Week => date((index * 7).saturating_sub(5)),
            Unit::Month => format!("{:04}-{:02}", index / 12, index % 12 + 1),
            Unit::Quarter => format!("{:04}-Q{}", index / 4, index % 4 + 1),
            Unit::Years(1) => format!("{index:04}"),
            Unit::Years(years) => format!("{:04}-{:04}", index * years, index * years + years - 1),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Week => "week of",
            Unit::Month => "month",
            Unit::Quarter => "quarter",
            Unit::Years(1) => "year",
            Unit::Years(_) => "years",
        }
    }
}

/// The days so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Plot {
    /// The place in [`UNITS`] of what they are put together by.
    unit: usize,
    /// In order; each with its first day.
    bars: Vec<DayTotals>,
}

impl Plot {
    /// Takes the next day.
    pub(super) fn add(&mut self, day: &DayTotals) {
        let unit = UNITS[self.unit];
        match self.bars.last_mut() {
            Some(last) if unit.index(last.date) == unit.index(day.date) => last.merge(day),
            _ => self.bars.push(*day),
        }
        while self.bars.len() > KEPT && self.unit + 1 < UNITS.len() {
            self.put_together();
        }
    }

    /// By the next longer unit.
    fn put_together(&mut self) {
        self.unit += 1;
        let unit = UNITS[self.unit];
        self.bars.dedup_by(|bar, before| {
            let is_same = unit.index(bar.date) == unit.index(before.date);
            if is_same {
                before.merge(bar);
            }
            is_same
        });
    }

    /// How many lines it takes, those of units without events too.
    fn lines(&self) -> u32 {
        let unit = UNITS[self.unit];
        let (first, last) = (self.bars.first(), self.bars.last());
        first.zip(last).map_or(0, |(first, last)| {
            unit.index(last.date) - unit.index(first.date) + 1
        })
    }

    /// The chart, for standard error.
    pub(super) fn text(&self, has_colors: bool) -> String {
        let columns = match rustix::termios::tcgetwinsize(std::io::stderr()) {
            Ok(size) if std::io::stderr().is_terminal() && size.ws_col > 0 => {
                usize::from(size.ws_col).min(MOST_COLUMNS)
            }
            _ => COLUMNS,
        };
        self.clone().draw(columns, is_utf8(), has_colors)
    }

    fn draw(mut self, columns: usize, is_utf8: bool, has_colors: bool) -> String {
        while self.lines() > LINES && self.unit + 1 < UNITS.len() {
            self.put_together();
        }
        let unit = UNITS[self.unit];
        let mut rows: Vec<[String; 3]> =
            vec![[unit.title().into(), "revenue".into(), "events".into()]];
        let mut counts = Vec::new();
        let mut next = None;
        for bar in &self.bars {
            let index = unit.index(bar.date);
            for gap in next.unwrap_or(index)..index {
                rows.push([unit.name(gap), "0.00".into(), "0".into()]);
                counts.push(0);
            }
            rows.push([
                unit.name(index),
                text::grouped(bar.revenue),
                text::grouped(bar.event_count),
            ]);
            counts.push(bar.event_count);
            next = Some(index + 1);
        }
        if counts.is_empty() {
            return "no days to draw: the result has no rows\n".into();
        }
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        // What there is no room for is left out, from the right; the bar has at least a few columns.
        let of_numbers = widths[0] + 2 + widths[2];
        let has_revenue = columns >= of_numbers + 2 + widths[1] + 12;
        let numbers = of_numbers + if has_revenue { 2 + widths[1] } else { 0 };
        let room = columns.saturating_sub(numbers + 3);
        let most = counts.iter().copied().max().unwrap_or(0);

        let mut text = String::new();
        let counts = std::iter::once(None).chain(counts.into_iter().map(Some));
        for ([name, revenue, events], count) in rows.iter().zip(counts) {
            let mut line = format!("{name:<0$}", widths[0]);
            // Writing to a string cannot fail.
            if has_revenue {
                let _ = write!(line, "  {revenue:>0$}", widths[1]);
            }
            // Last of the numbers, for the bars are of events.
            let _ = write!(line, "  {events:>0$}", widths[2]);
            match count {
                None => line = Paint::new(has_colors, color::LABEL, line).to_string(),
                Some(0) => {}
                Some(count) if room > 0 => {
                    let bar = bar(count, most, room, is_utf8);
                    let _ = write!(line, "  {}", Paint::new(has_colors, color::GOOD, bar));
                }
                Some(_) => {}
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A bar for a part of the most, which takes all of the room; whatever is there is seen.
fn bar(part: u64, most: u64, room: usize, is_utf8: bool) -> String {
    const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let steps = if is_utf8 { 8 } else { 1 };
    let all = u128::from(part) * (room * steps) as u128 / u128::from(most.max(1));
    // At most as many as there is room for.
    let all = usize::try_from(all).unwrap_or(room * steps).max(1);
    if !is_utf8 {
        return "#".repeat(all);
    }
    let mut bar = "█".repeat(all / 8);
    if let Some(rest) = (all % 8).checked_sub(1) {
        bar.push(EIGHTHS[rest]);
    }
    bar
}

/// Whether the locale says that text is UTF-8, as POSIX looks for it.
fn is_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use daytally::aggregate::GrandTotals;

    fn day(days: u32, events: u64) -> DayTotals {
        DayTotals {
            date: Date::from_days(days).unwrap(),
            users: 1,
            event_count: events,
            purchase_count: 0,
            revenue: GrandTotals::default().total_revenue,
        }
    }

    fn plot(days: impl Iterator<Item = u32>) -> Plot {
        let mut plot = Plot::default();
        days.for_each(|days| plot.add(&day(days, u64::from(days % 7) + 1)));
        plot
    }

    #[test]
    fn weeks_begin_on_mondays() {
        for days in [0, 1, 2, 3, 738_886, Date::MAX.days()] {
            let date = Date::from_days(days).unwrap();
            let index = Unit::Week.index(date);
            let monday = Unit::Week.name(index);
            let expected = date.to_chrono()
                - chrono::Days::new(date.to_chrono().weekday().num_days_from_monday().into());
            if days >= 2 {
                assert_eq!(monday, expected.to_string());
            }
        }
    }

    #[test]
    fn a_chart_has_at_most_forty_bars_and_all_events() {
        let start = Date::from_ymd(2015, 1, 1).unwrap().days();
        for (count, title) in [
            (1, "day"),
            (40, "day"),
            (41, "week of"),
            (365, "month"),
            (3000, "quarter"),
            (10_000, "year"),
            (100_000, "years"),
            (2_000_000, "years"),
        ] {
            let plot = plot(start..start + count);
            assert!(plot.bars.len() <= KEPT);
            for columns in [0, 20, 80, 200] {
                let text = plot.clone().draw(columns, true, false);
                let lines: Vec<&str> = text.lines().collect();
                assert!(lines[0].starts_with(title), "{count}: {text}");
                assert!(lines.len() <= 41, "{count}: {text}");
                if columns >= 80 {
                    assert!(
                        lines.iter().all(|line| line.chars().count() <= columns),
                        "{text}"
                    );
                }
            }
            let sum: u64 = plot.bars.iter().map(|bar| bar.event_count).sum();
            let expected: u64 = (start..start + count)
                .map(|days| u64::from(days % 7) + 1)
                .sum();
            assert_eq!(sum, expected);
        }
    }

    #[test]
    fn days_without_events_have_lines_without_bars() {
        let start = Date::from_ymd(2024, 1, 1).unwrap().days();
        let mut plot = Plot::default();
        plot.add(&day(start, 16));
        plot.add(&day(start + 2, 1));
        let text = plot.clone().draw(44, true, false);
        assert_eq!(
            text,
            "day         revenue  events\n\
             2024-01-01     0.00      16  ██████████████\n\
             2024-01-02     0.00       0\n\
             2024-01-03     0.00       1  ▉\n"
        );
        let text = plot.draw(44, false, false);
        assert!(text.ends_with("2024-01-03     0.00       1  #\n"), "{text}");
        let none = Plot::default().draw(80, true, false);
        assert_eq!(none, "no days to draw: the result has no rows\n");
    }
}
