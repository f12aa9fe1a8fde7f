//! Pictures of numbers, as SVG within the page. They carry no number of their own that is not in a table.

use super::html::{escaped, push};

/// The size of a picture with columns, in its own units; it scales with the page.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 230.0;
/// Where the columns are.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 472.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 196.0;
/// How wide a character of a label is, about.
const CHARACTER: f64 = 8.3;

/// A column of a picture.
pub(super) enum Column {
    /// A value for each series, one on top of the other; what it is called on the axis; and what a
    /// pointer on it shows.
    Bar(Vec<f64>, String, String),
    /// Something left out: what, for a pointer on it.
    Break(String),
}

/// What a picture is.
pub(super) struct Chart<'a> {
    /// For tests and links.
    pub(super) id: &'a str,
    pub(super) title: String,
    /// In words, what is to be seen.
    pub(super) description: String,
    /// The class of each series, and its name if there is a legend.
    pub(super) series: Vec<(&'static str, String)>,
}

impl Chart<'_> {
    fn start(&self, height: f64, out: &mut String) {
        let (id, title) = (self.id, escaped(&self.title));
        push(
            out,
            format_args!(
                "<figure>\n<figcaption>{title}</figcaption>\n\
                 <svg id=\"{id}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
                 aria-labelledby=\"{id}-t {id}-d\">\n\
                 <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{}</desc>\n",
                escaped(&self.description)
            ),
        );
    }

    fn end(&self, out: &mut String) {
        out.push_str("</svg>\n");
        if self.series.len() > 1 {
            out.push_str("<ul class=\"legend\">");
            for (class, name) in &self.series {
                push(
                    out,
                    format_args!("<li><i class=\"{class}\"></i>{}</li>", escaped(name)),
                );
            }
            out.push_str("</ul>\n");
        }
        out.push_str("</figure>\n");
    }

    /// Appends a picture of columns.
    pub(super) fn columns(&self, columns: &[Column], out: &mut String) {
        self.start(HEIGHT, out);
        let sum = |column: &Column| match column {
            Column::Bar(values, ..) => values.iter().sum(),
            Column::Break(_) => 0.0,
        };
        let scale = Scale::of(columns.iter().map(sum).fold(0.0, f64::max));
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * value / scale.top;
        for tick in scale.ticks() {
            let at = y(tick);
            push(
                out,
                format_args!(
                    "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>\
                     <text x=\"{}\" y=\"{:.1}\" class=\"end\">{}</text>\n",
                    LEFT - 5.0,
                    at + 4.5,
                    short(tick)
                ),
            );
        }
        let width = (RIGHT - LEFT) / drawn(columns.len().max(1) as u64);
        let gap = if width > 3.0 {
            width.min(20.0) * 0.2
        } else {
            0.0
        };
        for (at, column) in columns.iter().enumerate() {
            let x = LEFT + width * drawn(at as u64);
            match column {
                Column::Bar(values, _, tip) if values.iter().any(|value| *value > 0.0) => {
                    push(out, format_args!("<g><title>{}</title>", escaped(tip)));
                    let mut below = 0.0;
                    for (value, (class, _)) in values.iter().zip(&self.series) {
                        if *value > 0.0 {
                            // So that it is to be seen at all.
                            let height = (y(below) - y(below + value)).max(0.8);
                            push(
                                out,
                                format_args!(
                                    "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
                                    x + gap / 2.0,
                                    y(below) - height,
                                    (width - gap).max(0.6),
                                ),
                            );
                            below += value;
                        }
                    }
                    out.push_str("</g>\n");
                }
                Column::Bar(..) => {}
                Column::Break(what) => push(
                    out,
                    format_args!(
                        "<g><title>{}</title><path class=\"break\" d=\"M{:.1} {TOP}V{BOTTOM}\"/></g>\n",
                        escaped(what),
                        x + width / 2.0
                    ),
                ),
            }
        }
        push(
            out,
            format_args!("<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/>\n"),
        );
        Chart::labels(columns, width, out);
        self.end(out);
    }

    /// The labels below the axis: as many as there is room for, and those of the ends in any case.
    fn labels(columns: &[Column], width: f64, out: &mut String) {
        let labels: Vec<(usize, &str)> = columns
            .iter()
            .enumerate()
            .filter_map(|(at, column)| match column {
                Column::Bar(_, label, _) => Some((at, label.as_str())),
                Column::Break(_) => None,
            })
            .collect();
        let length = |label: &str| CHARACTER * drawn(label.chars().count() as u64);
        let mut free_from = 0.0;
        let last = labels.last().copied();
        let last_from = last.map_or(RIGHT, |(_, label)| WIDTH - 8.0 - length(label));
        for (at, label) in labels {
            let middle = LEFT + width * (drawn(at as u64) + 0.5);
            let length = length(label);
            let is_last = last.is_some_and(|(last, _)| last == at);
            let from = (middle - length / 2.0).clamp(0.0, (WIDTH - 8.0 - length).max(0.0));
            if !is_last && (from < free_from || from + length + 12.0 > last_from) {
                continue;
            }
            if is_last && from < free_from {
                continue;
            }
            free_from = from + length + 12.0;
            push(
                out,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{}\" class=\"mid\">{}</text>\n",
                    from + length / 2.0,
                    BOTTOM + 20.0,
                    escaped(label)
                ),
            );
        }
    }

    /// Appends a picture of rows: a label, a value, and what is written after it.
    pub(super) fn rows(&self, rows: &[(String, f64, String)], out: &mut String) {
        const ROW: f64 = 42.0;
        self.start(ROW * drawn(rows.len() as u64) + 4.0, out);
        let most = rows
            .iter()
            .map(|row| row.1)
            .fold(f64::MIN_POSITIVE, f64::max);
        let class = self.series.first().map_or("", |(class, _)| class);
        for (at, (label, value, text)) in rows.iter().enumerate() {
            let y = ROW * drawn(at as u64);
            push(
                out,
                format_args!(
                    "<text x=\"2\" y=\"{}\">{}</text><text x=\"{}\" y=\"{}\" class=\"end\">{}</text>\
                     <rect class=\"{class}\" x=\"2\" y=\"{}\" width=\"{:.1}\" height=\"14\"/>\n",
                    y + 15.0,
                    escaped(label),
                    WIDTH - 2.0,
                    y + 15.0,
                    escaped(text),
                    y + 21.0,
                    ((WIDTH - 4.0) * value / most).max(1.0),
                ),
            );
        }
        self.end(out);
    }
}

