//! What was found out about a line, as text for a person.

use std::fmt::Write as _;

use daytally::aggregate::Revenue;
use daytally::event::{Event, Hint, Verdict, Zone};
use daytally::text;

use super::super::color::{self, Paint};
use super::Explained;
use super::excerpt::Excerpt;

/// The text, its lines ended; in colours if there are to be any.
pub(super) fn text(explained: &Explained<'_>, has_colors: bool) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(explained, has_colors, &mut out);
    out
}

fn write(explained: &Explained<'_>, has_colors: bool, out: &mut String) -> std::fmt::Result {
    let Explained {
        line,
        diagnosis,
        schema,
        ..
    } = explained;
    let paint = |style, what: &str| Paint::new(has_colors, style, what.to_owned());
    let mut place = match explained.input {
        "-" => "standard input".to_owned(),
        name => text::name(name).to_string(),
    };
    if let Some(number) = line.number {
        write!(place, ", line {number}")?;
    }
    write!(place, ", offset {}", line.offset)?;
    write!(out, "{}: ", paint(color::STRONG, &place))?;
    let faults = diagnosis.faults();
    match diagnosis.verdict() {
        Verdict::Valid(_) => writeln!(out, "{}", paint(color::GOOD, "valid"))?,
        Verdict::Blank => out.push_str("blank, neither valid nor invalid\n"),
        Verdict::Invalid(fault) => {
            write!(out, "{}", paint(color::BAD, fault.reason().code()))?;
            match faults.len() {
                1 => out.push('\n'),
                2 => out.push_str(", and 1 more fault\n"),
                len => writeln!(out, ", and {} more faults", len - 1)?,
            }
        }
    }
    if let Some(asked) = explained.asked.filter(|asked| *asked > line.offset) {
        let column = usize::try_from(asked - line.offset)
            .map_or(0, |at| daytally::internals::column(&line.bytes, at));
        writeln!(out, "byte {asked} is in its column {column}")?;
    }
    let bytes = &line.bytes[..];
    let is_whole = line.cut.is_none();
    let hints_about = |reason| {
        diagnosis
            .hints()
            .iter()
            .filter(move |hint| hint.reason == reason)
    };

    for (index, fault) in faults.iter().enumerate() {
        out.push('\n');
        let mut about = hints_about(Some(fault.reason()));
        // A missing key has no place, but what was meant to be it has.
        let place = fault
            .span(bytes)
            .or_else(|| about.clone().find_map(|hint| hint.span.clone()))
            .filter(|_| is_whole);
        if index == 0 || place.is_some() {
            write_excerpt(&Excerpt::of(bytes, place, is_whole), has_colors, out)?;
        }
        let reason = fault.reason();
        let message = fault.message_in(bytes, schema);
        let name = paint(color::BAD, reason.code());
        writeln!(out, "  rule {}, {name}: {message}", reason.rule())?;
        about.try_for_each(|hint| write_hint(hint, has_colors, out))?;
    }
    if !is_whole {
        out.push_str(
            "  note: the line is too long to be looked at whole, so no other rule was tried\n",
        );
    }
    if let Verdict::Valid(event) = diagnosis.verdict() {
        out.push('\n');
        write_excerpt(&Excerpt::of(bytes, None, true), has_colors, out)?;
        let event_type = diagnosis.event_type().unwrap_or_default();
        write_event(&event, event_type, schema.zone(), out)?;
    }
    for hint in hints_about(None) {
        out.push('\n');
        write_excerpt(
            &Excerpt::of(bytes, hint.span.clone(), true),
            has_colors,
            out,
        )?;
        write_hint(hint, has_colors, out)?;
    }
    Ok(())
}

fn write_excerpt(excerpt: &Excerpt, has_colors: bool, out: &mut String) -> std::fmt::Result {
    writeln!(out, "  {}", excerpt.text)?;
    match &excerpt.carets {
        Some(carets) => writeln!(out, "  {}", Paint::new(has_colors, color::BAD, carets)),
        None => Ok(()),
    }
}

fn write_hint(hint: &Hint, has_colors: bool, out: &mut String) -> std::fmt::Result {
    let word = Paint::new(has_colors, color::LABEL, "hint:");
    writeln!(out, "  {word} {}", hint.message)
}

fn write_event(event: &Event, event_type: &str, zone: &Zone, out: &mut String) -> std::fmt::Result {
    write!(out, "  date        {}", event.date())?;
    if zone.is_utc() {
        out.push('\n');
    } else {
        writeln!(out, " in {zone}")?;
    }
    writeln!(out, "  user_id     {}", event.user_id())?;
    writeln!(out, "  event_type  {}", text::quoted(event_type))?;
    match amount(event) {
        Some(amount) => writeln!(out, "  amount      {amount}"),
        None => writeln!(out, "  amount      none: it is no purchase"),
    }
}

/// The amount of a purchase as it is counted.
pub(super) fn amount(event: &Event) -> Option<Revenue> {
    event.purchase().map(|amount| {
        let mut revenue = Revenue::default();
        revenue.add(amount);
        revenue
    })
}
