"""What a run that was interfered with came to, and whether that is right."""

import os
import re
import shlex
from collections import Counter
from dataclasses import dataclass, field

from . import scenarios

# The columns of the table, in order. All from `WRONG` on have to be 0.
RIGHT = ["runs", "right", "explained error", "harmless", "killed"]
WRONG = ["silent wrong", "unexplained death", "old output touched", "stray files", "bad messages", "hung"]
COLUMNS = RIGHT + WRONG


@dataclass
class Violation:
    kind: str
    case: str
    what: str
    command: str
    said: str = ""


@dataclass
class Counts:
    """The outcomes of one row of the table."""

    counts: Counter = field(default_factory=Counter)
    violations: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def add(self, verdict):
        self.counts["runs"] += 1
        self.counts[verdict.outcome] += 1
        for violation in verdict.violations:
            if violation.kind != verdict.outcome:
                self.counts[violation.kind] += 1
            self.violations.append(violation)


class Verdict:
    """The outcome of one run and what is wrong with it."""

    def __init__(self, case, command):
        self.case = case
        self.command = command if isinstance(command, str) else shlex.join(command)
        self.outcome = ""
        self.violations = []

    def wrong(self, kind, what, said=""):
        self.violations.append(Violation(kind, self.case, what, self.command, said[-2000:]))
        if not self.outcome:
            self.outcome = kind

    def settle(self, outcome):
        if not self.outcome:
            self.outcome = outcome


def is_complete(place, good, out):
    """Whether all outputs are those of a good run."""
    scenario = place.scenario
    for role in scenario.outputs:
        content = place.content(role)
        if role == "log":
            # It may say more: that something was not as it should be.
            if content is None or not set(good.contents[role]) <= set(content):
                return False
        elif content != good.contents[role]:
            return False
    return "stdout" != scenario.name or out == good.out


def differing(place, good):
    """Which outputs are not those of a good run."""
    return (
        ", ".join(role for role in place.scenario.outputs if place.content(role) != good.contents[role])
        or "standard output"
    )


def look_at_old(verdict, place, good, may_be_new=False, err=""):
    """Whether what there was is as it was; where `may_be_new`, each file by itself that or complete."""
    scenario = place.scenario
    for role in scenario.outputs:
        if role == "log":
            continue
        if scenario.tree and role == "result":
            old, now = place.old[role], place.content(role)
            for name in sorted({*old, *now}):
                may_be = (old.get(name), good.contents[role].get(name)) if may_be_new else (old.get(name),)
                if now.get(name) not in may_be:
                    how = "neither old nor complete" if may_be_new else "not what it was"
                    verdict.wrong("old output touched", f"{name} of the result is {how}", err)
            continue
        now = scenarios.identity(place.at(role))
        if now == place.old.get(role):
            continue
        if may_be_new and place.content(role) == good.contents[role]:
            continue
        how = "is gone" if now is None else "is new" if place.content(role) == good.contents[role] else "is damaged"
        verdict.wrong("old output touched", f"the {role} {how}", err)


def strays(place, good):
    """What there is that a good run does not leave."""
    return sorted(place.files() - good.files)


def look_for_strays(verdict, place, good, err=""):
    """Whether there is anything that a good run does not leave."""
    stray = strays(place, good)
    if stray:
        verdict.wrong("stray files", f"left behind: {', '.join(stray)}", err)


# Calls that removing a file or a folder is made of.
REMOVING = ("unlink", "unlinkat", "rmdir", "getdents64", "openat", "fcntl", "newfstatat", "fstat", "statx")


def may_be_left(place, good, hit):
    """Whether all that is left is what could not be removed, since a call for that was made to fail."""
    stray = strays(place, good)
    paths = [path for name, paths in hit if name in REMOVING for path in paths]

    def is_of(path, name):
        """Whether it is what could not be removed, or in that, or the folder that it is in."""
        return place.path(name).startswith(path) or path.startswith(place.path(name) + "/")

    return bool(stray) and all(any(is_of(path, name) for path in paths) for name in stray)


