"""How curated rows are laid out in files: by partition, and of the contract's target size where there are as many rows."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.model import Contract
from pipeline_contract.outputs import Output
from pipeline_contract.partition_paths import PARTITION_CHARACTERS, UNKNOWN_PARTITION
from spark_streaming.row_files import write_output, write_partitioned
from spark_streaming.staging import count_files, limit_rows

# Where nothing is known of the rows' size in files.
ASSUMED_BYTES_PER_ROW = 100.0


def write_curated(
    rows: DataFrame, contract: Contract, output: Output, location: str, row_count: int, bytes_per_row: float
) -> None:
    """Write curated rows below `location`; about so many of about this size are expected."""
    cores = rows.sparkSession.sparkContext.defaultParallelism
    files = count_files(row_count, bytes_per_row, contract.lake.target_file_bytes, cores)
    rows_per_file = limit_rows(bytes_per_row, contract.lake.target_file_bytes)
    partitions = {name: partition_value(text) for name, text in contract.lake.partition_by.items()}
    if not partitions:
        write_output(rows, output, location, files, rows_per_file)
        return
    named = rows.withColumns(partitions)
    write_partitioned(named, output, location, max(files, cores), list(partitions), rows_per_file)


def partition_value(expression: str) -> Column:
    """A partition's path segment, never null or empty: Hive's name for those would differ between readers."""
    text = F.substring(F.expr(expression).cast("string"), 1, PARTITION_CHARACTERS)
    return F.coalesce(F.nullif(text, F.lit("")), F.lit(UNKNOWN_PARTITION))
