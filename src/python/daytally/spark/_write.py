"""Writes what was counted: the CSV and the rejects to the byte as on one machine, or folders of Spark's.

Spark's own writer of CSV is not used: it writes a zero as ``0E-18``. Lines are made with expressions and written as text,
in the order of Spark's sort; for one file, the driver puts the parts together, and publishes it in one step.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import RunFailed
from ._checks import SplitPlace
from ._money import in_two
from ._paths import local_path

__all__ = ["HEADER", "RESULT", "Draft", "csv_lines", "one_file", "parts", "reject_rows", "sums"]

RESULT = "date date, user_id decimal(20,0), event_count long, purchase_count long, total_revenue decimal(38,18)"
HEADER = "date,user_id,event_count,purchase_count,total_revenue"
# Lines of a part, so that one is never too large to be handed to the driver as a whole.
LINES_OF_A_PART = 1_000_000
REJECTS_OF_A_PART = 20_000


def sums(staged: Any) -> Any:
    """The groups of all splits, added up: the columns of a result."""
    from pyspark.sql import functions as F

    return (
        staged.where(F.col("kind") == "group")
        .groupBy("date", "user_id")
        .agg(
            F.sum("event_count").alias("event_count"),
            F.sum("purchase_count").alias("purchase_count"),
            # Null if it is too large, whatever else Spark does then.
            F.try_sum("total_revenue").alias("total_revenue"),
        )
    )


def reject_rows(spark: Any, staged: Any, places: Iterable[SplitPlace]) -> Any:
    """The invalid lines in order, with their places in their inputs."""
    from pyspark.sql import functions as F

    splits = spark.createDataFrame(
        [tuple(place) for place in places],
        "source long, start long, number long, name string, lines_before long, bytes_before long",
    )
    rows = staged.where(F.col("kind") == "reject").join(F.broadcast(splits), ["source", "start"])
    return rows.orderBy("number", "line").select(
        F.col("name").alias("input"),
        (F.col("line") + F.col("lines_before")).alias("line"),
        (F.col("offset") + F.col("bytes_before")).alias("offset"),
        "reason",
        "message",
        "raw",
        "raw_base64",
        "truncated",
    )


def csv_lines(groups: Any) -> Any:
    """A line of CSV for each group, in the column ``value``.

    The revenue is put together from its digits: how Spark writes a decimal as text depends on its settings.
    """
    from pyspark.sql import functions as F

    whole, part = in_two(F.col("total_revenue"))
    # 1.xxx is never written with an exponent.
    one = F.lit(1).cast("decimal(1,0)")
    digits = F.rtrim(F.substring((part + one).cast("decimal(20,18)").cast("string"), 3, 18), F.lit("0"))
    digits = F.when(F.length(digits) < 2, F.rpad(digits, 2, "0")).otherwise(digits)
    return groups.select(
        F.concat_ws(
            ",",
            F.col("date").cast("string"),
            F.col("user_id").cast("string"),
            F.col("event_count").cast("string"),
            F.col("purchase_count").cast("string"),
            F.concat(whole.cast("string"), F.lit("."), digits),
        ).alias("value")
    )


def one_file(spark: Any, groups: Any) -> Any:
    """The lines of all of the CSV, in one task: the header is the row that sorts before all others."""
    from pyspark.sql import functions as F

    header = spark.createDataFrame([(None,) * 5], groups.schema)
    rows = header.unionByName(groups).repartition(1).sortWithinPartitions(F.col("date").asc_nulls_first(), "user_id")
    return csv_lines(rows).select(F.when(F.col("value") == "", HEADER).otherwise(F.col("value")).alias("value"))


def parts(spark: Any, folder: str, lines: int) -> Iterator[bytes]:
    """What Spark has written to a folder as text, piece by piece and in order: so many lines.

    :raises RunFailed: if the driver does not see all of them
    """
    seen = 0
    for piece in _pieces(spark, folder):
        seen += piece.count(b"\n")
        yield piece
    if seen != lines:
        raise RunFailed(
            f"the driver sees {seen} lines in {folder}, and {lines} were written there; give a folder that the driver"
            " and all workers share (staging=...); nothing was written",
            1,
        )


def _pieces(spark: Any, folder: str) -> Iterator[bytes]:
    local = local_path(folder)
    if local is not None:
        for path in sorted(local.glob("part-*"), key=lambda path: _order(path.name)):
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    yield piece
        return
    reader = spark.read.format("binaryFile").option("__globPaths__", "false")
    listed = reader.load(folder).select("path").toArrow().column("path").to_pylist()
    for name in sorted(listed, key=lambda path: _order(path.rpartition("/")[2])):
        # As many bytes as LINES_OF_A_PART allow.
        yield reader.load(name).select("content").toArrow()["content"][0].as_py()


def _order(name: str) -> tuple[int, int]:
    """The place of a part by its name: its partition, and its number in that."""
    match = re.match(r"part-([0-9]+)-.*?(?:-c([0-9]+))?\.", name)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


class Draft:
    """A file of the driver's that appears complete or not at all.

    :raises RunFailed: wherever it cannot be written, with its path
    """

    def __init__(self, path: str) -> None:
        # A link stays one.
        self.path = Path(os.path.realpath(path))
        self._temporary = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:12]}.daytally")

    def write(self, pieces: Iterable[bytes]) -> None:
        try:
            with self._temporary.open("xb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def publish(self) -> None:
        try:
            os.replace(self._temporary, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._failed(error) from error

    def discard(self) -> None:
        """Removes what was not published."""
        try:
            self._temporary.unlink(missing_ok=True)
        except OSError:
            pass

    def _failed(self, error: OSError) -> RunFailed:
        return RunFailed(f"{self.path}: cannot be written: {error.strerror or error}", 1)
