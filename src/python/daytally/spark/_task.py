"""What runs on the workers: a task has the program count its splits, and hands over its partials.

All of this module goes to the workers by value, so that they need nothing but pyarrow and the program
itself. It imports nothing of the package for that reason, unless the package is said to be there.

What a task hands over are the rows of the partials (README, "Partials"), with the split that they are of
in front, and with what a split is known by in the row of its books alone.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Callable, Optional

from ._not_shown import NOT_SHOWN
from ._plan import Plan, kept

if TYPE_CHECKING:
    import pyarrow

Batches = Iterator["pyarrow.RecordBatch"]

# The columns of what is staged, in Spark's words and in this order. `source` is the input, by its number in
# the plan, or by what Spark's reader tells of it; with `start` it names the split.
STAGED = """
    source long, start long, kind string,
    date date, user_id decimal(20,0), event_count long, purchase_count long, total_revenue decimal(38,18),
    input string, split_end long, input_size long, input_modified long,
    lines long, blank long, valid long, filtered long, invalid long,
    invalid_by_reason string, first_by_reason string, bytes long,
    line long, offset long, reason string, message string, raw string, raw_base64 string, truncated boolean
"""
# Those that are as in a partial.
_SAME = (
    "kind", "date", "user_id", "event_count", "purchase_count", "total_revenue",
    "split_end", "input_size", "input_modified", "lines", "blank", "valid", "filtered", "invalid",
    "invalid_by_reason", "first_by_reason", "line", "offset", "reason", "message", "raw", "raw_base64",
    "truncated",
)  # fmt: skip
# How much of what the program says is passed on.
_SAID_LIMIT = 2000
# How a pipe to the program is best filled, and how much is joined at a time, in bytes.
_PIPE, _PIECE = 1 << 20, 256 << 20
_SET_PIPE_SIZE = 1031
_SET_PARENT_DEATH_SIGNAL = 1
# What compressed files start with that Spark would take for text if their names do not say what they are.
_MAGIC = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "lz4",
}


@dataclass(frozen=True)
class Worker:
    """How the program is run there."""

    binary: str
    """Where the program is: ``ship:NAME`` for a file that Spark has brought, ``installed``, or a path."""
    version: str
    """Its version, which has to be that of the driver's package."""
    arguments: tuple[str, ...]
    """The options that have a say in the result."""
    folder: Optional[str]
    """Where relative names start; None if there are none."""
    threads: Optional[int]
    """How many threads a task has; None for as many as Spark gives it processors."""
    memory_limit: str
    temp_dir: Optional[str]


class TaskFailed(RuntimeError):
    """What a task cannot do, in one line that the driver finds again in what Spark says."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(f"daytally [{exit_code}] on {socket.gethostname()}: {' '.join(message.split())}")


def program(worker: Worker) -> str:
    """The path of the program, which starts and is of the right version."""
    kind, _, name = worker.binary.partition(":")
    where = worker.binary
    if kind == "ship":
        from pyspark import SparkFiles

        where = SparkFiles.get(name)
        if not os.path.exists(where):
            raise TaskFailed(
                "Spark has not brought the program to this worker; install the package daytally on the"
                ' workers and say binary="installed", or say where the program is there'
            )
        if not os.access(where, os.X_OK):
            os.chmod(where, 0o755)
    elif worker.binary == "installed":
        try:
            from daytally import find_binary

            where = str(find_binary())
        except Exception as error:
            raise TaskFailed(
                f"the package daytally is not installed on this worker ({error}); run pip install daytally"
                ' there, or leave out binary="installed" and Spark brings the program'
            ) from None
    checked = kept().setdefault("checked", set())
    if (where, worker.version) not in checked:
        _check(where, worker.version)
        checked.add((where, worker.version))
    return where


def _check(path: str, version: str) -> None:
    if not os.path.exists(path):
        raise TaskFailed(
            f"the program is not on this worker: there is no {path}; leave out binary= and Spark brings it"
        )
    try:
        said = subprocess.run([path, "-V"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise TaskFailed(f"the program does not start on this worker: {path}: {error}") from None
    text = (said.stdout or said.stderr).decode("utf-8", "replace").strip()
    if said.returncode != 0:
        raise TaskFailed(
            f"the program does not run on this worker: {path}: {text[:_SAID_LIMIT]}; a wheel for manylinux2014"
            " runs where glibc is 2.17 or later"
        )
    if text.rpartition(" ")[2] != version:
        raise TaskFailed(
            f"the program on this worker is {text}, and the driver's package is {version}: install the same"
            " version on both"
        )


def _environment() -> dict[str, str]:
    """Without what would change the program's options behind the caller's back."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYTALLY_")}
    return {**kept, "DAYTALLY_NO_CONFIG": "1"}


