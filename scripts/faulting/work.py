"""Running many cases at once, each worker in a place of its own, for a bounded time."""

import itertools
import os
import queue
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import Failure, scenarios
from .judge import Counts


@dataclass
class Setting:
    """What all kinds of faults have to know."""

    daytally: str
    data: str
    # Where places are made.
    base: str
    quick: bool
    seed: int
    jobs: int
    # Seconds a single run may take.
    timeout: int
    say: object
    # When nothing new is started any more.
    end: float = 0.0
    # The one case to run; nothing else is.
    case: str = ""
    shows: bool = False
    # What good runs leave, by scenario.
    goods: dict = field(default_factory=dict)
    # Where runs that go before left something, by scenario.
    templates: dict = field(default_factory=dict)
    made: object = itertools.count()

    def place(self, scenario):
        return scenarios.Place(scenario, self.data, self.folder("place"), self.template(scenario))

    def folder(self, name):
        """The path of a folder that is to be made."""
        return os.path.join(self.base, f"{name}-{next(self.made)}")

    def template(self, scenario):
        """A place in which the run was that goes before those of the scenario; None if there is none to go before."""
        if scenario.first and scenario.name not in self.templates:
            place = scenarios.Place(scenario, self.data, self.folder("first")).fresh()
            if scenario.replaces:
                shutil.rmtree(place.path("out"))
                os.mkdir(place.path("out"))
            arguments = place.arguments(of=scenario.first)
            code, _, err = scenarios.run([self.daytally, *arguments], place, self.timeout)
            if code != 0:
                raise Failure(f"{scenario.name}: the run that goes before ended with {code} and said: {err.strip()}")
            self.templates[scenario.name] = place.root
        return self.templates.get(scenario.name)

    def good(self, scenario):
        if scenario.name not in self.goods:
            self.goods[scenario.name] = scenarios.good(self.daytally, self.place(scenario), self.timeout)
        return self.goods[scenario.name]

    def random(self, *of):
        return random.Random(":".join(map(str, (self.seed, *of))))

    def is_late(self, deadline):
        return time.monotonic() > min(deadline, self.end)


def run_all(setting, scenario, cases, judge, deadline, least):
    """Judges all cases, as far as the time goes, but at least so many. Returns their counts."""
    counts = Counts()
    if setting.case:
        cases = [case for case in cases if name_of(case) == setting.case]
    places = queue.SimpleQueue()
    for _ in range(setting.jobs):
        places.put(setting.place(scenario))

    def one(numbered):
        number, case = numbered
        if number >= least and setting.is_late(deadline):
            return None
        place = places.get()
        try:
            return judge(case, place)
        finally:
            places.put(place)

    with ThreadPoolExecutor(setting.jobs) as pool:
        verdicts = list(pool.map(one, enumerate(cases)))
    for verdict in filter(None, verdicts):
        counts.add(verdict)
    if None in verdicts:
        counts.notes.append(f"{len(verdicts) - verdicts.count(None)} of {len(cases)} cases in the time there was")
    return counts


def name_of(case):
    return case if isinstance(case, str) else case.id


def spread(items, most, random):
    """At most so many of the items, in their order: the first, the last, and some between."""
    items = list(items)
    if len(items) <= most:
        return items
    chosen = {0, len(items) - 1} if most > 1 else {0}
    chosen.update(random.sample(range(1, len(items) - 1), max(0, most - 2)))
    return [items[at] for at in sorted(chosen)]
