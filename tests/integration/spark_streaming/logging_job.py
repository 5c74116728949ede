"""A Spark application for tests: in the middle of a batch, a task fails and a Python library warns."""

from __future__ import annotations

import logging
import sys

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from spark_streaming.log_lines import BatchPlace, capture_logging, work_on

PLACE = BatchPlace("ingest", 7, "0001-abc-0000000007", {"orders": {0: (10, 20)}})


def main() -> None:
    """Let both happen, and end well."""
    capture_logging(sys.stdout)
    spark = SparkSession.builder.getOrCreate()
    with work_on(PLACE, spark):
        logging.getLogger("library").warning("a warning of %s", "Python's")
        try:
            spark.range(1).select(F.raise_error(F.lit("a task that fails"))).collect()
        except PySparkException:
            return


if __name__ == "__main__":
    main()
