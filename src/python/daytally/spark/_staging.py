"""The folder in which partials wait until the result is made of them."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import uuid
from typing import TYPE_CHECKING, Any, Optional

from .._arguments import StrPath
from ..errors import UsageError
from ._outputs import Outputs
from ._paths import Location, local_path, uri
from ._session import first_line, is_connect

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["Staging", "staging_folder"]

_LOGGER = logging.getLogger("daytally")


class Staging:
    """A folder of Spark's, with a name for each thing in it."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self._spark = spark
        self._folder = folder

    def path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def write(self, name: str, rows: DataFrame) -> None:
        rows.write.mode("error").parquet(self.path(name))

    def write_text(self, name: str, lines: DataFrame, lines_of_a_part: int) -> None:
        lines.write.mode("error").option("maxRecordsPerFile", lines_of_a_part).option("compression", "none").text(
            self.path(name)
        )

    def read(self, name: str, schema: str) -> DataFrame:
        # The name of the folder is no pattern, whatever is in it.
        return self._spark.read.schema(schema).option("__globPaths__", "false").parquet(self.path(name))

    def remove(self) -> None:
        """Removes all of it. What is left is a nuisance, and no reason to fail."""
        local = local_path(self._folder)
        try:
            if local is not None:
                shutil.rmtree(local, ignore_errors=True)
            elif not is_connect(self._spark):
                jvm: Any = self._spark._jvm
                path = jvm.org.apache.hadoop.fs.Path(self._folder)
                conf = self._spark._jsc.hadoopConfiguration()
                path.getFileSystem(conf).delete(path, True)
            else:
                # Spark Connect has no way to remove a folder, but one to empty it.
                for name in ("partials", "groups", "csv", "rejects"):
                    empty = self._spark.createDataFrame([], "value string")
                    empty.write.mode("overwrite").text(self.path(name))
        except Exception as error:
            _LOGGER.warning("%s could not be removed: %s", self._folder, first_line(error))


def staging_folder(spark: SparkSession, staging: Optional[StrPath], outputs: Outputs) -> str:
    name = f".daytally-staging-{uuid.uuid4().hex[:12]}"
    if staging is not None:
        base = os.fspath(staging)
        if not base:
            raise UsageError("staging: the path is empty", 2)
        for path in outputs.paths:
            if Location.of(base).is_within(Location.of(path)):
                raise UsageError(f"staging: {base} is in {path}, which is to be written; give another folder", 2)
        return f"{uri(base).rstrip('/')}/{name}"
    for path in outputs.paths:
        base = uri(path).rstrip("/").rpartition("/")[0]
        if base.endswith(":/"):
            raise UsageError(f"{path}: give a folder in it, or say staging=", 2)
        return f"{base}/{name}"
    if str(spark.conf.get("spark.master", "")).startswith("local"):
        # With lines of events in it, for nobody else to read.
        return "file:" + tempfile.mkdtemp(prefix="daytally-staging-")
    raise UsageError(
        "staging: say where partials can be staged, in a folder that the driver and all workers share; with an"
        " output it is beside that",
        2,
    )
