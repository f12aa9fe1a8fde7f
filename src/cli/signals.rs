//! SIGINT and SIGTERM: the first asks the run to stop, and ends the process if the run does not within
//! a twentieth of a second; the second ends it at once. Only outputs that are being put in place are waited
//! for.
//!
//! What can keep a run from stopping by itself: it waits for a disk or a pipe, sorts millions of groups,
//! or lets go of as much memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use daytally::Stop;
use daytally::error::Error;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::exit::Exit;

/// How long a run may take to stop when it is asked to. The process is to be gone within 200 ms, and in
/// that time the system has to take back its memory and its files too.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long what is to be said may take then: whoever should read it may be what the run waits for.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// How often it is looked whether the run is over, or a second signal came.
const LOOK: Duration = Duration::from_millis(2);

/// What a run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It may be ended at any moment.
    Running,
    /// Its outputs are being put in place: it may not be ended.
    Finishing,
    /// How it ended is settled; it only has to be said.
    Over(Exit),
}

/// Where the run, and the thread that may end it from outside, agree on what is still to be done. The
/// thread holds on to the lock from the moment at which it decides to end the process: the run then
/// enters no other phase.
#[derive(Clone, Debug)]
pub(super) struct Watch(Arc<Mutex<Phase>>);

impl Watch {
    /// From here on the run ends by itself, signal or not: its outputs are being put in place.
    pub(super) fn let_it_finish(&self) {
        *self.lock() = Phase::Finishing;
    }

    /// All is done; what is left to say may be cut short, and changes nothing about the exit code.
    pub(super) fn is_over(&self, exit: Exit) {
        *self.lock() = Phase::Over(exit);
    }

    fn phase(&self) -> Phase {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says how a run ended.
type Tell = Arc<dyn Fn(&Error) + Send + Sync>;

/// What ends the process when it is time to.
struct Ending {
    watch: Watch,
    /// Set from when nothing more is waited for, to have another signal end the process at once.
    has_begun: Arc<AtomicBool>,
    tell: Tell,
}

impl Ending {
    /// Waits for signals; does not come back.
    fn wait(&self, mut signals: Signals) {
        let signal = loop {
            // It may come back with nothing.
            if let Some(signal) = signals.wait().next() {
                break signal;
            }
        };
        let mut begin = Instant::now();
        let (mut patience, mut is_over) = (PATIENCE, false);
        loop {
            if !is_over && matches!(self.watch.phase(), Phase::Over(_)) {
                (begin, patience, is_over) = (Instant::now(), LAST_WORDS, true);
            }
            let is_asked_again = signals.pending().next().is_some();
            if is_asked_again || begin.elapsed() >= patience {
                self.end(signal);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Ends the process because of a signal; unless outputs are being put in place.
    fn end(&self, signal: i32) {
        let phase = self.watch.lock();
        let exit = match *phase {
            Phase::Finishing => return,
            Phase::Over(exit) => exit,
            Phase::Running => {
                self.has_begun.store(true, Ordering::SeqCst);
                daytally::output::discard_drafts();
                self.say(signal);
                Exit::from(&Error::Stopped { signal })
            }
        };
        signal_hook::low_level::exit(exit.code().into());
    }

    /// Says that the run was stopped, if it can be said without a long wait.
    fn say(&self, signal: i32) {
        let tell = Arc::clone(&self.tell);
        let saying = std::thread::Builder::new()
            .name("daytally-last".into())
            .spawn(move || tell(&Error::Stopped { signal }));
        let begin = Instant::now();
        while saying.as_ref().is_ok_and(|saying| !saying.is_finished())
            && begin.elapsed() < LAST_WORDS
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Makes the signals that end a program ask `stop` instead. A run that does not stop is ended, and
/// `tell` has a moment to say so.
pub(super) fn handle(
    stop: &Stop,
    tell: impl Fn(&Error) + Send + Sync + 'static,
) -> std::io::Result<Watch> {
    let ending = Ending {
        watch: Watch(Arc::new(Mutex::new(Phase::Running))),
        has_begun: Arc::default(),
        tell: Arc::new(tell),
    };
    let watch = ending.watch.clone();
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&ending.has_begun))?;
        flag::register_usize(signal, stop.cell(), usize::try_from(signal).unwrap_or(0))?;
    }
    // A file that may not grow further is then an error of the write, and not the end of the process.
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;

    let signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("daytally-signals".into())
        .spawn(move || ending.wait(signals))?;
    Ok(watch)
}
