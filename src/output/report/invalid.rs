//! The invalid events: by reason, and where in the input they are.

use super::chart::{Chart, Column, Frame, Mark, drawn};
use super::html::{Cell, Table, escaped, grouped, input_name, percent, plural, push, table};
use super::places::Part;
use super::rows::{Row, bars, strips};
use super::{INPUTS, Report};
use crate::event::Reason;

/// How many parts the inputs are divided into.
const PARTS: u64 = 60;

/// How wide a column is at most, as a share of the axis.
const WIDEST: f64 = 0.06;

/// What the axis of positions is.
const ACROSS: &str = "position: share of the bytes of all inputs, one after the other";

impl Report<'_> {
    pub(super) fn invalid(&self, out: &mut String) {
        out.push_str("<section id=\"invalid\">\n<h2>Invalid events</h2>\n");
        let summary = self.summary;
        let events = summary.invalid + summary.valid + summary.filtered;
        if summary.invalid == 0 {
            out.push_str("<p>There are none.</p>\n</section>\n");
            return;
        }
        let mut reasons: Vec<(Reason, u64)> = Reason::ALL
            .iter()
            .copied()
            .filter_map(|reason| Some((reason, *summary.invalid_by_reason.get(reason.code())?)))
            .collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), reason.index()));
        push(
            out,
            format_args!(
                "<p>{} of {}: {}",
                grouped(summary.invalid),
                plural(events, "event"),
                percent(summary.invalid, events)
            ),
        );
        match &*reasons {
            [(reason, _)] => push(
                out,
                format_args!(", all for one reason: {}.</p>\n", escaped(reason.code())),
            ),
            _ => push(
                out,
                format_args!(", for {}.</p>\n", plural(reasons.len() as u64, "reason")),
            ),
        }

        let parts = self.parts();
        out.push_str("<div class=\"charts whole\">\n");
        self.by_position(&parts, out);
        out.push_str("</div>\n");
        // Of one reason it would be the same once more.
        if reasons.len() > 1 {
            out.push_str("<div class=\"charts\">\n");
            by_reason(&reasons, out);
            by_reason_and_position(&reasons, &parts, out);
            out.push_str("</div>\n");
        }

        let rows = reasons.iter().map(|(reason, count)| {
            let first = self.rejects.first(*reason).and_then(|(input, line)| {
                let name = input_name(&summary.inputs.get(input)?.input);
                // As `daytally explain` takes it.
                Some(format!("{name}:{line}"))
            });
            vec![
                Cell::words(reason.code()),
                Cell::number(count),
                Cell::Number(percent(*count, summary.invalid)),
                Cell::name(first.unwrap_or_else(|| "–".into())),
            ]
        });
        table(
            "reason-table",
            "Invalid events by reason",
            &["reason", "events", "share", "first at"],
            0,
        )
        .write(rows, out);
        self.position_table(&reasons, &parts, out);
        self.worst_inputs(out);
        out.push_str("</section>\n");
    }

    fn parts(&self) -> Vec<Part> {
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

    fn by_position(&self, parts: &[Part], out: &mut String) {
        let mut most: Option<(u64, String)> = None;
        let columns: Vec<Column> = parts
            .iter()
            .map(|part| {
                let count: u64 = part.counts.iter().sum();
                let name = format!("from {}", self.place(part.start));
                let text = grouped(count);
                if most.as_ref().is_none_or(|(most, _)| count > *most) {
                    most = Some((count, format!("{text} ({name})")));
                }
                Column {
                    width: drawn(part.bytes),
                    mark: Mark::Bar {
                        value: drawn(count),
                        label: String::new(),
                        name,
                        text,
                    },
                }
            })
            .collect();
        let most = most.map_or(String::new(), |(_, text)| text);
        Chart {
            frame: Frame {
                id: "positions",
                title: "Invalid events by position in the input".into(),
                note: format!("the most: {most}"),
                description: format!(
                    "Columns for {} of about the same size, from the first byte of the first input to the last of \
                     the last. All numbers are in the table of positions.",
                    plural(parts.len() as u64, "part")
                ),
                across: ACROSS.into(),
            },
            class: "bad",
            unit: "invalid events",
            is_count: true,
            widest: WIDEST,
            is_in_percent: true,
        }
        .write(&columns, out);
    }

    fn position_table(&self, reasons: &[(Reason, u64)], parts: &[Part], out: &mut String) {
        let mut heads = vec!["from", "bytes", "invalid"];
        heads.extend(reasons.iter().map(|(reason, _)| reason.code()));
        let rows = parts.iter().map(|part| {
            let mut row = vec![
                Cell::name(self.place(part.start)),
                Cell::number(part.bytes),
                Cell::number(part.counts.iter().sum::<u64>()),
            ];
            let counts = reasons
                .iter()
                .map(|(reason, _)| part.counts[reason.index()]);
            row.extend(counts.map(Cell::number));
            row
        });
        let table = table(
            "position-table",
            "Invalid events by position in the input, and by reason",
            &heads,
            parts.len(),
        );
        Table {
            turned_from: 3,
            ..table
        }
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
                Cell::name(input_name(&input.input)),
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
}

fn by_reason(reasons: &[(Reason, u64)], out: &mut String) {
    let rows: Vec<Row<f64>> = reasons
        .iter()
        .map(|(reason, count)| Row {
            name: reason.code().into(),
            text: grouped(count),
            drawn: drawn(*count),
        })
        .collect();
    let frame = Frame {
        id: "reasons",
        title: "Invalid events by reason".into(),
        note: String::new(),
        description:
            "Bars for each reason, the most frequent first. All numbers are in the table of \
                      reasons."
                .into(),
        across: String::new(),
    };
    bars(&frame, "bad", &rows, out);
}

/// In the same order, so that each reason has one line through both pictures.
fn by_reason_and_position(reasons: &[(Reason, u64)], parts: &[Part], out: &mut String) {
    let rows: Vec<Row<Vec<Column>>> = reasons
        .iter()
        .map(|(reason, _)| {
            let counts = parts.iter().map(|part| part.counts[reason.index()]);
            let columns = parts
                .iter()
                .zip(counts.clone())
                .map(|(part, count)| Column {
                    width: drawn(part.bytes),
                    mark: Mark::Bar {
                        value: drawn(count),
                        label: String::new(),
                        name: String::new(),
                        text: String::new(),
                    },
                });
            Row {
                name: reason.code().into(),
                text: format!("up to {}", grouped(counts.clone().max().unwrap_or(0))),
                drawn: columns.collect(),
            }
        })
        .collect();
    let frame = Frame {
        id: "reason-positions",
        title: "Where in the input each reason is".into(),
        note: String::new(),
        description:
            "Columns by position in the input, a row for each reason, the most frequent first. All \
                      numbers are in the table of positions."
                .into(),
        across: "position, as above; each row has a scale of its own".into(),
    };
    strips(&frame, "bad", &rows, out);
}
