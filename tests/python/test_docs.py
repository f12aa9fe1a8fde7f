"""The examples, in docstrings and in the README, print what they say they print."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import unittest

import daytally
from helpers import ROOT, InFolder


class Docs(InFolder):
    def test_docstrings(self) -> None:
        examples = 0
        for module in pkgutil.iter_modules(daytally.__path__, "daytally."):
            # What is for Spark has tests of its own.
            if not module.name.endswith(("__main__", ".spark")):
                found = doctest.testmod(importlib.import_module(module.name), report=True)
                self.assertEqual(found.failed, 0, module.name)
                examples += found.attempted
        found = doctest.testmod(daytally)
        self.assertEqual(found.failed, 0)
        self.assertGreater(examples + found.attempted, 15)

    def test_readme(self) -> None:
        section = (ROOT / "README.md").read_text().partition("\n## From Python\n")[2]
        section = section.partition("\n## ")[0]
        blocks = re.findall(r"^```python\n(.*?)^```\n\n[^\n]*\n?\n?^```text\n(.*?)^```", section, re.M | re.S)
        self.assertGreater(len(blocks), 1)
        names: dict[str, object] = {}
        for code, expected in blocks:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, "README.md", "exec"), names)
            self.assertEqual(printed.getvalue(), expected)


if __name__ == "__main__":
    unittest.main()
