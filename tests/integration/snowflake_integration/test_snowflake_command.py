"""The commands as a user types them: what goes to stdout, and the exit codes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.contract_file import load_contract
from pipeline_contract.layout import final_key
from pipeline_contract.outputs import derive_outputs
from snowflake_integration.__main__ import app
from tests.integration.snowflake_integration.lake_files import build_row, write_file

Run = Callable[..., Result]


@pytest.fixture
def run(endpoints: Settings) -> Run:
    """Runs a command against the session's endpoints."""
    variables = {
        "MILLRACE_S3__ENDPOINT_URL": str(endpoints.s3.endpoint_url),
        "MILLRACE_S3__BUCKET": endpoints.s3.bucket,
        "MILLRACE_WAREHOUSE__HOST": str(endpoints.warehouse.host),
        "MILLRACE_WAREHOUSE__PORT": str(endpoints.warehouse.port),
    }

    def invoke(*arguments: str, **changed: str) -> Result:
        return CliRunner().invoke(app, arguments, env=variables | changed)

    return invoke


def put(settings: Settings, contract_file: Path, number: int, body: bytes | None = None) -> str:
    """Publish one curated file with one row, or with these bytes."""
    contract = load_contract(contract_file)
    output = derive_outputs(contract)[1]
    key = final_key(contract.name, "curated", "", "0001-abc-0000000001", number, output.extension)
    content = write_file(output, [build_row(output, id=number, label="é😀")]) if body is None else body
    open_s3(settings.s3).put_object(Bucket=settings.s3.bucket, Key=key, Body=content)
    return key


def test_from_a_dry_run_to_the_teardown(run: Run, write_contract: Callable[[str], Path], endpoints: Settings) -> None:
    path = write_contract("csv")

    planned = run("deploy", str(path), "--dry-run", "--json")
    before = run("query", "SHOW SCHEMAS IN ACCOUNT", "--json")
    deployed = run("deploy", str(path), "--json", "--quiet")
    put(endpoints, path, 1)
    waited = run("wait-loaded", str(path), "--timeout", "30", "--json", "--quiet")
    counted = run("query", "--pipeline", str(path), "select id, label, ratio from things", "--json")
    shown = run("query", "--pipeline", str(path), "select label, ratio from things")
    state = run("status", str(path))
    unsure = run("teardown", str(path))
    dropped = run("teardown", str(path), "--yes", "--quiet")

    assert path.stem.upper() not in [row["name"] for row in json.loads(before.stdout)]
    steps = json.loads(planned.stdout)
    assert [s["statement"].splitlines()[0].rstrip("; (") for s in steps] == [
        done["statement"] for done in json.loads(deployed.stdout)
    ]
    assert deployed.stderr == ""
    assert {s["table"]: (s["loaded"], s["pending"]) for s in json.loads(waited.stdout)}["THINGS"] == (1, 0)
    assert json.loads(counted.stdout) == [{"ID": 1, "LABEL": "é😀", "RATIO": None}]
    assert "é😀" in shown.stdout
    assert "NULL" in shown.stdout
    assert "THINGS_PIPE" in state.stdout
    assert (unsure.exit_code, dropped.exit_code) == (2, 0)
    assert "--yes" in unsure.stderr
    assert "emulated" in unsure.stderr


def test_waiting_says_with_its_exit_code_what_is_pending_and_what_was_refused(
    run: Run, write_contract: Callable[[str], Path], endpoints: Settings
) -> None:
    path = write_contract("csv")
    run("deploy", str(path), "--quiet")
    pause = f'ALTER PIPE "MILLRACE"."{path.stem.upper()}"."THINGS_PIPE" SET PIPE_EXECUTION_PAUSED ='

    run("query", f"{pause} TRUE")
    key = put(endpoints, path, 1, b"this is no gzip")
    pending = run("wait-loaded", str(path), "--timeout", "0.5", "--quiet")
    run("query", f"{pause} FALSE")
    refused = run("wait-loaded", str(path), "--timeout", "30", "--quiet")

    assert (pending.exit_code, refused.exit_code) == (4, 1)
    assert key in pending.stderr
    assert key in refused.stderr


def test_a_refused_statement_is_quoted_with_the_reason(run: Run) -> None:
    result = run("query", "select * from there_is_no_such_table")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert "THERE_IS_NO_SUCH_TABLE" in result.stderr.upper()


def test_a_warehouse_that_is_down_is_an_outside_failure(run: Run) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = str(closed.getsockname()[1])

    result = run("deploy", "flights", MILLRACE_WAREHOUSE__PORT=port, MILLRACE_WAREHOUSE__TIMEOUT_S="1")

    assert result.exit_code == 3
    assert f"127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("deploy", "no_such_pipeline"), "no_such_pipeline"),
        (("deploy", "flights", "--from", "42"), "'42'"),
        (("render", "flights", "--env", "mars"), "mars"),
    ],
    ids=["pipeline", "script", "environment"],
)
def test_wrong_use_is_refused_with_exit_code_2(run: Run, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert says in result.stderr


def test_render_check_says_which_file_is_not_current() -> None:
    current, stale = (
        CliRunner().invoke(app, ("render", "flights", "--env", env, "--check")) for env in ("aws", "local")
    )

    assert (current.exit_code, stale.exit_code) == (0, 1)
    assert "04_file_formats_and_stages.sql: not current" in stale.stderr


def test_a_pipeline_that_is_not_deployed_is_said_so(run: Run, write_contract: Callable[[str], Path]) -> None:
    result = run("status", str(write_contract("parquet")))

    assert result.exit_code == 2
    assert "THINGS_RAW" in result.stderr
    assert "python -m snowflake_integration deploy" in result.stderr


def test_policies_and_trust_are_printed_as_json(run: Run, write_contract: Callable[[str], Path]) -> None:
    path = write_contract("parquet")
    run("deploy", str(path), "--quiet")

    policies = json.loads(run("policies", "flights", "--env", "aws").stdout)
    trust = json.loads(run("trust", str(path), "--env", "local").stdout)

    assert "millrace-stream-flights" in policies
    assert trust["trust_policy"]["Statement"][0]["Action"] == "sts:AssumeRole"
    assert trust["role"].endswith(":role/millrace-snowflake")


@pytest.mark.parametrize(
    "verb", ["render", "deploy", "teardown", "query", "status", "wait-loaded", "policies", "trust"]
)
def test_help_shows_an_example(run: Run, verb: str) -> None:
    assert f"python -m snowflake_integration {verb}" in " ".join(run(verb, "--help").stdout.split())
