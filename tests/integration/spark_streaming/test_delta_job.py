"""A pipeline whose curated zone is a Delta table: killed before its commit, gone on with, and read by three readers."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from connections.delta_table import LakeTable
from reconciliation.check import check_pipeline
from reconciliation.statement import Statement
from spark_streaming.delta_commands import Answer, optimize_table, vacuum_table
from spark_streaming.submit import build_command, build_environment
from tests.integration.spark_streaming.job_runs import CONTRACT, TIMEOUT_S, Pipeline, Run, read_run

READER = Path(__file__).with_name("delta_reader.py")
DELTA = {
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
LAKE = """
[lake]
format = "delta"
partition_by = { place = "nullif(place_text, 'none')" }

[warehouse]"""
PLACE = """
[[column]]
name = "place_text"
source = "place"
type = "string"

[[rule]]"""
PLACES = ["Ærø/Søby", 'a "b" = c%2F', "", "none", "x" * 200]
BATCH = ("--query", "ingest", "--max-offsets-per-trigger", "60")
ROWS = 100


@pytest.fixture
def delta_pipeline(pipeline: Pipeline) -> Pipeline:
    text = CONTRACT.format(name=pipeline.name)
    pipeline.path.write_text(text.replace("[warehouse]", LAKE.strip(), 1).replace("[[rule]]", PLACE.strip(), 1))
    return pipeline


def write_places(pipeline: Pipeline) -> Path:
    """Rows whose places are hard to name a folder after; every tenth is refused by the rule."""
    path = pipeline.folder / "places.csv"
    quoted = ['"' + place.replace('"', '""') + '"' for place in PLACES]
    lines = (f"{n},2024-01-01 00:00:00,{'x' if n % 10 == 0 else 'a'},{quoted[n % 5]}" for n in range(ROWS))
    path.write_text("\n".join(["id,at,kind,place", *lines]) + "\n", encoding="utf-8")
    return path


def drain_and_read(pipeline: Pipeline, table: LakeTable) -> Run:
    """Drain the topic by the job's own command, and read the table by Spark in the same application."""
    arguments = ["run", str(pipeline.path), "--available-now", *BATCH, "--checkpoint", pipeline.checkpoint]
    command = build_command(pipeline.settings, arguments, pipeline.checkpoint)
    packages = command.index("--packages") + 1
    command[packages] += f",io.delta:delta-spark_2.13:{version('delta-spark')}"
    script = next(number for number, part in enumerate(command) if part.endswith("spark_streaming/job.py"))
    conf = [part for name, value in DELTA.items() for part in ("--conf", f"{name}={value}")]
    command[script : script + 1] = [*conf, str(READER)]
    done = subprocess.run(
        [*command, table.uri.replace("s3://", "s3a://")],
        env=build_environment(os.environ | pipeline.variables, pipeline.settings.s3),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return read_run(done)


@pytest.mark.chaos_short
@pytest.mark.timeout(600)
def test_a_delta_table_shows_each_row_once_after_a_kill_before_its_commit(
    delta_pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, table = delta_pipeline, LakeTable(delta_pipeline.settings.s3, delta_pipeline.name, "curated")
    pipeline.replay(write_places(pipeline))
    pipeline.deploy()
    assert pipeline.drain_until_killed("delta:begin:1", *BATCH).code == -9
    first = table.open().to_pyarrow_table().num_rows
    found = reconcile(pipeline)
    assert 0 < first < found.curated
    assert (found.loaded, found.pending, found.missing, found.duplicates) == (first, found.curated - first, 0, 0)

    run = drain_and_read(pipeline, table)

    assert run.code == 0, run.text
    lines = [n + 2 for n in range(ROWS) if n % 10]
    expected = {n + 2: "unknown" if n % 5 in (2, 3) else PLACES[n % 5][:60] for n in range(ROWS)}
    rows = table.open().to_pyarrow_table().sort_by("_source_line").to_pylist()
    assert [row["_source_line"] for row in rows] == lines
    assert [row["place"] for row in rows] == [expected[line] for line in lines]
    assert [row["place_text"] or "" for row in rows] == [PLACES[(line - 2) % 5] for line in lines]
    [of_spark] = [event["rows"] for event in run.events if event["event"] == "delta"]
    assert of_spark == [[str(row[name]) for name in ("id", "at", "kind", "place", "_source_line")] for row in rows]
    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
    assert (result["produced"], result["loaded"], result["rejected"]) == (ROWS, 90, 10)
    pipes = {row["name"] for row in pipeline.query("SHOW PIPES")}
    assert "EVENTS_RAW_PIPE" in pipes
    assert "EVENTS_PIPE" not in pipes
    check_upkeep(pipeline, table, capsys)


def check_upkeep(pipeline: Pipeline, table: LakeTable, capsys: pytest.CaptureFixture[str]) -> None:
    """Hold that merging leaves every row where it was, for a reader and for the reconciliation."""
    before = len(table.list_files())
    for dry_run in (True, False):
        optimize_table(pipeline.settings, pipeline.contract, dry_run, Answer(as_json=True, quiet=True))
    planned, done = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert done["planned"] == planned["planned"] != []
    assert (planned["written"], len(table.list_files()) < before) == (0, True)
    statement = reconcile(pipeline)
    assert (statement.is_complete, statement.loaded) == (True, 90), statement.findings
    vacuum_table(pipeline.settings, pipeline.contract, "1 hour", False, Answer(as_json=True, quiet=True))
    vacuumed = json.loads(capsys.readouterr().out)
    assert (vacuumed["files"], vacuumed["needed"]) == ([], 0)


def reconcile(pipeline: Pipeline) -> Statement:
    """The reconciliation's answer, whatever it is."""
    return check_pipeline(pipeline.settings, pipeline.contract, [], 20, lambda step: None)
