"""SIGINT and SIGTERM at random moments, once and twice."""

import os
import signal
import subprocess
import time

from . import judge, scenarios
from .injections import run_again
from .work import run_all

SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM}


def stop(setting, scenario, deadline, least, is_main=False):
    """Sends signals at random moments of a run."""
    good = setting.good(scenario)
    number = (16 if scenario.slow else 32) if setting.quick else (100 if scenario.slow else 400)
    cases = [
        f"signals/{scenario.name}/{name}:{times}:{number}"
        for number in range(number // 4)
        for name in SIGNALS
        for times in (1, 2)
    ]
    slowest, left = 0.0, []

    def judged(case, place):
        nonlocal slowest
        name, times, _ = case.rpartition("/")[2].split(":")
        random = setting.random(case)
        delays = [random.uniform(0, 1.2) * good.seconds] + [random.uniform(0, 0.003)] * (int(times) - 1)
        place.fresh()
        code, out, err, took = interrupted(setting, place, SIGNALS[name], delays)
        slowest = max(slowest, took)
        arguments = [setting.daytally, *place.arguments()]
        verdict = judge.Verdict(case, f"scripts/faults --seed {setting.seed} --case {case}  # {' '.join(arguments)}")
        if code in (128 + SIGNALS[name], -SIGNALS[name]):
            # Before it listens, and by the second signal, the process may be ended by the signal itself.
            judge.look_at_old(verdict, place, good, err=err)
            if code > 0 and times == "1" and "stopped by" not in err:
                verdict.wrong("bad messages", "it does not say that it was stopped", err)
            verdict.settle("explained error")
        elif code == 0:
            if judge.is_complete(place, good, out):
                verdict.settle("right")
            else:
                verdict.wrong("silent wrong", f"exit code 0, not complete: {judge.differing(place, good)}", err)
        elif not judge.look_at_death(verdict, code, err):
            verdict.wrong("bad messages", f"the exit code is {code}", err)
        if times == "2" and judge.strays(place, good):
            # The second signal ends it at once: what it leaves is for the next run to remove.
            left.append(case)
            run_again(setting, verdict, place, good)
        else:
            judge.look_for_strays(verdict, place, good, err)
        if setting.shows:
            setting.say(
                f"{verdict.command}\n  exit code {code}, {verdict.outcome}, {took * 1000:.0f} ms; it said:\n{err}"
            )
        return verdict

    counts = run_all(setting, scenario, cases, judged, deadline, least)
    if left:
        counts.notes.append(f"{len(left)} times a second signal left a draft, and the next run removed it")
    counts.notes.append(f"the slowest to stop took {slowest * 1000:.0f} ms")
    return counts


def interrupted(setting, place, number, delays):
    """Runs the program and signals it after each of the delays. Returns also how long it ran on after the first."""
    scenario = place.scenario
    name = os.path.join(place.data, scenario.stdin) if scenario.stdin and not scenario.through_pipe else os.devnull
    with open(name, "rb") as stdin:
        process = subprocess.Popen(
            [setting.daytally, *place.arguments()],
            # A pipe stays open, and the run waits for what does not come.
            stdin=subprocess.PIPE if scenario.through_pipe else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=place.path("cwd"),
            start_new_session=True,
        )
    sent = None
    for delay in delays:
        time.sleep(delay)
        if process.poll() is None:
            process.send_signal(number)
            sent = sent or time.monotonic()
    try:
        # Communicating would close standard input.
        code = process.wait(setting.timeout)
    except subprocess.TimeoutExpired:
        scenarios.stop(process)
        process.wait()
        code = None
    took = time.monotonic() - sent if sent else 0.0
    out, err = process.stdout.read(), process.stderr.read()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
    return code, out, err.decode(errors="replace"), took
