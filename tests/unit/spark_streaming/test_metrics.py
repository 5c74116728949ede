"""What the metrics take from a batch and from Spark's progress, their endpoint, and that the documents name each of them."""

from __future__ import annotations

import io
import re
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql.streaming.listener import StreamingQueryProgress

from pipeline_contract.errors import ConfigurationError
from spark_streaming.metrics import Metrics, to_seconds, to_snake_case
from spark_streaming.metrics_endpoint import serve_metrics
from spark_streaming.report import BatchReport, Report

AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None)
BATCH = BatchReport(
    "ingest", 7, "0001-abc-0000000007", {"raw": 10, "curated": 8, "rejected": 2}, 1.5, AT, {"rule:known": 2},
    {"orders": {0: 5, 1: 0}}, AT, {"stage": 0.5},
)  # fmt: skip
# As Spark 4.0 reports it, but for sources and sink.
PROGRESS: dict[str, Any] = {
    "id": "3b6f8d1c-0000-4000-8000-000000000001", "runId": "3b6f8d1c-0000-4000-8000-000000000002",
    "name": "orders/aggregate-hourly", "timestamp": "2024-01-02T03:04:05.000Z", "batchId": 9, "batchDuration": 300,
    "numInputRows": 500, "inputRowsPerSecond": 250.0, "processedRowsPerSecond": 1000.0,
    "durationMs": {"addBatch": 200, "triggerExecution": 300, "walCommit": 50},
    "eventTime": {"watermark": "2024-01-02T02:04:05.000Z"},
    "stateOperators": [
        {"operatorName": "stateStoreSave", "numRowsTotal": 40, "numRowsUpdated": 4, "numRowsRemoved": 0,
         "allUpdatesTimeMs": 1, "allRemovalsTimeMs": 1, "commitTimeMs": 1, "memoryUsedBytes": 2048,
         "numRowsDroppedByWatermark": 0, "numShufflePartitions": 4, "numStateStoreInstances": 4, "customMetrics": {}},
    ],
    "sources": [],
    "sink": {"description": "ForeachBatchSink", "numOutputRows": -1},
}  # fmt: skip
QUERY = {"pipeline": "orders", "query": "ingest"}
WINDOWS = QUERY | {"query": "aggregate-hourly"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("orders")


def test_a_batch_is_added_up(metrics: Metrics) -> None:
    metrics.add_batch(BATCH)
    metrics.add_batch(BATCH)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"millrace_{name}", QUERY | labels)

    assert value("batches_total") == 2
    assert value("rows_total", output="curated") == 16
    assert value("rejected_rows_total", reason="rule:known") == 4
    assert value("kafka_lag_offsets", topic="orders", partition="0") == 5
    assert value("last_published_batch") == 7
    assert value("batch_seconds_sum") == 3.0
    assert value("batch_phase_seconds_sum", phase="stage") == 1.0
    assert value("event_time_timestamp_seconds") == value("watermark_timestamp_seconds") == 1704164645
    assert value("last_committed_batch") is None


def test_late_rows_are_counted_apart(metrics: Metrics) -> None:
    metrics.add_batch(BatchReport("aggregate-hourly", 0, "b", {"aggregates/hourly": 4, "late/hourly": 3}, 1.0))

    assert metrics.registry.get_sample_value("millrace_late_rows_total", WINDOWS) == 3
    assert metrics.registry.get_sample_value("millrace_rows_total", WINDOWS | {"output": "late/hourly"}) == 3


def test_progress_of_spark_tells_of_speed_phases_and_state(metrics: Metrics) -> None:
    metrics.add_progress(StreamingQueryProgress.fromJson(PROGRESS))
    # A trigger that found nothing to do: the number is that of the next batch.
    idle = PROGRESS | {"batchId": 10, "durationMs": {"latestOffset": 1, "triggerExecution": 1}}
    metrics.add_progress(StreamingQueryProgress.fromJson(idle))

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"millrace_{name}", WINDOWS | labels)

    assert value("last_committed_batch") == 9
    assert value("input_rows_per_second") == 250.0
    assert value("processed_rows_per_second") == 1000.0
    assert value("batch_phase_seconds_sum", phase="add_batch") == 0.2
    assert value("batch_phase_seconds_count", phase="trigger_execution") == 1
    assert value("state_rows") == 40
    assert value("state_memory_bytes") == 2048


def test_a_port_that_is_taken_is_named_before_anything_begins(metrics: Metrics) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        nothing: Any = None
        with (
            pytest.raises(ConfigurationError, match=f"--metrics-port {port}.*127.0.0.1:{port}"),
            serve_metrics(nothing, Report(io.StringIO()), metrics, "127.0.0.1", port),
        ):
            pytest.fail("began")


def test_names_are_those_of_prometheus(metrics: Metrics) -> None:
    assert to_snake_case("commitOffsets") == "commit_offsets"
    assert to_seconds(AT) == 1704164645
    for family in metrics.registry.collect():
        assert re.fullmatch(r"millrace_[a-z_]+", family.name)


def test_every_metric_is_documented_and_nothing_else(metrics: Metrics) -> None:
    text = Path("docs/operations.md").read_text(encoding="utf-8")

    exposed = {f"{f.name}_total" if f.type == "counter" else f.name for f in metrics.registry.collect()}
    assert set(re.findall(r"^\| `(millrace_[a-z_]+)`", text, re.MULTILINE)) == exposed
