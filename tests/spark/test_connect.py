"""Results through Spark Connect, of which the driver is another process: the same as on one machine, to the byte."""

from __future__ import annotations

import gzip
import importlib.util
import os
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any

import daytally
import daytally.spark
from daytally import RunFailed, TooManyInvalid
from helpers import LINES, SparkTest, text
from pyspark import SparkContext


@unittest.skipUnless(
    all(map(importlib.util.find_spec, ("grpc", "grpc_status", "zstandard"))), "needs pip install 'pyspark[connect]'"
)
class TestConnect(SparkTest):
    master = "local[2]"
    is_remote = True
    settings = {"spark.connect.grpc.binding.address": "127.0.0.1"}

    @classmethod
    def setUpClass(cls) -> None:
        # For PySpark alone, not for the JVM, this means that the server takes a port that is free.
        SparkContext._ensure_initialized()
        os.environ["SPARK_TESTING"] = "1"
        try:
            super().setUpClass()
        finally:
            del os.environ["SPARK_TESTING"]

    def test_it_is_spark_connect(self) -> None:
        self.assertTrue(type(self.spark).__module__.startswith("pyspark.sql.connect."))
        with self.assertRaises(Exception):
            self.spark.sparkContext.parallelize([1])

    def test_results(self) -> None:
        packed = self.write("in/packed.jsonl.gz", gzip.compress(text(LINES) * 20))
        fifth = self.generate("in/fifth.jsonl", "--size", "1MB", "--invalid-rate", "0.2", "--users", "300")
        inputs = sorted([*self.write_shapes(), packed, fifth])
        for reader in ("files", "spark"):
            with self.subTest(reader=reader):
                self.check(*inputs, reader=reader, split_size=100_000)
        self.check(packed, binary="installed")

    def test_dataframes(self) -> None:
        path = self.generate("e.jsonl", "--lines", "3000", "--invalid-rate", "0.1", "--users", "50")
        places = Decimal(1).scaleb(-18)
        expected = [
            (str(row.date), row.user_id, row.event_count, row.purchase_count, row.total_revenue.quantize(places))
            for row in daytally.aggregate(path)
        ]
        for reader in ("files", "spark"):
            options: dict[str, Any] = {"reader": reader, "split_size": 50_000}
            with self.subTest(reader=reader), daytally.spark.aggregate(
                self.spark, path, rejects=True, staging=self.folder, **options
            ) as result:
                assert result.groups is not None and result.rejects is not None
                rows = result.groups.orderBy("date", "user_id").collect()
                self.assertEqual([(str(row[0]), int(row[1]), *row[2:]) for row in rows], expected)
                self.assertEqual(result.rejects.count(), result.summary.invalid)
        self.assertEqual(list(self.folder.iterdir()), [path])

    def test_folders(self) -> None:
        path = self.generate("in/e.jsonl", "--lines", "3000", "--invalid-rate", "0.1", "--users", "50")
        csv, rejects, _ = self.one_machine(path)
        daytally.spark.aggregate(
            self.spark, path, self.folder / "csv", format="csv", rejects=self.folder / "rejects", split_size=50_000
        )
        for name, expected in (("csv", csv), ("rejects", rejects)):
            found = [part.read_bytes() for part in sorted((self.folder / name).glob("part-*"))]
            self.assertEqual(b"".join(found), expected)
        with self.assertRaisesRegex(RunFailed, "there already"):
            daytally.spark.aggregate(self.spark, path, self.folder / "csv", format="csv")

    def test_errors(self) -> None:
        path = self.generate("in/e.jsonl", "--lines", "300", "--invalid-rate", "0.2")
        output = self.folder / "stats.csv"
        output.write_text("old")
        cases: list[tuple[str, Path, dict[str, Any]]] = [
            ("missing.jsonl", self.folder / "missing.jsonl", {}),
            ("missing.jsonl", self.folder / "missing.jsonl", {"reader": "spark"}),
            ("there is no /nowhere/daytally.*on worker", path, {"binary": "/nowhere/daytally"}),
        ]
        for pattern, inputs, options in cases:
            with self.subTest(options), self.assertRaisesRegex(RunFailed, pattern):
                daytally.spark.aggregate(self.spark, inputs, output, **options)
        with self.assertRaises(TooManyInvalid):
            daytally.spark.aggregate(self.spark, path, output, max_invalid="1%")
        self.assertEqual(output.read_text(), "old")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["in", "stats.csv"])


if __name__ == "__main__":
    unittest.main()
