"""The one place that reads an object of the lake into Arrow, whichever its format is, in the contract's types."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from pipeline_contract.column_types import ColumnType
from pipeline_contract.model import LakeFormat
from pipeline_contract.outputs import AGGREGATE_PASSPORT, FileOutput
from pipeline_contract.passport import PASSPORT

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
# A row may lie in two blocks of the reader at most, and a message may have 100 MB.
_BLOCK_BYTES = 128 * 1024 * 1024


def arrow_type(column_type: ColumnType) -> Any:
    """The Arrow type of a contract's type."""
    if column_type.name == "decimal":
        return pa.decimal128(column_type.precision, column_type.scale)
    return _ARROW[column_type.name]


def arrow_schema(columns: Mapping[str, ColumnType]) -> Any:
    """The Arrow schema of an output's columns, in order."""
    return pa.schema([(name, arrow_type(column_type)) for name, column_type in columns.items()])


def parse_object(body: bytes, output: FileOutput, names: Sequence[str] | None = None) -> pa.Table:
    """The rows of one object, with all of its output's columns or those that are named, in the contract's types.

    Of a file that was written under an older version of the contract, columns that came later are null, and types that
    have been widened are the wider ones. Raises an Arrow error, `OSError` or `ValueError` when the object does not hold
    what a row has under every version, or a value is not of its type.
    """
    columns = output.columns if names is None else {name: output.columns[name] for name in names}
    schema = arrow_schema(columns)
    table = _PARSERS[output.format](body, schema)
    if missing := [
        name for name in schema.names if name not in table.column_names and _is_of_every_version(output, name)
    ]:
        raise ValueError(f"has no column {', '.join(missing)}")
    nothing = pa.nulls(table.num_rows)
    found = [table[name] if name in table.column_names else nothing for name in schema.names]
    return pa.table([cast_column(c, field.type) for c, field in zip(found, schema, strict=True)], schema=schema)


def _is_of_every_version(output: FileOutput, name: str) -> bool:
    return output.kind in ("raw", "rejected", "late") or name in PASSPORT | AGGREGATE_PASSPORT


def cast_column(column: Any, wanted: Any) -> Any:
    """A column in the wanted type; `pa.ArrowInvalid` when a value does not fit.

    A finer timestamp is cut: nothing keeps more than microseconds.
    """
    finer = pa.types.is_timestamp(column.type) and pa.types.is_timestamp(wanted)
    return column.cast(wanted, safe=not finer)


def _parse_parquet(body: bytes, schema: Any) -> pa.Table:
    file = pq.ParquetFile(pa.BufferReader(body))
    there = set(file.schema_arrow.names)
    return file.read(columns=[name for name in schema.names if name in there])


def _parse_csv(body: bytes, schema: Any) -> pa.Table:
    # As Spark writes it: an empty field is null, "" is an empty text, a quote within quotes is doubled.
    return pa_csv.read_csv(
        pa.CompressedInputStream(io.BytesIO(body), "gzip"),
        read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            include_columns=schema.names,
            column_types=schema,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )


def _parse_json(body: bytes, schema: Any) -> pa.Table:
    lines = gzip.decompress(body)
    if not lines:  # Arrow takes a file without a line for a broken one
        return schema.empty_table()
    # Decimals and doubles stand as text, but as numbers where they were whole numbers under an older contract.
    known = [(field.name, _json_type(field.type)) for field in schema if not _is_json_text(field.type)]
    return pa_json.read_json(
        pa.BufferReader(lines),
        read_options=pa_json.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pa_json.ParseOptions(explicit_schema=pa.schema(known), unexpected_field_behavior="infer"),
    )


def _json_type(wanted: Any) -> Any:
    return pa.string() if pa.types.is_date(wanted) else wanted


def _is_json_text(wanted: Any) -> bool:
    return bool(pa.types.is_decimal(wanted) or pa.types.is_floating(wanted))


_PARSERS: dict[LakeFormat, Callable[[bytes, Any], pa.Table]] = {
    "parquet": _parse_parquet,
    "csv": _parse_csv,
    "json": _parse_json,
    "delta": _parse_parquet,
}
