"""The quick check: the replays' records, the ledger's counts and the tables' counts, each taken at its word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connections.s3 import open_s3
from connections.settings import Settings
from connections.warehouse import open_warehouse
from pipeline_contract.manifest import Backfill
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST, Output
from reconciliation.check import Say, read_ledgers
from reconciliation.delta_party import list_delta, open_delta_table, read_commits
from reconciliation.findings import Finding
from reconciliation.ledger_party import QueryLedger, describe_absence
from reconciliation.statement import Statement, TableFigures
from reconciliation.topic_party import read_records
from reconciliation.warehouse_party import IN_PROGRESS, Load, count_table, read_loads
from snowflake_integration.naming import derive_names

KINDS = ("raw", "curated", "rejected")


@dataclass(frozen=True)
class TableCount:
    """The rows of a table, the different positions among them, and its load history."""

    table: str
    rows: int
    different: int
    history: dict[str, Load]


def check_quickly(settings: Settings, contract: Contract, say: Say) -> Statement:
    """Compare the counts of every stage; what it reads does not grow with the rows, but with the files."""
    say("counting the rows of the tables")
    counts = count_tables(settings, contract)
    say("reading the ledger")
    ledger = read_ledgers(open_s3(settings.s3), settings, contract)[INGEST]
    files = {kind: {file.final_key: file.rows for _, file in ledger.published if file.output == kind} for kind in KINDS}
    add_backfills(files, counts, ledger)
    say("reading the replays' records")
    records = read_records(settings.kafka, contract).values()
    basis = f"the records of {len(records)} replays"
    statement = judge_counts(
        contract.name, sum(r.rows for r in records), basis, files, counts, ledger.findings, ledger.unkept
    )
    if contract.raw.zone == "off":
        return replace(statement, raw=None, basis=statement.basis | describe_absence(contract, ledger))
    return statement


def add_backfills(files: dict[str, dict[str, int]], counts: Mapping[str, TableCount], ledger: QueryLedger) -> None:
    """Take into account what backfills put into the tables, and by each operation's own key what they take out."""
    rows = {file.final_key: file.rows for _, file in (*ledger.published, *ledger.replaced)}
    for key, operation in sorted(ledger.operations.items()):
        if not isinstance(operation, Backfill):
            continue
        for file in operation.replacements:
            if file.output in KINDS:
                files[file.output][file.final_key] = file.rows
        loaded = [f for f in operation.replacements if f.output in KINDS and f.final_key in counts[f.output].history]
        for kind in ("curated", "rejected"):
            superseded = sum(rows.get(name, 0) for name in operation.superseded.get(kind, ()))
            files[kind][key] = sum(f.rows for f in operation.carried if f.output == kind) - superseded
            if loaded:
                counts[kind].history[key] = Load("Loaded")


def count_tables(settings: Settings, contract: Contract) -> dict[str, TableCount]:
    """The counts and load histories of the raw, curated and rejected table; a table that is not there has no rows."""
    names = derive_names(contract, settings)
    connection = open_warehouse(settings.warehouse)
    try:
        counts: dict[str, TableCount] = {}
        for target in names.targets:
            if target.output.kind in KINDS:
                history = read_loads(connection, names, target, settings.s3.bucket)
                rows, different = count_table(connection, target)
                counts[target.output.kind] = TableCount(target.name, rows, different, history)
        return counts | {o.kind: count_delta_table(settings, contract, o) for o in list_delta(contract)}
    finally:
        connection.close()


def count_delta_table(settings: Settings, contract: Contract, output: Output) -> TableCount:
    """The same of a Delta table, as its log counts its rows; it says nothing of their positions."""
    table = open_delta_table(settings, contract, output)
    files = table.list_files() if table.exists() else []
    rows = sum(file.rows for file in files)
    return TableCount(f"{output.name} of Delta", rows, rows, read_commits(settings, table))


def judge_counts(
    pipeline: str,
    produced: int,
    basis: str,
    files: Mapping[str, Mapping[str, int]],
    counts: Mapping[str, TableCount],
    ledger_findings: tuple[Finding, ...],
    unkept: int = 0,
) -> Statement:
    """The statement that the counts amount to; `files` holds the published rows by output and object. Pure.

    `unkept` is the number of messages that were read without a raw zone.
    """
    figures = {kind: compare_counts(files[kind], counts[kind]) for kind in KINDS}
    rejected = sum(files["rejected"].values())
    curated = produced - rejected
    missing = min(figures["curated"].missing, max(0, curated))
    loaded = min(figures["curated"].loaded, max(0, curated - missing))
    return Statement(
        pipeline=pipeline,
        produced=produced,
        raw=sum(files["raw"].values()),
        curated=curated,
        rejected=rejected,
        loaded=loaded,
        # What is not published yet is taken to be on its way: counts cannot tell more.
        pending=curated - loaded - missing,
        missing=missing,
        duplicates=sum(figure.duplicates for figure in figures.values()),
        tables=tuple(figures.values()),
        findings=(*ledger_findings, *report_counts(files, figures, produced, unkept)),
        basis={
            "produced": basis,
            "raw": "the ledger",
            "curated": f"not rejected; the ledger counts {sum(files['curated'].values())}",
            "rejected": "the ledger",
            "loaded": f"different positions in table {counts['curated'].table}",
        },
        mode="fast",
    )


def compare_counts(files: Mapping[str, int], count: TableCount) -> TableFigures:
    """The figures of one table: of the files that its history knows, every row should be there."""
    done = {key for key, load in count.history.items() if load.status != IN_PROGRESS}
    due = sum(rows for key, rows in files.items() if key in done)
    total = sum(files.values())
    return TableFigures(
        table=count.table,
        rows=total,
        loaded=count.different,
        pending=total - max(due, min(count.different, total)),
        missing=max(0, due - count.different),
        duplicates=count.rows - count.different,
    )


def report_counts(
    files: Mapping[str, Mapping[str, int]], figures: Mapping[str, TableFigures], produced: int, unkept: int = 0
) -> Iterator[Finding]:
    """What the counts show that the eight figures do not."""
    for figure in figures.values():
        zone = f"table {figure.table}"
        if figure.loaded > figure.rows:
            yield Finding("unexplained", zone, "holds more rows than were published", figure.loaded - figure.rows)
        if figure.missing:
            yield Finding("missing", zone, "holds fewer rows than the loaded files have", figure.missing)
        if figure.duplicates:
            yield Finding("duplicate", zone, "holds rows of one position more than once", figure.duplicates)
        if figure.pending:
            yield Finding("pending", zone, "files are not loaded yet", figure.pending)
    read = sum(files["raw"].values()) + unkept
    if read > produced:
        yield Finding("unexplained", "raw objects", "more rows are published than were produced", read - produced)
    elif read < produced:
        yield Finding("pending", "topic", "not published yet, by the ledger", produced - read)
