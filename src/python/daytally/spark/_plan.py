"""The plan: which inputs there are, in which version, and which task counts which of their splits.

A plan goes to the workers with each task, so it is packed: a hundred thousand files and a million splits
come to a few megabytes, and are unpacked once in a worker and not once in a task.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, NamedTuple, Optional

__all__ = ["File", "Plan", "Split", "kept"]

# What opening a file costs, in bytes that could be read meanwhile, as Spark has it for its own readers
# (spark.sql.files.openCostInBytes): small files share a task by that.
_OPENING = 4 << 20


class File(NamedTuple):
    """An input, as it was when the splits were planned."""

    name: str
    """As it was named, or found in a folder."""
    size: int
    """Its length in bytes, as it is stored."""
    modified: int
    """When it was last written to, in nanoseconds since 1970."""
    compression: Optional[str]
    """What it is compressed with, if it is."""


class Split(NamedTuple):
    """The lines of a file whose first bytes lie in a range."""

    source: int
    """The number of the file in the plan."""
    file: File
    start: int
    """The first byte, from 0."""
    end: int
    """The byte after the last."""
    has_end: bool
    """Whether that is to be said: what is compressed, or empty, is read as a whole."""


class Plan:
    """Files, the splits of each, and their tasks: those consecutive splits that come to the size of one.

    >>> lines = ['{"input":"a","size":250,"modified":7,"compression":null,"splits":["0..100","100..250"]}']
    >>> plan = Plan.parse(lines, 100)
    >>> plan.tasks, [(split.start, split.end) for split in plan.splits_of(1)]
    (2, [(100, 250)])
    """

    def __init__(self, files: list[File], first: array[int], starts: array[int], tasks: array[int]) -> None:
        self.files = files
        self._first = first
        """For each file its first split, and after the last file their number."""
        self._starts = starts
        """Where each split starts."""
        self._tasks = tasks
        """For each task its first split, and after the last task their number."""

    @classmethod
    def parse(cls, lines: Iterable[str], split_size: int) -> Plan:
        """A plan of what ``daytally splits`` has written."""
        files: list[File] = []
        first, starts, tasks = array("q", [0]), array("q"), array("q", [0])
        filled = 0
        for line in lines:
            given: dict[str, Any] = json.loads(line)
            file = File(given["input"], given["size"], given["modified"], given["compression"])
            files.append(file)
            for text in given["splits"]:
                start, _, end = text.partition("..")
                weight = (int(end) if end else file.size) - int(start) + _OPENING
                if filled and filled + weight > split_size + _OPENING:
                    tasks.append(len(starts))
                    filled = 0
                filled += weight
                starts.append(int(start))
            first.append(len(starts))
        if starts:
            tasks.append(len(starts))
        return cls(files, first, starts, tasks)

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len(self._tasks) - 1

    def __len__(self) -> int:
        """How many splits there are."""
        return len(self._starts)

    def splits_of(self, task: int) -> Iterator[Split]:
        """The splits of a task, which are numbered from 0."""
        return self._splits(self._tasks[task], self._tasks[task + 1])

    def __iter__(self) -> Iterator[Split]:
        """All splits, in the order of the files."""
        return self._splits(0, len(self))

    def _splits(self, first: int, last: int) -> Iterator[Split]:
        source = bisect_right(self._first, first) - 1
        for number in range(first, last):
            while number >= self._first[source + 1]:
                source += 1
            file = self.files[source]
            is_last = number + 1 == self._first[source + 1]
            end = file.size if is_last else self._starts[number + 1]
            has_end = file.compression is None and file.size > 0
            yield Split(source, file, self._starts[number], end, has_end)

    def __reduce__(self) -> tuple[Any, ...]:
        names = json.dumps(self.files).encode()
        arrays = [part.tobytes() for part in (self._first, self._starts, self._tasks)]
        packed = zlib.compress(b"".join([names, *arrays]), 1)
        return _unpacked, (packed, (len(names), *map(len, arrays)))


def kept() -> dict[str, Any]:
    """What a worker keeps from one task to the next: what came by value does not last."""
    return sys.modules.setdefault("_daytally_worker", ModuleType("_daytally_worker")).__dict__


def _unpacked(packed: bytes, lengths: tuple[int, ...]) -> Plan:
    last: Optional[tuple[bytes, Plan]] = kept().get("plan")
    if last is not None and last[0] == packed:
        return last[1]
    data, parts = memoryview(zlib.decompress(packed)), []
    for length in lengths:
        parts.append(data[:length])
        data = data[length:]
    first, starts, tasks = array("q"), array("q"), array("q")
    for numbers, part in zip((first, starts, tasks), parts[1:]):
        numbers.frombytes(part)
    plan = Plan([File(*file) for file in json.loads(bytes(parts[0]))], first, starts, tasks)
    kept()["plan"] = (packed, plan)
    return plan
