"""The function ``aggregate``: typed options in, a result out."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable
from contextlib import ExitStack
from typing import IO, Literal, Optional, Union

from ._arguments import Day, StrPath, event_arguments, input_names, text
from ._run import Log, error_of, run, scratch
from .errors import TooManyInvalid
from .result import Result
from .summary import Summary

__all__ = ["aggregate"]

Format = Literal["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "jsonl.zst", "parquet", "arrow"]

# What may go on a command line. Linux takes more, also of an environment that is as large.
_COMMAND_LINE = 256 * 1024


def aggregate(
    inputs: Union[StrPath, Iterable[StrPath]],
    output: Optional[StrPath] = None,
    *,
    format: Optional[Format] = None,
    partition_by: Optional[Literal["date"]] = None,
    rejects: Optional[StrPath] = None,
    report: Optional[StrPath] = None,
    max_invalid: Union[int, str, None] = None,
    from_date: Optional[Day] = None,
    to_date: Optional[Day] = None,
    allow_duplicates: bool = False,
    max_line_bytes: Union[int, str, None] = None,
    threads: Optional[int] = None,
    memory_limit: Union[int, str, None] = None,
    temp_dir: Optional[StrPath] = None,
    chunk_size: Union[int, str, None] = None,
    mmap_inputs: bool = True,
    user_id_field: Optional[str] = None,
    event_type_field: Optional[str] = None,
    timestamp_field: Optional[str] = None,
    amount_field: Optional[str] = None,
    purchase_types: Union[str, Iterable[str], None] = None,
    accept_offsets: bool = False,
    timezone: Optional[str] = None,
    state: Optional[StrPath] = None,
    verify: Optional[Literal["quick", "full"]] = None,
    forget_missing: bool = False,
    log_limit: int = 100,
) -> Result:
    """Counts events and purchases and adds up revenue, per user and day.

    >>> import daytally
    >>> result = daytally.aggregate("events.jsonl")
    >>> [(row.user_id, str(row.total_revenue)) for row in result]
    [(123, '19.99'), (456, '0.00')]

    With an output the program writes a file, in one step, and the result has the summary alone:

    >>> written = daytally.aggregate(["events.jsonl"], "stats.parquet", rejects="rejects.jsonl")
    >>> written.summary.output.format, written.summary.output.rows
    ('parquet', 2)

    Invalid events are skipped and counted, unless a limit says otherwise:

    >>> daytally.aggregate("events.jsonl", max_invalid="1%")
    Traceback (most recent call last):
    daytally.errors.TooManyInvalid: 2 of 5 events are invalid, more than the 1% that --max-invalid allows; the result was not written

    Options are those given here: neither config files nor ``DAYTALLY_...`` in the environment count. What
    an option is not given for is as the program has it; ``daytally aggregate --help`` tells more. Sizes are
    bytes, or texts such as ``"512MiB"``. The log goes to the logger ``daytally``: a record of level WARNING
    for each invalid event, with ``input``, ``line``, ``offset`` and ``reason``. Without a handler there it
    costs nothing.

    Rows that are handed over, without an output, are kept in memory, 52 bytes each. Large results are
    better written to a file.

    :param inputs: a file of JSON Lines, a folder with such files, or a pattern such as
        ``"logs/2024-*/**/*.jsonl.gz"``, or several of them; ``"-"`` is standard input
    :param output: where the result goes; the rows are in the result if there is none
    :param format: the output's format; by default what its extension says, and CSV if it says nothing
    :param partition_by: ``"date"`` makes ``output`` a folder with a file for each day
    :param rejects: write every invalid line there, as JSON Lines with its place, reason and text
    :param report: write an HTML page about the run there
    :param max_invalid: with more invalid events than that number, or share such as ``"0.1%"``, no result
        is published
    :param from_date: count only events of this day or later; a date, or a text YYYY-MM-DD
    :param to_date: count only events of this day or earlier
    :param allow_duplicates: read a file that is an input twice as often as that
    :param max_line_bytes: a longer line is an invalid event
    :param threads: how many threads to work with; by default as many as there are
    :param memory_limit: how much private memory to take, or a share such as ``"25%"``; the result is the same
    :param temp_dir: where groups go that do not fit into memory
    :param chunk_size: how much input a thread takes at a time; the result is the same
    :param mmap_inputs: whether large files are mapped into memory; the result is the same
    :param user_id_field: the key of the user's id, or the path to it, such as ``"user.id"``
    :param event_type_field: the key of the event's type
    :param timestamp_field: the key of the timestamp
    :param amount_field: the key of a purchase's amount
    :param purchase_types: the types of events that are purchases
    :param accept_offsets: convert timestamps with an offset to UTC, instead of taking them for invalid
    :param timezone: count by the days of this time zone, such as ``"Europe/Berlin"``
    :param state: keep what was counted of each input in this folder, and read only what is new there
    :param verify: how to tell whether a file in the state is what it was
    :param forget_missing: take out what files contributed that are not among the inputs any more
    :param log_limit: how many invalid events are logged at most; the others are counted all the same
    :raises UsageError: if an option or an input is wrong in itself
    :raises RunFailed: if an input cannot be read or the output not be written, among others
    :raises TooManyInvalid: if more events are invalid than ``max_invalid`` allows
    :raises Stopped: if the program was stopped by a signal
    :raises BinaryNotFound: if the program is not there
    :raises ValueError: if there are no inputs, or an option has no meaning with the others
    """
    names = input_names(inputs)
    if not names:
        raise ValueError("there are no inputs")
    if output is None:
        for option, value in (("format", format), ("partition_by", partition_by)):
            if value is not None:
                raise ValueError(f"{option} is for an output, and there is none")
    for option, path in (("output", output), ("rejects", rejects), ("report", report)):
        if path is not None and os.fspath(path) == "-":
            raise ValueError(f"{option} is a path; standard output belongs to the calling program")

    log = Log(log_limit)
    arguments = [
        "aggregate",
        "--color=never",
        "--progress=never",
        "--log-format=json",
        f"--log-level={log.level()}",
        *event_arguments(
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
        ),
    ]
    options: list[tuple[str, Union[StrPath, int, None]]] = [
        ("format", format),
        ("partition-by", partition_by),
        ("rejects", rejects),
        ("report", report),
        ("max-invalid", max_invalid),
        ("threads", threads),
        ("memory-limit", memory_limit),
        ("temp-dir", temp_dir),
        ("chunk-size", chunk_size),
        ("state", state),
        ("verify", verify),
    ]
    arguments += [f"--{option}={text(value)}" for option, value in options if value is not None]
    switches = (
        ("allow-duplicates", allow_duplicates),
        ("no-mmap", not mmap_inputs),
        ("forget-missing", forget_missing),
    )
    arguments += [f"--{switch}" for switch, is_on in switches if is_on]

    with ExitStack() as stack:
        summary_file = stack.enter_context(scratch("summary"))
        files = [summary_file]
        arguments.append(f"--summary=/dev/fd/{summary_file.fileno()}")
        rows: Optional[IO[bytes]] = None
        if output is None:
            rows = stack.enter_context(scratch("rows"))
            arguments += ["--output=-", "--format=arrow"]
        else:
            arguments.append(f"--output={os.fspath(output)}")
        named, listed = _divide(names)
        if listed:
            list_file = stack.enter_context(scratch("inputs"))
            list_file.write(b"".join(os.fsencode(name) + b"\0" for name in listed))
            list_file.flush()
            files.append(list_file)
            arguments += [f"--files-from=/dev/fd/{list_file.fileno()}", "--null"]

        exit_code = run(
            [*arguments, "--", *named], log, stdout=rows, files=files, reads_stdin="-" in names
        )
        summary = _summary(summary_file)
        if exit_code != 0 or summary is None:
            error = error_of(exit_code, log.message())
            if isinstance(error, TooManyInvalid):
                error.summary = summary
            raise error
        if rows is None:
            return Result(summary)
        # The map outlives the file.
        return Result(summary, mmap.mmap(rows.fileno(), 0, access=mmap.ACCESS_READ))


def _divide(names: list[str]) -> tuple[list[str], list[str]]:
    """The inputs for the command line, and those for a list, which may be as long as it likes.

    In a list there are no patterns, so what does not exist by its name stays on the command line.
    """
    if sum(len(os.fsencode(name)) + 16 for name in names) <= _COMMAND_LINE:
        return names, []
    named: list[str] = []
    listed: list[str] = []
    for name in names:
        is_plain = name != "-" and name != "" and os.path.lexists(name)
        (listed if is_plain else named).append(name)
    return named, listed


def _summary(file: IO[bytes]) -> Optional[Summary]:
    file.seek(0)
    written = file.read()
    return Summary.from_json(json.loads(written)) if written else None
