"""What calls a run makes, and making one of them fail: strace."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass

from . import Failure

# What is made to fail. Names that a kernel does not know, strace passes over (`?`).
READS = ("read", "pread64", "readv", "preadv", "getdents64", "readlink", "readlinkat")
WRITES = ("write", "pwrite64", "writev", "pwritev", "copy_file_range", "sendfile", "splice")
MEMORY = ("mmap", "munmap", "mremap", "mprotect", "brk", "madvise")
PLACES = (
    "open",
    "openat",
    "openat2",
    "creat",
    "mkdir",
    "mkdirat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "rename",
    "renameat",
    "renameat2",
    "ftruncate",
    "truncate",
    "fallocate",
)
SYNCS = ("fsync", "fdatasync", "sync_file_range", "syncfs", "msync")
OTHERS = (
    "unlink",
    "unlinkat",
    "rmdir",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "lseek",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "utimensat",
    "flock",
    "fcntl",
    "poll",
    "ppoll",
    "close",
    "getcwd",
    "ioctl",
    "fadvise64",
    "clone",
    "clone3",
    "pipe2",
    "socketpair",
    "recvfrom",
    "sendto",
    "rt_sigaction",
    "getrandom",
    "sched_getaffinity",
    "getxattr",
    "fgetxattr",
    "dup",
    "eventfd2",
    "epoll_wait",
)
CALLS = (*READS, *WRITES, *MEMORY, *PLACES, *SYNCS, *OTHERS)


def faults_of(name):
    """What each call is made to do: fail as its disk, its file system or the memory may make it."""
    if name == "brk":
        # It does not fail but returns the end that there is.
        return ["retval=0"]
    if name in MEMORY:
        return ["error=ENOMEM"]
    if name == "getrandom":
        # The only way for it to fail, on old kernels.
        return ["error=ENOSYS", "error=EINTR"]
    if name in ("clone", "clone3"):
        return ["error=EAGAIN", "error=ENOMEM"]
    if name in ("rt_sigaction",):
        return ["error=EINVAL"]
    if name in ("socketpair", "pipe2", "dup", "eventfd2"):
        return ["error=EMFILE"]
    if name in ("recvfrom", "sendto"):
        # Of a socket between the program's own threads: it has no disk that could fail.
        return ["error=EINTR"]
    faults = ["error=EIO"]
    if name in WRITES:
        # Nothing is written, and that is said.
        faults += ["error=ENOSPC", "error=EINTR", "retval=0"]
    elif name in READS and name not in ("readlink", "readlinkat"):
        faults += ["error=EINTR"]
    elif name in PLACES:
        faults += ["error=ENOSPC"]
        faults += ["error=EACCES", "error=EMFILE"] if name.startswith("open") else []
    elif name in SYNCS:
        faults += ["error=ENOSPC", "error=EINTR"]
    elif name == "flock":
        faults += ["error=EINTR", "error=ENOLCK"]
    elif name in ("poll", "ppoll", "epoll_wait"):
        faults += ["error=EINTR"]
    return faults


# How the program says what the system said.
WORDS = {
    "EIO": ("input/output error",),
    "ENOSPC": ("no space left on the disk",),
    "EINTR": ("interrupted",),
    "EACCES": ("permission denied",),
    "EMFILE": ("too many open files",),
    # The second is what threads say that cannot be started.
    "ENOMEM": ("cannot allocate memory", "temporarily unavailable", "out of memory"),
    "EAGAIN": ("temporarily unavailable",),
    "EINVAL": ("invalid argument",),
    "ENOLCK": ("no locks available",),
}


@dataclass(frozen=True)
class Call:
    """A call of a run: the how-manieth of its name in its thread it is, from 1, and the files it is about."""

    name: str
    number: int
    paths: tuple
    is_main: bool
    # Whether another thread's call of this number would fall into the start of the process.
    is_early: bool = False
    # The how-manieth it is of its thread's on the first of the files.
    number_there: int = 0


LINE = re.compile(r"^(\w+)\((.*)$")
# A file behind a descriptor, or a path as an argument.
FILES = re.compile(r'\b\d+<(/[^>]*)>|"(/[^"]*)"|<((?:pipe|socket|UNIX)[^>]*)>')


def parse(line):
    """The name of a call and the files it is about; None for what is no call."""
    found = LINE.match(line)
    if not found:
        return None
    name, rest = found.groups()
    rest = rest.split(" = ")[0] if name in ("openat", "open") else rest
    paths = tuple(
        re.sub(r"(\\[0-7]+)?( \(deleted\))$", "", next(filter(None, match)))
        for match in FILES.findall(rest)
        if any(match)
    )
    return name, paths


def threads_of(prefix):
    """The lines of each thread, that of the main one first."""
    files = sorted(glob.glob(prefix + ".*"), key=lambda name: int(name.rpartition(".")[2]))
    found = []
    for name in files:
        with open(name, errors="replace") as file:
            found.append(file.read().splitlines())
    return found


def start_of_main(lines):
    """The number of the first line that is the program's own: behind the loader and the set-up of Rust's runtime.

    The runtime looks at the three standard streams first, and last makes a handler for SIGBUS, which tells of
    overflowing stacks.
    """
    polled = next((at for at, line in enumerate(lines) if line.startswith("poll([{fd=0")), None)
    if polled is None:
        raise Failure("cannot tell where the program starts behind the loader in strace's output")
    handler = re.compile(r"^rt_sigaction\(SIGBUS, \{sa_handler=")
    return next((at for at, line in enumerate(lines[polled:], polled + 1) if handler.match(line)), polled + 1)


class Recording:
    """All calls of a good run."""

    def __init__(self, threads):
        if not threads:
            raise Failure("strace recorded nothing")
        start = start_of_main(threads[0])
        early = Counter(call[0] for call in map(parse, threads[0][:start]) if call)
        self.calls, self.left_out = [], Counter()
        for number, lines in enumerate(threads):
            counts, there = Counter(), Counter()
            for at, line in enumerate(lines):
                call = parse(line)
                if not call:
                    continue
                name, paths = call
                counts[name] += 1
                if paths:
                    there[name, paths[0]] += 1
                if number == 0 and at < start:
                    continue
                if name not in CALLS:
                    self.left_out[name] += 1
                    continue
                self.calls.append(
                    Call(
                        name,
                        counts[name],
                        paths,
                        number == 0,
                        number > 0 and counts[name] <= early[name],
                        there[name, paths[0]] if paths else 0,
                    )
                )


BASE = ["strace", "-qq", "-y", "-s", "1"]


def record(program, arguments, prefix, run):
    """The calls of a run; `run` runs a command."""
    code, _, err = run([*BASE, "-ff", "-o", prefix, program, *arguments])
    if code != 0:
        raise Failure(f"a run under strace ended with {code} and said: {err.strip()}")
    return Recording(threads_of(prefix))


def command(fault, name, when, path, program, arguments, output):
    """The command that runs the program with one call made to fail."""
    only = ["-P", path] if path else []
    # Much faster; but then strace does not deliver signals.
    fast = [] if fault.startswith("signal") else ["--seccomp-bpf"]
    return [
        *BASE,
        "-ff",
        *fast,
        "-o",
        output,
        *only,
        "-e",
        f"trace={name}",
        "-e",
        f"inject={name}:{fault}:when={when}",
        program,
        *arguments,
    ]


def injected(prefix):
    """The files of the calls that were made to fail, by call; empty if none was."""
    found = []
    for lines in threads_of(prefix):
        for line in lines:
            if line.endswith("(INJECTED)"):
                found.append(parse(line) or ("", ()))
    return found


def why_not():
    """Why strace cannot be used here; None if it can."""
    if not shutil.which("strace"):
        return "there is no strace; install it with your system's packages"
    folder = tempfile.mkdtemp(prefix="daytally-faults-")
    try:
        output = os.path.join(folder, "t")
        tried = subprocess.run(
            [
                *BASE,
                "-ff",
                "--seccomp-bpf",
                "-o",
                output,
                "-e",
                "trace=close",
                "-e",
                "inject=close:error=EIO:when=1",
                "true",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if not injected(output):
            said = tried.stderr.strip().splitlines()
            return f"strace cannot trace or inject here: {said[0] if said else 'it says nothing'}"
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
