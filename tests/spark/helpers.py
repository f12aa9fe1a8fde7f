"""What the Spark tests share: sessions, inputs, programs that fail, and what daytally makes of it on one machine."""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Optional, Union

import daytally
import daytally.spark
import pyspark
from pyspark.sql import SparkSession

# The workers' Python is the one that has what they need.
os.environ["PYSPARK_PYTHON"] = sys.executable
# Everything stays on this machine.
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
HEADER = "date,user_id,event_count,purchase_count,total_revenue\n"
BOM = b"\xef\xbb\xbf"


def spark_home() -> str:
    """Spark as pip has installed it, seen from a new folder: local-cluster leaves what executors say in there."""
    folder = tempfile.mkdtemp(prefix="daytally-spark-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in Path(pyspark.__file__).parent.iterdir():
        if path.name in ("bin", "jars", "python", "sbin"):
            Path(folder, path.name).symlink_to(path)
    Path(folder, "tmp").mkdir()
    return folder


os.environ["SPARK_HOME"] = spark_home()


@contextlib.contextmanager
def session(master: str, *, remote: bool = False, **settings: str) -> Iterator[SparkSession]:
    """A session of its own, of Spark Connect if it is remote; it is over at the end."""
    builder: Any = SparkSession.builder.appName("daytally")
    builder = builder.remote(master) if remote else builder.master(master)
    # What is killed leaves files there. And where every job is small, compiling it well takes longer than it takes.
    scratch = Path(os.environ["SPARK_HOME"], "tmp")
    java = f"-Djava.io.tmpdir={scratch} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    for name, value in {
        "spark.local.dir": str(scratch),
        "spark.driver.extraJavaOptions": java,
        "spark.executor.extraJavaOptions": java,
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "4",
        "spark.log.level": "OFF",
        "spark.ui.showConsoleProgress": "false",
        **settings,
    }.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        # Spark Connect says of half of these that they are settings of the server, which has them already.
        warnings.filterwarnings("ignore", message="Failed to set")
        spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def event(user: Any, time: str = "2024-01-01T12:00:00Z", amount: Optional[str] = None) -> str:
    kind = "click" if amount is None else "purchase"
    rest = "" if amount is None else f', "amount": {amount}'
    return f'{{"user_id": {user}, "event_type": "{kind}", "timestamp": "{time}"{rest}}}'


# Lines of every kind, with what may be special about their ends, their bytes, and where they are.
LINES: list[Union[str, bytes]] = [
    event(1),
    event(-(2**63), "0001-01-01T00:00:00Z", "0.000000000000000001"),
    event(2**64 - 1, "9999-12-31T23:59:59Z", "999999999999999.999999"),
    event(0, "0000-02-29T00:00:00Z", "19.90"),
    event(7, "1582-10-10T00:00:00Z", "100"),
    event(8, "1900-01-01T00:00:00Z", "0.000001"),
    "",
    " \t ",
    "{",
    event("null"),
    event(3, "2024-01-01T12:00:00+02:00"),
    event(3, amount="-1"),
    event(3, amount='"1.5"'),
    event(3, "yesterday \u2028 \U0001f600 \x7f"),
    '{"user_id": 3, "event_type": "\\u0001\\\\\\"", "timestamp": "a\\tb"}',
    b'{"user_id": 4, "event_type": "\xff\xfe", "timestamp": "2024-01-01T12:00:00Z"}',
    b"\xef\xbb\xbf" + event(5).encode(),
    # What some take for the ends of lines, and is not.
    event(6) + "\x0b",
    event(6) + "\u0085",
    "[1,\r2]",
    # What others take for compressed.
    b"\x1f\x8b\x08 not gzip",
    b"BZh91AY&SY",
    '{"note": "' + "x" * 5000 + '"}',
    '{"note": "' + "é" * 2100 + '\\n"}',
]


def text(lines: Iterable[Union[str, bytes]], end: bytes = b"\n") -> bytes:
    return b"".join((line if isinstance(line, bytes) else line.encode()) + end for line in lines)


def shapes() -> dict[str, bytes]:
    """Files whose lines end, or which begin and end, in every way."""
    whole = text(LINES)
    return {
        "lines.jsonl": whole,
        "crlf.jsonl": text(LINES, b"\r\n"),
        "no-last-newline.jsonl": whole[:-1],
        "crlf-no-last-newline.jsonl": text(LINES, b"\r\n")[:-1],
        "mark.jsonl": BOM + whole,
        "mark-and-invalid.jsonl": BOM + text(["{", *LINES])[:-1],
        "mark-twice.jsonl": BOM + BOM + whole,
        "mark-alone.jsonl": BOM,
        "blank.jsonl": b"\n\n \n\r\n",
        "newline.jsonl": b"\n",
        "empty.jsonl": b"",
        "long.jsonl": text([event(1), '{"a": "' + "y" * 50_000 + '"}', event(2), '{"a": "' + "z" * 50_000 + '"}'])[:-1],
    }


