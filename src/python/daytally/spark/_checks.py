"""What is checked of all partials before anything is published, and what their books come to.

Spark makes sure that what a task hands over is staged once, whatever dies and is run again. That it did is
checked all the same: each split is there once, all of its lines are accounted for, and its groups hold as
many events as were valid.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ..errors import RunFailed
from ..summary import Place
from ._money import add, exact_sum, in_two
from ._plan import File, Plan

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Books", "Counted", "InputBooks", "SplitPlace", "check_blocks", "check_splits", "counts"]

def counts(staged: Any) -> Any:
    """What is to be checked of each split: a row for each, of which the driver reads all."""
    from pyspark.sql import functions as F

    def of(kind: str) -> Any:
        return F.sum(F.when(F.col("kind") == kind, 1).otherwise(0))

    def one(name: str) -> Any:
        # There is one row of books, or that is found out.
        return F.max(name).alias(name)

    whole, part = in_two(F.col("total_revenue"))
    return staged.groupBy("source", "start").agg(
        of("books").alias("books"),
        of("reject").alias("rejects"),
        F.sum("event_count").alias("events"),
        F.sum("purchase_count").alias("purchases"),
        F.sum(whole).alias("whole_revenue"),
        F.sum(part).alias("part_of_revenue"),
        *(one(name) for name in (
            "input", "split_end", "input_size", "input_modified", "bytes",
            "lines", "blank", "valid", "filtered", "invalid", "invalid_by_reason", "first_by_reason",
        )),
    )  # fmt: skip


@dataclass
class InputBooks:
    """What became of the lines of an input."""

    input: str
    """The input as it was named, or found in a folder."""
    size: int
    """Its length in bytes, as it is stored."""
    lines: int = 0
    """Its lines: ``blank`` + ``valid`` + ``filtered`` + ``invalid``."""
    blank: int = 0
    """Lines of nothing but white space."""
    valid: int = 0
    """Valid events in the result."""
    filtered: int = 0
    """Valid events of days that were not asked for."""
    invalid: int = 0
    """Invalid events."""


class SplitPlace(NamedTuple):
    """Where a split is in the whole, so that what is counted from its start can be counted from the input's."""

    source: int
    """The input, as it is staged."""
    start: int
    """The first byte, as it is staged."""
    number: int
    """Its number in the order of all splits."""
    input: str
    """The name of the input."""
    lines: int
    """The lines of the input before it."""
    bytes: int
    """The bytes of the input before that which its offsets are counted from."""


@dataclass
class Books:
    """What became of all lines."""

    inputs: list[InputBooks]
    splits: int = 0
    invalid_by_reason: dict[str, int] = field(default_factory=dict)
    first_by_reason: dict[str, Place] = field(default_factory=dict)
    purchases: int = 0
    revenue: Decimal = Decimal(0)
    places: list[SplitPlace] = field(default_factory=list)
    """Where the splits are that have rejects."""

    def total(self, name: str) -> int:
        """The sum of a field of all inputs."""
        return sum(getattr(books, name) for books in self.inputs)


def _by_place(table: pyarrow.Table) -> Iterator[dict[str, Any]]:
    for batch in table.sort_by([("source", "ascending"), ("start", "ascending")]).to_batches():
        yield from batch.to_pylist()


def check_splits(plan: Plan, table: pyarrow.Table, *, has_rejects: bool) -> Books:
    """Checks the splits of a plan.

    :raises RunFailed: if one is missing, is there twice, or does not add up
    """
    books = Books([InputBooks(file.name, file.size) for file in plan.files])
    rows = _by_place(table)
    row = next(rows, None)
    lines = 0
    for split in plan:
        what = f"{split.file.name}, split {split.start}..{split.end}"
        if row is None or (row["source"], row["start"]) != (split.source, split.start):
            raise _missing(what)
        if split.start == 0:
            lines = 0
        identity = (row["input"], row["split_end"], row["input_size"], row["input_modified"])
        planned = (split.file.name, split.end, split.file.size, split.file.modified)
        if row["books"] == 1 and identity != planned:
            raise RunFailed(
                f"{what}: the partial is of another version or part of the file: {identity} instead of {planned};"
                " nothing was written",
                1,
            )
        _add(books, split.source, row, what, lines, 0, has_rejects)
        lines += row["lines"]
        row = next(rows, None)
    if row is not None:
        raise RunFailed(f"there is a partial of a split that was not planned: {row}; nothing was written", 1)
    return books