# What the libraries below say of memory that they do not get, some of them by panicking: Rust's standard library of any
# memory, and of a thread's second stack; the C library; and what decompresses gzip.
NO_MEMORY = re.compile(
    r"memory allocation of "
    r"|panicked at [^\n]*stack_overflow\.rs:[^\n]*\nfailed to allocate an alternative stack"
    r"|Fatal glibc error: [^\n]*: out of memory"
    r"|panicked at [^\n]*zlib-rs[^\n]*\nassertion [^\n]*\n +left: MemError"
)


def look_at_death(verdict, code, err):
    """Whether a run died of what it should have explained. Returns whether it did."""
    if code is None:
        verdict.wrong("hung", "it did not end in time", err)
    elif code < 0:
        verdict.wrong("unexplained death", f"it was ended by signal {-code}", err)
    elif "panicked" in NO_MEMORY.sub("", err) or code == 101:
        verdict.wrong("unexplained death", "it panicked", err)
    else:
        return False
    return True


def message_fault(place, err, error, paths, words):
    """What the message of a run that failed lacks; None if nothing."""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    if not lines:
        return "there is no line that says what was wrong"
    said = lines[-1]
    if error in words and not any(word in said.lower() for word in words[error]):
        return f"the message does not say that it was {error} ({' or '.join(words[error])})"
    wanted = names_of(place, paths)
    if wanted and not any(name in said for name in wanted):
        return f"the message does not name the file ({' or '.join(sorted(wanted))})"
    return None


def names_of(place, paths):
    """The names that a message about a call on these files may use; empty if it need not name any."""
    ours = [path for path in paths if path.startswith((place.root, place.data))]
    through = [path for path in paths if path.startswith(("pipe:", "socket:", "UNIX"))]
    if not ours:
        # A pipe is a standard stream or what wakes the program up; the system's own files are no user's.
        return {"standard input", "standard output", "standard error", "signals"} if through else set()
    inputs = [os.path.join(place.data, name) for name in known_inputs(place.data)]
    outputs = [place.at(role) for role in place.scenario.outputs]
    names = set()
    # A draft, and what it has replaced, wait in a folder of their own.
    for path in [re.sub(r"(/\.daytally-[^/]+\.tmp)/.*", r"\1", path) for path in ours]:
        names.add(path)
        # The file itself, one in the folder, or the one that it is a draft of.
        names.update(known for known in inputs + outputs if known == path or known.startswith(path + "/"))
        names.update(known for known in outputs if os.path.dirname(known) == os.path.dirname(path))
        if path.startswith((place.path("tmp"), place.path(place.scenario.keeps or "tmp"))):
            names.add(place.path("tmp") if path.startswith(place.path("tmp")) else place.path(place.scenario.keeps))
        if place.scenario.stdin and path == os.path.join(place.data, place.scenario.stdin):
            names.add("standard input")
        if place.scenario.tree and path.startswith(place.at("result")):
            names.add(place.at("result"))
        if path == place.path("cwd"):
            names.update(outputs)
    return names


def known_inputs(data):
    found = []
    for folder, _, files in os.walk(data):
        found += [os.path.relpath(os.path.join(folder, name), data) for name in files]
    return found


def after_fault(verdict, place, good, code, out, err, was_injected, error, paths, words, explained=False):
    """Judges a run in which one call was made to fail; but for what it left."""
    if look_at_death(verdict, code, err):
        look_at_old(verdict, place, good, may_be_new=code == 0, err=err)
    elif code == 0:
        if is_complete(place, good, out):
            verdict.settle("harmless" if was_injected else "right")
        else:
            verdict.wrong("silent wrong", f"exit code 0, and not what a good run writes: {differing(place, good)}", err)
    else:
        if not was_injected:
            verdict.wrong("bad messages", f"it ended with {code} though nothing was made to fail", err)
        elif code != 1:
            verdict.wrong("bad messages", f"the exit code is {code} and not 1", err)
        else:
            fault = None if explained else message_fault(place, err, error, paths, words)
            if fault:
                verdict.violations.append(Violation("bad messages", verdict.case, fault, verdict.command, err[-2000:]))
            verdict.settle("explained error")
        look_at_old(verdict, place, good, err=err)
