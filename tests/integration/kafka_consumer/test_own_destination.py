"""The destination that the documentation shows, found by its entry point, as it stands there."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kafka_consumer.destination import open_destination
from tests.documents import install_example
from tests.integration.kafka_consumer.consumer_runs import drain
from tests.integration.kafka_consumer.pipelines import Pipeline, good_ids

PAGE = Path("docs/sources-and-sinks.md").resolve()


def test_the_documented_destination_has_every_row_once(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = install_example(PAGE, "A destination of your own", tmp_path)
    assert len(code.splitlines()) < 40
    monkeypatch.syspath_prepend(tmp_path)
    bootstrap = pipeline.settings.kafka.bootstrap_servers
    contract, settings = pipeline.contract, pipeline.settings
    monkeypatch.chdir(tmp_path)

    for first in (0, 300):
        pipeline.replay(first, 300)
        with closing(open_destination("sqlite", contract, settings)) as destination:
            drain(bootstrap, pipeline.topics, destination)
    # A consumer whose group has forgotten its offsets asks the destination.
    with closing(open_destination("sqlite", contract, settings)) as destination:
        repeated = drain(bootstrap, reversed(pipeline.topics), destination)

    assert repeated.messages == 0
    with closing(sqlite3.connect(tmp_path / f"{pipeline.name}.db")) as database:
        rows = [json.loads(row) for (row,) in database.execute("select row from curated")]
    assert sorted(row[0] for row in rows) == sorted(good_ids(0, 600))
    sys.modules.pop("shop_destination")