/// The axis of values.
struct Scale {
    step: f64,
    top: f64,
}

impl Scale {
    /// From 0 to a round number that is not below the most, in two to five steps.
    fn of(most: f64) -> Scale {
        if most <= 0.0 {
            return Scale {
                step: 1.0,
                top: 1.0,
            };
        }
        let ten = 10_f64.powf((most / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|part| part * ten)
            .find(|step| step * 4.0 >= most)
            .unwrap_or(ten * 10.0);
        Scale {
            step,
            top: (most / step).ceil() * step,
        }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (step, top) = (self.step, self.top);
        (0_u32..6)
            .map(move |n| f64::from(n) * step)
            .take_while(move |tick| *tick <= top * 1.001)
    }
}

/// A number on an axis: 1,200,000 is 1.2M.
fn short(number: f64) -> String {
    const UNITS: [(f64, &str); 7] = [
        (1e18, "E"),
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
    ];
    let (unit, name) = UNITS
        .into_iter()
        .find(|(unit, _)| number >= unit * 0.9999)
        .unwrap_or((1.0, ""));
    let text = if number > 0.0 && number < 0.01 {
        format!("{number:.0e}")
    } else {
        format!("{:.2}", number / unit)
    };
    let text = if text.contains('e') {
        &text
    } else {
        text.trim_end_matches('0').trim_end_matches('.')
    };
    format!("{text}{name}")
}

/// A count as what is drawn of it; nobody sees the last of 53 bits.
#[expect(clippy::cast_precision_loss, reason = "it is only drawn")]
pub(super) fn drawn(number: u64) -> f64 {
    number as f64
}

/// The same of a decimal.
pub(super) fn drawn_decimal(decimal: &impl ToString) -> f64 {
    decimal.to_string().parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_above_the_most() {
        for most in [
            1e-18, 0.004, 0.3, 1.0, 7.0, 19.99, 100.0, 12_345.0, 9.9e14, 3e38,
        ] {
            let scale = Scale::of(most);
            let ticks = scale.ticks().count();
            assert!(
                scale.top >= most && scale.top <= most * 2.6,
                "{most}: {}",
                scale.top
            );
            assert!((2..=5).contains(&ticks), "{most}: {ticks}");
        }
        assert_eq!(Scale::of(0.0).ticks().count(), 2);
    }

    #[test]
    fn numbers_on_axes_are_short() {
        for (number, shown) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (20.0, "20"),
            (1000.0, "1k"),
            (2_500_000.0, "2.5M"),
            (1e15, "1P"),
            (2e-7, "2e-7"),
        ] {
            assert_eq!(short(number), shown);
        }
    }
}
