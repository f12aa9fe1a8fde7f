"""Who takes part: daytally in its ways, the limit, and the peers."""

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass, field

from . import Failure

PEER_SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    # What pip installs; all that decides the figures is pinned.
    requirements: tuple = ()
    module: str = ""
    # Slow enough to be given the first lines of the data only.
    sampled: bool = False
    # Where invalid lines have to be found: "finds" them, "cannot" although it is tried, or takes no part.
    checks: str = ""


_ALL = [
    Peer("duckdb", "DuckDB", ("duckdb==2.0.0",), "duckdb", checks="finds"),
    Peer("polars", "Polars, streaming", ("polars==2.1.0",), "polars", checks="cannot"),
    Peer("clickhouse", "ClickHouse local", ("chdb==4.4.0", "chdb-core==26.9.0"), "chdb", checks="finds"),
    Peer("datafusion", "DataFusion", ("datafusion==55.0.0", "pyarrow==26.0.1"), "datafusion", checks="cannot"),
    Peer("orjson", "Python with orjson", ("orjson==3.13.0",), "orjson", sampled=True),
    Peer("python", "Python's standard library", sampled=True),
]
PEERS = {peer.name: peer for peer in _ALL}


def taking_part(profile, names):
    """Those of the peers that are asked for who can be given a profile's data."""
    if profile.ours_only:
        return []
    return [PEERS[name] for name in names if PEERS[name].checks or not profile.checked]


def install(peers, folder):
    """A virtual environment with the peers in it. Returns its Python and the versions of all packages in it."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        venv.create(folder, with_pip=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    for peer in peers:
        if not peer.requirements:
            continue
        done = subprocess.run([*pip, "install", "--quiet", *peer.requirements], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(
                f"{peer.title} could not be installed ({' '.join(peer.requirements)}); "
                f"leave {peer.name} out of --peers to go on without it. pip says:\n{done.stderr.strip()}"
            )
    frozen = subprocess.run([*pip, "freeze"], capture_output=True, text=True, check=True)
    return python, frozen.stdout.split()


def build(repository):
    """The paths of the program and of the limit benchmark, built for release from this repository."""

    def executable(target, *arguments):
        command = ["cargo", *arguments, "--locked", "--message-format=json"]
        done = subprocess.run(command, cwd=repository, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)} failed")
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable") and message["target"]["name"] == target:
                return message["executable"]
        raise Failure(f"{' '.join(command)} built no {target}")

    return (
        executable("daytally", "build", "--release", "--features", "arrow", "--bin", "daytally"),
        executable("limit", "bench", "--bench", "limit", "--no-run"),
    )


@dataclass
class Contender:
    """Somebody to be timed."""

    key: str
    title: str
    command: list
    events: str
    # The files it writes, the result first; none for the limit.
    writes: list = field(default_factory=list)
    # "nothing": all of the process counts; "limit", "peer": the seconds that it prints count.
    prints: str = "nothing"
    # Kept from the run that is compared: what a peer says of itself.
    facts: dict = field(default_factory=dict)


def ours(profile, daytally, limit, events, threads, out):
    """daytally as it is meant to run, with one thread, with the general lane alone; and the limit."""

    def variant(key, title, count, *options, rejects=profile.rejects):
        result = os.path.join(out, f"{key}.csv")
        command = [daytally, "aggregate", events, "--output", result, "--threads", str(count), "--quiet", *options]
        writes = [result]
        if rejects:
            writes += [os.path.join(out, f"{key}.rejects"), os.path.join(out, f"{key}.log")]
            command += ["--rejects", writes[1], "--log-file", writes[2]]
        return Contender(key, title, command, events, writes)

    if profile.checked:
        return [variant("daytally", "daytally", threads)]
    variants = [
        variant("daytally", "daytally", threads),
        variant("one_thread", "daytally, one thread", 1),
        variant("general", "daytally, general lane alone", threads, "--lanes", "general"),
    ]
    if profile.rejects:
        variants.append(variant("silent", "daytally, no rejects and no log", threads, rejects=False))
    command = [limit, "--file", events, "--threads", str(threads), "--times", "1"]
    return [*variants, Contender("limit", "limit", command, events, prints="limit")]


def theirs(peer, python, events, threads, out, checked=False):
    result = os.path.join(out, f"{peer.name}.csv")
    script = os.path.join(PEER_SCRIPTS, f"{peer.name}_peer.py")
    command = [python or sys.executable, "-B", script, events, result, str(threads)]
    command += ["check"] if checked else []
    return Contender(peer.name, peer.title, command, events, [result], prints="peer")