def wrap(path: Path, body: str) -> Path:
    """Makes a program that does something else before it is the real one."""
    path.write_text(f'#!/bin/bash\nreal={shlex.quote(str(daytally.find_binary()))}\n{body}\nexec "$real" "$@"\n')
    path.chmod(0o755)
    return path


class SparkTest(unittest.TestCase):
    """Runs each test in a new folder, with one session for all of a class."""

    master = "local[2,4]"
    settings: dict[str, str] = {}
    is_remote = False
    spark: SparkSession

    @classmethod
    def setUpClass(cls) -> None:
        cls.spark = cls.enterClassContextOf(session(cls.master, remote=cls.is_remote, **cls.settings))

    @classmethod
    def enterClassContextOf(cls, context: contextlib.AbstractContextManager[Any]) -> Any:
        # unittest has one of its own since Python 3.11.
        entered = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)
        return entered

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="daytally spark ")).resolve()
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def generate(self, name: str, *options: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            subprocess.run([daytally.find_binary(), "generate", *options], stdout=file, check=True, timeout=120)
        return path

    def write_shapes(self) -> list[Path]:
        return [self.write(f"in/{name}", data) for name, data in sorted(shapes().items())]

    def wrapper(self, body: str) -> Path:
        return wrap(self.folder / "wrapper", body)

    def fails_first(self, how: str) -> tuple[Path, Path]:
        """A program that ends like that in the middle of a partial, the first time that a split is counted; and the
        folder with something for each of those times."""
        marks = Path(tempfile.mkdtemp(prefix="marks-", dir=self.folder))
        # Without a split it counts what Spark has read: once only, since all blocks are alike to it.
        return self.wrapper(
            f"""if [ "$1" = partial ]; then
                for argument; do case $argument in --split=*) split=$argument ;; esac; done
                if mkdir "{marks}/${{split:-one}}" 2>/dev/null; then
                    "$real" "$@" > "{marks}/${{split:-one}}/partial"
                    head -c 5000 "{marks}/${{split:-one}}/partial"
                    {how}
                fi
            fi"""
        ), marks

    def one_machine(self, *inputs: Path, **options: Any) -> tuple[bytes, bytes, daytally.Summary]:
        """The result, the rejects and the summary of ``daytally.aggregate``."""
        folder = self.folder / "expected"
        folder.mkdir(exist_ok=True)
        csv, rejects = folder / "stats.csv", folder / "rejects.jsonl"
        result = daytally.aggregate(list(inputs), csv, rejects=rejects, **options)
        return csv.read_bytes(), rejects.read_bytes(), result.summary

    def on_spark(self, *inputs: Path, **options: Any) -> tuple[bytes, bytes, daytally.spark.SparkSummary]:
        """The same of ``daytally.spark.aggregate``."""
        folder = self.folder / "actual"
        folder.mkdir(exist_ok=True)
        csv, rejects = folder / "stats.csv", folder / "rejects.jsonl"
        for path in (csv, rejects):
            path.unlink(missing_ok=True)
        result = daytally.spark.aggregate(self.spark, list(inputs), csv, rejects=rejects, **options)
        self.assertEqual({path.name for path in folder.iterdir()}, {"stats.csv", "rejects.jsonl"})
        return csv.read_bytes(), rejects.read_bytes(), result.summary

    def check(
        self, *inputs: Path, event_options: Optional[dict[str, Any]] = None, **options: Any
    ) -> daytally.spark.SparkSummary:
        """That both are the same, to the byte."""
        given = event_options or {}
        csv, rejects, summary = self.one_machine(*inputs, **given)
        on_spark_csv, on_spark_rejects, on_spark_summary = self.on_spark(*inputs, **given, **options)
        self.assertEqual(on_spark_csv.decode(), csv.decode())
        self.assertEqual(on_spark_rejects.decode().split("\n"), rejects.decode().split("\n"))
        for name in (
            "status", "lines", "blank", "valid", "filtered", "invalid", "invalid_by_reason", "first_by_reason",
            "groups", "purchase_count", "total_revenue", "first_date", "last_date",
        ):  # fmt: skip
            self.assertEqual(getattr(on_spark_summary, name), getattr(summary, name), name)
        self.assertEqual(
            [(given.input, given.lines) for given in on_spark_summary.inputs],
            # Spark does not list what is empty.
            [(given.input, given.lines) for given in summary.inputs if given.bytes or options.get("reader") != "spark"],
        )
        return on_spark_summary
