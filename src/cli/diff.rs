//! The command `daytally diff`.

mod json;
mod show;

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;

use super::aborts;
use super::args::DiffArgs;
use super::exit::Exit;
use super::report;
use daytally::error::{Error, Result};
use daytally::result::{Difference, ResultPlace, ResultReader, Tally, diff};

/// Compares the results and tells how they differ.
pub(super) fn run(args: &DiffArgs) -> Exit {
    aborts::tell_own_panics_only();
    match compare(args) {
        Ok(tally) if tally.is_same() => Exit::Done,
        Ok(_) => Exit::Different,
        Err(error) => {
            report(&error);
            Exit::Trouble
        }
    }
}

/// The two results.
struct Sides {
    old: ResultPlace,
    new: ResultPlace,
}

/// Where the differences go.
trait Report {
    fn begin(&mut self, out: &mut dyn Write, sides: &Sides) -> std::io::Result<()>;
    fn difference(&mut self, out: &mut dyn Write, difference: &Difference) -> std::io::Result<()>;
    fn end(&mut self, out: &mut dyn Write, sides: &Sides, tally: &Tally) -> std::io::Result<()>;
}

fn compare(args: &DiffArgs) -> Result<Tally> {
    let sides = Sides {
        old: ResultPlace::at(&args.old)?,
        new: ResultPlace::at(&args.new)?,
    };
    if sides.old == ResultPlace::Stdin && sides.new == ResultPlace::Stdin {
        return Err(Error::NotAResult {
            place: "standard input".into(),
            what: "can be read only once, and is named twice; write one of the results to a file"
                .into(),
        });
    }
    let mut old = ResultReader::open(&sides.old)?;
    let mut new = ResultReader::open(&sides.new)?;
    let mut told = Told {
        report: match (args.quiet, args.json) {
            (true, _) => None,
            (_, true) => Some(Box::new(json::Lines::new(args))),
            _ => Some(Box::new(show::Text::new(args))),
        },
        out: BufWriter::new(std::io::stdout()),
    };
    told.tell(|report, out| report.begin(out, &sides))?;
    let tally = diff(&mut old, &mut new, |difference| {
        told.tell(|report, out| report.difference(out, difference))?;
        // Nobody wants to know more.
        Ok(match told.report {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        })
    })
    .inspect_err(|_| {
        // What was found until then stands before what is said of the trouble.
        let _ = told.out.flush();
    })?;
    told.tell(|report, out| {
        report.end(out, &sides, &tally)?;
        out.flush()
    })?;
    Ok(tally)
}

/// Tells what there is to tell, as long as somebody listens.
struct Told {
    report: Option<Box<dyn Report>>,
    out: BufWriter<std::io::Stdout>,
}

impl Told {
    fn tell(
        &mut self,
        what: impl FnOnce(&mut dyn Report, &mut dyn Write) -> std::io::Result<()>,
    ) -> Result<()> {
        let Some(report) = &mut self.report else {
            return Ok(());
        };
        match what(report.as_mut(), &mut self.out) {
            Ok(()) => Ok(()),
            Err(source) => {
                let error = Error::Stdout { source };
                if error.is_closed_stdout() {
                    // Whoever listened has heard enough; the exit code is still to be found.
                    self.report = None;
                    return Ok(());
                }
                Err(error)
            }
        }
    }
}
