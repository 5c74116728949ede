"""Whether Spark takes what a contract says in its language: expressions, and patterns of dates and times."""

from __future__ import annotations

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Column, Contract
from spark_streaming.cast import cast_text
from spark_streaming.curate import judge_rows
from spark_streaming.curated_files import partition_value
from spark_streaming.ingest import ingest_outputs
from spark_streaming.row_files import read_output
from spark_streaming.windows import aggregate_rows


def check_expressions(spark: SparkSession, contract: Contract, references: dict[str, DataFrame]) -> None:
    """Return if Spark takes every expression of the contract, or raise `ConfigurationError` with what it says."""
    try:
        rows = read_output(spark, ingest_outputs(contract)[0], [])
        judged = judge_rows(rows, contract, references)
        judged.select(*(partition_value(text) for text in contract.lake.partition_by.values()))
        for aggregate in contract.aggregates:
            aggregate_rows(judged, contract, aggregate)
    except AnalysisException as error:
        raise ConfigurationError(
            f"contract {contract.name!r}: Spark refuses an expression: {error.getMessage()}"
        ) from error
    for column in contract.columns:
        if column.format is not None:
            check_pattern(spark, contract, column)


def check_pattern(spark: SparkSession, contract: Contract, column: Column) -> None:
    """Return if Spark can use a column's date or time pattern: a wrong one shows only when a row is parsed."""
    # Text of a column, not a literal: the optimiser would fold that, and take the error for a null.
    text = spark.range(1).select(F.concat(F.lit("2024-01-0"), F.col("id")).alias("text"))
    try:
        text.select(cast_text(F.col("text"), column.type, column.format)).collect()
    except PySparkException as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(
            f"contract {contract.name!r}, column {column.name!r}: Spark cannot use the format {column.format!r}: {first}"
        ) from error
