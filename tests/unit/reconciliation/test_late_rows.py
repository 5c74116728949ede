"""Late rows are those that no window counts: a backfill counts what it knew of the windows that it met."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from pipeline_contract.manifest import AggregateState, Backfill, OffsetRange
from reconciliation.late_rows import count_late

BEGIN = datetime(2024, 5, 1)  # noqa: DTZ001 - times of the lake have no zone
HOUR = timedelta(hours=1)
LINEAGE = "0002-b"


def build_late(*rows: tuple[int, int, str]) -> pa.Table:
    """Late rows by offset, the hour of their window and the lineage that passed them over."""
    schema = pa.schema(
        [
            ("window_start", pa.timestamp("us")), ("window_end", pa.timestamp("us")), ("_topic_id", pa.string()),
            ("_partition", pa.int32()), ("_offset", pa.int64()), ("place", pa.string()),
        ]
    )  # fmt: skip
    return pa.Table.from_pylist(
        [
            {
                "window_start": BEGIN + hour * HOUR, "window_end": BEGIN + (hour + 1) * HOUR, "_topic_id": "id",
                "_partition": 0, "_offset": offset, "place": f"lake/p/late/hourly/{lineage}-0000000003-0000.parquet",
            }
            for offset, hour, lineage in rows
        ],
        schema=schema,
    )  # fmt: skip


def build_backfill(
    start: int, end: int, known: int = 100, lineage: str = LINEAGE, name: str = "hourly", topic_id: str = "id"
) -> Backfill:
    snapshot = OffsetRange(topic="p", topic_id=topic_id, partition=0, start=0, end=known)
    return Backfill(
        pipeline="p", query="ingest", number=1, attempt="a", contract_version=1, contract_hash="", source="raw",
        event_from=BEGIN + start * HOUR, event_to=BEGIN + end * HOUR, with_rejected=False, snapshot=(snapshot,),
        counts=(), replacements=(), carried=(), superseded={},
        aggregates=(AggregateState(name=name, lineage=lineage, as_of=1, watermark=None, closes=0),),
    )  # fmt: skip


LATE = build_late((7, 1, LINEAGE), (8, 2, LINEAGE), (8, 3, LINEAGE), (9, 4, LINEAGE), (5, 1, "0001-a"))


@pytest.mark.parametrize(
    ("backfills", "expected"),
    [
        pytest.param([], 3, id="each row once, of the newest lineage"),
        pytest.param([build_backfill(1, 2)], 2, id="a window met"),
        pytest.param([build_backfill(3, 4)], 3, id="one of a row's two windows"),
        pytest.param([build_backfill(3, 4), build_backfill(2, 3)], 2, id="both of them, one after the other"),
        pytest.param([build_backfill(0, 9, known=8)], 2, id="rows that came since"),
        pytest.param([build_backfill(0, 9, lineage="0001-a")], 3, id="another lineage"),
        pytest.param([build_backfill(0, 9, name="daily")], 3, id="another aggregate"),
        pytest.param([build_backfill(0, 9, topic_id="other")], 3, id="another topic"),
        pytest.param([build_backfill(0, 9)], 0, id="all of them"),
    ],
)
def test_late_rows_are_counted_until_a_backfill_counts_them(backfills: list[Backfill], expected: int) -> None:
    assert count_late(LATE, "hourly", LINEAGE, backfills) == expected


def test_there_are_none_before_the_first_batch() -> None:
    assert count_late(build_late(), "hourly", None, [build_backfill(0, 9)]) == 0
