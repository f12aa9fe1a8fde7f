"""The package out of a wheel that is not installed, as ``spark-submit --py-files`` puts it on Python's path."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path

import daytally
from helpers import InFolder

SCRIPT = """
import daytally
assert ".zip" in daytally.__file__, daytally.__file__
print(daytally.find_binary())
print(daytally.aggregate("events.jsonl").summary.valid)
"""


class Archive(InFolder):
    def archive(self, *, has_program: bool) -> Path:
        path = self.folder / "package.zip"
        package = Path(daytally.__file__).parent
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for file in package.rglob("*.py"):
                wheel.write(file, Path("daytally") / file.relative_to(package))
            if has_program:
                wheel.write(daytally.find_binary(), "daytally-1.2.3.data/scripts/daytally")
        return path

    def python(self, archive: Path, temporary: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONPATH": str(archive), "TMPDIR": str(temporary)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def test_the_program_is_unpacked_once(self) -> None:
        archive = self.archive(has_program=True)
        temporary = self.folder / "tmp"
        temporary.mkdir()
        first, second = self.python(archive, temporary), self.python(archive, temporary)
        self.assertEqual((first.returncode, second.returncode), (0, 0), first.stderr + second.stderr)
        self.assertEqual(first.stdout, second.stdout)
        program, valid = first.stdout.split()
        self.assertEqual(valid, "3")
        self.assertEqual([str(path) for path in temporary.rglob("*") if path.is_file()], [program])
        # Nobody else may put another program there.
        self.assertEqual(stat.S_IMODE(Path(program).parent.stat().st_mode), 0o700)
        self.assertEqual(Path(program).read_bytes(), daytally.find_binary().read_bytes())

    def test_what_is_cut_off_is_unpacked_again(self) -> None:
        archive = self.archive(has_program=True)
        program = Path(self.python(archive, self.folder).stdout.split()[0])
        program.write_bytes(program.read_bytes()[:1000])
        self.assertEqual(self.python(archive, self.folder).returncode, 0)

    def test_an_archive_without_the_program(self) -> None:
        # Then it is the one that is installed.
        done = self.python(self.archive(has_program=False), self.folder)
        self.assertEqual(done.stdout.split()[0], str(daytally.find_binary()))


if __name__ == "__main__":
    unittest.main()
