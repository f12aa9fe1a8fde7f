"""The result of a run: its summary, and its rows as plain Python, Arrow, Polars or pandas."""

from __future__ import annotations

import datetime
import io
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union

from ._arrow import batches
from .summary import Summary

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Result", "Row", "UserIds"]

UserIds = Literal["decimal", "int64", "uint64"]
"""What user ids are in a table. They span signed and unsigned 64-bit integers, which together fit no
integer type: ``decimal`` holds them all."""

# Room for all of a decimal128, whatever the caller's context is.
_EXACT = Context(prec=40)
_PLACES = 18
_HUNDREDTH = Decimal("0.01")
_CENT = 10 ** (_PLACES - 2)
# The day 1970-01-01, as Python counts.
_EPOCH = datetime.date(1970, 1, 1).toordinal()


class Row(NamedTuple):
    """What a user did on a day."""

    date: datetime.date
    user_id: int
    event_count: int
    purchase_count: int
    total_revenue: Decimal
    """Exact, with at least two decimals and no trailing zeros past the second."""


@dataclass(frozen=True)
class Result:
    """What :func:`daytally.aggregate` returns.

    It has rows if no output was named; they are sorted by date, then by user id. Iterating gives them
    as plain Python, without any other package:

    >>> import daytally
    >>> result = daytally.aggregate("events.jsonl")
    >>> for row in result:
    ...     print(row.date, row.user_id, row.event_count, row.total_revenue)
    2024-01-01 123 2 19.99
    2024-01-01 456 1 0.00

    What reads the Arrow PyCapsule interface, such as DuckDB, takes a result as it is.
    """

    summary: Summary
    """What was read, counted and written."""
    _arrow: Union[mmap.mmap, bytes, None] = field(default=None, repr=False, compare=False)

    def __iter__(self) -> Iterator[Row]:
        return self.rows()

    def __len__(self) -> int:
        """The number of rows, also of those that went to an output."""
        return self.summary.groups

    def rows(self) -> Iterator[Row]:
        """The rows as plain Python.

        :raises ValueError: if they went to an output
        :raises OverflowError: at a day in the year 0, which Python's dates do not have; Arrow has it
        """
        return _rows(memoryview(self._data()))

    def to_arrow(self, *, user_ids: UserIds = "decimal") -> pyarrow.Table:
        """The rows as a table of PyArrow, without a copy of the data.

        >>> import daytally
        >>> print(daytally.aggregate("events.jsonl").to_arrow().schema)
        date: date32[day] not null
        user_id: decimal128(20, 0) not null
        event_count: int64 not null
        purchase_count: int64 not null
        total_revenue: decimal128(38, 18) not null

        :param user_ids: the type of the user ids
        :raises ImportError: without pyarrow (``pip install 'daytally[arrow]'``)
        :raises OverflowError: if a user id does not fit the type
        :raises ValueError: if the rows went to an output
        """
        data = self._data()
        try:
            import pyarrow
        except ImportError as error:
            raise _missing("pyarrow", "arrow") from error

        table = pyarrow.ipc.open_file(pyarrow.py_buffer(data)).read_all()
        if _check(user_ids) == "decimal":
            return table
        kind = {"int64": pyarrow.int64(), "uint64": pyarrow.uint64()}[user_ids]
        place = table.schema.get_field_index("user_id")
        try:
            ids = table.column(place).cast(kind)
        except pyarrow.ArrowInvalid as error:
            raise _too_large(user_ids) from error
        return table.set_column(place, pyarrow.field("user_id", kind, nullable=False), ids)

    def to_polars(self, *, user_ids: UserIds = "decimal") -> polars.DataFrame:
        """The rows as a data frame of Polars.

        >>> import daytally
        >>> daytally.aggregate("events.jsonl").to_polars(user_ids="int64").rows()[0][1:4]
        (123, 2, 1)

        :param user_ids: the type of the user ids
        :raises ImportError: without polars (``pip install 'daytally[polars]'``)
        :raises OverflowError: if a user id does not fit the type
        :raises ValueError: if the rows went to an output
        """
        data = self._data()
        try:
            import polars
        except ImportError as error:
            raise _missing("polars", "polars") from error

        frame = polars.read_ipc(io.BytesIO(data))
        if _check(user_ids) == "decimal":
            return frame
        kind = {"int64": polars.Int64, "uint64": polars.UInt64}[user_ids]
        try:
            return frame.with_columns(polars.col("user_id").cast(kind, strict=True))
        except polars.exceptions.InvalidOperationError as error:
            raise _too_large(user_ids) from error

    def to_pandas(self, *, user_ids: UserIds = "decimal") -> pandas.DataFrame:
        """The rows as a data frame of pandas whose columns are Arrow's, so that they are exact.

        >>> import daytally
        >>> frame = daytally.aggregate("events.jsonl").to_pandas(user_ids="int64")
        >>> print(*frame.dtypes, sep="\\n")
        date32[day][pyarrow]
        int64[pyarrow]
        int64[pyarrow]
        int64[pyarrow]
        decimal128(38, 18)[pyarrow]

        :param user_ids: the type of the user ids
        :raises ImportError: without pandas and pyarrow (``pip install 'daytally[pandas]'``)
        :raises OverflowError: if a user id does not fit the type
        :raises ValueError: if the rows went to an output
        """
        self._data()
        try:
            import pandas
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise _missing("pandas with pyarrow", "pandas") from error

        table = self.to_arrow(user_ids=user_ids)
        frame: pandas.DataFrame = table.to_pandas(types_mapper=pandas.ArrowDtype)
        return frame

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The rows for whatever reads the Arrow PyCapsule interface; needs pyarrow."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __reduce__(self) -> tuple[type[Result], tuple[object, ...]]:
        # Results cross processes, such as those of a pool; a map does not.
        data = None if self._arrow is None else self._arrow[:]
        return type(self), (self.summary, data)

    def _data(self) -> Union[mmap.mmap, bytes]:
        if self._arrow is None:
            output = self.summary.output
            place = f" to {output.path}" if output else ""
            raise ValueError(
                f"the rows went{place}; call aggregate() without an output to have them here"
            )
        return self._arrow


