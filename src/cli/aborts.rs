//! When the system has no memory for the program: an error, not a crash.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGABRT;
use signal_hook::flag;

use super::exit::Exit;

/// Makes a lack of memory end the process with the exit code of a failure. The standard library says
/// how much could not be had, and then aborts, which would look like a fault of the program and leave a
/// core behind.
pub(super) fn handle() {
    let always = Arc::new(AtomicBool::new(true));
    // Where it cannot be registered, nothing but the code at such an end is another one.
    let _ = flag::register_conditional_shutdown(SIGABRT, Exit::Failed.code().into(), always);
}
