"""One complete lake for the tests that tamper with it and put it right again, and fresh ones for the others."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from connections.settings import Settings
from tests.integration.reconciliation.lake_builder import BuiltLake, build_lake, publish, publish_windows

BuildLake = Callable[..., BuiltLake]


@pytest.fixture(scope="module")
def parquet_lake(
    tmp_path_factory: pytest.TempPathFactory, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> BuiltLake:
    """A lake in which every row is loaded; a test leaves it as it found it."""
    return complete_lake(tmp_path_factory.mktemp("lake"), sandbox_settings, sandbox_variables, "parquet")


@pytest.fixture(scope="module")
def csv_lake(
    tmp_path_factory: pytest.TempPathFactory, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> BuiltLake:
    """The same with curated objects in CSV."""
    return complete_lake(tmp_path_factory.mktemp("lake"), sandbox_settings, sandbox_variables, "csv")


def complete_lake(folder: Path, settings: Settings, variables: dict[str, str], lake_format: str) -> BuiltLake:
    """Build a lake of 200 rows in three batches and wait until all are loaded."""
    lake = build_lake(folder, settings, variables, f"complete_{lake_format}", rows=200, lake_format=lake_format)
    lake.deploy()
    lake.replay()
    publish(lake, batches=3)
    publish_windows(lake)
    lake.wait_loaded()
    return lake


@pytest.fixture(scope="module")
def build_module_lake(
    tmp_path_factory: pytest.TempPathFactory, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> BuildLake:
    """Builds a contract and a source that the tests of one module share."""

    def build(rows: int) -> BuiltLake:
        name = f"t{uuid.uuid4().hex[:12]}"
        return build_lake(tmp_path_factory.mktemp("lake"), sandbox_settings, dict(sandbox_variables), name, rows)

    return build


@pytest.fixture
def new_lake(
    tmp_path: Path, sandbox_settings: Settings, sandbox_variables: dict[str, str], unique_name: str
) -> BuildLake:
    """Builds a contract and a source of its own; nothing is sent or deployed yet."""

    def build(rows: int = 40) -> BuiltLake:
        return build_lake(tmp_path, sandbox_settings, dict(sandbox_variables), unique_name, rows)

    return build
