"""Paths, of the driver's file system and of those that Spark alone knows."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import NamedTuple, Optional

__all__ = ["Location", "has_scheme", "local_path", "plain", "uri"]

_FILE = re.compile(r"^file:(?://(?=/))?(?=/)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=/)(?://([^/]*))?")


def has_scheme(path: str) -> bool:
    """Whether a path is on a file system that it names, such as ``s3a://bucket/logs``; ``file:`` is none.

    >>> has_scheme("s3a://bucket/logs"), has_scheme("file:/logs"), has_scheme("events:1.jsonl")
    (True, False, False)
    """
    match = _SCHEME.match(path)
    return match is not None and match[1].lower() != "file"


def plain(path: str) -> str:
    """A path without the ``file:`` in front that it may have.

    >>> plain("file:///logs"), plain("file:/logs"), plain("logs")
    ('/logs', '/logs', 'logs')
    """
    return _FILE.sub("", path)


def uri(path: str) -> str:
    """A path as Spark is to take it, whatever its default file system is."""
    return path if has_scheme(path) else "file:" + os.path.abspath(plain(path))


def local_path(path: str) -> Optional[Path]:
    """Where a path of Spark's is for the driver, if that is a file system as any other."""
    return Path(plain(path)) if _FILE.match(path) else None


class Location(NamedTuple):
    """A path by which it can be told from others.

    >>> Location.of("hdfs:///logs/a.jsonl").is_within(Location.of("hdfs://namenode:8020/logs/"))
    True
    >>> Location.of("s3a://one/logs").is_within(Location.of("s3a://other/logs"))
    False
    """

    scheme: str
    authority: str
    """Where the file system is; empty for the default one."""
    path: str

    @classmethod
    def of(cls, path: str) -> Location:
        """Links are followed, where the driver sees them."""
        match = _SCHEME.match(path) if has_scheme(path) else None
        if match is None:
            return cls("file", "", os.path.realpath(plain(path)))
        return cls(match[1].lower(), match[2] or "", posixpath.normpath(path[match.end() :] or "/"))

    def is_within(self, folder: Location) -> bool:
        """Whether it is that folder, or in it."""
        is_same_system = self.scheme == folder.scheme and (
            self.authority == folder.authority or not (self.authority and folder.authority)
        )
        start = folder.path.rstrip("/") + "/"
        return is_same_system and (self.path == folder.path or self.path.startswith(start))
