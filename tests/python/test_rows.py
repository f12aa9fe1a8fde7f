"""Every way to get the rows says what the program's CSV says, to the byte."""

from __future__ import annotations

import datetime
import decimal
import os
import pickle
import sys
import unittest
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pandas
import polars
import pyarrow
import pyarrow.ipc

import daytally
from daytally._arrow import batches
from helpers import InFolder, csv_of, event


def exact(value: object) -> str:
    """A decimal of a table as the program writes revenues."""
    text = f"{Decimal(str(value)):f}"
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def csv_of_table(rows: Iterable[tuple[Any, ...]]) -> str:
    lines = ["date,user_id,event_count,purchase_count,total_revenue"]
    for date, user_id, events, purchases, revenue in rows:
        lines.append(f"{date},{int(user_id)},{events},{purchases},{exact(revenue)}")
    return "\n".join(lines) + "\n"


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """As if these packages were not installed."""
    with mock.patch.dict(sys.modules, {name: None for name in modules}):
        yield


class Rows(InFolder):
    def check(self, path: Path) -> None:
        expected = self.csv(str(path))
        result = daytally.aggregate(path)
        self.assertEqual(csv_of(result), expected)
        self.assertEqual(csv_of(result.rows()), expected, "a second time")
        self.assertEqual(len(result), expected.count("\n") - 1)

        table = result.to_arrow()
        table.validate(full=True)
        columns = table.to_pydict()
        self.assertEqual(csv_of_table(zip(*columns.values())), expected)
        self.assertEqual(csv_of_table(result.to_polars().iter_rows()), expected)
        frame = result.to_pandas()
        self.assertEqual(csv_of_table(frame.itertuples(index=False, name=None)), expected)

    def test_the_example(self) -> None:
        self.check(Path("events.jsonl"))

    def test_no_rows(self) -> None:
        self.check(self.write("none.jsonl", []))

    def test_extremes(self) -> None:
        self.check(self.extremes())

    def test_extremes_whatever_the_context(self) -> None:
        path = self.extremes()
        expected = self.csv(str(path))
        with decimal.localcontext() as context:
            context.prec = 3
            self.assertEqual(csv_of(daytally.aggregate(path)), expected)

    def test_several_batches(self) -> None:
        path = self.generate("many.jsonl", "--lines=300000", "--users=50000", "--days=10")
        result = daytally.aggregate(path)
        self.assertGreater(len(result), 2 * 65_536)
        self.check(path)

    def test_types(self) -> None:
        row = next(iter(daytally.aggregate("events.jsonl")))
        expected = daytally.Row(datetime.date(2024, 1, 1), 123, 2, 1, Decimal("19.99"))
        self.assertEqual(row, expected)
        self.assertEqual(
            [type(value) for value in row], [datetime.date, int, int, int, Decimal]
        )
        self.assertEqual(str(row.total_revenue), "19.99")

    def test_year_0_is_in_arrow_alone(self) -> None:
        path = self.write("old.jsonl", [event(1, "0000-12-31"), event(2)])
        result = daytally.aggregate(path)
        self.assertEqual(result.summary.first_date, "0000-12-31")
        self.assertEqual(result.to_arrow().num_rows, 2)
        with self.assertRaisesRegex(OverflowError, "year 0.*to_arrow"):
            list(result)
        self.assertEqual(len(list(daytally.aggregate(path, from_date="0001-01-01"))), 1)

    def test_user_ids_as_integers(self) -> None:
        path = self.write("unsigned.jsonl", [event(0), event(2**64 - 1)])
        result = daytally.aggregate(path)
        self.assertEqual(result.to_arrow(user_ids="uint64")["user_id"].to_pylist(), [0, 2**64 - 1])
        self.assertEqual(result.to_polars(user_ids="uint64")["user_id"].to_list(), [0, 2**64 - 1])
        self.assertEqual(list(result.to_pandas(user_ids="uint64")["user_id"]), [0, 2**64 - 1])
        for convert in (result.to_arrow, result.to_polars, result.to_pandas):
            with self.assertRaisesRegex(OverflowError, "does not fit int64"):
                convert(user_ids="int64")
            with self.assertRaisesRegex(ValueError, "user_ids is decimal"):
                convert(user_ids="text")  # type: ignore[arg-type]

        signed = daytally.aggregate(self.write("signed.jsonl", [event(-(2**63)), event(5)]))
        ids = signed.to_arrow(user_ids="int64")["user_id"]
        self.assertEqual((ids.type, ids.to_pylist()), (pyarrow.int64(), [-(2**63), 5]))
        self.assertEqual(signed.to_polars(user_ids="int64")["user_id"].dtype, polars.Int64)
        self.assertEqual(list(signed.to_pandas(user_ids="int64")["user_id"]), [-(2**63), 5])
        for convert in (signed.to_arrow, signed.to_polars, signed.to_pandas):
            with self.assertRaisesRegex(OverflowError, "does not fit uint64"):
                convert(user_ids="uint64")

    def test_what_reads_arrow_reads_results(self) -> None:
        result = daytally.aggregate("events.jsonl")
        self.assertTrue(pyarrow.table(result).equals(result.to_arrow()))
        self.assertTrue(polars.DataFrame(result).equals(result.to_polars()))

    def test_sums_in_pandas_are_exact(self) -> None:
        result = daytally.aggregate(self.extremes())
        frame = result.to_pandas()
        self.assertIsInstance(frame, pandas.DataFrame)
        self.assertEqual(frame["total_revenue"].sum(), result.summary.total_revenue)

    def test_rows_need_no_package(self) -> None:
        with without("pandas", "polars", "pyarrow"):
            rows = list(daytally.aggregate("events.jsonl"))
        self.assertEqual(len(rows), 2)

    def test_what_is_missing_is_told(self) -> None:
        result = daytally.aggregate("events.jsonl")
        for convert, missing, extra in (
            (result.to_arrow, "pyarrow", "arrow"),
            (result.to_polars, "polars", "polars"),
            (result.to_pandas, "pandas", "pandas"),
            (result.to_pandas, "pyarrow", "pandas"),
        ):
            with without(missing), self.assertRaises(ImportError) as raised:
                convert()
            self.assertIn(f"pip install 'daytally[{extra}]'", str(raised.exception))

    def test_results_can_be_pickled(self) -> None:
        result = daytally.aggregate("events.jsonl")
        copy = pickle.loads(pickle.dumps(result))
        self.assertEqual(copy.summary, result.summary)
        self.assertEqual(list(copy), list(result))
        self.assertTrue(copy.to_arrow().equals(result.to_arrow()))
        self.assertTrue(copy.to_polars().equals(result.to_polars()))
        written = pickle.loads(pickle.dumps(daytally.aggregate("events.jsonl", "stats.csv")))
        self.assertEqual(len(written), 2)

    def test_a_damaged_file_is_told(self) -> None:
        whole = bytes(daytally.aggregate("events.jsonl")._data()[:])
        self.assertEqual(len(list(batches(memoryview(whole)))), 1)
        for damaged in (b"", b"ARROW1", whole[:-1], whole[1:], whole[:40] + whole[-6:]):
            with self.assertRaises(ValueError):
                list(batches(memoryview(damaged)))

    def test_nothing_is_left_in_the_folder(self) -> None:
        before = os.listdir()
        list(daytally.aggregate("events.jsonl"))
        self.assertEqual(os.listdir(), before)

    def test_without_files_in_memory(self) -> None:
        # Such as Python built for a glibc before 2.27.
        with mock.patch.object(os, "memfd_create"):
            del os.memfd_create
            result = daytally.aggregate("events.jsonl")
        self.assertTrue(hasattr(os, "memfd_create"))
        self.assertEqual(csv_of(result), self.csv("events.jsonl"))
        self.assertEqual(result.to_arrow().num_rows, 2)


if __name__ == "__main__":
    unittest.main()
