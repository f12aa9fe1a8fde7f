//! What a result's file says of the run that made it, where its format has room for it.

#[cfg(any(feature = "parquet", feature = "arrow"))]
use crate::aggregate::GrandTotals;
use crate::books::Books;
use crate::event::DateRange;

/// Keys and values, in the order in which they are written. Only what is the same for the same result: a
/// file whose rows are what they were has to be what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// Of the rows in a file.
    #[cfg(any(feature = "parquet", feature = "arrow"))]
    pub(super) fn of_rows(totals: &GrandTotals) -> Facts {
        let mut facts = Facts(vec![
            ("daytally.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("daytally.groups", totals.groups.to_string()),
            ("daytally.event_count", totals.event_count.to_string()),
            ("daytally.purchase_count", totals.purchase_count.to_string()),
            ("daytally.total_revenue", totals.total_revenue.to_string()),
        ]);
        if let Some((first, last)) = totals.dates {
            facts.0.push(("daytally.first_date", first.to_string()));
            facts.0.push(("daytally.last_date", last.to_string()));
        }
        facts
    }

    /// Of the lines that were read for them, and the days that were asked for.
    pub(crate) fn of_run(books: &Books, dates: DateRange) -> Facts {
        let mut facts = Facts(vec![
            ("daytally.lines", books.lines().to_string()),
            ("daytally.blank", books.blank.to_string()),
            ("daytally.valid", books.valid.to_string()),
            ("daytally.filtered", books.filtered.to_string()),
            ("daytally.invalid", books.invalid().to_string()),
        ]);
        let reasons: Vec<String> = books
            .invalid_by_reason()
            .map(|(reason, count)| format!("\"{}\":{count}", reason.code()))
            .collect();
        facts.0.push((
            "daytally.invalid_by_reason",
            format!("{{{}}}", reasons.join(",")),
        ));
        let limits = [("daytally.from", dates.from()), ("daytally.to", dates.to())];
        for (key, date) in limits {
            facts.0.extend(date.map(|date| (key, date.to_string())));
        }
        facts
    }

    /// These, and others after them.
    #[cfg(any(feature = "parquet", feature = "arrow"))]
    pub(super) fn and(mut self, others: Option<Facts>) -> Facts {
        self.0
            .extend(others.into_iter().flat_map(|others| others.0));
        self
    }

    #[cfg(any(feature = "parquet", feature = "arrow"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, value)| (*key, value.as_str()))
    }
}
