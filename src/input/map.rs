//! A read-only memory map of a whole input: the one place that needs `unsafe` for it.
//!
//! A file can be cut shorter by somebody else while it is mapped. Touching a page past its new end
//! then raises SIGBUS, which ends a process that is not prepared. So the first map installs a
//! handler: a fault within one of our maps puts pages of zeros there, and notes it, and the run that
//! reads the map ends with an error instead. A fault anywhere else goes to the handler that was there
//! before.
//!
//! # What did not help
//!
//! Whole runs over 1 GiB of narrow lines in the page cache, two threads, against the same without;
//! medians of 9 pairs or more: asking for all pages of a chunk at once (`MADV_POPULATE_READ`) 1.00,
//! with chunks of 256 KiB 1.17; no advice to read in sequence 1.00; chunks of 256 KiB 0.99, of 8 MiB
//! 1.01. Letting go of pages a chunk at a time costs 1.04 with chunks of 1 MiB, since it interrupts
//! the other cores, and nothing with 4 MiB (0.97 to 1.01). Huge pages cannot be asked for: a file's
//! are what its file system has put into the page cache.
//!
//! Nor did having the kernel take a file that is not in the cache in large pieces, as it does for who
//! reads it from front to back, instead of page by page as it does when told what will be read: by a
//! thread that sends the file to the null device some way ahead, or by reading a byte of each page
//! without waiting. The system's part of the processor time went from 0.19 s to 0.11 s for 512 MiB, and
//! later runs over what was cached then took 0.85 of theirs. But on a virtual machine that gives free
//! memory back to its host (free page reporting, of 2 MiB and more) the large pieces are the ones that
//! it has to get again: the runs themselves took 1.18 for wide lines and 1.48 for narrow ones.
//!
//! What did help where the file comes from a disk: asking for 64 MiB ahead. Against reading the file
//! once from front to back, in one go, a run went from 0.62 of that speed to 1.07 for narrow lines,
//! and from 0.38 to 0.60 for wide ones, where the processor is the limit. Disks have their hours:
//! later goes gave 0.62 and 0.81 for narrow lines.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use memmap2::{Advice, Mmap, MmapOptions, UncheckedAdvice};

/// The bytes of a file, mapped into memory and read by the kernel as they are touched.
///
/// The pages belong to the file, not to the process: reading a file of any size this way takes no
/// private memory.
#[derive(Debug)]
pub(super) struct Mapping {
    // An empty file cannot be mapped.
    map: Option<(Mmap, &'static Watched)>,
}

impl Mapping {
    /// Maps the first `len` bytes of `file`.
    ///
    /// What others do to the file meanwhile shows through: bytes they overwrite may be seen before
    /// or after, and what they cut off reads as zeros. [`has_faulted`](Mapping::has_faulted) and
    /// [`InputFile::check_unchanged`](super::InputFile::check_unchanged) tell afterwards.
    ///
    /// The first map of a process installs a handler for SIGBUS.
    ///
    /// # Errors
    ///
    /// What the operating system says when it cannot map the file.
    pub(super) fn new(file: &File, len: usize) -> io::Result<Mapping> {
        if len == 0 {
            return Ok(Mapping { map: None });
        }
        install_handler()?;
        // SAFETY: the map is private and read-only and never written through, so no other safe code
        // in this process can change the bytes under a `&[u8]`. What remains is other processes
        // changing the file, which no safe interface over a map can rule out. The readers of the
        // bytes are written for it: they check every index against the length of the slice, they
        // never keep a `&str` of the map but copy what they want as text, and they take nothing from
        // the bytes for granted that they found at an earlier look. Pages that vanish are replaced
        // by the handler above, and the file is checked for changes before anything is published.
        let map = unsafe { MmapOptions::new().len(len).map(file)? };
        debug_assert_eq!(map.len(), len);
        debug_assert!(map.as_ptr().addr().is_multiple_of(page_size()));
        let watched = Watched::register(map.as_ptr().addr(), len);
        // Read from front to back: more read-ahead, and pages behind may go first. Only advice, so a
        // kernel that does not take it is as good.
        let _ = map.advise(Advice::Sequential);
        Ok(Mapping {
            map: Some((map, watched)),
        })
    }

    /// The bytes.
    #[must_use]
    pub(super) fn bytes(&self) -> &[u8] {
        self.map.as_ref().map_or(&[], |(map, _)| map)
    }

    /// Asks for the bytes of a range to be read from the disk, if they have to be, without waiting for
    /// them.
    pub(super) fn will_read(&self, range: Range<usize>) {
        let start = range.start / page_size() * page_size();
        if let Some((map, _)) = &self.map
            && range.start < range.end
            && range.end <= map.len()
        {
            // Only advice.
            let _ = map.advise_range(Advice::WillNeed, start, range.end - start);
        }
    }

