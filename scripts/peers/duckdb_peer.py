#!/usr/bin/env python3
"""daytally's job, done by DuckDB. Usage: duckdb_peer.py IN OUT THREADS"""

import duckdb

from report import run


def job(events, result, threads):
    database = duckdb.connect()
    database.execute(f"SET threads = {threads}")
    # Lets the scan hand on its blocks in any order; the result is sorted in the end.
    database.execute("SET preserve_insertion_order = false")
    # A DECIMAL column would be filled from a double, and come out as 14.4199… where 14.42 is written.
    database.execute(
        f"""
        COPY (
            SELECT
                CAST(timestamp AS DATE) AS date,
                user_id,
                count(*) AS event_count,
                count(*) FILTER (event_type = 'purchase') AS purchase_count,
                coalesce(
                    sum(CAST(amount AS DECIMAL(38, 18))) FILTER (event_type = 'purchase'), 0
                ) AS total_revenue
            FROM read_json(
                '{events}',
                format = 'newline_delimited',
                columns = {{
                    user_id: 'BIGINT', event_type: 'VARCHAR', timestamp: 'TIMESTAMP', amount: 'VARCHAR'
                }}
            )
            GROUP BY ALL
            ORDER BY date, user_id
        ) TO '{result}' (FORMAT csv, HEADER)
        """
    )


if __name__ == "__main__":
    run(
        job,
        version=duckdb.__version__,
        revenue="decimal",
        how="amounts pass through doubles: exact to 15 digits each, their sums to 18 decimals",
    )
