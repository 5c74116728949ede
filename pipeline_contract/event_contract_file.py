"""Contract files of events: TOML in, a validated `EventContract` out, or every problem of the file at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline_contract.contract_file import EVENTS, list_contracts, parse_parts, read_toml
from pipeline_contract.errors import ConfigurationError, ContractError
from pipeline_contract.event_model import EventContract, PayloadField

# What a row of the view has beside the payload's fields.
ENVELOPE = ("event_id", "type", "occurred_at", "source", "payload")
# docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning.html
MIN_PARTITIONED_MB = 64


def find_event_contract(name: str, folder: Path = EVENTS) -> Path:
    """The file of a contract of events, by its name or the file's own path; an unknown one names those there are."""
    if name.endswith(".toml"):
        return Path(name)
    path = folder / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(list_event_contracts(folder)) or "none"
        raise ConfigurationError(f"no events {name!r}: {path} does not exist (known: {known})")
    return path


def list_event_contracts(folder: Path = EVENTS) -> list[str]:
    """The names of all sets of events that have a contract, in order."""
    return list_contracts(folder)


def load_event_contract(path: Path) -> EventContract:
    """Read one contract file of events, or raise `ContractError` with every problem of it."""
    contract, problems = parse_event_contract(read_toml(path))
    if (name := getattr(contract, "name", path.stem)) != path.stem:
        problems.append(f"name: found {name!r}, allowed: {path.stem!r}, the name of the file")
    if problems:
        raise ContractError(str(path), problems)
    return contract


def parse_event_contract(data: dict[str, Any]) -> tuple[EventContract, list[str]]:
    """Build the contract from parsed TOML, with every problem; the contract is whole only when there is none."""
    good, _, problems = parse_parts(EventContract, data)
    contract = EventContract.model_construct(**good)
    return contract, [*problems, *_check_delivery(contract), *_check_types(contract)]


def _check_delivery(contract: EventContract) -> Iterator[str]:
    if contract.delivery.by_type and contract.delivery.buffer_mb < MIN_PARTITIONED_MB:
        yield (
            f"delivery.buffer_mb: found {contract.delivery.buffer_mb}, allowed with by_type: at least {MIN_PARTITIONED_MB}"
        )
    if contract.delivery.by_type and not contract.delivery.buffer_s:
        yield "delivery.buffer_s: found 0, allowed with by_type: at least 1"


def _check_types(contract: EventContract) -> Iterator[str]:
    types = getattr(contract, "types", ())
    for name, times in _find_repeated(kind.name for kind in types):
        yield f"type {name!r}: declared {times} times; every type of event needs its own name"
    first: dict[str, tuple[str, PayloadField]] = {}
    for kind in types:
        for name, times in _find_repeated(field.name for field in kind.fields):
            yield f"type {kind.name!r}.field {name!r}: declared {times} times; once is enough"
        yield from _check_paths(kind.name, kind.fields)
        for field in kind.fields:
            if field.name in ENVELOPE:
                yield f"type {kind.name!r}.field {field.name!r}: every event has a column of this name; choose another one"
            owner, other = first.setdefault(field.name, (kind.name, field))
            if (field.path, field.type) != (other.path, other.type):
                yield (
                    f"type {kind.name!r}.field {field.name!r}: path and type differ from those in type {owner!r}; one "
                    "column of the view is filled from one place"
                )


def _check_paths(kind: str, fields: tuple[PayloadField, ...]) -> Iterator[str]:
    paths = [field.steps for field in fields]
    for path, times in _find_repeated(".".join(steps) for steps in paths):
        yield f"type {kind!r}: path {path!r} is read by {times} fields; once is enough"
    for steps in paths:
        if inside := next((other for other in paths if len(other) > len(steps) and other[: len(steps)] == steps), None):
            yield (
                f"type {kind!r}: path {'.'.join(steps)!r} is a value, and {'.'.join(inside)!r} lies inside it; a field is "
                "one value, not an object"
            )


def _find_repeated(names: Iterator[str]) -> list[tuple[str, int]]:
    return [(name, times) for name, times in Counter(names).items() if times > 1]
