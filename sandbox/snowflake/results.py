"""Turns results into the answers that the Snowflake connector reads."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.arrow import timestamp_to_sf_struct, to_ipc, to_sf_schema
from fakesnow.rowtype import describe_as_rowtype, duckdb_to_sf_type
from fakesnow.statement_type import DML_TYPE_IDS

_WIDENED = {
    "TINYINT": "BIGINT", "SMALLINT": "BIGINT", "UTINYINT": "BIGINT", "USMALLINT": "BIGINT", "UINTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
}  # fmt: skip
_ARROW = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string()}


class QueryResult(NamedTuple):
    """The rows of one statement, their types as duckdb names them, and what kind of statement it was."""

    table: pa.Table
    types: tuple[tuple[str, str], ...]
    type_id: int = 0
    query_id: str = ""


def make_result(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> QueryResult:
    """Return a result of plain Python rows; a column's type is that of its first value, text where there is none."""
    types: list[tuple[str, str]] = []
    arrays: list[pa.Array] = []
    for index, name in enumerate(columns):
        values = [row[index] for row in rows]
        sample = next((value for value in values if value is not None), "")
        if isinstance(sample, datetime):
            types.append((name, "TIMESTAMP WITH TIME ZONE"))
            arrays.append(pa.array(values, pa.timestamp("us", "UTC")))
        elif isinstance(sample, int):
            types.append((name, "BIGINT"))
            arrays.append(pa.array(values, pa.int64()))
        else:
            types.append((name, "VARCHAR"))
            arrays.append(pa.array([None if value is None else str(value) for value in values], pa.string()))
    return QueryResult(pa.table(arrays, list(columns)), tuple(types))


def make_status(message: str) -> QueryResult:
    """Return the one-row result of a statement that reports a status."""
    return make_result(("status",), [(message,)])


def widen_result(table: pa.Table, types: Sequence[tuple[str, str]]) -> QueryResult:
    """Return the result with the types that Snowflake does not have turned into ones that it has."""
    columns: list[pa.ChunkedArray] = []
    widened: list[tuple[str, str]] = []
    for (name, type_name), column in zip(types, table.columns, strict=True):
        base = "DECIMAL" if type_name.startswith("DECIMAL") else type_name
        if base in duckdb_to_sf_type:
            widened.append((name, type_name))
            columns.append(column)
        elif type_name in _WIDENED:
            widened.append((name, _WIDENED[type_name]))
            columns.append(column.cast(_ARROW[_WIDENED[type_name]]))
        else:
            widened.append((name, "JSON"))
            values = column.to_pylist()
            texts = [None if value is None else json.dumps(value, default=str) for value in values]
            columns.append(pa.chunked_array([pa.array(texts, pa.string())]))
    schema = pa.schema([pa.field(name, column.type) for (name, _), column in zip(widened, columns, strict=True)])
    return QueryResult(pa.Table.from_arrays(columns, schema=schema), tuple(widened))


def describe_result(result: QueryResult) -> list[Any]:
    """Return the row type of a result as the connector expects it."""
    described = [(name, type_name, None, None, None, None) for name, type_name in result.types]
    return list(describe_as_rowtype(described))


def encode_result(result: QueryResult, database: str | None, schema: str | None) -> dict[str, Any]:
    """Return the `data` of a successful answer."""
    rowtype = describe_result(result)
    data: dict[str, Any] = {
        "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
        "rowtype": rowtype,
        "total": result.table.num_rows,
        "returned": result.table.num_rows,
        "queryId": result.query_id,
        "statementTypeId": result.type_id,
        "finalDatabaseName": database,
        "finalSchemaName": schema,
        "queryResultFormat": "arrow",
        "rowsetBase64": "",
    }
    if result.type_id in DML_TYPE_IDS:
        # The connector reads the affected rows of DML from a JSON rowset.
        columns = [column.to_pylist() for column in result.table.columns]
        rowset = [[None if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
        data |= {"queryResultFormat": "json", "rowset": rowset}
    elif result.table.num_rows:
        one_batch = _to_snowflake(result.table, rowtype).combine_chunks()
        data["rowsetBase64"] = b64encode(to_ipc(one_batch)).decode("ascii")
    return data


def _to_snowflake(table: pa.Table, rowtype: list[Any]) -> pa.Table:
    """Return the table in the connector's own encoding of times and timestamps; nulls stay nulls."""
    schema = to_sf_schema(table.schema, rowtype)
    arrays: list[pa.Array | pa.ChunkedArray] = []
    for column, field in zip(table.columns, schema, strict=True):
        if pa.types.is_timestamp(column.type):
            values = column.combine_chunks().cast(pa.timestamp("us", column.type.tz and "UTC"))
            filled = pc.fill_null(values, 0)
            parts = timestamp_to_sf_struct(filled).flatten()
            arrays.append(pa.StructArray.from_arrays(parts, fields=list(field.type), mask=pc.is_null(values)))
        elif pa.types.is_time(column.type):
            arrays.append(pc.multiply(column.cast(pa.int64()), 1000))
        else:
            arrays.append(column.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
