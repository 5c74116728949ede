"""Reads what one scan of a query needs from the objects, and counts the bytes as Athena does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.athena.catalog import CatalogPartition, CatalogTable
from sandbox.athena.failures import QueryCancelled, QueryFailed
from sandbox.athena.objects import ObjectStore, StoredObject, list_visible
from sandbox.athena.projection import is_projected, project_partitions
from sandbox.athena.statement import Scan
from sandbox.athena.types import arrow_type

LIMIT_EXCEEDED = "Bytes scanned limit was exceeded"


@dataclass
class ScanMeter:
    """Counts the bytes of one query, and ends it when they are more than the workgroup allows."""

    limit: int | None
    bytes_scanned: int = 0

    def add(self, amount: int) -> None:
        """Count bytes; `QueryCancelled` beyond the limit."""
        self.bytes_scanned += amount
        if self.limit is not None and self.bytes_scanned > self.limit:
            raise QueryCancelled(LIMIT_EXCEEDED, self.bytes_scanned)


def read_scan(scan: Scan, store: ObjectStore, meter: ScanMeter) -> Any:
    """The rows that a scan can need, as an Arrow table of its columns; partitions are pruned before objects are listed."""
    table = scan.table
    schema = pa.schema([(name, arrow_type(table.all_columns[name])) for name in scan.columns])
    if not table.partition_keys:
        parts = [CatalogPartition((), table.location)]
    else:
        found = project_partitions(table, store) if is_projected(table) else table.partitions
        parts = prune_partitions(table, found, scan.partition_condition)
    pieces = [
        _read_object(found, scan, part, schema, meter) for part in parts for found in list_visible(store, part.location)
    ]
    # Arrow keeps no number of rows for a table without a column.
    counted = schema if scan.columns else pa.schema([("_row", pa.bool_())])
    return pa.concat_tables([counted.empty_table(), *pieces])


def prune_partitions(
    table: CatalogTable, partitions: Sequence[CatalogPartition], condition: str | None
) -> list[CatalogPartition]:
    """The partitions of which the values meet a condition on the partition keys."""
    if condition is None:
        return list(partitions)
    columns = {
        name: pa.array([p.values[position] for p in partitions], pa.string()).cast(arrow_type(kind))
        for position, (name, kind) in enumerate(table.partition_keys.items())
    }
    values = pa.table({**columns, "_number": pa.array(range(len(partitions)), pa.int64())})
    with duckdb.connect() as engine:
        engine.register("partitions", values)
        rows = engine.execute(f"SELECT _number FROM partitions WHERE {condition} ORDER BY _number").fetchall()  # noqa: S608 - sqlglot wrote the condition
    return [partitions[number] for (number,) in rows]


def _read_object(found: StoredObject, scan: Scan, part: CatalogPartition, schema: Any, meter: ScanMeter) -> Any:
    place = f"s3://{scan.table.location.split('/')[2]}/{found.key}"
    try:
        file = pq.ParquetFile(pa.BufferReader(found.body))
    except (pa.ArrowException, OSError) as error:
        raise QueryFailed(f"HIVE_BAD_DATA: {place} is not a Parquet file: {str(error).splitlines()[0]}") from None
    there = {name.lower(): name for name in file.schema_arrow.names}
    wanted = {name: there[name] for name in scan.columns if name in scan.table.columns and name in there}
    meter.add(measure_columns(file.metadata, set(wanted.values())))
    read = file.read(columns=list(wanted.values()))
    if not scan.columns:
        return pa.table({"_row": pa.nulls(file.metadata.num_rows, pa.bool_())})
    keys = dict(zip(scan.table.partition_keys, part.values, strict=True))
    columns = []
    for field in schema:
        if field.name in keys:
            value = pa.scalar(keys[field.name], pa.string()).cast(field.type)
            columns.append(pa.repeat(value, file.metadata.num_rows))
        elif field.name in wanted:
            columns.append(_cast(read[wanted[field.name]], field, place, scan.table))
        else:  # a file from before the column
            columns.append(pa.nulls(file.metadata.num_rows, field.type))
    return pa.table(columns, schema=schema)


def measure_columns(metadata: Any, names: set[str]) -> int:
    """The compressed bytes of some columns' chunks in a Parquet file, from its footer."""
    total = 0
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(number)
            if chunk.path_in_schema.partition(".")[0] in names:
                total += chunk.total_compressed_size
    return total


def _cast(column: Any, field: Any, place: str, table: CatalogTable) -> Any:
    if pa.types.is_string(column.type) != pa.types.is_string(field.type):
        raise _bad_data(column, field, place, table)
    try:
        # Hive's timestamps have milliseconds: docs.aws.amazon.com/athena/latest/ug/data-types.html
        return column.cast(field.type, safe=not pa.types.is_timestamp(field.type))
    except pa.ArrowException:
        raise _bad_data(column, field, place, table) from None


def _bad_data(column: Any, field: Any, place: str, table: CatalogTable) -> QueryFailed:
    return QueryFailed(
        f"HIVE_BAD_DATA: Field {field.name}'s type {column.type} in parquet file {place} is incompatible with type "
        f"{table.all_columns[field.name]} defined in table schema"
    )
