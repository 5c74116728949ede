"""Reference tables: small CSV files that the lookups join."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import ColumnType
from pipeline_contract.lookup_files import read_lookup_rows
from pipeline_contract.model import Contract, Lookup
from spark_streaming.cast import cast_text


def read_references(spark: SparkSession, contract: Contract) -> dict[str, DataFrame]:
    """Each lookup's table by its name: its keys as `_<lookup>_<n>`, and the columns that it adds."""
    return {lookup.name: _read_reference(spark, contract, lookup) for lookup in contract.lookups}


def _read_reference(spark: SparkSession, contract: Contract, lookup: Lookup) -> DataFrame:
    rows = read_lookup_rows(contract, lookup)
    keys = [f"_{lookup.name}_{number}" for number in range(len(lookup.on))]
    names = [*keys, *(column.name for column in lookup.columns)]
    table = spark.createDataFrame(rows, ", ".join(f"`{name}` string" for name in names))
    kinds: dict[str, ColumnType] = {column.name: column.type for column in lookup.columns}
    return table.select(*keys, *(cast_text(F.col(n), kind).alias(n) for n, kind in kinds.items()))
