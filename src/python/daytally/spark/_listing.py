"""What Spark finds of the inputs, where its own reader of text reads them."""

from __future__ import annotations

import calendar
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import RunFailed, UsageError
from ._paths import Location, has_scheme, local_path, plain
from ._plan import File

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["Listing"]

# Of which names Spark decompresses what it reads.
_COMPRESSED = re.compile(r"\.(gz|bz2|deflate|lz4|snappy|zst)$", re.IGNORECASE)


class Listing:
    """The files that Spark reads, in the order of their paths, each with its length and when it was written to."""

    def __init__(self, paths: list[str], rows: list[tuple[str, str, int, int]], hashes: list[int]) -> None:
        self._paths = paths
        self._rows = rows
        self.files = [
            File(_name(path), length, modified, (_COMPRESSED.search(path) or [None])[0])
            for path, _, length, modified in rows
        ]
        """As in a plan; the compression is what the name says."""
        self.sources = {source: number for number, source in enumerate(hashes)}
        """The numbers of the files by the hash of the path that Spark's reader tells."""
        if len(self.sources) != len(rows):
            raise RunFailed("two inputs have paths of the same hash; read them in two runs; nothing was written", 1)

    @classmethod
    def of(cls, spark: SparkSession, names: list[str], *, allow_duplicates: bool) -> Listing:
        """Has Spark find the files.

        :raises RunFailed: if there are none
        """
        if allow_duplicates:
            raise UsageError("allow_duplicates is for reader='files': Spark reads a file once", 2)
        paths = [name if has_scheme(name) else _local(name) for name in names]
        in_order = sorted(paths)
        for path, again in zip(in_order, in_order[1:]):
            # Spark would read it once, and say nothing.
            if path == again:
                raise UsageError(f"{_name(path)} is an input twice; name it once; nothing was written", 2)
        rows = _list(spark, paths)
        _check_named(names, [row[0] for row in rows])
        if not rows:
            raise RunFailed(f"Spark finds no files with anything in them in {', '.join(names[:3])}; nothing was written", 1)
        return cls(paths, rows, _hashes(spark, [uri for _, uri, _, _ in rows]))

    def lines(self, spark: SparkSession) -> DataFrame:
        """All lines, with what they are of: ``value``, ``source`` and ``start``."""
        from pyspark.sql import functions as F

        # Other line ends than the program's would be those of Spark's.
        return (
            spark.read.option("lineSep", "\n")
            .option("recursiveFileLookup", "true")
            .text(self._paths)
            .select(
                "value",
                F.xxhash64("_metadata.file_path").alias("source"),
                F.col("_metadata.file_block_start").alias("start"),
            )
        )

    def check_unchanged(self, spark: SparkSession) -> None:
        """Whether the files are what they were when they were found.

        :raises RunFailed: if one is not
        """
        now = {row[0]: row for row in _list(spark, self._paths)}
        for row in self._rows:
            if now.pop(row[0], None) != row:
                raise RunFailed(
                    f"{_name(row[0])} has changed during the run; run again when it is complete; nothing was written", 1
                )
        for path in now:
            raise RunFailed(f"{_name(path)} is new since the run began; run again; nothing was written", 1)


def _list(spark: SparkSession, paths: list[str]) -> list[tuple[str, str, int, int]]:
    """For each file its path, the same as its reader tells it, its length, and nanoseconds since 1970."""
    # Only what the file system says of them: nothing is read.
    # Folders in folders are searched, too, and names such as day=1 are no columns.
    reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    found = reader.load(paths).select("path", "_metadata.file_path", "length", "modificationTime")
    rows = []
    for row in found.toArrow().to_pylist():
        moment = row["modificationTime"]
        modified = calendar.timegm(moment.utctimetuple()) * 10**9 + moment.microsecond * 1000
        rows.append((row["path"], row["file_path"], row["length"], modified))
    return sorted(rows)


def _hashes(spark: SparkSession, uris: list[str]) -> list[int]:
    from pyspark.sql import functions as F

    rows = spark.createDataFrame(list(enumerate(uris)), "number long, uri string")
    hashed: Any = rows.select("number", F.xxhash64("uri").alias("source")).toArrow().sort_by("number")
    numbers: list[int] = hashed.column("source").to_pylist()
    return numbers


def _local(name: str) -> str:
    """A path of the file system as Spark is to take it: a pattern, unless there is a file of that name."""
    path = os.path.abspath(plain(name))
    return "file:" + (re.sub(r"([\\{}\[\]*?])", r"\\\1", path) if os.path.lexists(path) else path)


def _check_named(names: list[str], found: list[str]) -> None:
    """Whether what was named is among what Spark has found.

    :raises RunFailed: if something is not, which Spark says nothing of: it leaves out hidden files
    """
    # By their paths alone: Spark tells the file system in full, and users leave it to the default.
    there = {_path(name) for name in found}
    there |= {folder for path in there for folder in _folders(path)}
    for name in names:
        path = _path(name)
        is_pattern = re.search(r"[{}\[\]*?]", path) is not None and (has_scheme(name) or not os.path.lexists(path))
        is_empty = not has_scheme(name) and os.path.isfile(path) and os.path.getsize(path) == 0
        if not (is_pattern or is_empty or path in there):
            raise RunFailed(
                f"{name}: Spark's reader finds nothing there: it leaves out what is empty, and names that start with a dot"
                " or an underscore; nothing was written",
                1,
            )


def _path(name: str) -> str:
    return Location.of(name).path if has_scheme(name) else os.path.abspath(plain(name))


def _folders(path: str) -> Iterator[str]:
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        yield path


def _name(path: str) -> str:
    """How a file is named in rejects: as aggregate would have it, if it is one on a file system as any other."""
    local = local_path(path)
    return path if local is None else str(local)
