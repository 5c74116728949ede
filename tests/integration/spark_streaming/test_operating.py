"""What an operator does to a running pipeline and sees of it: signals, log lines, metrics, status, rewind, start-over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pipeline_contract.manifest import Manifest
from spark_streaming.metrics import to_seconds
from spark_streaming.offsets import sum_offsets
from spark_streaming.status import CheckpointState, QueryStatus, read_status
from tests.integration.spark_streaming.job_runs import Pipeline, read_run

SIGNALLED_JOB = Path(__file__).with_name("signalled_job.py")
ROWS, MORE_ROWS = 2000, 4000
INGEST = ("--query", "ingest")
AGGREGATE = "aggregate-hourly"
OPTIONS = (*INGEST, "--max-offsets-per-trigger", "500")
FIELDS = {"event", "time", "level", "query", "batch", "batch_id", "offsets"}
Event = dict[str, Any]


class Job:
    """A job that runs until it is stopped, started as a person does; its lines are read one by one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[Event] = []

    def read_until(self, wanted: Callable[[Event], bool]) -> Event:
        """The next line that is wanted."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))
            if wanted(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(self.lines)

    def find(self, wanted: Callable[[Event], bool]) -> Event:
        """The first line that is wanted, of those that were read or are to come."""
        return next(filter(wanted, self.lines), None) or self.read_until(wanted)

    def stop(self) -> int:
        """Ask it to stop, read the rest, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.read_until(lambda line: line["event"] == "summary")
        return self.process.wait()


