"""The rows that a backfill takes again: which they are, how many by partition, and in which files they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from urllib.parse import unquote

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.event_range import EventRange
from pipeline_contract.manifest import LakeFile, OffsetRange
from pipeline_contract.outputs import Output
from spark_streaming.event_times import is_within
from spark_streaming.row_files import read_output

# What names a message: the key of every comparison of rows.
POSITION = ["_topic_id", "_partition", "_offset"]


@dataclass(frozen=True)
class RetakenRows:
    """`keys` has the position of each row, its output and its file; `spans` the offsets between which they lie."""

    keys: DataFrame
    spans: tuple[OffsetRange, ...]
    counts: dict[tuple[str, int], int]
    by_file: dict[str, dict[str, int]]

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(self.counts.values())


def find_retaken(
    spark: SparkSession, bucket: str, outputs: Iterable[Output], candidates: dict[str, tuple[LakeFile, ...]],
    event_range: EventRange, topic: str,
) -> RetakenRows:  # fmt: skip
    """Look for the rows of the range in the files of the current set that may hold them.

    Of the rejected rows those of the main topic that are no duplicates, also without an event time. The keys are kept
    until `keys.unpersist()`.
    """
    frames = [
        read_output(spark, output, [f"s3a://{bucket}/{file.final_key}" for file in candidates[output.name]])
        .withColumn("file", F.input_file_name())
        .where(is_retaken(output, event_range, topic))
        .select("_topic", *POSITION, F.lit(output.name).alias("output"), "file")
        for output in outputs
        if candidates[output.name]
    ]
    keys = reduce(DataFrame.union, frames).persist()
    places = keys.groupBy("_topic", "_topic_id", "_partition").agg(
        F.min("_offset").alias("start"), (F.max("_offset") + 1).alias("end"), F.count("*").alias("rows")
    )
    spans, counts = [], dict[tuple[str, int], int]()
    for row in places.collect():
        spans.append(
            OffsetRange(
                topic=row["_topic"], topic_id=row["_topic_id"], partition=row["_partition"], start=row["start"],
                end=row["end"],
            )
        )  # fmt: skip
        place = (row["_topic"], row["_partition"])
        counts[place] = counts.get(place, 0) + row["rows"]
    by_file: dict[str, dict[str, int]] = {}
    for row in keys.groupBy("output", "file").count().collect():
        by_file.setdefault(row["output"], {})[find_key(row["file"], bucket)] = row["count"]
    return RetakenRows(keys, tuple(spans), counts, by_file)


def is_retaken(output: Output, event_range: EventRange, topic: str) -> Column:
    """Which rows of an output a backfill of the range takes again."""
    time = F.col("_event_time")
    within = is_within(time, event_range)
    if output.kind != "rejected":
        return within
    return (within | time.isNull()) & (F.col("_topic") == topic) & (F.col("reason") != "duplicate")


def find_key(address: str, bucket: str) -> str:
    """The key of a file that Spark names by its address, in which it writes special characters as in a URL."""
    return unquote(address).removeprefix(f"s3a://{bucket}/")


def is_fresh(snapshot: Iterable[OffsetRange]) -> Column:
    """Which rows lie behind every offset of an older snapshot."""
    known = (
        (F.col("_topic_id") == r.topic_id) & (F.col("_partition") == r.partition) & (F.col("_offset") < r.end)
        for r in snapshot
    )
    return ~reduce(Column.__or__, known, F.lit(False))
