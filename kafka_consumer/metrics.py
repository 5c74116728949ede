"""What a running consumer measures, as Prometheus metrics; the labels are bounded by the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kafka_consumer.destination import Partition
from kafka_consumer.writer import Outcome

_RUN = ("pipeline", "way")
_BATCH_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


@dataclass
class Metrics:
    """The metrics of one consumer, in a registry of their own."""

    pipeline: str
    way: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._run = (self.pipeline, self.way)
        self._messages = self._counter("millrace_consumer_messages", "Messages read.")
        self._bytes = self._counter("millrace_consumer_bytes", "Bytes of the messages read.")
        self._batches = self._counter("millrace_consumer_batches", "Batches written.")
        self._rows = self._counter("millrace_consumer_rows", "Rows written.", "output")
        self._batch_seconds = Histogram(
            "millrace_consumer_batch_seconds", "Duration of a batch's write.", _RUN, buckets=_BATCH_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._waiting = self._gauge("millrace_consumer_waiting_rows", "Messages read and not handed over yet.")
        self._lag = self._gauge("millrace_consumer_lag_offsets", "Offsets still to be read.", "topic", "partition")
        self._counted = {self._messages: 0, self._bytes: 0}

    def add_batch(self, outcome: Outcome) -> None:
        """Take one written batch."""
        self._batches.labels(*self._run).inc()
        self._batch_seconds.labels(*self._run).observe(outcome.seconds)
        for output, rows in outcome.written.rows.items():
            self._rows.labels(*self._run, output).inc(rows)

    def set_standing(self, messages: int, size: int, lag: Mapping[Partition, int], waiting: int) -> None:
        """Take the counts of the run so far, and the lag of the partitions that are this consumer's now."""
        for counter, total in ((self._messages, messages), (self._bytes, size)):
            counter.labels(*self._run).inc(total - self._counted[counter])
            self._counted[counter] = total
        self._waiting.labels(*self._run).set(waiting)
        self._lag.clear()
        for partition, offsets in lag.items():
            self._lag.labels(*self._run, partition.topic, str(partition.number)).set(offsets)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, (*_RUN, *labels), registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, (*_RUN, *labels), registry=self.registry)
