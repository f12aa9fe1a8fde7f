//! Standard error, which the log, the bar and the last words share: whoever writes takes the bar away first.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// To the start of the line, and nothing on it.
const ERASE: &[u8] = b"\r\x1b[2K";

static SCREEN: Mutex<Screen> = Mutex::new(Screen {
    has_bar: false,
    is_over: false,
});

struct Screen {
    /// Whether the bar is on the line that the cursor is in.
    has_bar: bool,
    /// Whether there will be none any more.
    is_over: bool,
}

impl Screen {
    fn erase(&mut self) {
        if std::mem::take(&mut self.has_bar) {
            // Nobody sees what is on a terminal that is gone.
            let _ = put(ERASE);
        }
    }
}

/// Draws the bar, instead of the one before; unless somebody writes, which may take long.
pub(super) fn draw(bar: &str) {
    let Ok(mut screen) = SCREEN.try_lock() else {
        return;
    };
    if screen.is_over {
        return;
    }
    let mut drawn = ERASE.to_vec();
    drawn.extend_from_slice(bar.as_bytes());
    screen.has_bar = put(&drawn).is_ok();
}

/// Writes whole lines, where the bar was.
pub(super) fn write(lines: &[u8]) -> io::Result<()> {
    let mut screen = lock();
    screen.erase();
    put(lines)
}

/// Writes all of it. Not by `std::io::stderr()`, which takes a descriptor that cannot be written to for one
/// that takes everything.
fn put(mut bytes: &[u8]) -> io::Result<()> {
    let stderr = rustix::stdio::stderr();
    while !bytes.is_empty() {
        match rustix::io::write(stderr, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(len) => bytes = &bytes[len..],
            Err(Errno::INTR) => {}
            // A program that has the pipe or the terminal too may have made it one that does not wait.
            Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the bar away for good.
pub(super) fn end() {
    let mut screen = lock();
    screen.erase();
    screen.is_over = true;
}

fn lock() -> MutexGuard<'static, Screen> {
    // Nothing in it can be half done.
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}
