"""The function ``aggregate``: plans, has Spark count, checks, and publishes."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import shutil
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Literal, Optional, Union

from pyspark import cloudpickle

from .. import __version__
from .._aggregate import Day, StrPath, _names
from .._binary import find_binary, version
from ..errors import BinaryNotFound, DaytallyError, RunFailed, TooManyInvalid, UsageError
from . import _not_shown, _plan, _task
from ._checks import Books, check_blocks, check_splits, counts, exact_sum, money
from ._listing import Listing
from ._options import InvalidLimit, check_arguments, event_arguments, has_scheme, size_in_bytes
from ._plan import Plan
from ._summary import SparkSummary
from ._task import STAGED, Worker, count_files, count_lines, plan_inputs, reject_lines
from ._write import (
    HEADER,
    LINES_OF_A_PART,
    REJECTS_OF_A_PART,
    RESULT,
    Draft,
    csv_lines,
    local_path,
    one_file,
    parts,
    sums,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["SparkResult", "aggregate"]

_LOGGER = logging.getLogger("daytally")
Reader = Literal["files", "spark"]


class SparkResult:
    """What a run on Spark has made.

    Without an output it has the rows as a DataFrame of Spark's, whose partials stay staged until
    :meth:`close`, or the end of a ``with``.
    """

    def __init__(
        self,
        summary: SparkSummary,
        groups: Optional[DataFrame] = None,
        rejects: Optional[DataFrame] = None,
        staging: Optional[_Staging] = None,
    ) -> None:
        self.summary = summary
        """What was read and counted."""
        self.groups = groups
        """``date``, ``user_id`` as decimal(20, 0), ``event_count``, ``purchase_count``, and ``total_revenue`` as
        decimal(38, 18); None if there is an output."""
        self.rejects = rejects
        """The invalid lines, with ``input``, ``line``, ``offset``, ``reason``, ``message``, ``raw`` or
        ``raw_base64``, and ``truncated``; None unless ``rejects=True``."""
        # Also where nobody closes it.
        self._remove = None if staging is None else weakref.finalize(self, staging.remove)

    def close(self) -> None:
        """Removes what is staged; the DataFrames are of no use then."""
        if self._remove is not None:
            self._remove()

    def __enter__(self) -> SparkResult:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SparkResult(summary={self.summary!r})"


def aggregate(
    spark: SparkSession,
    inputs: Union[StrPath, Iterable[StrPath]],
    output: Optional[StrPath] = None,
    *,
    format: Optional[Literal["csv", "parquet"]] = None,
    partition_by: Optional[Literal["date"]] = None,
    overwrite: bool = False,
    rejects: Union[StrPath, bool, None] = None,
    max_invalid: Union[int, str, None] = None,
    from_date: Optional[Day] = None,
    to_date: Optional[Day] = None,
    allow_duplicates: bool = False,
    max_line_bytes: Union[int, str, None] = None,
    user_id_field: Optional[str] = None,
    event_type_field: Optional[str] = None,
    timestamp_field: Optional[str] = None,
    amount_field: Optional[str] = None,
    purchase_types: Union[str, Iterable[str], None] = None,
    accept_offsets: bool = False,
    timezone: Optional[str] = None,
    reader: Optional[Reader] = None,
    split_size: Union[int, str] = "128MiB",
    staging: Optional[StrPath] = None,
    binary: Optional[StrPath] = None,
    threads: Optional[int] = None,
    memory_limit: Union[int, str] = "512MiB",
    temp_dir: Optional[StrPath] = None,
) -> SparkResult:
    """Counts events and purchases and adds up revenue, per user and day, on all of a Spark cluster.

    The result is that of ``daytally.aggregate`` on the same files, to the byte. The program runs once for each
    split of the inputs, in tasks of Spark's, which adds up what they have counted, runs again what fails, and commits.
    Nothing is published before all lines of all inputs are accounted for.

    >>> import daytally.spark
    >>> result = daytally.spark.aggregate(spark, "events.jsonl", "daily_user_stats.csv")
    >>> result.summary.valid, result.summary.invalid, result.summary.groups
    (3, 2, 2)

    :param spark: the session, also one of Spark Connect
    :param inputs: files, folders and patterns, as for ``daytally.aggregate``, on a file system that all workers
        share; or what Spark can read, such as ``"s3a://bucket/logs/*.jsonl.gz"``
    :param output: a path ending in ``.csv``, which is a file that the driver writes; or a folder that Spark writes.
        Without it the rows are in the result as a DataFrame
    :param format: the format of a folder: ``"parquet"``, which is the default, or ``"csv"``, with one file in it
    :param partition_by: ``"date"`` gives each day a folder of its own in the output, as Hive names them
    :param overwrite: replace a folder that is there; with ``partition_by`` those days in it that the result has.
        Files are replaced in any case
    :param rejects: a path ending in ``.jsonl``, which is a file that the driver writes, as ``daytally aggregate
        --rejects`` does; a folder, for the same lines in files of Spark's; or True, for a DataFrame in the result
    :param max_invalid: with more invalid events than that number, or share such as ``"0.1%"``, no result
        is published
    :param from_date: count only events of this day or later; a date, or a text YYYY-MM-DD
    :param to_date: count only events of this day or earlier
    :param allow_duplicates: read a file that is an input twice as often as that
    :param max_line_bytes: a longer line is an invalid event
    :param user_id_field: the key of the user's id, or the path to it, such as ``"user.id"``
    :param event_type_field: the key of the event's type
    :param timestamp_field: the key of the timestamp
    :param amount_field: the key of a purchase's amount
    :param purchase_types: the types of events that are purchases
    :param accept_offsets: convert timestamps with an offset to UTC, instead of taking them for invalid
    :param timezone: count by the days of this time zone, such as ``"Europe/Berlin"``
    :param reader: who reads the inputs: ``"files"``, the program itself, from a file system that is shared; or
        ``"spark"``, Spark's reader of text, from whatever Spark has access to. By default Spark if an input
        names a file system, as in ``hdfs://``, ``s3a://`` or ``abfss://``, otherwise the program
    :param split_size: how many bytes a split has; small files share a task up to that. The result is the same
    :param staging: a folder that all workers and Spark's driver share, in which partials are staged until the
        result is there; by default that of the output
    :param binary: how the workers have the program: by default Spark brings them the one of the driver's package;
        ``"installed"`` is that of their own package, and anything else its path there
    :param threads: how many threads the program has in a task; by default ``spark.task.cpus``
    :param memory_limit: how much memory the program takes in a task, outside of Spark's; the result is the same
    :param temp_dir: where on the workers groups go that do not fit into that
    :raises UsageError: if an option is wrong in itself
    :raises RunFailed: if an input is missing, cannot be read, or has changed since it was planned; if what was
        counted does not add up; if a total is too large; if the program is not on a worker
    :raises TooManyInvalid: if more events are invalid than ``max_invalid`` allows; the rejects are written
    """
    started = time.monotonic()
    if not hasattr(spark, "createDataFrame"):
        raise TypeError(f"spark: the first argument is the session, and this is {type(spark).__name__}")
    names = _names(inputs)
    if not names:
        raise ValueError("there are no inputs")
    if "-" in names:
        raise UsageError("inputs: '-' is standard input, which workers do not have; name files", 2)
    limit = None if max_invalid is None else InvalidLimit(max_invalid)
    outputs = _Outputs(output, format, partition_by, overwrite, rejects)
    arguments = event_arguments(
        from_date=from_date,
        to_date=to_date,
        max_line_bytes=max_line_bytes,
        user_id_field=user_id_field,
        event_type_field=event_type_field,
        timestamp_field=timestamp_field,
        amount_field=amount_field,
        purchase_types=purchase_types,
        accept_offsets=accept_offsets,
        timezone=timezone,
    )
    check_arguments([*arguments, f"--memory-limit={memory_limit}", *([] if threads is None else [f"--threads={threads}"])])
    has_rejects = rejects is not None and rejects is not False
    if has_rejects:
        arguments += ("--rejects",)
    chosen = reader or ("spark" if any(map(has_scheme, names)) else "files")
    if chosen not in ("files", "spark"):
        raise UsageError(f"reader: {reader!r}: it is 'files' or 'spark'", 2)
    if chosen == "files" and any(map(has_scheme, names)):
        raise UsageError("reader='files' takes paths; what is named with hdfs: or s3a: is for reader='spark'", 2)
    if chosen == "files":
        names = [re.sub(r"^file:(//(?=/))?(?=/)", "", name) for name in names]
    is_relative = chosen == "files" and not all(map(os.path.isabs, names))
    size = size_in_bytes("split_size", split_size)

    with _session(spark) as cancel:
        worker = Worker(
            binary=_ship(spark, binary),
            version=_version(),
            arguments=arguments,
            folder=os.getcwd() if is_relative else None,
            threads=threads,
            memory_limit=str(memory_limit),
            temp_dir=None if temp_dir is None else os.fspath(temp_dir),
        )
        stage = _Staging(spark, _staging_folder(spark, staging, outputs))
        kept = False
        try:
            with _readable_errors():
                outputs.check_folders(spark)
                if chosen == "files":
                    books = _count_files(spark, stage, worker, outputs, names, size, allow_duplicates, has_rejects)
                else:
                    books = _count_text(spark, stage, worker, outputs, names, size, allow_duplicates, has_rejects)
                result = _publish(spark, stage, outputs, books, limit, started)
            kept = output is None
            return result
        except DaytallyError:
            raise
        except BaseException:
            cancel()
            raise
        finally:
            if not kept:
                stage.remove()


def _count_files(
    spark: SparkSession,
    stage: _Staging,
    worker: Worker,
    outputs: _Outputs,
    names: list[str],
    split_size: int,
    allow_duplicates: bool,
    has_rejects: bool,
) -> Books:
    options = [f"--split-size={split_size}", *(["--allow-duplicates"] if allow_duplicates else [])]
    found = spark.range(0, 1, 1, 1).mapInArrow(plan_inputs(worker, names, options), "line string").toArrow()
    plan = Plan.parse(found.column(0).to_pylist(), split_size)
    outputs.check_inputs(file.name for file in plan.files)
    _LOGGER.info("planned %d splits of %d inputs in %d tasks", len(plan), len(plan.files), plan.tasks)
    tasks = spark.range(0, plan.tasks, 1, max(plan.tasks, 1))
    stage.write("partials", tasks.mapInArrow(count_files(worker, plan), STAGED))
    table = counts(stage.read("partials", STAGED)).toArrow()
    return check_splits(plan, table, has_rejects=has_rejects)


def _count_text(
    spark: SparkSession,
    stage: _Staging,
    worker: Worker,
    outputs: _Outputs,
    names: list[str],
    split_size: int,
    allow_duplicates: bool,
    has_rejects: bool,
) -> Books:
    listing = Listing.of(spark, names, allow_duplicates=allow_duplicates)
    outputs.check_inputs(file.name for file in listing.files)
    with _setting(spark, "spark.sql.files.maxPartitionBytes", str(split_size)):
        stage.write("partials", listing.lines(spark).mapInArrow(count_lines(worker), STAGED))
    listing.check_unchanged(spark)
    table = counts(stage.read("partials", STAGED)).toArrow()
    return check_blocks(listing.files, listing.sources, table, has_rejects=has_rejects)


class _Outputs:
    """What is to be written, and where."""

    def __init__(
        self,
        output: Optional[StrPath],
        format: Optional[str],
        partition_by: Optional[str],
        overwrite: bool,
        rejects: Union[StrPath, bool, None],
    ) -> None:
        self.output = None if output is None else os.fspath(output)
        self.rejects = None if rejects is None or isinstance(rejects, bool) else os.fspath(rejects)
        self.rejects_as_rows = rejects is True
        self.partition_by = partition_by
        self.overwrite = overwrite
        for option, path in (("output", self.output), ("rejects", self.rejects)):
            ending = None if path is None else re.search(r"\.(csv|jsonl|json|ndjson|arrow|xlsx)(\.(gz|zst))?$", path.lower())
            allowed = ".csv" if option == "output" else ".jsonl"
            if ending is not None and ending[0] != allowed:
                raise UsageError(
                    f"{option}: {path}: a file is named {allowed} here; daytally.aggregate writes others. For a folder give"
                    " another name",
                    2,
                )
        self.is_file = self.output is not None and _is_file(self.output, ".csv")
        self.format = format or ("csv" if self.is_file else "parquet")
        if self.format not in ("csv", "parquet"):
            raise UsageError(f"format: {format!r}: it is 'csv' or 'parquet'", 2)
        if self.is_file and (self.format != "csv" or partition_by):
            raise UsageError(f"{self.output} is a file of CSV; for anything else give a folder", 2)
        if partition_by not in (None, "date"):
            raise UsageError(f"partition_by: {partition_by!r}: it is 'date'", 2)
        if partition_by and self.format != "parquet":
            raise UsageError("partition_by is for Parquet; daytally.aggregate partitions CSV", 2)
        if self.output is None and (format or partition_by or overwrite):
            raise ValueError("format, partition_by and overwrite are for an output, and there is none")
        if self.rejects_as_rows and self.output is not None:
            raise ValueError("rejects=True gives rows without an output; with one give a path")
        for option, path in (("output", self.output), ("rejects", self.rejects)):
            if path == "-":
                raise ValueError(f"{option} is a path; standard output belongs to the calling program")
            if path == "":
                raise UsageError(f"{option}: the path is empty", 2)
        if self.output is not None and has_scheme(self.output) and self.output.endswith(".csv") and format is None:
            raise UsageError(
                f"{self.output}: files are written where the driver is; there Spark writes a folder: say format='csv',"
                " or give it another name",
                2,
            )
        if self.output is not None and self.rejects is not None:
            if _is_within(self.output, self.rejects) or _is_within(self.rejects, self.output):
                raise UsageError(f"{self.output} and {self.rejects} cannot be both the output and the rejects", 2)
        for path in (self.output, self.rejects):
            if path is not None and _is_file(path, ".csv", ".jsonl"):
                real = Path(os.path.realpath(_plain(path)))
                if not real.parent.is_dir():
                    raise RunFailed(f"{path}: there is no folder {real.parent}; make it first", 1)
                if real.is_dir():
                    raise RunFailed(f"{path} is a folder; for a folder of Spark's give it another name", 1)

    def check_inputs(self, inputs: Iterable[str]) -> None:
        """Whether what is to be written is none of the inputs.

        :raises UsageError: if it is
        """
        written = [_real(path) for path in (self.output, self.rejects) if path is not None]
        folders: dict[str, str] = {}
        for name in inputs:
            real = name
            if not has_scheme(name):
                folder, _, base = name.rpartition("/")
                if folder not in folders:
                    folders[folder] = os.path.realpath(folder or ("/" if name.startswith("/") else "."))
                real = os.path.join(folders[folder], base)
                if os.path.islink(real):
                    real = os.path.realpath(real)
            for path in written:
                if real == path or real.startswith(path + "/"):
                    raise UsageError(f"{name} is an input, and would be written over; give another path", 2)

    def check_folders(self, spark: SparkSession) -> None:
        """Whether folders that are to be made are not there, which Spark would say when all else is done.

        :raises RunFailed: if one is
        """
        if self.overwrite:
            return
        for path, ending in ((self.output, ".csv"), (self.rejects, ".jsonl")):
            if path is not None and not _is_file(path, ending) and _is_there(spark, _uri(path)):
                raise RunFailed(f"{path} is there already; say overwrite=True, or give another folder", 1)

    def folder_mode(self) -> str:
        """What Spark is to do where a folder is there already."""
        return "overwrite" if self.overwrite else "error"


def _is_file(path: str, *endings: str) -> bool:
    """Whether a path is a file that the driver writes, rather than a folder of Spark's."""
    return not has_scheme(path) and path.lower().endswith(endings)


