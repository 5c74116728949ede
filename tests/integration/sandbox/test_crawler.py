"""The emulated Glue crawler: what it makes of objects, as its documentation says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.integration.sandbox.athena_lab import AthenaLab


def test_a_folder_becomes_a_table_with_guessed_types_and_partitions(athena: AthenaLab) -> None:
    rows = pa.table(
        {
            "Carrier": ["AA"],
            "small": pa.array([1], pa.int32()),
            "large": pa.array([1], pa.int64()),
            "ratio": [0.5],
            "money": pa.array([Decimal("1.50")], pa.decimal128(9, 2)),
            "flag": [True],
            "day": [dt.date(2013, 1, 1)],
            "at": pa.array([dt.datetime.fromisoformat("2013-01-01 00:00:00")], pa.timestamp("us")),
            "raw": [b"x"],
        }
    )
    athena.put_rows("Curated Rows/Month=2013-01/a.parquet", rows)
    athena.put_rows("Curated Rows/Month=2013-02/b.parquet", rows)
    athena.put_rows("Curated Rows/_staged/c.parquet", rows)
    athena.put_rows("Curated Rows/Month=2013-02/.hidden.parquet", rows)
    athena.create_crawler("Curated Rows", TablePrefix="seen_")

    assert athena.crawl()["Status"] == "SUCCEEDED"

    table = athena.glue.get_table(DatabaseName=athena.name, Name="seen_curated_rows")["Table"]
    guessed = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert guessed == {
        "carrier": "string",
        "small": "int",
        "large": "bigint",
        "ratio": "double",
        "money": "decimal(9,2)",
        "flag": "boolean",
        "day": "date",
        "at": "timestamp",
        "raw": "binary",
    }
    assert table["PartitionKeys"] == [{"Name": "month", "Type": "string"}]
    assert table["Parameters"]["objectCount"] == "2"
    partitions = athena.glue.get_partitions(DatabaseName=athena.name, TableName="seen_curated_rows")["Partitions"]
    found = {tuple(partition["Values"]): partition["StorageDescriptor"]["Location"] for partition in partitions}
    folder = f"s3://{athena.name}/lake/Curated Rows"
    assert found == {("2013-01",): f"{folder}/Month=2013-01/", ("2013-02",): f"{folder}/Month=2013-02/"}


def test_files_of_two_schemas_make_one_table_of_the_wider_types(athena: AthenaLab) -> None:
    athena.put_rows("t/a.parquet", pa.table({"n": pa.array([1], pa.int32()), "mixed": [1], "old": ["x"]}))
    athena.put_rows("t/b.parquet", pa.table({"n": pa.array([1], pa.int64()), "mixed": ["x"], "new": [1.5]}))
    athena.create_crawler("t")

    athena.crawl()

    table = athena.glue.get_table(DatabaseName=athena.name, Name="t")["Table"]
    guessed = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert guessed == {"n": "bigint", "mixed": "string", "old": "string", "new": "double"}


@pytest.mark.parametrize(
    ("policy", "left"),
    [({"DeleteBehavior": "DELETE_FROM_DATABASE"}, {("2",), ("3",)}), ({"DeleteBehavior": "LOG"}, {("1",), ("2",), ("3",)})],
    ids=["deleted", "kept"],
)  # fmt: skip
def test_a_second_crawl_adds_partitions_and_treats_gone_ones_as_its_policy_says(
    athena: AthenaLab, policy: dict[str, str], left: set[tuple[str, ...]]
) -> None:
    for part in ("1", "2"):
        athena.put_rows(f"t/part={part}/a.parquet", pa.table({"n": [1]}))
    athena.create_crawler("t", SchemaChangePolicy=policy)
    athena.crawl()
    athena.s3.delete_object(Bucket=athena.name, Key="lake/t/part=1/a.parquet")
    athena.put_rows("t/part=3/a.parquet", pa.table({"n": [1], "more": [1]}))

    athena.crawl()

    partitions = athena.glue.get_partitions(DatabaseName=athena.name, TableName="t")["Partitions"]
    assert {tuple(partition["Values"]) for partition in partitions} == left
    columns = athena.glue.get_table(DatabaseName=athena.name, Name="t")["Table"]["StorageDescriptor"]["Columns"]
    assert [column["Name"] for column in columns] == ["n", "more"]


def test_a_crawl_that_meets_no_parquet_fails_and_names_the_object(athena: AthenaLab) -> None:
    athena.s3.put_object(Bucket=athena.name, Key="lake/t/rows.txt", Body=b"a,b")
    athena.create_crawler("t")

    last = athena.crawl()

    assert last["Status"] == "FAILED"
    assert f"s3://{athena.name}/lake/t/rows.txt" in last["ErrorMessage"]


def test_a_crawler_without_objects_makes_no_table(athena: AthenaLab) -> None:
    athena.create_crawler("t")

    assert athena.crawl()["Status"] == "SUCCEEDED"
    assert athena.glue.get_tables(DatabaseName=athena.name)["TableList"] == []


def test_a_crawler_that_is_not_there_is_said_to_be_so(athena: AthenaLab) -> None:
    with pytest.raises(athena.glue.exceptions.EntityNotFoundException):
        athena.glue.start_crawler(Name="nobody")
