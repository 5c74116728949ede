"""A pipeline for the tests of the consumer's destinations."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.settings import ConsumerSettings, Settings
from tests.integration.kafka_consumer.pipelines import Pipeline, make_pipeline


@pytest.fixture
def pipeline(sandbox_settings: Settings, tmp_path: Path, unique_name: str) -> Pipeline:
    """A deployed pipeline without rows, whose group soon misses a dead consumer."""
    settings = sandbox_settings.model_copy(update={"consumer": ConsumerSettings(session_timeout_s=2)})
    made = make_pipeline(tmp_path, unique_name, settings)
    made.deploy()
    made.replay(0, 0)
    return made
