"""Processes of this machine, as /proc has them: who started whom, and which of them wait where a test wants them to."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, NamedTuple, Optional

import helpers

EXECUTOR = "CoarseGrainedExecutorBackend"


def parents() -> dict[int, int]:
    """All processes that run, with those that they are children of; zombies run no more."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                # The name in brackets may have anything in it.
                state, parent = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue  # It has ended meanwhile.
            if state not in "ZX":
                found[int(name)] = int(parent)
    return found


def command(pid: int) -> str:
    """The command line of a process, empty if there is none."""
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def ancestors(pid: int) -> Iterator[int]:
    """The process that has started one, the process that has started that, and so on."""
    above = parents()
    while pid := above.get(pid, 0):
        yield pid


def descendants(pid: int) -> list[int]:
    """The processes that one has started, those that these have, and so on."""
    above = parents()
    found = [pid]
    for one in found:
        found += [child for child, parent in above.items() if parent == one]
    return found[1:]


def executor_of(pid: int) -> Optional[int]:
    """Spark's executor in which something runs."""
    return next((one for one in ancestors(pid) if EXECUTOR in command(one)), None)


def wait_for(what: str, seconds: float, is_so: Callable[[], bool]) -> None:
    """Waits until something is so.

    :raises TimeoutError: if it is not so in time
    """
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)


class Start(NamedTuple):
    """A start of the program."""

    pid: int
    split: str
    """The input, and the split of it; what is fed has none."""
    folder: str
    """In which it was started: an executor has one of its own."""
    waits: bool
    """Whether it waits at the gate."""


class Gate:
    """A program with a gate: the first starts of ``daytally partial`` go on, and all others wait until it is opened.

    So something can be killed in mid-job, however fast or slow the machine is.
    """

    def __init__(self, folder: Path, *, passes: int, seconds: int = 120) -> None:
        self._folder = folder
        folder.mkdir()
        here = shlex.quote(str(folder))
        self.program = helpers.wrap(
            folder / "daytally",
            f"""if [ "$1" = partial ]; then
                for argument; do case $argument in --split=*) split=${{argument#--split=}} ;; esac; done
                printf '%s\\n' "${{!#}} $split" "$PWD" >{here}/new.$$
                mv {here}/new.$$ {here}/start.$$
                starts=({here}/start.*)
                if [ ${{#starts[@]}} -gt {passes} ]; then
                    touch {here}/waits.$$
                    until [ -e {here}/open ] || [ $SECONDS -ge {seconds} ]; do sleep 0.05; done
                    rm {here}/waits.$$
                fi
            fi""",
        )

    def starts(self) -> list[Start]:
        """All starts until now."""
        found = []
        for path in self._folder.glob("start.*"):
            split, folder = path.read_text().splitlines()
            pid = int(path.suffix[1:])
            found.append(Start(pid, split, folder, (self._folder / f"waits.{pid}").exists()))
        return found

    def waiting(self) -> list[Start]:
        """Those that wait now."""
        running = parents()
        return [start for start in self.starts() if start.waits and start.pid in running]

    def open(self) -> None:
        """Lets all go on."""
        (self._folder / "open").touch()
