"""Python's values as options of the program."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from typing import Optional, Union

__all__ = ["Day", "StrPath", "event_arguments", "input_names", "text"]

StrPath = Union[str, "os.PathLike[str]"]
Day = Union[str, datetime.date]


def input_names(inputs: Union[StrPath, Iterable[StrPath]]) -> list[str]:
    """The inputs, of which there may be one or many."""
    if isinstance(inputs, (str, os.PathLike)):
        return [os.fspath(inputs)]
    return [os.fspath(name) for name in inputs]


def text(value: Union[StrPath, int]) -> str:
    """A value as it stands on a command line."""
    return str(value) if isinstance(value, int) else os.fspath(value)


def _day(option: str, day: Optional[Day]) -> Optional[str]:
    if isinstance(day, datetime.datetime):
        raise TypeError(f"{option} is a day: give a datetime.date, or a text YYYY-MM-DD")
    return day.isoformat() if isinstance(day, datetime.date) else day


def event_arguments(
    *,
    from_date: Optional[Day],
    to_date: Optional[Day],
    max_line_bytes: Union[int, str, None],
    user_id_field: Optional[str],
    event_type_field: Optional[str],
    timestamp_field: Optional[str],
    amount_field: Optional[str],
    purchase_types: Union[str, Iterable[str], None],
    accept_offsets: bool,
    timezone: Optional[str],
) -> list[str]:
    """The options that have a say in which events are valid and which are counted."""
    options: list[tuple[str, Union[StrPath, int, None]]] = [
        ("from", _day("from_date", from_date)),
        ("to", _day("to_date", to_date)),
        ("max-line-bytes", max_line_bytes),
        ("user-id-field", user_id_field),
        ("event-type-field", event_type_field),
        ("timestamp-field", timestamp_field),
        ("amount-field", amount_field),
        ("timezone", timezone),
    ]
    types = [purchase_types] if isinstance(purchase_types, str) else purchase_types or ()
    options += [("purchase-type", name) for name in types]
    arguments = [f"--{option}={text(value)}" for option, value in options if value is not None]
    return [*arguments, "--accept-offsets"] if accept_offsets else arguments
