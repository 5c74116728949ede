"""A hash of rows that depends on their values alone, and not on the file that holds them."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def hash_rows(table: pa.Table) -> str:
    """SHA-256 over names, types and values, in order: another Parquet writer, or another compression, changes nothing."""
    digest = hashlib.sha256()
    for field, column in zip(table.schema, table.columns, strict=True):
        digest.update(f"{field.name} {field.type} {len(column)}\n".encode())
        digest.update(_dump_numbers(pc.is_valid(column).cast(pa.int8())))
        if _is_fixed(field.type):
            digest.update(_dump_numbers(_to_numbers(column)))
        else:
            text = _to_text(column)
            digest.update(_dump_numbers(pc.binary_length(text)))
            digest.update(_dump_text(text))
    return digest.hexdigest()


def hash_parquet(body: bytes) -> str:
    """The hash of the rows of a Parquet object as they were written; an Arrow error or `OSError` where it is none."""
    return hash_rows(pq.ParquetFile(pa.BufferReader(body)).read())


def _is_fixed(kind: Any) -> bool:
    return not (pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_decimal(kind))


def _to_text(column: Any) -> Any:
    """What stands in the place of a null is nobody's value, and becomes empty text."""
    text = column.cast(pa.string()) if pa.types.is_decimal(column.type) else column
    filled = pc.fill_null(text, pa.scalar("" if pa.types.is_string(text.type) else b"", text.type))
    return pa.concat_arrays(filled.chunks) if filled.num_chunks else pa.array([], text.type)


def _dump_text(text: Any) -> bytes:
    """The characters of all values after one another."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return b""
    places = memoryview(offsets).cast("i")
    return bytes(memoryview(data)[places[text.offset] : places[text.offset + len(text)]])


def _to_numbers(column: Any) -> Any:
    """The same, and becomes 0."""
    if pa.types.is_floating(column.type):
        return pc.fill_null(column, 0.0)
    wide = pa.types.is_timestamp(column.type) or pa.types.is_int64(column.type)
    return pc.fill_null(column.cast(pa.int64() if wide else pa.int32()), 0)


def _dump_numbers(numbers: Any) -> bytes:
    return bytes(numbers.to_numpy(zero_copy_only=False).tobytes())
