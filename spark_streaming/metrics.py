"""What a running job measures, as Prometheus metrics: each batch as it is published, and Spark's own progress reports.

The labels are bounded by the contract: its queries, outputs, reasons, topics and partitions.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from pyspark.sql.streaming.listener import StreamingQueryProgress

from pipeline_contract.outputs import LATE_PREFIX
from spark_streaming.report import BatchReport

_QUERY = ("pipeline", "query")
_BATCH_SECONDS = (0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600)


@dataclass
class Metrics:
    """The metrics of one pipeline's job, in a registry of their own."""

    pipeline: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._batches = self._counter("millrace_batches", "Published batches.")
        self._batch_seconds = Histogram(
            "millrace_batch_seconds", "Duration of a batch from its offsets to its publication.", _QUERY,
            buckets=_BATCH_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._phase_seconds = Summary(
            "millrace_batch_phase_seconds", "Duration of a batch's phases: the publish protocol's and Spark's.",
            (*_QUERY, "phase"), registry=self.registry,
        )  # fmt: skip
        self._rows = self._counter("millrace_rows", "Published rows.", "output")
        self._rejected = self._counter("millrace_rejected_rows", "Rejected rows by their first reason.", "reason")
        self._late = self._counter(
            "millrace_late_rows", "Rows that came too late, once for each window that lacks them."
        )
        self._lag = self._gauge("millrace_kafka_lag_offsets", "Offsets still to be read.", "topic", "partition")
        self._event_time = self._gauge("millrace_event_time_timestamp_seconds", "Newest event time of the last batch.")
        self._event_lag = self._gauge("millrace_event_time_lag_seconds", "Its age when the batch was published.")
        self._watermark = self._gauge("millrace_watermark_timestamp_seconds", "Watermark of the last batch.")
        self._published = self._gauge("millrace_last_published_batch", "Number of the last published batch.")
        self._committed = self._gauge("millrace_last_committed_batch", "Number of the last batch that Spark committed.")
        self._input = self._gauge("millrace_input_rows_per_second", "Rows that arrived between the last two triggers.")
        self._processed = self._gauge(
            "millrace_processed_rows_per_second", "Rows that the last batch took in a second."
        )
        self._state_rows = self._gauge("millrace_state_rows", "Rows in the state of an aggregate.")
        self._state_bytes = self._gauge("millrace_state_memory_bytes", "Memory that this state takes.")

    def add_batch(self, batch: BatchReport) -> None:
        """Take one published batch."""
        query = (self.pipeline, batch.query)
        self._batches.labels(*query).inc()
        self._batch_seconds.labels(*query).observe(batch.batch_seconds)
        self._published.labels(*query).set(batch.batch)
        for phase, seconds in batch.seconds_by_phase.items():
            self._phase_seconds.labels(*query, phase).observe(seconds)
        for output, rows in batch.rows.items():
            self._rows.labels(*query, output).inc(rows)
            if output.startswith(LATE_PREFIX):
                self._late.labels(*query).inc(rows)
        for reason, rows in batch.reasons.items():
            self._rejected.labels(*query, reason).inc(rows)
        for topic, offsets in batch.lag.items():
            for partition, offset in offsets.items():
                self._lag.labels(*query, topic, str(partition)).set(offset)
        if batch.newest:
            newest_s = to_seconds(batch.newest)
            self._event_time.labels(*query).set(newest_s)
            self._event_lag.labels(*query).set(time.time() - newest_s)
        if batch.watermark:
            self._watermark.labels(*query).set(to_seconds(batch.watermark))

    def add_progress(self, progress: StreamingQueryProgress) -> None:
        """Take one of Spark's reports, which it makes when it has committed a batch; an idle trigger has no phases."""
        query = (self.pipeline, (progress.name or "").rpartition("/")[2])
        self._input.labels(*query).set(progress.inputRowsPerSecond)
        self._processed.labels(*query).set(progress.processedRowsPerSecond)
        if "addBatch" in progress.durationMs:
            self._committed.labels(*query).set(progress.batchId)
            for phase, millis in progress.durationMs.items():
                self._phase_seconds.labels(*query, to_snake_case(phase)).observe(millis / 1000)
        if progress.stateOperators:
            self._state_rows.labels(*query).set(sum(s.numRowsTotal for s in progress.stateOperators))
            self._state_bytes.labels(*query).set(sum(s.memoryUsedBytes for s in progress.stateOperators))

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, (*_QUERY, *labels), registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, (*_QUERY, *labels), registry=self.registry)


def to_seconds(moment: datetime) -> float:
    """A time of the lake, which is UTC and has no zone, in Unix seconds."""
    return moment.replace(tzinfo=UTC).timestamp()


def to_snake_case(name: str) -> str:
    """One of Spark's names, such as `addBatch`, as Prometheus writes them."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
