#!/usr/bin/env python3
"""daytally's job, done by Python's standard library. Usage: python_peer.py IN OUT THREADS

The threads are processes here, each of which reads blocks of whole lines.
"""

import json
import mmap
import multiprocessing
import platform
from decimal import Decimal

from report import run

BLOCK = 8 << 20


def exact(line):
    return json.loads(line, parse_float=Decimal)


def blocks(text):
    """Cuts a text into pieces of about BLOCK bytes that end where a line ends."""
    start = 0
    while start < len(text):
        newline = text.find(b"\n", start + BLOCK)
        end = len(text) if newline < 0 else newline + 1
        yield start, end
        start = end


def totals_of_block(task):
    path, (start, end), loads = task
    totals = {}
    with open(path, "rb") as events:
        events.seek(start)
        for line in events.read(end - start).splitlines():
            event = loads(line)
            key = event["timestamp"][:10], event["user_id"]
            group = totals.get(key)
            if group is None:
                group = totals[key] = [0, 0, 0]
            group[0] += 1
            if event["event_type"] == "purchase":
                group[1] += 1
                group[2] += event["amount"]
    return totals


def job_with(loads):
    def job(events, result, threads):
        with open(events, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            tasks = [(events, block, loads) for block in blocks(text)]
        totals = {}
        with multiprocessing.get_context("fork").Pool(threads) as pool:
            for part in pool.imap_unordered(totals_of_block, tasks):
                for key, group in part.items():
                    into = totals.setdefault(key, [0, 0, 0])
                    for column, value in enumerate(group):
                        into[column] += value
        with open(result, "w", newline="") as file:
            file.write("date,user_id,event_count,purchase_count,total_revenue\n")
            for (date, user), (count, purchases, revenue) in sorted(totals.items()):
                file.write(f"{date},{user},{count},{purchases},{revenue}\n")

    return job


if __name__ == "__main__":
    run(
        job_with(exact),
        version=platform.python_version(),
        revenue="decimal",
        how="decimals are read as written, and added with 28 digits; of a timestamp only the date is read; "
        "processes instead of threads",
    )
