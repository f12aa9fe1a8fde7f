//! Writing HTML: escaping, numbers, tables.

use std::fmt::{self, Display, Write as _};

use crate::text;
pub(super) use crate::text::counted as plural;

/// How many rows of a table are shown unfolded.
const UNFOLDED: usize = 24;

/// Text that is safe between tags and in quoted attributes, whatever it is.
pub(super) fn escaped<T: Display>(text: T) -> Escaped<T> {
    Escaped(text)
}

/// Text from outside: what cannot be shown, or would reorder what a reader sees, is escaped first.
pub(super) fn foreign(text: &str) -> impl Display + '_ {
    escaped(text::name(text))
}

pub(super) struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match c {
                    '&' => self.0.write_str("&amp;"),
                    '<' => self.0.write_str("&lt;"),
                    '>' => self.0.write_str("&gt;"),
                    '"' => self.0.write_str("&quot;"),
                    '\'' => self.0.write_str("&#39;"),
                    c => self.0.write_char(c),
                })
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}

/// A number with its digits in groups of three; what is after a point stays as it is.
pub(super) fn grouped(number: impl Display) -> String {
    text::grouped(number).replace('-', "−")
}

/// A share in percent, rounded to two decimals; above none it is not shown as none, nor below all as all.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".into();
    }
    let (part_of, whole_of) = (u128::from(part), u128::from(whole));
    let rounded = (part_of * 10_000 + whole_of / 2) / whole_of;
    let hundredths = if part < whole {
        rounded.min(9_999)
    } else {
        rounded
    };
    if hundredths == 0 && part > 0 {
        return "< 0.01%".into();
    }
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// An input as people know it.
pub(super) fn input_name(name: &str) -> String {
    if name == "-" {
        "standard input".into()
    } else {
        text::name(name).to_string()
    }
}

/// The same number, which may be broken between its groups, and between threes of its decimals.
pub(super) fn breakable(grouped: &str) -> String {
    let (whole, decimals) = grouped.split_at(grouped.find('.').unwrap_or(grouped.len()));
    let mut text = whole.replace(',', ",<wbr>");
    for (at, c) in decimals.chars().enumerate() {
        // After the point, but not in it: two decimals stay together.
        if at == 1 && decimals.len() > 4 || at > 1 && (at - 1).is_multiple_of(3) {
            text.push_str("<wbr>");
        }
        text.push(c);
    }
    text
}

/// A cell of a table.
pub(super) enum Cell {
    /// Set flush right.
    Number(String),
    /// Words; already HTML.
    Words(String),
    /// Words that may be long and have no places to break, as names of files; already HTML.
    Name(String),
}

impl Cell {
    pub(super) fn number(number: impl Display) -> Cell {
        Cell::Number(grouped(number))
    }

    pub(super) fn words(words: impl Display) -> Cell {
        Cell::Words(escaped(words).to_string())
    }

    pub(super) fn name(name: impl Display) -> Cell {
        Cell::Name(escaped(name).to_string())
    }

    pub(super) fn foreign(text: &str) -> Cell {
        Cell::Name(foreign(text).to_string())
    }
}

/// What a table is.
pub(super) struct Table<'a> {
    /// For tests and links.
    pub(super) id: &'a str,
    pub(super) caption: String,
    pub(super) heads: Vec<String>,
    /// Whether it is folded at first.
    pub(super) is_folded: bool,
    /// The heads from there on are set from bottom to top.
    pub(super) turned_from: usize,
}

/// A table that holds the numbers of a picture, too.
pub(super) fn table<'a>(id: &'a str, caption: &str, heads: &[&str], rows: usize) -> Table<'a> {
    Table {
        id,
        caption: caption.into(),
        heads: heads.iter().map(|head| (*head).to_owned()).collect(),
        is_folded: rows > UNFOLDED,
        turned_from: usize::MAX,
    }
}

impl Table<'_> {
    /// Appends the table. The first cell of each row is its head.
    pub(super) fn write(&self, rows: impl IntoIterator<Item = Vec<Cell>>, out: &mut String) {
        let caption = escaped(&self.caption);
        if self.is_folded {
            push(
                out,
                format_args!("<details><summary>Table: {caption}</summary>\n"),
            );
        }
        push(
            out,
            format_args!(
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n\
                 <table id=\"{}\"><caption>{caption}</caption>\n<thead><tr>",
                self.id
            ),
        );
        let mut is_number = Vec::new();
        let mut body = String::new();
        for row in rows {
            body.push_str("<tr>");
            for (at, cell) in row.into_iter().enumerate() {
                if at == is_number.len() {
                    is_number.push(matches!(cell, Cell::Number(_)));
                }
                let (class, content) = match cell {
                    Cell::Number(number) => ("", number),
                    Cell::Words(words) => (" class=\"w\"", words),
                    Cell::Name(name) => (" class=\"w n\"", name),
                };
                // The ends of cells and rows may be left out (HTML 13.1.2.4).
                match at {
                    0 => push(
                        &mut body,
                        format_args!("<th scope=\"row\"{class}>{content}"),
                    ),
                    _ => push(&mut body, format_args!("<td{class}>{content}")),
                }
            }
            body.push('\n');
        }
        for (at, head) in self.heads.iter().enumerate() {
            let class = match is_number.get(at) {
                Some(false) => " class=\"w\"",
                _ => "",
            };
            let head = escaped(head);
            if at >= self.turned_from {
                push(
                    out,
                    format_args!("<th scope=\"col\" class=\"t\"><span>{head}</span>"),
                );
            } else {
                push(out, format_args!("<th scope=\"col\"{class}>{head}"));
            }
        }
        push(
            out,
            format_args!("</thead>\n<tbody>\n{body}</tbody></table></div>\n"),
        );
        if self.is_folded {
            out.push_str("</details>\n");
        }
    }
}

/// Appends text. A string takes all of it.
pub(super) fn push(out: &mut String, text: fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_place() {
        assert_eq!(
            foreign("<script>\"&'\u{202e}\u{1b}").to_string(),
            "&lt;script&gt;&quot;&amp;&#39;\\u202e\\u001b"
        );
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, shown) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567", "−1,234,567"),
            ("123456.1234567", "123,456.1234567"),
        ] {
            assert_eq!(grouped(number), shown);
        }
        for (number, shown) in [
            ("12.50", "12.50"),
            ("1,234.50", "1,<wbr>234.50"),
            ("1,234.1234567", "1,<wbr>234.<wbr>123<wbr>456<wbr>7"),
        ] {
            assert_eq!(breakable(number), shown);
        }
        assert_eq!(percent(1, 3), "33.33%");
        assert_eq!(percent(2, 3), "66.67%");
        assert_eq!(percent(999_999, 1_000_000), "99.99%");
        assert_eq!(percent(1, 1_000_000), "< 0.01%");
        assert_eq!(percent(0, 9), "0.00%");
        assert_eq!(percent(9, 9), "100.00%");
        assert_eq!(percent(0, 0), "–");
    }
}
