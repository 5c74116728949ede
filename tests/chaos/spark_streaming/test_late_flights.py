"""All flights in their file's original order, four of five rows late: after `close` and a backfill the windows are exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.settings import Settings
from sandbox.sample_data import write_flights
from tests.integration.spark_streaming.flight_windows import build_flights, check_late_flights


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_windows_equal_a_batch_query_after_close_and_backfill(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    path = tmp_path / "flights.csv"
    write_flights(path, "original")
    flights = build_flights(tmp_path, unique_name, sandbox_settings, sandbox_variables)
    check_late_flights(flights, path, batch_rows=40_000)
