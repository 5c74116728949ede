"""Which items a request to DynamoDB has written, read from its body: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

TARGET = "DynamoDB_20120810."
READS = frozenset({"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan", "DescribeTable", "ListTables"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})

Attributes = Mapping[str, Mapping[str, Any]]


class Touched(NamedTuple):
    """A table, and attributes with which an item of it can be found: its key, or all of it."""

    table: str
    attributes: Attributes


def name_call(target: str) -> str:
    """The name of a call."""
    return target.removeprefix(TARGET)


def list_touched(call: str, asked: Mapping[str, Any]) -> Iterator[Touched]:
    """The items that one of the calls in `WRITES` was about."""
    if call == "BatchWriteItem":
        for table, requests in asked["RequestItems"].items():
            for request in requests:
                (write,) = request.values()
                yield _read(table, write)
    elif call == "TransactWriteItems":
        for action in asked["TransactItems"]:
            for kind, write in action.items():
                if kind != "ConditionCheck":
                    yield _read(write["TableName"], write)
    else:
        yield _read(asked["TableName"], asked)


def _read(table: str, write: Mapping[str, Any]) -> Touched:
    """A table may be named by its ARN, which ends in its name."""
    return Touched(table.rsplit("/", 1)[-1], write.get("Key") or write["Item"])
