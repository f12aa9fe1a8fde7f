//! The axes of pictures: round steps for values, and the labels that there is room for.
//!
//! A picture is as wide as its place, and its text keeps its size. So what fits depends on the width, and
//! without scripts it is the style sheet that has to choose: each label says at which widths it is shown.

use super::chart::drawn;
use super::html::{escaped, grouped, push};

/// From which widths of the axis, in CSS pixels, there are other labels. `style.css` has the same, as widths
/// of the figure: 54 more each.
const WIDTHS: [f64; 7] = [200.0, 250.0, 330.0, 450.0, 600.0, 780.0, 960.0];

/// The least space between two labels.
const BETWEEN: f64 = 9.0;

/// Of so many columns it is to be seen which have labels.
const FEW: usize = 31;

/// How many labels an axis of more has at most.
const MOST_LABELS: u32 = 25;

/// The axis of values.
pub(super) struct Scale {
    step: f64,
    pub(super) top: f64,
    /// What the labels count is 10 to the power of this.
    power: i32,
}

impl Scale {
    /// From 0 to a round number that is not below the most, in two to five steps; of counts in whole ones.
    pub(super) fn of(most: f64, is_count: bool) -> Scale {
        let ten = 10_f64.powf((most / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|part| part * ten)
            .find(|step| step * 4.0 >= most)
            .unwrap_or(ten * 10.0);
        let step = if most <= 0.0 || is_count && step < 1.0 {
            1.0
        } else {
            step
        };
        let top = (most / step).ceil().max(1.0) * step;
        // What is not above 9,999 is written as it is.
        let power = if (0.01..10_000.0).contains(&top) {
            0
        } else {
            power_of_thousand(top)
        };
        Scale { step, top, power }
    }

    /// The steps, and how they are written.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let (step, top, power) = (self.step, self.top, self.power);
        (0_u32..6)
            .map(move |n| f64::from(n) * step)
            .take_while(move |tick| *tick <= top * 1.001)
            .map(move |tick| {
                let text = format!("{:.3}", tick / 10_f64.powi(power));
                let text = text.trim_end_matches('0').trim_end_matches('.');
                (tick, grouped(text))
            })
    }

    /// What the numbers of the axis are: `events, in thousands`.
    pub(super) fn unit(&self, unit: &str) -> String {
        match self.power {
            0 => unit.into(),
            3 => format!("{unit}, in thousands"),
            6 => format!("{unit}, in millions"),
            power => format!("{unit}, in 10{}", raised(power)),
        }
    }
}

/// The exponent of the last power of a thousand that is not above a number above 0.
fn power_of_thousand(number: f64) -> i32 {
    (-6..14)
        .rev()
        .map(|thousands| thousands * 3)
        .find(|power| number >= 10_f64.powi(*power) * 0.9999)
        .unwrap_or(-18)
}

/// An exponent.
pub(super) fn raised(power: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raise = |c: char| {
        c.to_digit(10)
            .and_then(|digit| DIGITS.get(digit as usize).copied())
            .unwrap_or('⁻')
    };
    power.to_string().chars().map(raise).collect()
}

/// A label of the axis across.
pub(super) struct Label {
    /// What it is of, as shares of the axis.
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) text: String,
}

/// How far labels may stick out of the axis, in CSS pixels.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) left: f64,
    pub(super) right: f64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl Label {
    fn middle(&self) -> f64 {
        f64::midpoint(self.from, self.to)
    }

    /// How wide it is at most, in the fonts that are about, at 12 pixels.
    fn width(&self) -> f64 {
        let width = |c: char| match c {
            '-' | '.' | ',' => 4.6,
            '%' => 11.6,
            '–' => 6.2,
            '⁰' | '¹' | '²' | '³' | '⁴'..='⁹' | '⁻' => 5.2,
            '×' => 10.2,
            _ => 7.7,
        };
        self.text.chars().map(width).sum()
    }

    /// How it is set so that it does not stick out, however narrow the axis is.
    fn anchor(&self, room: Room) -> Anchor {
        let half = self.width() / 2.0;
        if half > self.middle() * WIDTHS[0] + room.left {
            Anchor::Start
        } else if half > (1.0 - self.middle()) * WIDTHS[0] + room.right {
            Anchor::End
        } else {
            Anchor::Middle
        }
    }

    /// Where it is on an axis that is so wide.
    fn span(&self, anchor: Anchor, width: f64) -> (f64, f64) {
        let own = self.width();
        match anchor {
            Anchor::Start => (self.from * width, self.from * width + own),
            Anchor::Middle => {
                let middle = self.middle() * width;
                (middle - own / 2.0, middle + own / 2.0)
            }
            Anchor::End => (self.to * width - own, self.to * width),
        }
    }
}

