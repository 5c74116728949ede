"""Rows as files of each format: written by Spark's own writers, and read back by Spark as they were."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.column_types import STRING, ColumnType
from pipeline_contract.outputs import FileOutput

_TIMES = {"timestampNTZFormat": "yyyy-MM-dd HH:mm:ss.SSSSSS", "dateFormat": "yyyy-MM-dd"}
# What Snowflake's file format reads back (see snowflake_integration/templates): an empty field is null, "" is empty text.
_CSV_OPTIONS = _TIMES | {
    "header": "true",
    "quote": '"',
    "escape": '"',
    "nullValue": "",
    "emptyValue": '""',
    "positiveInf": "inf",
    "negativeInf": "-inf",
    "compression": "gzip",
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
    "lineSep": "\n",
}
# A null is written, so that every line names every column; one broken line must not pass for a row of nulls.
_JSON_OPTIONS = _TIMES | {"ignoreNullFields": "false", "compression": "gzip", "mode": "FAILFAST", "lineSep": "\n"}
# Spark's reader takes an empty text for null too, unless it is told to make another text of it.
_EMPTY_TEXT = "\0empty\0"


def write_output(frame: DataFrame, output: FileOutput, location: str, files: int, rows_per_file: int = 0) -> None:
    """Write rows of one output below `location`, in so many files at most; a longer one is cut where a number is given."""
    _write(frame.coalesce(files), output, location, (), rows_per_file)


def write_partitioned(
    frame: DataFrame, output: FileOutput, location: str, tasks: int, partition_by: Sequence[str], rows_per_file: int
) -> None:
    """Write rows below a folder for each value of the partition columns; a value's rows share files of so many rows."""
    # Without the shuffle each task would write a small file of every value that it meets.
    _write(frame.repartition(tasks, *partition_by), output, location, partition_by, rows_per_file)


def _write(
    frame: DataFrame, output: FileOutput, location: str, partition_by: Sequence[str], rows_per_file: int
) -> None:
    rows = write_as_text(frame, output) if output.format == "json" else frame
    writer = rows.write.mode("append").partitionBy(*partition_by).option("maxRecordsPerFile", rows_per_file)
    if output.format == "csv":
        writer.options(**_CSV_OPTIONS).csv(location)
    elif output.format == "json":
        writer.options(**_JSON_OPTIONS).json(location)
    else:
        writer.parquet(location)


def read_output(spark: SparkSession, output: FileOutput, locations: list[str]) -> DataFrame:
    """Rows of one output as Spark reads them back from its files; none for no files."""
    if not locations:
        return spark.createDataFrame([], _schema(output.columns))
    if output.format == "csv":
        return _read_csv(spark, output, locations)
    if output.format == "json":
        return _read_json(spark, output, locations)
    return spark.read.schema(_schema(output.columns)).parquet(*locations)


def write_as_text(frame: DataFrame, output: FileOutput) -> DataFrame:
    """The frame with the columns as text that JSON lines hold as text."""
    texts = [name for name, kind in output.columns.items() if kind.is_json_text]
    return frame.withColumns({name: _number_text(F.col(name), output.columns[name]) for name in texts})


def _number_text(number: Column, kind: ColumnType) -> Column:
    text = number.cast("string")
    if kind.name != "double":
        return text
    # Snowflake knows these two names of an infinite number, and not Java's.
    infinite = F.when(number == float("inf"), "inf").when(number == float("-inf"), "-inf")
    return infinite.otherwise(text)


def _read_csv(spark: SparkSession, output: FileOutput, locations: list[str]) -> DataFrame:
    options = _CSV_OPTIONS | {"emptyValue": _EMPTY_TEXT, "multiLine": "true"}
    rows = spark.read.schema(_schema(output.columns)).options(**options).csv(locations)
    texts = [name for name, kind in output.columns.items() if kind.name == "string"]
    return rows.withColumns({t: F.when(F.col(t) == _EMPTY_TEXT, "").otherwise(F.col(t)) for t in texts})


def _read_json(spark: SparkSession, output: FileOutput, locations: list[str]) -> DataFrame:
    written = {name: STRING if kind.is_json_text else kind for name, kind in output.columns.items()}
    rows = spark.read.schema(_schema(written)).options(**_JSON_OPTIONS).json(locations)
    return rows.select(*(F.col(name).cast(kind.spark).alias(name) for name, kind in output.columns.items()))


def _schema(columns: dict[str, ColumnType]) -> str:
    return ", ".join(f"`{name}` {kind.spark}" for name, kind in columns.items())
