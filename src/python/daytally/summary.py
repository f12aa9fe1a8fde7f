"""The summary of a run: what was read, what was counted, and what was written.

The fields are those of ``daytally aggregate --summary``; the README of daytally describes each. What
the program leaves out there because it does not apply is ``None`` here, and numbers are 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Optional

__all__ = [
    "Days",
    "InputSummary",
    "LeftOut",
    "OutputSummary",
    "Place",
    "SchemaSummary",
    "StateSummary",
    "Summary",
]


@dataclass(frozen=True)
class Place:
    """The place of a line."""

    input: str
    """The input as it was named, or found in a folder."""
    line: int
    """The number of the line, from 1."""
    offset: int
    """The byte of the decompressed input at which the line starts, from 0."""

    def __str__(self) -> str:
        """As ``daytally explain`` takes it."""
        return f"{self.input}:{self.line}"


@dataclass(frozen=True)
class InputSummary:
    """What was read of an input."""

    input: str
    """The input as it was named, or found in a folder."""
    path: Optional[str]
    """Its absolute path; None for standard input."""
    bytes: int
    """Its bytes, decompressed."""
    lines: int
    """Its lines."""
    compression: Optional[str] = None
    """The format it is compressed in, if it is."""
    compressed_bytes: Optional[int] = None
    """Its bytes as they are stored, if it is compressed."""
    bytes_added_since: int = 0
    """Bytes that were added at its end during the run, and not read."""
    source: Optional[str] = None
    """With a state: ``new``, ``changed``, ``grown`` or ``kept``."""


@dataclass(frozen=True)
class LeftOut:
    """How many names were left out of the folders and patterns that were searched."""

    hidden: int
    """Names that start with a dot."""
    markers: int
    """Markers such as ``_SUCCESS``, and temporary names."""
    others: int
    """Files of other extensions, and what is no regular file."""


@dataclass(frozen=True)
class StateSummary:
    """What the state of earlier runs spared."""

    path: str
    """The absolute path of the folder."""
    new: int
    """Inputs that were read for the first time."""
    changed: int
    """Inputs that were read again as a whole."""
    grown: int
    """Inputs that had grown, and were read from there."""
    kept: int
    """Inputs that did not have to be read."""
    forgotten: int
    """Inputs of earlier runs that are no longer in the result."""
    bytes_read: int
    """The bytes that were read, decompressed."""


@dataclass(frozen=True)
class SchemaSummary:
    """How events were read, where that is not the usual way."""

    user_id_field: str
    event_type_field: str
    timestamp_field: str
    amount_field: str
    purchase_types: tuple[str, ...]
    accept_offsets: bool
    timezone: str
    timezone_database: Optional[str] = None
    """The version of the time zone database, if the zone is from there."""


@dataclass(frozen=True)
class Days:
    """What became of the days of a result that is partitioned by date; days as YYYY-MM-DD."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    """How many days were there to the byte."""
    removed: tuple[str, ...]


@dataclass(frozen=True)
class OutputSummary:
    """What was written."""

    path: str
    """The absolute path of the file, or of the folder with the days; ``-`` if the rows were handed over."""
    format: str
    """The name of its format, such as ``csv``."""
    rows: int
    """Rows, headers not counted."""
    bytes: int
    """Bytes, headers included."""
    unchanged: bool
    """Whether it was there already to the byte."""
    sha256: Optional[str] = None
    """The SHA-256 of the bytes, in hexadecimal; None for several files."""
    days: Optional[Days] = None
    """What became of which days; None for one file."""


@dataclass(frozen=True)
class Summary:
    """What was read, what was counted, and what was written.

    >>> import daytally
    >>> summary = daytally.aggregate("events.jsonl").summary
    >>> summary.valid, summary.invalid, summary.total_revenue
    (3, 2, Decimal('19.99'))
    >>> for reason, place in sorted(summary.first_by_reason.items()):
    ...     print(reason, summary.invalid_by_reason[reason], place)
    invalid_timestamp 1 events.jsonl:4
    non_positive_amount 1 events.jsonl:5
    """

    status: str
    """``published``, or ``too_many_invalid``."""
    inputs: tuple[InputSummary, ...]
    """The inputs, in order."""
    left_out: LeftOut
    """What was left out of folders and patterns."""
    lines: int
    """Lines of all inputs: ``blank`` + ``valid`` + ``filtered`` + ``invalid``."""
    blank: int
    """Lines of nothing but white space."""
    valid: int
    """Valid events in the result."""
    filtered: int
    """Valid events of days before ``from_date`` or after ``to_date``."""
    invalid: int
    """Invalid events."""
    invalid_by_reason: Mapping[str, int]
    """The invalid events by reason; reasons that did not occur are left out."""
    first_by_reason: Mapping[str, Place]
    """The first line of each of those reasons, in the order of the inputs."""
    groups: int
    """Users and days: the rows of the result."""
    event_count: int
    """The sum of the rows' ``event_count``, equal to ``valid``."""
    purchase_count: int
    """The sum of the rows' ``purchase_count``."""
    total_revenue: Decimal
    """The sum of the rows' ``total_revenue``, exact."""
    from_date: Optional[str]
    """The first day that was asked for, as YYYY-MM-DD (a text, for Python's dates have no year 0)."""
    to_date: Optional[str]
    """The last day that was asked for."""
    first_date: Optional[str]
    """The first day of the result; None if it has no rows."""
    last_date: Optional[str]
    """The last day of the result."""
    elapsed_seconds: float
    """Wall-clock seconds from the start of the program to the finished result."""
    bytes_per_second: float
    """Bytes that were read per second."""
    output: Optional[OutputSummary] = None
    """What was written; None if nothing was."""
    state: Optional[StateSummary] = None
    """What the state spared, if there is one."""
    schema: Optional[SchemaSummary] = None
    """How events were read, if that was not the usual way."""
    spill_files: int = 0
    """Temporary files of groups that did not fit into memory."""
    spilled_bytes: int = 0
    """The bytes written to them."""
    rejects: Optional[str] = None
    """The absolute path of the rejects file, if there is one."""
    rejects_unchanged: Optional[bool] = None
    """Whether the rejects file was there already to the byte."""
    report: Optional[str] = None
    """The absolute path of the report, if there is one."""

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Summary:
        """A summary from the object that ``daytally aggregate --summary`` writes.

        Fields that a later version of the program adds are ignored.

        :raises KeyError: where a field is missing
        """
        output = json["output"]
        if output is not None:
            days = output.get("days")
            output = _known(
                OutputSummary,
                {**output, "days": None if days is None else _known(Days, days)},
            )
        state = json.get("state")
        schema = json.get("schema")
        known: dict[str, Any] = {
            **json,
            "inputs": tuple(_known(InputSummary, given) for given in json["inputs"]),
            "left_out": _known(LeftOut, json["left_out"]),
            "invalid_by_reason": dict(json["invalid_by_reason"]),
            "first_by_reason": {
                reason: _known(Place, place) for reason, place in json["first_by_reason"].items()
            },
            "total_revenue": Decimal(json["total_revenue"]),
            "from_date": json["from"],
            "to_date": json["to"],
            "output": output,
            "state": None if state is None else _known(StateSummary, state),
            "schema": None if schema is None else _known(SchemaSummary, schema),
        }
        summary: Summary = _known(cls, known)
        return summary


def _known(kind: Any, json: Mapping[str, Any]) -> Any:
    """A dataclass of those fields that it has; lists become tuples."""
    return kind(
        **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.items()
            if name in kind.__dataclass_fields__
        }
    )
