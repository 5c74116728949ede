"""Windows of event time: which ones a row belongs to, and what an aggregate makes of them. DataFrame in, DataFrame out."""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.model import Aggregate, Contract
from pipeline_contract.outputs import aggregate_columns

_BOUNDS = {"window_start": "start", "window_end": "end"}


def aggregate_rows(curated: DataFrame, contract: Contract, aggregate: Aggregate) -> DataFrame:
    """The windows of curated rows, of a stream or of files alike, with the aggregate's columns in order."""
    measures = [F.expr(m.expression).cast(m.type.spark).alias(m.name) for m in aggregate.measures]
    grouped = curated.groupBy(_window(aggregate).alias("window"), *aggregate.group_by).agg(*measures)
    named = grouped.withColumns({n: grouped[f"window.{b}"].cast("timestamp_ntz") for n, b in _BOUNDS.items()})
    return named.select(*aggregate_columns(contract, aggregate))


def assign_windows(curated: DataFrame, aggregate: Aggregate) -> DataFrame:
    """Each row once for each window that it belongs to; for a session, the one that it would make alone."""
    if aggregate.grid is None:
        end = F.col("_event_time") + F.expr(f"interval {_gap(aggregate)}")
        return curated.withColumns({"window_start": F.col("_event_time"), "window_end": end})
    windowed = curated.withColumn("window", _window(aggregate))
    return windowed.withColumns({n: F.col(f"window.{b}") for n, b in _BOUNDS.items()}).drop("window")


def _window(aggregate: Aggregate) -> Column:
    if aggregate.grid is None:
        return F.session_window("_event_time", _gap(aggregate))
    return F.window("_event_time", *map(_seconds, aggregate.grid))


def _gap(aggregate: Aggregate) -> str:
    assert aggregate.gap is not None  # noqa: S101 - the contract's checks demand one of window and gap
    return _seconds(aggregate.gap)


def _seconds(span: timedelta) -> str:
    return f"{int(span.total_seconds())} seconds"
