"""The job in process: given a Spark session, run a pipeline's queries until they are drained, stopped or failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from connections.contract_history import adopt_contract
from connections.kafka import configure_java, describe_topic_ids
from connections.ledger import Ledger
from connections.ledger_objects import LedgerObjects
from connections.s3 import open_s3
from connections.schema_registry import ReadSchemas, open_schemas
from connections.settings import Settings
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.model import Aggregate, Column, Contract
from pipeline_contract.outputs import INGEST, aggregate_query, derive_aggregate
from spark_streaming.aggregates import aggregate_rows, aggregate_stream, fingerprint_aggregate, publish_windows
from spark_streaming.cast import cast_text
from spark_streaming.curate import judge_rows
from spark_streaming.ingest import IngestStage, ingest_outputs, partition_value
from spark_streaming.lineage import open_lineage
from spark_streaming.metrics import Metrics
from spark_streaming.metrics_endpoint import serve_metrics
from spark_streaming.offsets import range_starts
from spark_streaming.protect import needs_key
from spark_streaming.publisher import Publisher
from spark_streaming.query import (
    BatchRunner,
    PublishBatch,
    RunningQuery,
    Trigger,
    name_driver,
    open_checkpoint,
    read_topic_state,
    start_query,
)
from spark_streaming.reference import read_references
from spark_streaming.report import Report
from spark_streaming.row_files import read_output
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

        A query that is asked to stop finishes its batch. The first failure is raised.
        """
        check_checkpoint(str(self.spark.sparkContext.master), options.checkpoint or self.settings.spark.checkpoints)
        self._check_services()
        self.adopt_contract()
        started: list[RunningQuery] = []
        with self._measure(options.metrics_port):
            try:
                for starter in self._choose(options.query):
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

    def _choose(self, wanted: str) -> list[Starter]:
        aggregates: list[Starter] = [
            lambda options, stop, a=aggregate: self._start_aggregate(a, options, stop)  # type: ignore[misc]
            for aggregate in self.contract.aggregates
        ]
        if wanted == "aggregates" and not aggregates:
            raise ConfigurationError(f"--query aggregates: the contract {self.contract.name!r} has no [[aggregate]]")
        ingest: list[Starter] = [self._start_ingest]
        return {"ingest": ingest, "aggregates": aggregates, "all": [*ingest, *aggregates]}[wanted]

    def _check_services(self) -> None:
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
        topics = (self.contract.topic.name, self.contract.topic.rejected)
        references = read_references(self.spark, self.contract)
        stage = IngestStage(self.spark, self.contract, references, self.protect_key, self.read_schemas)
        # Its rows depend on nothing but the topic: a changed contract needs no new lineage, and a new one begins at the end.
        return self._start(
            INGEST, options, stop, topics, "stateless", "ledger-end", lambda messages, _: messages, stage.publish
        )

    def _start_aggregate(self, aggregate: Aggregate, options: RunOptions, stop: Event) -> RunningQuery:
        references = read_references(self.spark, self.contract)

        def transform(messages: DataFrame, ids: dict[str, str]) -> DataFrame:
            return aggregate_stream(messages, self.spark, self.contract, aggregate, references, self.protect_key, ids)

        return self._start(
            aggregate_query(aggregate),
            options,
            stop,
            (self.contract.topic.name,),
            fingerprint_aggregate(self.contract, aggregate),
            "first-start",
            transform,
            lambda publisher, batch, windows: publish_windows(publisher, batch, windows, self.contract, aggregate),
        )

    def _start(
        self, query: str, options: RunOptions, stop: Event, topics: tuple[str, ...], fingerprint: str, restart: str,
        transform: Callable[[DataFrame, dict[str, str]], DataFrame], publish: PublishBatch,
    ) -> RunningQuery:  # fmt: skip
        ledger = self.ledger(query)
        root = (options.checkpoint or self.settings.spark.checkpoints).rstrip("/")
        checkpoint = open_checkpoint(self.spark, f"{root}/{self.contract.name}/{query}")
        state = read_topic_state(self.settings, topics)
        lineage = open_lineage(ledger, checkpoint, state, fingerprint, options.starting_offsets, restart)
        epoch = ledger.take_ownership(name_driver(), lineage.lineage)
        outputs = (
            ingest_outputs(self.contract)
            if query == INGEST
            else tuple(
                derive_aggregate(self.contract, a) for a in self.contract.aggregates if aggregate_query(a) == query
            )
        )
        publisher = Publisher(
            self.s3, ledger, lineage, epoch, outputs, self.contract.version, hash_contract(self.contract), self._hear
        )
        publisher.recover()
        client = {f"kafka.{name}": value for name, value in configure_java(self.settings.kafka).items()}
        messages = read_topics(self.spark, client, range_starts(lineage.starts), options.max_offsets_per_trigger)
        frame = transform(messages, {r.topic: r.topic_id for r in lineage.starts})
        runner = BatchRunner(self.settings, checkpoint, lineage, publisher, publish, self.report, stop)
        self.report.say("query", query=query, lineage=lineage.lineage, checkpoint=checkpoint.location)
        return start_query(frame, checkpoint, runner, f"{self.contract.name}/{query}", options.trigger)

    def _hear(self, step: Step) -> None:
        self.report.add_step(step)
        self.listener(step)

    @property
    def protect_key(self) -> str | None:
        """The key with which the contract's columns are hashed, where it is set."""
        key = self.settings.spark.protect_key
        return key.get_secret_value() if key else None


def check_expressions(spark: SparkSession, contract: Contract, references: dict[str, DataFrame]) -> None:
    """Return if Spark takes every expression of the contract, or raise `ConfigurationError` with what it says."""
    try:
        rows = read_output(spark, ingest_outputs(contract)[0], [])
        judged = judge_rows(rows, contract, references)
        judged.select(*(partition_value(text) for text in contract.lake.partition_by.values()))
        for aggregate in contract.aggregates:
            aggregate_rows(judged, contract, aggregate)
    except AnalysisException as error:
        raise ConfigurationError(
            f"contract {contract.name!r}: Spark refuses an expression: {error.getMessage()}"
        ) from error
    for column in contract.columns:
        if column.format is not None:
            check_pattern(spark, contract, column)


def check_pattern(spark: SparkSession, contract: Contract, column: Column) -> None:
    """Return if Spark can use a column's date or time pattern: a wrong one shows only when a row is parsed."""
    # Text of a column, not a literal: the optimiser would fold that, and take the error for a null.
    text = spark.range(1).select(F.concat(F.lit("2024-01-0"), F.col("id")).alias("text"))
    try:
        text.select(cast_text(F.col("text"), column.type, column.format)).collect()
    except PySparkException as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(
            f"contract {contract.name!r}, column {column.name!r}: Spark cannot use the format {column.format!r}: {first}"
        ) from error