def _rows(data: memoryview) -> Iterator[Row]:
    last_day, date = None, datetime.date.min
    for batch in batches(data):
        for (day,), (id_low, id_high), (events,), (purchases,), (low, high) in zip(*batch):
            if day != last_day:
                last_day, date = day, _date(day)
            yield Row(
                date,
                (id_high << 64) + id_low,
                events,
                purchases,
                _revenue((high << 64) + low),
            )


def _date(day: int) -> datetime.date:
    try:
        return datetime.date.fromordinal(_EPOCH + day)
    except (ValueError, OverflowError) as error:
        raise OverflowError(
            "the result has a day in the year 0, which Python's dates do not have; use to_arrow(), or"
            ' from_date="0001-01-01" to leave such days out'
        ) from error


def _revenue(units: int) -> Decimal:
    """An amount in units of 10^-18, written as the program writes it."""
    cents, rest = divmod(units, _CENT)
    if rest == 0:
        # Twice as fast as scaleb, and nearly all amounts are like this.
        return _EXACT.multiply(Decimal(cents), _HUNDREDTH)
    places = _PLACES
    while units % 10 == 0:
        units //= 10
        places -= 1
    return _EXACT.scaleb(Decimal(units), -places)


def _check(user_ids: UserIds) -> UserIds:
    if user_ids not in ("decimal", "int64", "uint64"):
        raise ValueError(f"user_ids is decimal, int64 or uint64, and not {user_ids!r}")
    return user_ids


def _too_large(user_ids: UserIds) -> OverflowError:
    return OverflowError(f"a user id does not fit {user_ids}; the default, decimal, holds all ids")


def _missing(what: str, extra: str) -> ImportError:
    return ImportError(f"this needs {what}: pip install 'daytally[{extra}]'")
