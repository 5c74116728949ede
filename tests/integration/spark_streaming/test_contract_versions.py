"""A contract that moves on under a running pipeline: rows of both versions arrive, and a refused one leaves all untouched."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.contract_history import read_contracts
from connections.ledger_objects import LedgerObjects
from connections.s3 import open_s3
from tests.integration.spark_streaming.job_runs import Pipeline

AMOUNT = '[[column]]\nname = "amount"\ntype = "{kind}"\n'
OLD = '[[column]]\nname = "old"\ntype = "string"\n'
NEW = '[[column]]\nname = "new"\ntype = "string"\n'


def write_version(pipeline: Pipeline, first: str, version: int, kind: str, more: str) -> None:
    """The contract's next version: the amount's type, and one column more."""
    drift = "" if version == 1 else '[drift]\nignored_columns = ["old"]\n\n'
    rest = first.replace("version = 1", f"version = {version}").replace("[topic]", f"{drift}[topic]", 1)
    pipeline.path.write_text(rest.replace("[[rule]]", AMOUNT.format(kind=kind) + more + "[[rule]]", 1))


def write_rows(pipeline: Pipeline, name: str, header: str, amount: int) -> Path:
    """Ten rows of one version."""
    path = pipeline.folder / name
    lines = (f"{n},2024-01-01 10:{n:02d}:00,a,{amount + n},text {n}" for n in range(10))
    path.write_text("\n".join([f"id,at,kind,amount,{header}", *lines]) + "\n")
    return path


@pytest.mark.chaos_short
@pytest.mark.timeout(900)
def test_rows_of_two_versions_arrive_on_one_checkpoint(pipeline: Pipeline) -> None:
    base = pipeline.path.read_text()
    write_version(pipeline, base, 1, "integer", OLD)
    pipeline.deploy()
    pipeline.replay(write_rows(pipeline, "first.csv", "old", 100))
    first = pipeline.drain("--query", "ingest")
    assert first.code == 0, first.error

    write_version(pipeline, base, 2, "bigint", NEW)
    migrated = pipeline.command("snowflake_integration", "migrate", str(pipeline.path))
    assert migrated.returncode == 0, migrated.stderr
    pipeline.replay(write_rows(pipeline, "second.csv", "new", 2**40))
    second = pipeline.drain("--query", "ingest")
    assert second.code == 0, second.error
    assert any("column 'amount'.type: bigint, was integer" in e.get("text", "") for e in second.events)

    report = pipeline.reconcile()
    assert (report["produced"], report["curated"], report["loaded"]) == (20, 20, 20), report
    assert (report["pending"], report["missing"], report["duplicates"]) == (0, 0, 0), report
    assert [finding for finding in report["findings"] if finding["kind"] != "note"] == []
    rows = pipeline.query("SELECT ID, AMOUNT, NEW, OLD FROM EVENTS ORDER BY AMOUNT")
    assert [(row["AMOUNT"], row["NEW"], row["OLD"]) for row in rows] == [
        *((100 + n, None, f"text {n}") for n in range(10)),
        *((2**40 + n, f"text {n}", None) for n in range(10)),
    ]

    write_version(pipeline, base, 3, "integer", NEW)
    refused = pipeline.command("snowflake_integration", "migrate", str(pipeline.path))
    assert refused.returncode == 2
    assert "column 'amount'.type: integer, was bigint" in refused.stderr
    objects = LedgerObjects(open_s3(pipeline.settings.s3), pipeline.settings.s3.bucket)
    assert [contract.version for contract in read_contracts(objects, pipeline.name)] == [1, 2]
