"""JSON lines: values as text, and what is not a row."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.unit.kafka_producer.source_builder import build_contract, check_spans, read_items, sketch_item

CONTRACT = build_contract(source={"format": "jsonl"})


class Case(NamedTuple):
    name: str
    line: bytes
    wanted: list[str | None] | str


CASES = [
    Case("text", b'{"id":"1","name":"a","value":"x"}', ["1", "a", "x"]),
    Case("any order", b'{"value":"x","id":"1","name":"a"}', ["1", "a", "x"]),
    Case("numbers keep their digits", b'{"id":10000000000000000000001,"name":1.10,"value":-1e5}',
         ["10000000000000000000001", "1.10", "-1e5"]),
    Case("words", b'{"id":true,"name":false,"value":null}', ["true", "false", None]),
    Case("a missing field", b'{"id":"1"}', ["1", None, None]),
    Case("nested", b'{"id":{"a":[1,2.5,"x"]},"name":[],"value":""}', ['{"a":[1,2.5,"x"]}', "[]", ""]),
    Case("unicode", '{"id":"é","name":"\\u00e9\\n","value":"日"}'.encode(), ["é", "é\n", "日"]),
    Case("an unknown field", b'{"id":"1","extra":1}', "ragged_row"),
    Case("a name twice", b'{"id":"1","id":"2"}', "invalid_json"),
    Case("not JSON", b"id=1", "invalid_json"),
    Case("cut off", b'{"id":"1"', "invalid_json"),
    Case("two on a line", b'{"id":"1"}{"id":"2"}', "invalid_json"),
    Case("an array", b'["1","a","x"]', "invalid_json"),
    Case("NaN", b'{"id":NaN}', "invalid_json"),
    Case("half a surrogate", b'{"id":"\\ud800"}', "invalid_json"),
    Case("too deep", b'{"id":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "invalid_json"),
    Case("invalid utf-8", b'{"id":"\xff"}', "invalid_encoding"),
    Case("too large", b'{"id":"' + b"a" * 1_048_576 + b'"}', "too_large"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_line_becomes_a_row_or_a_bad_row(case: Case) -> None:
    data = case.line + b"\r\n\n" + b'{"id":"next"}'
    items = read_items(CONTRACT, data)
    assert [sketch_item(item) for item in items] == [(1, case.wanted), (3, ["next", None, None])]
    check_spans(items, data)


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert [sketch_item(i) for i in read_items(CONTRACT, b'\xef\xbb\xbf{"id":"1"}\n')] == [(1, ["1", None, None])]
