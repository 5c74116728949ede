"""What the Glue catalog says of a table, as a query needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.athena.failures import QueryFailed

PARQUET = "parquet"


@dataclass(frozen=True)
class CatalogPartition:
    """One partition: the values of the partition keys in order, and where its objects lie."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class CatalogTable:
    """A table of the catalog; columns and keys map lower-case names to Glue's types."""

    database: str
    name: str
    columns: Mapping[str, str]
    partition_keys: Mapping[str, str]
    location: str
    parameters: Mapping[str, str]
    partitions: tuple[CatalogPartition, ...] = ()

    @property
    def all_columns(self) -> dict[str, str]:
        """The columns of a `select *`: those of the files, then the partition keys."""
        return {**self.columns, **self.partition_keys}


class Catalog(Protocol):
    """Looks things up in the Glue catalog; every name is lower case."""

    def find_table(self, database: str, name: str) -> CatalogTable | None:
        """A table as it is now; None where there is none."""

    def list_tables(self, database: str) -> list[str] | None:
        """The tables of a database; None where there is no such database."""

    def list_databases(self) -> list[str]:
        """The databases of the catalog."""


def read_table(description: Mapping[str, Any], partitions: list[Mapping[str, Any]]) -> CatalogTable:
    """A table from Glue's own descriptions of it and of its partitions; any format but Parquet is refused."""
    storage = description.get("StorageDescriptor", {})
    name = f"{description['DatabaseName']}.{description['Name']}"
    if PARQUET not in str(storage.get("InputFormat", "")).lower():
        raise QueryFailed(
            f"NOT_SUPPORTED: {name} has InputFormat {storage.get('InputFormat')!r}; the emulated Athena reads Parquet only"
        )
    return CatalogTable(
        database=description["DatabaseName"],
        name=description["Name"],
        columns=_read_columns(storage.get("Columns", [])),
        partition_keys=_read_columns(description.get("PartitionKeys") or []),
        location=str(storage.get("Location", "")),
        parameters=dict(description.get("Parameters") or {}),
        partitions=tuple(
            CatalogPartition(tuple(p["Values"]), str(p.get("StorageDescriptor", {}).get("Location", "")))
            for p in partitions
        ),
    )


def _read_columns(columns: list[Mapping[str, str]]) -> dict[str, str]:
    return {column["Name"].lower(): column.get("Type", "string").lower() for column in columns}
