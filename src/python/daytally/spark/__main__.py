"""``spark-submit``: the same as :func:`daytally.spark.aggregate`, from a command line.

    spark-submit --master spark://host:7077 "$(python -m daytally.spark --where)" /shared/logs/ -o /shared/stats.csv

Exit codes are those of the program: 0 the result was written, 1 it could not be, 2 wrong use, 3 too many
invalid events, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any, Optional

EPILOG = """examples:
  spark-submit --master spark://host:7077 "$(python -m daytally.spark --where)" /shared/logs/ -o /shared/stats.csv
  spark-submit "$(python -m daytally.spark --where)" s3a://bucket/logs/ -o s3a://bucket/daily/ --partition-by date
  python -m daytally.spark /shared/logs/ -o stats.csv --rejects rejects.jsonl     with the master of spark-defaults.conf
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m daytally.spark",
        description="Counts events and purchases and adds up revenue, per user and day, on a Spark cluster.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="files, folders, patterns, or what Spark can read")
    parser.add_argument("--where", action="store_true", help="print the path of this script, for spark-submit")
    parser.add_argument("-o", "--output", metavar="PATH", help="a file named .csv, or a folder")
    parser.add_argument("--format", choices=("csv", "parquet"), help="the format of a folder [default: parquet]")
    parser.add_argument("--partition-by", choices=("date",), help="a folder for each day in the output")
    parser.add_argument("--overwrite", action="store_true", help="replace a folder that is there, or days in it")
    parser.add_argument("--rejects", metavar="PATH", help="a file named .jsonl, or a folder")
    parser.add_argument("--max-invalid", metavar="N|P%", help="with more invalid events publish no result")
    parser.add_argument("--from", dest="from_date", metavar="DATE", help="count only events of this day or later")
    parser.add_argument("--to", dest="to_date", metavar="DATE", help="count only events of this day or earlier")
    parser.add_argument("--allow-duplicates", action="store_true", help="read a file that is named twice twice")
    parser.add_argument("--max-line-bytes", metavar="SIZE", help="a longer line is an invalid event")
    for field in ("user-id", "event-type", "timestamp", "amount"):
        parser.add_argument(f"--{field}-field", metavar="NAME", help=f"the key of the {field}, or its path")
    parser.add_argument(
        "--purchase-type", dest="purchase_types", action="append", metavar="TYPE", help="may be given more than once"
    )
    parser.add_argument("--accept-offsets", action="store_true", help="convert timestamps with an offset to UTC")
    parser.add_argument("--timezone", metavar="ZONE", help="count by the days of this time zone")
    parser.add_argument("--reader", choices=("files", "spark"), help="who reads the inputs [default: by their names]")
    parser.add_argument("--split-size", default="128MiB", metavar="SIZE", help="[default: %(default)s]")
    parser.add_argument("--staging", metavar="FOLDER", help="where partials wait [default: beside the output]")
    parser.add_argument("--binary", metavar="PATH", help="'installed', or the program's path on the workers")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of a task [default: spark.task.cpus]")
    parser.add_argument("--memory-limit", default="512MiB", metavar="SIZE", help="of a task [default: %(default)s]")
    parser.add_argument("--temp-dir", metavar="DIR", help="where groups go that do not fit into that")
    return parser


def main(arguments: Optional[list[str]] = None) -> int:
    parser = _parser()
    given: dict[str, Any] = vars(parser.parse_args(arguments))
    if given.pop("where"):
        print(__file__)
        return 0
    inputs = given.pop("inputs")
    if not inputs:
        parser.error("there are no inputs")
    if given["output"] is None:
        parser.error("say where the result goes: --output")

    from pyspark.sql import SparkSession

    import daytally
    import daytally.spark

    logging.basicConfig(format="%(asctime)s %(levelname)5s %(message)s", level=logging.WARNING)
    builder: Any = SparkSession.builder
    spark = builder.appName("daytally").getOrCreate()
    try:
        summary = daytally.spark.aggregate(spark, inputs, **given).summary
    except daytally.DaytallyError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return error.exit_code if error.exit_code in (1, 2, 3) else 1
    except KeyboardInterrupt:
        print("error: stopped; nothing was written", file=sys.stderr)
        return 130
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        spark.stop()
    print(
        f"{summary.lines:,} lines in {len(summary.inputs):,} inputs and {summary.splits:,} splits:"
        f" {summary.valid:,} valid, {summary.invalid:,} invalid, {summary.blank:,} blank,"
        f" {summary.filtered:,} of other days",
        file=sys.stderr,
    )
    for reason, place in summary.first_by_reason.items():
        print(f"{summary.invalid_by_reason[reason]:>12,}  {reason:<21} first at {place}", file=sys.stderr)
    print(
        f"{summary.groups or 0:,} groups, {summary.purchase_count:,} purchases, revenue {summary.total_revenue:,f},"
        f" in {summary.elapsed_seconds:.1f} s: {summary.output}",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
