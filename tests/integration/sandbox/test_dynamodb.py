"""Tables and items of the emulated DynamoDB, written by boto3, are there again after the endpoint's end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from sandbox.aws.service import describe_aws
from sandbox.processes import find_free_port
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT
from tests.integration.sandbox.test_aws_state import ACCOUNT, ENDINGS, Ending, kill, open_client

ITEM: dict[str, Any] = {
    "id": {"S": "ö"},
    "at": {"N": "1.50"},
    "bytes": {"B": b"\x00\xff"},
    "map": {"M": {"list": {"L": [{"N": "1"}, {"NULL": True}, {"BOOL": False}, {"B": b"x"}]}}},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
}


class Tables:
    """An endpoint of one test module, which its tests may kill."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.client = open_client(service, "dynamodb")

    def create(self, name: str, *keys: str, **more: Any) -> None:
        """Create a table whose keys are texts, or numbers where they are called `at`."""
        kinds = [{"AttributeName": key, "AttributeType": "N" if key == "at" else "S"} for key in keys]
        schema = [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
        self.client.create_table(
            TableName=name, KeySchema=schema, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST", **more
        )

    def read(self, name: str) -> list[dict[str, Any]]:
        """All items."""
        items: list[dict[str, Any]] = self.client.scan(TableName=name)["Items"]
        return sorted(items, key=lambda item: sorted(map(repr, item.items())))

    def restart(self, end: Callable[[Service], object] = kill) -> None:
        """End the endpoint, and start it on the same folder."""
        end(self.service)
        start_service(self.service)
        wait_until_ready(self.service)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """A running endpoint."""
    service = describe_aws("127.0.0.1", find_free_port(), ACCOUNT, tmp_path_factory.mktemp("state"), PROJECT)
    start_service(service)
    try:
        wait_until_ready(service)
        yield Tables(service)
    finally:
        stop_service(service)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_a_table_is_there_again_with_its_items_and_settings(tables: Tables, unique_name: str, ending: Ending) -> None:
    tables.create(unique_name, "id", "at", Tags=[{"Key": "k", "Value": "v"}])
    expiry = {"Enabled": True, "AttributeName": "expires"}
    tables.client.update_time_to_live(TableName=unique_name, TimeToLiveSpecification=expiry)
    tables.client.put_item(TableName=unique_name, Item=ITEM)
    before = tables.read(unique_name), tables.client.describe_table(TableName=unique_name)["Table"]

    tables.restart(ending.end)

    assert tables.read(unique_name) == before[0]
    assert before[0] == [ITEM]
    assert tables.client.describe_table(TableName=unique_name)["Table"] == before[1]
    told = tables.client.describe_time_to_live(TableName=unique_name)["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    key = {"id": {"S": "ö"}, "at": {"N": "1.5"}}
    assert tables.client.get_item(TableName=unique_name, Key=key)["Item"] == ITEM


class Write(NamedTuple):
    """A call on a table that holds items `a` and `b`, and the ids that it leaves."""

    call: str
    arguments: Callable[[str], dict[str, Any]]
    left: dict[str, str | None]


def key(name: str) -> dict[str, Any]:
    """A key."""
    return {"id": {"S": name}}


def item(name: str, value: str) -> dict[str, Any]:
    """An item."""
    return {"id": {"S": name}, "v": {"S": value}}


CHANGE = {
    "UpdateExpression": "SET v = :v",
    "ExpressionAttributeValues": {":v": {"S": "new"}},
}
WRITES = (
    Write("put_item", lambda table: {"TableName": table, "Item": item("a", "new")}, {"a": "new", "b": "old"}),
    Write(
        "put_item",
        lambda table: {
            "TableName": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}",
            "Item": item("c", "new"),
            "ConditionExpression": "attribute_not_exists(id)",
        },
        {"a": "old", "b": "old", "c": "new"},
    ),
    Write("update_item", lambda table: {"TableName": table, "Key": key("a"), **CHANGE}, {"a": "new", "b": "old"}),
    Write("delete_item", lambda table: {"TableName": table, "Key": key("a")}, {"b": "old"}),
    Write(
        "batch_write_item",
        lambda table: {
            "RequestItems": {table: [{"PutRequest": {"Item": item("c", "new")}}, {"DeleteRequest": {"Key": key("b")}}]}
        },
        {"a": "old", "c": "new"},
    ),
    Write(
        "transact_write_items",
        lambda table: {
            "TransactItems": [
                {"Put": {"TableName": table, "Item": item("c", "new")}},
                {"Update": {"TableName": table, "Key": key("a"), **CHANGE}},
                {"Delete": {"TableName": table, "Key": key("b")}},
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": key("d"),
                        "ConditionExpression": "attribute_not_exists(id)",
                    }
                },
            ]
        },
        {"a": "new", "c": "new"},
    ),
    Write(
        "execute_statement",
        lambda table: {"Statement": f"DELETE FROM \"{table}\" WHERE id = 'a'"},
        {"b": "old"},
    ),
)


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.call)
def test_what_a_call_has_changed_is_there_after_a_kill(tables: Tables, unique_name: str, write: Write) -> None:
    tables.create(unique_name, "id")
    for name in ("a", "b"):
        tables.client.put_item(TableName=unique_name, Item=item(name, "old"))

    getattr(tables.client, write.call)(**write.arguments(unique_name))
    before = tables.read(unique_name)
    tables.restart()

    assert {found["id"]["S"]: found["v"]["S"] for found in before} == write.left
    assert tables.read(unique_name) == before