def check_blocks(files: list[File], sources: dict[int, int], table: pyarrow.Table, *, has_rejects: bool) -> Books:
    """Checks the blocks that Spark has read of files.

    Which blocks those would be it alone knows, so what is checked is that their bytes come to the length of
    the file, where it is not compressed.

    :param sources: the numbers of the files by what is staged for them
    :raises RunFailed: if something is missing, is there twice, or does not add up
    """
    books = Books([InputBooks(file.name, file.size) for file in files])
    blocks: list[list[dict[str, Any]]] = [[] for _ in files]
    for row in _by_place(table):
        if row["source"] not in sources:
            raise RunFailed(f"there is a partial of a file that was not planned: {row}; nothing was written", 1)
        blocks[sources[row["source"]]].append(row)
    for number, (file, rows) in enumerate(zip(files, blocks)):
        size = sum(row["bytes"] or 0 for row in rows)
        # Spark passes on no byte-order mark, and whether there is a last newline cannot be told.
        mark = 3 if file.compression is None and size - file.size in (-3, -2) and file.size >= 3 else 0
        if file.compression is None and size + mark - file.size not in (0, 1):
            raise RunFailed(
                f"{file.name}: {size} bytes of lines were read of a file of {file.size}; it has changed during the"
                " run, or blocks of it are missing; nothing was written",
                1,
            )
        lines, offset = 0, mark
        for row in rows:
            _add(books, number, row, f"{file.name}, block at {row['start']}", lines, offset, has_rejects)
            lines += row["lines"]
            offset += row["bytes"]
    return books


def _missing(what: str) -> RunFailed:
    return RunFailed(
        f"{what}: its partial is missing; the folder for staging has to be one that all workers and the driver"
        " share (staging=...); nothing was written",
        1,
    )


def _add(
    books: Books,
    source: int,
    row: dict[str, Any],
    what: str,
    lines: int,
    offset: int,
    has_rejects: bool,
) -> None:
    """Checks a split, and adds it up. So many lines and bytes of the file are before those that are counted from
    its start."""

    def fail(why: str) -> RunFailed:
        return RunFailed(f"{what}: {why}; nothing was written", 1)

    if row["books"] != 1:
        raise fail(f"it was staged {row['books']} times, which Spark's committer should not do")
    by_reason: dict[str, int] = json.loads(row["invalid_by_reason"])
    first: dict[str, dict[str, int]] = json.loads(row["first_by_reason"])
    fates = row["blank"] + row["valid"] + row["filtered"] + row["invalid"]
    if row["lines"] != fates:
        raise fail(f"{row['lines']} lines are {fates} blank, valid, filtered and invalid ones")
    if sum(by_reason.values()) != row["invalid"] or first.keys() != by_reason.keys():
        raise fail(f"{row['invalid']} invalid events are {by_reason} by reason")
    if (row["events"] or 0) != row["valid"]:
        raise fail(f"its groups hold {row['events'] or 0} events, and {row['valid']} are valid")
    if row["rejects"] != (row["invalid"] if has_rejects else 0):
        raise fail(f"it has {row['rejects']} rejects, and {row['invalid']} events are invalid")

    number = books.splits
    books.splits += 1
    own = books.inputs[source]
    for name in ("lines", "blank", "valid", "filtered", "invalid"):
        setattr(own, name, getattr(own, name) + row[name])
    for reason, count in by_reason.items():
        books.invalid_by_reason[reason] = books.invalid_by_reason.get(reason, 0) + count
        place = first[reason]
        at = Place(own.input, lines + place["line"], offset + place["offset"])
        books.first_by_reason.setdefault(reason, at)
    books.purchases += row["purchases"] or 0
    books.revenue = add(books.revenue, exact_sum(row["whole_revenue"], row["part_of_revenue"]))
    if row["invalid"]:
        books.places.append(SplitPlace(row["source"], row["start"], number, own.input, lines, offset))


class Counted:
    """Groups that are counted while they are written."""

    def __init__(self, groups: Any) -> None:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        self._observation = Observation()
        revenue = F.col("total_revenue")
        whole, part = in_two(revenue)
        day = F.col("date").cast("string")
        self.groups = groups.observe(
            self._observation,
            F.count(F.lit(1)).alias("rows"),
            F.sum("event_count").alias("events"),
            F.sum("purchase_count").alias("purchases"),
            F.sum(whole).alias("whole"),
            F.sum(part).alias("part"),
            F.sum(F.when(revenue.isNull(), 1).otherwise(0)).alias("too_large"),
            F.min(day).alias("first"),
            F.max(day).alias("last"),
        )

    def check(self, groups: Any, books: Books) -> None:
        """Whether the groups are all of what the splits have counted.

        :raises RunFailed: if not, or if a total is too large
        """
        found = self._observation.get
        if found["too_large"]:
            # SPEC's section on money; decimal(38, 18) has room for less than that.
            row = groups.where(groups.total_revenue.isNull()).orderBy("date", "user_id").first()
            raise RunFailed(
                f"the total revenue of user {row['user_id']} on {row['date']} is 10^20 or more; nothing was written", 1
            )
        revenue = exact_sum(found["whole"], found["part"])
        counted = (found["events"] or 0, found["purchases"] or 0, revenue)
        expected = (books.total("valid"), books.purchases, books.revenue)
        if counted != expected:
            raise RunFailed(
                f"the groups hold events, purchases and revenue of {counted}, and the splits of {expected}; nothing"
                " was written",
                1,
            )
        self.rows: int = found["rows"]
        self.first: Optional[str] = found["first"]
        self.last: Optional[str] = found["last"]
