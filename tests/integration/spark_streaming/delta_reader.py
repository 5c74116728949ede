"""The job's entry script for tests, which then reads the pipeline's Delta table by Spark's own Delta reader."""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_streaming import job

if __name__ == "__main__":
    uri, arguments = sys.argv[-1], sys.argv[1:-1]
    try:
        job.app(arguments)
    except SystemExit as ended:
        if ended.code:
            raise
    table = SparkSession.builder.getOrCreate().read.format("delta").load(uri)
    rows = table.select("id", "at", "kind", "place", F.col("_source_line").alias("line")).orderBy("line").collect()
    sys.stdout.write(json.dumps({"event": "delta", "rows": [[str(value) for value in row] for row in rows]}) + "\n")
