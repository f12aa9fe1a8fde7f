"""Options that the driver looks at before the workers do."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Union

from .._binary import find_binary
from .._run import _FOR_A_SHELL, _environment
from ..errors import BinaryNotFound, UsageError

__all__ = ["InvalidLimit", "check_arguments", "size_in_bytes"]

_UNITS = {
    "": 1, "b": 1,
    "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20,
    "g": 1 << 30, "gib": 1 << 30, "t": 1 << 40, "tib": 1 << 40,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
}  # fmt: skip


def size_in_bytes(option: str, size: Union[int, str]) -> int:
    """A size as the program's options have them, at least 1.

    >>> size_in_bytes("split_size", "128 MiB")
    134217728
    """
    match = re.fullmatch(r"\s*([0-9]+)\s*([A-Za-z]*)\s*", str(size))
    factor = _UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None or not 0 < int(match[1]) * factor < 2**63:
        raise UsageError(f"{option}: {size!r} is no size; give a number of bytes, or such as '128MiB'", 2)
    return int(match[1]) * factor


class InvalidLimit:
    """How many events may be invalid: a number, or a share of all."""

    def __init__(self, given: Union[int, str]) -> None:
        self.text = str(given)
        number, self.is_share = self.text.removesuffix("%"), self.text.endswith("%")
        try:
            self.number = Decimal(number)
        except InvalidOperation:
            self.number = Decimal(-1)
        is_plain = re.fullmatch(r"[0-9]+(\.[0-9]{1,9})?" if self.is_share else r"[0-9]+", number)
        if is_plain is None or (self.is_share and self.number > 100):
            raise UsageError(
                f"max_invalid: {given!r}: give a whole number of events such as 100, or a percentage such as '0.5%'", 2
            )

    def is_exceeded(self, invalid: int, events: int) -> bool:
        """Whether that many of all events, blank lines not counted, are too many.

        >>> InvalidLimit("0.1%").is_exceeded(1, 1000), InvalidLimit("0.1%").is_exceeded(1, 999)
        (False, True)
        """
        if not self.is_share:
            return invalid > self.number
        # In whole numbers, since shares can be as exact as that.
        return invalid * 100 * 10**9 > int(self.number * 10**9) * events


def check_arguments(arguments: Iterable[str]) -> None:
    """Has the driver's program look at the options, if there is one: sooner than the workers would.

    :raises UsageError: if one is wrong in itself
    """
    try:
        binary = find_binary()
    except BinaryNotFound:
        return
    done = subprocess.run(
        [os.fspath(binary), "partial", "--color=never", *arguments, "--", "-"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
        check=False,
    )
    if done.returncode == 2:
        text = done.stderr.decode("utf-8", "replace").strip()
        for start in _FOR_A_SHELL:
            text = text.partition(start)[0]
        raise UsageError(text.removeprefix("error: "), 2)
