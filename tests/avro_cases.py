"""Avro values in Confluent's frame and what becomes of them: one table for Spark and for the judge without it."""

# ruff: noqa: DTZ001 - times of the lake have no zone

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import fastavro

from pipeline_contract.avro_values import derive_avro_schema, encode_avro, frame_value
from pipeline_contract.model import Contract
from tests.orders import TOPIC, build_contract, order_json

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
    Case("a-string-that-is-no-text", encode_own("1", None, None, None, None, None, "AB").replace(b"AB", b"\xff\xfe"),
         "decode:avro"),
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
