//! Tasks that whoever is at hand takes, and a wait for the last of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::lock;

/// So many tasks, each of which is taken once.
#[derive(Debug)]
pub(super) struct Tasks {
    count: usize,
    next: AtomicUsize,
    done: Mutex<usize>,
    all_done: Condvar,
}

impl Tasks {
    pub(super) fn new(count: usize) -> Tasks {
        Tasks {
            count,
            next: AtomicUsize::new(0),
            done: Mutex::new(0),
            all_done: Condvar::new(),
        }
    }

    /// Does tasks until all are taken.
    pub(super) fn work(&self, mut task: impl FnMut(usize)) {
        /// A task that is done when this goes, also by a panic: nobody waits for it in vain.
        struct Taken<'a>(&'a Tasks);

        impl Drop for Taken<'_> {
            fn drop(&mut self) {
                let mut done = lock(&self.0.done);
                *done += 1;
                if *done == self.0.count {
                    self.0.all_done.notify_all();
                }
            }
        }

        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            if next >= self.count {
                return;
            }
            let _taken = Taken(self);
            task(next);
        }
    }

    /// Waits until all are done, by whomever.
    pub(super) fn wait(&self) {
        let mut done = lock(&self.done);
        while *done < self.count {
            done = self
                .all_done
                .wait(done)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_done_once_and_all_before_the_wait_ends() {
        for count in [0, 1, 2, 100] {
            let tasks = Tasks::new(count);
            let times: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        tasks.work(|task| {
                            times[task].fetch_add(1, Ordering::Relaxed);
                        });
                        tasks.wait();
                        assert!(times.iter().all(|times| times.load(Ordering::Relaxed) == 1));
                    });
                }
            });
        }
    }

    #[test]
    fn a_task_that_panics_is_not_waited_for() {
        let tasks = Tasks::new(3);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            tasks.work(|task| assert!(task != 1));
        }));
        assert!(panicked.is_err());
        tasks.work(|task| assert_eq!(task, 2));
        tasks.wait();
    }
}
