//! The files a run reads and writes, and that none of them is two things at once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::config::{AggregateConfig, ReplayConfig};
use super::log::path_field;
use daytally::error::{Error, Result};
use daytally::input::{FileId, Found};
use daytally::output::{Format, Target, date_of_day_file, day_file, days_in};
use daytally::replay::Places;

/// Where standard output goes: perhaps to a file, which the shell has already emptied, or appends to.
const STDOUT: &str = "/dev/stdout";

/// Where standard input comes from.
const STDIN: &str = "/dev/stdin";

/// Where standard error goes.
const STDERR: &str = "/dev/stderr";

/// The result that is replayed into.
const RESULT: &str = "the result (--into)";

/// An output of the run.
struct Output<'a> {
    /// What it is, with its article.
    role: &'static str,
    target: &'a Target,
}

/// Refuses to write over an input, and to write two outputs to one place.
///
/// Files are compared by device and inode, so links and different spellings do not deceive; places
/// where nothing is yet, by folder and name. Devices and pipes may be shared.
/// The list that names inputs is one itself here.
pub(super) fn check(config: &AggregateConfig, found: &Found) -> Result<()> {
    let log = config.log.file.clone().map(Target::new);
    let outputs: Vec<Output<'_>> = [
        ("the result (--output)", Some(&config.output)),
        ("the rejects file (--rejects)", config.rejects.as_ref()),
        ("the summary (--summary)", config.summary.as_ref()),
        ("the report (--report)", config.report.as_ref()),
        ("the log file (--log-file)", log.as_ref()),
    ]
    .into_iter()
    .filter_map(|(role, target)| target.map(|target| Output { role, target }))
    .collect();

    let inputs = inputs(found, config.list.as_deref());
    expect_apart(&outputs, &inputs)?;
    if config.by_date
        && let Target::Path(folder) = &config.output
        && folder.is_dir()
    {
        check_days(folder, config.format, &inputs, &outputs)?;
    }
    expect_different(&outputs)
}

/// What was found, and the list that names it: the files that are read.
fn inputs<'a>(found: &'a Found, list: Option<&'a Path>) -> Vec<(&'a Path, FileId)> {
    let list = list.and_then(|list| {
        let path = if list.as_os_str() == "-" {
            Path::new(STDIN)
        } else {
            list
        };
        Some((path, regular_file(path)?))
    });
    found
        .inputs
        .iter()
        .filter_map(|input| Some((input.path(), input.file()?)))
        .chain(list)
        .collect()
}

/// The same for a plan of splits.
#[cfg(feature = "arrow")]
pub(super) fn check_plan(target: &Target, found: &Found, list: Option<&Path>) -> Result<()> {
    let role = "the plan (--output)";
    expect_apart(&[Output { role, target }], &inputs(found, list))
}

/// The same for what is replayed: the result, its record and its lock are not to be anything else either.
pub(super) fn check_replay(config: &ReplayConfig, replay: &Places) -> Result<()> {
    let result = Target::Path(replay.result().to_path_buf());
    let record = Target::Path(replay.record().to_path_buf());
    let lock = Target::Path(replay.lock().to_path_buf());
    let outputs: Vec<Output<'_>> = [
        (RESULT, Some(&result)),
        ("the record of replays", Some(&record)),
        ("the lock of replays", Some(&lock)),
        ("the rest of the rejects (--rest)", config.rest.as_ref()),
        ("the summary (--summary)", config.summary.as_ref()),
    ]
    .into_iter()
    .filter_map(|(role, target)| target.map(|target| Output { role, target }))
    .collect();
    let inputs: Vec<(&Path, FileId)> = config
        .files
        .iter()
        .map(|file| match file.as_os_str() {
            name if name == "-" => Path::new(STDIN),
            _ => file.as_path(),
        })
        .filter_map(|file| Some((file, regular_file(file)?)))
        .collect();
    expect_apart(&outputs, &inputs)?;
    if replay.is_days() {
        check_days(replay.result(), replay.format(), &inputs, &outputs)?;
    }
    expect_different(&outputs)
}

/// The same for one output, one input and a log.
#[cfg(feature = "arrow")]
pub(super) fn check_one(
    role: &'static str,
    target: &Target,
    log: Option<&Path>,
    input: &Path,
) -> Result<()> {
    let log = log.map(|path| Target::new(path.to_path_buf()));
    let mut outputs = vec![Output { role, target }];
    outputs.extend(log.as_ref().map(|target| Output {
        role: "the log file (--log-file)",
        target,
    }));
    let input = if input.as_os_str() == "-" {
        Path::new(STDIN)
    } else {
        input
    };
    let inputs: Vec<_> = regular_file(input)
        .map(|id| (input, id))
        .into_iter()
        .collect();
    expect_apart(&outputs, &inputs)?;
    expect_different(&outputs)
}

