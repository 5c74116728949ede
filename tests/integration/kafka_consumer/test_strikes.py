"""kill -9 at random moments, and consumers that come and go: every row is at each destination once."""

from __future__ import annotations

import pytest

from tests.integration.kafka_consumer.pipelines import Pipeline
from tests.integration.kafka_consumer.strikes import TARGETS, Target, kill_and_repeat, rebalance_and_repeat

EVERY_TARGET = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@EVERY_TARGET
def test_a_consumer_killed_three_times_loses_and_doubles_nothing(
    target: Target, pipeline: Pipeline, sandbox_variables: dict[str, str]
) -> None:
    kill_and_repeat(pipeline, target, sandbox_variables, kills=3, rows=8_000)


@EVERY_TARGET
def test_three_rebalances_lose_and_double_nothing(target: Target, pipeline: Pipeline) -> None:
    rebalance_and_repeat(pipeline, target, turns=3, rows_a_turn=600)
