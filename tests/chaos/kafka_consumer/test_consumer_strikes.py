"""kill -9 at 50 random moments, and 20 rebalances, for every destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.settings import Settings
from tests.integration.kafka_consumer.pipelines import Pipeline, deploy_pipeline
from tests.integration.kafka_consumer.strikes import TARGETS, Target, kill_and_repeat, rebalance_and_repeat

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(3600),
    pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name),
]


@pytest.fixture
def pipeline(sandbox_settings: Settings, tmp_path: Path, unique_name: str) -> Pipeline:
    """A deployed pipeline without rows."""
    return deploy_pipeline(tmp_path, unique_name, sandbox_settings)


def test_a_consumer_killed_fifty_times_loses_and_doubles_nothing(
    target: Target, pipeline: Pipeline, sandbox_variables: dict[str, str]
) -> None:
    kill_and_repeat(pipeline, target, sandbox_variables, kills=50, rows=40_000)


def test_twenty_rebalances_lose_and_double_nothing(target: Target, pipeline: Pipeline) -> None:
    rebalance_and_repeat(pipeline, target, turns=20, rows_a_turn=2_000)
