"""Which files a compaction merges."""

from __future__ import annotations

import pytest

from pipeline_contract.manifest import LakeFile
from pipeline_contract.merge_plan import plan_merges
from tests.unit.pipeline_contract.operation_builder import build_file

TARGET = 1000


def build_files(sizes: dict[str, int]) -> list[LakeFile]:
    return [build_file(f"lake/orders/curated/{name}", size=size) for name, size in sizes.items()]


@pytest.mark.parametrize(
    ("sizes", "merged"),
    [
        ({}, {}),
        ({"a": 100}, {}),
        ({"a": 100, "b": 100}, {"": (["a", "b"], 1)}),
        ({"a": 100, "b": 500, "c": 900}, {}),
        ({"a": 499, "b": 499, "c": 499}, {"": (["a", "b", "c"], 2)}),
        ({"d=1/a": 1, "d=2/a": 1}, {}),
        ({"d=1/a": 1, "d=1/b": 1, "d=2/a": 1, "d=2/b": 1}, {"d=1/": (["a", "b"], 1), "d=2/": (["a", "b"], 1)}),
    ],
    ids=["none", "alone", "two", "large ones stay", "more than one target", "other places", "by place"],
)
def test_small_files_of_one_place_are_merged(sizes: dict[str, int], merged: dict[str, tuple[list[str], int]]) -> None:
    plan = plan_merges(build_files(sizes), TARGET)

    found = {m.partition_path: ([f.final_key.rpartition("/")[2] for f in m.files], m.merged_files) for m in plan}
    assert found == merged
