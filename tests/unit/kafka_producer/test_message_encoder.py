"""What goes over the wire for a row and for a bad one."""

from __future__ import annotations

import base64
import csv
import io
import json
import zlib

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kafka_producer.message_encoder import open_encoder, open_value_encoder
from kafka_producer.row import Row
from pipeline_contract.avro_values import derive_avro_schema, split_value
from pipeline_contract.message import RejectedMessage
from tests.unit.kafka_producer.source_builder import build_contract, read_items

HEADER = b"id,name,value\n"


def test_a_row_carries_its_place_and_its_text_as_json() -> None:
    contract = build_contract(topic={"name": "things", "key": ["name", "id"], "partitions": 5})
    (message,) = open_encoder(contract, "a.csv#0123").encode_items(read_items(contract, HEADER + b"007,NA,\n"))
    assert json.loads(message.value) == {
        "_source_file": "a.csv#0123",
        "_source_line": 2,
        "id": "007",
        "name": "NA",
        "value": "",
    }
    assert (message.topic, message.key) == ("things", b"NA\x1f007")
    assert message.partition == zlib.crc32(b"NA\x1f007") % 5


def test_a_row_as_csv_reads_back() -> None:
    contract = build_contract(topic={"name": "things", "key": ["id"], "value_format": "csv"})
    data = HEADER + b'1,"a, ""b""\nc",x\n'
    (message,) = open_encoder(contract, "a.csv#0123").encode_items(read_items(contract, data))
    assert list(csv.reader(io.StringIO(message.value.decode(), newline=""))) == [
        ["a.csv#0123", "2", "1", 'a, "b"\nc', "x"]
    ]


VALUES = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(
    st.lists(VALUES, min_size=3, max_size=3), st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 2**62)
)
def test_a_row_as_avro_is_what_a_library_reads_with_the_derived_schema(
    values: list[str | None], file: str, line: int
) -> None:
    contract = build_contract(topic={"name": "things", "key": ["id"], "value_format": "avro"})
    encode = open_value_encoder(contract, file, 70_000)

    framed = split_value(encode(Row(line, 0, b"", values)))

    assert framed is not None
    body = io.BytesIO(framed[1])
    schema = fastavro.parse_schema(json.loads(derive_avro_schema(contract)))
    names = [column.name for column in contract.columns]
    assert fastavro.schemaless_reader(body, schema, None) == {
        "_source_file": file,
        "_source_line": line,
        **dict(zip(names, values, strict=True)),
    }
    assert (framed[0], body.read()) == (70_000, b"")


def test_a_field_that_json_lines_leave_out_is_left_out() -> None:
    contract = build_contract(source={"format": "jsonl"})
    items = read_items(contract, b'{"id":":null","value":"x"}\n{"id":"1","name":null,"value":":null"}')
    values = [json.loads(message.value) for message in open_encoder(contract, "a#0").encode_items(items)]
    assert values == [
        {"_source_file": "a#0", "_source_line": 1, "id": ":null", "value": "x"},
        {"_source_file": "a#0", "_source_line": 2, "id": "1", "value": ":null"},
    ]


def test_a_bad_row_keeps_its_bytes_in_the_topic_of_the_rejected() -> None:
    contract = build_contract()
    (message,) = open_encoder(contract, "a#0").encode_items(read_items(contract, HEADER + b"1,\xff\n"))
    assert (message.topic, message.partition, message.key) == ("things.rejected", 0, b"a#0")
    rejected = RejectedMessage.model_validate_json(message.value)
    assert base64.b64decode(rejected.raw_base64 or "") == b"1,\xff\n"
    assert (rejected.source_line, rejected.byte_start, rejected.byte_end, rejected.length) == (2, 14, 18, 4)
    assert rejected.reason == "invalid_encoding"


@pytest.mark.parametrize("length", [600, 820, 1000, 1400, 3000])
def test_whatever_a_row_measures_its_message_fits_the_topic(length: int) -> None:
    contract = build_contract(topic={"name": "things", "key": ["id"], "max_message_bytes": 4096})
    items = read_items(contract, HEADER + b'"' + b'""' * length + b'",a,x\n')
    (message,) = open_encoder(contract, "a#0").encode_items(items)
    assert len(message.key) + len(message.value) + 100 <= 4096
    if message.topic == "things.rejected":
        assert RejectedMessage.model_validate_json(message.value).reason == "too_large"
    assert (message.topic == "things.rejected") == (length >= 1400)
