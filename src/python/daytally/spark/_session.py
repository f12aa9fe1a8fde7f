"""The session: the program and the settings that it needs for a job, how that is stopped, and what its errors say."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import shutil
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Callable, Optional

from pyspark import cloudpickle

from .. import __version__
from .._arguments import StrPath
from .._binary import find_binary, version
from ..errors import BinaryNotFound, DaytallyError, RunFailed, UsageError
from . import _not_shown, _plan, _task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["first_line", "is_connect", "program_version", "readable_errors", "session", "setting", "ship"]

_LOGGER = logging.getLogger("daytally")


def is_connect(spark: SparkSession) -> bool:
    """Whether it is a session of Spark Connect, whose driver is elsewhere."""
    return type(spark).__module__.startswith("pyspark.sql.connect.")


_shipped: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()
_shipping = threading.Lock()


def ship(spark: SparkSession, binary: Optional[StrPath]) -> str:
    """Has Spark bring the program to the workers, unless they have it. How they find it then."""
    if binary is not None:
        return os.fspath(binary)
    path = find_binary()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    name = f"daytally-{digest.hexdigest()[:16]}"
    with _shipping:
        shipped = _shipped.setdefault(spark, set())
        if name not in shipped:
            # Workers fetch it when they need it, those that join later, too, so it stays as long as the driver.
            folder = tempfile.mkdtemp(prefix="daytally-ship-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            shutil.copy(path, os.path.join(folder, name))
            try:
                spark.addArtifacts(os.path.join(folder, name), file=True)
            except Exception as error:
                # By somebody else of the same session. What is in it is in its name.
                if not re.search("DUPLICATED_ARTIFACT|ARTIFACT_ALREADY_EXISTS", str(error)):
                    raise
            shipped.add(name)
    return f"ship:{name}"


def program_version() -> str:
    """The version that the program has to have, also where it is on the workers alone."""
    try:
        return version()
    except BinaryNotFound:
        return __version__


# What would change the outcome behind the caller's back: files that are passed over, and days that are moved
# between calendars.
_SETTINGS = {
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
}


# How long tasks may take to end that are stopped.
_PATIENCE_SECONDS = 2.0
# By value: the workers need not have the package.
_pickler: Any = cloudpickle
for _module in (_task, _plan, _not_shown):
    _pickler.register_pickle_by_value(_module)


@contextmanager
def session(spark: SparkSession) -> Iterator[Callable[[], None]]:
    """The session with the settings that are needed. What it gives stops what Spark is doing there for this."""
    tag = f"daytally-{uuid.uuid4().hex[:12]}"
    # Of the session's own tags classic Spark knows nothing where it is interrupted.
    work: Any = spark if is_connect(spark) else spark.sparkContext
    add, stop, remove = (
        (work.addTag, work.interruptTag, work.removeTag)
        if is_connect(spark)
        else (work.addJobTag, work.cancelJobsWithTag, work.removeJobTag)
    )

    def cancel() -> None:
        try:
            stop(tag)
            # Tasks that are stopped may still be about to write.
            time.sleep(_PATIENCE_SECONDS)
        except Exception as error:
            _LOGGER.debug("Spark's jobs could not be stopped: %s", error)

    add(tag)
    try:
        with ExitStack() as stack:
            for name, value in _SETTINGS.items():
                stack.enter_context(setting(spark, name, value))
            yield cancel
    finally:
        remove(tag)


class _Held:
    """A setting that jobs of a session hold at a value, and what it was before."""

    def __init__(self, value: str, before: Optional[str]) -> None:
        self.value = value
        self.before = before
        self.holders = 0


_held: weakref.WeakKeyDictionary[Any, dict[str, _Held]] = weakref.WeakKeyDictionary()
_settings_change = threading.Condition()


@contextmanager
def setting(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    """Holds a setting of the session at a value. Jobs on other threads that want the same share it; one that wants
    another value waits until it is free."""
    with _settings_change:
        held = _held.setdefault(spark, {})
        _settings_change.wait_for(lambda: name not in held or held[name].value == value)
        if name not in held:
            before = spark.conf.get(name, None)
            spark.conf.set(name, value)
            held[name] = _Held(value, before)
        held[name].holders += 1
    try:
        yield
    finally:
        with _settings_change:
            own = held[name]
            own.holders -= 1
            if own.holders == 0:
                del held[name]
                _settings_change.notify_all()
                if own.before is None:
                    spark.conf.unset(name)
                else:
                    spark.conf.set(name, own.before)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Finds in what Spark says the words of the task that failed."""
    try:
        yield
    except DaytallyError:
        raise
    except Exception as error:
        # PySpark can lose the one that it was stopped by.
        within: Optional[BaseException] = error
        while within is not None:
            if isinstance(within, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            within = within.__cause__ or within.__context__
        found = re.search(r"daytally \[([0-9])\] on ([^\s:]+): ([^\n]+)", str(error))
        if found is not None:
            kind = UsageError if found[1] == "2" else RunFailed
            raise kind(f"{found[3].strip()} (on worker {found[2]})", int(found[1])) from error
        if type(error).__module__.startswith(("pyspark", "py4j")):
            raise RunFailed(f"Spark: {first_line(error)}", 1) from error
        raise


def first_line(error: BaseException) -> str:
    """What an error of Spark's comes to, without the traces."""
    text = str(error)
    missing = re.search(r"ModuleNotFoundError: No module named '(pyarrow|pandas)[.']", text)
    if missing is not None:
        return (
            f"the Python of the workers has no {missing[1]}; install pyarrow and pandas there, or set PYSPARK_PYTHON to"
            " a Python that has them"
        )
    # What a worker's Python raised is at the end of its trace.
    raised = re.findall(r"^\w+(?:Error|Exception): .+$", text, re.MULTILINE)
    lines = raised[-1:] or [line.strip() for line in text.splitlines() if line.strip()][:2]
    # Py4J has the cause in the second line.
    return " ".join(lines)[:1000] if lines else type(error).__name__
