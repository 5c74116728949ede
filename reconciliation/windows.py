"""Windows of an aggregate that are not published yet. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_contract.model import Aggregate
from reconciliation.row_keys import is_among, join_text

_POSITION = ["_topic_id", "_partition", "_offset"]


def count_open_windows(
    curated: pa.Table, late: pa.Table, published: pa.Table, aggregate: Aggregate, watermark: datetime | None
) -> int:
    """The windows of curated rows that end behind the aggregate's watermark and of which no version is published.

    A row that came too late makes no session longer, and no new one.
    """
    if aggregate.grid is None:
        rows = curated.filter(pc.invert(is_among(join_text(curated, _POSITION), join_text(late, _POSITION))))
        windows = _list_sessions(rows, aggregate)
    else:
        windows = _list_windows(curated, aggregate, *map(_microseconds, aggregate.grid))
    if watermark is not None:
        mark_us = int(watermark.replace(tzinfo=watermark.tzinfo or UTC).timestamp() * 1_000_000)
        windows = windows.filter(pc.greater(windows["end_us"], mark_us))
    done = _name_windows(pc.cast(published["window_start"], pa.int64()), _name_groups(published, aggregate))
    return int(pc.count_distinct(windows["window"].filter(pc.invert(is_among(windows["window"], done)))).as_py())


def _list_windows(curated: pa.Table, aggregate: Aggregate, span_us: int, slide_us: int) -> pa.Table:
    """Name and end of each window that each row belongs to."""
    event_us, groups = pc.cast(curated["_event_time"], pa.int64()), _name_groups(curated, aggregate)
    # Windows are aligned to 1970-01-01 UTC, as Spark's are; a time before it lies below.
    quotient = pc.cast(pc.floor(pc.divide(pc.cast(event_us, pa.float64()), slide_us)), pa.int64())
    tables = []
    for number in range(ceil(span_us / slide_us)):
        start_us = pc.multiply(pc.subtract(quotient, number), slide_us)
        end_us = pc.add(start_us, span_us)
        table = pa.table({"window": _name_windows(start_us, groups), "end_us": end_us})
        tables.append(table.filter(pc.greater(end_us, event_us)))
    return pa.concat_tables(tables)


def _list_sessions(curated: pa.Table, aggregate: Aggregate) -> pa.Table:
    """Name and end of each session: a row goes on with the one before it unless that one's gap had passed."""
    assert aggregate.gap is not None  # noqa: S101 - the contract's checks demand one of window and gap
    gap_us = _microseconds(aggregate.gap)
    rows = pa.table(
        {"group": _name_groups(curated, aggregate), "event_us": pc.cast(curated["_event_time"], pa.int64())}
    ).sort_by([("group", "ascending"), ("event_us", "ascending")])
    sessions: list[tuple[str, int, int]] = []
    for group, event_us in zip(rows["group"].to_pylist(), rows["event_us"].to_pylist(), strict=True):
        if sessions and sessions[-1][0] == group and event_us <= sessions[-1][2]:
            sessions[-1] = (group, sessions[-1][1], event_us + gap_us)
        else:
            sessions.append((group, event_us, event_us + gap_us))
    groups, starts, ends = zip(*sessions, strict=True) if sessions else ((), (), ())
    starts_us = pa.array(starts, pa.int64())
    return pa.table(
        {"window": _name_windows(starts_us, pa.array(groups, pa.string())), "end_us": pa.array(ends, pa.int64())}
    )


def _name_groups(rows: pa.Table, aggregate: Aggregate) -> Any:
    # A group without a value is a group too, and another one than that of the empty text.
    groups = [pc.fill_null(pc.cast(rows[name], pa.string()), "\0null") for name in aggregate.group_by]
    return pc.binary_join_element_wise(*groups, "\x1f") if groups else pa.array([""] * rows.num_rows, pa.string())


def _name_windows(start_us: Any, groups: Any) -> Any:
    return pc.binary_join_element_wise(pc.cast(start_us, pa.string()), groups, "\x1f")


def _microseconds(span: timedelta) -> int:
    return int(span.total_seconds()) * 1_000_000
