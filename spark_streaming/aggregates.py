"""The aggregate queries: windows over event time, published when the watermark has passed them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.layout import name_batch
from pipeline_contract.manifest import Manifest
from pipeline_contract.model import Aggregate, Contract
from pipeline_contract.outputs import aggregate_columns, derive_aggregate
from spark_streaming.curate import judge_rows, select_curated
from spark_streaming.offsets import range_ends, sum_offsets
from spark_streaming.protect import add_key
from spark_streaming.publisher import Batch, Publisher
from spark_streaming.row_files import write_output
from spark_streaming.source import select_raw


def fingerprint_aggregate(contract: Contract, aggregate: Aggregate) -> str:
    """A short hash of all that decides what the query's state means; a changed one needs a new lineage."""
    watermark = contract.event_time.watermark if contract.event_time else None
    return hashlib.sha256(f"{aggregate!r} {watermark!r}".encode()).hexdigest()[:16]


def aggregate_stream(
    messages: DataFrame, spark: SparkSession, contract: Contract, aggregate: Aggregate,
    references: Mapping[str, DataFrame], protect_key: str | None, topic_ids: Mapping[str, str],
) -> DataFrame:  # fmt: skip
    """The unstarted stream of closed windows; rows later than the watermark are not in them."""
    assert contract.event_time is not None  # noqa: S101 - the contract's checks demand it of an aggregate
    raw = select_raw(messages, contract, topic_ids, F.lit(None).cast("string"))
    rows = select_curated(judge_rows(add_key(raw, spark, contract, protect_key), contract, references), contract)
    late_by = f"{int(contract.event_time.watermark.total_seconds())} seconds"
    # A watermark wants an instant; in the session's time zone, UTC, it is the same one.
    timed = rows.withColumn("_event_time", F.col("_event_time").cast("timestamp"))
    return aggregate_rows(timed.withWatermark("_event_time", late_by), contract, aggregate)


def aggregate_rows(curated: DataFrame, contract: Contract, aggregate: Aggregate) -> DataFrame:
    """The windows of curated rows, of a stream or of files alike, with the aggregate's columns in order."""
    span = f"{int(aggregate.window.total_seconds())} seconds"
    window = F.window("_event_time", span)
    measures = [F.expr(m.expression).cast(m.type.spark).alias(m.name) for m in aggregate.measures]
    grouped = curated.groupBy(window, *aggregate.group_by).agg(*measures)
    bounds = {"window_start": grouped["window.start"], "window_end": grouped["window.end"]}
    named = grouped.withColumns({name: bound.cast("timestamp_ntz") for name, bound in bounds.items()})
    return named.select(*aggregate_columns(contract, aggregate))


def add_aggregate_passport(windows: DataFrame, contract: Contract, as_of: int, batch_id: Column) -> DataFrame:
    """Windows with where they come from: the topic, the number of offsets read, the batch."""
    return windows.select(
        "*",
        F.lit(contract.topic.name).alias("_topic"),
        F.lit(as_of).cast("bigint").alias("_as_of"),
        batch_id.alias("_batch_id"),
    )


def publish_windows(
    publisher: Publisher, batch: Batch, windows: DataFrame, contract: Contract, aggregate: Aggregate
) -> Manifest:
    """Publish the windows that one micro-batch closed and return the manifest that stands for it."""
    output = derive_aggregate(contract, aggregate)
    as_of = sum_offsets(range_ends(batch.ranges))
    batch_id = F.lit(name_batch(publisher.lineage.lineage, batch.number))
    rows = add_aggregate_passport(windows, contract, as_of, batch_id)
    return publisher.publish(batch, lambda location: write_output(rows, output, f"{location}{output.name}", 1))
