"""The rendered scripts: current, in order, parsed by sqlfluff, and true to the contract."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from snowflake.connector.util_text import split_statements
from sqlfluff.core import Linter
from sqlglot import exp

from connections.settings import S3Settings, Settings, WarehouseSettings, load_settings
from connections.warehouse import quote_literal
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.data_sets import load_data_set
from pipeline_contract.ddl import quote_snowflake
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.outputs import derive_outputs
from snowflake_integration.copy_statement import derive_columns, pipe_copy
from snowflake_integration.naming import derive_names
from snowflake_integration.plan import split_script
from snowflake_integration.rendering import (
    Script,
    choose_scripts,
    compare_scripts,
    render_scripts,
    script_folder,
    write_scripts,
)

PIPELINES = ("flights", "readings")
DATA_SETS = (*PIPELINES, "events")
# Whatever UTF-8 can carry, except the character that ends a text in many places.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)
LINTER = Linter(dialect="snowflake")


def load(pipeline: str) -> Contract:
    return load_contract(find_contract(pipeline))


def render(pipeline: str, settings: Settings | None = None) -> dict[str, str]:
    scripts = render_scripts(load_data_set(pipeline), settings or load_settings("aws"))
    return {script.number: script.text for script in scripts}


@pytest.mark.parametrize("pipeline", DATA_SETS)
def test_the_committed_scripts_are_current(pipeline: str) -> None:
    scripts = render_scripts(load_data_set(pipeline), load_settings("aws"))

    assert compare_scripts(scripts, script_folder(pipeline)) == []


@pytest.mark.parametrize(
    "path", sorted(Path("snowflake_integration/sql").rglob("*.sql")), ids=lambda p: f"{p.parent.name}-{p.stem}"
)
def test_sqlfluff_parses_every_committed_script(path: Path) -> None:
    # Of the empty list, which Snowflake takes for every type of file, sqlfluff's grammar knows in CSV alone.
    text = path.read_text(encoding="utf-8").replace("    NULL_IF = ()\n", "")
    parsed = LINTER.parse_string(text, fname=str(path))

    assert [str(violation) for violation in parsed.violations] == []
    assert parsed.tree is not None
    assert "unparsable" not in parsed.tree.type_set()


@pytest.mark.parametrize("pipeline", DATA_SETS)
def test_scripts_are_numbered_without_a_gap_and_say_role_and_order(pipeline: str) -> None:
    scripts = render(pipeline)

    assert list(scripts) == [f"{number:02d}" for number in range(1, 12)]
    for number, text in scripts.items():
        header = text.split("\n\n", 1)[0]
        assert f"{number} of 11" in header
        assert "-- Role: " in header
        assert "-- Order: " in header
        assert not re.search(r"[ \t]$", text, re.MULTILINE)
        assert text.endswith("\n")
        assert max(map(len, text.splitlines())) <= 160


def test_rendering_is_the_same_every_time() -> None:
    assert render("flights") == render("flights")


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_output_has_a_table_and_a_pipe_whose_copy_names_all_columns(pipeline: str) -> None:
    contract = load(pipeline)
    names = derive_names(contract, load_settings("aws"))
    scripts = render(pipeline)

    assert [target.name for target in names.targets] == [output.table for output in derive_outputs(contract)]
    for target in names.targets:
        columns = [column.name for column in derive_columns(target.output)]
        copy = pipe_copy(target)
        listed = re.findall(r'^    ("[^"]+"),?$', copy, re.MULTILINE)
        assert f"CREATE TABLE IF NOT EXISTS {target.table} (" in scripts["05"]
        assert copy in scripts["06"]
        assert listed == columns
        assert columns[-3:] == ['"_FILE_NAME"', '"_FILE_ROW_NUMBER"', '"_LOADED_AT"']
        assert "METADATA$FILENAME" in copy
        assert "METADATA$FILE_ROW_NUMBER" in copy
        assert "METADATA$START_SCAN_TIME" in copy
        assert "ON_ERROR = SKIP_FILE" in copy


class SourceCase(NamedTuple):
    id: str
    pipeline: str
    table: str
    column: str
    source: str


SOURCES = (
    SourceCase("parquet-by-name", "flights", "FLIGHTS", '"DEP_DELAY"', '$1:"dep_delay"::NUMBER(10,0)'),
    SourceCase("parquet-time", "flights", "FLIGHTS", '"TIME_HOUR"', '$1:"time_hour"::TIMESTAMP_NTZ(6)'),
    SourceCase("raw-bytes", "flights", "FLIGHTS_RAW", '"VALUE"', '$1:"value"::BINARY'),
    SourceCase("csv-by-position", "readings", "MY_TABLE", '"VALUE"', "$3::FLOAT"),
    SourceCase("csv-passport", "readings", "MY_TABLE", '"_OFFSET"', "$9::NUMBER(19,0)"),
    SourceCase(
        "load-time-in-utc",
        "readings",
        "MY_TABLE",
        '"_LOADED_AT"',
        "CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)",
    ),
)


@pytest.mark.parametrize("case", SOURCES, ids=lambda case: case.id)
def test_a_column_is_read_as_its_file_holds_it(case: SourceCase) -> None:
    output = next(o for o in derive_outputs(load(case.pipeline)) if o.table == case.table)

    assert {c.name: c.source for c in derive_columns(output)}[case.column] == case.source


def test_an_aggregate_view_is_over_the_windows_and_groups_of_the_contract() -> None:
    text = render("flights")["07"]

    assert 'CREATE OR REPLACE VIEW "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES"' in text
    assert 'PARTITION BY "WINDOW_START", "WINDOW_END", "ORIGIN", "CARRIER"' in text
    order = text.partition("ORDER BY")[2].partition(") = 1")[0]
    assert [line.strip() for line in order.strip().splitlines()][:3] == [
        '"_LINEAGE" DESC,',
        '"_AS_OF" DESC,',
        "CASE WHEN \"_BATCH_ID\" LIKE 'backfill-%' THEN 1 ELSE 0 END DESC,",
    ]


def test_stage_addresses_end_in_a_slash_sp12() -> None:
    text = render("flights")["04"]

    assert "URL = 's3://<bucket>/lake/flights/'" in text


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_only_the_formats_in_use_are_made(pipeline: str) -> None:
    formats = {output.format for output in derive_outputs(load(pipeline))}

    made = set(re.findall(r"TYPE = (PARQUET|CSV|JSON)", render(pipeline)["04"]))

    assert made == {name.upper() for name in formats}


def test_a_delta_table_has_no_table_and_no_pipe_in_the_warehouse() -> None:
    contract = load("flights")
    lake = contract.lake.model_copy(update={"format": "delta"})

    scripts = render_scripts(contract.model_copy(update={"lake": lake}), load_settings("aws"))

    statements = [statement for script in scripts for statement in split_script(script)]
    assert any('"FLIGHTS_RAW_PIPE"' in statement for statement in statements)
    assert not [s for s in statements if '"FLIGHTS"."FLIGHTS"."' in s or '"FLIGHTS_PIPE"' in s or "/curated/" in s]
    assert not [s for s in statements if "DELTA" in s]


def test_json_lines_are_selected_by_name_and_cast() -> None:
    contract = load("readings")
    lake = contract.lake.model_copy(update={"format": "json"})
    [_, target, *_] = derive_names(contract.model_copy(update={"lake": lake}), load_settings("aws")).targets

    copy = pipe_copy(target)

    assert target.file_format == '"MILLRACE"."READINGS"."READINGS_JSON"'
    assert '$1:"value"::FLOAT,' in copy
    assert '$1:"_event_time"::TIMESTAMP_NTZ(6),' in copy


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_teardown_drops_what_the_scripts_create_for_the_pipeline(pipeline: str) -> None:
    scripts = render(pipeline)
    created = {
        match
        for number in ("04", "05", "06", "07")
        for match in re.findall(
            r"CREATE (?:OR REPLACE )?(TABLE|VIEW|PIPE|STAGE|FILE FORMAT) (?:IF NOT EXISTS )?(\S+)", scripts[number]
        )
    }

    dropped = set(
        re.findall(r"^DROP (TABLE|VIEW|PIPE|STAGE|FILE FORMAT) IF EXISTS (\S+);$", scripts["11"], re.MULTILINE)
    )

    assert dropped == created


def test_hostile_names_and_texts_stay_inside_their_quotes() -> None:
    evil = "x'; DROP TABLE t; --"
    settings = Settings(
        s3=S3Settings(bucket=evil), warehouse=WarehouseSettings(role='R"; DROP ROLE r; --', warehouse="Wärehaus 😀")
    )
    contract = load("flights").model_copy(update={"description": "it's; -- \\ fine"})

    statements = [s for script in render_scripts(contract, settings) for s in split_script(script)]

    assert not [s for s in statements if s.startswith(("DROP TABLE t", "DROP ROLE r"))]
    assert any('USE ROLE "R""; DROP ROLE R; --"' in s for s in statements)
    assert any("COMMENT = 'it''s; -- \\\\ fine'" in s for s in statements)


@given(TEXTS)
def test_any_text_comes_back_from_its_literal(text: str) -> None:
    (literal,) = sqlglot.parse_one(f"SELECT {quote_literal(text)}", read="snowflake").expressions

    assert isinstance(literal, exp.Literal)
    assert literal.this == text


@given(TEXTS)
def test_any_name_comes_back_from_its_identifier_in_upper_case(name: str) -> None:
    (column,) = sqlglot.parse_one(f"SELECT {quote_snowflake(name)}", read="snowflake").expressions

    assert column.this.quoted
    assert column.name == name.upper()


@given(st.text(st.sampled_from("'\\\"-;/* $\nx"), min_size=1, max_size=12))
def test_a_literal_never_ends_a_statement_early(text: str) -> None:
    statement = f"SELECT {quote_literal(text)} AS A;"

    found = [s for s, _ in split_statements(StringIO(f"{statement}\nSELECT 2;\n"), remove_comments=True)]

    assert found[-1] == "SELECT 2;"
    assert len(found) == 2


def test_folders_are_compared_and_brought_up_to_date(tmp_path: Path) -> None:
    scripts = [Script("01_a.sql", "a\n"), Script("02_b.sql", "b\n")]
    write_scripts([Script("01_a.sql", "old\n"), Script("03_c.sql", "c\n")], tmp_path)

    before = compare_scripts(scripts, tmp_path)
    write_scripts(scripts, tmp_path)

    assert [line.removeprefix(f"{tmp_path}/") for line in before] == [
        "02_b.sql: missing",
        "01_a.sql: not current",
        "03_c.sql: no longer rendered",
    ]
    assert compare_scripts(scripts, tmp_path) == []


@pytest.mark.parametrize(
    ("first", "last", "numbers"),
    [("01", "07", "01 02 03 04 05 06 07"), ("04", "07", "04 05 06 07"), ("06", "08", "06 07 08")],
    ids=["all", "after-the-administrator", "with-errors"],
)
def test_a_deployment_may_begin_later(first: str, last: str, numbers: str) -> None:
    assert " ".join(choose_scripts(first, last)) == numbers


def test_a_script_that_is_no_part_of_a_deployment_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'09'.*01, 02"):
        choose_scripts("09", "07")
