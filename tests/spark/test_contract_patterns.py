"""A date pattern that Spark cannot use is refused at the start, not at the first row."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession

from pipeline_contract.contract_file import parse_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from spark_streaming.expression_checks import check_expressions


@pytest.mark.parametrize("pattern", ["bb", "YYYY-MM-dd"])
def test_a_wrong_pattern_names_its_column(spark_session: SparkSession, pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="column 'born': Spark cannot use the format"):
        check_expressions(spark_session, *build(pattern))


def test_a_right_pattern_passes(spark_session: SparkSession) -> None:
    check_expressions(spark_session, *build("dd.MM.yyyy"))


def build(pattern: str) -> tuple[Contract, dict[str, DataFrame]]:
    """A contract with one date column of this pattern, and no lookups."""
    contract, problems = parse_contract(
        {
            "name": "people",
            "version": 1,
            "topic": {"name": "people", "key": ["born"]},
            "column": [{"name": "born", "type": "date", "format": pattern}],
            "warehouse": {"schema": "PEOPLE", "table": "people"},
        }
    )
    assert not problems
    return contract, {}
