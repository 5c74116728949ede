"""SIGTERM and Ctrl-C: the batch under way is finished and committed, the exit code is 0, and the next start goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_contract.manifest import Manifest
from tests.integration.spark_streaming.job_runs import QUICK_START, Pipeline, Run, read_run

SIGNALLED_JOB = Path(__file__).with_name("signalled_job.py")
ROWS = 6000
OPTIONS = ("--query", "ingest", "--max-offsets-per-trigger", "500")
FIELDS = {"event", "time", "level", "query", "batch", "batch_id", "offsets"}


def last_batches(pipeline: Pipeline) -> tuple[Manifest, int]:
    """The last published batch, and the last one that the checkpoint has committed."""
    last = pipeline.ledger().read_position().manifest
    assert last is not None
    commits = Path(pipeline.checkpoint) / pipeline.name / "ingest" / "commits"
    return last, max(int(path.name) for path in commits.iterdir() if path.name.isdigit())


def stop_command(pipeline: Pipeline) -> tuple[Run, list[str]]:
    """Run `python -m spark_streaming run` and send it SIGTERM at its first batch; also the lines that it wrote."""
    arguments = ["run", str(pipeline.path), "--available-now", *OPTIONS, "--checkpoint", pipeline.checkpoint]
    with subprocess.Popen(
        [sys.executable, "-m", "spark_streaming", *arguments],
        env=os.environ | QUICK_START | pipeline.variables, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as command:  # fmt: skip
        assert command.stderr is not None
        lines = []
        for line in command.stderr:
            lines.append(line)
            if json.loads(line)["event"] == "batch" and len([x for x in lines if '"event": "batch"' in x]) == 1:
                command.send_signal(signal.SIGTERM)
        code = command.wait()
    return read_run(subprocess.CompletedProcess(arguments, code, "", "".join(lines))), lines


@pytest.mark.timeout(1200)
def test_a_signal_stops_the_job_after_its_batch_and_a_second_one_at_once(pipeline: Pipeline) -> None:
    pipeline.replay(pipeline.write_rows(0, ROWS))

    # In the middle of the first batch of the driver itself.
    asked = read_run(pipeline.start(SIGNALLED_JOB, *OPTIONS, MILLRACE_TEST_SIGNALS="TERM"))
    assert asked.code == 0, asked.text
    last, committed = last_batches(pipeline)
    assert (last.batch, committed) == (0, 0)
    assert asked.events[-1]["event"] == "summary"
    assert asked.events[-1]["rows"]["ingest"]["raw"] == last.rows("raw")

    # A second signal does not wait.
    cut = read_run(pipeline.start(SIGNALLED_JOB, *OPTIONS, MILLRACE_TEST_SIGNALS="INT,TERM"))
    assert cut.code not in (0, 2, 4), cut.text
    assert "summary" not in [event["event"] for event in cut.events]
    assert last_batches(pipeline) == (last, committed)

    # The command passes it on, and says how far it came.
    stopped, lines = stop_command(pipeline)
    assert stopped.code == 0, stopped.text
    after, committed = last_batches(pipeline)
    assert after.batch == committed
    assert last.batch < after.batch < ROWS // 500 - 1
    batches = [event for event in stopped.events if event["event"] == "batch"]
    assert [event["batch"] for event in batches] == list(range(1, after.batch + 1))
    assert stopped.events[-1]["batches"] == {"ingest": len(batches)}
    for line in lines:
        assert set(json.loads(line)) >= FIELDS
    ends = {r.topic: {str(r.partition): [r.start, r.end]} for r in after.ranges if r.end > r.start}
    for topic, offsets in ends.items():
        assert batches[-1]["offsets"][topic] == batches[-1]["offsets"][topic] | offsets

    assert pipeline.drain(*OPTIONS).code == 0
    assert pipeline.lines("raw") == list(range(2, ROWS + 2))
    assert sorted(pipeline.lines("curated") + pipeline.lines("rejected")) == list(range(2, ROWS + 2))
