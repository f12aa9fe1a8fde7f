"""The data: what it is called, how it is made, and who can read it."""

import os
import subprocess
from dataclasses import dataclass, replace

BLOCK = 1 << 20


@dataclass(frozen=True)
class Profile:
    name: str
    what: str
    arguments: tuple
    # Why peers are left out; empty where they take part.
    ours_only: str = ""
    # Whether rejects and log are written to files.
    rejects: bool = False
    # Whether some lines are invalid, and it is only about peers that find them, as daytally always does.
    checked: bool = False


_ALL = [
    Profile("narrow", "four fields, 1,000 users, 31 days, in random order", ()),
    Profile("wide", "many more fields, nested ones too", ("--profile", "wide")),
    Profile("many", "100,000 users", ("--users", "100000")),
    Profile("time", "100,000 users, in order of time", ("--users", "100000", "--order", "time")),
    Profile(
        "mixed",
        "every way of writing an event that is allowed",
        ("--profile", "mixed"),
        ours_only="no peer reads every form in it of timestamps, user ids and amounts",
    ),
    Profile(
        "dirty",
        "every fifth line is invalid; all of them go to the rejects file and the log",
        ("--invalid-rate", "0.2"),
        ours_only="no peer tells which lines are invalid and why",
        rejects=True,
    ),
]
_ALL += [
    replace(profile, name=f"{profile.name}-checked", what=f"{profile.name}, and one line in 1,000 is invalid", checked=True)
    for profile in _ALL
    if profile.name in ("narrow", "wide", "many")
]
PROFILES = {profile.name: profile for profile in _ALL}


def generate(profile, daytally, size, folder, for_check=False):
    """Makes a profile's data, unless it is there from before. Returns the path and the command.

    With `for_check` many lines are invalid where some are: also little data has all kinds of them then.
    """
    arguments = list(profile.arguments)
    if profile.checked:
        arguments += ["--invalid-rate", "0.2" if for_check else "0.001"]
    elif "--invalid-rate" not in arguments:
        arguments += ["--invalid-rate", "0"]
    arguments = ["generate", "--size", str(size), *arguments]
    path = os.path.join(folder, f"{profile.name}-{size}.jsonl")
    if not os.path.exists(path):
        draft = path + ".part"
        with open(draft, "wb") as file:
            subprocess.run([daytally, *arguments], stdout=file, check=True)
            # So that it is not being written to the disk while something is timed.
            os.fsync(file.fileno())
        os.rename(draft, path)
    return path, arguments


def sample(path, size):
    """The first lines of a file, about `size` bytes of them: the file itself if it is no longer than that."""
    if os.path.getsize(path) <= size * 5 // 4:
        return path
    name = f"{path[:-len('.jsonl')]}-sample-{size}.jsonl"
    with open(path, "rb") as file, open(name, "wb") as out:
        out.write(file.read(size))
        out.write(file.readline())
    return name


def read_once(path):
    """Reads a file from front to back."""
    block = bytearray(BLOCK)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(block):
            pass


def drop_from_cache(path):
    """Makes the system forget a file's pages. Returns whether it did."""
    with open(path, "rb", buffering=0) as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        size = os.path.getsize(path)
        for place in range(16):
            try:
                if os.preadv(file.fileno(), [bytearray(1)], size * place // 16, os.RWF_NOWAIT):
                    return False
            except BlockingIOError:
                pass
            except OSError:
                # A file system that cannot say, which is none that has the pages elsewhere.
                return False
    return True
