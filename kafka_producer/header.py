"""The header of a CSV source, held against the contract before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from kafka_producer.csv_source import Arrange
from pipeline_contract.errors import ConfigurationError


def check_header(source: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise `ConfigurationError` naming every column that is missing, unexpected or there twice.

    The order is free: values go by name.
    """
    problems = [f"missing: {', '.join(missing)}"] if (missing := [n for n in wanted if n not in found]) else []
    if unexpected := [repr(name) for name in found if name not in wanted]:
        problems.append(f"unexpected: {', '.join(unexpected[:20])}{' …' if len(unexpected) > 20 else ''}")
    if twice := sorted({name for name in found if found.count(name) > 1}):
        problems.append(f"there twice: {', '.join(twice)}")
    if problems:
        raise ConfigurationError(
            f"{source}: the header is not the contract's: {'; '.join(problems)}. "
            f"The contract has: {', '.join(wanted)}. Nothing was sent"
        )


def arrange_columns(found: Sequence[str], wanted: Sequence[str]) -> Arrange | None:
    """How a row's values come into the contract's order; None when they are in it already."""
    if list(found) == list(wanted):
        return None
    places = [found.index(name) for name in wanted]
    pick = itemgetter(*places)
    return (lambda values: [values[0]]) if len(places) == 1 else (lambda values: list(pick(values)))
