"""Lookups: reference tables read, joined one to one, and refused when they could multiply rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyspark.sql import SparkSession

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.lookup_files import read_lookup_rows
from pipeline_contract.model import Contract
from spark_streaming.curate import judge_rows, select_curated
from spark_streaming.reference import read_references
from tests.orders import build_contract, order_json
from tests.spark.builders import build_messages, raw_of

COUNTRIES = '\ufeffcode,name,people\nNO,"Norge, ""Noreg""",5.5\nSE,Sverige,NA\nNA,nowhere,0\n'


def contract_with(file: Path, content: str | None) -> Contract:
    """The contract with two lookups of this file, which is written unless there is no content."""
    if content is not None:
        file.write_text(content, encoding="utf-8")
    columns = [{"name": "country_name", "from": "name"}, {"name": "people", "type": "double"}]
    lookups = [
        {"name": "countries", "file": str(file), "on": {"country": "code"}, "columns": columns},
        {"name": "again", "file": str(file), "on": {"country": "code"}, "columns": [{"name": "again", "from": "name"}]},
    ]
    derived = [{"name": "known", "type": "boolean", "expression": "country_name is not null"}]
    rules = [{"name": "small", "expression": "people < 100"}]
    return build_contract(lookup=lookups, derived=derived, rule=rules)


def test_a_lookup_adds_its_columns_and_no_row(spark_session: SparkSession, tmp_path: Path) -> None:
    contract = contract_with(tmp_path / "countries.csv", COUNTRIES)
    values = [order_json(country=code) for code in ("NO", "SE", "XX", "NA", "no", "NO ")] + [order_json(country=None)]
    raw = raw_of(spark_session, contract, build_messages(values))

    judged = judge_rows(raw, contract, read_references(spark_session, contract))
    rows = select_curated(judged, contract).orderBy("_offset").collect()

    assert [tuple(row[n] for n in ("country", "country_name", "people", "again", "known")) for row in rows] == [
        ("NO", 'Norge, "Noreg"', 5.5, 'Norge, "Noreg"', True),
        ("SE", "Sverige", None, "Sverige", True),
        ("XX", None, None, None, False),
        (None, None, None, None, False),
        ("no", None, None, None, False),
        ("NO ", None, None, None, False),
        (None, None, None, None, False),
    ]


class BadTable(NamedTuple):
    id: str
    content: Any
    named: str


BAD_TABLES = [
    BadTable("missing_file", None, "cannot be read"),
    BadTable("empty_file", "", "has no column"),
    BadTable("missing_column", "code,title\nNO,Norge\n", "'name', 'people'"),
    BadTable("doubled_key", "code,name,people\nNO,Norge,5\nSE,Sverige,10\nNO,Noreg,5\n", "('NO',) stands twice"),
    BadTable("not_utf8", "code,name,people\nNO,\udcff,5\n", "is not CSV in UTF-8"),
]


@pytest.mark.parametrize("bad", BAD_TABLES, ids=[bad.id for bad in BAD_TABLES])
def test_a_table_that_cannot_be_joined_is_refused(bad: BadTable, tmp_path: Path) -> None:
    file = tmp_path / "countries.csv"
    contract = contract_with(file, None)
    if bad.content is not None:
        file.write_bytes(bad.content.encode("utf-8", "surrogateescape"))

    with pytest.raises(ConfigurationError) as caught:
        read_lookup_rows(contract, contract.lookups[0])

    assert str(caught.value).startswith(f"lookup 'countries' of orders: {file}: ")
    assert bad.named in str(caught.value)
