"""Messages as Spark reads them from Kafka, contracts and rows, each with defaults, for tests that change one thing."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, settings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.contract_file import parse_contract
from pipeline_contract.model import Contract
from spark_streaming.source import select_raw

# An example is a Spark job over many values: there are few of them, and none is made smaller when it fails.
FEW_JOBS = settings(
    max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)

TOPIC = "orders"
TOPIC_IDS = {TOPIC: "id-of-orders", f"{TOPIC}.rejected": "id-of-rejected"}
BATCH_ID = "0001-abc-0000000000"
SENT_AT = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
KAFKA_SCHEMA = (
    "key binary, value binary, topic string, partition int, offset long, timestamp timestamp, timestampType int"
)
_ORDERS: dict[str, Any] = {
    "name": "orders",
    "version": 1,
    "source": {"null_values": ["", "NA"]},
    "topic": {"name": TOPIC, "key": ["id"], "value_format": "json"},
    "event_time": {"column": "at"},
    "column": [
        {"name": "id", "type": "bigint", "nullable": False},
        {"name": "at", "type": "timestamp", "nullable": False},
        {"name": "price", "type": "decimal(12,2)"},
        {"name": "count", "type": "integer"},
        {"name": "country", "type": "string"},
    ],
    "warehouse": {"schema": "ORDERS", "table": "orders"},
}
ORDER = {"id": "1", "at": "2024-05-01T10:00:00Z", "price": "9.50", "count": "2", "country": "NO"}


class Message(NamedTuple):
    """One record of a topic, in the columns of Spark's Kafka source."""

    key: bytearray | None
    value: bytearray | None
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    timestamp_type: int = 0


def build_contract(**changes: Any) -> Contract:
    """The contract `orders` with some of its keys replaced, or left out where they are None; it must be a valid one."""
    data = copy.deepcopy(_ORDERS) | changes
    contract, problems = parse_contract({key: value for key, value in data.items() if value is not None})
    assert not problems, problems
    return contract


def build_csv_contract(**changes: Any) -> Contract:
    """The contract `orders` with CSV values."""
    return build_contract(topic={**_ORDERS["topic"], "value_format": "csv"}, **changes)


def order_columns(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """The columns of `orders` and more of them."""
    return [*copy.deepcopy(_ORDERS["column"]), *more]


def order_json(**changes: Any) -> bytes:
    """A value of the topic; a field that is given as None is left out."""
    row = {"_source_file": "orders.csv#1", "_source_line": 7} | ORDER | changes
    return json.dumps({name: value for name, value in row.items() if value is not None}).encode()


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
