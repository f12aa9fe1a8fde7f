//! What depends on how the run was done, and not on the data alone: it is here and nowhere else.

use super::html::{Cell, grouped, input_name, plural, push, table};
use super::{INPUTS, Report};
use crate::text;

/// A fact of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Shown as all numbers are: with its digits in groups of three.
    Number(u64),
    /// Shown as it is, escaped where that is needed.
    Text(String),
}

impl From<u64> for Fact {
    fn from(number: u64) -> Fact {
        Fact::Number(number)
    }
}

impl From<usize> for Fact {
    fn from(number: usize) -> Fact {
        Fact::Number(number as u64)
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Fact {
        Fact::Text(text)
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Fact {
        Fact::Text(text.into())
    }
}

impl Report<'_> {
    pub(super) fn run(&self, out: &mut String) {
        out.push_str("<footer id=\"run\">\n<h2>The run</h2>\n");
        let summary = self.summary;
        let bytes: u64 = summary.inputs.iter().map(|input| input.bytes).sum();
        let mut rows: Vec<(&str, String)> = vec![
            ("lines", grouped(summary.lines)),
            ("valid events in the result", grouped(summary.valid)),
            ("valid events of other days", grouped(summary.filtered)),
            ("invalid events", grouped(summary.invalid)),
            ("blank lines", grouped(summary.blank)),
            ("bytes, decompressed", grouped(bytes)),
            ("inputs", grouped(summary.inputs.len())),
            (
                "seconds",
                grouped(format!("{:.2}", summary.elapsed_seconds)),
            ),
            (
                "speed",
                format!(
                    "{} MB/s",
                    grouped(format!("{:.1}", summary.bytes_per_second / 1e6))
                ),
            ),
        ];
        if summary.spilled_bytes > 0 {
            let files = plural(summary.spill_files, "temporary file");
            let bytes = grouped(summary.spilled_bytes);
            rows.push(("taken to the disk", format!("{bytes} bytes in {files}")));
        }
        let place = |path: &str| match path {
            "-" => "standard output".to_owned(),
            path => text::name(path).to_string(),
        };
        match &summary.output {
            Some(output) => {
                rows.push(("result", place(&output.path)));
                rows.push(("its bytes", grouped(output.bytes)));
                if let Some(sha256) = &output.sha256 {
                    rows.push(("its SHA-256", sha256.clone()));
                }
            }
            None => rows.push(("result", "not published".into())),
        }
        if let Some(rejects) = &summary.rejects {
            rows.push(("rejects", place(rejects)));
        }
        rows.extend(self.facts.iter().map(|(name, fact)| {
            let fact = match fact {
                Fact::Number(number) => grouped(number),
                Fact::Text(text) => text.clone(),
            };
            (*name, fact)
        }));
        let rows = rows
            .iter()
            .map(|(name, fact)| vec![Cell::words(name), Cell::foreign(fact)]);
        table("facts", "Facts of the run", &["what", "value"], 0).write(rows, out);

        let inputs = summary.inputs.iter().take(INPUTS).map(|input| {
            let how = match (input.compression, input.compressed_bytes) {
                (Some(format), Some(bytes)) => format!("{format}, {} bytes", grouped(bytes)),
                _ => "not compressed".into(),
            };
            vec![
                Cell::name(input_name(&input.input)),
                Cell::number(input.bytes),
                Cell::number(input.lines),
                Cell::words(how),
                Cell::words(input.source.unwrap_or("read")),
            ]
        });
        table(
            "inputs",
            "Inputs",
            &["input", "bytes, decompressed", "lines", "stored as", "how"],
            0,
        )
        .write(inputs, out);
        let more = summary.inputs.len().saturating_sub(INPUTS) as u64;
        if more > 0 {
            push(
                out,
                format_args!("<p>And {}.</p>\n", plural(more, "more input")),
            );
        }
        out.push_str("</footer>\n");
    }
}
