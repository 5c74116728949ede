"""Contracts of events: the shipped one holds, and every problem of a broken one is told."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipeline_contract.contract_file import find_contract
from pipeline_contract.errors import ConfigurationError, ContractError
from pipeline_contract.event_contract_file import find_event_contract, load_event_contract, parse_event_contract

SHIPPED = Path("conf/events/events.toml")


def shipped(**changes: Any) -> dict[str, Any]:
    return tomllib.loads(SHIPPED.read_text(encoding="utf-8")) | changes


def field(name: str, path: str, kind: str = "string") -> dict[str, Any]:
    return {"name": name, "path": path, "type": kind}


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"topic": {"name": "x"}}, "topic: unknown key"),
    "no type": ({"type": []}, "type: found [], allowed: at least 1 of them"),
    "path": ({"api": {"path": "events"}}, "api.path: found 'events', allowed: a path such as /events"),
    "body": ({"api": {"max_body_kb": 5000}}, "api.max_body_kb: found 5000, allowed: a whole number, at most 4096"),
    "authorisation": ({"api": {"authorisation": "none"}}, "api.authorisation: found 'none'"),
    "partitioned": ({"delivery": {"by_type": True}}, "delivery.buffer_mb: found 5, allowed with by_type: at least 64"),
    "at once": (
        {"delivery": {"by_type": True, "buffer_mb": 64, "buffer_s": 0}}, "delivery.buffer_s: found 0, allowed with by_type",
    ),
    "type twice": ({"type": [{"name": "a"}, {"name": "a"}]}, "type 'a': declared 2 times"),
    "field twice": (
        {"type": [{"name": "a", "field": [field("x", "x"), field("x", "y")]}]}, "type 'a'.field 'x': declared 2 times",
    ),
    "path twice": (
        {"type": [{"name": "a", "field": [field("x", "p"), field("y", "p")]}]}, "type 'a': path 'p' is read by 2 fields",
    ),
    "inside": (
        {"type": [{"name": "a", "field": [field("x", "p"), field("y", "p.q")]}]}, "type 'a': path 'p' is a value, and 'p.q'",
    ),
    "envelope": ({"type": [{"name": "a", "field": [field("source", "p")]}]}, "type 'a'.field 'source': every event has"),
    "two places": (
        {"type": [{"name": "a", "field": [field("x", "p")]}, {"name": "b", "field": [field("x", "q")]}]},
        "type 'b'.field 'x': path and type differ from those in type 'a'",
    ),
    "kind": ({"type": [{"name": "a", "field": [field("x", "p", "variant")]}]}, "type 'a'.field[1].type"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_problem_is_told_with_its_key(changes: dict[str, Any], problem: str) -> None:
    _, problems = parse_event_contract(shipped(**changes))

    assert any(problem in found for found in problems), problems


def test_the_view_has_each_field_of_all_types_once() -> None:
    contract = load_event_contract(find_event_contract("events"))

    assert list(contract.view_fields)[:3] == ["product_id", "gate", "order_id"]
    assert len(contract.view_fields) == 10


def test_an_unknown_name_and_a_wrong_file_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no events 'orders'.*known: events"):
        find_event_contract("orders")
    with pytest.raises(ConfigurationError, match=r"no pipeline 'events'.*events is a set of events"):
        find_contract("events")
    other = tmp_path / "orders.toml"
    other.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ContractError, match="found 'events', allowed: 'orders'"):
        load_event_contract(other)
