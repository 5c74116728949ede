"""Parquet files as rows of text that the contract's casts read back."""

# ruff: noqa: DTZ001 - times of the lake have no zone

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kafka_producer.row import Row
from kafka_producer.session import open_source_rows
from kafka_producer.source import find_source
from pipeline_contract.column_types import parse_type
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.text_casts import compile_cast
from tests.unit.kafka_producer.source_builder import build_contract

AT = datetime(2024, 5, 1, 10, 0, 0, 123456)
COLUMNS = {
    "small": ("integer", pa.array([-(2**31), 7, None], pa.int32()), [-(2**31), 7, None]),
    "big": ("bigint", pa.array([2**63 - 1, -1, None]), [2**63 - 1, -1, None]),
    "share": ("double", pa.array([0.1, 1e300, None]), [0.1, 1e300, None]),
    "price": ("decimal(38,10)", pa.array([Decimal("0.0000000001"), Decimal("-7"), None], pa.decimal128(38, 10)),
              [Decimal("0.0000000001"), Decimal(-7), None]),
    "open": ("boolean", pa.array([True, False, None]), [True, False, None]),
    "day": ("date", pa.array([date(1, 1, 1), date(2024, 2, 29), None]), [date(1, 1, 1), date(2024, 2, 29), None]),
    "at": ("timestamp", pa.array([AT, AT, None], pa.timestamp("us")), [AT, AT, None]),
    "zoned": ("timestamp", pa.array([AT.replace(tzinfo=UTC), None, None], pa.timestamp("ns", "Europe/Oslo")), [AT, None, None]),
    "finest": ("timestamp", pa.array([1, 1000, None], pa.timestamp("ns")), [None, datetime(1970, 1, 1, 0, 0, 0, 1), None]),
    "text": ("string", pa.array(["a\n\"é😀", "", None]), ["a\n\"é😀", "", None]),
    "word": ("string", pa.array(["x", "y", None]).dictionary_encode(), ["x", "y", None]),
    "raw": ("string", pa.array(["é".encode(), b"", None]), ["é", "", None]),
    "parts": ("string", pa.array([[1, None], [], None]), ["[1, null]", "[]", None]),
}  # fmt: skip


@pytest.fixture
def contract() -> Contract:
    return build_contract(tuple(COLUMNS), source={"null_values": []})


def write_file(path: Path) -> Path:
    pq.write_table(pa.table({name: array for name, (_, array, _) in COLUMNS.items()}), path, row_group_size=2)
    return path


@pytest.mark.parametrize("name", COLUMNS)
def test_values_come_back_by_the_contracts_casts(name: str, contract: Contract, tmp_path: Path) -> None:
    kind, _, values = COLUMNS[name]
    source = find_source(contract, str(write_file(tmp_path / "rows.parquet")))
    items = [item for items in open_source_rows(contract, source).read_rows(0) for item in items]

    texts = [item.values[list(COLUMNS).index(name)] for item in items if isinstance(item, Row)]

    cast = compile_cast(parse_type(kind))
    assert [None if text is None else cast(text) for text in texts] == values


def test_a_replay_goes_on_behind_any_row(contract: Contract, tmp_path: Path) -> None:
    source = find_source(contract, str(write_file(tmp_path / "rows.parquet")))
    rows = [item for items in open_source_rows(contract, source).read_rows(0) for item in items]

    rest = [item for items in open_source_rows(contract, source).read_rows(rows[0].end) for item in items]

    assert [row.line for row in rows] == [1, 2, 3]
    assert rest == rows[1:]


def test_columns_that_are_not_the_contracts_are_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "rows.parquet")

    with pytest.raises(ConfigurationError, match="missing: other"):
        find_source(build_contract(("small", "other")), str(path))


def test_what_is_no_parquet_is_refused(contract: Contract, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text("id,name\n")

    with pytest.raises(ConfigurationError, match="cannot be read as Parquet"):
        find_source(contract, str(path))
