"""A pipeline for the tests of the consumer's destinations."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.settings import Settings
from tests.integration.kafka_consumer.pipelines import Pipeline, deploy_pipeline


@pytest.fixture
def pipeline(sandbox_settings: Settings, tmp_path: Path, unique_name: str) -> Pipeline:
    """A deployed pipeline without rows."""
    return deploy_pipeline(tmp_path, unique_name, sandbox_settings)
