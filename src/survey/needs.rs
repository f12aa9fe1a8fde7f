//! What the full run will need, from what a sample has shown.

use std::num::NonZeroUsize;

use super::{Survey, float};
use crate::pipeline::Options;

/// What each group takes in memory, in bytes, when a run ends in memory: measured from 3 to 35 million
/// groups it is 44 to 49.
const GROUP: f64 = 50.0;

/// What each group counts for when groups are taken to the disk, in bytes: room for a copy of it too.
const GROUP_COUNTS: f64 = 100.0;

/// What each group takes on the disk, in bytes: 3 where user ids are near to each other, 11 where they
/// are random; twice as much while files are merged.
const GROUP_ON_DISK: f64 = 22.0;

/// What a run takes without groups, and each thread of it: tables, buffers, stacks.
const BASE: f64 = 12.0 * 1024.0 * 1024.0;
const THREAD: f64 = 8.0 * 1024.0 * 1024.0;

/// How long a processor takes for a group to be merged, sorted and written, in seconds.
const GROUP_SECONDS: f64 = 150e-9;

/// What the full run will need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needs {
    /// Seconds of processor time, on all threads together: of reading, decoding and counting, as the sample
    /// took, and of the groups.
    pub processor_seconds: f64,
    /// Seconds that the run takes if that time is to be had at once, on as many processors as it has threads
    /// or the machine has. Waiting for a disk is not in it.
    pub seconds: f64,
    /// Peak private memory in bytes, at most.
    pub memory: f64,
    /// Whether groups will not fit into the memory limit.
    pub spills: bool,
    /// Room for temporary files in bytes, at most; 0 if it does not spill.
    pub temporary: f64,
    /// The size of the result in bytes.
    pub csv: f64,
}

impl Needs {
    /// What a run with these options needs for the inputs of a survey; `None` if it is not known how much
    /// there is.
    #[must_use]
    pub fn of(survey: &Survey, options: &Options) -> Option<Needs> {
        let (bytes, groups) = (float(survey.bytes?), survey.groups?);
        let threads = float(options.threads.get() as u64);
        let there = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let at_once = float(options.threads.min(there).get() as u64);
        let part = &survey.part;
        let decoding = part.decoding.as_secs_f64() * bytes / float(part.decoded_bytes.max(1));
        let processor_seconds = survey.reading + decoding + groups.estimate * GROUP_SECONDS;
        // A stream is read by one thread, which may have no time left for anything else.
        let seconds = (processor_seconds / at_once).max(survey.reading_alone);
        let limit = float(options.memory_limit);
        let spills = groups.estimate * GROUP_COUNTS > float(options.memory_for_groups());
        let memory = BASE + THREAD * threads + GROUP * groups.estimate;
        let (digits, met) = part.user_digits();
        let mean = |sum: f64, count: u64| sum / float(count.max(1));
        let events = survey.lines.unwrap_or(0.0);
        let per_group = (events / groups.estimate.max(1.0)).max(1.0);
        // Date, user, two counts and the revenue, with commas and the newline.
        let row =
            10.0 + mean(float(digits), met) + per_group.log10().max(0.0) + 1.0 + 1.0 + 5.5 + 5.0;
        Some(Needs {
            processor_seconds,
            seconds,
            memory: memory.min(limit),
            spills,
            temporary: if spills {
                GROUP_ON_DISK * groups.estimate
            } else {
                0.0
            },
            csv: 55.0 + row * groups.estimate,
        })
    }
}