    /// Lets the pages of a range go that lie wholly in it: it has been read, and holding on to it only
    /// makes the process look large, and its end slow. Reading it again takes longer, no more.
    pub(super) fn release(&self, range: Range<usize>) {
        let page = page_size();
        let (start, end) = (range.start.next_multiple_of(page), range.end / page * page);
        let Some((map, _)) = &self.map else {
            return;
        };
        if start >= end || end > map.len() {
            return;
        }
        debug_assert!(start.is_multiple_of(page) && end.is_multiple_of(page));
        // SAFETY: what makes this advice unsafe is that written bytes of a private map would be lost.
        // Nothing is written to this one, so each page is read from the file again, or, where the
        // handler has put zeros in place of it, is zeros again: the bytes are those of the file, as
        // far as they ever are. The range lies within the map.
        let _ =
            unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, end - start) };
    }

    /// Whether pages of the map could not be read and show zeros instead: the file was cut shorter,
    /// or its disk failed.
    #[must_use]
    pub(super) fn has_faulted(&self) -> bool {
        self.map
            .as_ref()
            .is_some_and(|(_, watched)| watched.has_faulted.load(Ordering::Acquire))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if let Some((_, watched)) = &self.map {
            watched.release();
        }
    }
}

/// A range of addresses that the handler looks after. A node of a list that only ever grows, so that
/// the handler can walk it at any moment; nodes are used again.
#[derive(Debug)]
struct Watched {
    /// The first address; 0 while the node is not in use.
    start: AtomicUsize,
    /// The address after the last.
    end: AtomicUsize,
    has_faulted: AtomicBool,
    /// Odd while the range is being changed, and another number after each change: a range that was
    /// read between two equal even numbers is one that was there.
    version: AtomicUsize,
    next: *const Watched,
}

// SAFETY: `next` is set before the node is shared and never changed; it points to a node that is
// never freed. All else is atomic.
unsafe impl Sync for Watched {}

/// The nodes, newest first.
static WATCHED: AtomicPtr<Watched> = AtomicPtr::new(ptr::null_mut());

/// Held while a node is taken into use; never by the handler.
static REGISTERING: Mutex<()> = Mutex::new(());

impl Watched {
    /// Looks after the map of `len` bytes at `start`.
    fn register(start: usize, len: usize) -> &'static Watched {
        let _guard = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = Watched::all().find(|node| node.start.load(Ordering::Relaxed) == 0);
        let node = unused.unwrap_or_else(|| {
            let head = WATCHED.load(Ordering::Relaxed);
            let node: &'static mut Watched = Box::leak(Box::new(Watched {
                start: AtomicUsize::new(0),
                end: AtomicUsize::new(0),
                has_faulted: AtomicBool::new(false),
                version: AtomicUsize::new(0),
                next: head,
            }));
            WATCHED.store(node, Ordering::Release);
            node
        });
        node.has_faulted.store(false, Ordering::Relaxed);
        node.set_range(start, start + len);
        node
    }

    /// Changes the range; only with [`REGISTERING`] held.
    fn set_range(&self, start: usize, end: usize) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.start.store(start, Ordering::SeqCst);
        self.end.store(end, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Stops looking after the map; to be called before it is unmapped.
    fn release(&self) {
        let _guard = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
        self.set_range(0, 0);
    }

    /// All nodes, in use or not.
    fn all() -> impl Iterator<Item = &'static Watched> {
        let mut next: *const Watched = WATCHED.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: the head and every `next` are null or point to a leaked, hence valid, node
            // whose content was written before the head was stored with release ordering.
            let node = unsafe { next.as_ref()? };
            next = node.next;
            Some(node)
        })
    }

    /// The node in whose range an address lies, and the end of that range.
    fn containing(address: usize) -> Option<(&'static Watched, usize)> {
        Watched::all().find_map(|node| {
            let version = node.version.load(Ordering::SeqCst);
            let start = node.start.load(Ordering::SeqCst);
            let end = node.end.load(Ordering::SeqCst);
            // A node that is being changed is not the one: the map that faulted is in use, and its
            // node at rest.
            let is_whole =
                version.is_multiple_of(2) && version == node.version.load(Ordering::SeqCst);
            (is_whole && start != 0 && (start..end).contains(&address)).then_some((node, end))
        })
    }
}

/// What handled SIGBUS before: the standard library's, which tells of overflowing stacks.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// The size of a page in bytes; 0 until the handler is installed.
static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);

fn page_size() -> usize {
    PAGE_SIZE.load(Ordering::Relaxed).max(1)
}

