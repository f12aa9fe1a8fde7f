"""The function ``aggregate``: plans, has Spark count, checks, and publishes."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Optional, Union

from .._arguments import Day, StrPath, event_arguments, input_names
from ..errors import DaytallyError, TooManyInvalid, UsageError
from ._checks import Books, Counted, check_blocks, check_splits, counts
from ._listing import Listing
from ._money import money
from ._options import InvalidLimit, check_arguments, size_in_bytes
from ._outputs import Outputs
from ._paths import has_scheme, plain, uri
from ._plan import Plan
from ._session import program_version, readable_errors, session, setting, ship
from ._staging import Staging, staging_folder
from ._summary import SparkSummary
from ._task import STAGED, Worker, count_files, count_lines, plan_inputs, reject_lines
from ._write import (
    HEADER,
    LINES_OF_A_PART,
    REJECTS_OF_A_PART,
    RESULT,
    Draft,
    csv_lines,
    one_file,
    parts,
    reject_rows,
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
        staging: Optional[Staging] = None,
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
    names = input_names(inputs)
    if not names:
        raise ValueError("there are no inputs")
    if "-" in names:
        raise UsageError("inputs: '-' is standard input, which workers do not have; name files", 2)
    limit = None if max_invalid is None else InvalidLimit(max_invalid)
    outputs = Outputs(output, format, partition_by, overwrite, rejects)
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
    if outputs.has_rejects:
        arguments.append("--rejects")
    chosen = reader or ("spark" if any(map(has_scheme, names)) else "files")
    if chosen not in ("files", "spark"):
        raise UsageError(f"reader: {reader!r}: it is 'files' or 'spark'", 2)
    if chosen == "files" and any(map(has_scheme, names)):
        raise UsageError("reader='files' takes paths; what is named with hdfs: or s3a: is for reader='spark'", 2)
    if chosen == "files":
        names = [plain(name) for name in names]
    is_relative = chosen == "files" and not all(map(os.path.isabs, names))
    size = size_in_bytes("split_size", split_size)

    with session(spark) as cancel:
        worker = Worker(
            binary=ship(spark, binary),
            version=program_version(),
            arguments=tuple(arguments),
            folder=os.getcwd() if is_relative else None,
            threads=threads,
            memory_limit=str(memory_limit),
            temp_dir=None if temp_dir is None else os.fspath(temp_dir),
        )
        stage = Staging(spark, staging_folder(spark, staging, outputs))
        kept = False
        try:
            with readable_errors():
                outputs.check_folders(spark)
                job = _Job(spark, stage, worker, outputs, names, size, allow_duplicates)
                books = job.count_files() if chosen == "files" else job.count_text()
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


@dataclass(frozen=True)
class _Job:
    """What is to be counted, of what, and where it is staged."""

    spark: SparkSession
    stage: Staging
    worker: Worker
    outputs: Outputs
    names: list[str]
    split_size: int
    allow_duplicates: bool

    def count_files(self) -> Books:
        """Has the program read the files."""
        options = [f"--split-size={self.split_size}", *(["--allow-duplicates"] if self.allow_duplicates else [])]
        planned = self.spark.range(0, 1, 1, 1).mapInArrow(plan_inputs(self.worker, self.names, options), "line string")
        plan = Plan.parse(planned.toArrow().column(0).to_pylist(), self.split_size)
        self.outputs.check_inputs(file.name for file in plan.files)
        _LOGGER.info("planned %d splits of %d inputs in %d tasks", len(plan), len(plan.files), plan.tasks)
        tasks = self.spark.range(0, plan.tasks, 1, max(plan.tasks, 1))
        self.stage.write("partials", tasks.mapInArrow(count_files(self.worker, plan), STAGED))
        table = counts(self.stage.read("partials", STAGED)).toArrow()
        return check_splits(plan, table, has_rejects=self.outputs.has_rejects)

    def count_text(self) -> Books:
        """Has Spark read the files, and feed the program."""
        listing = Listing.of(self.spark, self.names, allow_duplicates=self.allow_duplicates)
        self.outputs.check_inputs(file.name for file in listing.files)
        with setting(self.spark, "spark.sql.files.maxPartitionBytes", str(self.split_size)):
            self.stage.write("partials", listing.lines(self.spark).mapInArrow(count_lines(self.worker), STAGED))
        listing.check_unchanged(self.spark)
        table = counts(self.stage.read("partials", STAGED)).toArrow()
        return check_blocks(listing.files, listing.sources, table, has_rejects=self.outputs.has_rejects)


def _publish(
    spark: SparkSession,
    stage: Staging,
    outputs: Outputs,
    books: Books,
    limit: Optional[InvalidLimit],
    started: float,
) -> SparkResult:
    staged = stage.read("partials", STAGED)
    invalid = books.total("invalid")
    events = invalid + books.total("valid") + books.total("filtered")
    is_exceeded = limit is not None and limit.is_exceeded(invalid, events)
    rejected = reject_rows(spark, staged, books.places) if outputs.has_rejects else None
    groups: Optional[DataFrame] = None
    counted: Optional[Counted] = None
    if not is_exceeded:
        counted = Counted(sums(staged))
        stage.write("groups", counted.groups)
        groups = stage.read("groups", RESULT)
        counted.check(groups, books)

    drafts: list[Draft] = []
    try:
        if outputs.rejects is not None and rejected is not None:
            lines = rejected.mapInArrow(reject_lines, "value string")
            if outputs.rejects_is_file:
                stage.write_text("rejects", lines, REJECTS_OF_A_PART)
                drafts.append(Draft(plain(outputs.rejects)))
                drafts[-1].write(parts(spark, stage.path("rejects"), invalid))
            else:
                lines.write.mode(outputs.folder_mode()).option("compression", "none").text(uri(outputs.rejects))
        if outputs.output is not None and groups is not None and counted is not None:
            ordered = groups.orderBy("date", "user_id")
            if outputs.is_file:
                stage.write_text("csv", csv_lines(ordered), LINES_OF_A_PART)
                drafts.append(Draft(plain(outputs.output)))
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
    spark: SparkSession, groups: DataFrame, ordered: DataFrame, folder: str, outputs: Outputs
) -> None:
    if outputs.format == "csv":
        one_file(spark, groups).write.mode(outputs.folder_mode()).option("compression", "none").text(uri(folder))
        return
    if not outputs.partition_by:
        ordered.write.mode(outputs.folder_mode()).parquet(uri(folder))
        return
    by_day = groups.repartition("date").sortWithinPartitions("date", "user_id")
    writer = by_day.write.mode(outputs.folder_mode()).option("partitionOverwriteMode", "dynamic")
    writer.partitionBy("date").parquet(uri(folder))


def _with_header(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield HEADER.encode() + b"\n"
    yield from pieces


