//! SIGINT and SIGTERM: the first asks the run to stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daytally::Stop;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// How long a run may take to stop when it is asked to. One that takes longer is blocked: it waits
/// for a reader of a pipe, or a disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a run that was asked to stop may still be ended from outside.
#[derive(Debug)]
pub(super) struct Watch {
    is_finishing: Arc<AtomicBool>,
}

impl Watch {
    /// From here on the run ends by itself, signal or not: its outputs are being put in place.
    pub(super) fn let_it_finish(&self) {
        self.is_finishing.store(true, Ordering::SeqCst);
    }
}

/// Makes the signals that end a program ask `stop` instead.
pub(super) fn handle(stop: &Stop) -> std::io::Result<Watch> {
    let seen = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in the order of registration: at the first signal this one finds nothing
        // seen, at the second it ends the process. Nothing is left behind where the file system lets
        // drafts be without a name.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
        flag::register(signal, Arc::clone(&seen))?;
        flag::register_usize(signal, stop.cell(), usize::try_from(signal).unwrap_or(0))?;
    }
    // A file that may not grow further is then an error of the write, and not the end of the process.
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;

    let is_finishing = Arc::new(AtomicBool::new(false));
    let watch = Watch {
        is_finishing: Arc::clone(&is_finishing),
    };
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("daytally-signals".into())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                std::thread::sleep(PATIENCE);
                if !is_finishing.load(Ordering::SeqCst) {
                    signal_hook::low_level::exit(128 + signal);
                }
            }
        })?;
    Ok(watch)
}
