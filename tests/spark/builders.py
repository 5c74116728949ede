"""Messages as Spark reads them from Kafka, with defaults, for tests that change one thing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, settings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.model import Contract
from spark_streaming.source import select_raw
from tests.orders import BATCH_ID, SENT_AT, TOPIC, TOPIC_IDS

# An example is a Spark job over many values: there are few of them, and none is made smaller when it fails.
FEW_JOBS = settings(max_examples=2, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))

KAFKA_SCHEMA = (
    "key binary, value binary, topic string, partition int, offset long, timestamp timestamp, timestampType int"
)


class Message(NamedTuple):
    """One record of a topic, in the columns of Spark's Kafka source."""

    key: bytearray | None
    value: bytearray | None
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    timestamp_type: int = 0


def build_message(value: bytes | None, offset: int = 0, topic: str = TOPIC, partition: int = 0) -> Message:
    """One record."""
    return Message(bytearray(b"1"), None if value is None else bytearray(value), topic, partition, offset, SENT_AT)


def build_messages(values: Sequence[bytes | None], topic: str = TOPIC) -> list[Message]:
    """A record for each value, at offsets from 0."""
    return [build_message(value, offset, topic) for offset, value in enumerate(values)]


def frame_of(spark: SparkSession, messages: Sequence[Message]) -> DataFrame:
    """The frame that Spark's Kafka source would give."""
    return spark.createDataFrame([tuple(message) for message in messages], KAFKA_SCHEMA).coalesce(1)


def raw_of(spark: SparkSession, contract: Contract, messages: Sequence[Message]) -> DataFrame:
    """The raw rows of these messages."""
    return select_raw(frame_of(spark, messages), contract, TOPIC_IDS, F.lit(BATCH_ID))
