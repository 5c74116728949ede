"""One type in three systems: Glue's name of it, Arrow's for reading files, and Athena's for results."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pyarrow as pa

from sandbox.athena.failures import QueryFailed

_ARROW = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("ms"),
    "binary": pa.binary(),
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)", re.IGNORECASE)
# Of the engine's types as its results name them; sums of whole numbers are bigint in Athena.
_RESULT = {
    "VARCHAR": "varchar",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BLOB": "varbinary",
}


class ResultType(NamedTuple):
    """The type of a result's column as Athena names it, with the digits of a decimal."""

    name: str
    precision: int = 0
    scale: int = 0


def arrow_type(glue: str) -> Any:
    """The Arrow type in which a column of this Glue type is read; others than flat ones are refused."""
    if match := _DECIMAL.fullmatch(glue):
        return pa.decimal128(int(match[1]), int(match[2]))
    if glue not in _ARROW:
        raise QueryFailed(f"NOT_SUPPORTED: the emulated Athena reads no columns of type {glue}")
    return _ARROW[glue]


def glue_type(arrow: Any) -> str | None:
    """The Glue type that a crawler gives to a column of a Parquet file; None for one that the emulator does not know."""
    if pa.types.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if pa.types.is_timestamp(arrow):
        return "timestamp"
    if pa.types.is_large_string(arrow):
        return "string"
    return next((name for name, known in _ARROW.items() if known == arrow), None)


def result_type(engine: str) -> ResultType:
    """The type of a result's column from the engine's name of it; what has no counterpart is told as text."""
    if match := _DECIMAL.fullmatch(engine):
        return ResultType("decimal", int(match[1]), int(match[2]))
    if engine.endswith("]"):
        return ResultType("array")
    if engine.startswith(("MAP", "STRUCT")):
        return ResultType("map" if engine.startswith("MAP") else "row")
    return ResultType(_RESULT.get(engine, "varchar"))
