"""A sample of random orders of live batches, compactions and backfills; the chaos suite runs many more."""

from __future__ import annotations

import pytest

from connections.ledger import Ledger
from connections.operations import read_operations
from connections.s3 import open_s3
from connections.settings import Settings
from tests.integration.connections.interleavings import BATCHES, ROWS_A_BATCH, run_in_random_order


@pytest.mark.parametrize("seed", range(2))
def test_the_current_set_is_whole_after_every_step(seed: int, unique_bucket: str, session_settings: Settings) -> None:
    ledger = Ledger(open_s3(session_settings.s3), unique_bucket, "orders", "ingest")

    lake = run_in_random_order(ledger, seed)

    lake.check_whole()
    assert len(read_operations(ledger)) >= 3
    assert sum(manifest.ranges[0].end - manifest.ranges[0].start for manifest in ledger.read_manifests()) == (
        BATCHES * ROWS_A_BATCH
    )
