"""`make demo`: what it prints and proves, what it leaves behind, and what plain clients then count."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connections.settings import KafkaSettings, S3Settings, Settings, WarehouseSettings
from demo.guide import write_guide
from pipeline_contract.contract_file import find_contract, load_contract
from tests.integration.demo.runbook import MAKE, Ended, Runbook

FIGURES = {
    "produced": 200, "raw": 200, "curated": 200, "rejected": 0, "loaded": 200, "pending": 0, "missing": 0,
    "duplicates": 0, "complete": True,
}  # fmt: skip
RUNNING = ["running"] * 5  # AWS, Kafka, the schema registry, API Gateway, Snowflake with Snowpipe
# A demonstration runs Spark, on a machine that may be busy.
pytestmark = pytest.mark.timeout(600)


def test_an_interrupted_demonstration_stops_what_it_started(tmp_path: Path) -> None:
    own = Runbook(tmp_path / "state")

    ended = own.interrupt_when("deploy the SQL", *MAKE, "demo", "PIPELINE=readings")

    assert ended.status != 0
    assert "stopped by SIGINT" in ended.err
    assert "Traceback" not in ended.err
    assert own.find_processes() == []


def test_every_row_arrives_and_the_last_line_says_so(demonstration: Ended) -> None:
    assert demonstration.status == 0, demonstration.err

    proof = json.loads(demonstration.out.splitlines()[-1])

    assert {name: proof[name] for name in FIGURES} == FIGURES
    assert "complete: every row is accounted for, exactly once" in demonstration.out
    assert "Mühlrad" in demonstration.out
    stages = (
        "sandbox up",
        "deploy the SQL",
        "producer",
        "Spark job",
        "Snowpipe",
        "answer",
        "reconciliation",
        "together",
    )
    assert [name for name in stages if not re.search(rf"│ {name} +│ +\d+\.\d │", demonstration.err)] == []


def test_plain_clients_count_the_same(runbook: Runbook, demonstration: Ended) -> None:
    assert runbook.read_states() == RUNNING
    settings = Settings(
        environment="test",
        kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{runbook.kafka}"),
        s3=S3Settings(endpoint_url=f"http://127.0.0.1:{runbook.aws}"),
        warehouse=WarehouseSettings(host="127.0.0.1", port=runbook.snowflake, protocol="http"),
    )

    programs = write_guide(settings, load_contract(find_contract("readings"))).values()
    printed = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for program in programs
    ]

    assert printed[0] == "(200,)\n"
    assert re.fullmatch(r"\d+ lake/readings/curated/\S+\.csv\.gz\n", printed[1])
    assert printed[2] == "200\n"
    # What KEEP=1 prints is this, whatever the width of the terminal.
    assert all(line in demonstration.err for program in programs for line in program.splitlines())


def test_a_sandbox_that_ran_before_is_left_up(runbook: Runbook, demonstration: Ended) -> None:
    ended = runbook.interrupt_when("deploy the SQL", *MAKE, "demo", "PIPELINE=readings")

    assert demonstration.status == 0
    assert "running already, and left so at the end" in ended.err
    assert "sandbox down" not in ended.err
    assert runbook.read_states() == RUNNING
