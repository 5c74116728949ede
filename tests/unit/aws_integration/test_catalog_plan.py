"""Plans for Glue and Athena: what is missing or differs, nothing else, in calls of the size that AWS takes."""

from __future__ import annotations

from typing import Any

import pytest

from aws_integration.naming import CatalogNames, derive_catalog_names
from aws_integration.plan import (
    Found,
    Step,
    describe_crawler,
    describe_workgroup,
    plan_deployment,
    plan_drop,
    plan_registration,
)
from aws_integration.tables import describe_table
from connections.settings import AwsSettings, S3Settings, Settings
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError

LIMIT = 10**9
NOTHING = Found(database=False, crawler=None, workgroup=None, tables={}, partitions={})


@pytest.fixture(scope="module")
def names() -> CatalogNames:
    settings = Settings(s3=S3Settings(bucket="lake"), aws=AwsSettings(account_id="123456789012"))
    return derive_catalog_names(load_contract(find_contract("flights")), settings)


@pytest.fixture
def everything(names: CatalogNames) -> Found:
    """What Glue and Athena say after a deployment and a registration, with defaults that nobody asked for."""
    tables: dict[str, Any] = {
        output.table: {**describe_table(names, output, {}), "VersionId": "1", "CreateTime": 0}
        for output in names.outputs
    }
    return Found(
        database=True,
        crawler=describe_as_glue(names),
        workgroup={**describe_workgroup(names, LIMIT), "RequesterPaysEnabled": False},
        tables=tables,
        partitions={"flights": {("2013-01",): ""}},
    )


def describe_as_glue(names: CatalogNames) -> dict[str, Any]:
    """The crawler as GetCrawler describes it: the role by its name, targets of every kind, defaults."""
    crawler = describe_crawler(names)
    targets = [{**target, "Exclusions": []} for target in crawler["Targets"]["S3Targets"]]
    return {
        **crawler,
        "Role": "millrace-crawler",
        "Targets": {"S3Targets": targets, "JdbcTargets": [], "CatalogTargets": []},
        "State": "READY",
        "Classifiers": [],
    }


def calls(steps: list[Step]) -> list[str]:
    return [step.call for step in steps]


def list_keys(names: CatalogNames, *months: str) -> dict[str, list[str]]:
    return {"flights": [f"{names.curated.prefix}month={month}/flights-0-0.parquet" for month in months]}


def test_an_empty_account_gets_everything(names: CatalogNames) -> None:
    steps = plan_deployment(names, NOTHING, LIMIT)

    assert calls(steps) == ["create_database", "create_crawler", "create_work_group"]
    assert steps[1].request["Targets"]["S3Targets"] == [
        {"Path": "s3://lake/ways/s3/flights/curated/"},
        {"Path": "s3://lake/ways/s3/flights/rejected/"},
    ]
    assert steps[1].request["Role"] == "arn:aws:iam::123456789012:role/millrace-crawler"


def test_a_second_time_there_is_nothing_to_do(names: CatalogNames, everything: Found) -> None:
    assert plan_deployment(names, everything, LIMIT) == []
    assert plan_registration(names, everything, list_keys(names, "2013-01"), {}) == []


def test_what_differs_is_updated(names: CatalogNames, everything: Found) -> None:
    moved = everything._replace(crawler={**describe_as_glue(names), "Role": "another"})

    assert calls(plan_deployment(names, moved, 2 * LIMIT)) == ["update_crawler", "update_work_group"]


def test_a_column_that_came_later_updates_the_table(names: CatalogNames, everything: Found) -> None:
    table = dict(everything.tables["flights"])
    table["StorageDescriptor"] = {**table["StorageDescriptor"], "Columns": table["StorageDescriptor"]["Columns"][:-1]}
    older = everything._replace(tables={**everything.tables, "flights": table})

    assert calls(plan_registration(names, older, list_keys(names, "2013-01"), {})) == ["update_table"]


def test_partitions_follow_the_objects(names: CatalogNames, everything: Found) -> None:
    steps = plan_registration(names, everything, list_keys(names, "2013-02", "2013-03"), {})

    assert calls(steps) == ["batch_create_partition", "batch_delete_partition"]
    assert [p["Values"] for p in steps[0].request["PartitionInputList"]] == [["2013-02"], ["2013-03"]]
    location = steps[0].request["PartitionInputList"][0]["StorageDescriptor"]["Location"]
    assert location == "s3://lake/ways/s3/flights/curated/month=2013-02/"
    assert steps[1].request["PartitionsToDelete"] == [{"Values": ["2013-01"]}]


def test_many_partitions_are_registered_in_calls_that_aws_takes(names: CatalogNames, everything: Found) -> None:
    months = [f"{year}-{month:02}" for year in range(2000, 2020) for month in range(1, 13)]

    steps = plan_registration(names, everything, list_keys(names, "2013-01", *months), {})

    assert [len(step.request["PartitionInputList"]) for step in steps] == [100, 100, 39]


def test_escaped_values_are_registered_as_they_are(names: CatalogNames, everything: Found) -> None:
    keys = {
        "flights": [f"{names.curated.prefix}month=a%3Ab/x.parquet", f"{names.curated.prefix}month=2013-01/x.parquet"]
    }

    (step,) = plan_registration(names, everything, keys, {})

    (partition,) = step.request["PartitionInputList"]
    assert partition["Values"] == ["a:b"]
    assert partition["StorageDescriptor"]["Location"].endswith("/month=a%3Ab/")


def test_projection_takes_the_registered_partitions_away_and_back(names: CatalogNames, everything: Found) -> None:
    projected = {"projection.enabled": "true", "projection.month.type": "date"}

    steps = plan_registration(names, everything, list_keys(names, "2013-01"), projected)

    assert calls(steps) == ["update_table", "batch_delete_partition"]
    tables = {**everything.tables, "flights": {**describe_table(names, names.curated, projected)}}
    back = plan_registration(names, everything._replace(tables=tables), list_keys(names, "2013-01"), {})
    assert calls(back) == ["update_table"]


def test_a_registration_needs_the_database(names: CatalogNames) -> None:
    with pytest.raises(ConfigurationError, match="catalog deploy flights"):
        plan_registration(names, NOTHING, {"flights": []}, {})


def test_a_drop_takes_what_is_there(names: CatalogNames, everything: Found) -> None:
    assert calls(plan_drop(names, everything)) == ["delete_crawler", "delete_database", "delete_work_group"]
    assert plan_drop(names, NOTHING) == []
