"""Where the program is: in the wheel beside this package, and nowhere else.

A program of that name somewhere on the path could be of another version, with other options.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Optional

from .errors import BinaryNotFound, RunFailed

__all__ = ["find_binary", "version"]

_NAME = "daytally"


def find_binary() -> Path:
    """The path of the program that came with this package.

    :raises BinaryNotFound: if it is nowhere an installer would have put it
    """
    tried = []
    for place in _places():
        if place.is_file() and os.access(place, os.X_OK):
            return place
        tried.append(str(place))
    raise BinaryNotFound(
        "the program daytally is not where its package should have it"
        f" ({', '.join(dict.fromkeys(tried))}); install it again: pip install --force-reinstall daytally"
    )


def _places() -> Iterator[Path]:
    archived = _out_of_an_archive()
    if archived is not None:
        yield archived
        return
    # What the installer has noted down.
    try:
        files = metadata.files(_NAME) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == _NAME and not file.suffix and file.parent.name in ("bin", "scripts"):
            yield Path(os.path.normpath(str(file.locate())))
    # Where scripts go: of this environment, of the user, and of `pip install --target`.
    yield Path(sysconfig.get_path("scripts")) / _NAME
    yield Path(sysconfig.get_path("scripts", scheme=f"{os.name}_user")) / _NAME
    yield Path(__file__).resolve().parent.parent / "bin" / _NAME
    yield Path(sys.prefix) / "bin" / _NAME


def _out_of_an_archive() -> Optional[Path]:
    """The program of a wheel that was not installed but put on Python's path, as Spark's ``--py-files`` does.

    It is unpacked once for each user, where temporary files go, by a name that has its contents in it.
    """
    archive = getattr(globals().get("__loader__"), "archive", None)
    if archive is None:
        return None
    with zipfile.ZipFile(archive) as wheel:
        inside = re.compile(r"daytally-[^/]+\.data/scripts/daytally")
        name = next((name for name in wheel.namelist() if inside.fullmatch(name)), None)
        if name is None:
            return None
        data = wheel.read(name)
    digest = hashlib.sha256(data).digest()
    folder = Path(tempfile.gettempdir()) / f"daytally-{os.getuid()}-{digest.hex()[:16]}"
    path = folder / _NAME
    folder.mkdir(mode=0o700, exist_ok=True)
    there = folder.lstat()
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.getuid() or there.st_mode & 0o022:
        raise BinaryNotFound(
            f"{folder} is not a folder that only you can write to; remove it, or set TMPDIR to a folder of your own"
        )
    if not path.is_file() or hashlib.sha256(path.read_bytes()).digest() != digest:
        # Others may be doing the same.
        file = tempfile.NamedTemporaryFile(dir=folder, delete=False)
        try:
            with file:
                file.write(data)
            os.chmod(file.name, 0o755)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
    return path


def version() -> str:
    """The version of the program.

    >>> import daytally
    >>> daytally.version() == daytally.__version__
    True

    :raises BinaryNotFound: if the program is not there
    :raises RunFailed: if it does not start
    """
    binary = find_binary()
    try:
        done = subprocess.run(
            [binary, "-V"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise RunFailed(f"{binary} does not start: {error}") from error
    if done.returncode != 0:
        raise RunFailed(f"{binary} -V: {done.stderr.strip()}", done.returncode)
    return done.stdout.strip().rpartition(" ")[2]
