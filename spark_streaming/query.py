"""One streaming query's life: checkpoint, lineage, ownership, batches, and what ends it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Protocol

from py4j.protocol import Py4JJavaError
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from connections.kafka import describe_topic_ids, read_watermarks
from connections.settings import Settings
from pipeline_contract import errors
from pipeline_contract.errors import PipelineError, TopicMismatch
from pipeline_contract.layout import name_batch
from pipeline_contract.manifest import Lineage, Manifest
from spark_streaming.checkpoint import Checkpoint
from spark_streaming.hadoop_files import HadoopFiles
from spark_streaming.lineage import TopicState, check_readable
from spark_streaming.log_lines import locate_batch, work_on
from spark_streaming.offsets import Offsets, measure_lag, range_ends, range_starts, span_ranges
from spark_streaming.publisher import Batch, Publisher
from spark_streaming.report import BatchReport, Report

# Publishes one batch's frame and returns the manifest that stands for it.
PublishBatch = Callable[[Publisher, Batch, DataFrame], Manifest]


# An error of ours in a source's own process comes back as the text of its stack.
_OWN_ERROR = re.compile(rf"^{errors.__name__}\.(?P<kind>\w+): (?P<message>.*)", re.MULTILINE)


# Two drivers that log a batch at once, or that begin one checkpoint at once.
_TWO_DRIVERS = ("CONCURRENT_STREAM_LOG_UPDATE", "oncurrently", "FileAlreadyExistsException")
_LATE_PROCESS = "Python worker failed to connect back"
_STARTS = 4
_POLL_S = 0.1


@dataclass(frozen=True)
class Trigger:
    """When a query takes its next batch: `interval` such as "5 seconds", or None to drain the topic and stop."""

    interval: str | None


# One batch after the other, without a pause.
AT_ONCE = Trigger("0 seconds")


@dataclass
class RunningQuery:
    """A started query and, once it has failed, why: an exception that crossed the JVM comes back as text."""

    name: str
    stream: StreamingQuery
    error: list[Exception] = field(default_factory=list)


def read_topic_state(settings: Settings, topics: tuple[str, ...]) -> TopicState:
    """The ids and offsets of the topics, as the broker has them now."""
    marks = {topic: read_watermarks(settings.kafka, topic) for topic in topics}
    return TopicState(
        ids=describe_topic_ids(settings.kafka, topics),
        low={topic: {p: low for p, (low, _) in of.items()} for topic, of in marks.items()},
        high={topic: {p: high for p, (_, high) in of.items()} for topic, of in marks.items()},
    )


def name_driver() -> str:
    """Who this driver is, for the owner object and for messages."""
    return f"{socket.gethostname()}:{os.getpid()}"


class StopRequested(Exception):
    """Ends a query at the begin of a batch: the one before it is committed, and this one has not been touched."""


class Batches(Protocol):
    """The batches of a query, as its source and its checkpoint have them."""

    def read(self, number: int) -> Batch:
        """What the batch reads, or an error that says why it must not be published."""

    def measure_lag(self, batch: Batch) -> Offsets:
        """How many offsets of each partition there are behind the batch."""


@dataclass
class TopicBatches:
    """The batches of a query that reads topics; each is read only if the topics are still those of the lineage."""

    settings: Settings
    checkpoint: Checkpoint
    lineage: Lineage
    _high: Offsets = field(default_factory=dict, init=False)

    def read(self, number: int) -> Batch:
        """The batch that Spark has logged; raises where its topics are not the lineage's or have lost its offsets."""
        entry = self.checkpoint.read_offset_log(number)
        begun = range_ends(self.lineage.starts)
        starts = self.checkpoint.read_offset_log(number - 1).ends if number else begun
        ids = {r.topic: r.topic_id for r in self.lineage.starts}
        batch = Batch(number, span_ranges(starts, entry.ends, ids), entry.watermark)
        state = read_topic_state(self.settings, tuple(sorted({r.topic for r in batch.ranges})))
        check_topics(batch, state)
        self._high = state.high
        return batch

    def measure_lag(self, batch: Batch) -> Offsets:
        """How many offsets of each partition the topics had behind the batch when it was read."""
        return measure_lag(range_ends(batch.ranges), self._high)


