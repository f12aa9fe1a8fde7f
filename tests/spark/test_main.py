"""``python -m daytally.spark``, as ``spark-submit`` has it: what it prints, its exit codes, and Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import daytally
from helpers import LINES, text


class TestMain(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="daytally-spark-main-")).resolve()
        self.addCleanup(shutil.rmtree, self.folder)
        self.events = self.folder / "events.jsonl"
        self.events.write_bytes(text(LINES))
        self.output = self.folder / "stats.csv"

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        settings = "--master local[2,4] --conf spark.ui.enabled=false --conf spark.log.level=OFF"
        return subprocess.Popen(
            [sys.executable, "-m", "daytally.spark", *map(str, arguments)],
            env={
                **os.environ,
                "PYSPARK_PYTHON": sys.executable,
                "SPARK_LOCAL_IP": "127.0.0.1",
                "PYSPARK_SUBMIT_ARGS": f"{settings} pyspark-shell",
            },
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # So that Ctrl-C reaches all of it, as on a terminal.
            start_new_session=True,
        )

    def run_to_the_end(self, *arguments: object) -> tuple[int, str, str]:
        with self.start(*arguments) as child:
            out, said = child.communicate(timeout=180)
        return child.returncode, out, said

    def test_usage(self) -> None:
        for arguments in ((), ("x.jsonl",), ("x.jsonl", "-o", "y.csv", "--fast")):
            self.assertEqual(self.run_to_the_end(*arguments)[0], 2, arguments)
        code, out, _ = self.run_to_the_end("--where")
        self.assertEqual((code, Path(out.strip()).name), (0, "__main__.py"))

    def test_results_and_exit_codes(self) -> None:
        code, _, said = self.run_to_the_end("events.jsonl", "-o", self.output, "--rejects", "rejects.jsonl")
        self.assertEqual(code, 0, said)
        one = self.folder / "one.csv"
        summary = daytally.aggregate(self.events, one).summary
        self.assertEqual(self.output.read_bytes(), one.read_bytes())
        self.assertIn(f"{summary.valid} valid, {summary.invalid} invalid", said)
        self.assertIn("first at events.jsonl:9", said)
        code, _, said = self.run_to_the_end("events.jsonl", "-o", self.output, "--max-invalid", "1")
        self.assertEqual(code, 3, said)
        self.assertIn("more than the 1 that max_invalid allows", said)

    def test_ctrl_c_in_mid_job(self) -> None:
        program = self.folder / "program"
        program.write_text(
            f'#!/bin/bash\nif [ "$1" = partial ]; then touch {self.folder}/begun; sleep 30; fi\n'
            f'exec {daytally.find_binary()} "$@"\n'
        )
        program.chmod(0o755)
        for number in range(20):
            (self.folder / f"{number}.jsonl").write_bytes(text(LINES))
        self.output.write_text("old")
        with self.start(self.folder, "-o", self.output, "--binary", program, "--split-size", "100") as child:
            for _ in range(1200):
                if (self.folder / "begun").exists():
                    break
                time.sleep(0.1)
            time.sleep(1)
            started = time.monotonic()
            # As from a scheduler, to the driver alone: its JVM is not to go first.
            os.kill(child.pid, signal.SIGINT)
            _, said = child.communicate(timeout=120)
            seconds = time.monotonic() - started
        self.assertEqual(child.returncode, 130, said)
        self.assertLess(seconds, 60)
        self.assertEqual(self.output.read_text(), "old")
        time.sleep(2)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".")], [])


if __name__ == "__main__":
    unittest.main()
