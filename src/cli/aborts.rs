//! Ends that are no crash of the program, and should not look like one: no memory, and libraries that panic at
//! a file that is broken.

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

/// Keeps quiet about panics of the libraries that read Parquet and Arrow: the library makes errors of them, which
/// are told. Those of the program itself are told as ever.
pub(super) fn tell_own_panics_only() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_theirs = panic.location().is_some_and(|at| {
            let mut folders = at.file().split(['/', '\\']);
            folders.any(|folder| folder.starts_with("parquet-") || folder.starts_with("arrow-"))
        });
        if !is_theirs {
            usual(panic);
        }
    }));
}
