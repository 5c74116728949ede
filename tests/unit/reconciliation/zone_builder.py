"""Rows of zones as tests write them, with defaults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from pipeline_contract.manifest import OffsetRange
from pipeline_contract.replay_record import ReplayRecord
from reconciliation.accounts import Zones
from reconciliation.row_keys import PASSPORT_SCHEMA, make_zone
from reconciliation.source_party import SourceSight
from reconciliation.topic_party import TopicSight

FILE = "orders.csv#0123456789ab"
TOPIC_ID = "id-of-orders"


def build_zone(numbers: Iterable[int], place: str | None = None, **changes: Any) -> pa.Table:
    """Rows number n: line n + 2 of the file, offset n of partition 0; `changes` replace columns of all of them."""
    rows = [
        {
            "_source_file": FILE, "_source_line": number + 2, "_topic": "orders", "_topic_id": TOPIC_ID,
            "_partition": 0, "_offset": number, "place": place,
        }
        | changes
        for number in numbers
    ]  # fmt: skip
    return make_zone(pa.Table.from_pylist(rows, schema=PASSPORT_SCHEMA))


def build_topic(numbers: Iterable[int], start: int = 0) -> TopicSight:
    """The topic with these messages, of which those before `start` have expired."""
    return TopicSight(build_zone(numbers), {"orders": TOPIC_ID}, {("orders", 0): start})


def build_zones(
    topic: Iterable[int] = (),
    raw: Iterable[int] = (),
    curated: Iterable[int] = (),
    rejected: Iterable[int] = (),
    table: Iterable[int] = (),
    waiting: Iterable[int] = (),
    start: int = 0,
) -> Zones:
    """All zones by their rows' numbers; `waiting` are those of curated rows whose object is not loaded yet."""
    curated, waiting = list(curated), set(waiting)
    return Zones(
        topic=build_topic(topic, start),
        raw=build_zone(raw, "raw.parquet"),
        curated=build_zone(curated, "curated.parquet"),
        rejected=build_zone(rejected, "rejected.parquet"),
        table=build_zone(table, "curated.parquet"),
        rejected_table=build_zone([]),
        waiting=pa.array([number in waiting for number in curated], pa.bool_()),
    )


def build_source(
    rows: int, lines: Iterable[int] | None = None, *, finished: bool = True, next_line: int = 0
) -> SourceSight:
    """A replay whose record counts `rows`; `lines` are what its file has when it is read again, None if it is gone."""
    record = ReplayRecord(
        source_file=FILE, path="orders.csv", fingerprint="f" * 64, replay_id=None, contract_version=1, rows=rows,
        sent=rows, rejected=0, next_line=next_line or rows + 2, next_byte=0, bytes=100, finished=finished,
    )  # fmt: skip
    if lines is None:
        return SourceSight(record, None, "is gone")
    return SourceSight(record, pa.array(list(lines), pa.int64()))


def build_range(start: int, end: int) -> OffsetRange:
    """A range of offsets of the one partition."""
    return OffsetRange(topic="orders", topic_id=TOPIC_ID, partition=0, start=start, end=end)
