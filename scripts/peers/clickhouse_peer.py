#!/usr/bin/env python3
"""daytally's job, done by ClickHouse in its local form, chDB. Usage: clickhouse_peer.py IN OUT THREADS"""

import chdb

from report import run


def job(events, result, threads):
    chdb.query(
        f"""
        SELECT
            toDate(timestamp) AS date,
            user_id,
            count() AS event_count,
            countIf(event_type = 'purchase') AS purchase_count,
            sumIf(amount, event_type = 'purchase') AS total_revenue
        FROM file(
            '{events}',
            JSONEachRow,
            'user_id Int64, event_type String, timestamp DateTime(''UTC''), amount Decimal(38, 18)'
        )
        GROUP BY date, user_id
        ORDER BY date, user_id
        INTO OUTFILE '{result}' TRUNCATE
        FORMAT CSVWithNames
        SETTINGS
            input_format_skip_unknown_fields = 1,
            max_threads = {threads},
            max_parsing_threads = {threads}
        """
    )


if __name__ == "__main__":
    run(
        job,
        version=f"{chdb.engine_version} (chDB {chdb.__version__})",
        revenue="decimal",
        how="decimals are read as written, and cut off after the 18th",
    )
