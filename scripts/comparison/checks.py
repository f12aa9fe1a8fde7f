"""Checks of the comparison itself, for `scripts/compare --check`."""

import os
import tempfile
import unittest

from . import Failure, contenders, measure, tables
from .agree import HEADER, compare
from .contenders import PEERS
from .profiles import PROFILES

ROWS = ["2024-01-01,1,2,1,19.99", "2024-01-01,10,1,0,0.00", "2024-01-02,1,3,2,0.125"]


class Agreement(unittest.TestCase):
    """Each wrong result has to be found, and named by its row."""

    def compare(self, rows, revenue="decimal", header=",".join(HEADER)):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("ours.csv", "theirs.csv")]
            for path, lines in zip(paths, ([",".join(HEADER), *ROWS], [header, *rows])):
                with open(path, "w") as file:
                    file.write("".join(line + "\n" for line in lines))
            return compare(*paths, revenue)

    def changed(self, row, line):
        return [*ROWS[:row], line, *ROWS[row + 1 :]]

    def test_same_results_agree_however_they_are_written(self):
        self.assertEqual(self.compare(ROWS), {"groups": 3, "largest_relative_difference": 0.0})
        self.compare(['"2024-01-01",1,2,1,19.990000', '"2024-01-01","10",1,0,0', "2024-01-02,1,3,2,1.25E-1"])

    def test_wrong_results_are_found(self):
        for row, line in [
            (0, "2024-01-01,1,2,1,19.990000000000000001"),
            (0, "2024-01-01,1,3,1,19.99"),
            (0, "2024-01-01,1,2,2,19.99"),
            (0, "2024-01-03,1,2,1,19.99"),
            (1, "2024-01-01,2,1,0,0.00"),
            (1, "2024-01-01,10,1,0,"),
            (1, "2024-01-01,10,1,0,NaN"),
            (1, "2024-01-01,10,1,0,0.01"),
            (2, "2024-01-02,1,3,2"),
            (2, "2024-01-02,1,3,2,0.125,"),
        ]:
            with self.subTest(line), self.assertRaisesRegex(Failure, f"^row {row + 1}: "):
                self.compare(self.changed(row, line))

    def test_order_and_number_of_rows_count(self):
        with self.assertRaisesRegex(Failure, "^row 1: "):
            self.compare(ROWS[::-1])
        with self.assertRaisesRegex(Failure, "^row 3: .*no more rows"):
            self.compare(ROWS[:2])
        with self.assertRaisesRegex(Failure, "^row 4: .*no more rows"):
            self.compare([*ROWS, "2024-01-03,1,1,0,0.00"])
        with self.assertRaisesRegex(Failure, "header"):
            self.compare(ROWS, header="date,user_id")

    def test_doubles_may_be_off_by_a_millionth(self):
        close = self.changed(0, "2024-01-01,1,2,1,19.989999999999998")
        self.assertGreater(self.compare(close, "double")["largest_relative_difference"], 0)
        with self.assertRaisesRegex(Failure, "^row 1: "):
            self.compare(close)
        with self.assertRaisesRegex(Failure, "^row 1: "):
            self.compare(self.changed(0, "2024-01-01,1,2,1,19.9901"), "double")


