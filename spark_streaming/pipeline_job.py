"""The job in process: given a Spark session, run a pipeline's queries until they are drained, stopped or failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import DataFrame, SparkSession

from connections.contract_history import adopt_contract
from connections.kafka import describe_topic_ids
from connections.kafka_clients import configure_java
from connections.ledger import Ledger
from connections.ledger_objects import LedgerObjects
from connections.s3 import open_s3
from connections.schema_registry import ReadSchemas, open_schemas
from connections.settings import Settings
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.manifest import Lineage
from pipeline_contract.model import Aggregate, Contract
from pipeline_contract.outputs import INGEST, FileOutput, aggregate_query
from pipeline_contract.passport import PASSPORT
from pipeline_contract.protection import needs_key
from spark_streaming.accepted_files import AcceptedFiles
from spark_streaming.aggregates import (
    AggregateStage,
    aggregate_outputs,
    aggregate_stream,
    define_aggregate,
    source_columns,
)
from spark_streaming.checkpoint import Checkpoint
from spark_streaming.curated_source import CuratedRequest, read_curated_stream
from spark_streaming.delta_log import find_delta_log
from spark_streaming.expression_checks import check_expressions
from spark_streaming.ingest import IngestStage, ingest_outputs, staged_messages
from spark_streaming.lineage import TopicOrigin, open_lineage
from spark_streaming.metrics import Metrics
from spark_streaming.metrics_endpoint import serve_metrics
from spark_streaming.offsets import range_starts
from spark_streaming.published_batches import LedgerOrigin, PublishedBatches, check_drained, read_run
from spark_streaming.publisher import Publisher
from spark_streaming.query import (
    AT_ONCE,
    BatchRunner,
    RunningQuery,
    TopicBatches,
    Trigger,
    name_driver,
    open_checkpoint,
    read_topic_state,
    start_patiently,
    start_query,
    stop_when_drained,
)
from spark_streaming.raw_zone import RawZone, open_raw_zone
from spark_streaming.reference import read_references
from spark_streaming.report import Report
from spark_streaming.source import read_topics
from spark_streaming.steps import Listener, Step
from spark_streaming.stopping import wait_for_queries
from spark_streaming.targets import check_checkpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Starter = Callable[["RunOptions", Event], RunningQuery]


@dataclass(frozen=True)
class RunOptions:
    """How to run: which queries, when they take a batch, where they begin and keep their checkpoints."""

    query: str = "all"
    trigger: Trigger = field(default_factory=lambda: Trigger(None))
    max_offsets_per_trigger: int = 1_000_000
    starting_offsets: str | None = None
    checkpoint: str | None = None
    metrics_port: int | None = None


@dataclass
class PipelineJob:
    """One pipeline's job on one Spark session; `listener` hears every step of the publish protocol."""

    spark: SparkSession
    settings: Settings
    contract: Contract
    report: Report
    listener: Listener

    def __post_init__(self) -> None:
        self.s3: S3Client = open_s3(self.settings.s3)
        self.read_schemas: ReadSchemas = open_schemas(self.settings.kafka, self.contract)

    def run(self, options: RunOptions, stop: Event) -> None:
        """Run the chosen queries until all are drained, `stop` is set or one fails; then every one is stopped.

        The aggregates read what the ingest has published: where all is to be drained, it is drained first. A query that is
        asked to stop finishes its batch. The first failure is raised.
        """
        check_checkpoint(str(self.spark.sparkContext.master), options.checkpoint or self.settings.spark.checkpoints)
        self._check_services()
        self.adopt_contract()
        ingest, aggregates = self._choose(options.query)
        with self._measure(options.metrics_port):
            if options.trigger.interval:
                self._run_together([*ingest, *aggregates], options, stop)
                return
            self._run_together(ingest, options, stop)
            if not stop.is_set():
                self._run_together(aggregates, options, stop)
        for aggregate in self.contract.aggregates if aggregates and not stop.is_set() else ():
            check_drained(self.ledger(INGEST), self.ledger(aggregate_query(aggregate)))

    def _run_together(self, starters: Sequence[Starter], options: RunOptions, stop: Event) -> None:
        started: list[RunningQuery] = []
        try:
            for starter in starters:
                started.append(starter(options, stop))
            wait_for_queries(started, stop)
        finally:
            for query in started:
                query.stream.stop()

    def ledger(self, query: str) -> Ledger:
        """The ledger of one of the pipeline's queries."""
        return Ledger(self.s3, self.settings.s3.bucket, self.contract.name, query)

    def adopt_contract(self) -> None:
        """Record today's contract as the newest that the pipeline has run with; `ContractChanged` where it may not follow.

        Whatever publishes rows by today's contract calls this first.
        """
        check_expressions(self.spark, self.contract, read_references(self.spark, self.contract))
        for change in adopt_contract(LedgerObjects(self.s3, self.settings.s3.bucket), self.contract):
            self.report.say("note", text=f"contract version {self.contract.version}: {change} ({change.verdict})")

    def _measure(self, port: int | None) -> AbstractContextManager[None]:
        wanted = self.settings.spark.metrics_port if port is None else port
        if wanted is None:
            return nullcontext()
        metrics = Metrics(self.contract.name)
        return serve_metrics(self.spark, self.report, metrics, self.settings.spark.metrics_address, wanted)

    def _choose(self, wanted: str) -> tuple[list[Starter], list[Starter]]:
        """What starts the ingest, and what starts the aggregates, as far as they are wanted."""
        aggregates: list[Starter] = [
            lambda options, stop, a=aggregate: self._start_aggregate(a, options, stop)  # type: ignore[misc]
            for aggregate in self.contract.aggregates
        ]
        if wanted == "aggregates" and not aggregates:
            raise ConfigurationError(f"--query aggregates: the contract {self.contract.name!r} has no [[aggregate]]")
        ingest: list[Starter] = [self._start_ingest]
        return ingest if wanted != "aggregates" else [], aggregates if wanted != "ingest" else []

    def open_raw_zone(self) -> RawZone:
        """What becomes of the messages' bytes; `ConfigurationError` where its key is missing."""
        key = self.settings.spark.raw_key
        return open_raw_zone(self.spark, self.contract, key.get_secret_value() if key else None)

    def _check_services(self) -> None:
        self.open_raw_zone()
        if needs_key(self.contract) and not self.protect_key:
            raise ConfigurationError(
                f'{self.contract.name}: a column has protect = "hash"; set its key in the environment variable '
                "MILLRACE_SPARK__PROTECT_KEY"
            )
        topics = (self.contract.topic.name, self.contract.topic.rejected)
        missing = set(topics) - set(describe_topic_ids(self.settings.kafka, topics))
        if missing:
            raise ConfigurationError(
                f"topic {sorted(missing)} does not exist; create it with "
                f"`python -m kafka_producer topics {self.contract.name}`, or replay a file"
            )
        bucket = self.settings.s3.bucket
        try:
            self.s3.head_bucket(Bucket=bucket)
        except (ClientError, BotoCoreError) as error:
            where = self.settings.s3.endpoint_url or f"AWS ({self.settings.s3.region})"
            raise ServiceError(f"S3 at {where}: cannot open the bucket {bucket!r}: {error}") from error

    def _start_ingest(self, options: RunOptions, stop: Event) -> RunningQuery:
        references = read_references(self.spark, self.contract)
        accepted = AcceptedFiles(self.ledger(INGEST))
        stage = IngestStage(
            self.spark, self.contract, references, self.protect_key, self.open_raw_zone(), self.read_schemas, accepted
        )
        checkpoint = self._open_checkpoint(INGEST, options)
        state = read_topic_state(self.settings, (self.contract.topic.name, self.contract.topic.rejected))
        # Its rows depend on nothing but the topic: a changed contract needs no new lineage.
        lineage = open_lineage(self.ledger(INGEST), checkpoint, TopicOrigin(state, options.starting_offsets), {})
        publisher = self._open_ingest_publisher(lineage)
        client = {f"kafka.{name}": value for name, value in configure_java(self.settings.kafka).items()}
        messages = read_topics(self.spark, client, range_starts(lineage.starts), options.max_offsets_per_trigger)
        batches = TopicBatches(self.settings, checkpoint, lineage)
        runner = BatchRunner(batches, publisher, stage.publish, self.report, stop)
        return self._start(messages, checkpoint, runner, lineage, options.trigger)

    def _start_aggregate(self, aggregate: Aggregate, options: RunOptions, stop: Event) -> RunningQuery:
        ingest, own = self.ledger(INGEST), self.ledger(aggregate_query(aggregate))
        checkpoint = self._open_checkpoint(own.query, options)
        origin = LedgerOrigin(ingest, read_run(ingest, self.contract.topic.name), options.starting_offsets)
        lineage = open_lineage(own, checkpoint, origin, define_aggregate(self.contract, aggregate))
        publisher = self._open_publisher(lineage, aggregate_outputs(self.contract, aggregate))
        curated = self._read_curated(aggregate, lineage, options.max_offsets_per_trigger)
        stage = AggregateStage(self.spark, self.contract, aggregate)
        batches = PublishedBatches(ingest, own, checkpoint, lineage)
        runner = BatchRunner(batches, publisher, stage.publish, self.report, stop)
        frame = aggregate_stream(curated, self.contract, aggregate)
        trigger = options.trigger if options.trigger.interval else AT_ONCE
        query = start_patiently(lambda: self._start(frame, checkpoint, runner, lineage, trigger))
        if not options.trigger.interval:
            stop_when_drained(query)
        return query

    def _read_curated(self, aggregate: Aggregate, lineage: Lineage, max_rows: int) -> DataFrame:
        assert lineage.begins_after is not None  # noqa: S101 - a lineage that reads the ledger begins in it
        request = CuratedRequest(
            s3=self.settings.s3,
            pipeline=self.contract.name,
            after=lineage.begins_after,
            format=ingest_outputs(self.contract)[1].format,
            columns=source_columns(self.contract, aggregate) | {"_event_time": str(PASSPORT["_event_time"])},
            max_rows=max_rows,
            tasks=self.spark.sparkContext.defaultParallelism,
        )
        return read_curated_stream(self.spark, request)

    def _open_checkpoint(self, query: str, options: RunOptions) -> Checkpoint:
        root = (options.checkpoint or self.settings.spark.checkpoints).rstrip("/")
        return open_checkpoint(self.spark, f"{root}/{self.contract.name}/{query}")

    def _open_ingest_publisher(self, lineage: Lineage) -> Publisher:
        raw, *others = ingest_outputs(self.contract)
        messages = staged_messages(self.contract)
        if messages == raw:
            return self._open_publisher(lineage, (raw, *others))
        return replace(self._open_publisher(lineage, tuple(others)), unpublished=(messages,))

    def _open_publisher(self, lineage: Lineage, outputs: tuple[FileOutput, ...]) -> Publisher:
        """The publisher of a query that this driver owns from now on, what drivers before it left half done finished."""
        ledger = self.ledger(lineage.query)
        epoch = ledger.take_ownership(name_driver(), lineage.lineage)
        version, digest = self.contract.version, hash_contract(self.contract)
        delta_log = find_delta_log(self.settings.s3, self.contract, outputs)
        if delta_log:
            delta_log.prepare()
        publisher = Publisher(self.s3, ledger, lineage, epoch, outputs, version, digest, self._hear, delta_log)
        publisher.recover()
        return publisher

    def _start(
        self, frame: DataFrame, checkpoint: Checkpoint, runner: BatchRunner, lineage: Lineage, trigger: Trigger
    ) -> RunningQuery:
        self.report.say("query", query=lineage.query, lineage=lineage.lineage, checkpoint=checkpoint.location)
        return start_query(frame, checkpoint, runner, f"{self.contract.name}/{lineage.query}", trigger)

    def _hear(self, step: Step) -> None:
        self.report.add_step(step)
        self.listener(step)

    @property
    def protect_key(self) -> str | None:
        """The key with which the contract's columns are hashed, where it is set."""
        key = self.settings.spark.protect_key
        return key.get_secret_value() if key else None
