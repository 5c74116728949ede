"""The Spark job and the judge without Spark give the same rows for the same messages, whatever these are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from pipeline_contract.avro_values import derive_avro_schema
from pipeline_contract.model import Contract
from tests import odd_messages as odd
from tests.orders import TOPIC, build_contract
from tests.spark.agreement import find_disagreements
from tests.spark.builders import FEW_JOBS

REJECTED = f"{TOPIC}.rejected"
SCHEMA_ID = 5
COLUMNS: list[dict[str, Any]] = [
    {"name": "id", "type": "bigint", "nullable": False},
    {"name": "at", "type": "timestamp", "nullable": False},
    {"name": "small", "type": "integer"},
    {"name": "share", "type": "double"},
    {"name": "price", "type": "decimal(12,2)"},
    {"name": "exact", "type": "decimal(38,10)"},
    {"name": "open", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "own_day", "type": "date", "format": "dd.MM.yyyy"},
    {"name": "own_time", "type": "timestamp", "format": "MMM d, yyyy h:mm a"},
    {"name": "packed", "type": "timestamp", "format": "yyyyMMddHHmmss.SSSSSSSSSXXX"},
    {"name": "text", "type": "string"},
]
PROTECTED: list[dict[str, Any]] = [
    {"name": "mail", "type": "string", "protect": "hash"},
    {"name": "phone", "type": "bigint", "protect": "hash"},
    {"name": "person", "type": "string", "protect": "mask"},
    {"name": "birthday", "type": "date", "protect": "drop"},
]
DERIVED = [
    {"name": "ratio", "type": "double", "expression": "price / small"},
    {"name": "cents", "type": "integer", "expression": "price * 100"},
    {
        "name": "shown",
        "type": "string",
        "expression": "concat(text, '/', share, '/', exact, '/', at, '/', day, '/', open)",
    },
    {"name": "month", "type": "string", "expression": "date_format(at, 'yyyy-MM')"},
    {"name": "sum", "type": "bigint", "expression": "small + id"},
]
RULES = [
    {"name": "positive", "expression": "price > 0 or small between -5 and 5"},
    {"name": "known", "expression": "not (text in ('UA', 'NA') and share < 1)"},
    {"name": "short", "expression": "length(text) < 100"},
]


def build(tmp_path: Path, value_format: str, columns: list[dict[str, Any]], **changes: Any) -> Contract:
    """A contract of every type, with two lookups, derived columns and rules."""
    table = tmp_path / "carriers.csv"
    table.write_text('code,number,name,founded\nUA,7,United,1926.5\n"O\'Brien",1,x,NA\nNA,0,y,z\n', encoding="utf-8")
    lookups = [
        {"name": "carriers", "file": str(table), "on": {"text": "code"}, "columns": [{"name": "name"}]},
        {"name": "numbers", "file": str(table), "on": {"small": "number", "name": "name"},
         "columns": [{"name": "founded", "type": "double"}]},
    ]  # fmt: skip
    topic = {"name": TOPIC, "key": ["id"], "value_format": value_format}
    return build_contract(
        **{"topic": topic, "column": columns, "lookup": lookups, "derived": DERIVED, "rule": RULES} | changes
    )


DRIFTS = {
    "reject": {"ignored_columns": ["old"]},
    "add": {"unknown_columns": "add", "missing_columns": "add"},
    "missing": {"missing_columns": "reject"},
}


def draw_batch(whole: st.SearchStrategy[bytes], rows: int) -> st.SearchStrategy[list[bytes | None]]:
    """Values of one batch, some of them damaged."""
    one = whole | whole | whole | odd.damaged(whole) | st.none() | st.binary(max_size=20)
    return st.lists(one, min_size=rows, max_size=rows)


def check(
    spark: SparkSession, contract: Contract, sent: Sequence[bytes | None], rejected: Sequence[bytes | None]
) -> None:
    schemas = {SCHEMA_ID: derive_avro_schema(contract)} if contract.topic.value_format == "avro" else {}
    disagreements = find_disagreements(spark, contract, {TOPIC: sent, REJECTED: rejected}, schemas)
    assert not disagreements, "\n".join(disagreements[:20])


def test_every_odd_text_in_every_column(spark_session: SparkSession, tmp_path: Path) -> None:
    contract = build(tmp_path, "json", COLUMNS)
    whole = {"id": "1", "at": "2024-05-01T10:00:00Z", "small": "7", "price": "9.50", "text": "UA", "share": "0.5"}
    odd_texts = odd.WHOLE + odd.FRACTIONS + odd.TIMES + odd.WORDS
    names = [column["name"] for column in COLUMNS]
    sent = [
        json.dumps(whole | {name: text}, ensure_ascii=False).encode()
        for name in names
        for text in dict.fromkeys(odd_texts)
    ]

    check(spark_session, contract, sent, [])


@FEW_JOBS
@given(st.data())
@pytest.mark.parametrize("policy", DRIFTS)
def test_json_values(spark_session: SparkSession, tmp_path: Path, policy: str, data: st.DataObject) -> None:
    contract = build(tmp_path, "json", COLUMNS, drift=DRIFTS[policy])
    sent = data.draw(draw_batch(odd.json_values(contract) | odd.own_json(contract), 100))

    check(spark_session, contract, sent, data.draw(draw_batch(odd.envelopes, 40)))


@FEW_JOBS
@given(st.data())
def test_protected_csv_values(spark_session: SparkSession, tmp_path: Path, data: st.DataObject) -> None:
    contract = build(tmp_path, "csv", COLUMNS + PROTECTED)

    check(spark_session, contract, data.draw(draw_batch(odd.csv_values(contract), 100)), [])


@FEW_JOBS
@given(st.data())
def test_avro_values(spark_session: SparkSession, tmp_path: Path, data: st.DataObject) -> None:
    contract = build(tmp_path, "avro", COLUMNS)

    check(spark_session, contract, data.draw(draw_batch(odd.avro_values(contract, SCHEMA_ID), 100)), [])
