"""Reference tables: small CSV files that the lookups join."""

from __future__ import annotations

import csv
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import ColumnType
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract, Lookup
from spark_streaming.cast import cast_text


def read_references(spark: SparkSession, contract: Contract) -> dict[str, DataFrame]:
    """Each lookup's table by its name: its keys as `_<lookup>_<n>`, and the columns that it adds."""
    return {lookup.name: _read_reference(spark, contract, lookup) for lookup in contract.lookups}


def _read_reference(spark: SparkSession, contract: Contract, lookup: Lookup) -> DataFrame:
    rows = read_reference_rows(contract, lookup)
    keys = [f"_{lookup.name}_{number}" for number in range(len(lookup.on))]
    names = [*keys, *(column.name for column in lookup.columns)]
    table = spark.createDataFrame(rows, ", ".join(f"`{name}` string" for name in names))
    kinds: dict[str, ColumnType] = {column.name: column.type for column in lookup.columns}
    return table.select(*keys, *(cast_text(F.col(n), kind).alias(n) for n, kind in kinds.items()))


def read_reference_rows(contract: Contract, lookup: Lookup) -> list[tuple[str | None, ...]]:
    """The rows of a lookup's file: its key's text, then its columns' text, null where the contract says so.

    A missing file or column, or a key that stands twice (it would multiply rows), is refused with its name.
    """
    where = f"lookup {lookup.name!r} of {contract.name}: {lookup.file}"
    columns = [*lookup.on.values(), *(column.source or column.name for column in lookup.columns)]
    try:
        with Path(lookup.file).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := set(columns) - set(reader.fieldnames or ()):
                raise ConfigurationError(f"{where}: has no column {sorted(missing)}, only {reader.fieldnames}")
            rows = [tuple(row[name] for name in columns) for row in reader]
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{where}: is not CSV in UTF-8: {error}") from error
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        key = row[: len(lookup.on)]
        if key in seen:
            raise ConfigurationError(f"{where}: the key {key} stands twice; a lookup must find one row at most")
        seen.add(key)
    nulls = contract.source.null_values
    return [tuple(None if value in nulls else value for value in row) for row in rows]
