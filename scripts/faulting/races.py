"""Inputs that are changed while they are read: no result may be wrong without a word, and no death unexplained."""

import json
import os
import subprocess
import tempfile
import time

from . import judge, scenarios
from .work import run_all

PAGE = os.sysconf("SC_PAGE_SIZE")


def truncate(path, other, random):
    """Cut to any length."""
    os.truncate(path, random.randrange(os.path.getsize(path)))


def truncate_page(path, other, random):
    """Cut within its last page, where a map shows zeros and no signal comes."""
    size = os.path.getsize(path)
    within = (size - 1) % PAGE
    os.truncate(path, size - 1 - random.randrange(max(within, 1)))


def empty(path, other, random):
    """Emptied and written again, as `>` does it."""
    with open(path, "wb") as file:
        time.sleep(random.uniform(0, 0.002))
        file.write(other)


def rewrite(path, other, random):
    """Written over in place, with other events of the same length."""
    with open(path, "r+b", buffering=0) as file:
        for at in range(0, len(other), 1 << 20):
            file.write(other[at : at + (1 << 20)])


def patch(path, other, random):
    """A few bytes written over."""
    at = random.randrange(len(other) - 100)
    with open(path, "r+b", buffering=0) as file:
        file.seek(at)
        file.write(other[at : at + 100])


def replace(path, other, random):
    """Another file renamed to its place."""
    with open(path + ".new", "wb") as file:
        file.write(other)
    os.rename(path + ".new", path)


def remove(path, other, random):
    """Deleted."""
    os.unlink(path)


def append(path, other, random):
    """Grown at its end, as an active log: that is no fault."""
    with open(path, "ab", buffering=0) as file:
        for _ in range(3):
            file.write(other[: other.index(b"\n", 100) + 1])


ACTIONS = {
    "truncate": truncate,
    "truncate-page": truncate_page,
    "empty": empty,
    "rewrite": rewrite,
    "patch": patch,
    "replace": replace,
    "remove": remove,
    "append": append,
}

# Truncation is what a map is in danger of; it gets half of the races.
ORDER = [
    "truncate",
    "truncate-page",
    "rewrite",
    "truncate",
    "replace",
    "truncate-page",
    "append",
    "truncate",
    "empty",
    "truncate-page",
    "patch",
    "truncate",
    "remove",
    "truncate-page",
]

# Large enough to be mapped, and to be read for a while; small enough not to be mapped; read in any case.
FILES = {"mapped": ("8MiB", ()), "small": ("600KiB", ()), "read": ("8MiB", ("--no-mmap",))}


def race(setting, count, deadline, least):
    """As many races as asked for. Returns the counts of each action."""
    options = subprocess.run([setting.daytally, "aggregate", "--help"], stdout=subprocess.PIPE, text=True).stdout
    files = {}
    for name, (size, needs) in FILES.items():
        if all(option in options for option in needs):
            files[name] = Contents(setting, size, needs)
    kinds = ["mapped", "mapped", "small"] + (["read"] if "read" in files else [])
    cases = [
        f"races/{ORDER[number % len(ORDER)]}/{kinds[number // len(ORDER) % len(kinds)]}:{number}"
        for number in range(count)
    ]

    def judged(case, place):
        return one(setting, files, case, place)

    rows = []
    for action in ACTIONS:
        of = [case for case in cases if case.split("/")[1] == action]
        if setting.case:
            of = [setting.case] if setting.case.split("/")[1] == action else []
        # Of the time that is left each gets what it has of the races that are left.
        now, done = time.monotonic(), dict(rows)
        to_do = sum(case.split("/")[1] not in done for case in cases)
        until = now + max(0, deadline - now) * len(of) / max(1, to_do)
        if of:
            rows.append((action, run_all(setting, scenarios.SCENARIOS["mapped"], of, judged, until, least)))
    return rows


