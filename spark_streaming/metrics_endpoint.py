"""The address at which Prometheus reads a running job's metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from connections.metrics_endpoint import serve_registry
from spark_streaming.metrics import Metrics
from spark_streaming.report import Report


class ProgressListener(StreamingQueryListener):
    """Passes Spark's progress reports on to the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 - the names are Spark's
        """Nothing is measured yet."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        """A batch has been committed, or a trigger found nothing to do."""
        self._metrics.add_progress(event.progress)

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        """What was measured last still holds."""

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        """The endpoint ends with the job."""


@contextmanager
def serve_metrics(spark: SparkSession, report: Report, metrics: Metrics, address: str, port: int) -> Iterator[None]:
    """Serve the metrics while the block runs; port 0 takes a free one, and a note says which it is."""
    listener = ProgressListener(metrics)
    with serve_registry(metrics.registry, address, port, "spark.metrics_port") as url:
        spark.streams.addListener(listener)
        report.listeners.append(metrics.add_batch)
        report.say("note", text=f"metrics at {url}", metrics=url)
        try:
            yield
        finally:
            spark.streams.removeListener(listener)
