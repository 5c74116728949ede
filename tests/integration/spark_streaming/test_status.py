"""Where a query is, told from its ledger and its checkpoint while the broker is away; what a person reads of it."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import KafkaSettings, Settings
from pipeline_contract.layout import name_batch, staging_prefix
from pipeline_contract.outputs import INGEST
from sandbox.processes import find_free_port
from spark_streaming.offsets import write_commit_log
from spark_streaming.status import PipelineStatus, QueryStatus, read_status
from spark_streaming.status_view import show_status
from tests.integration.spark_streaming.test_checkpoint_changes import PUBLISHED, Query, build_query
from tests.orders import build_contract
from tests.unit.pipeline_contract.operation_builder import LINEAGE


@pytest.fixture
def settings(session_settings: Settings, unique_bucket: str) -> Settings:
    """Settings with a bucket of the test's own, and a broker that is not there."""
    nowhere = KafkaSettings(bootstrap_servers=f"127.0.0.1:{find_free_port()}", timeout_s=0.3)
    s3 = session_settings.s3.model_copy(update={"bucket": unique_bucket})
    return session_settings.model_copy(update={"kafka": nowhere, "s3": s3})


@pytest.fixture
def query(settings: Settings, tmp_path: Path) -> Query:
    """An ingest that has published batches 0 to 3, has not committed the last, and has planned another."""
    return build_query(Ledger(open_s3(settings.s3), settings.s3.bucket, "orders", INGEST), tmp_path / "checkpoint")


def ask(settings: Settings) -> QueryStatus:
    return read_status(settings, build_contract()).queries[0]


def show(status: PipelineStatus) -> str:
    text = io.StringIO()
    show_status(status, Console(file=text, width=160))
    return text.getvalue()


def test_a_pipeline_that_was_never_started_says_so(settings: Settings) -> None:
    status = read_status(settings, build_contract())

    assert [(q.query, q.state) for q in status.queries] == [(INGEST, "has never been started")]
    assert status.trouble is not None
    assert settings.kafka.bootstrap_servers in status.trouble
    assert "lag unknown: Kafka" in show(status)


def test_a_planned_batch_is_told_with_its_attempts(settings: Settings, query: Query) -> None:
    for attempt in ("a", "b"):
        prefix = staging_prefix("orders", INGEST, name_batch(LINEAGE, PUBLISHED + 1), attempt)
        query.ledger.objects.put(f"{prefix}raw/part-0.parquet", b"")

    found = ask(settings)

    assert found.state == "batch 4 is planned and not published yet"
    assert (found.attempts, found.lag, found.conflict) == (2, None, None)
    assert (found.owner, found.epoch, found.lineage) == ("the job", 1, LINEAGE)
    assert found.published is not None
    assert (found.published.batch, found.published.ends) == (PUBLISHED, {"orders": {0: 40}})
    assert found.published.at is not None
    text = show(read_status(settings, build_contract()))
    assert "2 attempt(s)" in text
    assert "orders 0: 40" in text


def test_a_published_batch_that_is_not_committed_is_told(settings: Settings, query: Query) -> None:
    query.checkpoint.files.delete(f"offsets/{PUBLISHED + 1}")
    assert ask(settings).state == "batch 3 is published and not committed: the next start commits it"

    query.checkpoint.files.write(f"commits/{PUBLISHED}", write_commit_log())
    assert ask(settings).state == "all that was planned is published"


def test_a_checkpoint_ahead_of_the_ledger_is_a_conflict(settings: Settings, query: Query) -> None:
    query.checkpoint.files.write(f"commits/{PUBLISHED + 1}", write_commit_log())

    found = ask(settings)

    assert found.conflict is not None
    assert "has committed batch 4, the ledger ends at 3" in found.conflict
    assert "conflict" in show(read_status(settings, build_contract()))


def test_a_checkpoint_that_is_elsewhere_leaves_the_rest(settings: Settings, query: Query) -> None:
    shutil.rmtree(query.folder)

    found = ask(settings)

    assert "cannot be read: is empty, or not on this machine" in found.state
    assert found.published is not None
    assert found.published.batch == PUBLISHED
