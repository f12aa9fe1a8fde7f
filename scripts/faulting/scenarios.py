"""The runs that faults are put into: a table, and the folders that each of them works in."""

import gzip
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from . import Failure

# What is at the place of an output before a run that replaces it.
OLD = b"old\n"
OLD_TIME = 1_600_000_000

# Spilling starts with about so many groups for one thread and the least memory.
SPILL_EVENTS = 450_000


@dataclass(frozen=True)
class Scenario:
    """A run. In its arguments {data} is the folder of the inputs, and other names in braces are its own folders."""

    name: str
    what: str
    arguments: tuple
    # Each output's role and place. A role is what its content is compared as.
    outputs: dict
    # What standard input is: nothing, a file of the data, or a pipe that holds it.
    stdin: str = ""
    through_pipe: bool = False
    # Whether there are outputs before the run.
    replaces: bool = True
    # Options that the program has to know.
    needs: tuple = ()
    # Takes seconds and not moments.
    slow: bool = False
    # What a run before it is given, of which it finds the outputs and the kept folder.
    first: tuple = ()
    # A folder that is kept from run to run, and may hold what an earlier one finished.
    keeps: str = ""
    # The result is a folder of files, each of which is published by itself.
    tree: bool = False

    @property
    def folders(self):
        return sorted(
            {place.split("/")[0] for place in self.outputs.values() if place} | {"cwd", "tmp"} | {self.keeps or "cwd"}
        )


RESULT = {"result": "out/stats.csv"}
ALL = {**RESULT, "rejects": "rej/rejects.jsonl", "summary": "sum/summary.json", "log": "log/run.log"}
TO_ALL = ("-o", "{out}/stats.csv", "--rejects", "{rej}/rejects.jsonl", "--summary", "{sum}/summary.json")

_ALL = [
    Scenario(
        "mapped",
        "one mapped file, the result is replaced",
        ("{data}/events.jsonl", "-o", "{out}/stats.csv", "-q"),
        RESULT,
    ),
    Scenario(
        "new",
        "a small file that is read, the result is new, log and summary on standard error",
        ("{data}/small.jsonl", "-o", "{out}/stats.csv"),
        RESULT,
        replaces=False,
    ),
    Scenario(
        "inputs",
        "a folder, a gzip file, a list and standard input",
        ("{data}/folder", "{data}/zipped.jsonl.gz", "-", "--files-from", "{data}/list", "-o", "{out}/stats.csv", "-q"),
        RESULT,
        stdin="small.jsonl",
        through_pipe=True,
    ),
    Scenario(
        "outputs",
        "result, rejects, summary and log are replaced",
        ("{data}/events.jsonl", *TO_ALL, "--log-file", "{log}/run.log", "-q"),
        ALL,
    ),
    Scenario(
        "stdout",
        "the result goes to standard output, standard input is a file",
        ("-", "-o", "-", "--rejects", "{rej}/rejects.jsonl", "-q"),
        {"rejects": "rej/rejects.jsonl"},
        stdin="events.jsonl",
    ),
    Scenario(
        "spill",
        "more groups than the least memory holds",
        ("{data}/many.jsonl", "-o", "{out}/stats.csv", "--memory-limit", "96MiB", "--temp-dir", "{tmp}", "-q"),
        RESULT,
        slow=True,
    ),
    Scenario(
        "no-mmap",
        "one large file that is read and not mapped",
        ("{data}/events.jsonl", "-o", "{out}/stats.csv", "--no-mmap", "-q"),
        RESULT,
        needs=("--no-mmap",),
    ),
    Scenario(
        "state",
        "an incremental run of several files",
        ("{data}/folder", "{data}/events.jsonl", "-o", "{out}/stats.csv", "--state", "{state}", "-q"),
        RESULT,
        needs=("--state",),
        keeps="state",
    ),
    Scenario(
        "state-again",
        "an incremental run that finds the state of another",
        ("{data}/folder", "{data}/events.jsonl", "-o", "{out}/stats.csv", "--state", "{state}", "-q"),
        RESULT,
        first=("{data}/folder", "-o", "{out}/stats.csv", "--state", "{state}", "-q"),
        needs=("--state",),
        keeps="state",
    ),
    Scenario(
        "partitions",
        "a folder of days, of which some are replaced and some are new",
        ("{data}/events.jsonl", "-o", "{out}/days", "--partition-by", "date", "-q"),
        {"result": "out/days"},
        first=("{data}/small.jsonl", "-o", "{out}/days", "--partition-by", "date", "-q"),
        needs=("--partition-by",),
        tree=True,
    ),
]
SCENARIOS = {scenario.name: scenario for scenario in _ALL}


