"""Where every produced row is: in the table, rejected, on its way, or nowhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_contract.manifest import OffsetRange
from reconciliation.findings import Finding, Kind
from reconciliation.places import describe_rows
from reconciliation.produced import list_produced
from reconciliation.row_keys import drop_repeated, first_places, is_among, join_text, join_zones
from reconciliation.source_party import SourceSight
from reconciliation.topic_party import TopicSight

# What became of a row that is neither loaded nor rejected, and how that is said.
STATES: dict[str, tuple[Kind, str]] = {
    "unloaded": ("pending", "in a curated object that is not loaded yet"),
    "unpublished": ("pending", "in a batch that is not published whole yet"),
    "unread": ("pending", "in the topic, not read by the stream yet"),
    "lost_in_load": ("missing", "in a curated object, but not in the table"),
    "lost_in_lake": ("missing", "read by the stream, but in no curated or rejected object and in no table"),
    "lost_in_topic": ("missing", "in the source, but not in the topic"),
}


@dataclass(frozen=True)
class Reading:
    """How far the stream has come: `ends` by topic id and partition, and what it read but has not published whole."""

    ends: Mapping[tuple[str, int], int]
    unpublished: tuple[OffsetRange, ...] = ()


@dataclass(frozen=True)
class Zones:
    """The rows of every zone, as `row_keys` shapes them; `waiting` masks the rows of curated objects not loaded yet."""

    topic: TopicSight
    raw: pa.Table
    curated: pa.Table
    rejected: pa.Table
    table: pa.Table
    rejected_table: pa.Table
    waiting: Any

    @property
    def downstream(self) -> dict[str, pa.Table]:
        """The zones behind the topic, by name."""
        return {
            "raw objects": self.raw,
            "curated objects": self.curated,
            "rejected objects": self.rejected,
            "curated table": self.table,
            "rejected table": self.rejected_table,
        }


@dataclass(frozen=True)
class RowAccount:
    """The figures of the accounting: produced = curated + rejected, curated = loaded + pending + missing.

    `curated` counts the rows that are not rejected, also those that are not judged yet.
    """

    produced: int
    rejected: int
    loaded: int
    pending: int
    missing: int
    rows: pa.Table
    findings: tuple[Finding, ...]

    @property
    def curated(self) -> int:
        """The rows that are, or are still to be, in the curated table."""
        return self.produced - self.rejected


def account_rows(sources: Sequence[SourceSight], zones: Zones, reading: Reading, limit: int) -> RowAccount:
    """Judge every produced row; each is in exactly one state."""
    seen = drop_repeated(join_zones([zones.topic.zone, *zones.downstream.values()]), "source")
    produced = list_produced(sources, seen, zones.topic.zone)
    rows = produced.rows
    states = judge_rows(rows, zones, seen, reading)
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(states).to_pylist()}
    findings = list(produced.findings)
    for state, (kind, words) in STATES.items():
        if counts.get(state):
            located = locate_rows(rows.filter(pc.equal(states, state)), seen)
            findings.append(Finding(kind, "rows", f"{words}: {describe_rows(located, limit)}", counts[state]))
    by_kind = {
        kind: sum(counts.get(state, 0) for state, (of, _) in STATES.items() if of == kind)
        for kind in ("pending", "missing")
    }
    return RowAccount(
        produced=rows.num_rows + produced.unnamed,
        rejected=counts.get("rejected", 0),
        loaded=counts.get("loaded", 0),
        pending=by_kind["pending"],
        missing=by_kind["missing"] + produced.unnamed,
        rows=rows,
        findings=tuple(findings),
    )


def judge_rows(rows: pa.Table, zones: Zones, seen: pa.Table, reading: Reading) -> Any:
    """The state of each produced row: loaded, rejected, or one of `STATES`. The last zone in which it is decides."""
    table = zones.table.filter(mark_explained(zones.table, zones.topic))
    rejected = join_zones(
        zone.filter(mark_explained(zone, zones.topic)) for zone in (zones.rejected, zones.rejected_table)
    )
    position = first_places(rows["source"], seen["source"])
    located = seen.append_column("read", mark_read(seen, reading.ends))
    located = located.append_column("unpublished", mark_within(seen, reading.unpublished))
    conditions = {
        "loaded": is_among(rows["source"], table["source"]),
        "rejected": is_among(rows["source"], rejected["source"]),
        "unloaded": is_among(rows["source"], zones.curated.filter(zones.waiting)["source"]),
        "lost_in_load": is_among(rows["source"], zones.curated["source"]),
        "lost_in_topic": pc.is_null(position),
        "unread": pc.invert(pc.fill_null(located["read"].take(position), True)),
        "unpublished": pc.fill_null(located["unpublished"].take(position), False),
    }
    states: Any = pa.array(["lost_in_lake"] * rows.num_rows, pa.string())
    for state, condition in reversed(conditions.items()):
        states = pc.if_else(condition, state, states)
    return states


def mark_explained(zone: pa.Table, topic: TopicSight) -> Any:
    """Which rows stand in the topic as they say, or where the topic's messages have expired or the topic was another."""
    source_there = topic.zone["source"].take(first_places(zone["position"], topic.zone["position"]))
    as_it_says = pc.fill_null(pc.equal(zone["source"], source_there), False)
    return pc.or_(as_it_says, mark_expired(zone, topic))