def _real(path: str) -> str:
    """A path by which it can be told from others."""
    return path.rstrip("/") if has_scheme(path) else os.path.realpath(_plain(path))


def _is_within(path: str, folder: str) -> bool:
    """Whether a path is a folder, or in it."""
    return _real(path) == _real(folder) or _real(path).startswith(_real(folder).rstrip("/") + "/")


def _plain(path: str) -> str:
    return re.sub(r"^file:(//(?=/))?(?=/)", "", path)


def _uri(path: str) -> str:
    """A path as Spark is to take it, whatever its default file system is."""
    return path if has_scheme(path) else "file:" + os.path.abspath(_plain(path))


def _is_there(spark: SparkSession, folder: str) -> bool:
    local = local_path(folder)
    if local is not None:
        return local.exists()
    try:
        spark.read.format("binaryFile").load(folder)
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            return False
        raise
    return True


def _publish(
    spark: SparkSession,
    stage: _Staging,
    outputs: _Outputs,
    books: Books,
    limit: Optional[InvalidLimit],
    started: float,
) -> SparkResult:
    staged = stage.read("partials", STAGED)
    invalid = books.total("invalid")
    events = invalid + books.total("valid") + books.total("filtered")
    is_exceeded = limit is not None and limit.is_exceeded(invalid, events)
    rejected = _reject_rows(spark, staged, books) if outputs.rejects or outputs.rejects_as_rows else None
    groups: Optional[DataFrame] = None
    counted: Optional[_Counted] = None
    if not is_exceeded:
        counted = _Counted(sums(staged))
        stage.write("groups", counted.groups)
        groups = stage.read("groups", RESULT)
        counted.check(groups, books)

    drafts: list[Draft] = []
    try:
        if outputs.rejects is not None and rejected is not None:
            lines = rejected.mapInArrow(reject_lines, "value string")
            if _is_file(outputs.rejects, ".jsonl"):
                stage.write_text("rejects", lines, REJECTS_OF_A_PART)
                drafts.append(Draft(_plain(outputs.rejects)))
                drafts[-1].write(parts(spark, stage.path("rejects"), invalid))
            else:
                lines.write.mode(outputs.folder_mode()).option("compression", "none").text(_uri(outputs.rejects))
        if outputs.output is not None and groups is not None and counted is not None:
            ordered = groups.orderBy("date", "user_id")
            if outputs.is_file:
                stage.write_text("csv", csv_lines(ordered), LINES_OF_A_PART)
                drafts.append(Draft(_plain(outputs.output)))
                drafts[-1].write(_with_header(parts(spark, stage.path("csv"), counted.rows)))
            else:
                _write_folder(spark, groups, ordered, outputs.output, outputs)
        for draft in drafts:
            draft.publish()
    finally:
        for draft in drafts:
            draft.discard()

    summary = SparkSummary(
        status="too_many_invalid" if is_exceeded else "published",
        inputs=tuple(books.inputs),
        splits=books.splits,
        lines=books.total("lines"),
        blank=books.total("blank"),
        valid=books.total("valid"),
        filtered=books.total("filtered"),
        invalid=invalid,
        invalid_by_reason=books.invalid_by_reason,
        first_by_reason=books.first_by_reason,
        groups=counted.rows if counted is not None else None,
        purchase_count=books.purchases,
        total_revenue=money(books.revenue),
        first_date=counted.first if counted is not None else None,
        last_date=counted.last if counted is not None else None,
        elapsed_seconds=time.monotonic() - started,
        output=outputs.output if counted is not None else None,
        rejects=outputs.rejects,
    )
    if invalid:
        reasons = ", ".join(f"{count} {reason}" for reason, count in summary.invalid_by_reason.items())
        _LOGGER.warning("%d of %d events are invalid: %s", invalid, events, reasons)
    if limit is not None and is_exceeded:
        raise TooManyInvalid(
            f"{invalid} of {events} events are invalid, more than the {limit.text} that max_invalid allows; the"
            f" result was not written{'' if outputs.rejects is None else f'; the rejects are in {outputs.rejects}'}",
            summary=summary,
        )
    if outputs.output is not None:
        return SparkResult(summary)
    return SparkResult(summary, groups, rejected if outputs.rejects_as_rows else None, stage)


