"""A small valid contract as parsed TOML, for tests that change one thing of it."""

from __future__ import annotations

import copy
from typing import Any

_ORDERS: dict[str, Any] = {
    "name": "orders",
    "version": 1,
    "topic": {"name": "orders", "key": ["id"]},
    "event_time": {"column": "at"},
    "column": [
        {"name": "id", "type": "bigint", "nullable": False},
        {"name": "at", "type": "timestamp", "nullable": False},
        {"name": "price", "type": "decimal(12,2)"},
        {"name": "mail", "type": "string", "protect": "hash"},
        {"name": "country", "type": "string"},
    ],
    "warehouse": {"schema": "ORDERS", "table": "orders"},
}


def build_contract(**changes: Any) -> dict[str, Any]:
    """The contract with some of its keys replaced; a key that is given as None is left out."""
    data = copy.deepcopy(_ORDERS) | changes
    return {key: value for key, value in data.items() if value is not None}


def build_columns(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """The contract's columns and more of them."""
    return [*copy.deepcopy(_ORDERS["column"]), *more]
