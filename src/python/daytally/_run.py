"""Runs the program: its log, its end, and that it does not outlive what called it.

What the program writes goes to files without a name, in memory where Python can make those, so nothing
has to be removed and no pipe can fill up. Its standard error alone is a pipe, which is read to its end.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Optional

from ._binary import find_binary
from .errors import DaytallyError, RunFailed, Stopped, TooManyInvalid, UsageError

__all__ = ["Log", "error_of", "run", "scratch"]

_LOGGER = logging.getLogger("daytally")
_LEVELS = {
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": logging.DEBUG,
}
# The fields of a line that are no extras.
_OWN_FIELDS = ("timestamp", "level", "message")
# How much is kept of what the program says besides its log.
_SAID_LIMIT = 64 * 1024
# What follows the error on a command line that is wrong, and says nothing to a caller.
_FOR_A_SHELL = ("\n\nUsage:", "\n\nFor more information")
# How long the program may take to end after a signal. It takes 200 ms at most.
_GRACE_SECONDS = 0.5
_PATIENCE_SECONDS = 10.0


@contextmanager
def scratch(name: str) -> Iterator[IO[bytes]]:
    """A file without a name, which is gone when it is closed."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create(f"daytally-{name}"), "w+b")
    else:
        # Such as Python built for a glibc before 2.27.
        file = tempfile.TemporaryFile(prefix=f"daytally-{name}-")
    with file:
        yield file


class Log:
    """What the program says on standard error, for Python's logging.

    Rejects beyond the limit are counted and not passed on.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.rejects = 0
        """Rejects that were in the log."""
        self.errors: list[str] = []
        """The messages of level ERROR."""
        self.said = ""
        """What was no line of the log, such as how an option is wrong."""

    def level(self) -> str:
        """What the program should log: no more than somebody hears."""
        if _LOGGER.disabled or not _is_heard(_LOGGER):
            return "error"
        for level, name in ((logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.WARNING, "warn")):
            if _LOGGER.isEnabledFor(level):
                return name
        return "error"

    def read(self, lines: Iterable[bytes]) -> None:
        """Takes all lines, to their end."""
        for line in lines:
            is_reject = b',"reason":"' in line
            if is_reject:
                self.rejects += 1
                if self.rejects > self.limit:
                    continue
            self._take(line)
        more = self.rejects - self.limit
        if more > 0 and self.limit > 0:
            _LOGGER.warning("%d more invalid events are not logged", more, extra={"more": more})

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        try:
            fields: Any = json.loads(text) if text.startswith("{") else None
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or "message" not in fields:
            if len(self.said) < _SAID_LIMIT:
                self.said += text[:_SAID_LIMIT]
            return
        message = str(fields["message"])
        level = _LEVELS.get(str(fields.get("level")), logging.INFO)
        if level == logging.ERROR:
            # It becomes an exception, and is logged by whoever catches that.
            self.errors.append(message)
            return
        extra = {
            # Not over what a record has for itself.
            (f"{name}_" if name in _RECORD_FIELDS else name): value
            for name, value in fields.items()
            if name not in _OWN_FIELDS
        }
        _LOGGER.log(level, "%s", message, extra=extra)

    def message(self) -> str:
        """Why the run failed, in the program's words."""
        text = "\n".join(self.errors) or self.said.strip()
        for start in _FOR_A_SHELL:
            text = text.partition(start)[0]
        return text[len("error: ") :] if text.startswith("error: ") else text


_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def _is_heard(logger: logging.Logger) -> bool:
    """Whether any handler does something with the logger's records."""
    current: Optional[logging.Logger] = logger
    while current is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in current.handlers):
            return True
        if not current.propagate:
            return False
        current = current.parent
    return False


def run(
    arguments: Sequence[str],
    log: Log,
    *,
    stdout: Optional[IO[bytes]],
    files: Sequence[IO[bytes]],
    reads_stdin: bool,
) -> int:
    """Runs the program to its end, and gives its exit code.

    If anything is raised meanwhile, such as KeyboardInterrupt, the program is stopped first, and waited
    for: it leaves the old output and nothing half-written.

    :param stdout: where its standard output goes; nowhere if None
    :param files: open files that it is to have, under the same numbers
    """
    binary = find_binary()
    try:
        child = subprocess.Popen(
            [os.fspath(binary), *arguments],
            stdin=None if reads_stdin else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.PIPE,
            pass_fds=[file.fileno() for file in files],
            env=_environment(),
        )
    except OSError as error:
        raise RunFailed(f"{binary} does not start: {error}") from error
    assert child.stderr is not None
    try:
        log.read(child.stderr)
        return child.wait()
    except BaseException as error:
        _stop(child, isinstance(error, KeyboardInterrupt))
        raise
    finally:
        child.stderr.close()


def _stop(child: subprocess.Popen[bytes], has_signal: bool) -> None:
    """Ends the program the way that leaves nothing behind, if there is time for that."""
    try:
        # The program does not mind, and could wait for a reader otherwise.
        if child.stderr is not None:
            child.stderr.close()
        if has_signal:
            # A terminal's Ctrl-C goes to the program too, and a second signal would end it at once.
            try:
                child.wait(_GRACE_SECONDS)
                return
            except subprocess.TimeoutExpired:
                pass
        child.terminate()
        child.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _environment() -> dict[str, str]:
    """The environment without what would change the program's options behind the caller's back."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("DAYTALLY_")
    }
    environment["DAYTALLY_NO_CONFIG"] = "1"
    return environment


def error_of(exit_code: int, message: str) -> DaytallyError:
    """The error for an exit code that is not 0."""
    if exit_code < 0 or exit_code in (130, 143):
        return Stopped.of(exit_code, message)
    message = message or f"the program ended with {exit_code}"
    if exit_code == 2:
        return UsageError(message, exit_code)
    if exit_code == 3:
        return TooManyInvalid(message, exit_code)
    return RunFailed(message, exit_code)