def _write_folder(
    spark: SparkSession, groups: DataFrame, ordered: DataFrame, folder: str, outputs: _Outputs
) -> None:
    if outputs.format == "csv":
        one_file(spark, groups).write.mode(outputs.folder_mode()).option("compression", "none").text(_uri(folder))
        return
    if not outputs.partition_by:
        ordered.write.mode(outputs.folder_mode()).parquet(_uri(folder))
        return
    by_day = groups.repartition("date").sortWithinPartitions("date", "user_id")
    writer = by_day.write.mode(outputs.folder_mode()).option("partitionOverwriteMode", "dynamic")
    writer.partitionBy("date").parquet(_uri(folder))


def _with_header(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield HEADER.encode() + b"\n"
    yield from pieces


def _reject_rows(spark: SparkSession, staged: DataFrame, books: Books) -> DataFrame:
    """The invalid lines in order, with their places in their inputs."""
    from pyspark.sql import functions as F

    places = spark.createDataFrame(
        [tuple(place) for place in books.places],
        "source long, start long, number long, name string, lines_before long, bytes_before long",
    )
    rows = staged.where(F.col("kind") == "reject").join(F.broadcast(places), ["source", "start"])
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


class _Counted:
    """Groups that are counted while they are written."""

    def __init__(self, groups: DataFrame) -> None:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        self._observation = Observation()
        revenue = F.col("total_revenue")
        day = F.col("date").cast("string")
        self.groups = groups.observe(
            self._observation,
            F.count(F.lit(1)).alias("rows"),
            F.sum("event_count").alias("events"),
            F.sum("purchase_count").alias("purchases"),
            F.sum(F.floor(revenue)).alias("whole"),
            F.sum(revenue % F.lit(1).cast("decimal(1,0)")).alias("part"),
            F.sum(F.when(revenue.isNull(), 1).otherwise(0)).alias("too_large"),
            F.min(day).alias("first"),
            F.max(day).alias("last"),
        )

    def check(self, groups: DataFrame, books: Books) -> None:
        """Whether the groups are all of what the splits have counted.

        :raises RunFailed: if not, or if a total is too large
        """
        found = self._observation.get
        if found["too_large"]:
            # SPEC's section on money; decimal(38, 18) has room for less than that.
            row = groups.where(groups.total_revenue.isNull()).orderBy("date", "user_id").first()
            assert row is not None
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


class _Staging:
    """The folder in which partials wait until the result is made of them."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self._spark = spark
        self._folder = folder

    def path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def write(self, name: str, rows: DataFrame) -> None:
        rows.write.mode("error").parquet(self.path(name))

    def write_text(self, name: str, lines: DataFrame, lines_of_a_part: int) -> None:
        lines.write.mode("error").option("maxRecordsPerFile", lines_of_a_part).option("compression", "none").text(
            self.path(name)
        )

    def read(self, name: str, schema: str) -> DataFrame:
        # The name of the folder is no pattern, whatever is in it.
        return self._spark.read.schema(schema).option("__globPaths__", "false").parquet(self.path(name))

    def remove(self) -> None:
        """Removes all of it. What is left is a nuisance, and no reason to fail."""
        local = local_path(self._folder)
        try:
            if local is not None:
                shutil.rmtree(local, ignore_errors=True)
            elif not is_connect(self._spark):
                jvm: Any = self._spark._jvm
                path = jvm.org.apache.hadoop.fs.Path(self._folder)
                conf = self._spark._jsc.hadoopConfiguration()
                path.getFileSystem(conf).delete(path, True)
            else:
                # Spark Connect has no way to remove a folder, but one to empty it.
                for name in ("partials", "groups", "csv", "rejects"):
                    empty = self._spark.createDataFrame([], "value string")
                    empty.write.mode("overwrite").text(self.path(name))
        except Exception as error:
            _LOGGER.warning("%s could not be removed: %s", self._folder, _first_line(error))


def _staging_folder(spark: SparkSession, staging: Optional[StrPath], outputs: _Outputs) -> str:
    name = f".daytally-staging-{uuid.uuid4().hex[:12]}"
    if staging is not None:
        base = os.fspath(staging)
        if not base:
            raise UsageError("staging: the path is empty", 2)
        for path in (outputs.output, outputs.rejects):
            if path is not None and _is_within(base, path):
                raise UsageError(f"staging: {base} is in {path}, which is to be written; give another folder", 2)
        return f"{_uri(base).rstrip('/')}/{name}"
    for path in (outputs.output, outputs.rejects):
        if path is not None:
            base = _uri(path).rstrip("/").rpartition("/")[0]
            if base.endswith(":/"):
                raise UsageError(f"{path}: give a folder in it, or say staging=", 2)
            return f"{base}/{name}"
    if str(spark.conf.get("spark.master", "")).startswith("local"):
        # With lines of events in it, for nobody else to read.
        return "file:" + tempfile.mkdtemp(prefix="daytally-staging-")
    raise UsageError(
        "staging: say where partials can be staged, in a folder that the driver and all workers share; with an"
        " output it is beside that",
        2,
    )


def is_connect(spark: SparkSession) -> bool:
    """Whether it is a session of Spark Connect, whose driver is elsewhere."""
    return type(spark).__module__.startswith("pyspark.sql.connect.")


_shipped: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()
_shipping = threading.Lock()


def _ship(spark: SparkSession, binary: Optional[StrPath]) -> str:
    """Has Spark bring the program to the workers, unless they have it. How they find it then."""
    if binary is not None:
        return os.fspath(binary)
    path = find_binary()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    name = f"daytally-{digest.hexdigest()[:16]}"
    with _shipping:
        shipped = _shipped.setdefault(spark, set())
        if name not in shipped:
            # Workers fetch it when they need it, those that join later, too, so it stays as long as the driver.
            folder = tempfile.mkdtemp(prefix="daytally-ship-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            shutil.copy(path, os.path.join(folder, name))
            try:
                spark.addArtifacts(os.path.join(folder, name), file=True)
            except Exception as error:
                # By somebody else of the same session. What is in it is in its name.
                if not re.search("DUPLICATED_ARTIFACT|ARTIFACT_ALREADY_EXISTS", str(error)):
                    raise
            shipped.add(name)
    return f"ship:{name}"


def _version() -> str:
    try:
        return version()
    except BinaryNotFound:
        return __version__


# What would change the outcome behind the caller's back: files that are passed over, and days that are moved
# between calendars.
_SETTINGS = {
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}


# How long tasks may take to end that are stopped.
_PATIENCE_SECONDS = 2.0
# By value: the workers need not have the package.
_pickler: Any = cloudpickle
for _module in (_task, _plan, _not_shown):
    _pickler.register_pickle_by_value(_module)


@contextmanager
def _session(spark: SparkSession) -> Iterator[Callable[[], None]]:
    """The session with the settings that are needed. What it gives stops what Spark is doing there for this."""
    tag = f"daytally-{uuid.uuid4().hex[:12]}"
    # Of the session's own tags classic Spark knows nothing where it is interrupted.
    work: Any = spark if is_connect(spark) else spark.sparkContext
    add, stop, remove = (
        (work.addTag, work.interruptTag, work.removeTag)
        if is_connect(spark)
        else (work.addJobTag, work.cancelJobsWithTag, work.removeJobTag)
    )

    def cancel() -> None:
        try:
            stop(tag)
            # Tasks that are stopped may still be about to write.
            time.sleep(_PATIENCE_SECONDS)
        except Exception as error:
            _LOGGER.debug("Spark's jobs could not be stopped: %s", error)

    add(tag)
    try:
        with ExitStack() as stack:
            for name, value in _SETTINGS.items():
                stack.enter_context(_setting(spark, name, value))
            yield cancel
    finally:
        remove(tag)


class _Held:
    """A setting that jobs of a session hold at a value, and what it was before."""

    def __init__(self, value: str, before: Optional[str]) -> None:
        self.value = value
        self.before = before
        self.holders = 0


_held: weakref.WeakKeyDictionary[Any, dict[str, _Held]] = weakref.WeakKeyDictionary()
_settings_change = threading.Condition()


@contextmanager
def _setting(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    """Holds a setting of the session at a value. Jobs on other threads that want the same share it; one that wants
    another value waits until it is free."""
    with _settings_change:
        held = _held.setdefault(spark, {})
        _settings_change.wait_for(lambda: name not in held or held[name].value == value)
        if name not in held:
            before = spark.conf.get(name, None)
            spark.conf.set(name, value)
            held[name] = _Held(value, before)
        held[name].holders += 1
    try:
        yield
    finally:
        with _settings_change:
            own = held[name]
            own.holders -= 1
            if own.holders == 0:
                del held[name]
                _settings_change.notify_all()
                if own.before is None:
                    spark.conf.unset(name)
                else:
                    spark.conf.set(name, own.before)


@contextmanager
def _readable_errors() -> Iterator[None]:
    """Finds in what Spark says the words of the task that failed."""
    try:
        yield
    except DaytallyError:
        raise
    except Exception as error:
        # PySpark can lose the one that it was stopped by.
        within: Optional[BaseException] = error
        while within is not None:
            if isinstance(within, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            within = within.__cause__ or within.__context__
        found = re.search(r"daytally \[([0-9])\] on ([^\s:]+): ([^\n]+)", str(error))
        if found is not None:
            kind = UsageError if found[1] == "2" else RunFailed
            raise kind(f"{found[3].strip()} (on worker {found[2]})", int(found[1])) from error
        if type(error).__module__.startswith(("pyspark", "py4j")):
            raise RunFailed(f"Spark: {_first_line(error)}", 1) from error
        raise


def _first_line(error: BaseException) -> str:
    text = str(error)
    missing = re.search(r"ModuleNotFoundError: No module named '(pyarrow|pandas)[.']", text)
    if missing is not None:
        return (
            f"the Python of the workers has no {missing[1]}; install pyarrow and pandas there, or set PYSPARK_PYTHON to"
            " a Python that has them"
        )
    # What a worker's Python raised is at the end of its trace.
    raised = re.findall(r"^\w+(?:Error|Exception): .+$", text, re.MULTILINE)
    lines = raised[-1:] or [line.strip() for line in text.splitlines() if line.strip()][:2]
    # Py4J has the cause in the second line.
    return " ".join(lines)[:1000] if lines else type(error).__name__
