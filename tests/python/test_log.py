"""The program's log reaches Python's logging, as much of it as somebody wants."""

from __future__ import annotations

import logging
import subprocess
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager

import daytally
from helpers import InFolder, event

LOGGER = logging.getLogger("daytally")


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def kept(level: int = logging.NOTSET) -> Iterator[list[logging.LogRecord]]:
    handler = Kept()
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level)
    try:
        yield handler.records
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(logging.NOTSET)


class Log(InFolder):
    def test_rejects(self) -> None:
        with kept() as records:
            daytally.aggregate("events.jsonl")
        found = [(r.levelname, r.__dict__["reason"], r.__dict__["input"], r.__dict__["line"], r.__dict__["offset"]) for r in records]
        self.assertEqual(
            found,
            [
                ("WARNING", "invalid_timestamp", "events.jsonl", 4, 251),
                ("WARNING", "non_positive_amount", "events.jsonl", 5, 325),
            ],
        )
        self.assertEqual(records[1].getMessage(), "amount -5.00 is not greater than zero")

    def test_levels(self) -> None:
        for level, least, most in (
            (logging.DEBUG, logging.DEBUG, logging.DEBUG),
            (logging.INFO, logging.INFO, logging.INFO),
            (logging.WARNING, logging.WARNING, logging.WARNING),
        ):
            with kept(level) as records:
                daytally.aggregate("events.jsonl")
            levels = {record.levelno for record in records}
            self.assertEqual(min(levels), least)
            self.assertIn(most, levels)
        with kept(logging.ERROR) as records:
            daytally.aggregate("events.jsonl")
        self.assertEqual(records, [])

    def test_a_flood_is_cut_and_counted(self) -> None:
        path = self.write("bad.jsonl", [*["{"] * 200_000, event(1)])
        with kept() as records:
            result = daytally.aggregate(path, log_limit=3)
        self.assertEqual(result.summary.invalid, 200_000)
        self.assertEqual([record.__dict__.get("line") for record in records], [1, 2, 3, None])
        self.assertEqual(records[-1].getMessage(), "199997 more invalid events are not logged")
        with kept() as records:
            daytally.aggregate(path, log_limit=0)
        self.assertEqual(records, [])

    def test_a_failure_is_an_exception_and_no_record(self) -> None:
        with kept() as records, self.assertRaises(daytally.RunFailed):
            daytally.aggregate("nothing.jsonl")
        self.assertEqual(records, [])

    def test_a_handler_that_fails_stops_the_run(self) -> None:
        class Refused(Exception):
            pass

        def refuse(_record: logging.LogRecord) -> bool:
            raise Refused

        path = self.write("bad.jsonl", [*["{"] * 100_000, event(1)])
        with kept():
            LOGGER.addFilter(refuse)
            try:
                with self.assertRaises(Refused):
                    daytally.aggregate(path, "stats.csv")
            finally:
                LOGGER.removeFilter(refuse)

    def test_nothing_is_printed(self) -> None:
        code = "import daytally; daytally.aggregate('events.jsonl')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("", "", 0))

    def test_what_is_printed_if_asked(self) -> None:
        code = "import daytally, logging; logging.basicConfig(); daytally.aggregate('events.jsonl')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertIn("WARNING:daytally:amount -5.00 is not greater than zero\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
