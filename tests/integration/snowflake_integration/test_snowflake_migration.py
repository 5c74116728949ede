"""A contract that moves on, on tables with rows: what `migrate` changes, what `deploy` says, and what is loaded after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from connections.contract_history import adopt_contract
from connections.ledger_objects import LedgerObjects
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.contract_file import load_contract
from pipeline_contract.layout import final_key
from pipeline_contract.outputs import derive_outputs
from snowflake_integration.__main__ import app
from tests.integration.snowflake_integration.lake_files import build_row, write_file

INTEGER = 'name = "count"\ntype = "integer"'
BIGINT = 'name = "count"\ntype = "bigint"'
GOOD = '[[column]]\nname = "good"\ntype = "boolean"\n'
NOTE = '[[column]]\nname = "note"\ntype = "string"\n'


def test_rows_of_both_versions_are_in_the_table(write_contract: Callable[[str], Path], endpoints: Settings) -> None:
    path = write_contract("parquet")
    objects = LedgerObjects(open_s3(endpoints.s3), endpoints.s3.bucket)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env=variables(endpoints))

    def ask(statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(run("query", "--pipeline", str(path), statement, "--json").stdout)
        return rows

    def publish(number: int, **values: Any) -> None:
        contract = load_contract(path)
        adopt_contract(objects, contract)
        output = derive_outputs(contract)[1]
        body = write_file(output, [build_row(output, id=number, **values)])
        key = final_key(contract.name, "curated", "", "0001-abc-0000000001", number, "parquet")
        objects.put(key, body)

    # Version 1.
    assert run("migrate", str(path)).exit_code == 2
    assert run("deploy", str(path), "--quiet").exit_code == 0
    publish(1, count=7, good=True)
    assert run("wait-loaded", str(path), "--quiet").exit_code == 0

    # Version 2: one column wider, one more, one gone. Its text is version 1 still, at first.
    first = path.read_text()
    ignored = '[drift]\nignored_columns = ["good"]\n\n[topic]'
    second = first.replace(INTEGER, BIGINT).replace(GOOD, NOTE).replace("[topic]", ignored)
    path.write_text(second)
    unsaid = run("migrate", str(path), "--dry-run")
    path.write_text(second.replace("version = 1", "version = 2"))
    refused = run("deploy", str(path))
    before = ask("describe table things")
    planned = run("migrate", str(path), "--dry-run", "--json")
    assert ask("describe table things") == before
    migrated = run("migrate", str(path), "--json", "--quiet")
    again = run("migrate", str(path), "--dry-run", "--json")

    assert (unsaid.exit_code, refused.exit_code, migrated.exit_code) == (2, 2, 0), migrated.output
    assert "Write version = 2" in unsaid.stderr
    assert "THINGS.NOTE: is not there, wanted VARCHAR" in refused.stderr
    changes = [step["statement"].split(" ", 3)[3] for step in json.loads(planned.stdout) if step["script"] == "migrate"]
    assert changes[:2] == [
        'ALTER COLUMN "COUNT" SET DATA TYPE NUMBER(19,0)',
        'ADD COLUMN IF NOT EXISTS "NOTE" VARCHAR',
    ]
    assert [step["action"] for step in json.loads(migrated.stdout)].count("replace") == 1
    later = json.loads(again.stdout)
    assert [step["statement"] for step in later if step["script"] == "migrate" and step["action"] != "keep"] == []
    assert "replace" not in [step["action"] for step in later]

    publish(2, count=2**40, note="new")
    assert run("wait-loaded", str(path), "--quiet").exit_code == 0
    assert run("deploy", str(path), "--quiet").exit_code == 0
    assert ask("select id, count, note, good from things order by id") == [
        {"ID": 1, "COUNT": 7, "NOTE": None, "GOOD": True},
        {"ID": 2, "COUNT": 2**40, "NOTE": "new", "GOOD": None},
    ]

    # Version 3 is refused, and changes nothing.
    there = ask("describe table things")
    path.write_text(
        path.read_text().replace("version = 2", "version = 3").replace(BIGINT, 'name = "count"\ntype = "double"')
    )
    third = run("migrate", str(path))
    assert third.exit_code == 2
    assert "allowed: decimal(20 to 38,0)" in third.stderr
    assert ask("describe table things") == there


def variables(endpoints: Settings) -> dict[str, str]:
    """What points a command at the session's endpoints."""
    return {
        "MILLRACE_S3__ENDPOINT_URL": str(endpoints.s3.endpoint_url),
        "MILLRACE_S3__BUCKET": endpoints.s3.bucket,
        "MILLRACE_WAREHOUSE__HOST": str(endpoints.warehouse.host),
        "MILLRACE_WAREHOUSE__PORT": str(endpoints.warehouse.port),
    }
