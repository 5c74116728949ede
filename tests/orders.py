"""The contract `orders` and its messages' values, each with defaults, for tests that change one thing."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from pipeline_contract.contract_file import parse_contract
from pipeline_contract.model import Contract

TOPIC = "orders"
TOPIC_IDS = {TOPIC: "id-of-orders", f"{TOPIC}.rejected": "id-of-rejected"}
BATCH_ID = "0001-abc-0000000000"
SENT_AT = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
_ORDERS: dict[str, Any] = {
    "name": "orders",
    "version": 1,
    "source": {"null_values": ["", "NA"]},
    "topic": {"name": TOPIC, "key": ["id"], "value_format": "json"},
    "event_time": {"column": "at"},
    "column": [
        {"name": "id", "type": "bigint", "nullable": False},
        {"name": "at", "type": "timestamp", "nullable": False},
        {"name": "price", "type": "decimal(12,2)"},
        {"name": "count", "type": "integer"},
        {"name": "country", "type": "string"},
    ],
    "warehouse": {"schema": "ORDERS", "table": "orders"},
}
ORDER = {"id": "1", "at": "2024-05-01T10:00:00Z", "price": "9.50", "count": "2", "country": "NO"}


def build_contract(**changes: Any) -> Contract:
    """The contract `orders` with some of its keys replaced, or left out where they are None; it must be a valid one."""
    data = copy.deepcopy(_ORDERS) | changes
    contract, problems = parse_contract({key: value for key, value in data.items() if value is not None})
    assert not problems, problems
    return contract


def build_csv_contract(**changes: Any) -> Contract:
    """The contract `orders` with CSV values."""
    return build_contract(topic={**_ORDERS["topic"], "value_format": "csv"}, **changes)


def order_columns(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """The columns of `orders` and more of them."""
    return [*copy.deepcopy(_ORDERS["column"]), *more]


def order_json(**changes: Any) -> bytes:
    """A value of the topic; a field that is given as None is left out."""
    row = {"_source_file": "orders.csv#1", "_source_line": 7} | ORDER | changes
    return json.dumps({name: value for name, value in row.items() if value is not None}).encode()
