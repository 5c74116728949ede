"""Values as files and tables are compared: in the contract's types, and of raw bytes their SHA-256 alone."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

from connections.lake_files import cast_column


def compare_as(column: Any, wanted: Any) -> Any:
    """A column in the type in which it is compared; `pa.ArrowInvalid` when a value does not fit."""
    cast = cast_column(column, wanted)
    return pa.chunked_array([_digest(chunk) for chunk in cast.chunks], wanted) if pa.types.is_binary(wanted) else cast


def _digest(values: Any) -> Any:
    digests = [None if value is None else hashlib.sha256(value).digest() for value in values.to_pylist()]
    return pa.array(digests, pa.binary())
