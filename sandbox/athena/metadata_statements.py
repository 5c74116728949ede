"""The statements that ask the catalog itself: SHOW DATABASES, SHOW TABLES, SHOW PARTITIONS, DESCRIBE."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox.athena.catalog import Catalog, CatalogTable
from sandbox.athena.failures import QueryFailed
from sandbox.athena.results import Result, ResultColumn
from sandbox.athena.types import ResultType

_NAME = r"[`\"]?(\w+)[`\"]?"
_QUALIFIED = rf"(?:{_NAME}\.)?{_NAME}"
_SHOW_DATABASES = re.compile(r"\s*show\s+(?:databases|schemas)\s*;?\s*", re.IGNORECASE)
_SHOW_TABLES = re.compile(rf"\s*show\s+tables(?:\s+in\s+{_NAME})?\s*;?\s*", re.IGNORECASE)
_SHOW_PARTITIONS = re.compile(rf"\s*show\s+partitions\s+{_QUALIFIED}\s*;?\s*", re.IGNORECASE)
_DESCRIBE = re.compile(rf"\s*desc(?:ribe)?\s+{_QUALIFIED}\s*;?\s*", re.IGNORECASE)


def answer_metadata(text: str, database: str, catalog: Catalog) -> Result | None:
    """The answer of such a statement; None for any other."""
    if _SHOW_DATABASES.fullmatch(text):
        return _list("database_name", catalog.list_databases())
    if match := _SHOW_TABLES.fullmatch(text):
        owner = (match[1] or database).lower()
        tables = catalog.list_tables(owner)
        if tables is None:
            raise QueryFailed(f"SCHEMA_NOT_FOUND: Schema '{owner}' does not exist")
        return _list("tab_name", tables)
    if match := _SHOW_PARTITIONS.fullmatch(text):
        table = _find(catalog, match[1] or database, match[2])
        paths = ("/".join(map("=".join, zip(table.partition_keys, p.values, strict=True))) for p in table.partitions)
        return _list("partition", paths)
    if match := _DESCRIBE.fullmatch(text):
        table = _find(catalog, match[1] or database, match[2])
        return _list("col_name", (f"{name}\t{kind}" for name, kind in table.all_columns.items()))
    return None


def _find(catalog: Catalog, database: str, name: str) -> CatalogTable:
    table = catalog.find_table(database.lower(), name.lower())
    if table is None:
        raise QueryFailed(f"TABLE_NOT_FOUND: Table '{database}.{name}' does not exist")
    return table


def _list(column: str, values: Iterable[str]) -> Result:
    return Result((ResultColumn(column, ResultType("string")),), tuple((value,) for value in values), has_header=False)
