"""The windowed aggregate: what the stream closes and what `close` publishes equal a count over the rows, each window once."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from tests.integration.spark_streaming.job_runs import Pipeline

# Of the second file: in the ingest's batch before its copies, then in the aggregate's batch before its manifest.
KILLS = ("copy:begin:0", "manifest:begin:0")


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_windows_equal_a_count_over_the_rows(pipeline: Pipeline) -> None:
    pipeline.deploy()
    expected: Counter[tuple[datetime, str]] = Counter()
    for first, name, kills in ((0, "one.csv", ()), (700, "two.csv", KILLS)):
        path = pipeline.write_rows(first, 700, name)
        expected.update(count_windows(path.read_text()))
        pipeline.replay(path)
        for step in kills:
            assert pipeline.drain_until_killed(step).code == -9, step
        done = pipeline.run("run", str(pipeline.path), "--available-now")
        assert done.code == 0, done.error
    open_windows = pipeline.reconcile()["open_windows"]["hourly"]
    assert open_windows > 0

    again = pipeline.run_verbs(["close"], ["close"])
    assert again.code == 0, again.error
    assert any("stands" in event.get("text", "") for event in again.events), again.text

    result = pipeline.reconcile()
    assert result["complete"], result["findings"]
    assert result["open_windows"]["hourly"] == 0
    published = pipeline.query('select "WINDOW_START" as w, "KIND" as k, "EVENTS" as n from events_hourly')
    assert {(row["W"], row["K"]): row["N"] for row in published} == dict(expected)
    assert len(published) == len(expected)


def count_windows(text: str) -> Counter[tuple[datetime, str]]:
    """The oracle: valid rows by hour and kind."""
    rows: list[Any] = [line.split(",") for line in text.splitlines()[1:]]
    return Counter(
        (datetime.fromisoformat(at).replace(minute=0, second=0), kind) for _, at, kind in rows if kind in ("a", "b")
    )