@contextmanager
def start_job(pipeline: Pipeline, *options: str) -> Iterator[Job]:
    """Run `python -m spark_streaming run` with a trigger, beside the test."""
    arguments = ["run", str(pipeline.path), "--trigger", "1 second", "--checkpoint", pipeline.checkpoint, *options]
    with subprocess.Popen(
        [sys.executable, "-m", "spark_streaming", *arguments],
        env=os.environ | pipeline.variables, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            yield Job(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate()


def is_batch(query: str, behind: bool) -> Callable[[Event], bool]:
    """Say whether a line tells of a batch of a query, with or without more to read behind it."""
    return lambda line: line["event"] == "batch" and line["query"] == query and (line["behind"] > 0) == behind


def reaches(line: Event, other: Event, topic: str) -> bool:
    """Say whether a batch's line ends in a topic where another one does."""
    ends = {partition: end for partition, (_, end) in other["offsets"][topic].items()}
    return line["event"] == "batch" and {p: end for p, (_, end) in line["offsets"][topic].items()} == ends


def last_batches(pipeline: Pipeline) -> tuple[Manifest, int]:
    """The last published batch of the ingest, and the last one that the checkpoint has committed."""
    last = pipeline.ledger().read_position().manifest
    assert last is not None
    commits = Path(pipeline.checkpoint) / pipeline.name / "ingest" / "commits"
    return last, max(int(path.name) for path in commits.iterdir() if path.name.isdigit())


def scrape(url: str) -> Callable[..., float]:
    """The values at a metrics endpoint, to be asked for by name and labels."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    values = {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}
    return lambda name, **labels: values[f"millrace_{name}", frozenset(labels.items())]


def ask_status(pipeline: Pipeline) -> QueryStatus:
    """The ingest's status, without the command around it."""
    return read_status(pipeline.settings, pipeline.contract).queries[0]


def check_metrics(found: Callable[..., float], pipeline: Pipeline, since: int) -> None:
    """Hold that the metrics of a drained job are what the ledger says of the batches that it has published."""
    ingest = partial(found, pipeline=pipeline.name, query="ingest")
    manifests = [m for m in pipeline.ledger().read_manifests() if m.batch > since]
    assert ingest("batches_total") == ingest("batch_seconds_count") == len(manifests)
    assert ingest("last_published_batch") == manifests[-1].batch
    for output in ("raw", "curated", "rejected"):
        assert ingest("rows_total", output=output) == sum(m.rows(output) for m in manifests)
    rejected = sum(m.rows("rejected") for m in manifests)
    assert ingest("rejected_rows_total", reason="rule:known_kind") == rejected > 0
    newest = max(c.event_time_max for c in manifests[-1].counts if c.event_time_max)
    assert ingest("event_time_timestamp_seconds") == to_seconds(newest)
    assert ingest("event_time_lag_seconds") > 0
    for partition in "01":
        assert ingest("kafka_lag_offsets", topic=pipeline.name, partition=partition) == 0
    for phase in ("stage", "inspect", "manifest", "copy"):
        assert ingest("batch_phase_seconds_count", phase=phase) == len(manifests)


def check_window_metrics(url: str, pipeline: Pipeline) -> None:
    """Hold that the metrics of an aggregate that has read all are what its ledger says, and that Spark tells of its state."""
    manifests = list(pipeline.ledger(AGGREGATE).read_manifests())
    windows = partial(scrape(url), pipeline=pipeline.name, query=AGGREGATE)
    output = "aggregates/hourly"
    assert windows("rows_total", output=output) == sum(m.rows(output) for m in manifests)
    for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.5), retry=retry_if_exception_type(KeyError)):
        with attempt:  # Spark reports after it has committed, on a thread of its own
            assert scrape(url)("state_rows", pipeline=pipeline.name, query=AGGREGATE) > 0
    assert scrape(url)("state_memory_bytes", pipeline=pipeline.name, query=AGGREGATE) > 0


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_a_pipeline_under_its_operator_s_hands_loses_nothing(pipeline: Pipeline) -> None:
    pipeline.replay(pipeline.write_rows(0, ROWS))

    # SIGTERM in the middle of the first batch: the driver finishes it.
    asked = read_run(pipeline.start(SIGNALLED_JOB, *OPTIONS, MILLRACE_TEST_SIGNALS="TERM"))
    assert asked.code == 0, asked.text
    last, committed = last_batches(pipeline)
    assert (last.batch, committed) == (0, 0)
    assert asked.events[-1]["event"] == "summary"
    assert asked.events[-1]["rows"]["ingest"]["raw"] == last.rows("raw")

    # A second signal does not wait; what it has cut off is staged, and not published.
    cut = read_run(pipeline.start(SIGNALLED_JOB, *OPTIONS, MILLRACE_TEST_SIGNALS="INT,TERM"))
    assert cut.code not in (0, 2, 4), cut.text
    assert "summary" not in [event["event"] for event in cut.events]
    assert last_batches(pipeline) == (last, committed)
    status = ask_status(pipeline)
    assert status.state == "batch 1 is planned and not published yet"
    assert status.attempts == 1
    assert status.checkpoint == CheckpointState(f"{pipeline.checkpoint}/{pipeline.name}/ingest", planned=1, committed=0)
    assert sum_offsets(status.lag or {}) >= ROWS - last.rows("raw")

    # The cut batch is planned anew, with other offsets.
    rewind = ("spark_streaming", "rewind", str(pipeline.path), "--query", "ingest", "--to-batch", "0", "--json")
    planned = json.loads(pipeline.command(*rewind, "--dry-run").stdout)
    assert [change["name"] for change in planned["changes"]] == ["offsets/1"]
    assert ask_status(pipeline) == status
    assert json.loads(pipeline.command(*rewind).stdout) == planned
    assert ask_status(pipeline).state.endswith("offsets behind the topic")

    with start_job(pipeline, "--max-offsets-per-trigger", "700", "--metrics-port", "0") as job:
        url = job.read_until(lambda line: "metrics" in line)["metrics"]
        drained = job.read_until(is_batch("ingest", behind=False))
        check_metrics(scrape(url), pipeline, since=0)
        job.find(lambda line: line["query"] == AGGREGATE and reaches(line, drained, pipeline.name))
        check_window_metrics(url, pipeline)
        # SIGTERM to the command, with more to read than one batch.
        pipeline.replay(pipeline.write_rows(ROWS, MORE_ROWS, "more.csv"))
        job.read_until(is_batch("ingest", behind=True))
        assert job.stop() == 0, job.lines
        after, committed = last_batches(pipeline)
        assert after.batch == committed
        assert sum(m.rows("raw") for m in pipeline.ledger().read_manifests()) < ROWS + MORE_ROWS
        check_lines(job.lines, after)

    # A new lineage goes on where the ledger ends.
    started_over = pipeline.command("spark_streaming", "start-over", str(pipeline.path), "--query", "ingest")
    assert started_over.returncode == 0, started_over.stderr
    assert "where the ledger ends" in started_over.stdout
    assert pipeline.drain(*INGEST).code == 0
    assert len(pipeline.ledger().read_lineages()) == 2
    told = pipeline.command("spark_streaming", "status", str(pipeline.path), "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["queries"][0]["state"] == "has published all of the topic"
    lines = list(range(2, ROWS + 2)) + list(range(2, MORE_ROWS + 2))
    assert pipeline.lines("raw") == sorted(lines)
    assert sorted(pipeline.lines("curated") + pipeline.lines("rejected")) == sorted(lines)


def check_lines(lines: list[Event], last: Manifest) -> None:
    """Hold that every line has the same fields, and the last batch's line the offsets of its manifest."""
    for line in lines:
        assert set(line) >= FIELDS
    batch = next(line for line in reversed(lines) if line["event"] == "batch" and line["query"] == "ingest")
    assert batch["batch"] == last.batch
    offsets = {r.topic: dict[str, list[int]]() for r in last.ranges}
    for r in last.ranges:
        offsets[r.topic][str(r.partition)] = [r.start, r.end]
    assert batch["offsets"] == offsets
