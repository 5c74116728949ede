"""Files of the lake as the stream writes them: Parquet by pyarrow, CSV and JSON line by line in Spark's way."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline_contract.column_types import ColumnType
from pipeline_contract.outputs import Output

Row = Mapping[str, Any]
_ARROW = {
    "string": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "binary": pa.binary(),
}


def build_row(output: Output, **values: Any) -> dict[str, Any]:
    """A row of an output, null where nothing is given; an unknown column is an error."""
    assert set(values) <= set(output.columns), set(values) - set(output.columns)
    return dict.fromkeys(output.columns) | values


def write_file(output: Output, rows: Sequence[Row]) -> bytes:
    """The bytes of one file of an output."""
    writers = {"parquet": write_parquet, "csv": write_csv, "json": write_json}
    return writers[output.format](output, rows)


def write_parquet(output: Output, rows: Sequence[Row]) -> bytes:
    """A Parquet file whose timestamps are microseconds without a zone, as Spark writes its timestamp_ntz."""
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in output.columns.items()])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    return buffer.getvalue()


def arrow_type(kind: ColumnType) -> pa.DataType:
    """The Arrow type of a contract's type."""
    return pa.decimal128(kind.precision, kind.scale) if kind.name == "decimal" else _ARROW[kind.name]


def write_csv(output: Output, rows: Sequence[Row]) -> bytes:
    """A gzip CSV file: header line, doubled quotes, nothing for null, quotes around the empty text."""
    lines = [",".join(output.columns), *(",".join(csv_field(row[name]) for name in output.columns) for row in rows)]
    return gzip.compress(("\n".join(lines) + "\n").encode())


def csv_field(value: Any) -> str:
    """One field as Spark's CSV writer has it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.%f")
        case date() | int() | float() | Decimal():
            return str(value)
        case str() if value == "" or any(character in value for character in ',"\r\n'):
            return '"' + value.replace('"', '""') + '"'
        case _:
            return str(value)


def write_json(output: Output, rows: Sequence[Row]) -> bytes:
    """A gzip file of one JSON object a line: nulls written, decimals and doubles as text."""
    lines = [json.dumps({name: json_value(row[name]) for name in output.columns}, ensure_ascii=False) for row in rows]
    return gzip.compress(("\n".join(lines) + "\n").encode())


def json_value(value: Any) -> Any:
    """One value as Spark's JSON writer has it."""
    match value:
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.%f")
        case date() | float() | Decimal():
            return str(value)
        case _:
            return value
