"""A pipeline without a raw zone: no message is kept, every row is accounted for, and a backfill comes from the topic."""

from __future__ import annotations

import io
import json

import pyarrow.parquet as pq
import pytest

from connections.s3 import open_s3
from pipeline_contract.raw_encryption import MARK
from tests.integration.spark_streaming.job_runs import Pipeline

ROWS = 600
RANGE = ["--from", "2024-01-01", "--to", "2024-02-01"]


@pytest.mark.chaos_short
def test_no_message_is_kept_and_every_row_is_accounted_for(pipeline: Pipeline) -> None:
    contract = pipeline.path.read_text()
    pipeline.path.write_text(contract.replace("[event_time]", '[raw]\nzone = "off"\n\n[event_time]', 1))
    pipeline.deploy()
    pipeline.replay(pipeline.write_rows(0, ROWS))

    ran = pipeline.run_verbs(["run", "--available-now"], ["backfill", *RANGE, "--source", "kafka", "--rejected"])

    assert ran.code == 0, ran.text
    [manifest] = pipeline.ledger().read_manifests()
    assert (manifest.keeps_raw, sum(count.raw for count in manifest.counts)) == (False, ROWS)
    assert pipeline.list_rows("raw").num_rows == 0
    rejected = pipeline.list_rows("rejected")
    assert rejected.num_rows == ROWS // 100
    assert set(rejected["value"].to_pylist()) == {None}
    assert set(rejected["reason"].to_pylist()) == {"rule:known_kind"}
    staged = read_staged(pipeline)
    assert len(staged) == ROWS
    assert all(value.startswith(MARK) for value in staged)
    checks_out(pipeline)
    refused = pipeline.run("backfill", str(pipeline.path), *RANGE, "--source", "raw", "--dry-run")
    assert refused.code == 2
    assert "--source kafka" in refused.text


def read_staged(pipeline: Pipeline) -> list[bytes]:
    """The messages that the last batch has left in staging."""
    s3, bucket = open_s3(pipeline.settings.s3), pipeline.settings.s3.bucket
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"_staging/{pipeline.name}/ingest/")["Contents"]
    keys = [item["Key"] for item in listed if "/messages/" in item["Key"] and item["Key"].endswith(".parquet")]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    return [value for body in bodies for value in pq.read_table(io.BytesIO(body))["value"].to_pylist()]


def checks_out(pipeline: Pipeline) -> None:
    """Hold that both checks find every row, and say that raw rows were not among what they looked at."""
    waited = pipeline.command("snowflake_integration", "apply-backfill", str(pipeline.path))
    assert waited.returncode == 0, waited.stderr
    whole = pipeline.reconcile()
    quick = json.loads(pipeline.command("reconciliation", "check", str(pipeline.path), "--json", "--fast").stdout)
    for statement in (whole, quick):
        assert statement["complete"], statement
        assert statement["raw"] is None
        assert "not checked" in statement["basis"]["raw"]
        assert f"{ROWS} messages" in statement["basis"]["raw"]
        assert (statement["produced"], statement["rejected"]) == (ROWS, ROWS // 100)
