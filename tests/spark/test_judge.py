"""Raw rows to curated and rejected ones, in Spark: what each value becomes, and every reason why not."""

# ruff: noqa: DTZ001 - times of the lake have no zone

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from pipeline_contract.message import RejectedMessage, encode_csv, encode_json, message_fields
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from tests.spark.builders import (
    BATCH_ID,
    FEW_JOBS,
    ORDER,
    SENT_AT,
    TOPIC,
    TOPIC_IDS,
    build_contract,
    build_csv_contract,
    build_message,
    build_messages,
    order_columns,
    order_json,
    raw_of,
)  # fmt: skip

RULES = [
    {"name": "positive_price", "expression": "price > 0"},
    {"name": "few", "expression": "count / (count - 5) is null or count < 1000"},
    {"name": "known_country", "expression": "country in ('NO', 'SE', 'O\\'Brien \"ø\"')"},
]
DERIVED = [
    {"name": "unit_price", "type": "double", "expression": "price / count"},
    {"name": "cents", "type": "integer", "expression": "price * 100"},
]
GOOD = {
    "id": 1, "at": datetime(2024, 5, 1, 10), "price": Decimal("9.50"), "count": 2, "country": "NO",
    "unit_price": 4.75, "cents": 950,
}  # fmt: skip


class Case(NamedTuple):
    """A message's value, and either what differs from the good row, or the reasons as (reason, column, found)."""

    id: str
    value: bytes | None
    curated: dict[str, Any] | None = None
    reasons: list[tuple[str, str | None, str | None]] = []  # noqa: RUF012 - never changed


def corrupt(value: bytes, found: str | None = None) -> list[tuple[str, str | None, str | None]]:
    return [("decode:json", None, (found if found is not None else value.decode())[:100])]


def corrupt_case(name: str, value: bytes) -> Case:
    return Case(name, value, reasons=corrupt(value))


