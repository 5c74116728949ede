"""Fifty random orders of live batches, compactions and backfills."""

from __future__ import annotations

import pytest

from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import Settings
from tests.integration.connections.interleavings import run_in_random_order


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(100, 150))
def test_the_current_set_is_whole_after_every_step(seed: int, unique_bucket: str, session_settings: Settings) -> None:
    ledger = Ledger(open_s3(session_settings.s3), unique_bucket, "orders", "ingest")
    run_in_random_order(ledger, seed).check_whole()
