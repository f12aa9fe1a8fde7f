"""What can go wrong: one class for each way a run can end.

======== =========================== ==================================================
exit     class                       when
======== =========================== ==================================================
1        :class:`RunFailed`          it could not be done: an input that cannot be read or
                                     is damaged, an output that cannot be written, a full
                                     disk, no memory, a total that is too large
2        :class:`UsageError`         an option or an input is wrong in itself
3        :class:`TooManyInvalid`     more invalid events than ``max_invalid`` allows
130, 143 :class:`Stopped`            stopped by SIGINT or SIGTERM, or killed by a signal
none     :class:`BinaryNotFound`     the program is not where the package should have it
======== =========================== ==================================================

In every case the output is what it was before the run.
"""

from __future__ import annotations

import signal as signals
from typing import Any, Optional

__all__ = [
    "BinaryNotFound",
    "DaytallyError",
    "RunFailed",
    "Stopped",
    "TooManyInvalid",
    "UsageError",
]


class DaytallyError(Exception):
    """What all errors of this package have in common.

    :ivar message: what the program said, without its ``error:``
    :ivar exit_code: its exit code; None if it did not run; the negative number of a signal that
        killed it
    """

    message: str
    exit_code: Optional[int]

    def __init__(self, message: str, exit_code: Optional[int] = None) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[type[DaytallyError], tuple[object, ...]]:
        # Errors cross processes, such as those of a pool.
        return type(self), (self.message, self.exit_code)


class RunFailed(DaytallyError):
    """The run could not be done (exit code 1); the message names the file and the cause."""


class UsageError(DaytallyError, ValueError):
    """An option or an input is wrong in itself (exit code 2), such as a date that is none."""


class TooManyInvalid(DaytallyError):
    """More events were invalid than ``max_invalid`` allows (exit code 3).

    The rejects and the report have been written, the result has not.

    :ivar summary: what was counted: a :class:`daytally.Summary`, and of a run on Spark a
        :class:`daytally.spark.SparkSummary`
    """

    summary: Any

    def __init__(
        self,
        message: str,
        exit_code: Optional[int] = 3,
        summary: Any = None,
    ) -> None:
        super().__init__(message, exit_code)
        self.summary = summary

    def __reduce__(self) -> tuple[type[DaytallyError], tuple[object, ...]]:
        return type(self), (self.message, self.exit_code, self.summary)


class Stopped(DaytallyError):
    """The run was stopped by a signal (exit codes 130 and 143), or killed by one.

    Ctrl-C is a :class:`KeyboardInterrupt`, as everywhere in Python, and not this.
    """

    @property
    def signal(self) -> int:
        """The number of the signal, such as ``signal.SIGTERM``."""
        code = self.exit_code or 0
        return -code if code < 0 else max(code - 128, 0)

    @classmethod
    def of(cls, exit_code: int, message: str) -> Stopped:
        """The error for an exit code, with words of its own if the program said nothing."""
        error = cls(message, exit_code)
        if message:
            return error
        try:
            name = signals.Signals(error.signal).name
        except ValueError:
            name = f"signal {error.signal}"
        return cls(f"the program was ended by {name}", exit_code)


class BinaryNotFound(DaytallyError):
    """The program is not where the package should have it."""
