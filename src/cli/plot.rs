//! The days of a result as a chart of text: the numbers of each, and a bar beside that of its events.
//!
//! Days that are too many are put together by the week, month, quarter, year, or longer. None is left out: a
//! day without events has a line without a bar.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use daytally::aggregate::DayTotals;
use daytally::internals::{Span, Timeline};
use daytally::text;

use super::color::{self, Paint};

/// How many lines of bars there are at most.
const LINES: u32 = 40;

/// How wide the chart is where there is no terminal, and at most on one.
const COLUMNS: usize = 80;
const MOST_COLUMNS: usize = 120;

/// What a bar can be for, from the shortest to the longest.
const SPANS: [Span; 8] = [
    Span::Day,
    Span::Week,
    Span::Month,
    Span::Quarter,
    Span::Year,
    Span::Decade,
    Span::Century,
    Span::Millennium,
];

/// What stands above the names of spans.
fn title(span: Span) -> &'static str {
    match span {
        Span::Week => "week of",
        Span::Decade | Span::Century | Span::Millennium => "years",
        span => span.word(),
    }
}

/// The days so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Plot(Timeline);

impl Plot {
    /// Takes the next day.
    pub(super) fn add(&mut self, day: &DayTotals) {
        self.0.add(*day);
    }

    /// What bars are for, and their totals: the shortest span of which there are not too many, those without
    /// events counted.
    fn bars(&self) -> (Span, Vec<DayTotals>) {
        let mut longest = (Span::Millennium, Vec::new());
        for span in SPANS {
            if !span.is_made_of(self.0.span()) {
                continue;
            }
            let bars = self.0.by(span);
            let lines = bars.first().zip(bars.last()).map_or(0, |(first, last)| {
                span.of(last.date) - span.of(first.date) + 1
            });
            longest = (span, bars);
            if lines <= LINES {
                break;
            }
        }
        longest
    }

    /// The chart, for standard error.
    pub(super) fn text(&self, has_colors: bool) -> String {
        let columns = match rustix::termios::tcgetwinsize(std::io::stderr()) {
            Ok(size) if std::io::stderr().is_terminal() && size.ws_col > 0 => {
                usize::from(size.ws_col).min(MOST_COLUMNS)
            }
            _ => COLUMNS,
        };
        self.draw(columns, is_utf8(), has_colors)
    }

    fn draw(&self, columns: usize, is_utf8: bool, has_colors: bool) -> String {
        let (span, bars) = self.bars();
        // In ASCII, for terminals that have nothing else.
        let name = |date| span.name(date).replace('–', "-");
        let mut rows: Vec<[String; 3]> =
            vec![[title(span).into(), "revenue".into(), "events".into()]];
        let mut counts = Vec::new();
        let mut next = None;
        for bar in &bars {
            let number = span.of(bar.date);
            for gap in next.unwrap_or(number)..number {
                let gap = span.first(gap).map(name).unwrap_or_default();
                rows.push([gap, "0.00".into(), "0".into()]);
                counts.push(0);
            }
            rows.push([
                name(bar.date),
                text::grouped(bar.revenue),
                text::grouped(bar.event_count),
            ]);
            counts.push(bar.event_count);
            next = Some(number + 1);
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
    use daytally::event::Date;

    fn day(days: u32, events: u64) -> DayTotals {
        let mut day = DayTotals::new(Date::from_days(days).unwrap());
        day.users = 1;
        day.event_count = events;
        day
    }

    fn plot(days: impl Iterator<Item = u32>) -> Plot {
        let mut plot = Plot::default();
        days.for_each(|days| plot.add(&day(days, u64::from(days % 7) + 1)));
        plot
    }

    /// What each bar says is what its days come to: those of a month are not those of the weeks in it.
    #[test]
    fn bars_are_of_whole_spans() {
        let start = Date::from_ymd(2024, 1, 1).unwrap().days();
        for (count, name, events) in [
            (366, "2024-02", 29),
            (366, "2024-04", 30),
            (3000, "2024-Q2", 30 + 31 + 30),
            (5000, "2028", 366),
            (100_000, "2030-2039", 3652),
            (2_000_000, "3000-3999", 365_242),
        ] {
            let mut plot = Plot::default();
            (start..start + count).for_each(|days| plot.add(&day(days, 1)));
            let text = plot.draw(80, true, false);
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            let numbers: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(numbers[2], text::grouped(events), "{text}");
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
            for columns in [0, 20, 80, 200] {
                let text = plot.draw(columns, true, false);
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
            let sum: u64 = plot.bars().1.iter().map(|bar| bar.event_count).sum();
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
        let text = plot.draw(44, true, false);
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
