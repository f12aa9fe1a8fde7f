"""What a run on Spark comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Optional

from ..summary import Place
from ._checks import InputBooks

__all__ = ["SparkSummary"]


@dataclass(frozen=True)
class SparkSummary:
    """What was read and counted; the fields that :class:`daytally.Summary` has too are the same."""

    status: str
    """``published``, or ``too_many_invalid``."""
    inputs: tuple[InputBooks, ...]
    """The inputs, in order."""
    splits: int
    """How many splits the inputs were counted in."""
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
    groups: Optional[int]
    """Users and days: the rows of the result. None if no result was asked for or published."""
    purchase_count: int
    """The sum of the rows' ``purchase_count``."""
    total_revenue: Decimal
    """The sum of the rows' ``total_revenue``, exact."""
    first_date: Optional[str]
    """The first day of the result; None if it has no rows, or was not published."""
    last_date: Optional[str]
    """The last day of the result."""
    elapsed_seconds: float
    """Wall-clock seconds."""
    output: Optional[str] = None
    """Where the result is."""
    rejects: Optional[str] = None
    """Where the rejects are."""