def known(daytally):
    """The scenarios that this program can run, and those that it cannot, with the reason."""
    said = subprocess.run([daytally, "aggregate", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    options = set(re.findall(r"--[a-z-]+", said))
    able, skipped = {}, {}
    for scenario in _ALL:
        missing = [option for option in scenario.needs if option not in options]
        if missing:
            skipped[scenario.name] = f"this daytally has no {' '.join(missing)}"
        else:
            able[scenario.name] = scenario
    return able, skipped


def make_data(daytally, folder, with_many):
    """The inputs of all scenarios."""
    os.makedirs(os.path.join(folder, "folder"))

    def generate(name, *arguments):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            subprocess.run([daytally, "generate", *arguments], stdout=file, check=True)
        return path

    # Large enough to be mapped, which files from 1 MiB are; invalid lines for the rejects and the log.
    generate("events.jsonl", "--size", "1200KiB", "--invalid-rate", "0.01", "--users", "300", "--days", "5")
    small = generate("small.jsonl", "--size", "60KiB", "--seed", "7", "--days", "3", "--invalid-rate", "0.01")
    for name in ("one.jsonl", "two.jsonl"):
        generate(f"folder/{name}", "--size", "40KiB", "--seed", str(len(name)), "--invalid-rate", "0")
    listed = generate("listed.jsonl", "--size", "20KiB", "--seed", "9", "--invalid-rate", "0")
    with open(os.path.join(folder, "list"), "w") as file:
        file.write(listed + "\n")
    with open(small, "rb") as plain, gzip.open(os.path.join(folder, "zipped.jsonl.gz"), "wb", 1) as zipped:
        shutil.copyfileobj(plain, zipped)
    if with_many:
        many = ("--lines", str(SPILL_EVENTS), "--users", "500000000", "--days", "3", "--invalid-rate", "0")
        generate("many.jsonl", *many)


class Place:
    """The folders of one run after the other, in the state that a run of the scenario starts from."""

    def __init__(self, scenario, data, root, template=None):
        self.scenario, self.data, self.root = scenario, data, root
        # A place in which another run was before.
        self.template = template
        self.old = {}

    def path(self, place):
        return os.path.join(self.root, place)

    def at(self, role):
        return self.path(self.scenario.outputs[role])

    def arguments(self, threads=1, of=None):
        places = {name: self.path(name) for name in self.scenario.folders}
        return [
            "aggregate",
            *(argument.format(data=self.data, **places) for argument in of or self.scenario.arguments),
            "--threads",
            str(threads),
        ]

    def fresh(self):
        """Empties the folders, and puts old outputs where the scenario replaces some."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self.template:
            shutil.copytree(self.template, self.root)
        for name in self.scenario.folders:
            os.makedirs(self.path(name), exist_ok=True)
        self.old = {}
        for role in self.scenario.outputs:
            path = self.at(role)
            if self.scenario.tree and role == "result":
                self.old[role] = tree(path)
            elif self.template:
                self.old[role] = identity(path)
            elif self.scenario.replaces:
                with open(path, "wb") as file:
                    file.write(OLD)
                os.utime(path, (OLD_TIME, OLD_TIME))
                self.old[role] = identity(path)
        return self

    def files(self):
        """Every file and folder there is, without the scenario's folders themselves."""
        found = set()
        for folder, folders, files in os.walk(self.root):
            for name in [*folders, *files]:
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if path not in self.scenario.folders:
                    found.add(path)
        return found

    def content(self, role):
        """What an output says, without what differs from run to run; None if there is none."""
        path = self.at(role)
        if self.scenario.tree and role == "result":
            return tree(path)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return None
        if role == "summary" and content != OLD:
            return steady(content, self.root)
        if role == "log" and content != OLD:
            text = content.decode(errors="replace").replace(self.root, "@")
            return [line.partition(" ")[2] for line in text.splitlines()]
        return content


def tree(path):
    """The content of every file below a folder; without what only waits there and is no output."""
    found = {}
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".daytally-")]
        for name in files:
            file = os.path.join(folder, name)
            with open(file, "rb") as opened:
                found[os.path.relpath(file, path)] = opened.read()
    return found


def steady(content, root):
    """A summary without the time it took, and without what it says of the outputs that were there before."""

    def kept(value):
        if not isinstance(value, dict):
            return value
        passing = ("seconds", "per_second", "unchanged", "days")
        return {name: kept(of) for name, of in value.items() if not any(part in name for part in passing)}

    try:
        return json.loads(json.dumps(kept(json.loads(content))).replace(root, "@"))
    except ValueError:
        return content


def identity(path):
    """Which file is there, and whether it was written to; None if there is none."""
    try:
        found = os.stat(path)
        with open(path, "rb") as file:
            return found.st_ino, found.st_mtime_ns, file.read()
    except FileNotFoundError:
        return None


def run(command, place, timeout):
    """Runs a command in a place. Returns its exit code (None if it had to be ended), standard output and error."""
    scenario = place.scenario
    stdin = subprocess.DEVNULL
    bytes_in = None
    if scenario.stdin and scenario.through_pipe:
        with open(os.path.join(place.data, scenario.stdin), "rb") as file:
            bytes_in = file.read()
        stdin = subprocess.PIPE
    elif scenario.stdin:
        stdin = open(os.path.join(place.data, scenario.stdin), "rb")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAYTALLY_", "RUST_"))}
    try:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=place.path("cwd"),
            env={**environment, "LC_ALL": "C"},
            start_new_session=True,
        )
    finally:
        if hasattr(stdin, "close"):
            stdin.close()
    try:
        out, err = process.communicate(bytes_in, timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        stop(process)
        out, err = process.communicate()
        code = None
    return code, out, err.decode(errors="replace")


def stop(process):
    """Ends a process that `run` or one like it started, with all that it started itself."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass


@dataclass
class Good:
    """What a run without any faults leaves."""

    contents: dict
    out: bytes
    files: set
    seconds: float


def good(daytally, place, timeout):
    """Runs the scenario without faults. What is not the same a second time is a fault of this program."""
    found = []
    for _ in range(2):
        place.fresh()
        start = time.monotonic()
        code, out, err = run([daytally, *place.arguments()], place, timeout)
        seconds = time.monotonic() - start
        if code != 0:
            raise Failure(f"{place.scenario.name}: the run without faults ended with {code} and said: {err.strip()}")
        contents = {role: place.content(role) for role in place.scenario.outputs}
        found.append(Good(contents, out, place.files(), seconds))
    if (found[0].contents, found[0].out, found[0].files) != (found[1].contents, found[1].out, found[1].files):
        raise Failure(f"{place.scenario.name}: two runs without faults differ")
    return min(found, key=lambda good: good.seconds)
