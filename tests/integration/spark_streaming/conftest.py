"""A pipeline of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.settings import Settings
from tests.integration.spark_streaming.job_runs import CONTRACT, Pipeline


@pytest.fixture
def pipeline(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> Pipeline:
    """A small pipeline of two partitions with one aggregate, deployed nowhere, with checkpoints of its own."""
    (tmp_path / f"{unique_name}.toml").write_text(CONTRACT.format(name=unique_name))
    return Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, str(tmp_path / "checkpoints"))


@pytest.fixture(scope="session", autouse=True)
def quick_jvms(class_archive: None) -> None:
    """All tests of this folder start Spark with the archive of its classes."""
