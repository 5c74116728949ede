"""The contract's types in Arrow, in which files and tables are compared; of raw bytes only their SHA-256 is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline_contract.column_types import ColumnType

_ARROW: dict[str, Any] = {
    "string": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "binary": pa.binary(),
}


def arrow_type(column_type: ColumnType) -> Any:
    """The Arrow type of a contract's type."""
    if column_type.name == "decimal":
        return pa.decimal128(column_type.precision, column_type.scale)
    return _ARROW[column_type.name]


def arrow_schema(columns: Mapping[str, ColumnType]) -> Any:
    """The Arrow schema of an output's columns, in order."""
    return pa.schema([(name, arrow_type(column_type)) for name, column_type in columns.items()])


def cast_column(column: Any, wanted: Any) -> Any:
    """A column in the wanted type; `pa.ArrowInvalid` when a value does not fit.

    A finer timestamp is cut: neither side keeps more than microseconds. Bytes become their SHA-256.
    """
    if pa.types.is_binary(wanted):
        return pa.chunked_array([_digest(chunk) for chunk in column.cast(wanted).chunks], wanted)
    if pa.types.is_timestamp(column.type) and pa.types.is_timestamp(wanted):
        return column.cast(wanted, safe=False)
    return column.cast(wanted)


def _digest(values: Any) -> Any:
    digests = [None if value is None else hashlib.sha256(value).digest() for value in values.to_pylist()]
    return pa.array(digests, pa.binary())
