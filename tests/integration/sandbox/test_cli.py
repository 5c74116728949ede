"""`python -m sandbox` as a user runs it: the whole sandbox, on the real parts, in a folder whose name is not easy."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import snowflake.connector
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY
from sandbox.processes import find_free_port
from sandbox.stack import PROJECT


class Sandbox:
    """A sandbox of the test's own, driven by its command only."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.kafka, self.aws, self.snowflake, self.registry, self.api = (find_free_port() for _ in range(5))
        self.variables = {
            "MILLRACE_SANDBOX__STATE_DIR": str(state_dir),
            "MILLRACE_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{self.kafka}",
            "MILLRACE_KAFKA__SCHEMA_REGISTRY_URL": f"http://127.0.0.1:{self.registry}",
            "MILLRACE_API__ENDPOINT_URL": f"http://127.0.0.1:{self.api}",
            "MILLRACE_S3__ENDPOINT_URL": f"http://127.0.0.1:{self.aws}",
            "MILLRACE_WAREHOUSE__PORT": str(self.snowflake),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=PROJECT,
            env={**os.environ, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command; its exit code, standard output and standard error."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    def read_status(self) -> dict[str, Any]:
        """What `status --json` prints, by service, with the exit code and the rest beside it."""
        code, out, _ = self.run("status", "--json")
        answer = json.loads(out)
        accepted = answer["accepted_not_enforced"] + answer["accepted_by_aws"]
        return {"code": code, "accepted": accepted, **{s["name"]: s for s in answer["services"]}}

    def find_processes(self) -> list[psutil.Process]:
        """All processes that work in this sandbox's folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if str(self.state_dir) in " ".join([process.cwd(), *process.cmdline()]):
                    found.append(process)
        return found

    def query(self, statement: str) -> list[Any]:
        """Run a statement through the real connector."""
        with (
            snowflake.connector.connect(
                account="sandbox",
                user="sandbox",
                password="sandbox",
                host="127.0.0.1",
                port=self.snowflake,
                protocol="http",
                database="MILLRACE",
                schema="TESTS",
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return list(cursor.fetchall())


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that does not run yet."""
    own = Sandbox(tmp_path / "stäte, of it")
    yield own
    if own.state_dir.exists():
        own.run("reset", "--quiet")
    for process in own.find_processes():
        process.kill()


@pytest.mark.chaos_short
def test_state_survives_down_and_kills_and_goes_with_reset(own: Sandbox) -> None:
    assert own.run("up")[0] == 0
    s3 = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{own.aws}",
        aws_access_key_id=SANDBOX_ACCESS_KEY_ID,
        aws_secret_access_key=SANDBOX_SECRET_ACCESS_KEY,
    )
    s3.put_object(Bucket="millrace-lake", Key="k", Body=b"kept")
    own.query("create table kept (n integer)")
    own.query("insert into kept values (42)")
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{own.kafka}", "log_level": 0})
    admin.create_topics([NewTopic("kept", 3, 1)])["kept"].result(30)

    def check_kept() -> None:
        assert s3.get_object(Bucket="millrace-lake", Key="k")["Body"].read() == b"kept"
        assert own.query("select n from kept") == [(42,)]
        topics = AdminClient({"bootstrap.servers": f"127.0.0.1:{own.kafka}"}).list_topics(timeout=20).topics
        assert len(topics["kept"].partitions) == 3

    status = own.read_status()
    assert status["code"] == 0
    natures = {name: (status[name]["state"], status[name]["nature"]) for name in ("kafka", "aws", "snowflake")}
    assert natures["kafka"] == ("running", "real")
    assert natures["aws"] == natures["snowflake"] == ("running", "emulated")
    assert any("ROLE" in statement for statement, _ in status["accepted"])
    assert any("Glue" in call for call, _ in status["accepted"])

    assert own.run("down")[0] == 0
    assert own.find_processes() == []
    assert own.run("up")[0] == 0
    check_kept()

    status = own.read_status()
    for name in ("kafka", "aws", "snowflake"):
        psutil.Process(status[name]["pid"]).kill()
    status = own.read_status()
    assert status["code"] == 4
    assert [status[name]["state"] for name in ("kafka", "aws", "snowflake")] == ["died"] * 3
    assert own.run("up")[0] == 0
    check_kept()

    assert own.run("reset")[0] == 0
    assert own.find_processes() == []
    assert not own.state_dir.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_up_leaves_nothing_running(own: Sandbox, number: signal.Signals) -> None:
    process = own.start("up")
    records = own.state_dir / "run"
    while not (records / "kafka.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert own.find_processes() == []


def test_an_environment_off_this_machine_is_refused(own: Sandbox) -> None:
    own.variables["MILLRACE_KAFKA__BOOTSTRAP_SERVERS"] = "broker.example.com:9092"
    code, _, err = own.run("up")
    own.variables["MILLRACE_KAFKA__BOOTSTRAP_SERVERS"] = f"127.0.0.1:{own.kafka}"
    assert code == 2
    assert "kafka.bootstrap_servers" in err
    assert not own.state_dir.exists()


def test_a_missing_java_is_explained_before_anything_is_left_running(own: Sandbox) -> None:
    own.variables["JAVA_HOME"] = "/nowhere"
    code, _, err = own.run("up")
    own.variables["JAVA_HOME"] = ""
    assert code == 2
    assert "openjdk-17" in err
    assert own.find_processes() == []


def test_check_java_says_which_one(own: Sandbox) -> None:
    code, out, _ = own.run("check-java")
    assert code == 0
    assert out.startswith("Java ")
