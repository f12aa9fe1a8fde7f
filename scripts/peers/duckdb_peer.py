#!/usr/bin/env python3
"""daytally's job, done by DuckDB. Usage: duckdb_peer.py IN OUT THREADS [check]"""

import duckdb

from report import run


def connect(threads):
    database = duckdb.connect()
    database.execute(f"SET threads = {threads}")
    # Lets the scan hand on its blocks in any order; the result is sorted in the end.
    database.execute("SET preserve_insertion_order = false")
    return database


def job(events, result, threads):
    database = connect(threads)
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


# Commas before a bracket, and numbers that are none: both pass for JSON with DuckDB. They are looked for outside of
# strings, but only where they are in the line at all: in a CASE, since all operands of an AND that is not a filter of
# its own are evaluated. So the whole job takes half as long.
STRICT = r"""
    CASE WHEN regexp_matches(line, ',\s*[]}]')
            OR contains(line, 'nan') OR contains(line, 'NaN') OR contains(line, 'NAN')
            OR contains(line, 'inf') OR contains(line, 'Inf') OR contains(line, 'INF')
        THEN NOT regexp_matches(regexp_replace(line, '"(?:[^"\\]|\\.)*"', '""', 'g'), '(?i),\s*[]}]|nan|inf')
        ELSE true
    END
"""


def checking(events, result, threads):
    # Of the ways to come to the values as they are written this is the quickest: json_extract with a list of paths
    # takes 1.1 times as long, and columns of type JSON in read_json, which are as quick, leave no line to look at.
    connect(threads).execute(
        rf"""
        COPY (
            WITH lines AS (
                SELECT
                    json_transform(
                        json,
                        '{{"user_id": "JSON", "event_type": "JSON", "timestamp": "JSON", "amount": "JSON"}}'
                    ) AS event,
                    json::VARCHAR AS line
                FROM read_ndjson_objects('{events}', ignore_errors = true)
            ),
            written AS (
                SELECT
                    event.user_id::VARCHAR AS user_id,
                    event.event_type::VARCHAR AS event_type,
                    event.timestamp::VARCHAR AS timestamp,
                    event.amount::VARCHAR AS amount
                FROM lines
                WHERE {STRICT}
            ),
            read AS (
                SELECT
                    *,
                    TRY_CAST(user_id AS HUGEINT) AS id,
                    TRY_CAST(timestamp[2:-2] AS TIMESTAMP) AS time,
                    event_type = '"purchase"' AS is_purchase,
                    TRY_CAST(amount AS DECIMAL(38, 18)) AS revenue
                FROM written
            )
            SELECT
                CAST(time AS DATE) AS date,
                id AS user_id,
                count(*) AS event_count,
                count(*) FILTER (is_purchase) AS purchase_count,
                coalesce(sum(revenue) FILTER (is_purchase), 0) AS total_revenue
            FROM read
            WHERE id BETWEEN -9223372036854775808 AND 18446744073709551615
                AND regexp_full_match(user_id, '-?\d+')
                AND event_type[1] = '"'
                AND event_type <> '""'
                AND time IS NOT NULL
                AND (
                    timestamp LIKE '"____-__-__T__:__:__Z"'
                    OR regexp_full_match(
                        timestamp, '"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00:00)"'
                    )
                )
                AND (NOT is_purchase OR amount[1] <> '"' AND revenue > 0 AND revenue < 1e15)
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
        checking=(
            checking,
            "amounts pass through doubles: exact to 15 digits each, their sums to 18 decimals; of timestamps one form is "
            "read, with or without a fraction",
        ),
    )
