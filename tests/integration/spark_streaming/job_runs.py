"""Runs of the real job by spark-submit on the session's sandbox, and what lies in the lake and the warehouse after them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from connections.lake_files import arrow_schema, parse_object
from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import Settings
from connections.warehouse import open_warehouse, run_query
from pipeline_contract.contract_file import load_contract
from pipeline_contract.layout import output_prefix
from pipeline_contract.model import Contract
from pipeline_contract.outputs import derive_late, derive_outputs
from spark_streaming.submit import build_command, build_environment

KILLED_JOB = Path(__file__).with_name("killed_job.py")
VERBS_JOB = Path(__file__).with_name("verbs_job.py")
TIMEOUT_S = 900
# The entry scripts import each other; installed are the project's packages, not its tests.
PROJECT = {"PYTHONPATH": str(Path(__file__).parents[3])}
CONTRACT = """
name = "{name}"
version = 1

[topic]
name = "{name}"
partitions = 2
key = ["id"]

[event_time]
column = "at"
watermark = "1 hour"

[warehouse]
schema = "{name}"
table = "events"

[[column]]
name = "id"
type = "bigint"
nullable = false

[[column]]
name = "at"
type = "timestamp"
nullable = false

[[column]]
name = "kind"
type = "string"

[[rule]]
name = "known_kind"
expression = "kind in ('a', 'b')"

[[aggregate]]
name = "hourly"
window = "1 hour"
group_by = ["kind"]
measures = [{{ name = "events", type = "bigint", expression = "count(*)" }}]
"""


@dataclass(frozen=True)
class Run:
    """One finished run of a command: its exit code, and the events that the job wrote."""

    code: int
    events: list[dict[str, Any]]
    text: str

    @property
    def error(self) -> str:
        """The message of the job's error event, or all that was written where there is none."""
        return next((e["message"] for e in self.events if e["event"] == "error"), self.text)


@dataclass(frozen=True)
class Pipeline:
    """One pipeline of a test: its contract's file, its checkpoints, and the sandbox that it runs on."""

    folder: Path
    name: str
    settings: Settings
    variables: dict[str, str]
    checkpoint: str = field(default="")

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def contract(self) -> Contract:
        return load_contract(self.path)

    def on_checkpoint(self, location: Path | str) -> Pipeline:
        """The same pipeline on other checkpoints."""
        return replace(self, checkpoint=str(location))

    def with_variables(self, **variables: str) -> Pipeline:
        """The same pipeline with other settings."""
        return replace(self, variables=self.variables | variables)

    def write_rows(self, first: int, count: int, file_name: str = "events.csv") -> Path:
        """A CSV of so many rows, a minute apart from 2024 on; every hundredth is refused by the rule."""
        path = self.folder / file_name
        lines = (
            f"{n},2024-01-{1 + n // 1440 % 28:02d} {n // 60 % 24:02d}:{n % 60:02d}:00,{'x' if n % 100 == 0 else 'ab'[n % 2]}"
            for n in range(first, first + count)
        )
        path.write_text("\n".join(["id,at,kind", *lines]) + "\n")
        return path

    def replay(self, path: Path) -> None:
        """Send a file to the topic with the real producer."""
        done = self.command("kafka_producer", "replay", str(self.path), str(path), "--quiet")
        assert done.returncode == 0, done.stderr

    def command(self, package: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's commands as a person does."""
        return subprocess.run(
            [sys.executable, "-m", package, *arguments],
            env=os.environ | self.variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def drain(self, *options: str) -> Run:
        """Run the ingest by `python -m spark_streaming run … --available-now`."""
        return self.run("run", str(self.path), "--available-now", *options)

    def run(self, verb: str, *arguments: str) -> Run:
        """Run one verb of `python -m spark_streaming`."""
        return read_run(self.command("spark_streaming", verb, *arguments, *self._checkpoint_option(verb)))

    def drain_until_killed(self, step: str, *options: str) -> Run:
        """Run the ingest until the listener of `killed_job.py` kills it at a step."""
        return read_run(self.start(KILLED_JOB, *options, MILLRACE_TEST_KILL=step))

    def run_verbs(self, *verbs: list[str], **variables: str) -> Run:
        """Run several verbs of the job, each with its options, in one Spark application."""
        arguments = [[verb, str(self.path), *options, *self._checkpoint_option(verb)] for verb, *options in verbs]
        joined = [word for words in arguments for word in (*words, "then")]
        return read_run(self.submit(VERBS_JOB, joined, **variables))

    def start(self, script: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run an entry script that drains the topic."""
        arguments = ["run", str(self.path), "--available-now", *options, *self._checkpoint_option("run")]
        return self.submit(script, arguments, **variables)

    def submit(self, script: Path, arguments: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run an entry script by the very command that the job is submitted with."""
        command = build_command(self.settings, arguments, self.checkpoint)
        command[command.index(next(part for part in command if part.endswith("spark_streaming/job.py")))] = str(script)
        return subprocess.run(
            command,
            env=build_environment(os.environ | PROJECT | self.variables | variables, self.settings.s3),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            start_new_session=True,
        )

    def _checkpoint_option(self, verb: str) -> list[str]:
        return ["--checkpoint", self.checkpoint] if verb == "run" and self.checkpoint else []

    def deploy(self) -> None:
        """Create tables and pipes, so that what is published is loaded from then on."""
        done = self.command("snowflake_integration", "deploy", str(self.path))
        assert done.returncode == 0, done.stderr

    def reconcile(self) -> dict[str, Any]:
        """Wait for Snowpipe, then the reconciliation's JSON object."""
        waited = self.command("snowflake_integration", "wait-loaded", str(self.path))
        assert waited.returncode == 0, waited.stderr
        checked = self.command("reconciliation", "check", str(self.path), "--json")
        assert checked.returncode in (0, 1, 4), checked.stderr
        result: dict[str, Any] = json.loads(checked.stdout)
        return result

    def ledger(self, query: str = "ingest") -> Ledger:
        """The ledger of one of the pipeline's queries."""
        return Ledger(open_s3(self.settings.s3), self.settings.s3.bucket, self.name, query)

    def list_rows(self, output: str) -> pa.Table:
        """The rows of every object that a plain listing of an output's prefix shows."""
        outputs = [*derive_outputs(self.contract), *map(derive_late, self.contract.aggregates)]
        described = next(known for known in outputs if known.name == output)
        tables = [parse_object(body, described) for body in self._bodies(output)]
        return pa.concat_tables(tables) if tables else arrow_schema(described.columns).empty_table()

    def lines(self, output: str) -> list[int]:
        """The source lines in an output's objects, in order, doubles kept."""
        return sorted(self.list_rows(output)["_source_line"].to_pylist())

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Ask the warehouse by the plain connector."""
        with open_warehouse(self.settings.warehouse, database="MILLRACE", schema=self.name.upper()) as connection:
            return run_query(connection, sql)

    def _bodies(self, output: str) -> Iterator[bytes]:
        s3 = open_s3(self.settings.s3)
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.s3.bucket, Prefix=output_prefix(self.name, output)
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield s3.get_object(Bucket=self.settings.s3.bucket, Key=item["Key"])["Body"].read()


def read_run(done: subprocess.CompletedProcess[str]) -> Run:
    """What a finished command left: the job's events stand among all that it wrote."""
    text = done.stdout + done.stderr
    events = [json.loads(line) for line in text.splitlines() if line.startswith('{"event"')]
    return Run(done.returncode, events, text)
