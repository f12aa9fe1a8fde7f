//! Reading what may keep its reader waiting: pipes, terminals, devices, standard input.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a wait may last before it is asked whether it is still wanted.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// How much a pipe may hold, in bytes: the most that an ordinary user may ask for (pipe(7)).
const SIZE: usize = 1024 * 1024;

/// Whether a run still wants what is waited for.
pub(crate) type KeepGoing = Arc<dyn Fn() -> bool + Send + Sync>;

/// When reading is to be enough: what has come by then is all, as if it had ended there. Copies are the
/// same one.
#[derive(Clone, Debug)]
pub(crate) struct Until(Arc<Deadline>);

#[derive(Debug)]
struct Deadline {
    time: Instant,
    is_up: AtomicBool,
}

impl Until {
    pub(crate) fn new(time: Instant) -> Until {
        let is_up = AtomicBool::new(false);
        Until(Arc::new(Deadline { time, is_up }))
    }

    /// Whether something was made to end by it.
    pub(crate) fn is_up(&self) -> bool {
        self.0.is_up.load(Ordering::Relaxed)
    }

    /// Whether it is later than that.
    pub(super) fn is_past(&self) -> bool {
        Instant::now() >= self.0.time
    }

    /// The end.
    fn end(&self) -> usize {
        self.0.is_up.store(true, Ordering::Relaxed);
        0
    }
}

/// A file that is only read when there is something to read, so that a wait can be given up.
pub(super) struct Pipe {
    file: File,
    keep_going: KeepGoing,
    until: Option<Until>,
    has_given: bool,
}

impl Pipe {
    pub(super) fn new(file: File, keep_going: KeepGoing, until: Option<Until>) -> Pipe {
        // Fewer waits of writer and reader for each other. Not every file is a pipe, and not every
        // user may have so large a one; then it stays as it is.
        let _ = rustix::pipe::fcntl_setpipe_size(&file, SIZE);
        Pipe {
            file,
            keep_going,
            until,
            has_given: false,
        }
    }
}

impl Read for Pipe {
    /// Reads what is there; waits while there is nothing and no end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // Whatever is there at once is read, be it late. What drips never ends by itself.
            let late = self.until.as_ref().filter(|until| until.is_past());
            if let Some(until) = late
                && self.has_given
            {
                return Ok(until.end());
            }
            // A named pipe that nobody has opened for writing yet is not at its end: then there is
            // neither something to read nor a hang-up (pipe(7), poll(2)).
            let mut ready = [PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN)];
            match poll(&mut ready, Some(&LOOK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => match self.file.read(buffer) {
                    // Somebody else was quicker.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => {
                        self.has_given |= matches!(read, Ok(1..));
                        return read;
                    }
                },
                Err(error) => return Err(error.into()),
            }
            if let Some(until) = late {
                return Ok(until.end());
            }
            if !(self.keep_going)() {
                return Err(given_up());
            }
        }
    }
}

/// The error of a wait that was given up. It ends the run, which then tells why.
pub(super) fn given_up() -> io::Error {
    io::Error::other("the run was stopped")
}
