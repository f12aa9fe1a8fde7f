//! Pictures of columns, as SVG within the page. They carry no number of their own that is not in a table.
//!
//! What lies across is in percent and what is upright in pixels, so that a picture takes the width of its
//! place and its text keeps its size.

use super::axis::{Label, Room, Scale, percents, share, write_labels};
use super::html::{escaped, push};

const HEIGHT: f64 = 190.0;
/// Where the columns end and start.
const TOP: f64 = 20.0;
const BOTTOM: f64 = 164.0;
/// From so many columns on there is no space between them.
const DENSE: usize = 61;
/// So many columns have their values written above them, if there is room even on a phone.
const FEW: usize = 8;

/// What labels of an axis with numbers to its left have.
const BESIDE_NUMBERS: Room = Room {
    left: 40.0,
    right: 8.0,
};

/// A column of a picture.
pub(super) struct Column {
    /// How much of the axis it takes, compared with the others.
    pub(super) width: f64,
    pub(super) mark: Mark,
}

/// What is drawn in the place of a column.
pub(super) enum Mark {
    Bar {
        value: f64,
        /// What it is called on the axis, and at more length.
        label: String,
        name: String,
        /// The value in words.
        text: String,
    },
    Nothing,
    /// Something left out: what, for a pointer on it.
    Break(String),
}

/// What a picture is, whatever is in it.
pub(super) struct Frame<'a> {
    /// For tests and links.
    pub(super) id: &'a str,
    pub(super) title: String,
    /// The most that is to be said of it, beside the title.
    pub(super) note: String,
    /// In words, what is to be seen.
    pub(super) description: String,
    /// What the axis across is of.
    pub(super) across: String,
}

impl Frame<'_> {
    pub(super) fn start(&self, unit: &str, class: &str, height: f64, out: &mut String) {
        let (id, title) = (self.id, escaped(&self.title));
        push(out, format_args!("<figure>\n<figcaption>{title}"));
        if !self.note.is_empty() {
            push(out, format_args!(" <span>{}</span>", escaped(&self.note)));
        }
        out.push_str("</figcaption>\n");
        if !unit.is_empty() {
            push(
                out,
                format_args!("<p class=\"unit\">{}</p>\n", escaped(unit)),
            );
        }
        push(
            out,
            format_args!(
                "<svg id=\"{id}\" class=\"{class}\" height=\"{height}\" role=\"img\" \
                 aria-labelledby=\"{id}-t {id}-d\">\n\
                 <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{}</desc>\n",
                escaped(&self.description)
            ),
        );
    }

    pub(super) fn end(&self, out: &mut String) {
        out.push_str("</svg>\n");
        if !self.across.is_empty() {
            push(
                out,
                format_args!("<p class=\"across\">{}</p>\n", escaped(&self.across)),
            );
        }
        out.push_str("</figure>\n");
    }
}

/// A picture of columns.
pub(super) struct Chart<'a> {
    pub(super) frame: Frame<'a>,
    /// The class of the columns, for their colour.
    pub(super) class: &'static str,
    /// What is counted.
    pub(super) unit: &'a str,
    /// Whether it is counted in whole ones.
    pub(super) is_count: bool,
    /// How wide a column is at most, as a share of the axis.
    pub(super) widest: f64,
    /// Whether the axis goes from 0 to 100 percent, instead of naming the columns.
    pub(super) is_in_percent: bool,
}