class Contents:
    """A file's bytes, others of the same length, and what each of them comes to."""

    def __init__(self, setting, size, options):
        self.options = options
        made = []
        for seed in ("1", "2"):
            command = [setting.daytally, "generate", "--size", size, "--seed", seed, "--users", "200", "--days", "3"]
            made.append(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        self.bytes, other = made
        length = len(self.bytes)
        # Padded with spaces, which are a blank line.
        self.other = other[:length].ljust(length, b" ")
        folder = setting.folder("race")
        os.mkdir(folder)
        # More than once, for the shortest time: a change that comes too late is no race.
        runs = [result_of(setting, folder, content) for content in (self.bytes, self.other) * 3]
        self.results = {result for result, _ in runs}
        self.seconds = min(seconds for _, seconds in runs)


def one(setting, files, case, place):
    """One race."""
    _, action, which = case.split("/")
    contents = files[which.partition(":")[0]]
    random = setting.random(case)
    place.fresh()
    path, out, summary = place.path("cwd/events.jsonl"), place.at("result"), place.path("tmp/summary.json")
    with open(path, "wb") as file:
        file.write(contents.bytes)
    os.utime(path, (scenarios.OLD_TIME, scenarios.OLD_TIME))
    threads = random.choice(["1", "2", "4"])
    chunk = random.choice(["4MiB", "256KiB"])
    command = [
        setting.daytally,
        "aggregate",
        path,
        "-o",
        out,
        "-q",
        "-j",
        threads,
        "--chunk-size",
        chunk,
        *contents.options,
    ]
    # It says how much of the file was read.
    command += ["--summary", summary]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    time.sleep(random.uniform(0, 1) * contents.seconds)
    ACTIONS[action](path, contents.other, random)
    try:
        _, err = process.communicate(timeout=setting.timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        scenarios.stop(process)
        _, err = process.communicate()
        code = None
    err = err.decode(errors="replace")
    verdict = judge.Verdict(case, f"scripts/faults --seed {setting.seed} --case {case}  # {' '.join(command)}")
    if judge.look_at_death(verdict, code, err):
        pass
    elif code == 0:
        with open(out, "rb") as file:
            result = file.read()
        if result in contents.results or fits(setting, path, result, summary):
            verdict.settle("right")
        else:
            verdict.wrong("silent wrong", "exit code 0, and a result of neither the old nor the new file", err)
    else:
        said = [line for line in err.splitlines() if line.startswith("error: ")]
        if code != 1 or not said or path not in said[-1]:
            verdict.wrong("bad messages", f"exit code {code} and no message that names the input", err)
        elif action == "append":
            verdict.wrong("bad messages", "a file that only grew is no fault", err)
        verdict.settle("explained error")
    if code != 0 and scenarios.identity(out) != place.old["result"]:
        verdict.wrong("old output touched", "the result is not what it was", err)
    left = sorted(place.files() - {"out/stats.csv", "cwd/events.jsonl", "tmp/summary.json"})
    if left:
        verdict.wrong("stray files", f"left behind: {', '.join(left)}", err)
    if setting.shows:
        setting.say(f"{verdict.command}\n  exit code {code}, {verdict.outcome}; it said:\n{err}")
    return verdict


def fits(setting, path, result, summary):
    """Whether the result is that of the file as it is now, up to the length that it had when the run began."""
    try:
        with open(path, "rb") as file, open(summary, "rb") as told:
            now = file.read(json.load(told)["inputs"][0]["bytes"])
    except FileNotFoundError:
        # No file, no result.
        return False
    return result == result_of(setting, tempfile.mkdtemp(prefix="race-", dir=setting.base), now)[0]


def result_of(setting, folder, content):
    """The result of a file, and how long it took."""
    path, out = os.path.join(folder, "events.jsonl"), os.path.join(folder, "out.csv")
    with open(path, "wb") as file:
        file.write(content)
    start = time.monotonic()
    subprocess.run([setting.daytally, "aggregate", path, "-o", out, "-q"], check=True)
    seconds = time.monotonic() - start
    with open(out, "rb") as file:
        return file.read(), seconds
