#!/usr/bin/env python3
"""daytally's job, done by ClickHouse in its local form, chDB. Usage: clickhouse_peer.py IN OUT THREADS [check]"""

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


def checking(events, result, threads):
    # Of each line its JSON is read once, by simdjson, which is strict, also about UTF-8. JSONExtractKeysAndValuesRaw
    # takes 0.9 times as long on flat lines, and 1.3 times on nested ones.
    chdb.query(
        rf"""
        SELECT
            date,
            user_id,
            count() AS event_count,
            countIf(is_purchase) AS purchase_count,
            sumIf(ifNull(amount, 0), is_purchase) AS total_revenue
        FROM (
            SELECT
                coalesce(
                    CAST(dynamicElement(event.1, 'Int64') AS Nullable(Int128)),
                    CAST(dynamicElement(event.1, 'UInt64') AS Nullable(Int128))
                ) AS user_id,
                dynamicElement(event.2, 'String') AS event_type,
                event_type = 'purchase' AS is_purchase,
                dynamicElement(event.3, 'String') AS timestamp,
                toDate(parseDateTimeOrNull(substring(timestamp, 1, 19), '%Y-%m-%dT%H:%i:%s', 'UTC')) AS date,
                if(is_purchase, JSONExtractRaw(line, 'amount'), '') AS written,
                toDecimal128OrNull(written, 18) AS amount
            FROM (
                SELECT
                    line,
                    JSONExtract(line, 'Tuple(user_id Dynamic, event_type Dynamic, timestamp Dynamic)') AS event
                FROM file('{events}', LineAsString, 'line String')
                WHERE match(line, '^\s*\{{')
            )
        )
        WHERE user_id IS NOT NULL
            AND event_type <> ''
            AND match(timestamp, '^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00:00)$')
            AND date IS NOT NULL
            AND (NOT is_purchase OR match(written, '^[-0-9]') AND amount > 0 AND amount < 1000000000000000)
        GROUP BY date, user_id
        ORDER BY date, user_id
        INTO OUTFILE '{result}' TRUNCATE
        FORMAT CSVWithNames
        SETTINGS
            input_format_try_infer_datetimes = 0,
            input_format_try_infer_dates = 0,
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
        checking=(
            checking,
            "decimals are read as written, and cut off after the 18th; of timestamps one form is read, with or without "
            "a fraction, from 1970 to 2106",
        ),
    )
