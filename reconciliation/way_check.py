"""The check of a way without Spark: source, topic and the way's end, compared row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connections.settings import Settings
from pipeline_contract.model import Contract
from reconciliation.accounts import Zones, account_rows
from reconciliation.check import Say, count_reasons
from reconciliation.findings import Finding
from reconciliation.judged_check import compare_judged
from reconciliation.judged_party import JudgedTopic, judge_topics
from reconciliation.places import describe_rows
from reconciliation.row_keys import empty_zone, is_among, mark_repeated
from reconciliation.source_party import SourceSight, read_sources
from reconciliation.statement import Statement, TableFigures
from reconciliation.topic_party import TopicSight, read_records, read_topics
from reconciliation.way_objects_party import read_way_objects
from reconciliation.way_sight import EndRows, WaySight
from reconciliation.way_tables_party import read_way_tables
from reconciliation.zone_checks import find_duplicates, find_unexplained, report_repeated

ReadWay = Callable[[Settings, Contract], WaySight]
READERS: dict[str, ReadWay] = {
    "direct": partial(read_way_tables, way="direct"),
    "s3": read_way_objects,
    "lambda": partial(read_way_tables, way="lambda"),
}


@dataclass(frozen=True)
class WayEvidence:
    """What the parties of a way have shown."""

    way: WaySight
    sources: list[SourceSight]
    topic: TopicSight
    judged: JudgedTopic


def check_way(
    settings: Settings, contract: Contract, way: str, other_paths: Sequence[Path], limit: int, say: Say
) -> Statement:
    """Compare source, topic and the end of a way, row by row; the way's end comes first and the topic last."""
    say(f"reading the end of the way {way}")
    sight = READERS[way](settings, contract)
    say("reading the topic")
    records = read_records(settings.kafka, contract)
    topic = read_topics(settings.kafka, contract)
    say("judging the messages again")
    judged = judge_topics(settings, contract)
    say("reading the sources again")
    sources = read_sources(contract, records, other_paths)
    say("comparing")
    return judge_way(contract, WayEvidence(sight, sources, topic, judged), limit)


def judge_way(contract: Contract, evidence: WayEvidence, limit: int) -> Statement:
    """The statement that the evidence amounts to. Pure."""
    way, nothing = evidence.way, empty_zone()
    zones = Zones(
        topic=evidence.topic,
        raw=nothing,
        curated=nothing,
        rejected=nothing,
        table=way.curated.zone,
        rejected_table=way.rejected.zone,
        waiting=pa.array([], pa.bool_()),
    )
    rows = account_rows(evidence.sources, zones, way.reading, limit)
    surplus = [*find_duplicates(zones, limit), *find_surplus(way, limit)]
    findings = (
        *rows.findings,
        *surplus,
        *find_unexplained(rows.rows, zones, limit),
        *compare_judged(way, evidence.judged, limit),
        *way.findings,
        *([Finding("note", way.curated.name, way.trouble)] if way.trouble else []),
    )
    return Statement(
        pipeline=contract.name,
        produced=rows.produced,
        raw=None,
        curated=rows.curated,
        rejected=rows.rejected,
        loaded=rows.loaded,
        pending=rows.pending,
        missing=rows.missing,
        duplicates=sum(finding.rows or 0 for finding in surplus),
        rejected_by_reason=count_reasons(way.rejected.rows, way.rejected.rows.slice(0, 0)),
        tables=(count_end(way.curated), count_end(way.rejected)),
        findings=findings,
        basis=describe_way_basis(evidence),
    )


def find_surplus(way: WaySight, limit: int) -> Iterator[Finding]:
    """Rows that stand more than once at the way's end, or as curated and rejected at once."""
    for end in (way.curated, way.rejected):
        yield from report_repeated(end.name, end.zone, "position", limit)
    curated, rejected = way.curated.zone, way.rejected.zone
    both = curated.filter(is_among(curated["position"], rejected["position"]))
    if both.num_rows:
        text = f"curated and rejected at once: {describe_rows(both, limit)}"
        yield Finding("duplicate", way.curated.name, text, both.num_rows)


def count_end(end: EndRows) -> TableFigures:
    """The figures of one kind of rows at the way's end."""
    zone = end.zone
    surplus = pc.sum(mark_repeated(zone["position"])).as_py() or 0
    return TableFigures(end.name, zone.num_rows - surplus, zone.num_rows - surplus, 0, 0, surplus)


def describe_way_basis(evidence: WayEvidence) -> dict[str, str]:
    """What each figure rests on."""
    read = sum(1 for source in evidence.sources if source.lines is not None)
    messages = evidence.topic.zone.num_rows
    return {
        "produced": f"{read} of {len(evidence.sources)} sources read again, {messages} messages in the topic",
        "raw": "the way keeps no raw rows",
        "curated": "not rejected",
        "rejected": f"rows of {evidence.way.rejected.name}",
        "loaded": f"rows of {evidence.way.curated.name}",
    }