class BatchRunner:
    """Carries out `foreachBatch` for one query: finds what the batch reads, publishes, reports."""

    def __init__(
        self, batches: Batches, publisher: Publisher, publish: PublishBatch, report: Report, stop: Event
    ) -> None:
        self._batches = batches
        self._publisher = publisher
        self._publish = publish
        self._report = report
        self._stop = stop
        self.errors: list[Exception] = []

    def __call__(self, frame: DataFrame, number: int) -> None:
        """Run one micro-batch; whatever is raised stops the query before Spark commits the batch."""
        try:
            self._run(frame, number)
        except Exception as error:
            self.errors.append(error)
            raise

    def _run(self, frame: DataFrame, number: int) -> None:
        if self._stop.is_set():
            raise StopRequested
        query, batch_id = self._publisher.ledger.query, name_batch(self._publisher.lineage.lineage, number)
        with work_on(locate_batch(query, number, batch_id, ()), frame.sparkSession):
            batch = self._batches.read(number)
        with work_on(locate_batch(query, number, batch_id, batch.ranges), frame.sparkSession):
            self._publish_batch(frame, batch, batch_id)

    def _publish_batch(self, frame: DataFrame, batch: Batch, batch_id: str) -> None:
        started = monotonic()
        if batch.number > 0:
            self._publisher.sweep(batch.number - 1)
        manifest = self._publish(self._publisher, batch, frame)
        self._publisher.ledger.roll_up(self._publisher.lineage.lineage)
        counts = [count for read in (manifest, *batch.published) for count in read.counts]
        self._report.add_batch(
            BatchReport(
                query=self._publisher.ledger.query,
                batch=batch.number,
                batch_id=batch_id,
                rows={output.name: manifest.rows(output.name) for output in self._publisher.outputs},
                batch_seconds=monotonic() - started,
                watermark=batch.watermark,
                reasons=manifest.reasons,
                lag=self._batches.measure_lag(batch),
                newest=max((c.event_time_max for c in counts if c.event_time_max), default=None),
            )
        )


def check_topics(batch: Batch, state: TopicState) -> None:
    """Return if the topics are still those of the lineage and still hold what the batch reads, or raise."""
    for r in batch.ranges:
        if state.ids.get(r.topic) != r.topic_id:
            raise TopicMismatch(
                f"topic {r.topic!r} was recreated under the running job: its id was {r.topic_id}, now it is "
                f"{state.ids.get(r.topic)}. Nothing was skipped; if that was meant, go on with a new --checkpoint and "
                "--starting-offsets earliest"
            )
    check_readable(range_starts(r for r in batch.ranges if r.end > r.start), state)


def start_query(
    frame: DataFrame, checkpoint: Checkpoint, runner: BatchRunner, name: str, trigger: Trigger
) -> RunningQuery:
    """Start a query; its batches run on threads of Spark's."""
    writer = frame.writeStream.queryName(name).option("checkpointLocation", checkpoint.location).foreachBatch(runner)
    timed = writer.trigger(processingTime=trigger.interval) if trigger.interval else writer.trigger(availableNow=True)
    try:
        return RunningQuery(name, timed.outputMode("append").start(), runner.errors)
    except Py4JJavaError as error:
        raise explain_failure(name, error) from error


def start_patiently(start: Callable[[], RunningQuery]) -> RunningQuery:
    """Start a query whose source runs in a Python process of its own, and once more where that came too late.

    Spark waits ten seconds for the process, which a busy machine may need for the imports alone.
    """
    for _ in range(_STARTS - 1):
        query = start()
        while query.stream.isActive and query.stream.status["message"].startswith("Initializing"):
            sleep(_POLL_S)
        failure = query.stream.exception()
        if failure is None or _LATE_PROCESS not in str(failure):
            return query
    return start()


def stop_when_drained(query: RunningQuery) -> None:
    """Stop a query, on a thread of its own, once it has read all that its source has.

    Spark's own AvailableNow takes all that a Python source has in one batch, however much that is.
    """

    def wait() -> None:
        # Why a query ended is found in the query itself.
        with suppress(StreamingQueryException):
            query.stream.processAllAvailable()
        query.stream.stop()

    Thread(target=wait, name=f"drain {query.name}", daemon=True).start()


def find_failure(query: RunningQuery) -> Exception | None:
    """Why a query has failed, None while it runs or when it ended as asked; our own error rather than Spark's wrapping."""
    if query.stream.isActive:
        return None
    if query.error:
        return None if isinstance(query.error[-1], StopRequested) else query.error[-1]
    exception = query.stream.exception()
    return explain_failure(query.name, exception) if exception else None


def explain_failure(name: str, exception: Exception) -> PipelineError:
    """An error of Spark's in words of ours, where it is one that a user can do something about."""
    text = str(exception)
    if own := _OWN_ERROR.search(text):
        kind: type[PipelineError] = getattr(errors, own["kind"], PipelineErrorOfSpark)
        return kind(f"{name}: {own['message']}")
    first = next((line for line in text.splitlines() if line.strip()), "no message")
    if any(sign in text for sign in _TWO_DRIVERS):
        return PipelineErrorOfSpark(
            f"{name}: another driver works on this checkpoint at the same time; this one has stopped. Nothing is lost: "
            "run one driver a query"
        )
    if "failOnDataLoss" in text or "data loss" in text.lower():
        return PipelineErrorOfSpark(
            f"{name}: offsets that were not yet read are gone from the topic. Nothing was skipped. Spark says: {first}"
        )
    return PipelineErrorOfSpark(f"{name}: Spark stopped the query: {first}")


class PipelineErrorOfSpark(PipelineError):
    """A query that Spark stopped."""


def open_checkpoint(spark: SparkSession, location: str) -> Checkpoint:
    """A query's checkpoint; a path without a scheme is a local folder, made absolute."""
    return Checkpoint(HadoopFiles(spark, location if "://" in location else str(Path(location).resolve())))
