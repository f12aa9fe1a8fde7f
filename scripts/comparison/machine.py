"""What a figure depends on beside the programs: the machine, the system, the versions."""

import datetime
import os
import platform
import subprocess


def _first(path, key):
    try:
        with open(path) as file:
            for line in file:
                name, _, value = line.partition(":" if ":" in line else "=")
                if name.strip() == key:
                    return value.strip().strip('"')
    except OSError:
        pass
    return None


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def describe(repository):
    memory = _first("/proc/meminfo", "MemTotal")
    return {
        "cpu": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": int(memory.split()[0]) * 1024 if memory else None,
        "system": _first("/etc/os-release", "PRETTY_NAME") or platform.system(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "daytally": _output("git", "-C", repository, "describe", "--always", "--dirty"),
        "rustc": _output("rustc", "--version"),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
    }


def sentence(machine):
    memory = machine["memory_bytes"]
    memory = f", {memory / 2**30:.0f} GiB of memory" if memory else ""
    return (
        f"{machine['cpu']}, {machine['cores']} cores{memory}; {machine['system']}, {machine['kernel']}; "
        f"{machine['date']}; daytally {machine['daytally']}, {machine['rustc']}, Python {machine['python']}"
    )