/// That no output is an input, and that standard error is neither.
fn expect_apart(outputs: &[Output<'_>], inputs: &[(&Path, FileId)]) -> Result<()> {
    for output in outputs {
        let id = match output.target {
            Target::Path(path) => regular_file(path),
            Target::Stdout => regular_file(Path::new(STDOUT)),
        };
        if let Some((input, _)) = inputs.iter().find(|(_, input)| Some(*input) == id) {
            return Err(Error::OverwritesInput {
                role: output.role,
                path: output.target.absolute(),
                input: input.to_path_buf(),
            });
        }
    }
    // What is said on standard error must not land in an input, nor in a file that a path names.
    let stderr = regular_file(Path::new(STDERR));
    if let Some((input, _)) = inputs.iter().find(|(_, input)| Some(*input) == stderr) {
        return Err(Error::OverwritesInput {
            role: "standard error",
            path: STDERR.into(),
            input: input.to_path_buf(),
        });
    }
    for output in outputs {
        if let Target::Path(path) = output.target
            && let Some(id) = regular_file(path)
            && Some(id) == stderr
        {
            return Err(Error::SameOutput {
                first: output.role,
                second: "standard error",
                place: daytally::text::path(path).to_string(),
            });
        }
    }
    Ok(())
}

/// That no two outputs go to one place.
fn expect_different(outputs: &[Output<'_>]) -> Result<()> {
    for (at, second) in outputs.iter().enumerate() {
        for first in &outputs[..at] {
            // The summary comes after the result on standard output, as its last line.
            let follows = first.target == second.target
                && second.target == &Target::Stdout
                && second.role.starts_with("the summary");
            if is_same_place(first.target, second.target) && !follows {
                return Err(Error::SameOutput {
                    first: first.role,
                    second: second.role,
                    place: match first.target {
                        Target::Stdout => "standard output".into(),
                        Target::Path(path) => daytally::text::path(path).to_string(),
                    },
                });
            }
        }
    }
    Ok(())
}

/// Warns of outputs that the same search would take for inputs the next time: who aggregates a folder by
/// the hour should not read there what an earlier hour has rejected.
pub(super) fn tell_outputs_among_inputs(config: &AggregateConfig) {
    let written = [
        ("result", Some(&config.output)),
        ("rejects file", config.rejects.as_ref()),
        ("summary", config.summary.as_ref()),
    ];
    for (what, target) in written {
        if let Some(Target::Path(path)) = target
            && config.search.would_find(path)
        {
            tracing::warn!(
                path = %path_field(path, config.log.format),
                "the {what} is where inputs are searched for, and would be one the next time: give it a place in another folder, or a name that starts with a dot or an underscore"
            );
        }
    }
}

/// The same for the files of days in the folder of the result, the first output, of which any may be replaced
/// or removed.
fn check_days(
    folder: &Path,
    format: Format,
    inputs: &[(&Path, FileId)],
    outputs: &[Output<'_>],
) -> Result<()> {
    let role = outputs.first().map_or("the result", |result| result.role);
    let stderr = regular_file(Path::new(STDERR));
    let inputs: HashMap<FileId, &Path> = inputs.iter().map(|(path, id)| (*id, *path)).collect();
    for date in days_in(folder, format)? {
        let path = day_file(folder, date, format);
        let Some(id) = regular_file(&path) else {
            continue;
        };
        if let Some(input) = inputs.get(&id) {
            return Err(Error::OverwritesInput {
                role,
                path,
                input: input.to_path_buf(),
            });
        }
        if Some(id) == stderr {
            return Err(Error::SameOutput {
                first: role,
                second: "standard error",
                place: daytally::text::path(&path).to_string(),
            });
        }
    }
    let folder = folder.canonicalize().ok();
    for output in outputs {
        let place = match output.target {
            Target::Path(path) => place_of_new_file(path),
            Target::Stdout => Path::new(STDOUT).canonicalize().ok(),
        };
        if let Some(place) = place
            && let Some(date) = date_of_day_file(&place)
            && place.ancestors().nth(2) == folder.as_deref()
        {
            return Err(Error::SameOutput {
                first: role,
                second: output.role,
                place: format!("the day {date}, {}", daytally::text::path(&place)),
            });
        }
    }
    Ok(())
}

fn is_same_place(a: &Target, b: &Target) -> bool {
    match (a, b) {
        (Target::Stdout, Target::Stdout) => true,
        (Target::Stdout, Target::Path(path)) | (Target::Path(path), Target::Stdout) => {
            let file = regular_file(path);
            file.is_some() && file == regular_file(Path::new(STDOUT))
        }
        (Target::Path(a), Target::Path(b)) => match (std::fs::metadata(a), std::fs::metadata(b)) {
            (Ok(a), Ok(b)) => a.is_file() && FileId::new(&a) == FileId::new(&b),
            (Err(_), Err(_)) => match (place_of_new_file(a), place_of_new_file(b)) {
                (Some(a), Some(b)) => a == b,
                // Where folders are missing, that is what is wrong; but for what was named twice.
                _ => std::path::absolute(a).ok() == std::path::absolute(b).ok(),
            },
            _ => false,
        },
    }
}

/// Which regular file is at a path, if any.
fn regular_file(path: &Path) -> Option<FileId> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata.is_file().then(|| FileId::new(&metadata))
}

/// Where a file that is not there yet would be created.
fn place_of_new_file(path: &Path) -> Option<PathBuf> {
    let target = Target::Path(path.into());
    let place = target.place().ok().flatten()?;
    Some(
        place
            .parent()?
            .canonicalize()
            .ok()?
            .join(place.file_name()?),
    )
}
