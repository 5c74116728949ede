"""Avro values in Confluent's frame, in Spark: what each becomes, what is damaged, and that the reconciliation agrees."""

# ruff: noqa: DTZ001 - times of the lake have no zone

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import fastavro
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.avro_values import derive_avro_schema, encode_avro, frame_value
from pipeline_contract.model import Contract
from reconciliation.topic_party import open_avro_parser
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from spark_streaming.source import select_raw
from tests.orders import BATCH_ID, TOPIC, TOPIC_IDS, build_contract, order_json
from tests.spark.builders import FEW_JOBS, build_messages, frame_of

COLUMNS: list[dict[str, Any]] = [
    {"name": "id", "type": "bigint", "nullable": False},
    {"name": "at", "type": "timestamp"},
    {"name": "price", "type": "decimal(38,10)"},
    {"name": "ratio", "type": "double"},
    {"name": "good", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "text", "type": "string"},
]


def build_avro_contract(**changes: Any) -> Contract:
    """A contract of every type whose values are Avro."""
    topic = {"name": TOPIC, "key": ["id"], "value_format": "avro"}
    return build_contract(**{"topic": topic, "column": COLUMNS, "event_time": None} | changes)


CONTRACT = build_avro_contract(drift={"ignored_columns": ["surplus"]})
NAMES = [str(column["name"]) for column in COLUMNS]
OWN, TYPED, LATER, RECURSIVE = 1, 70_000, 3, 4
FOREIGN: dict[str, Any] = {
    "type": "record",
    "name": "Reading",
    "namespace": "org.example",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 10}]},
        {"name": "ratio", "type": ["null", "double"]},
        {"name": "good", "type": ["null", "boolean"]},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {"name": "text", "type": ["null", "bytes"]},
    ],
}
# The same source a year later: its fields in another order, some gone, one new.
LATER_SCHEMA = {
    "type": "record",
    "name": "Reading",
    "namespace": "org.example",
    "fields": [
        {"name": "text", "type": {"type": "enum", "name": "Size", "symbols": ["SMALL", "LARGE"]}},
        {"name": "surplus", "type": {"type": "map", "values": "int"}, "default": {}},
        {"name": "id", "type": "int"},
        {"name": "ratio", "type": "float"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "_source_file", "type": "string"},
        {"name": "_source_line", "type": "int"},
        {"name": "price", "type": {"type": "fixed", "name": "Price", "size": 4, "logicalType": "decimal", "precision": 9,
                                   "scale": 2}},
    ],
}  # fmt: skip
TREE = {
    "type": "record",
    "name": "Tree",
    "fields": [{"name": "id", "type": "long"}, {"name": "next", "type": ["null", "Tree"]}],
}
SCHEMAS = {
    OWN: derive_avro_schema(CONTRACT),
    TYPED: json.dumps(FOREIGN),
    LATER: json.dumps(LATER_SCHEMA),
    RECURSIVE: json.dumps(TREE),
}


def encode(number: int, **fields: Any) -> bytes:
    """A framed value of one of the schemas; a field that is not given is null."""
    schema = json.loads(SCHEMAS[number])
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), fields)
    return frame_value(number, body.getvalue())


def encode_own(*values: str | None) -> bytes:
    """A value as our producer sends it; columns that are not given are null."""
    return encode_avro(OWN, (*values, *[None] * (len(NAMES) - len(values))), "f.csv#1", 7)


class Case(NamedTuple):
    """A value, and the row that it becomes, nulls left out, or the reason why it becomes none."""

    id: str
    value: bytes
    row: dict[str, Any] | str


AT = datetime(2024, 5, 1, 10, 0, 0, 123456)
EARLY = datetime(1969, 12, 31, 23, 59, 59, 999000)
GOOD = encode_own("5", "2024-05-01T10:00:00Z", "1.25")
CASES = (
    Case("our-own", GOOD, {"id": 5, "at": datetime(2024, 5, 1, 10), "price": Decimal("1.25")}),
    Case("own-text", encode_own("1", None, None, None, None, None, 'é"\n\0😀'), {"id": 1, "text": 'é"\n\0😀'}),
    Case("wrong-type", encode_own("x"), "type:id"),
    Case("no-value-where-one-must-be", encode_own(), "null:id"),
    Case("typed-largest", encode(TYPED, id=2**63 - 1, at=AT.replace(tzinfo=UTC), price=Decimal(9 * 10**27) + Decimal(1) / 8,
         ratio=0.1, good=True, day=date(2024, 2, 29), text=b"caf\xc3\xa9"),
         {"id": 2**63 - 1, "at": AT, "price": Decimal(9 * 10**27) + Decimal(1) / 8, "ratio": 0.1, "good": True,
          "day": date(2024, 2, 29), "text": "café"}),
    Case("typed-smallest", encode(TYPED, id=-(2**63), price=Decimal("-1E-10"), ratio=-5e-324, day=date(1900, 1, 1)),
         {"id": -(2**63), "price": Decimal("-1E-10"), "ratio": -5e-324, "day": date(1900, 1, 1)}),
    Case("typed-zero", encode(TYPED, id=0, price=Decimal(0), ratio=0.0, good=False, text=b""),
         {"id": 0, "price": Decimal(0), "ratio": 0.0, "good": False}),
    Case("typed-not-a-number", encode(TYPED, id=0, ratio=float("nan")), "type:ratio"),
    Case("bytes-that-are-no-text", encode(TYPED, id=1, text=b"\xff\xfe"), "decode:avro"),
    Case("a-later-schema", encode(LATER, text="LARGE", surplus={"a": 1}, id=-1, ratio=0.5, at=EARLY.replace(tzinfo=UTC),
         _source_file="g.csv#2", _source_line=9, price=Decimal("-12345.67")),
         {"id": -1, "at": EARLY, "price": Decimal("-12345.67"), "ratio": 0.5, "text": "LARGE"}),
    Case("truncated-by-one", GOOD[:-1], "decode:avro"),
    Case("truncated-in-a-field", GOOD[:9], "decode:avro"),
    Case("no-body", GOOD[:5], "decode:avro"),
    Case("no-frame", GOOD[:4], "decode:avro"),
    Case("nothing", b"", "decode:avro"),
    Case("wrong-magic", b"\1" + GOOD[1:], "decode:avro"),
    Case("unknown-schema", frame_value(99, GOOD[5:]), "decode:avro"),
    Case("id-with-a-high-byte", frame_value(2**31 + OWN, GOOD[5:]), "decode:avro"),
    Case("written-with-another-schema", frame_value(TYPED, GOOD[5:]), "decode:avro"),
    Case("a-byte-too-much", GOOD + b"\0", "decode:avro"),
    Case("twice", GOOD + GOOD[5:], "decode:avro"),
    Case("the-mark-of-the-end-itself", GOOD + bytes([0xF1, 0xF2]), "decode:avro"),
    Case("json", order_json(), "decode:avro"),
    Case("a-schema-that-spark-does-not-read", encode(RECURSIVE, id=1, next=None), "decode:avro"),
)  # fmt: skip


