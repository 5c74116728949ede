"""Messages whose fields are not the contract's columns, under every policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyspark.sql import SparkSession

from pipeline_contract.errors import SchemaDrift
from pipeline_contract.message import encode_csv
from pipeline_contract.model import Contract
from pipeline_contract.outputs import UNKNOWN_COLUMN, curated_columns
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from spark_streaming.drift import observe_drift
from tests.orders import ORDER, build_contract, build_csv_contract, order_columns, order_json
from tests.spark.builders import build_messages, raw_of


def judge(
    spark: SparkSession, contract: Contract, values: Sequence[bytes | None]
) -> tuple[dict[int, dict[str, Any]], dict[int, list[tuple[Any, Any, Any]]]]:
    """The curated rows by offset, and the reasons of the rejected ones."""
    judged = judge_rows(raw_of(spark, contract, build_messages(values)), contract, {})
    rejected = select_rejected(judged, contract).collect()
    return (
        {row["_offset"]: row.asDict() for row in select_curated(judged, contract).collect()},
        {
            row["_offset"]: [(r["reason"], r.get("column"), r.get("found")) for r in json.loads(row["reasons"])]
            for row in rejected
        },
    )


def test_unknown_fields_are_kept_as_json_where_the_policy_adds_them(spark_session: SparkSession) -> None:
    contract = build_contract(drift={"unknown_columns": "add"})
    values = [
        order_json(),
        order_json(b='quote " and\nnewline', a="ø"),
        order_json()[:-1] + b', "n": 1.50, "o": {"p": [1, "q"]}, "none": null, "n": 2.0}',
    ]

    curated, rejected = judge(spark_session, contract, values)

    assert list(curated_columns(contract))[-1] == UNKNOWN_COLUMN
    assert not rejected
    assert curated[0][UNKNOWN_COLUMN] is None
    assert json.loads(curated[1][UNKNOWN_COLUMN]) == {"b": 'quote " and\nnewline', "a": "ø"}
    assert json.loads(curated[2][UNKNOWN_COLUMN]) == {"n": "2.0", "o": '{"p":[1,"q"]}', "none": None}


def test_missing_columns_are_null_or_rejected(spark_session: SparkSession) -> None:
    values = [order_json(), order_json(price=None, id=None), order_json()[:-1] + b', "price": null}']

    added, null_key = judge(spark_session, build_contract(), values)
    curated, rejected = judge(spark_session, build_contract(drift={"missing_columns": "reject"}), values)

    assert (set(added), set(null_key)) == ({0, 2}, {1})
    assert set(curated) == {0, 2}
    assert curated[2]["price"] is None
    assert rejected == {1: [("missing:id", "id", None), ("missing:price", "price", None), ("null:id", "id", None)]}


def test_ignored_columns_are_passed_over(spark_session: SparkSession) -> None:
    contract = build_contract(drift={"ignored_columns": ["old", "older"]})

    curated, rejected = judge(spark_session, contract, [order_json(old="x"), order_json(old="x", new="y")])

    assert set(curated) == {0}
    assert rejected == {1: [("unknown:new", "new", "y")]}


def test_an_unknown_value_is_not_shown_where_the_contract_protects_one(spark_session: SparkSession) -> None:
    contract = build_contract(column=order_columns({"name": "mail", "type": "string", "protect": "mask"}))

    _, rejected = judge(spark_session, contract, [order_json(**{"e" * 300: "ann@example.org"})])

    assert rejected == {0: [("unknown:" + "e" * 100, "e" * 100, None)]}


class Stop(NamedTuple):
    """A policy, the values of a batch, and what the query says when it stops."""

    id: str
    contract: Contract
    values: list[bytes]
    said: list[str]


GOOD_CSV = encode_csv(tuple(ORDER.values()), "f", 1)
SURPLUS_CSV = encode_csv((*ORDER.values(), 'x,"y'), "f", 1)
SHORT_CSV = encode_csv(("1", "a,b\nc", "2"), "f", 1)
FAIL_UNKNOWN, FAIL_MISSING = {"unknown_columns": "fail"}, {"missing_columns": "fail"}
STOPS = [
    Stop("unknown", build_contract(drift=FAIL_UNKNOWN), [order_json(), order_json(x="1"), order_json(y="1")],
         ["topic 'orders' partition 0 offset 1: unknown column 'x'", 'drift.unknown_columns = "fail"']),
    Stop("missing", build_contract(drift=FAIL_MISSING), [order_json(), order_json(x="1"), order_json(price=None)],
         ["offset 2: missing column 'price'", 'drift.missing_columns = "fail"', "Nothing of this batch was published"]),
    Stop("csv_unknown", build_csv_contract(drift=FAIL_UNKNOWN), [GOOD_CSV, b"", SHORT_CSV, SURPLUS_CSV],
         ["offset 3: unknown column 'column 6'"]),
    Stop("csv_missing", build_csv_contract(drift=FAIL_MISSING), [GOOD_CSV, SURPLUS_CSV, SHORT_CSV],
         ["offset 2: missing column 'count'"]),
]  # fmt: skip


@pytest.mark.parametrize("stop", STOPS, ids=[stop.id for stop in STOPS])
def test_the_query_stops_where_the_policy_says_so(spark_session: SparkSession, tmp_path: Path, stop: Stop) -> None:
    raw = raw_of(spark_session, stop.contract, build_messages(stop.values))
    watched, check_drift = observe_drift(judge_rows(raw, stop.contract, {}), stop.contract)
    select_curated(watched, stop.contract).write.parquet(str(tmp_path / "curated"))

    with pytest.raises(SchemaDrift) as stopped:
        check_drift()

    assert [words for words in stop.said if words not in str(stopped.value)] == []


@pytest.mark.parametrize("contract", [build_contract(), build_csv_contract()], ids=["json", "csv"])
def test_the_query_goes_on_where_no_policy_stops_it(
    spark_session: SparkSession, tmp_path: Path, contract: Contract
) -> None:
    raw = raw_of(spark_session, contract, build_messages([order_json(x="1"), SURPLUS_CSV, SHORT_CSV]))
    watched, check_drift = observe_drift(judge_rows(raw, contract, {}), contract)
    select_curated(watched, contract).write.parquet(str(tmp_path / "curated"))

    check_drift()

    assert select_rejected(watched, contract).count() == 3
