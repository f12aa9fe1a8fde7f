"""How runs end that do not end well: typed errors, interruptions, and a program that is not there."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import daytally
from daytally import _binary
from helpers import InFolder, event

PATIENCE = 30.0


class Errors(InFolder):
    def test_usage(self) -> None:
        options: dict[str, Any]
        for options, words in (
            ({"from_date": "2024-02-30"}, "2024-02-30"),
            ({"threads": 0}, "whole number from 1"),
            ({"timezone": "Nowhere/Town"}, "no such time zone"),
            ({"max_invalid": "-1"}, "-1"),
            ({"format": "xlsx", "output": "x"}, "xlsx"),
        ):
            with self.subTest(options=options):
                with self.assertRaises(daytally.UsageError) as raised:
                    daytally.aggregate("events.jsonl", **options)
                error = raised.exception
                self.assertIn(words, error.message)
                self.assertEqual((error.exit_code, str(error)), (2, error.message))
                self.assertIsInstance(error, ValueError)
                self.assertFalse(error.message.startswith("error:"))
                self.assertNotIn("--help", error.message)

    def test_failures(self) -> None:
        with self.assertRaises(daytally.RunFailed) as raised:
            daytally.aggregate("nothing.jsonl")
        error = raised.exception
        self.assertEqual(error.exit_code, 1)
        self.assertRegex(error.message, r"^cannot open /.*/nothing\.jsonl: no such file")
        with self.assertRaisesRegex(daytally.RunFailed, "nowhere/stats.csv"):
            daytally.aggregate("events.jsonl", "nowhere/stats.csv")

    def test_too_many_invalid(self) -> None:
        Path("stats.csv").write_text("old\n")
        with self.assertRaises(daytally.TooManyInvalid) as raised:
            daytally.aggregate("events.jsonl", "stats.csv", max_invalid=1, rejects="rejects.jsonl")
        error = raised.exception
        self.assertEqual(error.exit_code, 3)
        self.assertIn("2 of 5 events are invalid", error.message)
        assert error.summary is not None
        self.assertEqual((error.summary.status, error.summary.invalid), ("too_many_invalid", 2))
        self.assertIsNone(error.summary.output)
        self.assertEqual(Path("stats.csv").read_text(), "old\n")
        self.assertEqual(len(Path("rejects.jsonl").read_text().splitlines()), 2)
        self.assertEqual(len(list(daytally.aggregate("events.jsonl", max_invalid="40%"))), 2)

    def test_errors_can_be_pickled(self) -> None:
        summary = daytally.aggregate("events.jsonl").summary
        for error in (
            daytally.RunFailed("a", 1),
            daytally.UsageError("b", 2),
            daytally.TooManyInvalid("c", 3, summary),
            daytally.Stopped("d", 143),
            daytally.BinaryNotFound("e"),
        ):
            copy = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(copy), vars(copy)), (type(error), vars(error)))
            self.assertIsInstance(copy, daytally.DaytallyError)

    def test_no_program(self) -> None:
        with mock.patch.object(_binary, "_places", lambda: iter([Path("/nonexistent/daytally")])):
            for call in (lambda: daytally.aggregate("events.jsonl"), daytally.version, daytally.find_binary):
                with self.assertRaisesRegex(daytally.BinaryNotFound, "/nonexistent/daytally"):
                    call()

    def test_a_program_that_does_not_start(self) -> None:
        program = self.folder / "daytally"
        program.write_text("#!/nonexistent/interpreter\n")
        program.chmod(0o755)
        with mock.patch.object(_binary, "_places", lambda: iter([program])):
            with self.assertRaisesRegex(daytally.RunFailed, "does not start"):
                daytally.aggregate("events.jsonl")
            with self.assertRaisesRegex(daytally.RunFailed, "does not start"):
                daytally.version()

    def test_a_program_that_says_nothing(self) -> None:
        program = self.folder / "daytally"
        for script, kind, exit_code, words in (
            ("exit 0", daytally.RunFailed, 0, "ended with 0"),
            ("exit 101", daytally.RunFailed, 101, "ended with 101"),
            ("kill -KILL $$", daytally.Stopped, -9, "ended by SIGKILL"),
            ("yes | head -c 3000000 >&2; exit 1", daytally.RunFailed, 1, "^y\ny\n"),
        ):
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            with mock.patch.object(_binary, "_places", lambda: iter([program])):
                with self.assertRaisesRegex(kind, words) as raised:
                    daytally.aggregate("events.jsonl")
            self.assertEqual(raised.exception.exit_code, exit_code)
            self.assertLess(len(raised.exception.message), 100_000)


class Ends(InFolder):
    """Runs that wait for more input, in a Python of their own."""

    def setUp(self) -> None:
        super().setUp()
        os.mkfifo("pipe")
        Path("out").mkdir()
        Path("out/stats.csv").write_text("old\n")
        code = (
            "import daytally\n"
            "try:\n"
            "    daytally.aggregate('pipe', 'out/stats.csv')\n"
            "except daytally.Stopped as error:\n"
            "    print('stopped', error.exit_code, error.signal)\n"
        )
        self.python = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Its own group, as that of a shell's job.
            start_new_session=True,
        )
        self.addCleanup(self.python.communicate)
        self.addCleanup(self.python.kill)
        # Once the pipe has a reader, the program is at work.
        self.pipe = self.open_pipe()
        self.addCleanup(os.close, self.pipe)
        os.write(self.pipe, (event(1) + "\n").encode())
        children = Path(f"/proc/{self.python.pid}/task/{self.python.pid}/children")
        (self.program_id,) = map(int, children.read_text().split())

    def open_pipe(self) -> int:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return os.open("pipe", os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def finish(self) -> tuple[str, str]:
        said = self.python.communicate(timeout=PATIENCE)
        self.assertFalse(Path(f"/proc/{self.program_id}").exists(), "the program is gone")
        self.assertEqual(Path("out/stats.csv").read_text(), "old\n")
        self.assertEqual(os.listdir("out"), ["stats.csv"])
        return said

    def test_ctrl_c_of_a_terminal(self) -> None:
        os.killpg(self.python.pid, signal.SIGINT)
        _, errors = self.finish()
        self.assertIn("KeyboardInterrupt", errors)
        self.assertEqual(self.python.returncode, -signal.SIGINT)

    def test_an_interruption_of_python_alone(self) -> None:
        self.python.send_signal(signal.SIGINT)
        _, errors = self.finish()
        self.assertIn("KeyboardInterrupt", errors)

    def test_the_program_is_stopped(self) -> None:
        os.kill(self.program_id, signal.SIGTERM)
        self.assertEqual(self.finish(), ("stopped 143 15\n", ""))

    def test_the_program_is_killed(self) -> None:
        os.kill(self.program_id, signal.SIGKILL)
        out, _ = self.finish()
        self.assertEqual(out, "stopped -9 9\n")


class CommandLine(InFolder):
    def test_the_module_is_the_program(self) -> None:
        for arguments in (["-V"], ["aggregate", "nothing.jsonl"], ["--nonsense"]):
            runs = [
                subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
                for command in ([sys.executable, "-m", "daytally"], [str(daytally.find_binary())])
            ]
            ends = [(run.returncode, run.stdout, run.stderr) for run in runs]
            self.assertEqual(ends[0], ends[1])

    def test_versions(self) -> None:
        self.assertEqual(daytally.version(), daytally.__version__)
        self.assertEqual(self.program("-V"), f"daytally {daytally.__version__}\n")

    def test_the_script_is_the_program(self) -> None:
        script = Path(sys.prefix) / "bin" / "daytally"
        self.assertTrue(daytally.find_binary().samefile(script))
        self.assertEqual(script.read_bytes()[:4], b"\x7fELF")


if __name__ == "__main__":
    unittest.main()