class Timing(unittest.TestCase):
    """What is made of the times."""

    def test_the_rounds_rotate_and_everyone_runs_once_in_each(self):
        with tempfile.TemporaryDirectory() as folder:
            order = os.path.join(folder, "order")
            field = [
                contenders.Contender(key, key, ["sh", "-c", f"echo {key} >> {order}"], order) for key in ("a", "b", "c")
            ]
            times = measure.rounds(field, 4, 60, lambda _: None)
            with open(order) as file:
                self.assertEqual(file.read().split(), list("abc" "bca" "cab" "abc"))
            self.assertEqual({key: len(of_key) for key, of_key in times.items()}, {"a": 4, "b": 4, "c": 4})

    def test_ratios_are_taken_within_rounds_and_per_byte(self):
        with tempfile.NamedTemporaryFile() as events:
            events.write(b"x" * 1000)
            events.flush()
            contender = contenders.Contender("a", "A", [], events.name)
            times = [{"counts": seconds, "wall": seconds} for seconds in (2.0, 30.0, 8.0)]
            daytally = [{"counts": seconds, "wall": seconds} for seconds in (1.0, 10.0, 2.0)]
            summary = measure.summarise(contender, times, daytally, 2000)
            self.assertEqual(summary["median_seconds"], 8.0)
            self.assertEqual(summary["ratio_to_daytally"], 6.0)

    def test_who_cannot_find_invalid_lines_is_told_and_why(self):
        contender = {"median_seconds": 2.0, "gb_per_second": 0.5, "ratio_to_daytally": 4.0, "bytes": 1000}
        duckdb = {"title": "DuckDB", "version": "0", "how": "it does", "revenue": "decimal", "median_wall_seconds": 3.0}
        profile = {
            "bytes": 1000,
            "contenders": {"daytally": contender, "duckdb": {**contender, **duckdb}},
            "failures": {"polars": "it stops at the first"},
        }
        settings = {"peers": ["duckdb", "polars", "python"], "sample": 1}
        text = "\n".join(tables.checking(settings, {"narrow-checked": profile}))
        for part in (
            "|  | narrow |\n",
            "| DuckDB 0¹ | 2.00 s, 4.0× |",
            "| Polars, streaming | cannot² |",
            "| DuckDB 0 | 3.00 s |\n| Polars, streaming | cannot |",
        ):
            self.assertIn(part, text)
        self.assertIn("\n¹ It does. ² it stops at the first.\n", text)
        # It is not asked.
        self.assertNotIn("Python", text)

    def test_failures_and_delays_are_told(self):
        with self.assertRaisesRegex(Failure, "A ended with 3 and said: no luck"):
            measure.run(contenders.Contender("a", "A", ["sh", "-c", "echo no luck >&2; exit 3"], ""), 60)
        trace = "Traceback:\n  File\nduckdb.CatalogException: Catalog Error: no such thing\n\nLINE 10: FROM\n   ^^^\n"
        self.assertEqual(measure.last_words(trace), "duckdb.CatalogException: Catalog Error: no such thing")
        trace = "polars.exceptions.ComputeError: error parsing line\n\nThis error occurred in this expression:\n\tcol()\n"
        self.assertEqual(measure.last_words(trace), "polars.exceptions.ComputeError: error parsing line")
        with self.assertRaisesRegex(Failure, "after 1 s"):
            measure.run(contenders.Contender("a", "A", ["sleep", "60"], ""), 1)


def suite():
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    return unittest.TestSuite([load(Agreement), load(Timing)])


def check_report(report, text):
    """Whether a report has everything in it that was asked for."""
    peers = report["settings"]["peers"]
    for name, profile in report["profiles"].items():
        expected = {"daytally"} if profile["checked"] else {"daytally", "one_thread", "general", "limit"}
        expected |= {peer.name for peer in contenders.taking_part(PROFILES[name], peers)}
        # Not all peers have what it takes to find invalid lines, and the tables say so.
        excused = {peer for peer in profile["failures"] if profile["checked"] and PEERS[peer].checks == "cannot"}
        missing = expected - excused - set(profile["contenders"])
        if missing or set(profile["failures"]) - excused:
            raise Failure(f"{name}: {missing or 'nobody'} missing; {profile['failures'] or 'no failures'}")
        for contender in profile["contenders"].values():
            if not (contender["median_seconds"] > 0 and len(contender["times"]) == report["settings"]["rounds"]):
                raise Failure(f"{name}: no times of {contender['title']}")
        if f"| {name} |" not in text and not profile["checked"]:
            raise Failure(f"{name} is not in the tables")
    for line in text.splitlines():
        if "nan" in line or "None" in line:
            raise Failure(f"the tables have a hole: {line}")
