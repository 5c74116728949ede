"""Judged rows as Parquet objects: one for each folder of an output, the same whenever the same messages are judged."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from connections.lake_files import arrow_schema
from connections.row_hash import hash_rows
from pipeline_contract.claims import ClaimedObject, object_key
from pipeline_contract.manifest import OffsetRange
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.partition_paths import FindPath
from pipeline_contract.passport import PASSPORT
from pipeline_contract.row_judge import JudgedRows

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class RowObject:
    """One object: what a claim says of it, and its bytes."""

    claimed: ClaimedObject
    body: bytes


def build_objects(
    contract: Contract, find_path: FindPath, judged: JudgedRows, claimed: OffsetRange
) -> tuple[RowObject, ...]:
    """The objects of one range of offsets, in the order of their keys."""
    folders: dict[str, list[tuple[Any, ...]]] = {}
    for row in judged.curated:
        folders.setdefault(find_path(row), []).append(row)
    curated = arrow_schema(curated_columns(contract) | PASSPORT)
    found = [_build(contract.name, "curated", folder, rows, curated, claimed) for folder, rows in folders.items()]
    if judged.rejected:
        schema = arrow_schema(REJECTED_COLUMNS | PASSPORT)
        found.append(_build(contract.name, "rejected", "", judged.rejected, schema, claimed))
    return tuple(sorted(found, key=lambda item: item.claimed.key))


def _build(
    pipeline: str, output: Literal["curated", "rejected"], folder: str, rows: Rows, schema: Any, claimed: OffsetRange
) -> RowObject:
    table = pa.table(list(_make_columns(rows, schema)), schema=schema)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    key = object_key(pipeline, output, folder, claimed)
    return RowObject(
        ClaimedObject(output=output, key=key, rows=len(rows), rows_sha256=hash_rows(table)), sink.getvalue()
    )


def _make_columns(rows: Rows, schema: Any) -> Iterator[Any]:
    for field, values in zip(schema, zip(*rows, strict=True), strict=True):
        yield pa.array(values, field.type)
