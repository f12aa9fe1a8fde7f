#!/usr/bin/env python3
"""daytally's job, done by DataFusion. Usage: datafusion_peer.py IN OUT THREADS [check]"""

import os

import datafusion
import pyarrow

from report import run

HOW = "decimals are read as written, and cut off after the 18th; of a timestamp only the date is read"


def job(events, result, threads):
    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))
    # Reading timestamps as such takes some percent longer than cutting the date out of text.
    schema = pyarrow.schema(
        [
            ("user_id", pyarrow.int64()),
            ("event_type", pyarrow.string()),
            ("timestamp", pyarrow.string()),
            ("amount", pyarrow.decimal128(38, 18)),
        ]
    )
    extension = os.path.splitext(events)[1]
    context.register_json("events", events, schema=schema, file_extension=extension)
    context.sql(
        """
        SELECT
            substr(timestamp, 1, 10) AS date,
            user_id,
            count(*) AS event_count,
            count(*) FILTER (WHERE event_type = 'purchase') AS purchase_count,
            coalesce(sum(amount) FILTER (WHERE event_type = 'purchase'), 0) AS total_revenue
        FROM events
        GROUP BY 1, 2
        ORDER BY 1, 2
        """
    ).write_csv(result, with_header=True)


if __name__ == "__main__":
    run(
        job,
        version=datafusion.__version__,
        revenue="decimal",
        how=HOW,
        # Its reader has nothing to pass over lines with, and there are no functions for JSON.
        checking=(job, HOW),
    )
