"""What single zones show: rows that are there more than once, rows that nothing explains, gaps. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.accounts import Reading, Zones, mark_expired, mark_explained, mark_read, mark_within
from reconciliation.findings import Finding
from reconciliation.places import describe_places, describe_rows
from reconciliation.row_keys import is_among, mark_repeated


def find_duplicates(zones: Zones, limit: int) -> Iterator[Finding]:
    """Surplus rows: a source row sent twice, a message in two objects, a row both curated and rejected.

    Those of a table are found where it is compared with its objects.
    """
    named = zones.topic.zone.filter(pc.is_valid(zones.topic.zone["_source_file"]))
    yield from report_repeated("topic", named, "source", limit)
    for name in ("raw objects", "curated objects", "rejected objects"):
        yield from report_repeated(name, zones.downstream[name], "position", limit)
    both = zones.curated.filter(is_among(zones.curated["position"], zones.rejected["position"]))
    if both.num_rows:
        text = f"curated and rejected at once: {describe_rows(both, limit)}; in {describe_places(both, limit)}"
        yield Finding("duplicate", "curated objects", text, both.num_rows)


def find_unexplained(produced: pa.Table, zones: Zones, limit: int) -> Iterator[Finding]:
    """Rows that no source row, or no message of the topic, explains."""
    for name, zone in {"topic": zones.topic.zone, **zones.downstream}.items():
        of_source = is_among(zone["source"], produced["source"])
        of_topic = mark_explained(zone, zones.topic)
        # What has expired from the topic may be of a source whose record has gone as well.
        fine = pc.and_(of_topic, pc.or_(of_source, mark_expired(zone, zones.topic)))
        rows = zone.filter(pc.invert(fine))
        if rows.num_rows:
            what = "no source row explains" if name == "topic" else "no source row and message explain"
            where = f"; in {places}" if (places := describe_places(rows, limit)) else ""
            yield Finding("unexplained", name, f"{what}: {describe_rows(rows, limit)}{where}", rows.num_rows)


def find_raw_gaps(zones: Zones, reading: Reading, limit: int) -> Iterator[Finding]:
    """Messages that the stream has read and published, but of which no raw object has the bytes."""
    topic = zones.topic.zone
    due = pc.and_(mark_read(topic, reading.ends), pc.invert(mark_within(topic, reading.unpublished)))
    rows = topic.filter(pc.and_(due, pc.invert(is_among(topic["position"], zones.raw["position"]))))
    if rows.num_rows:
        yield Finding("missing", "raw objects", f"in no raw object: {describe_rows(rows, limit)}", rows.num_rows)


def report_repeated(zone: str, rows: pa.Table, key: str, limit: int) -> Iterator[Finding]:
    """Rows of a zone of which another one has the same key."""
    surplus = rows.filter(mark_repeated(rows[key]))
    if surplus.num_rows:
        every = rows.filter(is_among(rows[key], surplus[key]))
        where = f"; in {places}" if (places := describe_places(every, limit)) else ""
        text = f"there more than once: {describe_rows(every, limit)}{where}"
        yield Finding("duplicate", zone, text, surplus.num_rows)
