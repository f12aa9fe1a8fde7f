"""Timing: every contender once a round, the rounds in rotating order."""

import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time

from . import Failure
from .profiles import drop_from_cache, read_once

GIB = 1 << 30


def run(contender, timeout):
    """Runs a contender as a process of its own. Returns its times in seconds, and what else is known of the run."""
    # What an earlier run left, so that nobody has to replace it.
    for path in contender.writes:
        if os.path.exists(path):
            os.unlink(path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAYTALLY_")}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(contender.command, stdout=out, stderr=err, env=environment, start_new_session=True)
        watch = threading.Timer(timeout, lambda: os.killpg(process.pid, signal.SIGKILL))
        watch.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            watch.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed = out.read().decode()
        if process.returncode != 0:
            said = last_words(err.read().decode(errors="replace"))
            late = f" after {timeout} s" if wall >= timeout else ""
            raise Failure(f"{contender.title} ended with {process.returncode}{late} and said: {said}")
    times = {"wall": wall, "user": usage.ru_utime, "system": usage.ru_stime, "max_rss_kib": usage.ru_maxrss}
    if contender.prints == "limit":
        anew, again = map(float, printed.split())
        times.update(inside=anew, second_pass=again)
    elif contender.prints == "peer":
        contender.facts = json.loads(printed.splitlines()[-1])
        times["inside"] = contender.facts.pop("seconds")
    # What counts: the whole of daytally's process, but only the work itself of the others.
    times["counts"] = times.get("inside", wall)
    return times


def last_words(text):
    """What a program that failed said the matter was: the last line that looks like an error, or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(\w+[.: ])*\w*(error|exception|panic)\w*:", line, re.IGNORECASE)]
    return (errors or lines or ["nothing"])[-1][:300]


def rounds(contenders, count, timeout, say):
    """Times all contenders `count` times. Returns a list of times for each key."""
    times = {contender.key: [] for contender in contenders}
    for number in range(count):
        turn = number % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            times[contender.key].append(run(contender, timeout))
        say(f"round {number + 1} of {count} done")
    return times


def summarise(contender, times, daytally, daytally_bytes):
    """Medians of a contender; its ratio to daytally, per byte, is the median of the ratios within the rounds."""
    size = os.path.getsize(contender.events)
    ratios = [(theirs["counts"] / size) / (ours["counts"] / daytally_bytes) for theirs, ours in zip(times, daytally)]
    median = statistics.median(time["counts"] for time in times)
    summary = {
        "title": contender.title,
        "command": contender.command,
        "bytes": size,
        "median_seconds": median,
        "median_wall_seconds": statistics.median(time["wall"] for time in times),
        "gb_per_second": size / median / 1e9,
        "seconds_per_gib": median * GIB / size,
        "ratio_to_daytally": statistics.median(ratios),
        "ratio_of_daytally_to_this": statistics.median(1 / ratio for ratio in ratios),
        **contender.facts,
        "times": times,
    }
    if contender.prints == "limit":
        summary["median_second_pass_seconds"] = statistics.median(time["second_pass"] for time in times)
    return summary


def cold(daytally, threads, count, timeout, say):
    """Times daytally on a file that has to come from the disk, and reading it once in sequence, in turns."""

    def drop():
        if not drop_from_cache(daytally.events):
            raise Failure(f"--cold: the file system does not let go of {daytally.events}; it may be one in memory")

    def read():
        start = time.perf_counter()
        read_once(daytally.events)
        return time.perf_counter() - start

    def aggregate():
        times = run(daytally, timeout)
        busy.append((times["user"] + times["system"]) / (times["wall"] * threads))
        return times["counts"]

    contenders = [("read", read), ("daytally", aggregate)]
    times, busy = {"read": [], "daytally": []}, []
    for number in range(count):
        for name, measure in contenders[:: 1 if number % 2 == 0 else -1]:
            drop()
            times[name].append(measure())
        say(f"cold round {number + 1} of {count} done")
    return {
        "read_seconds": statistics.median(times["read"]),
        "daytally_seconds": statistics.median(times["daytally"]),
        "ratio_to_reading": statistics.median(ours / read for ours, read in zip(times["daytally"], times["read"])),
        "busy": statistics.median(busy),
        "times": times,
    }
