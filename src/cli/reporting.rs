//! The report of a run on its way to its place.

use std::time::SystemTime;

use super::config::AggregateConfig;
use daytally::Pipeline;
use daytally::aggregate::SortedGroups;
use daytally::error::Result;
use daytally::internals::Timeline;
use daytally::output::report::{Fact, RejectPlaces, Report};
use daytally::output::{Draft, Finished, Summary, Target};

/// What a report is made of, as far as it is known.
#[derive(Debug)]
pub(super) struct ReportDraft {
    draft: Draft,
    started: SystemTime,
    pub(super) days: Timeline,
    pub(super) rejects: Option<RejectPlaces>,
}

impl ReportDraft {
    /// Tries the place before the work starts, if a report is wanted.
    pub(super) fn create(target: Option<&Target>) -> Result<Option<ReportDraft>> {
        let Some(target) = target else {
            return Ok(None);
        };
        Ok(Some(ReportDraft {
            draft: Draft::create(target)?,
            started: SystemTime::now(),
            days: Timeline::default(),
            rejects: None,
        }))
    }

    /// Adds up the users, and writes all of it.
    pub(super) fn write(
        mut self,
        pipeline: &Pipeline,
        groups: SortedGroups,
        config: &AggregateConfig,
        summary: &Summary,
    ) -> Result<Finished> {
        let users = pipeline.users(groups)?;
        let rejects = self.rejects.unwrap_or_else(|| RejectPlaces::new(0));
        let title = match &config.output {
            Target::Stdout => "Events".into(),
            Target::Path(path) => path
                .file_name()
                .map_or_else(|| "Events".into(), |name| name.to_string_lossy()),
        };
        let page = Report {
            title: &title,
            summary,
            days: &self.days,
            users: &users,
            rejects: &rejects,
            facts: &facts(config, self.started),
        }
        .to_html();
        self.draft.write(page.as_bytes())?;
        self.draft.finish()
    }
}

/// How the run was done.
fn facts(config: &AggregateConfig, started: SystemTime) -> Vec<(&'static str, Fact)> {
    let options = &config.options;
    let mut facts = vec![("started, UTC", utc(started).into())];
    if let Some(limit) = &config.max_invalid {
        facts.push(("--max-invalid", limit.to_string().into()));
    }
    if let Some(state) = &config.state {
        facts.push(("state", state.folder.to_string_lossy().into_owned().into()));
    }
    facts.extend([
        ("threads", options.threads.get().into()),
        ("memory limit, MiB", (options.memory_limit >> 20).into()),
        ("longest line allowed, bytes", options.max_line_bytes.into()),
        ("chunk, bytes", options.chunk_size.into()),
        ("daytally", env!("CARGO_PKG_VERSION").into()),
    ]);
    facts
}

/// A time as RFC 3339 has it, to the second.
fn utc(time: SystemTime) -> String {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs())
        .ok()
        .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
        .map_or_else(
            || "unknown".into(),
            |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
}
