//! Pictures of rows, each with a name of its own, so that nobody has to tell colours apart: bars, and
//! columns along an axis that all rows share.

use super::axis::{Room, percents, share, write_labels};
use super::chart::{Column, Frame, Mark, drawn, placed};
use super::html::{escaped, push};

/// How high a row is, and where it has what, in pixels.
const ROW: f64 = 34.0;
const TEXT: f64 = 12.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 30.0;

/// A row: its name, and what is written at its end.
pub(super) struct Row<T> {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) drawn: T,
}

fn words<T>(row: &Row<T>, y: f64, out: &mut String) {
    push(
        out,
        format_args!(
            "<text y=\"{0}\">{1}</text><text x=\"100%\" y=\"{0}\" class=\"end\">{2}</text>\n",
            y + TEXT,
            escaped(&row.name),
            escaped(&row.text)
        ),
    );
}

/// Appends a picture of a bar for each row.
pub(super) fn bars(frame: &Frame<'_>, class: &str, rows: &[Row<f64>], out: &mut String) {
    frame.start("", "rows", ROW * drawn(rows.len() as u64), out);
    let most = rows
        .iter()
        .map(|row| row.drawn)
        .fold(f64::MIN_POSITIVE, f64::max);
    push(out, format_args!("<g class=\"{class}\">\n"));
    for (at, row) in rows.iter().enumerate() {
        let y = ROW * drawn(at as u64);
        words(row, y, out);
        push(
            out,
            format_args!(
                "<rect y=\"{}\" width=\"{}%\" height=\"11\"/>\n",
                y + TOP,
                share((row.drawn / most).max(0.002)),
            ),
        );
    }
    out.push_str("</g>\n");
    frame.end(out);
}

/// Appends a picture of columns for each row, each with a scale of its own, from 0 to 100 percent of what
/// they go along.
pub(super) fn strips(frame: &Frame<'_>, class: &str, rows: &[Row<Vec<Column>>], out: &mut String) {
    let height = ROW * drawn(rows.len() as u64);
    frame.start("", "rows", height + 18.0, out);
    push(out, format_args!("<g class=\"{class}\">\n"));
    for (at, row) in rows.iter().enumerate() {
        let y = ROW * drawn(at as u64);
        words(row, y, out);
        let value = |column: &Column| match column.mark {
            Mark::Bar { value, .. } => value,
            Mark::Nothing | Mark::Break(_) => 0.0,
        };
        let most = row
            .drawn
            .iter()
            .map(value)
            .fold(f64::MIN_POSITIVE, f64::max);
        for (column, from, to) in placed(&row.drawn) {
            let value = value(column);
            if value > 0.0 {
                let height = ((BOTTOM - TOP) * value / most).max(1.0);
                push(
                    out,
                    format_args!(
                        "<rect x=\"{}%\" y=\"{:.1}\" width=\"{}%\" height=\"{height:.1}\"/>",
                        share(from),
                        y + BOTTOM - height,
                        share((to - from).max(0.002)),
                    ),
                );
            }
        }
        push(
            out,
            format_args!(
                "<line class=\"axis\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>\n",
                y + BOTTOM
            ),
        );
    }
    out.push_str("</g>\n");
    let room = Room {
        left: 0.0,
        right: 0.0,
    };
    write_labels(&percents(), room, height + 12.0, out);
    frame.end(out);
}