def _ends_with_its_parent() -> Optional[Callable[[], None]]:
    """What a child does before it is the program, so that it gets SIGTERM when this process ends: Spark stops tasks by
    SIGKILL to the Python that they run in, which then has no say in it."""
    import ctypes

    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None  # It ends when it finds that nobody reads what it has counted.
    parent = os.getpid()

    def run() -> None:
        prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return run


class Run:
    """A run of the program. What it says goes to a file: a pipe that nobody reads would stop it."""

    def __init__(self, worker: Worker, arguments: Iterable[str], *, feeds: bool = False) -> None:
        path = program(worker)
        if worker.folder is not None and not os.path.isdir(worker.folder):
            raise TaskFailed(
                f"there is no folder {worker.folder} on this worker, where relative inputs start; give absolute"
                " paths of a file system that all workers share"
            )
        self._said = tempfile.TemporaryFile(prefix="daytally-said-")
        try:
            self._child = subprocess.Popen(
                [path, *arguments],
                stdin=subprocess.PIPE if feeds else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._said,
                cwd=worker.folder,
                env=_environment(),
                preexec_fn=_ends_with_its_parent(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._said.close()
            raise TaskFailed(f"the program does not start on this worker: {path}: {error}") from None
        if feeds:
            self._widen()

    def _widen(self) -> None:
        try:
            import fcntl

            fcntl.fcntl(self.stdin, _SET_PIPE_SIZE, _PIPE)
        except OSError:
            pass  # It works with less, too.

    @property
    def stdin(self) -> IO[bytes]:
        assert self._child.stdin is not None
        return self._child.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._child.stdout is not None
        return self._child.stdout

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the program, if it has not ended: whatever happens, none outlives its task."""
        for pipe in (self._child.stdin, self._child.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._said.close()

    def finish(self, what: str) -> None:
        """Waits for the end.

        :raises TaskFailed: with the program's words, unless it ended well
        """
        code = self._child.wait()
        if code == 0:
            return
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace")
        errors = [line.partition("error: ")[2] for line in said.splitlines() if line.startswith("error: ")]
        text = " ".join(errors) or said.strip()
        if code < 0:
            text = f"the program was ended by signal {-code}. {text}"
        text = text.partition("For more information, try")[0]
        raise TaskFailed(text[:_SAID_LIMIT] or f"{what}: the program ended with {code}", 2 if code == 2 else 1)


def plan_inputs(worker: Worker, names: list[str], options: list[str]) -> Callable[[Batches], Batches]:
    """A task that finds the inputs, and what splits they have: a line of JSON each."""

    def run(batches: Batches) -> Batches:
        import pyarrow as pa

        for _ in batches:
            pass
        # A list may be as long as it likes, but has no patterns in it.
        base = worker.folder or ""
        plain = [name for name in names if os.path.lexists(os.path.join(base, name))]
        is_long = sum(len(name) + 16 for name in names) > 256 * 1024
        listed = set(plain) if is_long else set()
        with tempfile.NamedTemporaryFile(prefix="daytally-inputs-") as file:
            arguments = ["splits", "--color=never", *options]
            if listed:
                file.write(b"".join(os.fsencode(name) + b"\0" for name in plain))
                file.flush()
                arguments += [f"--files-from={file.name}", "--null"]
            arguments += ["--", *(name for name in names if name not in listed)]
            with Run(worker, arguments) as child:
                lines = child.stdout.read().decode("utf-8").splitlines()
                child.finish("finding the inputs")
        for first in range(0, len(lines), 1000):
            yield pa.RecordBatch.from_arrays([pa.array(lines[first : first + 1000], pa.string())], ["line"])

    return run


def _arguments(worker: Worker, name: str, *own: str) -> list[str]:
    """How an input is counted in a task."""
    threads = worker.threads
    if threads is None:
        from pyspark import TaskContext

        context = TaskContext.get()
        threads = context.cpus() if context is not None else 1
    options = [
        "partial",
        "--color=never",
        "--quiet",
        "--progress=never",
        f"--threads={threads}",
        f"--memory-limit={worker.memory_limit}",
        f"--temp-dir={worker.temp_dir or tempfile.gettempdir()}",
        *worker.arguments,
    ]
    return [*options, *own, "--", name]


def count_files(worker: Worker, plan: Plan) -> Callable[[Batches], Batches]:
    """Tasks that count splits of files: those that the ids they are given stand for."""

    def run(batches: Batches) -> Batches:
        for batch in batches:
            for task in batch.column(0).to_pylist():
                for split in plan.splits_of(task):
                    yield from _count_file(worker, split)

    return run


def _count_file(worker: Worker, split: Any) -> Batches:
    file = split.file
    arguments = _arguments(
        worker,
        file.name,
        f"--split={split.start}..{split.end if split.has_end else ''}",
        f"--expect-size={file.size}",
        f"--expect-modified={file.modified}",
    )
    with Run(worker, arguments) as child:
        what = f"{file.name}, split {split.start}..{split.end}"
        yield from _partial(child, what, lambda batch: _stage(batch, split.source, split.start))


def _partial(run: Run, what: str, stage: Callable[[pyarrow.RecordBatch], pyarrow.RecordBatch]) -> Batches:
    """What a run of the program hands over, to its end.

    :raises TaskFailed: unless that is a whole partial, and the program has ended well
    """
    import pyarrow as pa

    books = 0
    try:
        for batch in pa.ipc.open_stream(run.stdout):
            rows = stage(batch)
            books += rows.column("lines").null_count != rows.num_rows
            yield rows
    except pa.ArrowInvalid as error:
        run.finish(what)
        raise TaskFailed(f"{what}: the program has handed over no whole partial: {error}") from None
    run.finish(what)
    if books != 1:
        raise TaskFailed(f"{what}: the program has handed over no whole partial: it has no books")


def _stage(
    batch: pyarrow.RecordBatch,
    source: int,
    start: int,
    *,
    bytes: Optional[int] = None,
    before: int = 0,
) -> pyarrow.RecordBatch:
    """The rows of a partial as they are staged.

    :param bytes: how many bytes were passed to the program, if it got its split like that
    :param before: how many bytes, all of a blank line each, were put in front
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = batch.num_rows
    columns = {name: batch.column(batch.schema.get_field_index(name)) for name in _SAME}
    is_books = pc.equal(columns["kind"], "books")
    columns["source"] = pa.repeat(pa.scalar(source, pa.int64()), rows)
    columns["start"] = pa.repeat(pa.scalar(start, pa.int64()), rows)
    if bytes is None:
        # That it is this split is checked by the driver.
        columns["input"] = pc.if_else(
            is_books, batch.column(batch.schema.get_field_index("input")), pa.scalar(None, pa.string())
        )
        columns["bytes"] = pa.nulls(rows, pa.int64())
    else:
        columns["input"] = pa.nulls(rows, pa.string())
        columns["bytes"] = pc.if_else(is_books, pa.scalar(bytes, pa.int64()), pa.scalar(None, pa.int64()))
        for name in ("lines", "blank", "line", "offset"):
            columns[name] = pc.subtract(columns[name], pa.scalar(before, pa.int64()))
        texts = columns["first_by_reason"].to_pylist()
        columns["first_by_reason"] = pa.array(
            [text if text is None else _shift(text, before) for text in texts], pa.string()
        )
    names = [word.split()[0] for word in re.split(r",(?![^(]*\))", STAGED)]
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names)


def _shift(first_by_reason: str, before: int) -> str:
    first = json.loads(first_by_reason)
    for place in first.values():
        place["line"] -= before
        place["offset"] -= before
    return json.dumps(first)


def count_lines(worker: Worker) -> Callable[[Batches], Batches]:
    """Tasks that count lines which Spark has read: ``value``, the ``source`` and the ``start`` of the block."""

    def run(batches: Batches) -> Batches:
        block: Optional[_Block] = None
        try:
            for batch in batches:
                values, sources, starts = batch.columns
                at = 0
                while at < batch.num_rows:
                    key = (sources[at].as_py(), starts[at].as_py())
                    if block is None or block.key != key:
                        if block is not None:
                            yield from block.finish()
                            block.close()
                        block = _Block(worker, key)
                    end = _end_of_run(sources, starts, at)
                    block.feed(values.slice(at, end - at))
                    at = end
            if block is not None:
                yield from block.finish()
        finally:
            if block is not None:
                block.close()

    return run


def _end_of_run(sources: Any, starts: Any, at: int) -> int:
    """Up to where the rows are of the same block as the one at ``at``."""
    import pyarrow.compute as pc

    same = pc.and_(pc.equal(sources.slice(at), sources[at]), pc.equal(starts.slice(at), starts[at]))
    other = pc.index(same, False).as_py()
    return len(sources) if other < 0 else int(at + other)


class _Block:
    """A block of a file that Spark reads, on its way through the program.

    A blank line goes in front, and is taken off the books again: the program would take what is special at
    the start of an input, a byte-order mark or the magic of a compressed file, for that in mid-file, too. At
    the start of a file Spark has dealt with both.
    """

    def __init__(self, worker: Worker, key: tuple[int, int]) -> None:
        self.key = key
        self._run = Run(worker, _arguments(worker, "-"), feeds=True)
        self._bytes = 0
        self._is_new = True

    def feed(self, values: Any) -> None:
        """Passes lines on, with their ends."""
        import pyarrow as pa
        import pyarrow.compute as pc

        # As bytes: they need not be UTF-8, which is for the program to say.
        lines = values.cast(pa.large_binary())
        if self._is_new:
            self._is_new = False
            self._look(lines[0].as_py() if len(lines) and self.key[1] == 0 else b"")
            self._write(b"\n")
        while len(lines) > 0:
            some = len(lines)
            while some > 1 and lines.slice(0, some).nbytes > _PIECE:
                some //= 2
            piece = lines.slice(0, some).cast(pa.binary())
            offsets = pa.array([0, some], pa.int32())
            joined = pc.binary_join(pa.ListArray.from_arrays(offsets, piece), b"\n")
            text = joined[0].as_buffer()
            self._write(text)
            self._write(b"\n")
            self._bytes += text.size + 1
            lines = lines.slice(some)

    def _look(self, line: bytes) -> None:
        for magic, name in _MAGIC.items():
            if line.startswith(magic):
                raise TaskFailed(
                    f"an input is compressed with {name}, which its name does not say, and Spark goes by names;"
                    ' rename it, or read it with reader="files"'
                )

    def _write(self, data: Any) -> None:
        try:
            self._run.stdin.write(data)
        except BrokenPipeError:
            # It has ended, and will say why.
            self._run.finish("reading lines")
            raise TaskFailed("the program has stopped reading") from None

    def finish(self) -> Batches:
        """What the program has counted. It writes nothing before it has read everything."""
        try:
            self._run.stdin.close()
        except BrokenPipeError:
            self._run.finish("reading lines")
        return _partial(
            self._run, "reading lines", lambda batch: _stage(batch, *self.key, bytes=self._bytes, before=1)
        )

    def close(self) -> None:
        self._run.close()


def reject_lines(batches: Batches) -> Batches:
    """Rejects as lines of a rejects file, which are those of ``daytally aggregate --rejects`` to the byte."""
    import pyarrow as pa

    text = json_writer()
    for batch in batches:
        lines = []
        columns = [batch.column(number).to_pylist() for number in range(batch.num_columns)]
        for name, line, offset, reason, message, raw, raw_base64, truncated in zip(*columns):
            rest = f'"raw":{text(raw)}' if raw is not None else f'"raw_base64":{text(raw_base64)}'
            if truncated:
                rest += ',"truncated":true'
            lines.append(
                f'{{"input":{text(name)},"line":{line},"offset":{offset},"reason":{text(reason)},'
                f'"message":{text(message)},{rest}}}'
            )
        yield pa.RecordBatch.from_arrays([pa.array(lines, pa.string())], ["value"])


def json_writer() -> Callable[[str], str]:
    r"""Writes JSON strings as the program does: what a terminal would not show, or obey, is escaped.

    >>> print(json_writer()("\u202e\t\""))
    "\u202e\t\""
    """
    made: Optional[Callable[[str], str]] = kept().get("json_writer")
    if made is not None:
        return made
    ranges = "".join(
        "-".join(f"\\U{int(end, 16):08x}" for end in given.split("-")) for given in NOT_SHOWN.split()
    )
    escaped = re.compile(f'["\\\\{ranges}]')
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

    def escape(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be").hex()
        return short.get(match[0]) or "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    def write(text: str) -> str:
        return f'"{escaped.sub(escape, text)}"'

    kept()["json_writer"] = write
    return write
