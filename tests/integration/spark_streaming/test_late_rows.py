"""The flights in their file's original order: most rows come later than the watermark allows, and none of them is lost."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from connections.settings import Settings
from sandbox.sample_data import write_flights
from tests.integration.spark_streaming.flight_windows import AGGREGATE, build_flights, check_windows

STEP = 25


@pytest.mark.timeout(1200)
def test_late_rows_are_curated_and_accounted_for(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    whole, path = tmp_path / "whole.csv", tmp_path / "flights.csv"
    write_flights(whole, "original")
    with whole.open(newline="") as source, path.open("w", newline="") as target:
        header, *rows = csv.reader(source)
        csv.writer(target).writerows([header, *rows[::STEP]])
    sent = len(rows[::STEP])
    flights = build_flights(tmp_path, unique_name, sandbox_settings, sandbox_variables)
    flights.deploy()
    flights.replay(path)
    done = flights.run("run", str(flights.path), "--available-now", "--max-offsets-per-trigger", "3000")
    assert done.code == 0, done.error
    assert flights.run("close", str(flights.path)).code == 0

    result = flights.reconcile()
    assert (result["produced"], result["loaded"], result["rejected"]) == (sent, sent, 0)
    assert result["complete"], result["findings"]
    assert result["open_windows"] == {AGGREGATE: 0}
    # The aggregate leaves exactly the late rows out, which are named; the curated table does not.
    late = check_windows(flights)
    assert 0 < late < sent
    assert result["late_rows"] == {AGGREGATE: late}
    assert done.events[-1]["rows"][f"aggregate-{AGGREGATE}"][f"late/{AGGREGATE}"] == late
