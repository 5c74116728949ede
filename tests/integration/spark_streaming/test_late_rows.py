"""The flights in their file's original order: most rows come later than the watermark allows, and none of them is lost."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from connections.settings import Settings
from sandbox.sample_data import write_flights
from tests.integration.spark_streaming.job_runs import Pipeline

STEP = 25


@pytest.fixture
def flights(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> Pipeline:
    """The flights contract under a name of its own, on topics, prefixes and tables of its own."""
    text = Path("conf/pipelines/flights.toml").read_text()
    renamed = text.replace('name = "flights"\n', f'name = "{unique_name}"\n').replace('"FLIGHTS"', f'"{unique_name}"')
    (tmp_path / f"{unique_name}.toml").write_text(renamed)
    return Pipeline(tmp_path, unique_name, sandbox_settings, sandbox_variables, str(tmp_path / "checkpoints"))


@pytest.mark.timeout(1200)
def test_late_rows_are_curated_and_accounted_for(flights: Pipeline, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.csv", tmp_path / "flights.csv"
    write_flights(whole, "original")
    with whole.open(newline="") as source, path.open("w", newline="") as target:
        header, *rows = csv.reader(source)
        csv.writer(target).writerows([header, *rows[::STEP]])
    sent = len(rows[::STEP])
    flights.deploy()
    flights.replay(path)
    done = flights.run("run", str(flights.path), "--available-now", "--max-offsets-per-trigger", "5000")
    assert done.code == 0, done.error
    result = flights.reconcile()
    assert (result["produced"], result["loaded"], result["rejected"]) == (sent, sent, 0)
    assert result["complete"], result["findings"]
    # The aggregate leaves late rows out; the curated table does not.
    by_carrier = flights.query('select sum("DEPARTURES") as n from flights_hourly_departures')
    assert 0 < by_carrier[0]["N"] < sent
