"""Compaction on the real job: fewer files, the same rows; what is not loaded waits, what nobody names is swept."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from connections.lake_files import parse_object
from connections.operations import read_operations, read_state
from pipeline_contract.layout import operation_prefix
from pipeline_contract.manifest import LakeFile
from pipeline_contract.outputs import derive_outputs
from spark_streaming.leftovers import sweep_leftovers
from tests.integration.spark_streaming.job_runs import Pipeline

BATCH = ("--query", "ingest", "--max-offsets-per-trigger", "300")
ROWS = 1000


def current_rows(pipeline: Pipeline, output: str) -> pa.Table:
    """The rows of an output's current set, in the order of their passports."""
    ledger = pipeline.ledger()
    described = next(o for o in derive_outputs(pipeline.contract) if o.name == output)
    files: list[LakeFile] = list(read_state(ledger).current(output).values())
    bodies = [ledger.s3.get_object(Bucket=ledger.bucket, Key=f.final_key)["Body"].read() for f in files]
    return pa.concat_tables(parse_object(body, described) for body in bodies).sort_by(
        [("_partition", "ascending"), ("_offset", "ascending")]
    )


@pytest.mark.timeout(600)
def test_small_loaded_files_become_one_with_the_same_rows(pipeline: Pipeline) -> None:
    pipeline.replay(pipeline.write_rows(0, ROWS))
    assert pipeline.drain(*BATCH).code == 0
    planned = pipeline.command("spark_streaming", "compact", str(pipeline.path), "--dry-run")
    assert (planned.returncode, "not loaded them yet" in planned.stdout) == (0, True), planned.stderr

    pipeline.deploy()
    assert pipeline.reconcile()["complete"]
    before = {output: current_rows(pipeline, output) for output in ("raw", "curated", "rejected")}
    files = {output: len(read_state(pipeline.ledger()).current(output)) for output in before}
    assert min(files.values()) > 2
    ledger = pipeline.ledger()
    left = f"{operation_prefix(pipeline.name, 'crashed')}curated/part-0.parquet"
    ledger.s3.put_object(Bucket=ledger.bucket, Key=left, Body=b"half")

    done = pipeline.run_verbs(["compact"], ["compact"])

    assert done.code == 0, done.error
    assert [operation.kind for operation in read_operations(ledger)] == ["compact"]
    for output, rows in before.items():
        assert current_rows(pipeline, output).equals(rows), output
        listed = pipeline.command("spark_streaming", "files", str(pipeline.path), "--output", output)
        assert [line.split("/")[3] for line in listed.stdout.splitlines()] == ["operations"]
    assert pipeline.lines("raw") == list(range(2, ROWS + 2)), "a plain listing still shows each row once"
    assert sweep_leftovers(ledger.s3, ledger) == 0, "an attempt of today may still be at work"
    assert sweep_leftovers(ledger.s3, ledger, timedelta(0)) == 1
    assert current_rows(pipeline, "raw").equals(before["raw"])
