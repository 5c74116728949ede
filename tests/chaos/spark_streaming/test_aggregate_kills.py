"""All flights, and kill -9 of the driver at ten random steps: the hourly windows are exactly those of a batch query."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from connections.settings import Settings
from sandbox.sample_data import write_flights
from tests.integration.spark_streaming.flight_windows import AGGREGATE, build_flights, check_windows

KILLS = 10
STEPS = ("stage", "inspect", "manifest", "copy")
BATCH = ("--max-offsets-per-trigger", "20000")


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_hourly_windows_are_exact_after_ten_random_kills(
    tmp_path: Path, unique_name: str, sandbox_settings: Settings, sandbox_variables: dict[str, str]
) -> None:
    path, random = tmp_path / "flights.csv", Random(336_776)
    write_flights(path, "time_hour")
    flights = build_flights(tmp_path, unique_name, sandbox_settings, sandbox_variables)
    flights.deploy()
    flights.replay(path)
    for number in range(KILLS):
        # The first half while the ingest is at it, the rest while the aggregate catches up with what is published.
        query = "ingest" if number < KILLS // 2 else "aggregates"
        step = f"{random.choice(STEPS)}:{random.choice(('begin', 'end'))}:{random.randrange(3)}"
        assert flights.drain_until_killed(step, "--query", query, *BATCH).code == -9, (number, step)
        if number == KILLS // 2 - 1:
            assert flights.drain("--query", "ingest", *BATCH).code == 0
    done = flights.drain(*BATCH)
    assert done.code == 0, done.error
    assert flights.run("close", str(flights.path)).code == 0

    result = flights.reconcile()
    assert result["complete"], result["findings"]
    assert result["open_windows"] == {AGGREGATE: 0}
    assert check_windows(flights) == result["late_rows"][AGGREGATE] == 0
