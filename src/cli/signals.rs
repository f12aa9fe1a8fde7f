//! SIGINT and SIGTERM: the first asks the run to stop, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use daytally::Stop;

/// Makes the signals that end a program ask `stop` instead.
pub(super) fn handle(stop: &Stop) -> std::io::Result<()> {
    let seen = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in the order of registration: at the first signal this one finds nothing
        // seen, at the second it ends the process. Nothing is left behind where the file system lets
        // drafts be without a name.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
        flag::register(signal, Arc::clone(&seen))?;
        flag::register_usize(signal, stop.cell(), usize::try_from(signal).unwrap_or(0))?;
    }
    Ok(())
}
