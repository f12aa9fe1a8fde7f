"""The options: each reaches the program, and what comes back is what the program says."""

from __future__ import annotations

import ast
import datetime
import inspect
import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import daytally
from helpers import HEADER, InFolder, csv_of, event

# What of the command line is no option here, and why.
NOT_HERE = {
    "help": "help()",
    "summary": "the result has it",
    "log-format": "logging has it",
    "log-file": "logging has it",
    "log-level": "logging has it",
    "progress": "for people",
    "progress-every": "for people",
    "plot": "for people",
    "quiet": "for people",
    "verbose": "for people",
    "color": "for people",
    "config": "options are those given",
    "no-config": "options are those given",
    "lanes": "for doubt about the program",
    "files-from": "inputs take any number",
    "null": "inputs take any number",
}
OTHER_NAMES = {
    "from": "from_date",
    "to": "to_date",
    "no-mmap": "mmap_inputs",
    "purchase-type": "purchase_types",
}


class Options(InFolder):
    def test_every_option_is_here_and_documented(self) -> None:
        known = re.findall(r"^ +(?:-\w, )?--([a-z-]+)", self.program("aggregate", "--help"), re.M)
        self.assertGreater(len(known), 35)
        here = {OTHER_NAMES.get(name, name.replace("-", "_")) for name in known if name not in NOT_HERE}
        parameters = set(inspect.signature(daytally.aggregate).parameters)
        self.assertEqual(parameters, here | {"inputs", "log_limit"})
        documented = re.findall(r":param (\w+):", daytally.aggregate.__doc__ or "")
        self.assertEqual(set(documented), parameters)

    def test_outputs(self) -> None:
        expected = self.csv("events.jsonl")
        result = daytally.aggregate(["events.jsonl"], Path("stats.csv"))
        self.assertEqual(Path("stats.csv").read_text(), expected)
        output = result.summary.output
        assert output is not None
        self.assertEqual(output.path, str(self.folder / "stats.csv"))
        self.assertEqual((output.format, output.rows, output.bytes), ("csv", 2, len(expected)))
        self.assertFalse(output.unchanged)
        for rows in (result.rows, lambda: list(result), result.to_arrow, result.to_polars, result.to_pandas):
            with self.assertRaisesRegex(ValueError, "went to .*stats.csv"):
                rows()
        again = daytally.aggregate("events.jsonl", "stats.csv").summary.output
        self.assertTrue(again is not None and again.unchanged)

        daytally.aggregate("events.jsonl", "stats", format="parquet")
        self.assertEqual(Path("stats").read_bytes()[:4], b"PAR1")
        days = daytally.aggregate("events.jsonl", "days", partition_by="date").summary.output
        assert days is not None and days.days is not None
        self.assertEqual((days.days.added, days.sha256), (("2024-01-01",), None))
        self.assertEqual(Path("days/date=2024-01-01/daily_user_stats.csv").read_text(), expected)

    def test_rejects_and_report(self) -> None:
        result = daytally.aggregate("events.jsonl", rejects=Path("rejects.jsonl"), report="report.html")
        rejects = [json.loads(line) for line in Path("rejects.jsonl").read_text().splitlines()]
        self.assertEqual([reject["line"] for reject in rejects], [4, 5])
        self.assertIn("<html", Path("report.html").read_text())
        summary = result.summary
        self.assertEqual(summary.rejects, str(self.folder / "rejects.jsonl"))
        self.assertEqual(summary.report, str(self.folder / "report.html"))
        self.assertFalse(summary.rejects_unchanged)
        self.assertEqual(len(list(result)), 2)

    def test_inputs(self) -> None:
        one = self.write("logs/a/1.jsonl", [event(1)])
        self.write("logs/b/2.jsonl", [event(2)])
        self.write("logs/[c].jsonl", [event(3)])
        self.write("-.jsonl", [event(4)])
        for inputs, users in (
            ("logs", [1, 2, 3]),
            (Path("logs"), [1, 2, 3]),
            ("logs/*/*.jsonl", [1, 2]),
            ("logs/{a,b}/?.jsonl", [1, 2]),
            ("logs/[c].jsonl", [3]),
            ([one, "logs/b"], [1, 2]),
            (iter(["logs/b", "events.jsonl"]), [2, 123, 456]),
            ("-.jsonl", [4]),
        ):
            with self.subTest(inputs=inputs):
                result = daytally.aggregate(inputs)  # type: ignore[arg-type]
                self.assertEqual(sorted(row.user_id for row in result), users)
        with self.assertRaisesRegex(ValueError, "no inputs"):
            daytally.aggregate([])
        with self.assertRaises(daytally.RunFailed):
            daytally.aggregate("none/*.jsonl")
        with self.assertRaises(TypeError):
            daytally.aggregate(7)  # type: ignore[arg-type]

    def test_names_that_are_no_utf8(self) -> None:
        path = os.fsdecode(b"caf\xe9.jsonl")
        try:
            Path(path).write_text(event(8) + "\n")
        except OSError as error:
            self.skipTest(f"the file system has no such names: {error}")
        self.assertEqual([row.user_id for row in daytally.aggregate(path)], [8])

    def test_more_inputs_than_a_command_line_takes(self) -> None:
        folder = "x" * 200
        names = [f"{folder}/{number}.jsonl" for number in range(3000)]
        self.write(names[0], [event(0)])
        for number, name in enumerate(names):
            Path(name).write_text(event(number % 7) + "\n")
        inputs = ["events.*", *names, *[os.path.abspath(name) for name in names]]
        result = daytally.aggregate(inputs, allow_duplicates=True)
        self.assertEqual(result.summary.valid, 6003)
        self.assertEqual(result.summary.inputs[0].input, "events.jsonl")
        with self.assertRaisesRegex(daytally.RunFailed, "nothing.jsonl"):
            daytally.aggregate([*inputs, "nothing.jsonl"], allow_duplicates=True)

    def test_standard_input(self) -> None:
        code = "import daytally; print([row.user_id for row in daytally.aggregate('-')])"
        done = subprocess.run(
            [sys.executable, "-c", code], input=event(9) + "\n", capture_output=True, text=True, timeout=60
        )
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("[9]\n", "", 0))

    def test_days(self) -> None:
        path = self.write("days.jsonl", [event(day, f"2024-01-0{day}") for day in range(1, 6)])
        result = daytally.aggregate(path, from_date=datetime.date(2024, 1, 2), to_date="2024-01-04")
        self.assertEqual([row.user_id for row in result], [2, 3, 4])
        summary = result.summary
        self.assertEqual((summary.valid, summary.filtered), (3, 2))
        self.assertEqual((summary.from_date, summary.to_date), ("2024-01-02", "2024-01-04"))
        with self.assertRaises(TypeError):
            daytally.aggregate(path, from_date=datetime.datetime(2024, 1, 2))

    def test_other_events(self) -> None:
        path = self.write(
            "others.jsonl",
            [
                '{"u": {"id": 5}, "kind": "sale", "at": "2024-01-01T23:30:00-02:00", "price": 2.5}',
                '{"u": {"id": 5}, "kind": "order", "at": "2024-01-02T10:00:00Z", "price": 1}',
            ],
        )
        options: dict[str, Any] = {
            "user_id_field": "u.id",
            "event_type_field": "kind",
            "timestamp_field": "at",
            "amount_field": "price",
            "accept_offsets": True,
            "timezone": "Europe/Berlin",
        }
        result = daytally.aggregate(path, purchase_types=["sale", "order"], **options)
        self.assertEqual(csv_of(result), HEADER + "2024-01-02,5,2,2,3.50\n")
        schema = result.summary.schema
        assert schema is not None
        self.assertEqual((schema.timezone, schema.purchase_types), ("Europe/Berlin", ("order", "sale")))
        result = daytally.aggregate(path, purchase_types="sale", **options)
        self.assertEqual(csv_of(result), HEADER + "2024-01-02,5,2,1,2.50\n")

    def test_what_leaves_the_result_as_it_is(self) -> None:
        path = self.generate("many.jsonl", "--lines=20000", "--users=500")
        expected = self.csv(str(path))
        options: dict[str, Any]
        for options in (
            {"threads": 1},
            {"threads": 3, "chunk_size": 4096},
            {"memory_limit": "128MiB", "threads": 1, "temp_dir": str(self.folder)},
            {"memory_limit": 256 << 20},
            {"mmap_inputs": False},
            {"max_line_bytes": 1 << 20},
        ):
            with self.subTest(options=options):
                result = daytally.aggregate(path, **options)
                self.assertEqual(csv_of(result), expected)

    def test_limits_of_lines(self) -> None:
        summary = daytally.aggregate("events.jsonl", max_line_bytes=80).summary
        self.assertEqual(summary.invalid_by_reason["line_too_long"], 2)

    def test_duplicates(self) -> None:
        with self.assertRaises(daytally.UsageError):
            daytally.aggregate(["events.jsonl", "./events.jsonl"])
        result = daytally.aggregate(["events.jsonl", "./events.jsonl"], allow_duplicates=True)
        self.assertEqual(result.summary.valid, 6)

    def test_state(self) -> None:
        self.write("logs/1.jsonl", [event(1)])
        second = self.write("logs/2.jsonl", [event(2)])
        first = daytally.aggregate("logs", state="state", verify="full").summary.state
        assert first is not None
        self.assertEqual((first.new, first.kept, first.path), (2, 0, str(self.folder / "state")))
        result = daytally.aggregate("logs", state="state", verify="full")
        self.assertEqual([given.source for given in result.summary.inputs], ["kept", "kept"])
        self.assertEqual(csv_of(result), self.csv("logs"))
        second.unlink()
        with self.assertRaises(daytally.DaytallyError):
            daytally.aggregate("logs", state="state")
        last = daytally.aggregate("logs", state="state", forget_missing=True).summary.state
        self.assertEqual(last and last.forgotten, 1)

    def test_compressed_inputs(self) -> None:
        import gzip

        Path("more.jsonl.gz").write_bytes(gzip.compress((event(1) + "\n").encode()))
        (given,) = daytally.aggregate("more.jsonl.gz").summary.inputs
        self.assertEqual((given.compression, given.lines), ("gzip", 1))
        self.assertEqual(given.compressed_bytes, Path("more.jsonl.gz").stat().st_size)

    def test_neither_environment_nor_config_files_count(self) -> None:
        Path("daytally.toml").write_text('max-invalid = "0"\n[aggregate]\nfrom = 2030-01-01\n')
        with mock.patch.dict(os.environ, {"DAYTALLY_TO": "1999-01-01", "DAYTALLY_OUTPUT": "x.csv"}):
            result = daytally.aggregate("events.jsonl")
        self.assertEqual(result.summary.valid, 3)
        self.assertFalse(Path("x.csv").exists())

    def test_options_that_do_not_go_together(self) -> None:
        for options, words in (
            ({"format": "csv"}, "format is for an output"),
            ({"partition_by": "date"}, "partition_by is for an output"),
            ({"output": "-"}, "output is a path"),
            ({"rejects": "-"}, "rejects is a path"),
            ({"report": "-"}, "report is a path"),
        ):
            with self.subTest(options=options), self.assertRaisesRegex(ValueError, words):
                daytally.aggregate("events.jsonl", **options)  # type: ignore[arg-type]

    def test_the_summary_is_the_programs(self) -> None:
        self.program("aggregate", "-q", "events.jsonl", "--summary", "summary.json", "--rejects", "r.jsonl")
        json_summary = json.loads(Path("summary.json").read_text())
        summary = daytally.Summary.from_json({**json_summary, "new_in_a_later_version": 1})
        self.assertEqual(summary.status, "published")
        here = daytally.aggregate("events.jsonl").summary
        for name in ("inputs", "left_out", "lines", "valid", "invalid_by_reason", "first_by_reason"):
            self.assertEqual(getattr(summary, name), getattr(here, name), name)
        # Nothing that the program says is dropped.
        fields = set(daytally.Summary.__dataclass_fields__)
        self.assertLessEqual(set(json_summary) - {"from", "to"}, fields)
        with self.assertRaises(KeyError):
            daytally.Summary.from_json({})
        with self.assertRaises(AttributeError):
            summary.valid = 7  # type: ignore[misc]


class ThePackage(unittest.TestCase):
    def test_it_is_what_was_installed(self) -> None:
        self.assertTrue(Path(daytally.__file__).is_relative_to(sys.prefix), daytally.__file__)

    def test_its_source_is_python_3_9(self) -> None:
        sources = list(Path(daytally.__file__).parent.glob("*.py"))
        self.assertGreater(len(sources), 5)
        for source in sources:
            ast.parse(source.read_text(), str(source), feature_version=(3, 9))

    def test_it_says_that_it_has_types(self) -> None:
        self.assertTrue((Path(daytally.__file__).parent / "py.typed").exists())

    def test_all_names_are_there(self) -> None:
        for name in daytally.__all__:
            self.assertTrue(hasattr(daytally, name), name)


if __name__ == "__main__":
    unittest.main()
