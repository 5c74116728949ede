"""Raw rows to curated and rejected ones, in Spark: what each value becomes, and every reason why not."""

# ruff: noqa: DTZ001 - times of the lake have no zone

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from pipeline_contract.message import RejectedMessage, encode_csv, encode_json, message_fields
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from tests.judge_cases import CSV_CASES, DERIVED, GOOD, JSON_CASES, RULES, Case, check_case
from tests.orders import (
    BATCH_ID,
    ORDER,
    SENT_AT,
    TOPIC,
    TOPIC_IDS,
    build_contract,
    build_csv_contract,
    order_columns,
    order_json,
)
from tests.spark.builders import FEW_JOBS, build_message, build_messages, raw_of


def judge(
    spark: SparkSession, contract: Contract, values: Sequence[bytes | None]
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """The curated and the rejected rows by offset."""
    judged = judge_rows(raw_of(spark, contract, build_messages(values)), contract, {}).cache()
    curated = select_curated(judged, contract)
    rejected = select_rejected(judged, contract)
    assert curated.columns == [*curated_columns(contract), *PASSPORT]
    assert rejected.columns == [*REJECTED_COLUMNS, *PASSPORT]
    try:
        return (
            {row["_offset"]: row.asDict() for row in curated.collect()},
            {row["_offset"]: row.asDict() for row in rejected.collect()},
        )
    finally:
        judged.unpersist()


@pytest.fixture(scope="module")
def judged_json(spark_session: SparkSession) -> Any:
    contract = build_contract(rule=RULES, derived=DERIVED)
    return judge(spark_session, contract, [case.value for case in JSON_CASES])


@pytest.fixture(scope="module")
def judged_csv(spark_session: SparkSession) -> Any:
    return judge(spark_session, build_csv_contract(), [case.value for case in CSV_CASES])


@pytest.mark.parametrize(("offset", "case"), list(enumerate(JSON_CASES)), ids=[case.id for case in JSON_CASES])
def test_a_json_value_is_curated_or_rejected(offset: int, case: Case, judged_json: Any) -> None:
    check_case(case, offset, GOOD, judged_json)


@pytest.mark.parametrize(("offset", "case"), list(enumerate(CSV_CASES)), ids=[case.id for case in CSV_CASES])
def test_a_csv_value_is_curated_or_rejected(offset: int, case: Case, judged_csv: Any) -> None:
    good = {name: GOOD[name] for name in ORDER}
    check_case(case, offset, good, judged_csv)


def test_every_row_carries_its_passport(judged_json: Any) -> None:
    curated, rejected = judged_json
    broken = [case.id for case in JSON_CASES].index("every_wrong_rule_and_column")

    of_broken = {name: rejected[broken][name] for name in PASSPORT}

    expected = {
        "_source_file": "orders.csv#1", "_source_line": 7, "_topic": TOPIC, "_topic_id": TOPIC_IDS[TOPIC],
        "_partition": 0, "_offset": 0, "_event_time": datetime(2024, 5, 1, 10), "_batch_id": BATCH_ID,
    }  # fmt: skip
    assert {name: curated[0][name] for name in PASSPORT} == expected
    assert of_broken == expected | {"_offset": broken}


def reject(**changes: Any) -> RejectedMessage:
    fields: dict[str, Any] = {
        "source_file": "orders.csv#1", "source_line": 9, "reason": "ragged_row", "detail": "3 fields, the header has 5",
        "raw_base64": base64.b64encode(b"1,\xff,x").decode(), "sha256": "0" * 64, "length": 5, "byte_start": 0,
        "byte_end": 5,
    }  # fmt: skip
    return RejectedMessage(**fields | changes)


def test_rows_that_the_producer_rejected_are_rejected_with_their_own_bytes(spark_session: SparkSession) -> None:
    too_large = reject(reason="too_large", raw_base64=None).model_dump_json().encode()
    values = [
        reject().model_dump_json().encode(),
        too_large,
        b"no envelope",
        reject(raw_base64="a").model_dump_json().encode(),
        None,
        b"\xff",
    ]
    contract = build_contract()
    messages = build_messages(values, f"{TOPIC}.rejected")
    judged = judge_rows(raw_of(spark_session, contract, messages), contract, {})

    assert select_curated(judged, contract).count() == 0
    rows = {row["_offset"]: row for row in select_rejected(judged, contract).collect()}

    found = [(rows[n]["stage"], rows[n]["reason"], rows[n]["value"]) for n in range(len(values))]
    assert found == [
        ("producer", "producer:ragged_row", b"1,\xff,x"),
        ("producer", "producer:too_large", too_large),
        ("producer", "producer:unknown", b"no envelope"),
        ("producer", "producer:ragged_row", values[3]),
        ("producer", "producer:unknown", None),
        ("producer", "producer:unknown", b"\xff"),
    ]
    assert json.loads(rows[0]["reasons"])[0]["found"] == "3 fields, the header has 5"
    passport = (rows[0]["_source_file"], rows[0]["_source_line"], rows[0]["_topic_id"], rows[0]["_event_time"])
    assert passport == ("orders.csv#1", 9, TOPIC_IDS[f"{TOPIC}.rejected"], None)


texts = st.text(max_size=12) | st.sampled_from(["", "1", "NA", "2024-05-01T10:00:00Z", "9.5", '"', "\\", "\n", ","])
rows = st.lists(st.none() | texts, min_size=5, max_size=5)


@st.composite
def damaged(draw: st.DrawFn, values: st.SearchStrategy[bytes]) -> bytes:
    """A value with some bytes of it replaced."""
    value = bytearray(draw(values))
    at = draw(st.integers(0, len(value)))
    value[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(value)


fields = message_fields(build_contract())
encoded_json = rows.map(lambda row: encode_json(fields, row, "f#1", 1))
encoded_csv = rows.map(lambda row: encode_csv(row, "f#1", 1))
anything = (
    st.none() | st.binary(max_size=40) | encoded_json | encoded_csv | damaged(encoded_json) | damaged(encoded_csv)
)
CONTRACTS = {"json": build_contract(rule=RULES), "csv": build_csv_contract(rule=RULES)}


@pytest.mark.parametrize("value_format", CONTRACTS)
@FEW_JOBS
@given(values=st.lists(anything, min_size=100, max_size=150))
def test_any_bytes_at_all_land_in_exactly_one_output(
    spark_session: SparkSession, value_format: str, values: list[bytes | None]
) -> None:
    curated, rejected = judge(spark_session, CONTRACTS[value_format], values)

    assert sorted([*curated, *rejected]) == list(range(len(values)))
    assert {offset: row["value"] for offset, row in rejected.items()} == {n: values[n] for n in rejected}


@FEW_JOBS
@given(texts_of_rows=st.lists(st.tuples(st.text(), st.text()), min_size=100, max_size=150))
def test_any_text_that_the_producer_encodes_comes_back(
    spark_session: SparkSession, texts_of_rows: list[tuple[str, str]]
) -> None:
    columns = order_columns({"name": "note", "type": "string"})
    written = [("1", "2024-05-01T10:00:00Z", "", "", *pair) for pair in texts_of_rows]
    contracts = {
        "json": build_contract(column=columns, source={"null_values": []}),
        "csv": build_csv_contract(column=columns, source={"null_values": []}),
    }
    as_json = [encode_json(message_fields(contracts["json"]), (*w[:2], None, None, *w[4:]), "f#1", 1) for w in written]
    as_csv = [encode_csv(w, "f#1", 1) for w in written]

    from_json, _ = judge(spark_session, contracts["json"], as_json)
    from_csv, _ = judge(spark_session, contracts["csv"], as_csv)

    assert [(from_json[n]["country"], from_json[n]["note"]) for n in range(len(written))] == texts_of_rows
    # CSV cannot tell empty text from none.
    nullified = [tuple(text or None for text in pair) for pair in texts_of_rows]
    assert [(from_csv[n]["country"], from_csv[n]["note"]) for n in range(len(written))] == nullified


def test_without_an_event_time_column_a_row_has_the_time_of_kafka(spark_session: SparkSession) -> None:
    contract = build_contract(event_time=None)

    [row] = raw_of(spark_session, contract, [build_message(order_json())]).collect()

    assert row["_event_time"] == row["_kafka_timestamp"] == SENT_AT.replace(tzinfo=None)
