"""A backfill is refused, naming what is gone, unless every row that it is to take again can be read."""

from __future__ import annotations

import pytest

from pipeline_contract.errors import PipelineError, ServiceError, TopicMismatch
from pipeline_contract.manifest import OffsetRange, OperationFile
from spark_streaming.backfill_source import check_objects, check_spans
from spark_streaming.lineage import TopicState

SPANS = [
    OffsetRange(topic="orders", topic_id="first", partition=0, start=10, end=20),
    OffsetRange(topic="orders", topic_id="first", partition=1, start=0, end=5),
]


def build_state(topic_id: str | None = "first", low: int = 0, high: int = 20) -> TopicState:
    ids = {} if topic_id is None else {"orders": topic_id}
    return TopicState(ids=ids, low={"orders": {0: low, 1: 0}}, high={"orders": {0: high, 1: 5}})


def test_what_is_still_there_is_read() -> None:
    check_spans(SPANS, build_state(low=10))


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        pytest.param(
            build_state(low=11), ServiceError, "orders partition 0: wanted 10 to 20, available 11 to 20", id="expired"
        ),
        pytest.param(
            build_state(high=19), ServiceError, "orders partition 0: wanted 10 to 20, available 0 to 19", id="cut"
        ),
        pytest.param(
            build_state("second"), TopicMismatch, "rows of the range are of id first, now it is second", id="recreated"
        ),
        pytest.param(build_state(None), TopicMismatch, "now it is None", id="deleted"),
    ],
)
def test_offsets_that_are_gone_are_named(state: TopicState, kind: type[PipelineError], words: str) -> None:
    with pytest.raises(kind) as refused:
        check_spans(SPANS, state)
    assert words in str(refused.value)
    assert "Nothing was changed" in str(refused.value) or "nothing was changed" in str(refused.value)
    assert "--source raw" in str(refused.value)
    assert "partition 1" not in str(refused.value)


def test_raw_objects_that_are_gone_are_named() -> None:
    files = [
        OperationFile(
            output="raw",
            final_key=f"lake/orders/raw/{n}.parquet",
            bytes=1,
            rows=1,
            sha256="",
            event_time_min=None,
            event_time_max=None,
        )
        for n in range(25)
    ]
    check_objects("lake", files, {file.final_key for file in files})

    with pytest.raises(ServiceError) as refused:
        check_objects("lake", files, {"lake/orders/raw/0.parquet"})

    assert "24 raw objects" in str(refused.value)
    assert "s3://lake/lake/orders/raw/1.parquet" in str(refused.value)
    assert "raw/21.parquet" not in str(refused.value), "no more than twenty"
    assert "--source kafka" in str(refused.value)
