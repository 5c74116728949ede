"""What was produced: every row of every source, by reading it again or, where that cannot be, by the replay's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from reconciliation.findings import Finding
from reconciliation.row_keys import PASSPORT_SCHEMA, is_among, join_zones, make_zone
from reconciliation.source_party import SourceSight

ZONE = "source"


@dataclass(frozen=True)
class Produced:
    """The produced rows as a zone, and how many more a record counts that nobody has seen and nobody can name."""

    rows: pa.Table
    unnamed: int
    findings: tuple[Finding, ...]


def list_produced(sources: Sequence[SourceSight], seen: pa.Table, topic: pa.Table) -> Produced:
    """Every produced row. `seen` are the rows of all zones, each once; `topic` are the messages.

    A message that names no source, and one of a source without a record, counts as produced once.
    """
    zones, findings, unnamed = [], [], 0
    for source in sources:
        zone = _take_reread(source, topic) if source.lines is not None else _take_seen(source, seen)
        found, lost = _compare_record(source, zone.num_rows)
        findings += found
        unnamed += lost
        zones.append(zone)
    known = pa.array([source.record.source_file for source in sources], pa.string())
    foreign = topic.filter(pc.invert(is_among(topic["_source_file"], known)))
    if foreign.num_rows:
        names = sorted(name for name in pc.unique(foreign["_source_file"]).to_pylist() if name)
        who = f"of {', '.join(names[:5])}, which no replay's record names" if names else "that name no source"
        findings.append(Finding("note", ZONE, f"messages {who}, count as produced", foreign.num_rows))
    return Produced(join_zones([*zones, foreign]), unnamed, tuple(findings))


def _take_reread(source: SourceSight, topic: pa.Table) -> pa.Table:
    assert source.lines is not None  # noqa: S101 - the caller asks
    lines, file = source.lines, source.record.source_file
    if not source.record.finished:
        sent = topic.filter(pc.equal(topic["_source_file"], file))["_source_line"]
        so_far = pc.less(lines, source.record.next_line)
        # Rows may have been committed since the record was read.
        lines = lines.filter(pc.or_(so_far, is_among(lines, sent)))
    columns = {"_source_file": pa.array([file] * len(lines), pa.string()), "_source_line": lines}
    nulls = {f.name: pa.nulls(len(lines), f.type) for f in PASSPORT_SCHEMA if f.name not in columns}
    return make_zone(pa.table(columns | nulls))


def _take_seen(source: SourceSight, seen: pa.Table) -> pa.Table:
    return seen.filter(pc.equal(seen["_source_file"], source.record.source_file))


def _compare_record(source: SourceSight, rows: int) -> tuple[list[Finding], int]:
    record = source.record
    findings = []
    if not record.finished:
        text = f"{record.source_file}: its replay is unfinished, {record.rows} rows so far"
        findings.append(Finding("note", ZONE, text))
    if source.trouble:
        text = (
            f"{record.source_file}: {source.trouble}. Its rows are counted by the replay's record; the proof row by row"
        )
        findings.append(Finding("note", ZONE, f"{text} begins at the topic", record.rows))
    lost = max(0, record.rows - rows) if source.lines is None else 0
    if lost:
        text = f"{record.source_file}: rows that the replay's record counts and that are nowhere"
        findings.append(Finding("missing", ZONE, text, lost))
    elif record.finished and rows != record.rows:
        text = f"{record.source_file}: the replay's record counts {record.rows} rows, there are {rows}"
        findings.append(Finding("unexplained", ZONE, text))
    return findings, lost
