"""Events of the shipped contract for tests: one good one of each type, and ways to break one."""

from __future__ import annotations

from typing import Any

from pipeline_contract.event_contract_file import find_event_contract, load_event_contract

EVENTS = load_event_contract(find_event_contract("events"))


def good_event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An event that holds, with changes to its envelope."""
    event = {
        "event_id": f"event-{number}",
        "type": "order_placed",
        "occurred_at": "2026-01-31T12:00:00.25+01:00",
        "source": "till-7",
        "payload": {
            "order": {"id": f"o-{number}", "amount": "12.50", "currency": "EUR", "items": 2},
            "note": "Grüße 🛫",
        },
    }
    return event | changes


def good_order(**changes: Any) -> dict[str, Any]:
    """A payload of an order with changes to the order; None takes a key away."""
    order = {"id": "o-1", "amount": "12.50", "currency": "EUR", "items": 2} | changes
    return {"order": {key: value for key, value in order.items() if value is not None}}
