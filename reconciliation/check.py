"""The whole check: every party is heard, downstream first, and their accounts are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import Settings
from connections.warehouse import open_warehouse
from pipeline_contract.manifest import LakeFile, Manifest, OffsetRange, PublishedFile
from pipeline_contract.model import Aggregate, Contract
from pipeline_contract.outputs import INGEST, aggregate_query, derive_late, derive_outputs, queries
from reconciliation.accounts import Reading, Zones, account_rows
from reconciliation.applied_backfills import find_applied, report_unapplied
from reconciliation.content_check import TableAccount, compare_table, mark_waiting
from reconciliation.delta_party import list_delta, read_delta_table
from reconciliation.effective_rows import check_current_set, take_effect
from reconciliation.findings import Finding
from reconciliation.lake_party import LakeOutput, read_lake, read_replaced
from reconciliation.late_rows import count_late
from reconciliation.ledger_party import QueryLedger, describe_absence, is_staged, list_published, read_query_ledger
from reconciliation.object_check import check_objects
from reconciliation.row_keys import drop_repeated, join_text
from reconciliation.source_party import SourceSight, read_sources
from reconciliation.statement import Statement, TableFigures
from reconciliation.topic_party import TopicSight, read_records, read_topics
from reconciliation.warehouse_party import WarehouseTable, read_table
from reconciliation.windows import count_open_windows
from reconciliation.zone_checks import find_duplicates, find_raw_gaps, find_unexplained
from snowflake_integration.naming import derive_names

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Say = Callable[[str], None]


@dataclass(frozen=True)
class Evidence:
    """What every party has shown; the ledger as it was before and after the objects were listed."""

    tables: dict[str, WarehouseTable]
    before: dict[str, QueryLedger]
    lake: dict[str, LakeOutput]
    late: dict[str, LakeOutput]
    replaced: dict[str, LakeOutput]
    after: dict[str, QueryLedger]
    sources: list[SourceSight]
    topic: TopicSight


def gather_evidence(settings: Settings, contract: Contract, other_paths: Sequence[Path], say: Say) -> Evidence:
    """Read every party. The warehouse comes first and the topic last, so that rows on their way are not called lost."""
    s3, outputs = open_s3(settings.s3), derive_outputs(contract)
    say("reading the tables of the warehouse")
    tables = read_warehouse(settings, contract)
    say("reading the ledger")
    before = read_ledgers(s3, settings, contract)
    say("reading the objects of the lake")
    lake = {output.name: read_lake(s3, settings.s3.bucket, contract.name, output) for output in outputs}
    late = {a.name: read_lake(s3, settings.s3.bucket, contract.name, derive_late(a)) for a in contract.aggregates}
    replaced = read_replaced(s3, settings.s3.bucket, outputs, before[INGEST].replaced)
    after = read_ledgers(s3, settings, contract)
    say("reading the topic")
    records = read_records(settings.kafka, contract)
    topic = read_topics(settings.kafka, contract)
    say("reading the sources again")
    sources = read_sources(contract, records, other_paths)
    return Evidence(tables, before, lake, late, replaced, after, sources, topic)


def read_warehouse(settings: Settings, contract: Contract) -> dict[str, WarehouseTable]:
    """Every table of the pipeline, by its output's name; a Delta table stands where there is none in the warehouse."""
    names = derive_names(contract, settings)
    connection = open_warehouse(settings.warehouse)
    try:
        tables = {t.output.name: read_table(connection, names, t, settings.s3.bucket) for t in names.targets}
        return tables | {o.name: read_delta_table(settings, contract, o) for o in list_delta(contract)}
    finally:
        connection.close()


def read_ledgers(s3: S3Client, settings: Settings, contract: Contract) -> dict[str, QueryLedger]:
    """The ledger of every query of the pipeline."""
    return {
        query: read_query_ledger(Ledger(s3, settings.s3.bucket, contract.name, query)) for query in queries(contract)
    }


