"""Reads a topic by Spark's own Kafka source, with the options that the first argument holds as JSON."""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession

SparkSession.builder.getOrCreate().read.format("kafka").options(**json.loads(sys.argv[1])).load().count()
