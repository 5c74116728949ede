"""Four invocations at once, a hundred times: each message of a partition is written once."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from connections.settings import Settings
from pipeline_contract.ways import derive_way_tables
from tests.integration.aws_integration.handler_lab import LAST, deliver_at_once, open_session
from tests.integration.kafka_consumer.pipelines import make_pipeline

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]


def test_a_hundred_deliveries_by_four_at_once_write_each_message_once(
    warehouse_settings: Settings, tmp_path: Path, unique_name: str
) -> None:
    pipeline = make_pipeline(tmp_path, unique_name, warehouse_settings)
    pipeline.deploy()
    tables = derive_way_tables(pipeline.contract, "lambda")
    with closing(open_session(pipeline)) as connection:
        for seed in range(100):
            order = random.Random(seed)
            cuts = [(order.randrange(LAST), order.randint(1, 15)) for _ in range(order.randint(1, 8))]
            deliver_at_once(pipeline, connection, tables, cuts, order, writers=4)
