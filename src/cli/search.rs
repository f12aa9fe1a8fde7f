//! The search for inputs, and what there is to say of it, which the log says once it is there: where
//! it goes may depend on what is found.

use std::sync::{Arc, OnceLock};

use super::args::LogFormat;
use super::log::path_field;
use daytally::error::Result;
use daytally::input::{Found, Search, Unmatched};

/// What the search has to say.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsaid(Arc<OnceLock<Unmatched>>);

/// A search that keeps what it has to say for the log.
#[derive(Debug)]
pub(super) struct ToldSearch {
    search: Search,
    unsaid: Unsaid,
}

impl ToldSearch {
    pub(super) fn new(search: Search, unsaid: Unsaid) -> ToldSearch {
        ToldSearch { search, unsaid }
    }

    /// As [`Search::survey`].
    pub(super) fn survey(&self) -> (Found, Result<()>) {
        let (found, result) = self.search.survey();
        // Searched again, there is nothing new.
        let _ = self.unsaid.0.set(found.unmatched.clone());
        (found, result)
    }
}

impl Unsaid {
    /// Says it, in the log.
    pub(super) fn say(&self, format: LogFormat) {
        let Some(unmatched) = self.0.get() else {
            return;
        };
        for pattern in &unmatched.first {
            tracing::warn!(
                pattern = %path_field(pattern, format),
                "no inputs match this alternative of a pattern"
            );
        }
        let more = unmatched.count.saturating_sub(unmatched.first.len() as u64);
        if more > 0 {
            tracing::warn!(more, "no inputs match more alternatives of patterns");
        }
    }
}
