"""The rows that the windows of an aggregate still lack because they came too late. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_contract.manifest import Backfill, OffsetRange
from reconciliation.row_keys import join_text


def count_late(late: pa.Table, aggregate: str, lineage: str | None, backfills: Iterable[Backfill]) -> int:
    """The different rows that came too late for a window of a lineage and that no backfill has counted there since.

    `late` has each row once for each window that lacks it; its `place` is the key of the object, which names the lineage.
    """
    waiting = late.filter(pc.match_substring(late["place"], f"/{lineage}-"))
    for backfill in backfills:
        states = [state for state in backfill.aggregates if state.name == aggregate]
        if [state.lineage for state in states] == [lineage] and waiting.num_rows:
            waiting = waiting.filter(pc.invert(_is_counted(waiting, backfill)))
    return int(pc.count_distinct(join_text(waiting, ["_topic_id", "_partition", "_offset"])).as_py())


def _is_counted(late: pa.Table, backfill: Backfill) -> pa.Array:
    """Which rows lay in the windows that a backfill has computed: its range met the window, and knew the row."""
    meets = pc.and_(
        pc.less(late["window_start"], pa.scalar(backfill.event_to, pa.timestamp("us"))),
        pc.greater(late["window_end"], pa.scalar(backfill.event_from, pa.timestamp("us"))),
    )
    known = (_is_before(late, known) for known in backfill.snapshot)
    return pc.and_(meets, reduce(pc.or_, known, pa.array([False] * late.num_rows)))


def _is_before(late: pa.Table, end: OffsetRange) -> pa.Array:
    of_partition = pc.and_(pc.equal(late["_topic_id"], end.topic_id), pc.equal(late["_partition"], end.partition))
    return pc.and_(of_partition, pc.less(late["_offset"], end.end))
