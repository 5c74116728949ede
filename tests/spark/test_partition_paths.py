"""The folders that Spark's writer makes of odd values, and those that the ways without Spark make of them."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from pipeline_contract.outputs import curated_columns
from pipeline_contract.partition_paths import compile_partition
from spark_streaming.curated_files import partition_value
from tests import odd_messages as odd
from tests.orders import build_contract

# All signs of ASCII but NUL, which no file system takes, and but letters and digits.
SIGNS = [f"a{chr(code)}b" for code in range(1, 128) if not chr(code).isalnum()]


def test_folders_are_the_same(spark_session: SparkSession, tmp_path: Path) -> None:
    expression = "concat(country, '-', id)"
    contract = build_contract(lake={"partition_by": {"land": "country", "both": expression}})
    texts: list[str | None] = [None, "unknown", *(text for text in odd.WORDS if "\0" not in text), *SIGNS]
    names = list(curated_columns(contract))
    rows = [tuple({"country": text, "id": 7}.get(name) for name in names) for text in texts]
    frame = spark_session.createDataFrame([(7, text) for text in texts], "id bigint, country string").coalesce(1)

    written = frame.select("id", partition_value("country").alias("land"), partition_value(expression).alias("both"))
    written.write.partitionBy("land", "both").parquet(str(tmp_path / "rows"))

    folders = {f"{path.parent.relative_to(tmp_path / 'rows')}/" for path in (tmp_path / "rows").rglob("*.parquet")}
    assert folders == set(map(compile_partition(contract), rows))