JSON_CASES = [
    Case("good", order_json(), {}),
    Case(
        "null_fields",
        order_json(price=None, count=None),
        {"price": None, "count": None, "unit_price": None, "cents": None},
    ),
    Case(
        "null_values_of_the_contract",
        order_json(price="NA", country=""),
        {"price": None, "country": None, "unit_price": None, "cents": None},
    ),
    Case("division_by_zero_is_null", order_json(count="0"), {"count": 0, "unit_price": None}),
    Case(
        "derived_beyond_its_type_is_null",
        order_json(price="99999999.99"),
        {"price": Decimal("99999999.99"), "unit_price": 49999999.995, "cents": None},
    ),
    Case("quotes_and_unicode", order_json(country='O\'Brien "ø"'), {"country": 'O\'Brien "ø"'}),
    Case(
        "numbers_instead_of_text",
        b'{"id": 1, "at": "2024-05-01T10:00:00Z", "price": 9.5, "count": 2, "country": "NO"}',
        {},
    ),
    Case("unknown_field", order_json(surplus="x"), reasons=[("unknown:surplus", "surplus", "x")]),
    Case(
        "unknown_null_field", order_json()[:-1] + b', "surplus": null}', reasons=[("unknown:surplus", "surplus", None)]
    ),
    Case(
        "unknown_fields_and_wrong_values",
        b'{"x": {"a": [1.50]}, "id": "y", "x": 2, "at": "2024-05-01T10:00:00Z", "z": ""}',
        reasons=[("unknown:x", "x", "2"), ("unknown:z", "z", ""), ("type:id", "id", "y")],
    ),
    Case("white_space_around", b"\n " + order_json() + b"\r\n", {}),
    Case("last_of_a_doubled_key", order_json()[:-1] + b', "country": "SE"}', {"country": "SE"}),
    Case("nested_object", order_json(country={"a": [1, "b"]}), reasons=[("rule:known_country", None, None)]),
    Case("field_named_corrupt", order_json(_corrupt="x"), reasons=[("unknown:_corrupt", "_corrupt", "x")]),
    Case("fields_in_another_order", b"{%s}" % b", ".join(reversed(order_json()[1:-1].split(b", "))), {}),
    Case("missing_key", order_json(id=None), reasons=[("null:id", "id", None)]),
    Case("null_value_in_key", order_json(id="NA"), reasons=[("null:id", "id", None)]),
    Case(
        "every_wrong_column",
        order_json(id="x", at="2024-02-30T00:00:00Z", count="1.5"),
        reasons=[("type:id", "id", "x"), ("type:at", "at", "2024-02-30T00:00:00Z"), ("type:count", "count", "1.5")],
    ),
    Case(
        "every_wrong_rule_and_column",
        order_json(id=None, price="-1", country="XX"),
        reasons=[("null:id", "id", None), ("rule:positive_price", None, None), ("rule:known_country", None, None)],
    ),
    Case("a_rule_with_a_null_answer_passes", order_json(country=None), {"country": None}),
    Case("found_is_cut", order_json(count="7" * 5000), reasons=[("type:count", "count", "7" * 100)]),
    Case("huge_value", order_json(country="ø" * 3_000_000), reasons=[("rule:known_country", None, None)]),
    Case("tombstone", None, reasons=[("decode:json", None, None)]),
    Case("empty", b"", reasons=[("decode:json", None, "")]),
    corrupt_case("blank", b"  "),
    corrupt_case("json_null", b"null"),
    corrupt_case("json_number", b"5"),
    corrupt_case("json_text", b'"text"'),
    corrupt_case("json_empty_array", b"[]"),
    corrupt_case("json_array", b"[" + order_json() + b"]"),
    corrupt_case("two_objects", order_json() + b" " + order_json()),
    corrupt_case("two_objects_with_comma", order_json() + b"," + order_json()),
    corrupt_case("trailing_words", order_json() + b"and more"),
    corrupt_case("cut_short", order_json()[:-1]),
    corrupt_case("single_quotes", order_json().replace(b'"', b"'")),
    corrupt_case("trailing_comma", order_json()[:-1] + b",}"),
    corrupt_case("not_a_number", b'{"id": NaN}'),
    corrupt_case("newline_in_text", b'{"id": "1\n"}'),
    corrupt_case("deeply_nested", b'{"country": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    Case("byte_order_mark", b"\xef\xbb\xbf" + order_json(), reasons=corrupt(b"", "\ufeff" + order_json().decode())),
    Case("invalid_utf8_in_a_field", b'{"id": "1", "country": "\xff"}', reasons=[("decode:utf8", None, None)]),
    Case("invalid_utf8", b"\xff\xfe\x00", reasons=[("decode:utf8", None, None)]),
    Case("utf16", order_json().decode().encode("utf-16"), reasons=[("decode:utf8", None, None)]),
]


def csv_value(*values: str) -> bytes:
    return encode_csv(values, "orders.csv#1", 7)


def csv_corrupt_case(name: str, value: bytes, found: str | None = None) -> Case:
    text = value.decode() if found is None else found
    return Case(name, value, reasons=[("decode:csv", None, text[:100])])


ROW = tuple(ORDER.values())
CSV_CASES = [
    Case("good", csv_value(*ROW), {}),
    Case("quoted_newline", csv_value(*ROW[:4], "N\nO"), {"country": "N\nO"}),
    Case("quoted_line_ends", csv_value(*ROW[:4], "\r\nN\rO\n"), {"country": "\r\nN\rO\n"}),
    Case("quoted_quotes_and_commas", csv_value(*ROW[:4], '"a", "b"'), {"country": '"a", "b"'}),
    Case("backslash", csv_value(*ROW[:4], '\\",\\'), {"country": '\\",\\'}),
    Case("white_space_is_kept", csv_value(*ROW[:4], "\t x "), {"country": "\t x "}),
    Case("comment_sign", csv_value("1", ROW[1], "", "", "#"), {"price": None, "count": None, "country": "#"}),
    Case("nul_character", csv_value(*ROW[:4], "a\0b"), {"country": "a\0b"}),
    Case("empty_fields", csv_value("1", ROW[1], "", "", ""), {"price": None, "count": None, "country": None}),
    Case(
        "null_values_of_the_contract",
        csv_value("1", ROW[1], "NA", "NA", "NA"),
        {"price": None, "count": None, "country": None},
    ),
    Case("long_text_with_commas", csv_value(*ROW[:4], "a," * 40_000), {"country": "a," * 40_000}),
    Case(
        "wrong_types",
        csv_value("x", "y", "z", "1.0", ""),
        reasons=[
            ("type:id", "id", "x"),
            ("type:at", "at", "y"),
            ("type:price", "price", "z"),
            ("type:count", "count", "1.0"),
        ],
    ),
    Case("only_commas", b",,,,,,", reasons=[("null:id", "id", None), ("null:at", "at", None)]),
    csv_corrupt_case("missing_field", csv_value(*ROW[:4])),
    csv_corrupt_case("surplus_field", csv_value(*ROW, "x")),
    csv_corrupt_case("two_lines", csv_value(*ROW) + b"\n" + csv_value(*ROW)),
    csv_corrupt_case("open_quote", b'f,1,"1,2'),
    csv_corrupt_case("blank", b"   "),
    csv_corrupt_case("empty", b""),
    csv_corrupt_case("json_value", b"{}"),
    csv_corrupt_case("more_fields_than_the_parser_takes", b"," * 250_000),
    Case("tombstone", None, reasons=[("decode:csv", None, None)]),
    Case("invalid_utf8", csv_value(*ROW)[:-2] + b"\xff\xfe", reasons=[("decode:utf8", None, None)]),
]


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


def check_case(case: Case, offset: int, good: dict[str, Any], judged: Any) -> None:
    curated, rejected = judged
    assert (offset in curated, offset in rejected) == (case.curated is not None, case.curated is None)
    if case.curated is not None:
        assert {name: curated[offset][name] for name in good} == good | case.curated
        return
    row = rejected[offset]
    found = [(reason["reason"], reason.get("column"), reason.get("found")) for reason in json.loads(row["reasons"])]
    assert found == case.reasons
    assert row["reason"] == case.reasons[0][0]
    assert row["value"] == case.value
    assert row["stage"] == ("rules" if row["reason"].startswith("rule:") else "decode")


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
