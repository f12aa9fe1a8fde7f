//! What there is of the machine: how much memory it has, or allows this process, and how much time its
//! processors have spent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long processors have worked for this thread, the system's part included. Other than the time of
/// day it is the same however busy the machine is otherwise.
pub(crate) fn thread_time() -> Duration {
    // Nothing runs for longer than 2^63 seconds, nor for less than none.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// How much memory there is, in bytes: what the machine has, or what the process's control group
/// allows (of version 1 or 2, its parents included) if that is less. `None` where nothing tells.
#[must_use]
pub fn machine_memory() -> Option<u64> {
    memory_below("/".as_ref())
}

/// The same, with other files than those of this machine.
fn memory_below(root: &Path) -> Option<u64> {
    total(root).into_iter().chain(group_limits(root)).min()
}

/// `MemTotal` in `proc_meminfo`(5).
fn total(root: &Path) -> Option<u64> {
    let info = std::fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limits of the process's control groups; see cgroups(7).
fn group_limits(root: &Path) -> Vec<u64> {
    let Ok(groups) = std::fs::read_to_string(root.join("proc/self/cgroup")) else {
        return Vec::new();
    };
    let mut limits = Vec::new();
    // `hierarchy:controllers:path`, where version 2 has no controllers.
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (mounts, file) = if controllers.is_empty() {
            (&["", "unified"][..], "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (&["memory"][..], "memory.limit_in_bytes")
        } else {
            continue;
        };
        for mount in mounts {
            let mount = root.join("sys/fs/cgroup").join(mount);
            // In a container the path may be that outside of it, and only its end be there.
            let group = PathBuf::from(path.trim_start_matches('/'));
            for group in group.ancestors() {
                let limit = std::fs::read_to_string(mount.join(group).join(file));
                // It may also be `max`.
                limits.extend(
                    limit
                        .ok()
                        .and_then(|limit| limit.trim().parse::<u64>().ok()),
                );
            }
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const MEMINFO: &str = "MemTotal:        8388608 kB\nMemFree:         1024 kB\n";

    #[test]
    fn the_least_of_machine_and_groups_counts() {
        let v2 = "0::/user.slice/app.scope\n";
        let v1 = "9:name=systemd:/x\n4:cpu,memory:/docker/abc\n0::/\n";
        for (files, expected) in [
            (&[][..], None),
            (&[("proc/meminfo", MEMINFO)], Some(8 * GIB)),
            (&[("proc/meminfo", "MemTotal: many\n")], None),
            (
                &[("proc/meminfo", MEMINFO), ("proc/self/cgroup", v2)],
                Some(8 * GIB),
            ),
            (
                &[
                    ("proc/meminfo", MEMINFO),
                    ("proc/self/cgroup", v2),
                    ("sys/fs/cgroup/user.slice/app.scope/memory.max", "max\n"),
                ],
                Some(8 * GIB),
            ),
            (
                &[
                    ("proc/meminfo", MEMINFO),
                    ("proc/self/cgroup", v2),
                    (
                        "sys/fs/cgroup/user.slice/app.scope/memory.max",
                        "3221225472\n",
                    ),
                    ("sys/fs/cgroup/user.slice/memory.max", "1073741824\n"),
                ],
                Some(GIB),
            ),
            (
                &[
                    ("proc/meminfo", MEMINFO),
                    ("proc/self/cgroup", v2),
                    (
                        "sys/fs/cgroup/unified/user.slice/app.scope/memory.max",
                        "1073741824\n",
                    ),
                ],
                Some(GIB),
            ),
            // In a container that does not see the groups above.
            (
                &[
                    ("proc/meminfo", MEMINFO),
                    ("proc/self/cgroup", v1),
                    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"),
                ],
                Some(2 * GIB),
            ),
            (
                &[
                    ("proc/meminfo", MEMINFO),
                    ("proc/self/cgroup", v1),
                    (
                        "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes",
                        "1073741824\n",
                    ),
                    (
                        "sys/fs/cgroup/memory/memory.limit_in_bytes",
                        "9223372036854771712\n",
                    ),
                    ("sys/fs/cgroup/memory.max", "max\n"),
                ],
                Some(GIB),
            ),
        ] {
            let root = tempfile::tempdir().unwrap();
            for (name, content) in files {
                let path = root.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            assert_eq!(memory_below(root.path()), expected, "{files:?}");
        }
    }

    #[test]
    fn a_thread_that_works_takes_time_and_one_that_waits_does_not() {
        let started = thread_time();
        let taken = || thread_time().checked_sub(started).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(taken() < Duration::from_millis(100));
        while taken() < Duration::from_millis(100) {}
    }

    #[test]
    fn this_machine_has_memory() {
        if Path::new("/proc/meminfo").exists() {
            assert!(machine_memory().unwrap() > 1 << 24);
        }
    }
}
