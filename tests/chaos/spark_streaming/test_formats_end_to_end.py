"""Nasty values from a CSV file over Kafka and the real job to the warehouse, or to a Delta reader, in every format."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connections.delta_table import LakeTable
from connections.settings import Settings
from tests.integration.spark_streaming.job_runs import Pipeline
from tests.spark.nasty_values import COLUMNS, NASTY, list_rows, show_bits

pytestmark = pytest.mark.chaos

# What a source cannot hold: an empty field is null there, and a double is a finite one.
BEYOND_A_SOURCE = ("empty", "infinite", "minus_infinite", "not_a_number")
CONTRACT = """
name = "{name}"
version = 1

[topic]
name = "{name}"
partitions = 2
key = ["n"]

[lake]
format = "{lake_format}"
partition_by = {{ word = "text" }}

[warehouse]
schema = "{name}"
table = "nasty"
"""


def write_contract(pipeline: Pipeline, lake_format: str) -> None:
    columns = [f'\n[[column]]\nname = "{name}"\ntype = "{kind}"\n' for name, kind in COLUMNS.items()]
    pipeline.path.write_text(CONTRACT.format(name=pipeline.name, lake_format=lake_format) + "".join(columns))


def choose_rows() -> list[dict[str, Any]]:
    return [row for nasty, row in zip(NASTY, list_rows(), strict=True) if nasty.id not in BEYOND_A_SOURCE]


def write_source(path: Path) -> Path:
    """The rows as a CSV file, each field in quotes, numbers with all their digits."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        writer.writerows(
            [["" if value is None else show_field(value) for value in row.values()] for row in choose_rows()]
        )
    return path


def show_field(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return repr(value) if isinstance(value, float) else str(value)


def read_table(pipeline: Pipeline, lake_format: str) -> list[dict[str, Any]]:
    """The curated rows as a reader of the warehouse, or of the Delta table, has them."""
    if lake_format == "delta":
        found: list[dict[str, Any]] = (
            LakeTable(pipeline.settings.s3, pipeline.name, "curated").open().to_pyarrow_table().to_pylist()
        )
        return found
    return [{name.lower(): value for name, value in row.items()} for row in pipeline.query("SELECT * FROM nasty")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lake_format", ["parquet", "csv", "json", "delta"])
def test_nasty_values_travel_from_a_file_to_a_reader(
    lake_format: str, tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    pipeline = Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, str(tmp_path / "checkpoints"))
    write_contract(pipeline, lake_format)
    pipeline.replay(write_source(pipeline.folder / "nasty.csv"))
    pipeline.deploy()

    assert pipeline.drain().code == 0

    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
    assert (result["produced"], result["rejected"], result["loaded"]) == (len(choose_rows()), 0, len(choose_rows()))
    found = sorted(read_table(pipeline, lake_format), key=lambda row: int(row["n"]))
    assert [{name: show_bits(row[name]) for name in COLUMNS} for row in found] == [
        {name: show_bits(value) for name, value in row.items()} for row in choose_rows()
    ]
