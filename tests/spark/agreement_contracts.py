"""Contracts of every type, under every drift policy, and batches of odd messages for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from pyspark.sql import SparkSession

from pipeline_contract.avro_values import derive_avro_schema
from pipeline_contract.model import Contract
from tests import odd_messages as odd
from tests.orders import TOPIC, build_contract
from tests.spark.agreement import find_disagreements

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


def draw_values(contract: Contract, rows: int) -> st.SearchStrategy[list[bytes | None]]:
    """A batch of values in the contract's format."""
    whole = {
        "json": odd.json_values(contract) | odd.own_json(contract),
        "csv": odd.csv_values(contract),
        "avro": odd.avro_values(contract, SCHEMA_ID),
    }
    return draw_batch(whole[contract.topic.value_format], rows)


def list_odd_texts() -> list[bytes]:
    """Every odd text in every column, else whole rows."""
    whole = {"id": "1", "at": "2024-05-01T10:00:00Z", "small": "7", "price": "9.50", "text": "UA", "share": "0.5"}
    texts = dict.fromkeys(odd.WHOLE + odd.FRACTIONS + odd.TIMES + odd.WORDS)
    rows = (whole | {column["name"]: text} for column in COLUMNS for text in texts)
    return [json.dumps(row, ensure_ascii=False).encode() for row in rows]


def check_agreement(
    spark: SparkSession, contract: Contract, sent: Sequence[bytes | None], rejected: Sequence[bytes | None] = ()
) -> None:
    """Return if both judges give the same rows for these values of the topic, and of that of the rejected rows."""
    schemas = {SCHEMA_ID: derive_avro_schema(contract)} if contract.topic.value_format == "avro" else {}
    disagreements = find_disagreements(spark, contract, {TOPIC: sent, REJECTED: rejected}, schemas)
    assert not disagreements, "\n".join(disagreements[:20])
