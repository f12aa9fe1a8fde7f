"""Results of Spark in one process, with retries: the same as on one machine, to the byte."""

from __future__ import annotations

import bz2
import gc
import gzip
import os
import unittest
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import daytally
import daytally.spark
from daytally import RunFailed, TooManyInvalid, UsageError
from daytally.spark._session import setting
from helpers import HEADER, LINES, SparkTest, event, text


class TestResults(SparkTest):
    def test_shapes_cut_everywhere(self) -> None:
        inputs = self.write_shapes()
        # Each split is a task, so those of a few bytes are of files that have few.
        tiny = [self.write("tiny.jsonl", text(LINES[:9]))]
        small = [self.write(f"small/{path.name}", path.read_bytes()[:1500] + path.read_bytes()[-500:]) for path in inputs]
        for size, some in ((7, tiny), (100, small), (4096, inputs), (1 << 20, inputs)):
            with self.subTest(split_size=size):
                self.check(*some, split_size=size)

    def test_shapes_through_sparks_reader(self) -> None:
        inputs = self.write_shapes()
        for size in (1000, 1 << 20):
            with self.subTest(split_size=size):
                self.check(*inputs, split_size=size, reader="spark")

    def test_every_character_in_rejects(self) -> None:
        lines = []
        for first in range(0, 0x110000, 800):
            # Surrogates are no characters, and a line feed is the end of a line.
            some = (code for code in range(first, min(first + 800, 0x110000)) if code != 10 and not 0xD800 <= code < 0xE000)
            lines.append("".join(map(chr, some)))
        # Two at a time would be hidden from view by what is cut off.
        path = self.write("in/all.jsonl", text(lines))
        csv, rejects, _ = self.one_machine(path)
        _, on_spark, _ = self.on_spark(path)
        for line, expected in zip(on_spark.splitlines(), rejects.splitlines()):
            self.assertEqual(line.decode(), expected.decode())
        self.assertEqual(on_spark, rejects)

    def test_a_fifth_is_invalid(self) -> None:
        path = self.generate("events.jsonl", "--size", "6MB", "--invalid-rate", "0.2", "--users", "300")
        self.check(path, split_size="1MB")
        self.check(path, split_size="1MB", reader="spark")

    def test_compressed(self) -> None:
        lines = text(LINES)
        plain = self.write("in/a.jsonl", lines)
        zipped = self.write("in/b.jsonl.gz", gzip.compress(lines * 50))
        self.check(plain, zipped, split_size=1000)
        self.check(plain, zipped, split_size=100_000, reader="spark")
        # The program looks at what is in a file, and Spark at its name.
        disguised = self.write("c.jsonl", gzip.compress(lines))
        self.check(disguised, split_size=100)
        with self.assertRaisesRegex(RunFailed, "compressed with gzip, which its name does not say"):
            self.on_spark(disguised, reader="spark")
        # Spark cuts these into blocks, too.
        path = self.write("d.jsonl.bz2", bz2.compress(os.urandom(1) + lines * 500))
        self.check(path, split_size=2000, reader="spark")

    def test_names_and_folders(self) -> None:
        for number, name in enumerate(("b c.jsonl", "a%20.jsonl", "é/ü.jsonl", "deep/er/x.jsonl", "_hidden.jsonl")):
            self.write(f"logs/{name}", text([event(number), "{"]))
        self.check(self.folder / "logs", split_size=50)
        self.check(self.folder / "logs" / "*.jsonl", split_size=50)
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder)
        self.check(Path("logs/b c.jsonl"), Path("logs/deep"))
        # Twice the same, if that is meant.
        for reader in ("files", "spark"):
            with self.assertRaisesRegex(UsageError, "twice"):
                self.on_spark(Path("logs/b c.jsonl"), Path("logs/b c.jsonl"), reader=reader)
        self.check(
            Path("logs/b c.jsonl"), Path("logs/b c.jsonl"), event_options={"allow_duplicates": True}, split_size=30
        )

    def test_names_through_sparks_reader(self) -> None:
        lines = text([event(1), "{"])
        for name in ("n/a.jsonl", "n/deep/day=1/b.jsonl", "n/s%20 \u00fc.jsonl", "g/a[1].jsonl", "g/a1.jsonl", "g/{b}.jsonl"):
            self.write(name, lines)
        names = ("n/a.jsonl", "n/deep/day=1/b.jsonl", "n/s%20 \u00fc.jsonl")
        self.check(*(self.folder / name for name in names), reader="spark")
        summary = self.on_spark(self.folder / "n", reader="spark")[2]
        self.assertEqual([given.input for given in summary.inputs], [str(self.folder / name) for name in names])
        # What is there by its name is no pattern.
        self.check(self.folder / "g/a[1].jsonl", self.folder / "g/{b}.jsonl", reader="spark")
        self.check(self.folder / "g/a?.jsonl", reader="spark")
        hidden = self.write("n/_h.jsonl", lines)
        with self.assertRaisesRegex(RunFailed, "_h.jsonl: Spark's reader finds nothing there"):
            self.on_spark(self.folder / "n/a.jsonl", hidden, reader="spark")
        empty = self.write("n/empty.jsonl", b"")
        self.assertEqual(self.on_spark(self.folder / "n/a.jsonl", empty, reader="spark")[2].lines, 2)

    def test_many_small_files(self) -> None:
        paths = [self.write(f"in/{number:03}.jsonl", text([event(number), "{"])) for number in range(60)]
        self.check(*paths)
        self.check(*paths, reader="spark")

    def test_options_of_events(self) -> None:
        line = '{"u": {"id": 5}, "kind": "buy", "at": "2024-01-01T23:30:00-02:00", "price": 2.5}'
        path = self.write("in/e.jsonl", text([line, line.replace("01-01T", "02-01T"), event(1)]))
        options: dict[str, Any] = {
            "user_id_field": "u.id",
            "event_type_field": "kind",
            "timestamp_field": "at",
            "amount_field": "price",
            "purchase_types": ["buy", "sell"],
            "accept_offsets": True,
            "timezone": "Europe/Berlin",
            "from_date": "2024-01-02",
            "to_date": "2024-01-31",
            "max_line_bytes": 1000,
        }
        for reader in ("files", "spark"):
            self.check(path, event_options=options, reader=reader, split_size=40)

    def test_no_valid_event(self) -> None:
        path = self.write("in/e.jsonl", b"{\n")
        csv, _, summary = self.on_spark(path)
        self.assertEqual(csv.decode(), HEADER)
        self.assertEqual((summary.groups, summary.first_date), (0, None))
        self.check(path)

    def test_settings_of_spark_change_nothing(self) -> None:
        path = self.write("in/e.jsonl", text(LINES))
        # All at once: each was tried alone.
        settings = {
            "spark.sql.ansi.enabled": "false",
            "spark.sql.session.timeZone": "Pacific/Auckland",
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.parquet.datetimeRebaseModeInWrite": "LEGACY",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "3",
            "spark.sql.execution.arrow.useLargeVarTypes": "true",
            "spark.sql.legacy.allowNegativeScaleOfDecimal": "true",
            "spark.sql.decimalOperations.allowPrecisionLoss": "false",
            "mapreduce.output.fileoutputformat.compress": "true",
            "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        }
        before = {name: self.spark.conf.get(name, None) for name in settings}
        try:
            for name, value in settings.items():
                self.spark.conf.set(name, value)
            for reader in ("files", "spark"):
                with self.subTest(reader=reader):
                    self.check(path, split_size=500, reader=reader)
            self.assertEqual({name: self.spark.conf.get(name) for name in settings}, settings)
        finally:
            for name, old in before.items():
                if old is None:
                    self.spark.conf.unset(name)
                else:
                    self.spark.conf.set(name, old)

    def test_two_at_once_in_one_session(self) -> None:
        path = self.generate("events.jsonl", "--size", "2MB", "--invalid-rate", "0.2", "--users", "300")
        csv = self.one_machine(path)[0]
        name = "spark.sql.files.maxPartitionBytes"
        before = self.spark.conf.get(name)

        def run(number: int) -> bytes:
            output = self.folder / f"{number}.csv"
            # The sizes are settings of the session's, which one has to wait for.
            options: dict[str, Any] = {"reader": ("spark", "files")[number % 2], "split_size": 200_000 * (1 + number)}
            daytally.spark.aggregate(self.spark, path, output, **options)
            return output.read_bytes()

        with ThreadPoolExecutor(3) as pool:
            self.assertEqual(list(pool.map(run, range(3))), [csv] * 3)
        self.assertEqual(self.spark.conf.get(name), before)


class TestOutputs(SparkTest):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.generate("events.jsonl", "--lines", "3000", "--invalid-rate", "0.1", "--users", "50")

    def rows(self, groups: Any) -> list[tuple[Any, ...]]:
        return sorted((str(row[0]), int(row[1]), *row[2:]) for row in groups.collect())

    def expected_rows(self) -> list[tuple[Any, ...]]:
        places = Decimal(1).scaleb(-18)
        return [
            (str(row.date), row.user_id, row.event_count, row.purchase_count, row.total_revenue.quantize(places))
            for row in daytally.aggregate(self.path)
        ]

    def test_dataframes(self) -> None:
        with daytally.spark.aggregate(self.spark, self.path, rejects=True, split_size=50_000) as result:
            self.assertEqual(self.rows(result.groups), self.expected_rows())
            assert result.groups is not None and result.rejects is not None
            self.assertEqual(
                result.groups.dtypes,
                [
                    ("date", "date"),
                    ("user_id", "decimal(20,0)"),
                    ("event_count", "bigint"),
                    ("purchase_count", "bigint"),
                    ("total_revenue", "decimal(38,18)"),
                ],
            )
            rejects = result.rejects.collect()
            self.assertEqual(len(rejects), result.summary.invalid)
            place = result.summary.first_by_reason[rejects[0].reason]
            self.assertEqual((rejects[0].input, rejects[0].line, rejects[0].offset), (place.input, place.line, place.offset))

    def test_folders(self) -> None:
        for options in ({}, {"partition_by": "date"}):
            with self.subTest(options):
                folder = self.folder / f"lake{len(options)}"
                result = daytally.spark.aggregate(self.spark, self.path, folder, **options)  # type: ignore[arg-type]
                columns = ["date", "user_id", "event_count", "purchase_count", "total_revenue"]
                written = self.spark.read.parquet(f"file:{folder}").select(*columns)
                self.assertEqual(self.rows(written), self.expected_rows())
                self.assertEqual(result.summary.groups, written.count())
                # It is not replaced unless that is said, and nothing is read for that.
                with self.assertRaisesRegex((RunFailed, UsageError), "there already"):
                    daytally.spark.aggregate(self.spark, self.path, folder, **options)  # type: ignore[arg-type]
                daytally.spark.aggregate(self.spark, self.path, folder, overwrite=True, **options)  # type: ignore[arg-type]
                self.assertEqual(self.rows(self.spark.read.parquet(f"file:{folder}").select(*columns)), self.expected_rows())
        self.assertEqual([path for path in self.folder.iterdir() if path.name.startswith(".")], [])

    def test_days_are_replaced_alone(self) -> None:
        first = self.write("in/1.jsonl", text([event(1, "2024-01-01T00:00:00Z"), event(1, "2024-01-02T00:00:00Z")]))
        second = self.write("in/2.jsonl", text([event(2, "2024-01-02T00:00:00Z"), event(2, "2024-01-03T00:00:00Z")]))
        folder = self.folder / "days"
        for path in (first, second):
            daytally.spark.aggregate(self.spark, path, folder, partition_by="date", overwrite=True)
        found = self.spark.read.parquet(f"file:{folder}").select("date", "user_id").collect()
        self.assertEqual(
            sorted((str(row.date), int(row.user_id)) for row in found),
            [("2024-01-01", 1), ("2024-01-02", 2), ("2024-01-03", 2)],
        )

    def test_folders_of_text(self) -> None:
        csv, rejects, _ = self.one_machine(self.path)
        daytally.spark.aggregate(
            self.spark, self.path, self.folder / "csv", format="csv", rejects=self.folder / "rejects", split_size=50_000
        )

        def parts(name: str) -> list[bytes]:
            return [path.read_bytes() for path in sorted((self.folder / name).glob("part-*"))]

        self.assertEqual(parts("csv"), [csv])
        self.assertEqual(b"".join(parts("rejects")), rejects)

    def test_names_of_folders(self) -> None:
        csv, rejects, _ = self.one_machine(self.path)
        for name in ("br[1]", "cur{a,b}", "back\\slash", "st*r?", "pct%20x", "s p\u00fc#:x"):
            folder = self.folder / name
            folder.mkdir()
            with self.subTest(name):
                output, log = folder / "stats.csv", folder / "rejects.jsonl"
                daytally.spark.aggregate(self.spark, self.path, output, rejects=log)
                self.assertEqual((output.read_bytes(), log.read_bytes()), (csv, rejects))
                self.assertEqual(sorted(path.name for path in folder.iterdir()), ["rejects.jsonl", "stats.csv"])

    def test_what_is_staged_is_removed_with_the_result(self) -> None:
        staging = self.folder / "staging"
        staging.mkdir()
        result = daytally.spark.aggregate(self.spark, self.path, staging=staging)
        self.assertEqual(len(list(staging.iterdir())), 1)
        del result
        gc.collect()
        self.assertEqual(list(staging.iterdir()), [])

    def test_limit_of_invalid_events(self) -> None:
        csv, rejects = self.folder / "stats.csv", self.folder / "rejects.jsonl"
        csv.write_text("old")
        with self.assertRaisesRegex(TooManyInvalid, "more than the 1% that max_invalid allows") as caught:
            daytally.spark.aggregate(self.spark, self.path, csv, rejects=rejects, max_invalid="1%")
        self.assertEqual(csv.read_text(), "old")
        self.assertEqual(rejects.read_bytes(), self.one_machine(self.path)[1])
        self.assertEqual(caught.exception.summary.status, "too_many_invalid")
        daytally.spark.aggregate(self.spark, self.path, csv, max_invalid="90%")
        self.assertEqual(csv.read_bytes(), self.one_machine(self.path)[0])


class TestErrors(SparkTest):
    def setUp(self) -> None:
        super().setUp()
        self.output = self.folder / "stats.csv"
        self.output.write_text("old")

    def fails(self, kind: type[Exception], pattern: str, *inputs: Any, **options: Any) -> None:
        before = {path.name for path in self.folder.iterdir()}
        with self.assertRaisesRegex(kind, pattern):
            daytally.spark.aggregate(self.spark, list(inputs), self.output, **options)
        self.assertEqual(self.output.read_text(), "old")
        self.assertEqual({path.name for path in self.folder.iterdir()}, before)

    def test_inputs(self) -> None:
        missing = self.folder / "missing.jsonl"
        self.fails(RunFailed, "missing.jsonl", missing)
        self.fails(RunFailed, "missing.jsonl", missing, reader="spark")
        self.fails(RunFailed, "no inputs match", self.folder / "x*.jsonl")
        self.fails(UsageError, "standard input", "-")
        self.fails(ValueError, "no inputs")
        self.fails(UsageError, "for reader='spark'", "hdfs://a/b", reader="files")
        damaged = self.write("damaged.jsonl.gz", gzip.compress(text(LINES) * 100)[:-30])
        self.fails(RunFailed, "damaged.jsonl.gz", damaged)
        self.fails(RunFailed, "Spark: ", damaged, reader="spark")

    def test_usage(self) -> None:
        path = self.write("e.jsonl", text([event(1)]))
        for pattern, options in (
            ("timezone", {"timezone": "Mars/Olympus"}),
            ("--from", {"from_date": "2024-13-01"}),
            ("split_size", {"split_size": "much"}),
            ("split_size", {"split_size": 0}),
            ("max_invalid", {"max_invalid": "101%"}),
            ("reader", {"reader": "hand"}),
            ("memory", {"memory_limit": "1 elephant"}),
            ("is a file of CSV", {"format": "parquet"}),
            ("rejects: .*: a file is named .jsonl here", {"rejects": self.output}),
            ("rejects: .*: a file is named .jsonl here", {"rejects": self.folder / "r.json"}),
            ("threads", {"threads": 0}),
            ("split_size", {"split_size": "8388608TiB"}),
            ("staging: the path is empty", {"staging": ""}),
            ("rejects: the path is empty", {"rejects": ""}),
        ):
            with self.subTest(options):
                self.fails(UsageError, pattern, path, **options)
        self.fails(RunFailed, "there is no folder", path, rejects=self.folder / "no" / "rejects.jsonl")

    def test_outputs_that_would_destroy_something(self) -> None:
        path = self.write("in/e.jsonl", text([event(1), "{"]))
        link = self.folder / "link.csv"
        link.symlink_to(path)
        where = self.folder / "where"
        for outputs in (
            {"output": self.output, "rejects": path},
            {"output": link},
            {"output": self.folder / "in", "overwrite": True},
            {"output": self.folder / "in" / "..", "overwrite": True},
            {"output": "", "overwrite": True},
            {"output": where, "rejects": f"{where}/", "overwrite": True},
            {"output": where, "rejects": where / "rejects.jsonl", "overwrite": True},
            {"output": where, "staging": where / "staging", "overwrite": True},
            {"output": "viewfs://x/stats.csv"},
            {"output": self.folder / "stats.csv.gz"},
        ):
            for reader in ("files", "spark"):
                options: dict[str, Any] = {**outputs, "reader": reader}
                with self.subTest(options), self.assertRaises(UsageError):
                    daytally.spark.aggregate(self.spark, path, **options)
        self.assertEqual(path.read_bytes(), text([event(1), "{"]))
        self.assertEqual({found.name for found in self.folder.iterdir()}, {"in", "link.csv", "stats.csv"})
        self.fails(UsageError, "twice|more than once", path, path)

    def test_a_setting_that_spark_refuses_holds_up_nobody(self) -> None:
        before = self.spark.conf.get("spark.sql.files.maxPartitionBytes")
        with self.assertRaises(Exception):
            with setting(self.spark, "spark.sql.files.maxPartitionBytes", "much"):
                self.fail("it was taken")
        with setting(self.spark, "spark.sql.files.maxPartitionBytes", "1000"):
            self.assertEqual(self.spark.conf.get("spark.sql.files.maxPartitionBytes"), "1000")
        self.assertEqual(self.spark.conf.get("spark.sql.files.maxPartitionBytes"), before)

    def test_a_total_that_is_too_large(self) -> None:
        # Each split's own is not.
        lines = [event(9, amount="999999999999999.9")] * 60_000
        paths = [self.write(f"in/{number}.jsonl", text(lines)) for number in range(2)]
        self.fails(RunFailed, "user 9 on 2024-01-01 is 10\\^20 or more", *paths)
        # And what it would be together is no group's.
        other = self.write("in/other.jsonl", text(lines).replace(b'"user_id": 9', b'"user_id": 8'))
        self.check(paths[0], other)

    def test_the_program(self) -> None:
        path = self.write("e.jsonl", text([event(1)]))
        self.fails(RunFailed, "there is no /nowhere/daytally.*on worker", path, binary="/nowhere/daytally")
        self.fails(RunFailed, "there is no /nowhere/daytally.*on worker", path, binary="/nowhere/daytally", reader="spark")
        other = self.write("other", b"#!/bin/sh\necho daytally 0.0.1\n")
        other.chmod(0o755)
        self.fails(RunFailed, "is daytally 0.0.1, and the driver's package is", path, binary=other)
        other.write_bytes(b"#!/bin/sh\necho GLIBC_2.99 not found >&2\nexit 127\n")
        self.fails(RunFailed, "does not run on this worker.*GLIBC_2.99 not found; a wheel", path, binary=other)
        other.write_bytes(b"\x7fELFnot")
        self.fails(RunFailed, "does not start on this worker", path, binary=other)
        self.check(path, binary="installed")

    def test_a_file_that_changes_between_planning_and_reading(self) -> None:
        path = self.write("e.jsonl", text([event(1)] * 1000))
        for change in (f"echo >> '{path}'", f"touch '{path}'", f"truncate -s 100 '{path}'", f"rm -f '{path}'"):
            with self.subTest(change):
                path.write_bytes(text([event(1)] * 1000))
                binary = self.wrapper(f'if [ "$1" = partial ]; then {change}; fi')
                self.fails_or_is_gone(path, binary)

    def fails_or_is_gone(self, path: Path, binary: Path) -> None:
        with self.assertRaisesRegex(RunFailed, "e.jsonl"):
            daytally.spark.aggregate(self.spark, path, self.output, binary=binary, split_size=10_000)
        self.assertEqual(self.output.read_text(), "old")

    def test_a_file_that_changes_while_spark_reads(self) -> None:
        path = self.write("e.jsonl", text([event(1)] * 1000))
        binary = self.wrapper(f'if [ "$1" = partial ]; then echo >> "{path}"; fi')
        self.fails(RunFailed, "e.jsonl has changed during the run", path, binary=binary, reader="spark")

    def test_first_attempts_that_fail_half_way(self) -> None:
        path = self.generate("e.jsonl", "--size", "1MB", "--invalid-rate", "0.2", "--users", "50")
        for how, reader in (("kill -9 $$", "files"), ("exit 1", "files"), ("exit 0", "files"), ("kill -9 $$", "spark")):
            with self.subTest(how=how, reader=reader):
                binary, marks = self.fails_first(how)
                self.check(path, binary=binary, split_size=300_000, reader=reader)
                self.assertGreater(len(list(marks.iterdir())), 0)

    def test_a_program_that_says_a_lot(self) -> None:
        path = self.write("e.jsonl", text([event(1)]))
        # More than a pipe holds.
        binary = self.wrapper('[ "$1" = -V ] || head -c 300000 /dev/zero | tr "\\0" x >&2')
        self.check(path, binary=binary)


if __name__ == "__main__":
    unittest.main()
