"""Two drivers at once: one of them stops and says why; every row is published once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.spark_streaming.job_runs import Pipeline, Run

ROWS = 6000
OPTIONS = ("--query", "ingest", "--max-offsets-per-trigger", "1000")


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("second_checkpoint", ["same", "another"])
def test_two_drivers_publish_every_row_once(pipeline: Pipeline, tmp_path: Path, second_checkpoint: str) -> None:
    pipeline.replay(pipeline.write_rows(0, ROWS))
    other = pipeline if second_checkpoint == "same" else pipeline.on_checkpoint(tmp_path / "another")
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda p: p.drain(*OPTIONS), (pipeline, other)))
    for run in runs:
        assert run.code == 0 or is_clear(run), run.text
    # Whoever owns the query now goes on alone.
    lineage = pipeline.ledger().read_lineages()[-1]
    assert pipeline.on_checkpoint(Path(lineage.checkpoint).parents[1]).drain(*OPTIONS).code == 0
    assert pipeline.lines("raw") == list(range(2, ROWS + 2))
    assert sorted(pipeline.lines("curated") + pipeline.lines("rejected")) == list(range(2, ROWS + 2))


def is_clear(run: Run) -> bool:
    """Say whether a run stopped with a message about the other driver."""
    said = ("no longer the owner", "was ended by", "has ended", "another driver", "on another checkpoint")
    return run.code in (1, 3) and any(words in run.error for words in said)
