"""Thirty ways in which two consumers that both hold the partitions may take turns: every message is in one object."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.s3 import open_s3
from connections.settings import Settings
from tests.integration.kafka_consumer.pipelines import good_ids
from tests.integration.kafka_consumer.s3_ways import check_chain, make_s3_way
from tests.integration.kafka_consumer.zombies import run_zombies

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("seed", range(30))
def test_zombies_harm_nobody(sandbox_settings: Settings, tmp_path: Path, unique_name: str, seed: int) -> None:
    s3 = sandbox_settings.s3.model_copy(update={"bucket": unique_name})
    open_s3(s3).create_bucket(Bucket=unique_name)
    way = make_s3_way(tmp_path, unique_name, sandbox_settings.model_copy(update={"s3": s3}))
    way.pipeline.replay(0, 1_500)

    run_zombies(way, seed)

    assert way.count_ids() == good_ids(0, 1_500)
    check_chain(way)