def mark_expired(zone: pa.Table, topic: TopicSight) -> Any:
    """Which rows come from before the first message that is still there, or from a topic that was deleted since."""
    starts = {(topic.ids[name], partition): start for (name, partition), start in topic.starts.items()}
    of_this_topic = is_among(zone["_topic_id"], pa.array(sorted(topic.ids.values()), pa.string()))
    from_before = pc.invert(pc.fill_null(_mark_from(zone, starts), True))
    elsewhere = pc.and_(pc.is_valid(zone["_topic_id"]), pc.invert(of_this_topic))
    return pc.or_(elsewhere, pc.and_(of_this_topic, from_before))


def mark_read(zone: pa.Table, ends: Mapping[tuple[str, int], int]) -> Any:
    """Which rows lie before the end up to which the stream has read."""
    return pc.invert(pc.fill_null(_mark_from(zone, ends), True))


def mark_within(zone: pa.Table, ranges: Sequence[OffsetRange]) -> Any:
    """Which rows lie within one of these ranges of offsets."""
    within: Any = pa.array([False] * zone.num_rows, pa.bool_())
    for r in ranges:
        same = pc.and_(pc.equal(zone["_topic_id"], r.topic_id), pc.equal(zone["_partition"], r.partition))
        inside = pc.and_(pc.greater_equal(zone["_offset"], r.start), pc.less(zone["_offset"], r.end))
        within = pc.or_(within, pc.fill_null(pc.and_(same, inside), False))
    return within


def locate_rows(rows: pa.Table, seen: pa.Table) -> pa.Table:
    """Produced rows with the positions at which they were seen; a row that was seen nowhere keeps file and line."""
    position = first_places(rows["source"], seen["source"])
    located = seen.take(pc.drop_null(position))
    return pa.concat_tables([located, rows.filter(pc.is_null(position))])


def _mark_from(zone: pa.Table, bounds: Mapping[tuple[str, int], int]) -> Any:
    """Which rows lie at or behind the bound of their partition; null where there is no bound."""
    keys = pa.array([f"{topic_id}/{partition}" for topic_id, partition in bounds], pa.string())
    places = pc.index_in(join_text(zone, ["_topic_id", "_partition"]), value_set=keys)
    bound = pa.array(list(bounds.values()), pa.int64()).take(pc.cast(places, pa.int64()))
    return pc.greater_equal(zone["_offset"], bound)
