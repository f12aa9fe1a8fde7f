"""Inputs and outputs on a file system that has to be named, as HDFS and S3 have to: Hadoop's viewfs, over a folder."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path

import daytally
import daytally.spark
from daytally import RunFailed, UsageError
from helpers import LINES, SparkTest, event, text


class TestSchemes(SparkTest):
    mounted: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.mounted = Path(tempfile.mkdtemp(prefix="daytally-mounted-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.mounted)
        cls.settings = {
            "spark.hadoop.fs.viewfs.mounttable.here.link./data": f"file:{cls.mounted}",
            "spark.hadoop.fs.defaultFS": "viewfs://here/",
        }
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.inside = Path(tempfile.mkdtemp(prefix="test ", dir=self.mounted))
        for name in ("in/a.jsonl", "in/deep/b%20.jsonl"):
            path = self.inside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text(LINES * 3))

    def named(self, name: str, authority: str = "here") -> str:
        return f"viewfs://{authority}/data/{self.inside.name}/{name}"

    def test_files_of_the_driver(self) -> None:
        csv, rejects, _ = self.one_machine(self.inside / "in")
        output, log = self.folder / "stats.csv", self.folder / "rejects.jsonl"
        # Also with partials that the driver sees through Spark alone, and with the default file system left out.
        for authority, staging in (("here", None), ("", self.named("")), ("here", self.named("staged"))):
            with self.subTest(authority=authority, staging=staging):
                daytally.spark.aggregate(
                    self.spark, self.named("in", authority), output, rejects=log, staging=staging, split_size=3000
                )
                self.assertEqual(output.read_bytes(), csv)
                # The inputs have other names.
                expected = rejects.decode().replace(str(self.mounted), "viewfs://here/data")
                self.assertEqual(log.read_text(), expected)
        self.assertEqual([path for path in self.inside.rglob("*") if path.name.startswith(".daytally")], [])

    def test_folders(self) -> None:
        csv, rejects, summary = self.one_machine(self.inside / "in")
        daytally.spark.aggregate(
            self.spark, self.named("in/"), self.named("out"), format="csv", rejects=self.named("rejects")
        )
        parts = {name: sorted((self.inside / name).glob("part-*")) for name in ("out", "rejects")}
        self.assertEqual(b"".join(path.read_bytes() for path in parts["out"]), csv)
        self.assertEqual(sum(path.read_bytes().count(b"\n") for path in parts["rejects"]), summary.invalid)
        self.assertEqual({path.name for path in self.inside.iterdir()}, {"in", "out", "rejects"})
        with self.assertRaisesRegex(RunFailed, "there already"):
            daytally.spark.aggregate(self.spark, self.named("in"), self.named("out"), format="csv")

    def test_what_is_refused(self) -> None:
        (self.inside / "in" / "_h.jsonl").write_bytes(text([event(1)]))
        for authority in ("here", ""):
            with self.assertRaisesRegex(RunFailed, "_h.jsonl: Spark's reader finds nothing there"):
                daytally.spark.aggregate(
                    self.spark, [self.named("in/a.jsonl"), self.named("in/_h.jsonl", authority)], self.folder / "s.csv"
                )
            with self.assertRaisesRegex(UsageError, "is an input, and would be written over"):
                daytally.spark.aggregate(
                    self.spark, self.named("in"), self.named("in/../in/", authority), overwrite=True,
                    staging=self.named("staged"),
                )  # fmt: skip
        with self.assertRaisesRegex(RunFailed, "PATH_NOT_FOUND|does not exist"):
            daytally.spark.aggregate(self.spark, self.named("none.jsonl"), self.folder / "s.csv")
        self.assertTrue((self.inside / "in" / "a.jsonl").exists())


if __name__ == "__main__":
    unittest.main()
