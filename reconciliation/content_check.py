"""Rows of a table against rows of the objects: nothing missing, nothing twice, every value as it was published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.findings import Finding
from reconciliation.lake_party import LakeOutput
from reconciliation.places import describe_places, describe_rows
from reconciliation.row_keys import drop_repeated, first_places, is_among, join_text, mark_repeated
from reconciliation.warehouse_party import IN_PROGRESS, WarehouseTable

FAILURES = ("Load failed", "Partially loaded")


@dataclass(frozen=True)
class TableAccount:
    """How the rows of one output's objects stand in its table; `findings` name every difference."""

    rows: int
    loaded: int
    pending: int
    missing: int
    duplicates: int
    findings: tuple[Finding, ...] = field(repr=False, default=())


def compare_table(lake: LakeOutput, table: WarehouseTable, limit: int) -> TableAccount:
    """Compare one output's objects with its table. A row in no table is pending while its file is not in the history."""
    lake_rows, table_rows = identify_rows(lake.rows, lake), identify_rows(table.rows, lake)
    wanted = drop_repeated(lake_rows, "_key")
    repeated = mark_repeated(table_rows["_key"])
    there = is_among(wanted["_key"], table_rows["_key"])
    absent = wanted.filter(pc.invert(there))
    waiting = mark_waiting(absent["place"], table)
    pending, missing = absent.filter(waiting), absent.filter(pc.invert(waiting))
    findings = [
        *_report_failed(lake, table, limit),
        *_report_waiting(table, pending, limit),
        *_report_missing(table, missing, limit),
        *_report_repeated(table, table_rows.filter(repeated), limit),
        *_report_altered(table, wanted, drop_repeated(table_rows, "_key"), limit),
    ]
    loaded = pc.sum(there).as_py() or 0
    return TableAccount(
        wanted.num_rows, loaded, pending.num_rows, missing.num_rows, pc.sum(repeated).as_py() or 0, tuple(findings)
    )


def identify_rows(rows: pa.Table, lake: LakeOutput) -> pa.Table:
    """Rows with a `_key`: the position in the topic, or for an aggregate, whose rows have none, object and row in it."""
    columns = ["place", "place_row"] if lake.output.kind == "aggregate" else ["_topic_id", "_partition", "_offset"]
    # A row without a passport is still a row: it is known by its place.
    key = pc.coalesce(join_text(rows, columns), join_text(rows, ["place", "place_row"]), pa.scalar("no place"))
    return rows.append_column("_key", key)


def mark_waiting(places: Any, table: WarehouseTable) -> Any:
    """Which of these objects the warehouse has not loaded yet: not in its history, and no row of them in the table."""
    done = {key for key, load in table.history.items() if load.status != IN_PROGRESS}
    known = pa.array(sorted(done | {name for name in pc.unique(table.rows["place"]).to_pylist() if name}), pa.string())
    return pc.invert(pc.is_in(places, value_set=known))


def _report_failed(lake: LakeOutput, table: WarehouseTable, limit: int) -> Iterator[Finding]:
    there = {lake_object.key for lake_object in lake.objects}
    failed = [(key, load) for key, load in sorted(table.history.items()) if load.status in FAILURES]
    for key, load in failed[:limit]:
        text = f"{key}: {load.status.lower()}: {load.error or 'no reason given'}"
        yield (
            Finding("missing", _zone(table), text)
            if key in there
            else Finding("note", _zone(table), f"{text} (it is gone)")
        )
    if len(failed) > limit:
        yield Finding("missing", _zone(table), f"{len(failed) - limit} more objects failed to load")


def _report_waiting(table: WarehouseTable, rows: pa.Table, limit: int) -> Iterator[Finding]:
    if rows.num_rows:
        why = table.trouble or "not in the load history yet"
        yield Finding("pending", _zone(table), f"{why}: {describe_places(rows, limit)}", rows.num_rows)


def _report_missing(table: WarehouseTable, rows: pa.Table, limit: int) -> Iterator[Finding]:
    if rows.num_rows:
        statuses = sorted(
            {table.history[key].status for key in pc.unique(rows["place"]).to_pylist() if key in table.history}
        )
        said = f"the load history says {', '.join(statuses)}" if statuses else "other rows of the object are there"
        text = f"not in the table, though {said}: {_name(rows, limit)}; from {describe_places(rows, limit)}"
        yield Finding("missing", _zone(table), text, rows.num_rows)


def _report_repeated(table: WarehouseTable, rows: pa.Table, limit: int) -> Iterator[Finding]:
    if rows.num_rows:
        text = f"there more than once: {_name(rows, limit)}; from {describe_places(rows, limit)}"
        yield Finding("duplicate", _zone(table), text, rows.num_rows)


def _report_altered(table: WarehouseTable, lake_rows: pa.Table, table_rows: pa.Table, limit: int) -> Iterator[Finding]:
    if table.odd_columns:
        names = ", ".join(table.odd_columns)
        yield Finding("altered", _zone(table), f"values of {names} are not of the contract's type")
    places = first_places(lake_rows["_key"], table_rows["_key"])
    both = lake_rows.filter(pc.is_valid(places))
    loaded = table_rows.take(pc.drop_null(places))
    differing = {
        name: differs
        for name in table.output.columns
        if name not in table.odd_columns and pc.any(differs := mark_differing(both[name], loaded[name])).as_py()
    }
    if differing:
        anywhere = None
        for mask in differing.values():
            anywhere = mask if anywhere is None else pc.or_(anywhere, mask)
        rows = both.filter(anywhere)
        text = f"{', '.join(differing)} differ from the object's: {_name(rows, limit)}; from {describe_places(rows, limit)}"
        yield Finding("altered", _zone(table), text, rows.num_rows)


def mark_differing(left: Any, right: Any) -> Any:
    """Where two columns of one type differ; null equals null, and NaN equals NaN."""
    nulls = pc.and_(pc.is_null(left, nan_is_null=True), pc.is_null(right, nan_is_null=True))
    return pc.invert(pc.or_(pc.fill_null(pc.equal(left, right), False), nulls))


def _name(rows: pa.Table, limit: int) -> str:
    if "_offset" in rows.column_names:
        return describe_rows(rows, limit)
    starts = [str(start) for start in rows["window_start"].to_pylist()]
    more = f" and {len(starts) - limit} more" if len(starts) > limit else ""
    return f"windows that start at {', '.join(starts[:limit])}{more}"


def _zone(table: WarehouseTable) -> str:
    return f"table {table.name}"
