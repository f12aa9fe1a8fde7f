"""Reads the rows out of the program's Arrow files without any package for that.

Knows just the one schema that the program writes: ``date`` Date32, ``user_id`` Decimal128(20, 0),
``event_count`` and ``purchase_count`` Int64, ``total_revenue`` Decimal128(38, 18), none of them null,
nothing compressed. The format is that of https://arrow.apache.org/docs/format/Columnar.html (IPC file
format), its metadata are FlatBuffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Batch", "batches"]

_MAGIC = b"ARROW1"
# The fields of tables, by their place in the format's schema.
_FOOTER_BATCHES = 3
_MESSAGE_HEADER = 2
_BATCH_LENGTH, _BATCH_BUFFERS = 0, 2
# Sizes of structs.
_BLOCK, _BUFFER = 24, 16
_COLUMNS = 5


class Batch(NamedTuple):
    """Some rows, a column each; numbers of 128 bits as their lower and upper half."""

    dates: Iterator[tuple[int]]
    """Days since 1970-01-01."""
    user_ids: Iterator[tuple[int, int]]
    event_counts: Iterator[tuple[int]]
    purchase_counts: Iterator[tuple[int]]
    revenues: Iterator[tuple[int, int]]
    """In units of 10^-18."""


def batches(data: memoryview) -> Iterator[Batch]:
    """The record batches of an Arrow file.

    :raises ValueError: if that is no whole Arrow file
    """
    end = len(data) - len(_MAGIC)
    if end < len(_MAGIC) or data[end:] != _MAGIC or data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("the program has handed over no whole Arrow file")
    try:
        (length,) = struct.unpack_from("<i", data, end - 4)
        if not 0 < length <= end - 4 - len(_MAGIC):
            raise ValueError("the program has handed over a damaged Arrow file")
        footer = _Table.root(data, end - 4 - length)
        for block in footer.structs(_FOOTER_BATCHES, _BLOCK):
            yield _batch(data, block)
    except struct.error as error:
        raise ValueError("the program has handed over a damaged Arrow file") from error


def _batch(data: memoryview, block: int) -> Batch:
    offset, metadata_length, _body_length = struct.unpack_from("<qi4xq", data, block)
    # Before the metadata are a marker and their length.
    batch = _Table.root(data, offset + 8).table(_MESSAGE_HEADER)
    rows = batch.int64(_BATCH_LENGTH)
    buffers = list(batch.structs(_BATCH_BUFFERS, _BUFFER))
    if len(buffers) != 2 * _COLUMNS:
        raise ValueError("the program has handed over other columns than expected")
    body = offset + metadata_length

    def column(index: int, size: int) -> memoryview:
        # The other buffer of each column says what is null, and nothing is.
        start, length = struct.unpack_from("<qq", data, buffers[2 * index + 1])
        if length < rows * size:
            raise ValueError("the program has handed over other columns than expected")
        start += body
        return data[start : start + rows * size]

    return Batch(
        dates=struct.iter_unpack("<i", column(0, 4)),
        user_ids=struct.iter_unpack("<Qq", column(1, 16)),
        event_counts=struct.iter_unpack("<q", column(2, 8)),
        purchase_counts=struct.iter_unpack("<q", column(3, 8)),
        revenues=struct.iter_unpack("<Qq", column(4, 16)),
    )


class _Table:
    """A table of FlatBuffers."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at
        (back,) = struct.unpack_from("<i", data, at)
        self._fields = at - back
        (self._end,) = struct.unpack_from("<H", data, self._fields)

    @classmethod
    def root(cls, data: memoryview, at: int) -> _Table:
        (offset,) = struct.unpack_from("<I", data, at)
        return cls(data, at + offset)

    def _field(self, index: int) -> int:
        """Where a field is; 0 if it is not there."""
        place = 4 + 2 * index
        if place >= self._end:
            return 0
        (offset,) = struct.unpack_from("<H", self._data, self._fields + place)
        return self._at + int(offset) if offset else 0

    def int64(self, index: int) -> int:
        field = self._field(index)
        return int(struct.unpack_from("<q", self._data, field)[0]) if field else 0

    def table(self, index: int) -> _Table:
        field = self._field(index)
        if not field:
            raise ValueError("the program has handed over a damaged Arrow file")
        return _Table.root(self._data, field)

    def structs(self, index: int, size: int) -> Iterator[int]:
        """Where the elements of a vector of structs are."""
        field = self._field(index)
        if not field:
            return iter(())
        (offset,) = struct.unpack_from("<I", self._data, field)
        start = field + offset
        (count,) = struct.unpack_from("<I", self._data, start)
        return iter(range(start + 4, start + 4 + count * size, size))
