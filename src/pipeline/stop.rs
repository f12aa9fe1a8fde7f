//! Stopping a run from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A request to stop, shared between whoever may make it and the workers that look at it.
///
/// ```
/// use daytally::Stop;
///
/// let stop = Stop::default();
/// let for_a_handler = stop.clone();
/// assert_eq!(stop.signal(), None);
/// for_a_handler.request(15);
/// assert_eq!(stop.signal(), Some(15));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Asks the run to stop because of a signal, by its number: 2 is SIGINT, 15 is SIGTERM.
    ///
    /// The first request counts, and cannot be taken back.
    pub fn request(&self, signal: i32) {
        let signal = usize::try_from(signal).unwrap_or(0).max(1);
        let _ = self
            .0
            .compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The signal because of which the run is to stop, if it is.
    #[must_use]
    #[inline]
    pub fn signal(&self) -> Option<i32> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => i32::try_from(signal).ok(),
        }
    }

    /// The number itself, for a signal handler to store into.
    #[must_use]
    pub fn cell(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }
}
