"""The examples in docstrings print what they say they print."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import unittest

import daytally.spark
from helpers import SparkTest, event, text


class TestDocs(SparkTest):
    def test_docstrings(self) -> None:
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder)
        lines = [event(123), event(123, amount="19.99"), event(456), "{", event(7, amount="0")]
        self.write("events.jsonl", text(lines))
        os.makedirs("shared/logs")
        self.write("shared/logs/events.jsonl", text(lines))
        examples = 0
        for module in [*pkgutil.iter_modules(daytally.spark.__path__, "daytally.spark.")]:
            if not module.name.endswith("__main__"):
                found = doctest.testmod(importlib.import_module(module.name), extraglobs={"spark": self.spark})
                self.assertEqual(found.failed, 0, module.name)
                examples += found.attempted
        self.assertGreater(examples, 8)


if __name__ == "__main__":
    unittest.main()
