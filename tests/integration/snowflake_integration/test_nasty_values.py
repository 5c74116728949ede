"""Nasty values in every format, in files named after them: in the lake, back in Spark and in the warehouse, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from connections.delta_table import LakeTable
from connections.lake_files import parse_object
from connections.settings import Settings
from connections.warehouse import run_query
from pipeline_contract.contract_file import parse_contract
from pipeline_contract.layout import final_key
from pipeline_contract.manifest import PublishedFile
from pipeline_contract.model import Contract
from pipeline_contract.outputs import Output, derive_outputs
from snowflake_integration.deployment import Done, Site
from snowflake_integration.waiting import wait_loaded
from spark_streaming.curated_files import partition_value
from spark_streaming.delta_log import DeltaLog
from spark_streaming.row_files import read_output, write_partitioned
from tests.spark.nasty_values import COLUMNS, NASTY, list_rows, show_bits

Row = Mapping[str, Any]
Deploy = Callable[[Contract, Site], list[Done]]
OpenSite = Callable[[Contract], Site]
BATCH_ID = "0001-abc-0000000000"
# Texts that name folders of their own; the other rows share one.
FOLDERS = ("empty", "blank", "quote", "comma", "line_end", "backslash", "braces", "emoji", "right_to_left")
PARTITION = f"if(n in ({', '.join(str(number) for number, row in enumerate(NASTY) if row.id in FOLDERS)}), text, null)"
PASSPORT = {"_source_file": "nasty.csv#1", "_topic": "nasty", "_topic_id": "id", "_partition": 0, "_batch_id": BATCH_ID}


def build_contract(name: str, lake_format: str) -> Contract:
    contract, problems = parse_contract(
        {
            "name": name,
            "version": 1,
            "topic": {"name": name, "key": ["n"]},
            "column": [{"name": column, "type": str(kind)} for column, kind in COLUMNS.items()],
            "lake": {"format": lake_format, "partition_by": {"word": PARTITION}},
            "warehouse": {"schema": name, "table": "nasty"},
        }
    )
    assert not problems, problems
    return contract


def build_frame(spark: SparkSession, output: Output) -> DataFrame:
    rows = [
        dict.fromkeys(output.columns) | row | PASSPORT | {"_source_line": row["n"], "_offset": row["n"]}
        for row in list_rows()
    ]
    schema = ", ".join(f"`{name}` {kind.spark}" for name, kind in output.columns.items())
    frame = spark.createDataFrame([tuple(row[name] for name in output.columns) for row in rows], schema)
    return frame.withColumn("word", partition_value(PARTITION))


def write_files(spark: SparkSession, output: Output, folder: Path) -> dict[str, Path]:
    """The rows as the job stages them, by the final key that each file is published under."""
    write_partitioned(build_frame(spark, output), output, str(folder), 2, ["word"], 1000)
    files = sorted(path for path in folder.rglob("part-*") if not path.name.endswith(".crc"))
    return {
        final_key("", output.name, f"{path.parent.name}/", BATCH_ID, number, output.extension): path
        for number, path in enumerate(files)
    }


def compare(rows: Iterable[Row], wanted: Iterable[Row]) -> None:
    """Hold that the rows are these, bit for bit, in the order of `n`."""
    found = sorted(rows, key=lambda row: int(row["n"]))
    assert [{name: show_bits(row[name]) for name in COLUMNS} for row in found] == [
        {name: show_bits(value) for name, value in row.items()} for row in wanted
    ]


@pytest.mark.parametrize("lake_format", ["parquet", "csv", "json"])
def test_nasty_values_arrive_in_the_warehouse_bit_for_bit(
    lake_format: str, spark_session: SparkSession, unique_name: str, tmp_path: Path, open_site: OpenSite, deploy: Deploy
) -> None:
    contract = build_contract(unique_name, lake_format)
    site, output = open_site(contract), derive_outputs(contract)[1]
    deploy(contract, site)
    files = write_files(spark_session, output, tmp_path / "out")

    for key, path in files.items():
        site.s3.put_object(
            Bucket=site.bucket, Key=key.replace("lake//", f"lake/{unique_name}/"), Body=path.read_bytes()
        )
    wait_loaded(site.connection, site.s3, site.names, site.bucket, 60.0, report=lambda states: None)

    in_table = run_query(site.connection, f"SELECT * FROM {site.names.targets[1].table}")
    compare([{name.lower(): value for name, value in row.items()} for row in in_table], list_rows())
    tables = [parse_object(path.read_bytes(), output) for path in files.values()]
    compare(pa.concat_tables(tables).to_pylist(), list_rows())
    compare(read_back(spark_session, output, files.values()), list_rows())


def read_back(spark: SparkSession, output: Output, paths: Iterable[Path]) -> list[Row]:
    """What Spark reads from the files."""
    return [row.asDict() for row in read_output(spark, output, [str(path) for path in paths]).collect()]


def test_nasty_values_and_partitions_are_read_by_a_delta_reader(
    spark_session: SparkSession, unique_name: str, tmp_path: Path, endpoints: Settings, open_site: OpenSite
) -> None:
    contract = build_contract(unique_name, "delta")
    site, output = open_site(contract), derive_outputs(contract)[1]
    log = DeltaLog(LakeTable(endpoints.s3, unique_name, "curated"), output, ("word",))
    log.prepare()
    published = []
    for key, path in write_files(spark_session, output, tmp_path / "out").items():
        final, body = key.replace("lake//", f"lake/{unique_name}/"), path.read_bytes()
        site.s3.put_object(Bucket=site.bucket, Key=final, Body=body)
        rows = parse_object(body, output, ["n"]).num_rows
        published.append(
            PublishedFile(output="curated", staged_key="", final_key=final, bytes=len(body), rows=rows, sha256="")
        )

    log.add_files(published, "0001-abc", 0)

    rows = log.table.open().to_pyarrow_table().to_pylist()
    compare(rows, list_rows())
    named = {number: nasty.values["text"] for number, nasty in enumerate(NASTY) if nasty.id in FOLDERS}
    words = {number: named.get(number) or "unknown" for number in range(len(NASTY))}
    assert {row["n"]: row["word"] for row in rows} == words