def check_pipeline(
    settings: Settings, contract: Contract, other_paths: Sequence[Path], limit: int, say: Say
) -> Statement:
    """Compare source, topic, objects, load history and tables of a pipeline, row by row."""
    evidence = gather_evidence(settings, contract, other_paths, say)
    say("comparing")
    s3 = open_s3(settings.s3)
    return judge_evidence(contract, evidence, lambda file: is_staged(s3, settings.s3.bucket, file), limit)


def judge_evidence(
    contract: Contract, evidence: Evidence, in_staging: Callable[[PublishedFile], bool], limit: int
) -> Statement:
    """The statement that the evidence amounts to; `in_staging` says whether a published file still lies there."""
    tables, ledger = evidence.tables, evidence.before[INGEST]
    lake = take_effect(evidence.lake, evidence.replaced, ledger.backfills)
    applied = find_applied(tables)
    as_applied = take_effect(evidence.lake, evidence.replaced, (b for b in ledger.backfills if b.number <= applied))
    reading = read_progress(evidence, in_staging)
    zones = Zones(
        topic=evidence.topic,
        raw=lake["raw"].zone,
        curated=lake["curated"].zone,
        rejected=lake["rejected"].zone,
        table=tables["curated"].zone,
        rejected_table=tables["rejected"].zone,
        waiting=mark_waiting(lake["curated"].zone["place"], tables["curated"]),
    )
    rows = account_rows(evidence.sources, zones, reading, limit)
    accounts = {name: compare_table(as_applied[name], tables[name], limit) for name in lake}
    zone_findings = [
        *find_duplicates(zones, limit),
        *find_unexplained(rows.rows, zones, limit),
        *(find_raw_gaps(zones, reading, limit) if contract.raw.zone != "off" else ()),
    ]
    findings = [
        *rows.findings,
        *zone_findings,
        *(finding for ledger in evidence.before.values() for finding in ledger.findings),
        *check_lake(evidence, in_staging),
        *check_current_set(evidence.lake, evidence.replaced, lake, ledger),
        *report_unapplied(contract.name, ledger, applied),
        *(finding for account in accounts.values() for finding in account.findings),
    ]
    return Statement(
        pipeline=contract.name,
        produced=rows.produced,
        raw=pc.count_distinct(zones.raw["position"]).as_py() if contract.raw.zone != "off" else None,
        curated=rows.curated,
        rejected=rows.rejected,
        loaded=rows.loaded,
        pending=rows.pending,
        missing=rows.missing,
        duplicates=count_surplus(zone_findings, accounts.values()),
        rejected_by_reason=count_reasons(lake["rejected"].rows, tables["rejected"].rows),
        open_windows=count_windows(contract, evidence, lake),
        late_rows={a.name: count_late_rows(a, evidence) for a in contract.aggregates},
        tables=tuple(describe_table(tables[name], account) for name, account in accounts.items()),
        findings=tuple(findings),
        basis=describe_basis(evidence) | describe_absence(contract, ledger),
    )


def read_progress(evidence: Evidence, in_staging: Callable[[PublishedFile], bool]) -> Reading:
    """How far the stream has read: what the ledger says, or further where objects show it."""
    ends = evidence.before[INGEST].ends()
    for output in ("raw", "curated", "rejected"):
        zone = evidence.lake[output].zone
        groups = zone.group_by(["_topic_id", "_partition"]).aggregate([("_offset", "max")])
        for row in groups.to_pylist():
            if row["_offset_max"] is not None:
                place = (row["_topic_id"], row["_partition"])
                ends[place] = max(ends.get(place, 0), row["_offset_max"] + 1)
    there = {lake_object.key for lake in evidence.lake.values() for lake_object in lake.objects}
    return Reading(ends, tuple(find_unpublished(evidence.before[INGEST].last, there, in_staging)))


def find_unpublished(
    last: Manifest | None, there: set[str], in_staging: Callable[[PublishedFile], bool]
) -> Iterator[OffsetRange]:
    """The ranges of the newest batch while some of its files lie in staging only: a driver died, or is at it now."""
    if last and any(in_staging(file) for file in last.files if file.final_key not in there):
        yield from last.ranges


