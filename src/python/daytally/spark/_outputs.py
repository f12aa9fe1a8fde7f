"""What is to be written, and where; and that nothing is written over that is not meant to be."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

from .._arguments import StrPath
from ..errors import RunFailed, UsageError
from ._paths import Location, has_scheme, local_path, plain, uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["Outputs"]


class Outputs:
    """What is to be written, and where."""

    def __init__(
        self,
        output: Optional[StrPath],
        format: Optional[str],
        partition_by: Optional[str],
        overwrite: bool,
        rejects: Union[StrPath, bool, None],
    ) -> None:
        self.output = None if output is None else os.fspath(output)
        self.rejects = None if rejects is None or isinstance(rejects, bool) else os.fspath(rejects)
        self.rejects_as_rows = rejects is True
        self.partition_by = partition_by
        self.overwrite = overwrite
        for option, path in (("output", self.output), ("rejects", self.rejects)):
            ending = None if path is None else re.search(r"\.(csv|jsonl|json|ndjson|arrow|xlsx)(\.(gz|zst))?$", path.lower())
            allowed = ".csv" if option == "output" else ".jsonl"
            if ending is not None and ending[0] != allowed:
                raise UsageError(
                    f"{option}: {path}: a file is named {allowed} here; daytally.aggregate writes others. For a folder give"
                    " another name",
                    2,
                )
        self.is_file = self.output is not None and _is_file(self.output, ".csv")
        self.rejects_is_file = self.rejects is not None and _is_file(self.rejects, ".jsonl")
        self.format = format or ("csv" if self.is_file else "parquet")
        if self.format not in ("csv", "parquet"):
            raise UsageError(f"format: {format!r}: it is 'csv' or 'parquet'", 2)
        if self.is_file and (self.format != "csv" or partition_by):
            raise UsageError(f"{self.output} is a file of CSV; for anything else give a folder", 2)
        if partition_by not in (None, "date"):
            raise UsageError(f"partition_by: {partition_by!r}: it is 'date'", 2)
        if partition_by and self.format != "parquet":
            raise UsageError("partition_by is for Parquet; daytally.aggregate partitions CSV", 2)
        if self.output is None and (format or partition_by or overwrite):
            raise ValueError("format, partition_by and overwrite are for an output, and there is none")
        if self.rejects_as_rows and self.output is not None:
            raise ValueError("rejects=True gives rows without an output; with one give a path")
        for option, path in (("output", self.output), ("rejects", self.rejects)):
            if path == "-":
                raise ValueError(f"{option} is a path; standard output belongs to the calling program")
            if path == "":
                raise UsageError(f"{option}: the path is empty", 2)
        if self.output is not None and has_scheme(self.output) and self.output.endswith(".csv") and format is None:
            raise UsageError(
                f"{self.output}: files are written where the driver is; there Spark writes a folder: say format='csv',"
                " or give it another name",
                2,
            )
        if self.output is not None and self.rejects is not None:
            output_at, rejects_at = Location.of(self.output), Location.of(self.rejects)
            if output_at.is_within(rejects_at) or rejects_at.is_within(output_at):
                raise UsageError(f"{self.output} and {self.rejects} cannot be both the output and the rejects", 2)
        for path in self.paths:
            if _is_file(path, ".csv", ".jsonl"):
                real = Path(os.path.realpath(plain(path)))
                if not real.parent.is_dir():
                    raise RunFailed(f"{path}: there is no folder {real.parent}; make it first", 1)
                if real.is_dir():
                    raise RunFailed(f"{path} is a folder; for a folder of Spark's give it another name", 1)

    @property
    def paths(self) -> list[str]:
        """Where something is to be written."""
        return [path for path in (self.output, self.rejects) if path is not None]

    @property
    def has_rejects(self) -> bool:
        """Whether rejects are asked for, in whatever way."""
        return self.rejects_as_rows or self.rejects is not None

    def check_inputs(self, inputs: Iterable[str]) -> None:
        """Whether what is to be written is none of the inputs.

        :raises UsageError: if it is
        """
        written = [Location.of(path) for path in self.paths]
        # Links are followed once in a folder, of which there are fewer.
        folders: dict[str, Location] = {}
        for name in inputs:
            folder, _, base = name.rpartition("/")
            if folder not in folders:
                folders[folder] = Location.of(folder or ("/" if name.startswith("/") else "."))
            at = folders[folder]._replace(path=os.path.join(folders[folder].path, base))
            if at.scheme == "file" and os.path.islink(at.path):
                at = Location.of(at.path)
            if any(map(at.is_within, written)):
                raise UsageError(f"{name} is an input, and would be written over; give another path", 2)

    def check_folders(self, spark: SparkSession) -> None:
        """Whether folders that are to be made are not there, which Spark would say when all else is done.

        :raises RunFailed: if one is
        """
        if self.overwrite:
            return
        for path, is_file in ((self.output, self.is_file), (self.rejects, self.rejects_is_file)):
            if path is not None and not is_file and _is_there(spark, uri(path)):
                raise RunFailed(f"{path} is there already; say overwrite=True, or give another folder", 1)

    def folder_mode(self) -> str:
        """What Spark is to do where a folder is there already."""
        return "overwrite" if self.overwrite else "error"


def _is_file(path: str, *endings: str) -> bool:
    """Whether a path is a file that the driver writes, rather than a folder of Spark's."""
    return not has_scheme(path) and path.lower().endswith(endings)


def _is_there(spark: SparkSession, folder: str) -> bool:
    local = local_path(folder)
    if local is not None:
        return local.exists()
    try:
        spark.read.format("binaryFile").load(folder)
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            return False
        raise
    return True
