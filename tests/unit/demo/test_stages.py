"""The plan of the demonstration."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.stages import plan_way
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import ConfigurationError


def test_windows_are_closed_only_where_there_are_aggregates() -> None:
    flights, readings = (
        plan_way(load_contract(find_contract(name)), "local", Path("folder")) for name in ("flights", "readings")
    )

    assert [stage.title for stage in flights.stages] == [
        "deploy the SQL", "sample data", "producer", "Spark job", "close windows", "Snowpipe", "answer",
    ]  # fmt: skip
    assert [stage.title for stage in readings.stages] == [
        "deploy the SQL", "producer", "Spark job", "Snowpipe", "answer",
    ]  # fmt: skip
    assert "folder/flights.csv" in flights.stages[2].arguments
    assert "data/flights_damaged.csv" in flights.stages[2].arguments


def test_the_direct_way_is_proved_as_such_and_starts_no_spark() -> None:
    way = plan_way(load_contract(find_contract("flights")), "local", Path("folder"), "direct")

    assert [stage.title for stage in way.stages] == ["deploy the SQL", "sample data", "producer", "consumer", "answer"]
    assert way.proof.arguments[-2:] == ("--way", "direct")


def test_the_way_into_objects_asks_athena_for_everything_and_then_for_one_partition() -> None:
    way = plan_way(load_contract(find_contract("flights")), "local", Path("folder"), "s3")

    assert [stage.title for stage in way.stages] == [
        "deploy the catalog", "sample data", "producer", "consumer", "crawler", "register", "Athena",
        "Athena, one partition",
    ]  # fmt: skip
    assert "from flights where month = '2013-07' group by" in way.stages[-1].arguments[3]
    assert way.proof.arguments[-2:] == ("--way", "s3")


def test_the_way_through_lambda_creates_its_function_when_the_topics_are_there() -> None:
    way = plan_way(load_contract(find_contract("readings")), "local", Path("folder"), "lambda")

    assert [stage.title for stage in way.stages] == ["deploy the SQL", "producer", "function", "consumer", "answer"]
    assert way.proof.arguments[-2:] == ("--way", "lambda")


def test_a_way_that_there_is_not_is_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match=r"--way: found 'other', allowed: lake, direct, s3, lambda"):
        plan_way(load_contract(find_contract("flights")), "local", Path("folder"), "other")


def test_a_pipeline_without_sample_data_is_refused_with_what_there_is() -> None:
    contract = load_contract(find_contract("readings")).model_copy(update={"name": "other"})

    with pytest.raises(ConfigurationError, match=r"'other'.*flights, readings"):
        plan_way(contract, "local", Path("folder"))