def check_lake(evidence: Evidence, in_staging: Callable[[PublishedFile], bool]) -> Iterator[Finding]:
    """The objects of every output against the manifests; only the newest entry's files may still be in staging."""
    before, after = list_published(evidence.before.values()), list_published(evidence.after.values())
    newest = {max(ledger.entries, default="") for ledger in evidence.before.values()}
    newest |= {max(ledger.closes, default="") for ledger in evidence.before.values()}

    def is_waiting(file: LakeFile) -> bool:
        return isinstance(file, PublishedFile) and before[file.final_key][0] in newest and in_staging(file)

    for lake in (*evidence.lake.values(), *evidence.late.values()):
        is_windowed = lake.output.kind in ("aggregate", "late")
        query = f"aggregate-{lake.output.name.partition('/')[2]}" if is_windowed else INGEST
        yield from check_objects(lake, before, after, is_waiting, evidence.after[query])
    published = {file.final_key: (key, file) for key, file in evidence.before[INGEST].replaced}
    for replaced in evidence.replaced.values():
        yield from check_objects(replaced, published, published, lambda _: False, evidence.before[INGEST])


def count_surplus(findings: Iterable[Finding], accounts: Iterable[TableAccount]) -> int:
    """Surplus physical rows of all zones."""
    in_zones = sum(finding.rows or 0 for finding in findings if finding.kind == "duplicate")
    return in_zones + sum(account.duplicates for account in accounts)


def count_reasons(in_objects: pa.Table, in_table: pa.Table) -> dict[str, int]:
    """The rejected rows by their first reason, over objects and table, each row once."""
    columns = ["_topic_id", "_partition", "_offset", "reason"]
    rows = pa.concat_tables([in_objects.select(columns), in_table.select(columns)])
    once = drop_repeated(rows.append_column("key", join_text(rows, columns[:3])), "key")
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(once["reason"]).to_pylist()}
    return {str(reason): counts[reason] for reason in sorted(counts, key=str)}


def count_windows(contract: Contract, evidence: Evidence, lake: Mapping[str, LakeOutput]) -> dict[str, int]:
    """The open windows of every aggregate."""
    curated = lake["curated"].rows
    return {
        output.name.removeprefix("aggregates/"): count_open_windows(
            curated,
            evidence.late[aggregate.name].rows,
            lake[output.name].rows,
            aggregate,
            last.watermark if (last := evidence.before[aggregate_query(aggregate)].last) else None,
        )
        for aggregate, output in zip(contract.aggregates, derive_outputs(contract)[3:], strict=True)
    }


def count_late_rows(aggregate: Aggregate, evidence: Evidence) -> int:
    """The rows that the published windows of an aggregate lack."""
    last = evidence.before[aggregate_query(aggregate)].last
    backfills = evidence.before[INGEST].backfills
    return count_late(evidence.late[aggregate.name].rows, aggregate.name, last.lineage if last else None, backfills)


def describe_table(table: WarehouseTable, account: TableAccount) -> TableFigures:
    """The figures of one table for the report."""
    return TableFigures(table.name, account.rows, account.loaded, account.pending, account.missing, account.duplicates)


def describe_basis(evidence: Evidence) -> dict[str, str]:
    """What each figure rests on."""
    read = sum(1 for source in evidence.sources if source.lines is not None)
    objects = {name: len(lake.objects) for name, lake in evidence.lake.items()}
    messages = evidence.topic.zone.num_rows
    return {
        "produced": f"{read} of {len(evidence.sources)} sources read again, {messages} messages in the topic",
        "raw": f"rows of {objects['raw']} objects",
        "curated": f"not rejected; {objects['curated']} objects hold {evidence.lake['curated'].rows.num_rows} rows",
        "rejected": f"rows of {objects['rejected']} objects and of the rejected table",
        "loaded": f"rows of table {evidence.tables['curated'].name}",
    }
