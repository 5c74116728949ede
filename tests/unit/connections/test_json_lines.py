"""JSON lines of the lake in the contract's types, also those that an older contract has written."""

from __future__ import annotations

import gzip
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from connections.lake_files import parse_object
from pipeline_contract.column_types import parse_type
from pipeline_contract.outputs import Output

COLUMNS = {"whole": "bigint", "share": "double", "price": "decimal(38,2)", "text": "string", "at": "timestamp"}
OUTPUT = Output("curated", "curated", "json", {name: parse_type(kind) for name, kind in COLUMNS.items()}, "D", "S", "T")


class Line(NamedTuple):
    id: str
    text: str
    found: dict[str, Any]


LINES = (
    Line("text_keeps_every_digit", '{"price":"123456789012345678901234567890123456.78"}',
         {"price": Decimal("123456789012345678901234567890123456.78")}),
    Line("minus_zero", '{"share":"-0.0"}', {"share": -0.0}),
    Line("infinite", '{"share":"-inf"}', {"share": float("-inf")}),
    Line("greatest_whole", '{"whole":9223372036854775807}', {"whole": 2**63 - 1}),
    Line("whole_numbers_that_are_wider_now", '{"share":5,"price":7}', {"share": 5.0, "price": Decimal("7.00")}),
    Line("a_text_like_a_time", '{"text":"2024-01-01 00:00:00"}', {"text": "2024-01-01 00:00:00"}),
    Line("nulls", '{"whole":null,"share":null,"price":null,"text":null,"at":null}', {}),
    Line("a_field_of_another_version", '{"text":"a","gone":{"deep":[1]}}', {"text": "a"}),
)  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_line_in_the_contract_s_types(line: Line) -> None:
    [row] = parse_object(gzip.compress(f"{line.text}\n".encode()), OUTPUT, list(COLUMNS)).to_pylist()

    assert {name: str(value) for name, value in row.items()} == {name: str(line.found.get(name)) for name in COLUMNS}


def test_a_file_without_a_line_has_no_rows() -> None:
    assert parse_object(gzip.compress(b""), OUTPUT).num_rows == 0


def test_a_broken_line_is_no_row_of_nulls() -> None:
    with pytest.raises(pa.ArrowInvalid):
        parse_object(gzip.compress(b'{"whole":1}\n{"whole":\n'), OUTPUT)
