#!/usr/bin/env python3
"""daytally's job, done by Python with orjson. Usage: orjson_peer.py IN OUT THREADS"""

import orjson

from python_peer import job_with
from report import run

if __name__ == "__main__":
    run(
        job_with(orjson.loads),
        version=orjson.__version__,
        revenue="double",
        how="of a timestamp only the date is read; processes instead of threads",
    )
