"""The files that are current after manifests and operations."""

from __future__ import annotations

import pytest

from pipeline_contract.current_set import derive_current_set
from pipeline_contract.errors import PublishConflict
from pipeline_contract.layout import final_key, operation_prefix, partition_path
from tests.unit.pipeline_contract.operation_builder import (
    build_backfill,
    build_compaction,
    build_file,
    build_manifest,
    build_operation_file,
)

BATCHES = [build_manifest(0, build_file("a"), build_file("r", "raw")), build_manifest(1, build_file("b"))]


def test_without_operations_every_published_file_is_current() -> None:
    assert list(derive_current_set(BATCHES, [], "curated")) == ["a", "b"]
    assert list(derive_current_set(BATCHES, [], "raw")) == ["r"]


def test_a_compaction_takes_the_place_of_what_it_merged_and_can_be_superseded_itself() -> None:
    merged = build_compaction(1, ["a", "b"], build_operation_file("ab"))
    again = build_backfill(2, ["ab"], [build_operation_file("new")], [build_operation_file("rest")])

    assert list(derive_current_set(BATCHES, [merged], "curated")) == ["ab"]
    assert list(derive_current_set(BATCHES, [merged, again], "curated")) == ["new", "rest"]
    assert list(derive_current_set(BATCHES, [merged, again], "raw")) == ["r"]


def test_a_backfill_may_add_files_of_outputs_that_it_supersedes_nothing_of() -> None:
    backfill = build_backfill(1, ["a"], [build_operation_file("bad", "rejected")], [])

    assert list(derive_current_set(BATCHES, [backfill], "rejected")) == ["bad"]
    assert list(derive_current_set(BATCHES, [backfill], "curated")) == ["b"]


def test_superseding_what_is_not_current_is_refused_with_operation_and_file() -> None:
    first = build_compaction(1, ["a"], build_operation_file("a2"))

    with pytest.raises(PublishConflict, match="operation 2 supersedes a, which was not current"):
        derive_current_set(BATCHES, [first, build_compaction(2, ["a"], build_operation_file("a3"))], "curated")


@pytest.mark.parametrize("path", ["", "month=2013-01/", "day=2013-01-01/kind=a%2Fb/"], ids=["none", "one", "two"])
@pytest.mark.parametrize("pipeline", ["orders", "curated", "lake"])
def test_the_partition_path_of_a_key(pipeline: str, path: str) -> None:
    assert partition_path(final_key(pipeline, "curated", path, "0001-abc-0", 0, "parquet")) == path
    assert partition_path(f"{operation_prefix(pipeline, 'attempt')}curated/{path}part-0.parquet") == path
