"""Windows of an aggregate that are not published yet. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_contract.model import Aggregate
from reconciliation.row_keys import is_among


def count_open_windows(curated: pa.Table, published: pa.Table, aggregate: Aggregate, watermark: datetime | None) -> int:
    """The windows of curated rows that end behind the aggregate's watermark and of which no version is published."""
    span_us = int(aggregate.window.total_seconds()) * 1_000_000
    event_us = pc.cast(curated["_event_time"], pa.int64())
    # Windows are aligned to 1970-01-01 UTC, as Spark's are; a time before it lies below.
    start_us = pc.multiply(pc.cast(pc.floor(pc.divide(pc.cast(event_us, pa.float64()), span_us)), pa.int64()), span_us)
    windows = _name_windows(start_us, curated, aggregate)
    table = pa.table({"window": windows, "end_us": pc.add(start_us, span_us)})
    if watermark is not None:
        mark_us = int(watermark.replace(tzinfo=watermark.tzinfo or UTC).timestamp() * 1_000_000)
        table = table.filter(pc.greater(table["end_us"], mark_us))
    done = _name_windows(pc.cast(published["window_start"], pa.int64()), published, aggregate)
    return int(pc.count_distinct(table["window"].filter(pc.invert(is_among(table["window"], done)))).as_py())


def _name_windows(start_us: Any, rows: pa.Table, aggregate: Aggregate) -> Any:
    # A group without a value is a group too, and another one than that of the empty text.
    groups = [pc.fill_null(pc.cast(rows[name], pa.string()), "\0null") for name in aggregate.group_by]
    return pc.binary_join_element_wise(pc.cast(start_us, pa.string()), *groups, "\x1f")
