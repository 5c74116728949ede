"""What a crawler makes of a folder of objects: one table, with guessed columns and partitions. Pure.

Source: docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html and -partitions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.athena.objects import StoredObject, split_location
from sandbox.athena.types import glue_type

INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
# Of two types of one column the crawler takes the later one that both fit in, and text where there is none.
_WIDER = ("tinyint", "smallint", "int", "bigint", "double")


class CrawlFailed(Exception):
    """The crawler met what it can make no table of."""


@dataclass(frozen=True)
class CrawledTable:
    """A guessed table: its columns and partition keys by name, and the values of its partitions by location."""

    name: str
    location: str
    columns: Mapping[str, str]
    partition_keys: tuple[str, ...]
    partitions: Mapping[str, tuple[str, ...]]
    objects: int
    records: int
    bytes: int

    def describe(self, crawler: str) -> dict[str, Any]:
        """Glue's TableInput."""
        parameters = {
            "classification": "parquet",
            "compressionType": "none",
            "typeOfData": "file",
            "UPDATED_BY_CRAWLER": crawler,
            "objectCount": str(self.objects),
            "recordCount": str(self.records),
            "sizeKey": str(self.bytes),
        }
        return {
            "Name": self.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "PartitionKeys": [{"Name": name, "Type": "string"} for name in self.partition_keys],
            "StorageDescriptor": self.describe_storage(self.location),
        }

    def describe_storage(self, location: str) -> dict[str, Any]:
        """Glue's StorageDescriptor of the table or of one partition."""
        return {
            "Columns": [{"Name": name, "Type": kind} for name, kind in self.columns.items()],
            "Location": location,
            "InputFormat": INPUT_FORMAT,
            "OutputFormat": OUTPUT_FORMAT,
            "SerdeInfo": {"SerializationLibrary": SERDE, "Parameters": {"serialization.format": "1"}},
            "Compressed": False,
            "NumberOfBuckets": -1,
            "StoredAsSubDirectories": False,
        }


def crawl_folder(location: str, objects: Iterable[StoredObject], table_prefix: str) -> CrawledTable | None:
    """The table of a folder, named after it; None for one without objects. Raises `CrawlFailed` for what is no Parquet."""
    bucket, prefix = split_location(location)
    columns: dict[str, str] = {}
    partitions: dict[str, tuple[str, ...]] = {}
    keys: tuple[str, ...] | None = None
    count = records = size = 0
    for found in objects:
        folder = found.key.removeprefix(prefix).rpartition("/")[0]
        names, values = _split_folder(folder)
        if keys is not None and names != keys:
            raise CrawlFailed(f"s3://{bucket}/{found.key}: its folders are {names}, those of others {keys}")
        keys = names
        schema, rows = _read_footer(found, bucket)
        columns = _merge(columns, schema)
        if values:
            partitions[f"s3://{bucket}/{prefix}{folder}/"] = values
        count, records, size = count + 1, records + rows, size + len(found.body)
    if keys is None:
        return None
    name = re.sub(r"[^a-z0-9_]", "_", f"{table_prefix}{prefix.rstrip('/').rpartition('/')[2]}".lower())
    return CrawledTable(name, f"s3://{bucket}/{prefix}", columns, keys, partitions, count, records, size)


def _split_folder(folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The partition keys that a folder's path says, and their values; one without `name=` is called by its place."""
    parts = [part.partition("=") for part in folder.split("/")] if folder else []
    names = tuple(name.lower() if sign else f"partition_{number}" for number, (name, sign, _) in enumerate(parts))
    return names, tuple(value if sign else name for name, sign, value in parts)


def _read_footer(found: StoredObject, bucket: str) -> tuple[dict[str, str], int]:
    try:
        file = pq.ParquetFile(pa.BufferReader(found.body))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CrawlFailed(f"s3://{bucket}/{found.key}: the emulated crawler reads Parquet only: {reason}") from None
    columns: dict[str, str] = {}
    for field in file.schema_arrow:
        kind = glue_type(field.type)
        if kind is None:
            raise CrawlFailed(f"s3://{bucket}/{found.key}: column {field.name}: no guess for type {field.type}")
        columns[field.name.lower()] = kind
    return columns, file.metadata.num_rows


def _merge(known: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    merged = dict(known)
    for name, kind in found.items():
        merged[name] = _widen(merged.get(name, kind), kind)
    return merged


def _widen(left: str, right: str) -> str:
    if left == right:
        return left
    if left in _WIDER and right in _WIDER:
        return max(left, right, key=_WIDER.index)
    return "string"
