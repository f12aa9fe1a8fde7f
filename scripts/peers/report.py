"""What the peers have in common: how they are called, and what they say about a run."""

import json
import sys
import time


def run(job, version, revenue, how):
    """Runs `job(events, result, threads)` as the command line asks for it.

    Usage of every peer: `python NAME_peer.py IN OUT THREADS`. Reads the events of IN, writes the result to OUT as a
    CSV with daytally's header, sorted by date and user, and prints one JSON object:

    seconds: how long the job took, without the start of the interpreter and imports
    version: what was measured
    revenue: "decimal" where the sums are decimals, "double" where they are binary floating point numbers
    how: what to know about how the engine does the job
    """
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} IN OUT THREADS")
    _, events, result, threads = sys.argv
    start = time.perf_counter()
    job(events, result, int(threads))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "version": version, "revenue": revenue, "how": how}))