/// The ways to choose labels, those with the most first; the last is of the first label alone, or of it and
/// the last.
fn ways(labels: &[Label]) -> Vec<Vec<usize>> {
    let count = labels.len();
    if count <= FEW && are_even(labels) {
        // Nobody misses the last one of them, but all would see that they are not even.
        return (1..=count.max(1))
            .map(|step| (0..count).step_by(step).collect())
            .collect();
    }
    let most = u32::try_from(count)
        .unwrap_or(u32::MAX)
        .saturating_sub(1)
        .min(MOST_LABELS - 1);
    (0..=most)
        .rev()
        .map(|steps| from_end_to_end(labels, steps))
        .collect()
}

/// Whether they have the same distance, each to the next.
fn are_even(labels: &[Label]) -> bool {
    let distance = |pair: &[Label]| pair[1].middle() - pair[0].middle();
    let mut distances = labels.windows(2).map(distance);
    let first = distances.next().unwrap_or(0.0);
    distances.all(|distance| (distance - first).abs() < 1e-9)
}

/// The labels next to so many steps from the first to the last.
fn from_end_to_end(labels: &[Label], steps: u32) -> Vec<usize> {
    let (Some(first), Some(last)) = (labels.first(), labels.last()) else {
        return Vec::new();
    };
    let (first, last) = (first.middle(), last.middle());
    let mut chosen: Vec<usize> = (0..=steps)
        .map(|step| {
            let at = first + (last - first) * f64::from(step) / f64::from(steps.max(1));
            let next = labels.partition_point(|label| label.middle() < at);
            let before = next.saturating_sub(1);
            let far = |of: usize| {
                labels
                    .get(of)
                    .map_or(f64::INFINITY, |label| (label.middle() - at).abs())
            };
            if far(before) < far(next) {
                before
            } else {
                next
            }
        })
        .collect();
    chosen.dedup();
    chosen
}

fn fit(labels: &[Label], anchors: &[Anchor], chosen: &[usize], width: f64) -> bool {
    let mut free_from = f64::NEG_INFINITY;
    chosen.iter().all(|at| {
        let (Some(label), Some(anchor)) = (labels.get(*at), anchors.get(*at)) else {
            return false;
        };
        let (from, to) = label.span(*anchor, width);
        let is_free = from >= free_from;
        free_from = to + BETWEEN;
        is_free
    })
}

/// For each label, at which of the widths it is shown: as many as fit.
fn shown(labels: &[Label], room: Room) -> (Vec<Anchor>, Vec<Vec<usize>>) {
    let anchors: Vec<Anchor> = (0..labels.len())
        .map(|at| {
            // Only those of the ends may be set otherwise: the others would be beside what they are of.
            if at == 0 || at + 1 == labels.len() {
                labels[at].anchor(room)
            } else {
                Anchor::Middle
            }
        })
        .collect();
    let ways = ways(labels);
    let mut widths = vec![Vec::new(); labels.len()];
    for (at, width) in WIDTHS.into_iter().enumerate() {
        let best = ways.iter().find(|way| fit(labels, &anchors, way, width));
        for label in best.into_iter().flatten() {
            widths[*label].push(at);
        }
    }
    (anchors, widths)
}

/// Appends labels, at a height.
pub(super) fn write_labels(labels: &[Label], room: Room, y: f64, out: &mut String) {
    let (anchors, widths) = shown(labels, room);
    for ((label, anchor), widths) in labels.iter().zip(anchors).zip(widths) {
        if widths.is_empty() {
            continue;
        }
        let (x, class) = match anchor {
            Anchor::Start => (label.from, ""),
            Anchor::Middle => (label.middle(), " mid"),
            Anchor::End => (label.to, " end"),
        };
        let mut classes = format!("x{class}");
        for width in widths {
            push(&mut classes, format_args!(" w{width}"));
        }
        push(
            out,
            format_args!(
                "<text x=\"{}%\" y=\"{y}\" class=\"{classes}\">{}</text>\n",
                share(x),
                escaped(&label.text)
            ),
        );
    }
}

/// The labels of an axis that goes from 0 to 100 percent.
pub(super) fn percents() -> Vec<Label> {
    (0_u64..=4)
        .map(|quarter| Label {
            from: drawn(quarter) / 4.0,
            to: drawn(quarter) / 4.0,
            text: format!("{}%", quarter * 25),
        })
        .collect()
}

