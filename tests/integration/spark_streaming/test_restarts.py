"""Restarts: on the same checkpoint, on a damaged one, on none, on another; nothing is lost and nothing is there twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.s3 import open_s3
from pipeline_contract.manifest import Seal
from spark_streaming.staging import delete_prefix
from tests.integration.spark_streaming.job_runs import Pipeline

INGEST = ("--query", "ingest")


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_a_pipeline_goes_on_whatever_happens_to_its_checkpoint(pipeline: Pipeline) -> None:
    pipeline.replay(pipeline.write_rows(0, 1000))
    first = pipeline.drain(*INGEST)
    assert first.code == 0, first.error
    assert first.events[-1]["rows"]["ingest"] == {"raw": 1000, "curated": 990, "rejected": 10}

    # Spark forgets that it committed the batch: it plans it again, and finds it published.
    commits = Path(pipeline.checkpoint) / pipeline.name / "ingest" / "commits"
    last = max(path for path in commits.iterdir() if path.name.isdigit())
    (commits / f".{last.name}.crc").unlink(missing_ok=True)
    last.unlink()
    assert pipeline.drain(*INGEST).code == 0
    assert pipeline.lines("raw") == list(range(2, 1002))

    # Another checkpoint, on S3, while the first still exists: the ledger says where to go on.
    pipeline.replay(pipeline.write_rows(1000, 500, "more.csv"))
    other = pipeline.on_checkpoint(f"s3a://{pipeline.settings.s3.bucket}/_checkpoints")
    assert other.drain(*INGEST).code == 0
    assert len(pipeline.lines("raw")) == 1500
    assert isinstance(pipeline.ledger().read_entry(pipeline.ledger().read_lineages()[0].lineage, 1), Seal)

    # The first checkpoint's time is over, and it says which one goes on.
    ended = pipeline.drain(*INGEST)
    assert ended.code == 1
    assert "has ended" in ended.error
    assert other.checkpoint in ended.error

    # The checkpoint is lost.
    assert (
        delete_prefix(open_s3(pipeline.settings.s3), pipeline.settings.s3.bucket, f"_checkpoints/{pipeline.name}/") > 3
    )
    pipeline.replay(pipeline.write_rows(1500, 500, "last.csv"))
    assert other.drain(*INGEST).code == 0
    assert len(pipeline.lines("raw")) == 2000
    assert len(pipeline.lines("curated")) == 1980
    assert len(pipeline.ledger().read_lineages()) == 3
