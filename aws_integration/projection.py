"""Partition projection for a contract's `partition_by`: only dates have values that Athena can count up. Pure.

Source: docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract

_DATE = re.compile(
    r"date_format\(\s*(?P<column>\w+)\s*,\s*'(?P<pattern>(?:yyyy|MM|dd|HH|[^A-Za-z'])+)'\s*\)", re.IGNORECASE
)
# The unit in which the smallest part of a date's pattern counts, the smallest first.
_UNITS = {"HH": "HOURS", "dd": "DAYS", "MM": "MONTHS", "yyyy": "YEARS"}


def describe_projection(contract: Contract, known: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """The table's parameters; `known` holds the values of the partitions that are there, of which the first begins the range.

    Raise `ConfigurationError` for an expression of which Athena cannot know the values: a `date_format` of a column that
    is never null is the only one that it can.
    """
    parameters = {"projection.enabled": "true"}
    for position, (name, expression) in enumerate(contract.lake.partition_by.items()):
        pattern, unit = _read_format(contract, name, expression)
        first = min((values[position] for values in known), default="NOW")
        parameters |= {
            f"projection.{name}.type": "date",
            f"projection.{name}.format": pattern,
            f"projection.{name}.interval": "1",
            f"projection.{name}.interval.unit": unit,
            # A clock that is a little ahead writes into the next partition.
            f"projection.{name}.range": f"{first},NOW+1{unit}",
        }
    if len(parameters) == 1:
        raise ConfigurationError(f"{contract.name}: lake.partition_by is empty, so there is nothing to project")
    return parameters


def _read_format(contract: Contract, name: str, expression: str) -> tuple[str, str]:
    match = _DATE.fullmatch(expression)
    if match and match["column"] in {column.name for column in contract.columns if not column.nullable}:
        pattern = match["pattern"]
        return pattern, next(unit for letters, unit in _UNITS.items() if letters in pattern)
    raise ConfigurationError(
        f"{contract.name}: lake.partition_by.{name} = {expression!r}: partition projection needs a date_format(column, "
        "'yyyy-MM') or the like, of a column that is never null, so that Athena knows all values: register the partitions "
        "without --projection"
    )
