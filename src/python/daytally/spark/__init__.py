"""daytally on Apache Spark: the same result, past one machine.

>>> import daytally.spark
>>> result = daytally.spark.aggregate(spark, "/shared/logs/", "/shared/daily_user_stats.csv")

The inputs are cut into splits, each of which a task of Spark's has the program daytally count; Spark adds up
what they have counted, runs again what fails, and commits. The README of daytally has more, under
"Past one machine". ``python -m daytally.spark --help`` is the same for ``spark-submit``.

Needs pyspark 4, pyarrow and pandas on the driver, and pyarrow and pandas on the workers: ``pip install
'daytally[spark]'``.
"""

from __future__ import annotations

try:
    import pandas as _pandas  # noqa: F401
    import pyarrow as _pyarrow  # noqa: F401
    import pyspark as _pyspark
except ImportError as error:
    raise ImportError(
        f"daytally.spark needs pyspark, pyarrow and pandas: pip install 'daytally[spark]' ({error})"
    ) from error
if int(_pyspark.__version__.partition(".")[0]) < 4:
    raise ImportError(f"daytally.spark needs pyspark 4 or later, and this is {_pyspark.__version__}")

from ._checks import InputBooks
from ._job import SparkResult, aggregate
from ._summary import SparkSummary

__all__ = ["InputBooks", "SparkResult", "SparkSummary", "aggregate"]