def test_bytes_are_a_key_too(tables: Tables, unique_name: str) -> None:
    schema = [{"AttributeName": "id", "KeyType": "HASH"}]
    kinds = [{"AttributeName": "id", "AttributeType": "B"}]
    tables.client.create_table(
        TableName=unique_name, KeySchema=schema, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST"
    )
    for value in (b"a", b"\xff"):
        tables.client.put_item(TableName=unique_name, Item={"id": {"B": value}})
    tables.client.delete_item(TableName=unique_name, Key={"id": {"B": b"a"}})

    tables.restart()

    assert tables.read(unique_name) == [{"id": {"B": b"\xff"}}]


def test_a_condition_that_fails_changes_nothing(tables: Tables, unique_name: str) -> None:
    tables.create(unique_name, "id")
    tables.client.put_item(TableName=unique_name, Item=item("a", "old"))
    put = {"TableName": unique_name, "Item": item("a", "new"), "ConditionExpression": "attribute_not_exists(id)"}

    with pytest.raises(tables.client.exceptions.ConditionalCheckFailedException):
        tables.client.put_item(**put)
    with pytest.raises(tables.client.exceptions.TransactionCanceledException):
        tables.client.transact_write_items(
            TransactItems=[{"Put": {"TableName": unique_name, "Item": item("b", "new")}}, {"Put": put}]
        )
    tables.restart()

    assert tables.read(unique_name) == [item("a", "old")]


def test_a_deleted_table_stays_deleted_and_one_of_its_name_is_empty(tables: Tables, unique_name: str) -> None:
    tables.create(unique_name, "id")
    tables.client.put_item(TableName=unique_name, Item=item("a", "old"))
    tables.client.delete_table(TableName=unique_name)
    tables.restart()
    assert unique_name not in tables.client.list_tables()["TableNames"]

    tables.create(unique_name, "id")
    tables.restart()

    assert tables.read(unique_name) == []


def test_full_batches_are_written_and_read(tables: Tables, unique_name: str) -> None:
    tables.create(unique_name, "id")
    names = [f"{number:03}" for number in range(100)]

    began_s = time.monotonic()
    for start in range(0, 100, 25):
        puts = [{"PutRequest": {"Item": item(name, "x" * 100)}} for name in names[start : start + 25]]
        assert not tables.client.batch_write_item(RequestItems={unique_name: puts})["UnprocessedItems"]
    written_s = time.monotonic()
    keys = {unique_name: {"Keys": [key(name) for name in names]}}
    found = tables.client.batch_get_item(RequestItems=keys)["Responses"][unique_name]
    read_s = time.monotonic()
    print(f"25 items: {(written_s - began_s) * 250:.1f} ms, 100 keys: {(read_s - written_s) * 1000:.1f} ms")  # noqa: T201

    assert sorted(entry["id"]["S"] for entry in found) == names
    tables.restart()
    assert len(tables.read(unique_name)) == 100


def test_a_table_that_a_stack_made_is_there_again(tables: Tables, unique_name: str) -> None:
    template = f"""
Resources:
  Ids:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: {unique_name}
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      BillingMode: PAY_PER_REQUEST
"""
    open_client(tables.service, "cloudformation").create_stack(StackName=unique_name, TemplateBody=template)
    tables.client.put_item(TableName=unique_name, Item=item("a", "old"))

    tables.restart()

    assert tables.read(unique_name) == [item("a", "old")]
