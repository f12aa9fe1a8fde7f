"""Daily per-user statistics from JSON Lines event logs.

The package runs the program daytally, which comes with it, and hands over what it counts:

>>> import daytally
>>> result = daytally.aggregate("events.jsonl")
>>> result.summary.valid, result.summary.invalid
(3, 2)
>>> list(result)[0]
Row(date=datetime.date(2024, 1, 1), user_id=123, event_count=2, purchase_count=1, total_revenue=Decimal('19.99'))

``result.to_pandas()``, ``to_polars()`` and ``to_arrow()`` give tables; with an output the program
writes a file instead, in CSV, JSON Lines, Parquet or Arrow. What goes wrong is a
:class:`DaytallyError`. The log goes to the logger ``daytally``.
"""

from __future__ import annotations

import logging
from importlib import metadata

from ._aggregate import aggregate
from ._binary import find_binary, version
from .errors import (
    BinaryNotFound,
    DaytallyError,
    RunFailed,
    Stopped,
    TooManyInvalid,
    UsageError,
)
from .result import Result, Row, UserIds
from .summary import (
    Days,
    InputSummary,
    LeftOut,
    OutputSummary,
    Place,
    SchemaSummary,
    StateSummary,
    Summary,
)

__all__ = [
    "BinaryNotFound",
    "Days",
    "DaytallyError",
    "InputSummary",
    "LeftOut",
    "OutputSummary",
    "Place",
    "Result",
    "Row",
    "RunFailed",
    "SchemaSummary",
    "StateSummary",
    "Stopped",
    "Summary",
    "TooManyInvalid",
    "UsageError",
    "UserIds",
    "__version__",
    "aggregate",
    "find_binary",
    "version",
]

try:
    __version__ = metadata.version("daytally")
except metadata.PackageNotFoundError:
    # Out of the source tree, without an installation.
    __version__ = "0.0.0"

# Who wants the log says so; a package does not print.
logging.getLogger("daytally").addHandler(logging.NullHandler())
