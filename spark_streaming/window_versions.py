"""The published versions of windows: which are the newest, and which windows are no more. DataFrame in, DataFrame out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.event_range import EventRange
from pipeline_contract.layout import BACKFILL
from pipeline_contract.manifest import LakeFile, Manifest
from pipeline_contract.model import Aggregate, Contract
from pipeline_contract.outputs import WINDOW_COLUMNS, aggregate_columns
from spark_streaming.event_times import bound_range
from spark_streaming.null_safe_keys import rename_key, renamed, same_key


def list_version_files(manifests: Iterable[Manifest], output: str, span: EventRange) -> Iterator[LakeFile]:
    """The files of an aggregate's batches that can hold versions of windows which lie in a span or reach into it.

    A batch closes the windows that end behind the watermark of the batch before it, up to its own.
    """
    lineage, before = "", None
    for manifest in manifests:
        if manifest.lineage != lineage:
            lineage, before = manifest.lineage, None
        begins = before is None or before < span.end
        if begins and manifest.watermark is not None and span.start < manifest.watermark:
            yield from manifest.files_of(output)
        before = manifest.watermark


def select_newest(versions: DataFrame, aggregate: Aggregate) -> DataFrame:
    """The key of each window whose newest version stands."""
    key = window_key(aggregate)
    order = F.struct("_lineage", "_as_of", F.col("_batch_id").startswith(BACKFILL), "_batch_id", "_withdrawn")
    newest = versions.groupBy(*key).agg(F.max(order).alias("newest"))
    return newest.where(~F.col("newest._withdrawn")).select(*key)


def select_withdrawn(newest: DataFrame, windows: DataFrame, contract: Contract, aggregate: Aggregate) -> DataFrame:
    """The windows that stand as published and are not among those computed anew, their measures null."""
    key = window_key(aggregate)
    gone = newest.join(rename_key(windows, key), same_key(key), "left_anti")
    columns = aggregate_columns(contract, aggregate)
    return gone.select(
        *(F.col(name) if name in key else F.lit(None).cast(kind.spark).alias(name) for name, kind in columns.items())
    )


def select_within(span: EventRange, windows: DataFrame) -> DataFrame:
    """The windows that lie in a span."""
    start, end = bound_range(span)
    return windows.where((F.col("window_start") >= start) & (F.col("window_end") <= end))


def select_meeting(span: EventRange, windows: DataFrame) -> DataFrame:
    """The windows that have a time in common with a span."""
    return windows.where(_meets(span))


def drop_meeting(span: EventRange, windows: DataFrame) -> DataFrame:
    """The windows that have no time in common with a span."""
    return windows.where(~_meets(span))


def _meets(span: EventRange) -> Column:
    start, end = bound_range(span)
    return (F.col("window_start") < end) & (start < F.col("window_end"))


def drop_met(sessions: DataFrame, others: DataFrame, aggregate: Aggregate) -> DataFrame:
    """The sessions that meet none of others of their group."""
    return sessions.join(rename_key(others, window_key(aggregate)), _of_one_group_and_time(aggregate), "left_anti")


def keep_met(sessions: DataFrame, others: DataFrame, aggregate: Aggregate) -> DataFrame:
    """The sessions that meet one of others of their group."""
    return sessions.join(rename_key(others, window_key(aggregate)), _of_one_group_and_time(aggregate), "left_semi")


def _of_one_group_and_time(aggregate: Aggregate) -> list[Column]:
    other_start, other_end = (F.col(renamed(name)) for name in WINDOW_COLUMNS)
    meets = (F.col("window_start") < other_end) & (other_start < F.col("window_end"))
    return [*same_key(aggregate.group_by), meets]


def window_key(aggregate: Aggregate) -> list[str]:
    """The columns that name one window: its bounds and its groups."""
    return [*WINDOW_COLUMNS, *aggregate.group_by]
