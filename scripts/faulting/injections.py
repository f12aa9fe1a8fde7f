"""Calls made to fail, or the process killed at them, one by one; and too little memory for the process."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass

from . import judge, scenarios, tracing
from .work import run_all, spread


# A folder in which drafts waited, and one of a day in it. It is gone when the run is over.
STAGING = re.compile(r"/\.daytally-[^/]+\.tmp(/date=[^/]+)?$")


@dataclass(frozen=True)
class Case:
    """A call, and what is done at it. With a path, only calls on that file are counted."""

    kind: str
    scenario: str
    name: str
    fault: str
    when: int
    path: str = ""
    is_system: bool = False

    @property
    def id(self):
        path = f":{self.path}" if self.path else ""
        return f"{self.kind}/{self.scenario}/{self.name}:{self.fault}:{self.when}{path}"


def recording(setting, scenario):
    """The calls of a good run, with {root} and {data} for the folders of the place and the inputs."""
    place = setting.place(scenario).fresh()
    with Traces(setting) as prefix:
        found = tracing.record(
            setting.daytally,
            place.arguments(),
            prefix,
            lambda command: scenarios.run(command, place, setting.timeout),
        )
    root = place.root
    return found, lambda path: path.replace(root, "{root}").replace(setting.data, "{data}")


def is_of_the_system(paths):
    return bool(paths) and not any("{root}" in path or "{data}" in path or ":" in path for path in paths)


def all_cases(setting, scenario, kind, faults_of):
    """Every call with everything that can be done at it, each once. And how many calls cannot be reached."""
    found, general = recording(setting, scenario)
    cases, unreached, left_out = {}, Counter(), found.left_out
    for call in found.calls:
        paths = tuple(map(general, call.paths))
        faults = list(faults_of(call.name))
        if call.name in ("read", "pread64") and kind == "injections" and is_event_file(paths):
            # The file ends sooner than it did.
            faults.append("retval=0")
        if call.name == "close" and any(os.path.isdir(path) or STAGING.search(path) for path in call.paths):
            # No file system fails that, and Rust's standard library takes it for granted.
            left_out["close of a folder"] += 1
            continue
        path, when = "", call.number
        if call.is_early:
            # Counted from the start of its thread it would be one of the loader's; counted by its file it is not.
            stable = [path for path in paths[:1] if "#" not in path and "/." not in path and path.startswith("{")]
            if not stable:
                unreached[call.name] += 1
                continue
            path, when = stable[0], call.number_there
        for fault in faults:
            case = Case(kind, scenario.name, call.name, fault, when, path, is_of_the_system(paths))
            cases.setdefault(case.id, case)
    return list(cases.values()), unreached, left_out


def is_event_file(paths):
    return bool(paths) and paths[0].startswith("{data}") and ".jsonl" in paths[0]


def choose(setting, scenario, cases, is_main):
    """A part of the cases that every kind of call and fault is in; what matters most first."""
    random = setting.random(scenario.name, "choose")
    of = defaultdict(list)
    for case in cases:
        of[case.name, case.fault, case.is_system].append(case)
    if setting.quick:
        most = (3 if is_main else 2) if not scenario.slow else 1
        system = 1 if is_main else 0
    else:
        most = 10 if scenario.slow else 60
        system = 30 if is_main else 2
    rounds = [spread(group, system if key[2] else most, random) for key, group in of.items()]
    # The first of each group, then the second of each.
    ordered = []
    while any(rounds):
        ordered += [group.pop(0) for group in rounds if group]
    return ordered


def fail(setting, scenario, deadline, least, is_main=False):
    """Makes calls fail."""
    good = setting.good(scenario)
    cases, unreached, left_out = all_cases(setting, scenario, "injections", tracing.faults_of)

    def judged(case, place):
        place.fresh()
        with Traces(setting) as prefix:
            command = command_of(setting, case, place, prefix)
            code, out, err = scenarios.run(command, place, setting.timeout)
            hit = tracing.injected(prefix)
        verdict = judge.Verdict(case.id, command)
        paths = [path for _, paths in hit for path in paths]
        error = case.fault.partition("=")[2]
        judge.after_fault(verdict, place, good, code, out, err, bool(hit), error, paths, tracing.WORDS)
        is_left = judge.may_be_left(place, good, hit)
        if not is_left:
            judge.look_for_strays(verdict, place, good, err)
        left.append(is_left)
        if is_left or scenario.keeps:
            run_again(setting, verdict, place, good)
        show(setting, verdict, code, err, hit)
        return verdict

    left = []
    chosen = cases if setting.case else choose(setting, scenario, cases, is_main)
    counts = run_all(setting, scenario, chosen, judged, deadline, least)
    if any(left):
        counts.notes.append(
            f"{sum(left)} times a draft could not be removed, since that was made to fail; the next run did"
        )
    if unreached and is_main:
        told = ", ".join(f"{count} {name}" for name, count in sorted(unreached.items()))
        counts.notes.append(f"of other threads, strace cannot tell from the loader's, and so left out: {told}")
    if is_main and left_out:
        counts.notes.append(f"never made to fail: {', '.join(sorted(left_out))}")
    return counts


def run_again(setting, verdict, place, good):
    """Runs without faults in the same place: it has to do everything, and tidy up."""
    code, out, err = scenarios.run([setting.daytally, *place.arguments()], place, setting.timeout)
    if code != 0:
        verdict.wrong("bad messages", f"the next run ended with {code}", err)
    elif not judge.is_complete(place, good, out):
        verdict.wrong("silent wrong", f"the next run wrote something else: {judge.differing(place, good)}", err)
    judge.look_for_strays(verdict, place, good, err)


def kill(setting, scenario, deadline, least, is_main=False):
    """Kills the process at calls, and looks at what is there, and at what the next run makes of it."""
    good = setting.good(scenario)
    cases, _, _ = all_cases(setting, scenario, "kills", lambda _: ["signal=KILL"])

    def judged(case, place):
        place.fresh()
        with Traces(setting) as prefix:
            command = command_of(setting, case, place, prefix)
            code, out, err = scenarios.run(command, place, setting.timeout)
        verdict = judge.Verdict(case.id, command)
        if code == -9:
            judge.look_at_old(verdict, place, good, may_be_new=True)
            verdict.settle("killed")
        elif code == 0 and judge.is_complete(place, good, out):
            verdict.settle("right")
        else:
            verdict.wrong("silent wrong", f"it was not killed and ended with {code}", err)
        run_again(setting, verdict, place, good)
        show(setting, verdict, code, err, [])
        return verdict

    chosen = cases if setting.case else choose(setting, scenario, cases, is_main)
    return run_all(setting, scenario, chosen, judged, deadline, least)


def little_memory(setting, scenario, deadline, least, is_main=False):
    """Lets the process have only so much memory: whichever thread asks next gets none."""
    good = setting.good(scenario)
    steps = 16 if setting.quick else 80 if scenario.slow else 240
    # From what the program takes to start to more than the run needs, close to each other where there is least.
    fewest, times = least_memory(setting), 80 if scenario.slow else 50
    sizes = [int(fewest * times ** (step / steps)) for step in range(steps)]
    # Should the time run out, they are to be from everywhere.
    setting.random(scenario.name, "memory").shuffle(sizes)
    cases = [f"memory/{scenario.name}/{size}" for size in sizes]
    panicked, left = [], []
    if setting.case:
        cases = [setting.case]

    def judged(case, place):
        place.fresh()
        size = case.rpartition("/")[2]
        # The C library makes do without memory of their own for threads, but slowly.
        arenas = "MALLOC_ARENA_MAX=1 " if scenario.slow else ""
        command = [
            "sh",
            "-c",
            f'ulimit -v {size} && {arenas}exec "$0" "$@"',
            setting.daytally,
            *place.arguments(threads=1 if scenario.slow else 2),
        ]
        code, out, err = scenarios.run(command, place, setting.timeout)
        verdict = judge.Verdict(case, command)
        explained = bool(judge.NO_MEMORY.search(err))
        panicked.append("panicked" in err)
        error = "" if explained else "ENOMEM"
        judge.after_fault(verdict, place, good, code, out, err, True, error, [], tracing.WORDS, explained)
        if explained and judge.strays(place, good):
            # It ends at once, as by a kill: what it leaves is for the next run to remove.
            left.append(case)
            run_again(setting, verdict, place, good)
        else:
            judge.look_for_strays(verdict, place, good, err)
        show(setting, verdict, code, err, [])
        return verdict

    counts = run_all(setting, scenario, cases, judged, deadline, least)
    if left:
        counts.notes.append(f"{len(left)} times a lack of memory left a draft, and the next run removed it")
    if any(panicked):
        counts.notes.append(f"{sum(panicked)} times a library panicked that got no memory, and said so")
    return counts


def least_memory(setting):
    """How many KiB of addresses the program needs to start and say which one it is."""
    fewest, most = 1 << 10, 256 << 10
    while most - fewest > 128:
        size = (fewest + most) // 2
        command = ["sh", "-c", f'ulimit -v {size} && exec "$0" --version', setting.daytally]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        fewest, most = (fewest, size) if done.returncode == 0 else (size, most)
    return most


class Traces:
    """Where strace writes, for as long as it is needed."""

    def __init__(self, setting):
        self.setting = setting

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="trace-", dir=self.setting.base)
        return os.path.join(self.folder, "t")

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def command_of(setting, case, place, prefix):
    path = case.path.replace("{root}", place.root).replace("{data}", setting.data)
    return tracing.command(case.fault, case.name, case.when, path, setting.daytally, place.arguments(), prefix)


def show(setting, verdict, code, err, hit):
    """Tells everything about the one case that was asked for."""
    if setting.shows:
        setting.say(f"{verdict.command}\n  at: {hit}\n  exit code {code}, {verdict.outcome}; it said:\n{err}")
