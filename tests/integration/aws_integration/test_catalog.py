"""The catalog over real objects: guessed by the crawler and registered from the contract, and the two compared."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_integration.naming import derive_catalog_names
from connections.aws_clients import open_glue
from connections.settings import S3Settings, Settings
from tests.integration.aws_integration.conftest import Run
from tests.integration.aws_integration.way_objects import WayObjects


def read_tables(objects: WayObjects, settings: Settings) -> dict[str, Any]:
    """Every table of the pipeline's database: location, columns and partition keys with their types, partitions."""
    glue = open_glue(settings.s3)
    names = derive_catalog_names(
        objects.contract, settings.model_copy(update={"s3": S3Settings(bucket=objects.bucket)})
    )
    found = {}
    for table in glue.get_tables(DatabaseName=names.database)["TableList"]:
        storage = table.get("StorageDescriptor", {})
        partitions = glue.get_partitions(DatabaseName=names.database, TableName=table["Name"])["Partitions"]
        found[table["Name"]] = {
            "location": storage.get("Location"),
            "columns": [(column["Name"], column.get("Type")) for column in storage.get("Columns", [])],
            "comments": [column["Comment"] for column in storage.get("Columns", []) if "Comment" in column],
            "keys": [(key["Name"], key.get("Type")) for key in table.get("PartitionKeys", [])],
            "partitions": {tuple(p["Values"]): p.get("StorageDescriptor", {}).get("Location") for p in partitions},
        }
    return found


def test_the_crawlers_guess_is_what_is_registered_but_for_what_only_the_contract_knows(
    run: Run, objects: WayObjects, session_settings: Settings
) -> None:
    path = str(objects.contract_file)
    for month in ("2013-01", "2013-02"):
        objects.put_curated(month, 10)
    objects.put_rejected(3)
    for command in ("deploy", "crawl", "register"):
        result = run("catalog", command, path, "--quiet")
        assert result.exit_code == 0, result.stderr

    tables = read_tables(objects, session_settings)

    assert set(tables) == {"things", "things_rejected", "crawled_curated", "crawled_rejected"}
    for registered, crawled in (("things", "crawled_curated"), ("things_rejected", "crawled_rejected")):
        assert tables[registered] | {"comments": []} == tables[crawled]
    assert tables["things"]["keys"] == [("month", "string")]
    assert set(tables["things"]["partitions"]) == {("2013-01",), ("2013-02",)}
    # What a crawler cannot guess.
    assert tables["things"]["comments"] == ["What it is called"]


def test_before_the_first_object_only_the_contract_makes_tables(
    run: Run, objects: WayObjects, session_settings: Settings
) -> None:
    path = str(objects.contract_file)
    for command in ("deploy", "crawl", "register"):
        assert run("catalog", command, path, "--quiet").exit_code == 0

    assert set(read_tables(objects, session_settings)) == {"things", "things_rejected"}
    answer = run("query", path, "select count(*) n from things", "--json", "--quiet")
    assert json.loads(answer.stdout)["rows"] == [{"n": 0}]


def test_a_dry_run_changes_nothing_and_a_second_run_has_nothing_to_do(run: Run, objects: WayObjects) -> None:
    path = str(objects.contract_file)
    objects.put_curated("2013-01", 1)

    planned = run("catalog", "deploy", path, "--dry-run", "--json")
    missing = run("catalog", "register", path)
    done = run("catalog", "deploy", path, "--json", "--quiet")
    registered = run("catalog", "register", path, "--json", "--quiet")
    again = [run("catalog", command, path, "--json", "--quiet") for command in ("deploy", "register")]

    assert json.loads(planned.stdout) == json.loads(done.stdout)
    assert missing.exit_code == 2
    assert "catalog deploy" in missing.stderr
    assert [step["call"] for step in json.loads(registered.stdout)] == [
        "create_table", "batch_create_partition", "create_table",
    ]  # fmt: skip
    assert [json.loads(result.stdout) for result in again] == [[], []]


def test_partitions_that_come_and_go_are_registered_again(
    run: Run, objects: WayObjects, session_settings: Settings
) -> None:
    path = str(objects.contract_file)
    for month in ("2013-01", "2013-02"):
        objects.put_curated(month, 1)
    run("catalog", "deploy", path)
    run("catalog", "register", path)
    (listed, *_) = objects.s3.list_objects_v2(Bucket=objects.bucket)["Contents"]
    objects.s3.delete_object(Bucket=objects.bucket, Key=listed["Key"])
    objects.put_curated("2013-03", 1)

    assert run("catalog", "register", path).exit_code == 0

    assert set(read_tables(objects, session_settings)["things"]["partitions"]) == {("2013-02",), ("2013-03",)}


def test_projected_partitions_need_no_second_registration(run: Run, objects: WayObjects) -> None:
    path = str(objects.contract_file)
    objects.put_curated("2013-02", 2)
    run("catalog", "deploy", path)
    assert run("catalog", "register", path, "--projection").exit_code == 0
    objects.put_curated("2013-03", 3)

    answer = run("query", path, "select month, count(*) n from things group by month order by month", "--json")

    assert json.loads(answer.stdout)["rows"] == [{"month": "2013-02", "n": 2}, {"month": "2013-03", "n": 3}]


def test_a_drop_asks_first_and_leaves_the_objects(run: Run, objects: WayObjects) -> None:
    path = str(objects.contract_file)
    objects.put_curated("2013-01", 1)
    run("catalog", "deploy", path)

    unsure, dropped = run("catalog", "drop", path), run("catalog", "drop", path, "--yes", "--json", "--quiet")

    assert (unsure.exit_code, dropped.exit_code) == (2, 0)
    assert [step["call"] for step in json.loads(dropped.stdout)] == [
        "delete_crawler", "delete_database", "delete_work_group",
    ]  # fmt: skip
    assert json.loads(run("catalog", "drop", path, "--dry-run", "--json").stdout) == []
    assert objects.s3.list_objects_v2(Bucket=objects.bucket)["KeyCount"] == 1


def test_a_crawl_that_fails_says_what_it_met(run: Run, objects: WayObjects) -> None:
    path = str(objects.contract_file)
    key = f"ways/s3/{objects.contract.name}/curated/month=2013-01/notes.txt"
    objects.s3.put_object(Bucket=objects.bucket, Key=key, Body=b"not Parquet")
    run("catalog", "deploy", path)

    crawled = run("catalog", "crawl", path)

    assert crawled.exit_code == 3
    assert key in crawled.stderr


@pytest.mark.parametrize("command", [("catalog", "crawl"), ("query", "select 1")], ids=["crawl", "query"])
def test_before_the_deployment_a_command_says_what_is_missing(
    run: Run, objects: WayObjects, command: tuple[str, str]
) -> None:
    verb, argument = command
    arguments = (
        (verb, argument, str(objects.contract_file))
        if verb == "catalog"
        else (verb, str(objects.contract_file), argument)
    )

    result = run(*arguments)

    assert result.exit_code == 3
    assert "is the catalog deployed?" in result.stderr