/// Installs the handler, once.
fn install_handler() -> io::Result<()> {
    let _guard = REGISTERING.lock().unwrap_or_else(PoisonError::into_inner);
    if PREVIOUS.get().is_some() {
        return Ok(());
    }
    PAGE_SIZE.store(rustix::param::page_size(), Ordering::Relaxed);
    // SAFETY: a `sigaction` of zeros is a valid value (the default action, no flags, no mask).
    let mut previous: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a valid place for the answer; asking changes nothing.
    if unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut previous) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Before the handler can run.
    let _ = PREVIOUS.set(previous);

    // SAFETY: as above.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_sigbus as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: `action` is a whole, valid action whose handler has the signature that SA_SIGINFO asks
    // for and does only what a handler may do (see there).
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Handles SIGBUS: replaces what can no longer be read of one of our maps by zeros.
///
/// Only does what is allowed at any moment: atomic loads and stores, and two system calls.
extern "C" fn on_sigbus(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel calls a handler with SA_SIGINFO with a valid `info`, and for SIGBUS the
    // address is set.
    let address = unsafe { (*info).si_addr() }.addr();
    if let Some((node, end)) = Watched::containing(address) {
        node.has_faulted.store(true, Ordering::Release);
        // The file ends before this page, so all that follows is gone too.
        let page = address - address % page_size();
        debug_assert!(page < end);
        // SAFETY: `errno` is the thread's own.
        let errno = unsafe { *libc::__errno_location() };
        // SAFETY: the pages from `page` to `end` belong to a map that is in use: it is released
        // before it is unmapped, and the thread that faulted holds a reference to its bytes, which
        // keeps it from being dropped. They are replaced, in one step, by pages of the same length
        // and protection that read as zeros.
        let replaced = unsafe {
            libc::mmap(
                ptr::without_provenance_mut(page),
                end - page,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
        if replaced != libc::MAP_FAILED {
            return;
        }
    }
    // Not ours, or past help: as if this handler had never been. The access is made again, and fails
    // again.
    if let Some(previous) = PREVIOUS.get() {
        // SAFETY: `previous` is the action as the system gave it.
        unsafe { libc::sigaction(libc::SIGBUS, ptr::from_ref(previous), ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file_of(len: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; len]).unwrap();
        file
    }

    #[test]
    fn a_map_shows_the_bytes_of_the_file() {
        let file = file_of(10_000);
        assert_eq!(Mapping::new(&file, 0).unwrap().bytes(), b"");
        for len in [9, 10_000] {
            let mapping = Mapping::new(&file, len).unwrap();
            assert_eq!(mapping.bytes(), vec![7; len]);
            assert!(!mapping.has_faulted());
        }
    }

    #[test]
    fn what_is_released_reads_the_same_again() {
        let page = page_size();
        let len = 5 * page + 100;
        let file = file_of(len);
        let mapping = Mapping::new(&file, len).unwrap();
        for range in [
            0..len,
            0..0,
            page..page,
            1..2 * page,
            page - 1..len - 1,
            len..len,
        ] {
            mapping.release(range.clone());
            assert_eq!(mapping.bytes(), vec![7; len], "{range:?}");
        }
        mapping.release(0..len + page);
        file.set_len(page as u64).unwrap();
        mapping.release(0..len);
        assert_eq!(mapping.bytes()[..page], vec![7; page]);
        assert!(mapping.bytes()[page..].iter().all(|byte| *byte == 0));
        assert!(mapping.has_faulted());
        mapping.release(0..len);
        assert!(mapping.bytes()[page..].iter().all(|byte| *byte == 0));
        Mapping::new(&file, 0).unwrap().release(0..10);
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        let folder = File::open("/").unwrap();
        assert!(Mapping::new(&folder, 1).is_err());
    }

    #[test]
    fn what_is_cut_off_reads_as_zeros_and_is_noticed() {
        install_handler().unwrap();
        let page = page_size();
        let len = 8 * page + 100;
        for kept in [0, page, 3 * page + 1, 8 * page] {
            let (file, other) = (file_of(len), file_of(len));
            let mapping = Mapping::new(&file, len).unwrap();
            let bystander = Mapping::new(&other, len).unwrap();
            file.set_len(kept as u64).unwrap();
            let expected: Vec<u8> = (0..len).map(|at| if at < kept { 7 } else { 0 }).collect();
            // From the back, so that a fault comes before the pages that can be read.
            assert!(mapping.bytes().iter().rev().eq(expected.iter().rev()));
            assert!(mapping.has_faulted());
            assert_eq!(bystander.bytes(), vec![7; len]);
            assert!(!bystander.has_faulted());
        }
    }

    #[test]
    fn many_threads_may_fault_at_the_same_place() {
        let page = rustix::param::page_size();
        let file = file_of(64 * page);
        let mapping = Mapping::new(&file, 64 * page).unwrap();
        file.set_len(0).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(mapping.bytes().iter().all(|byte| *byte == 0)));
            }
        });
        assert!(mapping.has_faulted());
    }

    #[test]
    fn nodes_are_used_again() {
        let file = file_of(10);
        for _ in 0..1000 {
            drop(Mapping::new(&file, 10).unwrap());
        }
        // Other tests of this process have maps of their own, but never hundreds.
        assert!(Watched::all().count() < 100);
    }
}