impl Chart<'_> {
    /// Appends the picture.
    pub(super) fn write(&self, columns: &[Column], out: &mut String) {
        let most = columns.iter().map(Column::value).fold(0.0, f64::max);
        let scale = Scale::of(most, self.is_count);
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * value / scale.top;
        self.frame
            .start(&scale.unit(self.unit), "columns", HEIGHT, out);
        for (tick, text) in scale.ticks() {
            let at = y(tick);
            push(
                out,
                format_args!(
                    "<line class=\"grid\" x2=\"100%\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                     <text x=\"-6\" y=\"{:.1}\" class=\"end\">{text}</text>\n",
                    at + 4.0,
                ),
            );
        }
        let density = if columns.len() < DENSE { "" } else { " dense" };
        push(out, format_args!("<g class=\"{}{density}\">\n", self.class));
        let has_values = has_room_for_values(columns);
        let mut values = String::new();
        for (column, from, to) in placed(columns) {
            let middle = f64::midpoint(from, to);
            match &column.mark {
                Mark::Bar {
                    value, name, text, ..
                } if *value > 0.0 => {
                    // So that it is to be seen at all.
                    let height = (y(0.0) - y(*value)).max(0.8);
                    let (from, width) = self.extent(columns.len(), from, to);
                    push(
                        out,
                        format_args!(
                            "<rect x=\"{}%\" y=\"{:.1}\" width=\"{}%\" height=\"{height:.1}\">\
                             <title>{}: {}</title></rect>\n",
                            share(from),
                            BOTTOM - height,
                            share(width),
                            escaped(name),
                            escaped(text),
                        ),
                    );
                    if has_values {
                        push(
                            &mut values,
                            format_args!(
                                "<text x=\"{}%\" y=\"{:.1}\" class=\"mid\">{}</text>\n",
                                share(middle),
                                BOTTOM - height - 5.0,
                                escaped(text)
                            ),
                        );
                    }
                }
                Mark::Bar { .. } | Mark::Nothing => {}
                Mark::Break(what) => push(
                    out,
                    format_args!(
                        "<line class=\"break\" x1=\"{0}%\" x2=\"{0}%\" y1=\"{TOP}\" y2=\"{BOTTOM}\">\
                         <title>{1}</title></line>\n",
                        share(middle),
                        escaped(what),
                    ),
                ),
            }
        }
        push(
            out,
            format_args!(
                "</g>\n{values}<line class=\"axis\" x2=\"100%\" y1=\"{BOTTOM}\" y2=\"{BOTTOM}\"/>\n"
            ),
        );
        let labels = if self.is_in_percent {
            percents()
        } else {
            labels(columns)
        };
        write_labels(&labels, BESIDE_NUMBERS, BOTTOM + 18.0, out);
        self.frame.end(out);
    }

    /// Where a column starts and how wide it is, in its place.
    fn extent(&self, count: usize, from: f64, to: f64) -> (f64, f64) {
        if count >= DENSE {
            // They have an outline, too, or there would be seams.
            return (from, (to - from).max(0.0005));
        }
        let width = ((to - from) * 0.8).min(self.widest);
        (f64::midpoint(from, to) - width / 2.0, width)
    }
}

impl Column {
    fn value(&self) -> f64 {
        match self.mark {
            Mark::Bar { value, .. } => value,
            Mark::Nothing | Mark::Break(_) => 0.0,
        }
    }
}

/// Each column with where it starts and ends, as shares of the axis.
pub(super) fn placed(columns: &[Column]) -> impl Iterator<Item = (&Column, f64, f64)> {
    let all: f64 = columns.iter().map(|column| column.width).sum();
    let mut before = 0.0;
    columns.iter().map(move |column| {
        let from = before;
        before += column.width / all;
        (column, from, before)
    })
}

fn labels(columns: &[Column]) -> Vec<Label> {
    placed(columns)
        .filter_map(|(column, from, to)| match &column.mark {
            Mark::Bar { label, .. } => Some(Label {
                from,
                to,
                text: label.clone(),
            }),
            Mark::Nothing | Mark::Break(_) => None,
        })
        .collect()
}

/// Whether all values can be written above their columns, even on the narrowest phone.
fn has_room_for_values(columns: &[Column]) -> bool {
    let length = |column: &Column| match &column.mark {
        Mark::Bar { text, .. } => text.chars().count(),
        Mark::Nothing | Mark::Break(_) => 0,
    };
    let longest = columns.iter().map(length).max().unwrap_or(0);
    columns.len() <= FEW && (longest * 8 + 8) * columns.len() <= 200
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

    fn chart(widest: f64) -> Chart<'static> {
        Chart {
            frame: Frame {
                id: "id",
                title: "title".into(),
                note: String::new(),
                description: String::new(),
                across: String::new(),
            },
            class: "events",
            unit: "events",
            is_count: true,
            widest,
            is_in_percent: false,
        }
    }

    fn bars(count: u64) -> Vec<Column> {
        (1..=count)
            .map(|value| Column {
                width: 1.0,
                mark: Mark::Bar {
                    value: drawn(value),
                    label: value.to_string(),
                    name: value.to_string(),
                    text: value.to_string(),
                },
            })
            .collect()
    }

    #[test]
    fn columns_are_within_their_places_and_not_too_wide() {
        for count in [1_u64, 2, 5, 60, 61, 366, 400] {
            let chart = chart(0.06);
            let bars = bars(count);
            for (_, from, to) in placed(&bars) {
                let (start, width) = chart.extent(bars.len(), from, to);
                assert!(
                    start >= from - 1e-9 && start + width <= to + 1e-9,
                    "{count}"
                );
                assert!((0.0005..0.0601).contains(&width), "{count}: {width}");
            }
        }
    }

    #[test]
    fn few_columns_have_their_values_above_them() {
        for (count, are_written) in [(1, true), (3, true), (9, false), (90, false)] {
            let mut out = String::new();
            chart(0.06).write(&bars(count), &mut out);
            let has_values = out.contains("class=\"mid\">1</text>");
            assert_eq!(has_values, are_written, "{count}");
            assert_eq!(out.matches("<rect").count() as u64, count);
        }
    }
}
