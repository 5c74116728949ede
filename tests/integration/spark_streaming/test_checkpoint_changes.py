"""Rewind and start-over on a ledger and a checkpoint folder: what they plan, what they refuse, what a crash leaves."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, PublishConflict
from pipeline_contract.manifest import Lineage
from pipeline_contract.outputs import INGEST
from spark_streaming.checkpoint import LINEAGE_FILE, Checkpoint
from spark_streaming.checkpoint_changes import Plan, carry_out, plan_rewind, plan_start_over
from spark_streaming.checkpoint_files import LocalFiles
from spark_streaming.offsets import is_commit_log, range_ends, write_commit_log, write_offset_log
from tests.unit.pipeline_contract.operation_builder import LINEAGE, build_manifest

PUBLISHED = 3
AGGREGATE = "aggregate-hourly"


class Query(NamedTuple):
    ledger: Ledger
    checkpoint: Checkpoint
    folder: Path


@pytest.fixture
def query(unique_bucket: str, session_settings: Settings, tmp_path: Path) -> Query:
    """An ingest that has published batches 0 to 3, has not committed the last, and has planned another."""
    return build_query(Ledger(open_s3(session_settings.s3), unique_bucket, "orders", INGEST), tmp_path / "checkpoint")


def build_query(ledger: Ledger, folder: Path) -> Query:
    checkpoint = Checkpoint(LocalFiles(str(folder)))
    lineage = Lineage(
        pipeline="orders", query=ledger.query, lineage=LINEAGE, number=1, checkpoint=str(folder), contract_hash="h",
        starts=(),
    )  # fmt: skip
    assert ledger.register_lineage(lineage)
    checkpoint.write_lineage(lineage)
    ledger.take_ownership("the job", LINEAGE)
    for batch in range(PUBLISHED + 2):
        manifest = build_manifest(batch).model_copy(update={"query": ledger.query})
        if batch <= PUBLISHED:
            ledger.put_entry(manifest)
        checkpoint.files.write(f"offsets/{batch}", write_offset_log(range_ends(manifest.ranges)))
    for batch in range(PUBLISHED):
        checkpoint.files.write(f"commits/{batch}", write_commit_log())
    return Query(ledger, checkpoint, folder)


def names(plan: Plan) -> list[tuple[str, bool]]:
    """What a plan names, and whether it writes it."""
    return [(change.name, change.text is not None) for change in plan.changes]


def test_an_unpublished_plan_is_dropped_and_the_published_batch_committed(query: Query) -> None:
    plan = plan_rewind(query.ledger, query.checkpoint, PUBLISHED)

    assert names(plan) == [("offsets/4", False), ("commits/3", True)]
    assert names(plan_rewind(query.ledger, query.checkpoint, PUBLISHED - 1)) == [("offsets/4", False)]


@pytest.mark.parametrize("batch", [-1, 0, PUBLISHED - 2, PUBLISHED + 1])
def test_other_batches_are_refused(query: Query, batch: int) -> None:
    with pytest.raises(ConfigurationError, match=f"--to-batch {batch}"):
        plan_rewind(query.ledger, query.checkpoint, batch)


def test_the_driver_that_still_runs_is_fenced(query: Query) -> None:
    carry_out(query.ledger, query.checkpoint, lambda: plan_rewind(query.ledger, query.checkpoint, 3), "an operator")

    with pytest.raises(PublishConflict, match="an operator"):
        query.ledger.check_ownership(1)
    assert (query.checkpoint.last_planned(), query.checkpoint.last_committed()) == (3, 3)


def test_damaged_logs_are_written_from_the_ledger_whatever_is_missing(query: Query) -> None:
    chance = random.Random(20240101)
    for _ in range(8):
        for path in sorted(query.folder.rglob("*")):
            if path.is_file() and chance.random() < 0.4:
                path.unlink() if chance.random() < 0.5 else path.write_text("v1\n{", encoding="utf-8")

        plan = carry_out(
            query.ledger, query.checkpoint, lambda: plan_rewind(query.ledger, query.checkpoint, 3), "an operator"
        )

        assert query.checkpoint.read_lineage() == query.ledger.read_lineages()[0]
        assert (query.checkpoint.last_planned(), query.checkpoint.last_committed()) == (3, 3)
        assert is_commit_log(query.checkpoint.files.read("commits/3"))
        for batch in (2, 3):
            assert query.checkpoint.read_offset_log(batch).ends == {"orders": {0: batch * 10 + 10}}
        assert names(plan_rewind(query.ledger, query.checkpoint, 3)) == [], plan


def test_state_that_is_lost_is_not_made_up(session_settings: Settings, unique_bucket: str, tmp_path: Path) -> None:
    ledger = Ledger(open_s3(session_settings.s3), unique_bucket, "orders", AGGREGATE)
    query = build_query(ledger, tmp_path / "windows")

    with pytest.raises(ConfigurationError, match=r"commits/3: missing.*start-over"):
        plan_rewind(query.ledger, query.checkpoint, 3)
    assert names(plan_rewind(query.ledger, query.checkpoint, 2)) == [("offsets/4", False)]
    (query.folder / LINEAGE_FILE).unlink()
    with pytest.raises(ConfigurationError, match=f"{LINEAGE_FILE}: missing.*start-over"):
        plan_rewind(query.ledger, query.checkpoint, 2)


def test_another_lineage_s_checkpoint_is_left_alone(query: Query) -> None:
    other = query.ledger.read_lineages()[0].model_copy(update={"lineage": "0001-def", "pipeline": "invoices"})
    query.checkpoint.write_lineage(other)

    with pytest.raises(PublishConflict, match="holds lineage 0001-def"):
        plan_rewind(query.ledger, query.checkpoint, 3)
    with pytest.raises(ConfigurationError, match="is the checkpoint of invoices/ingest"):
        plan_start_over(query.ledger, query.checkpoint)


def test_start_over_that_is_cut_off_anywhere_is_carried_out_by_another(query: Query, tmp_path: Path) -> None:
    plan = plan_start_over(query.ledger, query.checkpoint)
    shutil.copytree(query.folder, tmp_path / "whole")
    for done in range(len(plan.changes) + 1):
        shutil.rmtree(query.folder)
        shutil.copytree(tmp_path / "whole", query.folder)
        for change in plan.changes[:done]:
            query.checkpoint.files.delete(change.name)
        if done:
            assert query.checkpoint.find_lineage_file() is None

        carry_out(
            query.ledger, query.checkpoint, lambda: plan_start_over(query.ledger, query.checkpoint), "an operator"
        )

        assert list(query.folder.iterdir()) == []
        assert query.checkpoint.read_lineage() is None
