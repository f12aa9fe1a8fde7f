"""Checks of this program itself: that each thing that can be wrong with a run is found."""

import os
import shutil
import tempfile
import unittest

from . import judge, scenarios, tracing
from .judge import Verdict


# What a good run writes.
NEW = {
    "result": "a,b\n1,2\n",
    "rejects": "{}\n",
    "summary": '{"lines":1,"elapsed_seconds":0.1}\n',
    "log": "2026-01-01T00:00:00Z WARN one\n",
}


class Judging(unittest.TestCase):
    """Runs that never were, in a real folder."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="daytally-faults-check-")
        scenario = scenarios.SCENARIOS["outputs"]
        data = os.path.join(self.folder, "data")
        os.mkdir(data)
        with open(os.path.join(data, "events.jsonl"), "w"):
            pass
        self.place = scenarios.Place(scenario, data, os.path.join(self.folder, "place")).fresh()
        self.write_all()
        contents = {role: self.place.content(role) for role in scenario.outputs}
        self.good = scenarios.Good(contents, b"", self.place.files(), 0.1)
        self.place.fresh()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def write(self, role, text):
        with open(self.place.at(role), "w") as file:
            file.write(text)

    def write_all(self):
        for role, text in NEW.items():
            self.write(role, text)

    def outcome(self, code, err="", was_injected=True, error="EIO", paths=None):
        verdict = Verdict("case", "command")
        paths = [self.place.at("result")] if paths is None else paths
        judge.after_fault(verdict, self.place, self.good, code, b"", err, was_injected, error, paths, tracing.WORDS)
        judge.look_for_strays(verdict, self.place, self.good)
        return [
            verdict.outcome,
            *(violation.kind for violation in verdict.violations if violation.kind != verdict.outcome),
        ]

    def said(self, error="input/output error"):
        return f"error: cannot write {self.place.at('result')}: {error}\n"

    def test_good_ends(self):
        self.assertEqual(self.outcome(1, self.said()), ["explained error"])
        self.write_all()
        self.assertEqual(self.outcome(0), ["harmless"])
        self.assertEqual(self.outcome(0, was_injected=False), ["right"])
        self.write("summary", '{"lines":1,"elapsed_seconds":7}\n')
        self.write("log", "2026-01-02T00:00:00Z WARN one\n2026-01-02T00:00:00Z WARN and more\n")
        self.assertEqual(self.outcome(0), ["harmless"])

    def test_false_success(self):
        self.assertEqual(self.outcome(0), ["silent wrong"])
        for role, text in [("result", "a,b\n"), ("rejects", ""), ("summary", '{"lines":2}'), ("log", "")]:
            with self.subTest(role):
                self.write_all()
                self.write(role, text)
                self.assertEqual(self.outcome(0), ["silent wrong"])

    def test_deaths(self):
        self.assertEqual(self.outcome(-6), ["unexplained death"])
        self.assertEqual(self.outcome(101, "thread 'main' panicked at src"), ["unexplained death"])
        self.assertEqual(self.outcome(1, self.said() + "thread panicked"), ["unexplained death"])
        self.assertEqual(self.outcome(None), ["hung"])
        no_stack = "thread 'a' panicked at std/stack_overflow.rs:1:2:\nfailed to allocate an alternative stack: no\n"
        self.assertEqual(self.outcome(1, no_stack + self.said()), ["explained error"])
        self.assertEqual(self.outcome(1, no_stack + "thread panicked"), ["unexplained death"])
        self.assertEqual(self.outcome(-6, "memory allocation of 9 bytes failed"), ["unexplained death"])

    def test_messages(self):
        for code, err in [
            (1, ""),
            (1, "cannot"),
            (2, self.said()),
            (1, self.said("no space left on the disk")),
            (1, "error: cannot write: input/output error"),
            (1, f"error: cannot write {self.place.at('log')}: input/output error"),
        ]:
            with self.subTest(err):
                self.assertIn("bad messages", self.outcome(code, err))
        # A draft has no name of its own.
        for draft in ("out/#123", "out/.daytally-x.tmp/new", "out/.daytally-x.tmp"):
            self.assertEqual(self.outcome(1, self.said(), paths=[self.place.path(draft)]), ["explained error"])
        self.assertIn("bad messages", self.outcome(1, self.said(), paths=[self.place.path("rej/#123")]))
        self.assertIn("bad messages", self.outcome(1, self.said(), was_injected=False))

    def test_what_was_there(self):
        result = self.place.at("result")
        self.write("result", "a,b\n")
        self.assertEqual(self.outcome(1, self.said()), ["explained error", "old output touched"])
        # The same bytes, but written again.
        self.write("result", scenarios.OLD.decode())
        self.assertEqual(self.outcome(1, self.said()), ["explained error", "old output touched"])
        os.unlink(result)
        self.assertEqual(self.outcome(1, self.said()), ["explained error", "old output touched"])
        self.place.fresh()
        self.write("rejects", "{")
        self.assertEqual(self.outcome(1, self.said()), ["explained error", "old output touched"])

    def test_nothing_is_new_after_a_failure_whatever_is_said(self):
        said = self.said("input/output error; and what had been put in place could not all be taken back")
        for role in ("result", "rejects", "summary"):
            with self.subTest(role):
                self.place.fresh()
                self.assertEqual(self.outcome(1, said), ["explained error"])
                self.write(role, NEW[role])
                self.assertEqual(self.outcome(1, said), ["explained error", "old output touched"])
        # Killed, it may have got so far; but with each of them complete.
        self.place.fresh()
        self.write_all()
        for text, expected in [("a,b\n1,2\n", []), ("a,b\n", ["old output touched"])]:
            self.write("result", text)
            verdict = Verdict("case", "command")
            judge.look_at_old(verdict, self.place, self.good, may_be_new=True)
            self.assertEqual([violation.kind for violation in verdict.violations], expected)

    def test_strays(self):
        for name in ("out/.daytally-x.tmp", "tmp/a", "cwd/core"):
            with self.subTest(name):
                self.place.fresh()
                with open(self.place.path(name), "w"):
                    pass
                self.assertEqual(self.outcome(1, self.said()), ["explained error", "stray files"])
                left = self.place.path(name)
                self.assertTrue(judge.may_be_left(self.place, self.good, [("unlink", (left,))]))
                self.assertFalse(judge.may_be_left(self.place, self.good, [("write", (left,))]))
                self.assertFalse(judge.may_be_left(self.place, self.good, [("unlink", (self.place.path("sum/a"),))]))


class Tracing(unittest.TestCase):
    """Reading what strace writes."""

    def test_lines(self):
        for line, name, paths in [
            ('openat(AT_FDCWD</tmp>, "/a/b", O_RDONLY|O_CLOEXEC) = 6</a/b>', "openat", ("/a/b",)),
            ('write(5</a/#12 (deleted)>, "x"..., 9) = -1 EIO (Input/output error) (INJECTED)', "write", ("/a/#12",)),
            ('write(5</a/#12>(deleted), "x"..., 9) = 9', "write", ("/a/#12",)),
            ("mmap(NULL, 10, PROT_READ, MAP_PRIVATE, 6</a/b>, 0) = 0x7f", "mmap", ("/a/b",)),
            ("mmap(NULL, 10, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f", "mmap", ()),
            ('renameat(AT_FDCWD</tmp>, "/a/b", AT_FDCWD</tmp>, "/a/c") = 0', "renameat", ("/a/b", "/a/c")),
            ('read(0<pipe:[12]>, "x"..., 9) = 9', "read", ("pipe:[12]",)),
        ]:
            self.assertEqual(tracing.parse(line), (name, paths))
        self.assertIsNone(tracing.parse("+++ exited with 0 +++"))

    def test_the_loader_is_left_out_and_numbers_go_on(self):
        main = [
            'execve("/d", ["d"], 0x7 /* 3 vars */) = 0',
            'read(3</lib/c.so>, "x"..., 832) = 832',
            "poll([{fd=0</dev/null>, events=0}], 3, 0) = 0 (Timeout)",
            "rt_sigaction(SIGBUS, NULL, {sa_handler=SIG_DFL}, 8) = 0",
            "rt_sigaction(SIGBUS, {sa_handler=0x5, sa_mask=[]}, NULL, 8) = 0",
            'read(3</proc/self/cgroup>, "x"..., 32) = 32',
            "futex(0x1) = 0",
        ]
        other = ['read(4</a/b>, "x"..., 32) = 32', 'read(4</a/b>, "x"..., 32) = 32']
        found = tracing.Recording([main, other])
        told = [(call.name, call.number, call.is_main, call.is_early, call.number_there) for call in found.calls]
        self.assertEqual(told, [("read", 2, True, False, 1), ("read", 1, False, True, 1), ("read", 2, False, False, 2)])
        self.assertEqual(found.left_out, {"futex": 1})


def suite():
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    return unittest.TestSuite([load(Judging), load(Tracing)])
