"""The flights in their file's original order: most rows come later than the watermark allows, and none of them is lost."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from connections.settings import Settings
from sandbox.sample_data import write_flights
from tests.integration.spark_streaming.flight_windows import build_flights, check_late_flights

STEP = 100


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_late_rows_are_accounted_for_and_counted_by_a_backfill(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    whole, path = tmp_path / "whole.csv", tmp_path / "flights.csv"
    write_flights(whole, "original")
    with whole.open(newline="") as source, path.open("w", newline="") as target:
        header, *rows = csv.reader(source)
        csv.writer(target).writerows([header, *rows[::STEP]])
    flights = build_flights(tmp_path, unique_name, sandbox_settings, sandbox_variables)
    check_late_flights(flights, path, batch_rows=700)
