"""Full disks: each output, and what goes to the disk on the way, on a file system with hardly any room."""

import re
import subprocess
import threading

from . import judge, scenarios
from .injections import run_again
from .work import run_all

# What is full, in which scenario: its folder, and what there is room for in KiB.
DISKS = [
    ("outputs", "out", (4, 8, 16, 28)),
    ("outputs", "rej", (4, 8, 16)),
    ("outputs", "sum", (4,)),
    ("outputs", "log", (4, 8)),
    ("spill", "tmp", (256, 4, 64, 512, 900)),
    ("state", "state", (4, 8, 16)),
    ("partitions", "out", (4, 8, 16)),
]


class Mounts:
    """The small file systems there are; what is left of them is taken away at the end."""

    def __init__(self):
        self.there, self.lock = [], threading.Lock()

    def add(self, path, kib):
        """Mounts one. Returns why that is not possible, if so."""
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,nr_inodes=64,mode=755", "tmpfs", path]
        try:
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            return str(error)
        if done.returncode != 0:
            return (done.stderr.strip() or "mount failed").splitlines()[0]
        with self.lock:
            self.there.append(path)
        return None

    def remove(self, path):
        for lazily in ([], ["-l"]):
            if subprocess.run(["umount", *lazily, path], stderr=subprocess.DEVNULL).returncode == 0:
                break
        with self.lock:
            self.there.remove(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for path in list(self.there):
            self.remove(path)


def full(setting, scenario, deadline, least, is_main=False):
    """Runs the scenario with one of its folders full. None if it has no such folder."""
    disks = [
        f"disks/{name}/{folder}:{kib}"
        for name, folder, sizes in DISKS
        if name == scenario.name
        for kib in (sizes[:1] if setting.quick else sizes)
    ]
    if not disks:
        return None
    good = setting.good(scenario)
    refused = []

    with Mounts() as mounts:

        def judged(case, place):
            folder, kib = case.rpartition("/")[2].split(":")
            place.fresh()
            path = place.path(folder)
            why = mounts.add(path, int(kib))
            if why:
                refused.append(why)
                return None
            try:
                # On the new file system there is nothing yet.
                for role, old in place.scenario.outputs.items():
                    if place.scenario.tree:
                        place.old[role] = scenarios.tree(place.at(role))
                    elif old.split("/")[0] == folder and place.scenario.replaces:
                        with open(place.at(role), "wb") as file:
                            file.write(scenarios.OLD)
                        place.old[role] = scenarios.identity(place.at(role))
                command = [setting.daytally, *place.arguments()]
                code, out, err = scenarios.run(command, place, setting.timeout)
                told = f"mount -t tmpfs -o size={kib}k tmpfs {path} && {' '.join(command)}"
                verdict = judge.Verdict(case, told)
                judge_full(verdict, place, good, folder, code, err)
            finally:
                mounts.remove(path)
            # With room again it works.
            place.fresh()
            run_again(setting, verdict, place, good)
            if setting.shows:
                setting.say(f"{verdict.command}\n  exit code {code}, {verdict.outcome}; it said:\n{err}")
            return verdict

        counts = run_all(setting, scenario, disks, judged, deadline, least)
    if refused:
        # Without: files that may not grow.
        counts = run_all(
            setting,
            scenario,
            [f"disks/{scenario.name}/limit:{kib}" for kib in (1, 8)],
            lambda case, place: limited(setting, good, case, place),
            deadline,
            least,
        )
        counts.notes.append(f"no small file systems ({refused[0]}): files that may not grow past a limit instead")
    return counts


def judge_full(verdict, place, good, folder, code, err, words=("no space left on the disk",)):
    """A full disk has to be an error that names what is full."""
    if not judge.look_at_death(verdict, code, err):
        names = [place.at(role) for role, at in place.scenario.outputs.items() if at.split("/")[0] == folder]
        names = names or [place.path(folder)]
        said = err.strip().splitlines()[-1] if err.strip() else ""
        if code == 0:
            verdict.wrong("silent wrong", "exit code 0 with a full disk", err)
        elif code != 1:
            verdict.wrong("bad messages", f"the exit code is {code} and not 1", err)
        elif not any(name in said for name in names) or not any(word in said for word in words):
            verdict.wrong(
                "bad messages", f"the message does not name {' or '.join(names)}, or not that it is full", err
            )
        elif folder == "tmp" and not re.search(r"about \d+ [kM]B more", said):
            verdict.wrong("bad messages", "the message does not say how much is needed", err)
        else:
            verdict.settle("explained error")
    judge.look_at_old(verdict, place, good, err=err)
    judge.look_for_strays(verdict, place, good, err)


def limited(setting, good, case, place):
    """A run whose files may not grow past so many KiB."""
    place.fresh()
    kib = int(case.rpartition(":")[2])
    # Shells count in blocks of 512 bytes.
    command = ["sh", "-c", f'ulimit -f {kib * 2} && exec "$0" "$@"', setting.daytally, *place.arguments()]
    code, _, err = scenarios.run(command, place, setting.timeout)
    verdict = judge.Verdict(case, command)
    folder = "tmp" if place.scenario.slow else next((at.split("/")[0] for at in ("rej", "out") if at in err), "out")
    judge_full(verdict, place, good, folder, code, err, words=("file too large",))
    return verdict
