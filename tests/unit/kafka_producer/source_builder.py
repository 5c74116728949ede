"""Builders for the producer's unit tests: contracts, streams of bytes, and the rows that come out of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka_producer.row import BadRow, Row, SourceItem
from kafka_producer.row_source import open_rows
from pipeline_contract.contract_file import parse_contract
from pipeline_contract.model import Contract


def build_contract(columns: tuple[str, ...] = ("id", "name", "value"), **parts: Any) -> Contract:
    """A contract of text columns; `parts` replace or add whole tables of it."""
    data: dict[str, Any] = {
        "name": "things",
        "version": 1,
        "topic": {"name": "things", "key": [columns[0]], "partitions": 3},
        "column": [{"name": name, "type": "string"} for name in columns],
        "warehouse": {"schema": "THINGS", "table": "things"},
    }
    contract, problems = parse_contract(data | parts)
    assert not problems, problems
    return contract


def split_bytes(data: bytes, size: int) -> Iterator[bytes]:
    """The data in chunks of one size."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read_items(contract: Contract, data: bytes, chunk_bytes: int = 256 * 1024, next_byte: int = 0) -> list[SourceItem]:
    """Every item of a source that holds these bytes."""
    source = open_rows(contract, "test", split_bytes(data, chunk_bytes))
    return [item for items in source.read_rows(next_byte) for item in items]


def sketch_item(item: SourceItem) -> tuple[int, list[str | None] | str]:
    """An item in short: its line, and its values or the reason for which it is bad."""
    return (item.line, item.values) if isinstance(item, Row) else (item.line, item.reason)


def check_spans(items: list[SourceItem], data: bytes) -> None:
    """Every item's bytes and lines stand where it says, in order and without overlap."""
    end, next_line = 0, 1
    for item in items:
        assert item.start >= end
        assert item.line >= next_line
        if item.raw is not None:
            assert data[item.start : item.end] == item.raw
        assert data[: item.start].count(b"\n") == item.line - 1
        if isinstance(item, BadRow):
            assert item.next_line > item.line
        end, next_line = item.end, item.next_line
