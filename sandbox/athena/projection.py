"""Partition projection: partitions that a table's parameters describe, and that stand in no catalog.

Source: docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html. Of the types only `date` is emulated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sandbox.athena.catalog import CatalogPartition, CatalogTable
from sandbox.athena.failures import QueryFailed
from sandbox.athena.objects import ObjectStore, list_visible, split_location

# Java's letters of a date's format, and Python's.
_FORMATS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}
_RELATIVE = re.compile(r"NOW(?:([+-]\d+)(YEARS|MONTHS|WEEKS|DAYS|HOURS))?")
_DAYS = {"YEARS": 366.0, "MONTHS": 31.0, "WEEKS": 7.0, "DAYS": 1.0, "HOURS": 1 / 24}


def is_projected(table: CatalogTable) -> bool:
    """Say whether a table's partitions are projected; what the catalog holds of them is not looked at then."""
    return table.parameters.get("projection.enabled", "").lower() == "true"


def project_partitions(table: CatalogTable, store: ObjectStore) -> tuple[CatalogPartition, ...]:
    """The projected partitions in which something lies, those of other values than the parameters allow left out."""
    bucket, prefix = split_location(table.location)
    folders = {found.key.rpartition("/")[0] for found in list_visible(store, table.location)}
    partitions = []
    for folder in sorted(folders):
        parts = [part.partition("=") for part in folder.removeprefix(prefix).split("/")]
        values = tuple(value for _, _, value in parts)
        if [name for name, _, _ in parts] == list(table.partition_keys) and _are_projected(table, values):
            partitions.append(CatalogPartition(values, f"s3://{bucket}/{folder}/"))
    return tuple(partitions)


def _are_projected(table: CatalogTable, values: tuple[str, ...]) -> bool:
    return all(_is_in_range(table, key, value) for key, value in zip(table.partition_keys, values, strict=True))


def _is_in_range(table: CatalogTable, key: str, value: str) -> bool:
    kind, wanted = (table.parameters.get(f"projection.{key}.{name}", "") for name in ("type", "format"))
    if kind != "date" or not wanted:
        raise QueryFailed(f"NOT_SUPPORTED: projection.{key}.type {kind!r}: the emulated Athena projects dates only")
    pattern = wanted
    for java, python in _FORMATS.items():
        pattern = pattern.replace(java, python)
    try:
        found = datetime.strptime(value, pattern).replace(tzinfo=UTC)
    except ValueError:
        return False
    low, high = _read_range(table.parameters.get(f"projection.{key}.range", ""), pattern, key)
    return found.strftime(pattern) == value and low <= found <= high


def _read_range(text: str, pattern: str, key: str) -> Iterator[datetime]:
    bounds = [bound.strip() for bound in text.split(",")]
    if len(bounds) != 2:
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: projection.{key}.range {text!r} is not two bounds with a comma")
    return (_read_bound(bound, pattern, key) for bound in bounds)


def _read_bound(bound: str, pattern: str, key: str) -> datetime:
    if match := _RELATIVE.fullmatch(bound):
        amount, unit = match[1], match[2]
        return datetime.now(UTC) + timedelta(days=int(amount) * _DAYS[unit] if amount else 0)
    try:
        return datetime.strptime(bound, pattern).replace(tzinfo=UTC)
    except ValueError:
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: projection.{key}.range: {bound!r} is not of its format") from None
