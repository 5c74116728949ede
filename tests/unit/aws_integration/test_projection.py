"""Partition projection is derived where Athena can count the values up, and refused everywhere else."""

from __future__ import annotations

import pytest

from aws_integration.projection import describe_projection
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract


def partition_by(**expressions: str) -> Contract:
    """The contract of the flights, partitioned in another way."""
    contract = load_contract(find_contract("flights"))
    lake = contract.lake.model_copy(update={"partition_by": expressions})
    return contract.model_copy(update={"lake": lake})


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [("yyyy", "YEARS"), ("yyyy-MM", "MONTHS"), ("yyyy/MM/dd", "DAYS"), ("yyyyMMddHH", "HOURS")],
)
def test_a_date_counts_in_its_smallest_part(pattern: str, unit: str) -> None:
    contract = partition_by(part=f"date_format(time_hour, '{pattern}')")

    assert describe_projection(contract, [("2013-02",), ("2013-01",)]) == {
        "projection.enabled": "true",
        "projection.part.type": "date",
        "projection.part.format": pattern,
        "projection.part.interval": "1",
        "projection.part.interval.unit": unit,
        "projection.part.range": f"2013-01,NOW+1{unit}",
    }


def test_without_a_partition_the_range_begins_now() -> None:
    contract = partition_by(part="date_format(time_hour, 'yyyy-MM')")

    assert describe_projection(contract, [])["projection.part.range"] == "NOW,NOW+1MONTHS"


@pytest.mark.parametrize(
    "expression",
    ["carrier", "date_format(dep_time, 'yyyy')", "date_format(time_hour, 'MMM yyyy')", "substring(tailnum, 1, 2)"],
    ids=["any text", "a column that may be null", "names of months", "a computed text"],
)
def test_values_that_cannot_be_counted_up_are_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError, match=r"lake\.partition_by\.part"):
        describe_projection(partition_by(part=expression), [])


def test_a_table_without_partitions_has_nothing_to_project() -> None:
    with pytest.raises(ConfigurationError, match="nothing to project"):
        describe_projection(partition_by(), [])
