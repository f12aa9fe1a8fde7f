//! What there is by user, over all days: how many have how much, and who has the most.

use super::Report;
use super::axis::raised;
use super::chart::{Chart, Column, Frame, Mark, drawn};
use super::html::{Cell, grouped, percent, plural, push, table};
use crate::aggregate::{Revenue, UserTotal, UserTotals};

/// How wide a column is at most, as a share of the axis.
const WIDEST: f64 = 0.12;

/// Of more bins of revenue, those of a power of ten are put together.
const BINS: usize = 24;

/// From so many digits on a bound is written as a power on an axis.
const DIGITS: usize = 8;

/// Some of the users: those within bounds.
struct Bin {
    /// The bounds, in full, and what is to be read on an axis.
    name: String,
    label: String,
    users: u64,
}

impl Report<'_> {
    pub(super) fn by_user(&self, out: &mut String) {
        out.push_str("<section id=\"users\">\n<h2>By user</h2>\n");
        let users = self.users;
        let (Some(median), Some(most)) = (users.events_of(500), users.events_of(1000)) else {
            out.push_str("<p>There are no users.</p>\n</section>\n");
            return;
        };
        if users.users() == 1 {
            push(
                out,
                format_args!("<p>1 user, with {}.</p>\n", plural(most, "event")),
            );
        } else {
            let at = |share| grouped(users.events_of(share).unwrap_or(0));
            let without = match users.without_revenue() {
                0 => "All have revenue".into(),
                all if all == users.users() => "None has revenue".into(),
                some => format!("{} without revenue", plural(some, "user")),
            };
            push(
                out,
                format_args!(
                    "<p>{} over all days. Half of them have at most {}, nine of ten at most {}, 99 of 100 at most \
                     {}; the most is {}. {without}.</p>\n",
                    plural(users.users(), "user"),
                    plural(median, "event"),
                    at(900),
                    at(990),
                    grouped(most),
                ),
            );
        }
        let (events, revenue) = (event_bins(users), revenue_bins(users));
        out.push_str("<div class=\"charts\">\n");
        draw("events", &events, out);
        draw("revenue", &revenue, out);
        out.push_str("</div>\n<div class=\"tables\">\n");
        for (id, what, bins) in [
            ("event-bins", "events", &events),
            ("revenue-bins", "revenue", &revenue),
        ] {
            out.push_str("<div>\n");
            let rows = bins.iter().map(|bin| {
                vec![
                    Cell::words(&bin.name),
                    Cell::number(bin.users),
                    Cell::Number(percent(bin.users, users.users())),
                ]
            });
            table(
                id,
                &format!("Users by {what}"),
                &[what, "users", "share"],
                bins.len(),
            )
            .write(rows, out);
            out.push_str("</div>\n");
        }
        out.push_str("</div>\n<div class=\"tables\">\n");
        for (id, what, top) in [
            ("top-events", "events", users.most_events()),
            ("top-revenue", "revenue", users.most_revenue()),
        ] {
            if !top.is_empty() {
                out.push_str("<div>\n");
                top_table(id, what, top, out);
                out.push_str("</div>\n");
            }
        }
        out.push_str("</div>\n</section>\n");
    }
}

fn event_bins(users: &UserTotals) -> Vec<Bin> {
    let bins = users.bins_of_events().into_iter();
    bins.map(|(from, to, users)| {
        let name = if from == to {
            grouped(from)
        } else {
            format!("{}–{}", grouped(from), grouped(to))
        };
        Bin {
            label: name.clone(),
            name,
            users,
        }
    })
    .collect()
}

fn revenue_bins(users: &UserTotals) -> Vec<Bin> {
    let mut bins = users.bins_of_revenue();
    if bins.len() > BINS {
        bins = by_power_of_ten(bins);
    }
    let bins = bins.into_iter().map(|(from, to, users)| Bin {
        name: if to.is_saturated() {
            format!("{} or more", grouped(from))
        } else {
            format!("{} to < {}", grouped(from), grouped(to))
        },
        label: bound(from),
        users,
    });
    std::iter::once(Bin {
        name: "none".into(),
        label: "none".into(),
        users: users.without_revenue(),
    })
    .chain(bins)
    .collect()
}

