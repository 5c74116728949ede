"""Files of a batch reach the target size where the rows suffice, and a partition's rows share a file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.manifest import PublishedFile
from pipeline_contract.outputs import Output, derive_outputs
from spark_streaming.curated_files import ASSUMED_BYTES_PER_ROW, write_curated
from spark_streaming.staging import measure_rows
from tests.orders import build_contract

ROWS, TASKS = 60_000, 6
TARGET_BYTES = 1_000_000
FORMATS = ("parquet", "csv", "json", "delta")


def build_rows(spark: SparkSession, output: Output) -> DataFrame:
    """Rows whose text no compression makes small, in seven lands, one of which has half of them."""
    number = F.col("id")
    values = {"id": number, "country": F.concat(F.when(number % 2 == 0, "NO").otherwise(F.concat(F.lit("L"), number % 6)),
                                                F.lit(" "), F.sha2(number.cast("string"), 512))}  # fmt: skip
    columns = [values.get(name, F.lit(None)).cast(kind.spark).alias(name) for name, kind in output.columns.items()]
    return spark.range(0, ROWS, 1, TASKS).select(*columns)


def list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("part-*") if not path.name.endswith(".crc"))


def measure(files: list[Path]) -> float:
    """The size of a row as the job measures it in the files of the batch before."""
    published = [
        PublishedFile(output="curated", staged_key="", final_key="", bytes=p.stat().st_size, rows=0, sha256="")
        for p in files
    ]
    published[0] = published[0].model_copy(update={"rows": ROWS})
    return measure_rows(published)["curated"]


@pytest.mark.parametrize("lake_format", FORMATS)
def test_the_measured_size_of_a_row_makes_files_of_the_target_size(
    spark_session: SparkSession, tmp_path: Path, lake_format: str
) -> None:
    contract = build_contract(lake={"format": lake_format, "target_file_mb": 1})
    output = derive_outputs(contract)[1]
    rows = build_rows(spark_session, output)
    write_curated(rows, contract, output, str(tmp_path / "first"), ROWS, ASSUMED_BYTES_PER_ROW)
    bytes_per_row = measure(list_files(tmp_path / "first"))

    write_curated(rows, contract, output, str(tmp_path / "second"), ROWS, bytes_per_row)

    sizes = [path.stat().st_size for path in list_files(tmp_path / "second")]
    assert max(sizes) < 1.1 * TARGET_BYTES
    # The rows that are left over when a task has filled its last whole file make one more.
    assert len([size for size in sizes if size < 0.9 * TARGET_BYTES]) <= TASKS
    assert len(sizes) <= sum(sizes) / TARGET_BYTES + TASKS


@pytest.mark.parametrize("lake_format", FORMATS)
def test_rows_of_a_partition_share_files_of_the_target_size(
    spark_session: SparkSession, tmp_path: Path, lake_format: str
) -> None:
    partition_by: dict[str, Any] = {"land": "split(country, ' ')[0]"}
    contract = build_contract(lake={"format": lake_format, "target_file_mb": 1, "partition_by": partition_by})
    output = derive_outputs(contract)[1]
    rows = build_rows(spark_session, output)
    write_curated(rows, contract, output, str(tmp_path / "first"), ROWS, ASSUMED_BYTES_PER_ROW)
    files = list_files(tmp_path / "first")
    bytes_per_row = measure(files)

    write_curated(rows, contract, output, str(tmp_path / "second"), ROWS, bytes_per_row)

    files = list_files(tmp_path / "second")
    by_land = Counter(path.parent.name for path in files)
    share = {land: bytes_per_row * ROWS * (0.5 if land == "land=NO" else 1 / 6) for land in by_land}
    assert set(by_land) == {"land=NO", "land=L1", "land=L3", "land=L5"}
    assert all(count <= share[land] / TARGET_BYTES + 2 for land, count in by_land.items())
    assert max(path.stat().st_size for path in files) < 1.1 * TARGET_BYTES
