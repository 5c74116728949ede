"""The messages that a backfill judges again: read from Kafka or from the raw zone, or a refusal that names what is gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Set
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from connections.kafka_clients import configure_java
from pipeline_contract.errors import ServiceError, TopicMismatch
from pipeline_contract.event_range import find_file_ranges
from pipeline_contract.layout import operations_prefix, output_prefix
from pipeline_contract.manifest import LakeFile, OffsetRange
from spark_streaming.backfill_plan import BackfillPlan
from spark_streaming.ingest import ingest_outputs
from spark_streaming.lineage import TopicState
from spark_streaming.pipeline_job import PipelineJob
from spark_streaming.query import read_topic_state
from spark_streaming.row_files import read_output
from spark_streaming.source import select_raw
from spark_streaming.staging import list_files

TAKE_FROM_RAW = "Take them from the raw zone: --source raw"
REPLAY = "The contract has no raw zone: replay the source, as far as you still have it"


def read_source(job: PipelineJob, plan: BackfillPlan, spans: tuple[OffsetRange, ...], batch_id: str) -> DataFrame:
    """Raw rows that hold every offset of `spans`, shaped as the ingest shapes them; more rows may be among them."""
    messages = _read_kafka(job, spans) if plan.request.source == "kafka" else _read_raw(job, plan, spans)
    schemas = job.read_schemas()
    frames = [
        select_raw(frame, job.contract, {topic: topic_id}, F.lit(batch_id), schemas)
        for (topic, topic_id), frame in messages.items()
    ]
    return reduce(DataFrame.union, frames)


Messages = Mapping[tuple[str, str], DataFrame]


def _read_kafka(job: PipelineJob, spans: tuple[OffsetRange, ...]) -> Messages:
    topics = {span.topic: span.topic_id for span in spans}
    remedy = TAKE_FROM_RAW if job.contract.raw.zone != "off" else REPLAY
    check_spans(spans, read_topic_state(job.settings, tuple(sorted(topics))), remedy)
    client = {f"kafka.{name}": value for name, value in configure_java(job.settings.kafka).items()}
    return {(topic, topic_id): _read_spans(job, client, topic, spans) for topic, topic_id in topics.items()}


def check_spans(spans: Iterable[OffsetRange], state: TopicState, remedy: str = TAKE_FROM_RAW) -> None:
    """Return if the topics are those of the rows and still hold every offset of the spans, or raise naming what is gone."""
    lost = []
    for span in spans:
        if state.ids.get(span.topic) != span.topic_id:
            raise TopicMismatch(
                f"topic {span.topic!r} was recreated: rows of the range are of id {span.topic_id}, now it is "
                f"{state.ids.get(span.topic)}; nothing was changed. {remedy}"
            )
        low, high = (marks[span.topic].get(span.partition, 0) for marks in (state.low, state.high))
        if not low <= span.start or not span.end <= high:
            lost.append(
                f"{span.topic} partition {span.partition}: wanted {span.start} to {span.end}, available {low} to {high}"
            )
    if lost:
        raise ServiceError(
            "offsets of the range are gone from the topic:\n  " + "\n  ".join(lost) + f"\nNothing was changed. {remedy}"
        )


def _read_spans(job: PipelineJob, client: Mapping[str, str], topic: str, spans: Iterable[OffsetRange]) -> DataFrame:
    mine = [span for span in spans if span.topic == topic]
    options = {
        **client,
        "assign": json.dumps({topic: [span.partition for span in mine]}),
        "startingOffsets": json.dumps({topic: {str(span.partition): span.start for span in mine}}),
        "endingOffsets": json.dumps({topic: {str(span.partition): span.end for span in mine}}),
        "failOnDataLoss": "true",
        "kafka.isolation.level": "read_committed",
    }
    return job.spark.read.format("kafka").options(**options).load()


def _read_raw(job: PipelineJob, plan: BackfillPlan, spans: tuple[OffsetRange, ...]) -> Messages:
    files, bucket, name = _choose_raw(plan), job.settings.s3.bucket, job.contract.name
    prefixes = output_prefix(name, "raw"), operations_prefix(name)
    check_objects(bucket, files, {key for prefix in prefixes for key in list_files(job.s3, bucket, prefix)})
    raw = read_output(job.spark, ingest_outputs(job.contract)[0], [f"s3a://{bucket}/{f.final_key}" for f in files])
    messages = (
        job.open_raw_zone()
        .open_messages(raw)
        .select(
            "key",
            "value",
            F.col("_topic").alias("topic"),
            F.col("_topic_id").alias("topic_id"),
            F.col("_partition").alias("partition"),
            F.col("_offset").alias("offset"),
            F.col("_kafka_timestamp").cast("timestamp").alias("timestamp"),
        )
    )
    topics = {(span.topic, span.topic_id) for span in spans}
    return {
        (topic, topic_id): messages.where((F.col("topic") == topic) & (F.col("topic_id") == topic_id))
        for topic, topic_id in sorted(topics)
    }


def _choose_raw(plan: BackfillPlan) -> list[LakeFile]:
    """The raw files that can hold rows of the range: those of the same batches, and merged ones of the range."""
    raw = plan.state.current("raw")
    if plan.request.with_rejected:
        return list(raw.values())
    ranges = find_file_ranges(plan.state.manifests, plan.state.operations)
    return [file for key, file in raw.items() if plan.request.event_range.overlaps(ranges[key])]


def check_objects(bucket: str, files: Iterable[LakeFile], there: Set[str]) -> None:
    """Return if each file's object is among those that are there, or raise naming the others."""
    missing = [file.final_key for file in files if file.final_key not in there]
    if missing:
        shown = "\n  ".join(f"s3://{bucket}/{key}" for key in missing[:20])
        raise ServiceError(
            f"{len(missing)} raw objects that may hold rows of the range are gone:\n  {shown}\nNothing was changed. "
            "Restore them, or take the rows from the topic: --source kafka"
        )