/// Bins from 1, 2 and 5 times a power of ten as bins from a power of ten to the next.
fn by_power_of_ten(bins: Vec<(Revenue, Revenue, u64)>) -> Vec<(Revenue, Revenue, u64)> {
    let power = |bound: Revenue| bound.units().checked_ilog10().unwrap_or(0);
    let mut all: Vec<(Revenue, Revenue, u64)> = Vec::new();
    for (from, to, users) in bins {
        match all.last_mut() {
            Some(last) if power(last.0) == power(from) => {
                last.1 = to;
                last.2 += users;
            }
            _ => all.push((from, to, users)),
        }
    }
    all
}

/// A bound of a bin on an axis: without decimals where there are none, and as a power where it is long.
fn bound(bound: Revenue) -> String {
    let text = grouped(bound);
    let text = text.strip_suffix(".00").unwrap_or(&text);
    if text.len() < DIGITS {
        return text.to_owned();
    }
    // It is 1, 2 or 5 times a power of ten of 10^-18.
    let units = bound.units();
    let power = units.checked_ilog10().unwrap_or(0);
    let first = units / 10_u128.pow(power);
    let raised = raised(power.cast_signed() - 18);
    if first == 1 {
        format!("10{raised}")
    } else {
        format!("{first}×10{raised}")
    }
}

fn draw(what: &'static str, bins: &[Bin], out: &mut String) {
    let columns: Vec<Column> = bins
        .iter()
        .map(|bin| Column {
            width: 1.0,
            mark: Mark::Bar {
                value: drawn(bin.users),
                label: bin.label.clone(),
                name: bin.name.clone(),
                text: plural(bin.users, "user"),
            },
        })
        .collect();
    let most = bins.iter().rev().max_by_key(|bin| bin.users);
    let most = most.map_or("", |bin| bin.name.as_str());
    let is_revenue = what == "revenue";
    Chart {
        frame: Frame {
            id: if is_revenue {
                "revenue-of-users"
            } else {
                "events-of-users"
            },
            title: format!("Users by {what}"),
            note: String::new(),
            description: format!(
                "How many users have how much: bins that grow from left to right. Most users are at {most}."
            ),
            across: if is_revenue {
                "revenue of a user, from".into()
            } else {
                "events of a user".into()
            },
        },
        class: what,
        unit: "users",
        is_count: true,
        widest: WIDEST,
        is_in_percent: false,
    }
    .write(&columns, out);
}

fn top_table(id: &str, what: &str, top: &[UserTotal], out: &mut String) {
    let rows = top.iter().map(|user| {
        let totals = &user.totals;
        let revenue = if totals.revenue.is_saturated() {
            format!("more than {}", grouped(totals.revenue))
        } else {
            grouped(totals.revenue)
        };
        vec![
            // A name made of digits: without separators.
            Cell::words(user.user_id),
            Cell::number(totals.event_count),
            Cell::number(totals.purchase_count),
            Cell::Number(revenue),
        ]
    });
    table(
        id,
        &format!("Users with the most {what}"),
        &["user", "events", "purchases", "revenue"],
        0,
    )
    .write(rows, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_short_on_an_axis() {
        for (units, shown) in [
            (10_u128.pow(18), "1"),
            (5 * 10_u128.pow(17), "0.50"),
            (2 * 10_u128.pow(21), "2,000"),
            (5 * 10_u128.pow(23), "500,000"),
            (10_u128.pow(24), "10⁶"),
            (2 * 10_u128.pow(33), "2×10¹⁵"),
            (10_u128.pow(14), "0.0001"),
            (5 * 10_u128.pow(11), "5×10⁻⁷"),
            (1, "10⁻¹⁸"),
        ] {
            assert_eq!(bound(Revenue::from_units(units)), shown);
        }
    }

    #[test]
    fn bins_of_a_power_of_ten_are_put_together() {
        let bin = |from: u128, to: u128, users| {
            (Revenue::from_units(from), Revenue::from_units(to), users)
        };
        let bins = vec![
            bin(5, 10, 1),
            bin(10, 20, 2),
            bin(20, 50, 3),
            bin(50, 100, 4),
            bin(100, 200, 5),
        ];
        assert_eq!(
            by_power_of_ten(bins),
            [bin(5, 10, 1), bin(10, 100, 9), bin(100, 200, 5)]
        );
    }
}