/// A share as percent of a picture's width.
pub(super) fn share(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_above_the_most() {
        for most in [
            1e-18, 0.004, 0.3, 1.0, 7.0, 19.99, 100.0, 12_345.0, 9.9e14, 3e38,
        ] {
            for is_count in [false, true] {
                let scale = Scale::of(most, is_count);
                let ticks: Vec<(f64, String)> = scale.ticks().collect();
                let is_small = is_count && most < 2.0;
                assert!(scale.top >= most, "{most}: {}", scale.top);
                assert!(scale.top <= most * 2.6 || is_small, "{most}");
                assert!((2..=5).contains(&ticks.len()), "{most}: {ticks:?}");
                assert!(ticks.iter().all(|(_, text)| text.len() <= 5), "{ticks:?}");
                assert!(!is_count || ticks[1].0 >= 1.0, "{ticks:?}");
            }
        }
        assert_eq!(Scale::of(0.0, true).ticks().count(), 2);
    }

    #[test]
    fn numbers_on_axes_are_short_and_say_what_they_count() {
        for (most, ticks, unit) in [
            (0.0, "0 1", "events"),
            (0.5, "0 0.2 0.4 0.6", "events"),
            (1.5, "0 0.5 1 1.5", "events"),
            (7_900.0, "0 2,000 4,000 6,000 8,000", "events"),
            (12_000.0, "0 5 10 15", "events, in thousands"),
            (700_000.0, "0 200 400 600 800", "events, in thousands"),
            (1_400_000.0, "0 0.5 1 1.5", "events, in millions"),
            (7.5e17, "0 200 400 600 800", "events, in 10¹⁵"),
            (4e-7, "0 100 200 300 400", "events, in 10⁻⁹"),
            (1e-18, "0 0.5 1", "events, in 10⁻¹⁸"),
        ] {
            let scale = Scale::of(most, false);
            let texts: Vec<String> = scale.ticks().map(|(_, text)| text).collect();
            assert_eq!(
                (texts.join(" "), scale.unit("events")),
                (ticks.into(), unit.into())
            );
        }
        let ticks: Vec<String> = Scale::of(1.0, true).ticks().map(|tick| tick.1).collect();
        assert_eq!(ticks, ["0", "1"]);
    }

    fn columns(texts: &[String]) -> Vec<Label> {
        let count = drawn(texts.len() as u64);
        (0_u64..)
            .zip(texts)
            .map(|(at, text)| Label {
                from: drawn(at) / count,
                to: drawn(at + 1) / count,
                text: text.clone(),
            })
            .collect()
    }

    #[test]
    fn labels_do_not_meet_and_the_first_is_always_there() {
        let room = Room {
            left: 40.0,
            right: 8.0,
        };
        for count in [1, 2, 3, 4, 5, 6, 7, 13, 31, 90, 366, 400] {
            for text in ["7", "2024-01-01", "2×10¹⁵"] {
                let labels = columns(&vec![text.to_owned(); count]);
                let (anchors, widths) = shown(&labels, room);
                let mut before = 0;
                for (at, width) in WIDTHS.into_iter().enumerate() {
                    let chosen: Vec<usize> = (0..count)
                        .filter(|label| widths[*label].contains(&at))
                        .collect();
                    assert!(fit(&labels, &anchors, &chosen, width));
                    assert_eq!(chosen.first(), Some(&0));
                    let has_last = chosen.contains(&(count - 1));
                    assert!(has_last || count <= FEW, "{text} {count} at {width}");
                    let steps = chosen.windows(2).map(|pair| pair[1] - pair[0]);
                    let (least, most) = (steps.clone().min(), steps.max());
                    assert!(least == most || count > FEW, "{text} {count} at {width}");
                    assert!(chosen.len() >= before, "{text} {count} at {width}");
                    before = chosen.len();
                    for label in chosen {
                        let (from, to) = labels[label].span(anchors[label], width);
                        assert!(from >= -room.left && to <= width + room.right);
                    }
                }
            }
        }
        let (_, widths) = shown(&percents(), room);
        // On the narrowest, every second of them.
        let widths: Vec<usize> = widths.iter().map(Vec::len).collect();
        assert_eq!(widths, [7, 6, 7, 6, 7]);
        assert!(shown(&[], room).1.is_empty());
    }

    #[test]
    fn the_style_sheet_has_the_same_widths() {
        let style = include_str!("style.css");
        for (at, width) in WIDTHS.into_iter().enumerate().skip(1) {
            let rule = format!(
                "@container (min-width:{}px){{.x{{display:none}}.w{at}{{display:inline}}}}",
                width + 54.0
            );
            assert!(style.contains(&rule), "{rule}");
        }
    }
}
