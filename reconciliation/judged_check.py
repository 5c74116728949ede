"""The rows at the end of a way against what the contract makes of the topic's messages. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.content_check import mark_differing
from reconciliation.findings import Finding
from reconciliation.judged_party import JudgedTopic
from reconciliation.places import describe_rows
from reconciliation.row_keys import first_places, is_among, join_text
from reconciliation.way_sight import EndRows, WaySight


def compare_judged(way: WaySight, judged: JudgedTopic, limit: int) -> Iterator[Finding]:
    """Rows with other values than the contract gives them, and rows that stand on the wrong side."""
    for end, wanted, other, words in (
        (way.curated, judged.curated, judged.rejected, "curated here, but the contract rejects them"),
        (way.rejected, judged.rejected, judged.curated, "rejected here, but the contract accepts them"),
    ):
        yield from _find_altered(end, wanted, limit)
        misplaced = end.rows.filter(is_among(join_position(end.rows), join_position(other)))
        if misplaced.num_rows:
            yield Finding("altered", end.name, f"{words}: {describe_rows(misplaced, limit)}", misplaced.num_rows)


def _find_altered(end: EndRows, wanted: pa.Table, limit: int) -> Iterator[Finding]:
    if end.odd_columns:
        names = ", ".join(end.odd_columns)
        yield Finding("altered", end.name, f"values of {names} are not of the contract's type")
    places = first_places(join_position(end.rows), join_position(wanted))
    there = end.rows.filter(pc.is_valid(places))
    judged = wanted.take(pc.drop_null(places))
    differing = {
        name: differs
        for name in wanted.column_names
        if name not in end.odd_columns and pc.any(differs := mark_differing(there[name], judged[name])).as_py()
    }
    if differing:
        anywhere = None
        for mask in differing.values():
            anywhere = mask if anywhere is None else pc.or_(anywhere, mask)
        rows = there.filter(anywhere)
        text = (
            f"{', '.join(differing)} differ from what the contract makes of the message: {describe_rows(rows, limit)}"
        )
        yield Finding("altered", end.name, text, rows.num_rows)


def join_position(rows: pa.Table) -> pa.ChunkedArray:
    """One text a row: topic id, partition, offset."""
    return join_text(rows, ("_topic_id", "_partition", "_offset"))
