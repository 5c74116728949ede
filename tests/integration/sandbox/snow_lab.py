"""What the tests of the emulated Snowflake work with: a bucket, a schema, a connection, and an endpoint to kill."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import snowflake.connector
from snowflake.connector import SnowflakeConnection

from sandbox.processes import find_free_port

DEADLINE_S = 60.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's first true answer, or fail after DEADLINE_S with what was waited for."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_S:.0f} s: {what}")
        time.sleep(0.05)


def write_parquet(table: pa.Table) -> bytes:
    """The table as Parquet bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def open_bucket(s3_endpoint: str, name: str, arn: str) -> Any:
    """A client, after the bucket is created and sends its events to the pipes' queue."""
    s3: Any = boto3.client(
        "s3", endpoint_url=s3_endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    s3.create_bucket(Bucket=name)
    queue = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"QueueConfigurations": [queue]})
    return s3


def connect(port: int, **options: Any) -> SnowflakeConnection:
    """A plain connection of the real connector."""
    fixed = {"account": "sandbox", "user": "sandbox", "password": "sandbox", "host": "127.0.0.1", "protocol": "http"}
    return snowflake.connector.connect(**fixed, port=port, **options)


def query(connection: SnowflakeConnection, sql: str) -> list[Any]:
    """The rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


class SnowLab:
    """One test's bucket and schema on a running endpoint."""

    def __init__(self, s3_endpoint: str, port: int, name: str) -> None:
        self.bucket = name
        self.schema = name.upper()
        self.port = port
        self.connection = connect(port, database="SNOWTEST", schema=self.schema)
        # A pipe creates the queue that the bucket's notification needs.
        self.run("CREATE TABLE first_table (a INT)")
        self._s3_endpoint = s3_endpoint
        self._s3: Any = None

    @property
    def s3(self) -> Any:
        """The bucket's client; the bucket is created at first use."""
        if self._s3 is None:
            self.run(f"CREATE STAGE first_stage URL='s3://{self.bucket}/first/'")
            self.run("CREATE PIPE first_pipe AUTO_INGEST=TRUE AS COPY INTO first_table FROM @first_stage")
            arn = self.run("SHOW PIPES")[0][6]
            self._s3 = open_bucket(self._s3_endpoint, self.bucket, arn)
        return self._s3

    def run(self, sql: str) -> list[Any]:
        """The rows of a statement."""
        return query(self.connection, sql)

    def put(self, key: str, body: bytes) -> None:
        """Put an object into the bucket."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def make_stage(self, name: str, prefix: str, file_format: str) -> None:
        """Create a stage on a prefix of the bucket."""
        _ = self.s3
        self.run(f"CREATE STAGE {name} URL='s3://{self.bucket}/{prefix}' FILE_FORMAT=({file_format})")

    def history(self, table: str) -> list[tuple[str, str, int, str | None]]:
        """File, status, rows and first error of the loads of a table, by file."""
        return self.run(
            "SELECT FILE_NAME, STATUS, ROW_COUNT, FIRST_ERROR_MESSAGE FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY("
            f"TABLE_NAME => '{table}', START_TIME => DATEADD(HOUR, -1, CURRENT_TIMESTAMP()))) ORDER BY 1"
        )

    def wait_history(self, table: str, count: int) -> list[tuple[str, str, int, str | None]]:
        """The history of a table as soon as it has so many files."""
        found = wait_for(lambda: len(self.history(table)) >= count and self.history(table), f"{count} files in {table}")
        return list(found)


class EndpointProcess:
    """An endpoint of its own, to be killed and started again on the same folder."""

    def __init__(self, state_dir: Path, s3_endpoint: str) -> None:
        self.port = find_free_port()
        self._command = [sys.executable, "-m", "sandbox.snowflake", "--port", str(self.port)]
        self._command += ["--state-dir", str(state_dir), "--aws-endpoint"]
        self._s3_endpoint = s3_endpoint
        self._log = state_dir.parent / "endpoint.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, s3_endpoint: str = "") -> None:
        """Start it, with another AWS endpoint where one is given, and return when it answers."""
        command = [*self._command, s3_endpoint or self._s3_endpoint]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._is_ready, f"the endpoint; its log: {self._log}")

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(self._log.read_text())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/monitoring/healthcheck", timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def read_log(self) -> str:
        """What it has logged since the first start."""
        return self._log.read_text()

    def kill(self) -> None:
        """Kill it as kill -9 does."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        code = self._process.wait(timeout=30)
        self._process = None
        return code
