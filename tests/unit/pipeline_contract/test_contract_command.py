"""`python -m pipeline_contract`, as a user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import sqlglot
from pydantic import BaseModel
from typer.testing import CliRunner

from pipeline_contract.__main__ import app
from pipeline_contract.contract_file import load_contract
from pipeline_contract.ddl import athena_table, snowflake_table
from pipeline_contract.json_schema import derive_json_schema
from pipeline_contract.model import Contract
from pipeline_contract.outputs import derive_outputs

SHIPPED = sorted(Path("conf/pipelines").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_contract_holds_and_shows(path: Path) -> None:
    checked = CliRunner().invoke(app, ["check", str(path)])
    shown = CliRunner().invoke(app, ["show", path.stem])

    assert (checked.exit_code, checked.stdout, checked.stderr) == (0, f"OK {path}\n", "")
    assert shown.exit_code == 0
    contract = load_contract(path)
    for word in (contract.topic.name, *contract.headers, *(output.table for output in derive_outputs(contract))):
        assert word in shown.stdout.replace("\n", "")


def test_a_contract_of_events_holds_and_shows() -> None:
    checked = CliRunner().invoke(app, ["check", "conf/events/events.toml", "events"])
    shown = CliRunner().invoke(app, ["show", "events"])
    told = json.loads(CliRunner().invoke(app, ["show", "events", "--json"]).stdout)
    schema = json.loads(CliRunner().invoke(app, ["show", "events", "--json-schema"]).stdout)

    assert (checked.exit_code, checked.stderr) == (0, "")
    assert all(word in shown.stdout for word in ("millrace-events-ids", "receipts/events/", "order.amount", "PAYLOAD"))
    assert (told["table"], told["view"], told["schema"]) == ("EVENTS_STAGING", "EVENTS", schema)


def test_check_tells_of_every_file_and_ends_with_2(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(f'name = "{name}"\nversion = "1"\n')
    files = [str(tmp_path / "one.toml"), str(tmp_path / "two.toml"), "conf/pipelines/readings.toml"]

    result = CliRunner().invoke(app, ["check", *files])

    assert result.exit_code == 2
    assert result.stdout == "OK conf/pipelines/readings.toml\n"
    assert result.stderr.count("version: found '1', allowed: a whole number, without quotes") == 2
    assert all(path in result.stderr for path in files[:2])


def test_check_gives_one_json_object() -> None:
    result = CliRunner().invoke(app, ["check", "readings", "nothing", "--json"])

    answer = json.loads(result.stdout)
    assert result.exit_code == 2
    assert answer["ok"] is False
    assert answer["problems"]["readings"] == []
    assert "no pipeline and no events 'nothing'" in answer["problems"]["nothing"][0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "lookup 'lands'.file: lands.csv cannot be read: No such file or directory"),
        ("code,land\n", "lookup 'lands'.columns: lands.csv has no column 'name'; it has: code, land"),
        ("", "lookup 'lands'.on: lands.csv has no column 'code'; it has: no header at all"),
    ],
    ids=["missing", "column", "empty"],
)
def test_check_looks_into_the_reference_tables(
    content: str | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path("conf/pipelines/readings.toml").read_text(encoding="utf-8")
    lookup = (
        'name = "lands"\nfile = "lands.csv"\non = { name = "code" }\ncolumns = [{ name = "land", from = "name" }]\n'
    )
    (tmp_path / "readings.toml").write_text(f"{text}\n[[lookup]]\n{lookup}", encoding="utf-8")
    if content is not None:
        (tmp_path / "lands.csv").write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, ["check", "readings.toml"])

    assert result.exit_code == 2
    assert problem in result.stderr


def test_show_refuses_a_broken_contract_with_its_problems(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text('name = "one"\nversion = 0\n')

    result = CliRunner().invoke(app, ["show", str(path)])

    assert (result.exit_code, result.stdout) == (2, "")
    assert "version: found 0, allowed: a whole number, at least 1" in result.stderr


def test_show_gives_the_page_as_json() -> None:
    answer = json.loads(CliRunner().invoke(app, ["show", "flights", "--json"]).stdout)

    assert answer["topic"]["key"] == ["carrier", "flight"]
    assert [output["output"] for output in answer["outputs"]] == [
        "raw", "curated", "rejected", "aggregates/hourly_departures",
    ]  # fmt: skip
    assert answer["columns"][1]["from"] == "source column month"


def test_the_json_schema_accepts_a_flight_and_refuses_what_is_wrong() -> None:
    schema = json.loads(CliRunner().invoke(app, ["show", "flights", "--json-schema"]).stdout)
    required = {"year": 2013, "month": 1, "day": 1, "sched_dep_time": 515, "sched_arr_time": 819, "carrier": "UA",
                "flight": 1545, "origin": "EWR", "dest": "IAH", "time_hour": "2013-01-01T10:00:00Z"}  # fmt: skip
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    assert validator.is_valid(required | {"dep_delay": None})
    assert not validator.is_valid(required | {"year": "2013"})
    assert not validator.is_valid(required | {"year": None})
    assert not validator.is_valid(required | {"gate": 5})
    assert not validator.is_valid({name: required[name] for name in list(required)[1:]})


def test_a_column_with_its_own_format_is_text_in_the_json_schema() -> None:
    contract = load_contract(Path("conf/pipelines/flights.toml"))
    dated = contract.columns[-1].model_copy(update={"format": "dd.MM.yyyy HH:mm", "description": ""})

    schema = derive_json_schema(contract.model_copy(update={"columns": (dated,)}))

    assert schema["properties"]["time_hour"] == {"type": "string", "description": "format dd.MM.yyyy HH:mm"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_ddl_is_sql_with_every_column_of_every_output(path: Path) -> None:
    contract = load_contract(path)
    for output in derive_outputs(contract):
        for text, dialect in ((snowflake_table(output), "snowflake"), (athena_table(contract, output, "b"), "athena")):
            parsed = sqlglot.parse_one(text.removesuffix(";"), dialect=dialect)
            defined = [column.name.lower() for column in parsed.find_all(sqlglot.exp.ColumnDef)]
            assert defined[: len(output.columns)] == list(output.columns)


def test_docs_list_every_key_with_its_default() -> None:
    page = Path("docs/contract.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \|", page.split("## Every key")[1], re.MULTILINE)

    assert dict(documented) == dict(list_keys(Contract))
    assert len(documented) == len(dict(documented))


def list_keys(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    keys: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        inner = [part for part in (field.annotation, *getattr(field.annotation, "__args__", ())) if is_model(part)]
        keys += list_keys(inner[0], f"{key}.") if inner else [(key, show_default(field))]
    return keys


def is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def show_default(field: object) -> str:
    if field.is_required():  # type: ignore[attr-defined]
        return "required"
    default = field.get_default(call_default_factory=True)  # type: ignore[attr-defined]
    if default is None:
        return "none"
    if hasattr(default, "total_seconds"):
        hours = int(default.total_seconds() // 3600)
        number, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
        default = f"{number} {unit}{'s' if number > 1 else ''}"
    return f"`{json.dumps(str(default) if hasattr(default, 'spark') else default)}`"
