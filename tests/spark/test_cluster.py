"""Results of a Spark cluster with executors of its own, some of which die: the same as on one machine, to the byte."""

from __future__ import annotations

import gzip
import os
import signal
import threading
import unittest
from pathlib import Path
from typing import Any

import daytally
from helpers import LINES, SparkTest, text
from processes import EXECUTOR, Gate, command, descendants, executor_of, parents, wait_for


class TestCluster(SparkTest):
    # Two workers of one core each, and of 1024 MiB.
    master = "local-cluster[2,1,1024]"
    settings = {"spark.executor.memory": "512m", "spark.executor.cores": "1", "spark.task.maxFailures": "4"}

    def inputs(self) -> list[Path]:
        # In the order in which Spark's reader finds them.
        return sorted([
            *self.write_shapes(),
            self.write("in/packed.jsonl.gz", gzip.compress(text(LINES) * 20)),
            self.generate("in/fifth.jsonl", "--size", "1MB", "--invalid-rate", "0.2", "--users", "300"),
        ])  # fmt: skip

    def executors(self) -> set[int]:
        """The processes of the executors, which are those of another one than the driver's."""
        context = self.spark.sparkContext
        gateway: Any = context._gateway
        return {pid for pid in descendants(gateway.proc.pid) if EXECUTOR in command(pid)}

    def test_shapes_and_splits(self) -> None:
        inputs = self.inputs()
        for reader, size in (("files", 30_000), ("files", 1 << 20), ("spark", 100_000)):
            with self.subTest(reader=reader, split_size=size):
                self.check(*inputs, reader=reader, split_size=size)
        few = [path for path in inputs if path.stat().st_size < 20_000 and path.suffix == ".jsonl"][:4]
        self.check(*few, split_size=900)
        self.assertEqual(len(self.executors()), 2)

    def test_the_program_of_the_workers(self) -> None:
        path = self.write("in/e.jsonl", text(LINES))
        self.check(path, split_size=5000, binary="installed")
        self.check(path, split_size=5000, binary=daytally.find_binary())

    def test_first_attempts_that_fail_half_way(self) -> None:
        path = self.generate("e.jsonl", "--size", "1MB", "--invalid-rate", "0.2", "--users", "50")
        for how, reader in (("kill -9 $$", "files"), ("exit 0", "spark")):
            with self.subTest(how=how, reader=reader):
                binary, marks = self.fails_first(how)
                self.check(path, binary=binary, split_size=400_000, reader=reader)
                self.assertGreater(len(list(marks.iterdir())), 0)

    def test_an_executor_that_is_killed(self) -> None:
        paths = [
            self.generate("in/1.jsonl", "--size", "1MB", "--invalid-rate", "0.2", "--users", "300"),
            self.generate("in/2.jsonl", "--size", "1MB", "--invalid-rate", "0.2", "--users", "300", "--seed", "2"),
        ]
        for reader in ("files", "spark"):
            with self.subTest(reader=reader):
                gate = Gate(self.folder / f"gate-{reader}", passes=6)
                killed: list[int] = []

                def kill() -> None:
                    try:
                        # Some of its tasks are done, and one is half-way.
                        wait_for("splits in mid-job", 90, lambda: len(gate.waiting()) >= 2)
                        before = self.executors()
                        found = executor_of(gate.waiting()[0].pid)
                        if found in before:
                            os.kill(found, signal.SIGKILL)
                            killed.append(found)
                            wait_for("its end", 10, lambda: found not in parents())
                    finally:
                        gate.open()

                killer = threading.Thread(target=kill)
                killer.start()
                try:
                    summary = self.check(*paths, binary=gate.program, reader=reader, split_size=200_000)
                finally:
                    gate.open()
                    killer.join()
                self.assertEqual(len(killed), 1)
                # Something was counted twice, of which nothing is seen in the result.
                self.assertGreater(len(gate.starts()), summary.splits)
                self.assertGreaterEqual(summary.splits, 10)
                # Spark has another one in its place.
                wait_for("the new executor", 60, lambda: len(self.executors() - set(killed)) == 2)


if __name__ == "__main__":
    unittest.main()
