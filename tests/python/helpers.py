"""What the tests of the package share: a folder of their own, events, and the program's own CSV."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

import daytally

ROOT = Path(__file__).resolve().parent.parent.parent
EVENTS = ROOT / "tests" / "data" / "events.jsonl"
HEADER = "date,user_id,event_count,purchase_count,total_revenue\n"
# Users at both ends of what there is, and amounts of the least and of many digits.
USERS = (-(2**63), -1, 0, 2**63 - 1, 2**64 - 1)
AMOUNTS = ("0.000000000000000001", "999999999999999.999999", "5", "19.90", "0.125")


def event(
    user_id: int, date: str = "2024-01-01", amount: Optional[str] = None, time: str = "12:00:00Z"
) -> str:
    kind = "click" if amount is None else "purchase"
    line = {"user_id": user_id, "event_type": kind, "timestamp": f"{date}T{time}"}
    text = json.dumps(line)
    return text if amount is None else f'{text[:-1]}, "amount": {amount}}}'


def csv_of(rows: Iterable[daytally.Row]) -> str:
    """Rows as the program writes them."""
    return HEADER + "".join(
        f"{row.date},{row.user_id},{row.event_count},{row.purchase_count},{row.total_revenue:f}\n"
        for row in rows
    )


class InFolder(unittest.TestCase):
    """Runs each test in a new folder with the example, in an environment without options."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="daytally-test-")).resolve()
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        shutil.copy(EVENTS, "events.jsonl")

    def write(self, name: str, lines: Iterable[str]) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def extremes(self) -> Path:
        return self.write(
            "extremes.jsonl",
            [
                event(user, date, amount)
                for user in USERS
                for date in ("0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31")
                for amount in (None, *AMOUNTS[: 1 + user % len(AMOUNTS)])
            ],
        )

    def program(self, *arguments: str) -> str:
        """What the program prints."""
        done = subprocess.run(
            [daytally.find_binary(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    def generate(self, name: str, *options: str) -> Path:
        path = self.folder / name
        with path.open("wb") as file:
            # Some of it is no UTF-8 on purpose.
            subprocess.run([daytally.find_binary(), "generate", *options], stdout=file, check=True, timeout=120)
        return path

    def csv(self, *arguments: str) -> str:
        """The program's own CSV."""
        return self.program("aggregate", "--quiet", "--no-config", "-o", "-", *arguments)
