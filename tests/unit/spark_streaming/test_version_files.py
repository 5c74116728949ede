"""Which batches of an aggregate can hold windows of a span."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pipeline_contract.event_range import EventRange
from pipeline_contract.manifest import Manifest, PublishedFile
from spark_streaming.window_versions import list_version_files

BEGIN = datetime(2024, 5, 1)  # noqa: DTZ001 - times of the lake have no zone
# By lineage and batch the hour of the watermark; the first batch has none.
WATERMARKS = {"0001-a": (None, 2, 4, 4, 6), "0002-b": (None, 5)}


def at(hour: int) -> datetime:
    return BEGIN + timedelta(hours=hour)


def build_manifest(lineage: str, batch: int, hour: int | None) -> Manifest:
    file = PublishedFile(
        output="aggregates/hourly", staged_key="", final_key=f"{lineage}/{batch}", bytes=1, rows=1, sha256=""
    )
    return Manifest(
        pipeline="p", query="aggregate-hourly", lineage=lineage, batch=batch, epoch=1, attempt="a", contract_version=1,
        contract_hash="", ranges=(), counts=(), files=(file,), watermark=None if hour is None else at(hour),
    )  # fmt: skip


MANIFESTS = [build_manifest(lineage, n, hour) for lineage, of in WATERMARKS.items() for n, hour in enumerate(of)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 2, ["0001-a/1", "0002-b/1"]),
        (2, 4, ["0001-a/2", "0002-b/1"]),
        (3, 5, ["0001-a/2", "0001-a/3", "0001-a/4", "0002-b/1"]),
        (5, 6, ["0001-a/4"]),
        (6, 9, []),
    ],
)
def test_only_batches_whose_watermark_can_have_closed_them(start: int, end: int, expected: list[str]) -> None:
    files = list_version_files(MANIFESTS, "aggregates/hourly", EventRange(at(start), at(end)))
    assert [file.final_key for file in files] == expected
    assert not list(list_version_files(MANIFESTS, "aggregates/daily", EventRange(at(start), at(end))))