def read(spark: SparkSession, values: list[bytes | None]) -> tuple[list[Any], dict[int, Any], dict[int, Any]]:
    """The raw rows, and the curated and rejected ones by their offsets."""
    messages = frame_of(spark, build_messages(values))
    raw = select_raw(messages, CONTRACT, TOPIC_IDS, F.lit(BATCH_ID), SCHEMAS).localCheckpoint()
    judged = judge_rows(raw, CONTRACT, {}, SCHEMAS).localCheckpoint()
    curated, rejected = select_curated(judged, CONTRACT).collect(), select_rejected(judged, CONTRACT).collect()
    return (
        raw.orderBy("_offset").collect(),
        {row["_offset"]: row for row in curated},
        {row["_offset"]: row for row in rejected},
    )


def test_each_value_becomes_its_row_or_is_rejected(spark_session: SparkSession) -> None:
    raw, curated, rejected = read(spark_session, [case.value for case in CASES])

    outcomes = {
        case.id: {name: value for name in NAMES if (value := curated[n][name]) is not None}
        if n in curated
        else rejected[n]["reason"]
        for n, case in enumerate(CASES)
    }
    assert outcomes == {case.id: case.row for case in CASES}
    assert [bytes(row["value"]) for row in raw] == [case.value for case in CASES]
    assert {bytes(rejected[n]["value"]) for n in rejected} == {
        case.value for case in CASES if isinstance(case.row, str)
    }


def test_the_writers_schema_says_what_is_unknown_and_missing(spark_session: SparkSession) -> None:
    [later] = [case.value for case in CASES if case.id == "a-later-schema"]
    contract = build_avro_contract(drift={"missing_columns": "reject"})
    messages = frame_of(spark_session, build_messages([GOOD, later]))
    raw = select_raw(messages, contract, TOPIC_IDS, F.lit(BATCH_ID), SCHEMAS)

    [row] = select_rejected(judge_rows(raw, contract, {}, SCHEMAS), contract).collect()

    reasons = [(reason["reason"], reason.get("found")) for reason in json.loads(row["reasons"])]
    assert reasons == [("unknown:surplus", '{"value":{"a":1}}'), ("missing:good", None), ("missing:day", None)]
    assert row["_offset"] == 1


def test_spark_and_the_reconciliation_find_the_same_source(spark_session: SparkSession) -> None:
    raw, _, _ = read(spark_session, [case.value for case in CASES])
    parse = open_avro_parser({number: schema for number, schema in SCHEMAS.items() if number != RECURSIVE})

    found = {case.id: (row["_source_file"], row["_source_line"]) for case, row in zip(CASES, raw, strict=True)}

    assert found == {case.id: parse(case.value) for case in CASES}
    assert found["our-own"] == ("f.csv#1", 7)
    assert found["a-later-schema"] == ("g.csv#2", 9)


texts = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=7, max_size=7)
values = texts.map(lambda row: encode_avro(OWN, row, "f#1", 1))


@FEW_JOBS
@given(st.lists(values | st.binary(max_size=40) | st.none(), min_size=50, max_size=80))
def test_any_bytes_at_all_land_in_exactly_one_output(spark_session: SparkSession, sent: list[bytes | None]) -> None:
    raw, curated, rejected = read(spark_session, sent)
    parse = open_avro_parser(SCHEMAS)

    assert sorted([*curated, *rejected]) == list(range(len(sent)))
    assert [(row["_source_file"], row["_source_line"]) for row in raw] == [parse(value) for value in sent]


def test_a_value_is_decoded_once_for_each_schema(spark_session: SparkSession) -> None:
    messages = frame_of(spark_session, build_messages([GOOD]))
    raw = select_raw(messages, CONTRACT, TOPIC_IDS, F.lit(BATCH_ID), SCHEMAS).localCheckpoint()

    plan = (
        select_curated(judge_rows(raw, CONTRACT, {}, SCHEMAS), CONTRACT)._jdf.queryExecution().executedPlan().toString()
    )

    readable = set(SCHEMAS) - {RECURSIVE}
    assert plan.count("from_avro(") == len(readable), plan
