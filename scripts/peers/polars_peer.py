#!/usr/bin/env python3
"""daytally's job, done by Polars with its streaming engine. Usage: polars_peer.py IN OUT THREADS [check]"""

import os
import sys

if len(sys.argv) > 3:
    # Read when Polars is imported.
    os.environ["POLARS_MAX_THREADS"] = sys.argv[3]

import polars

from report import run

HOW = (
    "amounts pass through doubles: exact to 15 digits each, their sums to 18 decimals; of a timestamp only the date is "
    "read"
)


def job(events, result, _threads, strict=True):
    # Datetime columns of NDJSON are read twenty times slower than text, and so are Date columns, which come out as
    # nulls; Decimal columns are filled from doubles, and come out as 14.4199… where 14.42 is written.
    schema = {
        "user_id": polars.Int64,
        "event_type": polars.String,
        "timestamp": polars.String,
        "amount": polars.String,
    }
    date = polars.col("timestamp").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=strict)
    is_purchase = polars.col("event_type") == "purchase"
    amount = polars.col("amount").cast(polars.Decimal(38, 18), strict=strict)
    (
        polars.scan_ndjson(events, schema=schema, ignore_errors=not strict)
        .group_by(date.alias("date"), "user_id")
        .agg(
            polars.len().alias("event_count"),
            is_purchase.sum().alias("purchase_count"),
            amount.filter(is_purchase).sum().alias("total_revenue"),
        )
        .sort("date", "user_id")
        .sink_csv(result, engine="streaming")
    )


def checking(events, result, threads):
    # All that its reader has for this: it stops at what is no JSON, and fills a column of text from a number, and one
    # of numbers from text. json_path_match hands on text without saying what it was, too.
    job(events, result, threads, strict=False)


if __name__ == "__main__":
    run(
        job,
        version=polars.__version__,
        revenue="decimal",
        how=HOW,
        checking=(checking, HOW),
    )
