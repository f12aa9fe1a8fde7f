"""What the peers have in common: how they are called, and what they say about a run."""

import json
import sys
import time


def run(job, version, revenue, how, checking=None):
    """Runs `job(events, result, threads)` as the command line asks for it, or `checking`: such a job and its `how`.

    Usage of every peer: `python NAME_peer.py IN OUT THREADS [check]`. Reads the events of IN, writes the result to OUT
    as a CSV with daytally's header, sorted by date and user, and prints one JSON object. Without `check` all lines are
    taken for events; with it those that are none are found and left out.

    seconds: how long the job took, without the start of the interpreter and imports
    version: what was measured
    revenue: "decimal" where the sums are decimals, "double" where they are binary floating point numbers
    how: what to know about how the engine does the job
    """
    if len(sys.argv) not in (4, 5) or sys.argv[4:] not in ([], ["check"]):
        sys.exit(f"usage: {sys.argv[0]} IN OUT THREADS [check]")
    _, events, result, threads, *check = sys.argv
    if check:
        if checking is None:
            sys.exit("error: this peer has no job that finds invalid lines")
        job, how = checking
    start = time.perf_counter()
    job(events, result, int(threads))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "version": version, "revenue": revenue, "how": how}))
