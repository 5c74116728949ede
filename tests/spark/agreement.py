"""One batch of messages judged by the Spark job and by the judge without Spark, as what they disagree on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.lookup_files import read_lookups
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT
from pipeline_contract.row_judge import JudgedRows, Message, compile_judge
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from spark_streaming.protect import add_key
from spark_streaming.raw_zone import open_raw_zone
from spark_streaming.reference import read_references
from spark_streaming.source import select_raw
from tests.orders import BATCH_ID, SENT_AT, TOPIC_IDS
from tests.spark.builders import KAFKA_SCHEMA

KEY, RAW_KEY = "canary-key-of-the-tests", "canary-raw-key-of-the-tests-of-many-characters"


def list_messages(values_by_topic: Mapping[str, Sequence[bytes | None]]) -> list[Message]:
    """A record for each value of each topic, at offsets from 0 of partition 0."""
    sent_ms = int(SENT_AT.timestamp() * 1000)
    return [
        Message(topic, TOPIC_IDS[topic], 0, offset, sent_ms, b"1", value)
        for topic, values in values_by_topic.items()
        for offset, value in enumerate(values)
    ]


def judge_by_spark(
    spark: SparkSession, contract: Contract, messages: Sequence[Message], schemas: Mapping[int, str]
) -> JudgedRows:
    """The rows of the Spark job, read from the raw rows as it does."""
    rows = [
        (m.key and bytearray(m.key), None if m.value is None else bytearray(m.value), m.topic, m.partition, m.offset, SENT_AT, 0)
        for m in messages
    ]  # fmt: skip
    frame = spark.createDataFrame(rows, KAFKA_SCHEMA).coalesce(1)
    raw = add_key(select_raw(frame, contract, TOPIC_IDS, F.lit(BATCH_ID), schemas), spark, contract, KEY)
    zone = open_raw_zone(spark, contract, RAW_KEY)
    judged = judge_rows(raw, contract, read_references(spark, contract), schemas).cache()
    try:
        return JudgedRows(
            [tuple(row) for row in select_curated(judged, contract).collect()],
            [tuple(row) for row in zone.seal_rejected(select_rejected(judged, contract)).collect()],
        )
    finally:
        judged.unpersist()


def find_disagreements(
    spark: SparkSession,
    contract: Contract,
    values_by_topic: Mapping[str, Sequence[bytes | None]],
    schemas: Mapping[int, str] | None = None,
) -> list[str]:
    """What differs between the two, row by row and column by column, with the value that it is about."""
    messages, known = list_messages(values_by_topic), schemas or {}
    by_spark = judge_by_spark(spark, contract, messages, known)
    judge = compile_judge(contract, read_lookups(contract), KEY, lambda: known, RAW_KEY)
    purely = judge.judge(messages, BATCH_ID)
    return list(_compare(contract, messages, by_spark, purely))


def _compare(
    contract: Contract, messages: Sequence[Message], by_spark: JudgedRows, purely: JudgedRows
) -> Iterator[str]:
    first, second = _name_rows(contract, by_spark), _name_rows(contract, purely)
    for message in messages:
        place = message.topic, message.offset
        left, right = first[place], second[place]
        differing = {
            name: (left.get(name, "absent"), right.get(name, "absent"))
            for name in left.keys() | right.keys()
            if not _is_same(left.get(name, "absent"), right.get(name, "absent"))
        }
        if differing:
            yield f"{message.topic} {message.value!r}: Spark's, ours: {differing}"
    if len(first) != len(messages) or len(second) != len(messages):
        yield f"{len(messages)} messages became {len(first)} and {len(second)} rows"


def _name_rows(contract: Contract, judged: JudgedRows) -> dict[tuple[str, int], dict[str, Any]]:
    curated, rejected = [*curated_columns(contract), *PASSPORT], [*REJECTED_COLUMNS, *PASSPORT]
    rows = [dict(zip(curated, row, strict=True)) for row in judged.curated]
    rows += [dict(zip(rejected, row, strict=True)) for row in judged.rejected]
    return {(row["_topic"], row["_offset"]): row for row in rows}


def _is_same(left: Any, right: Any) -> bool:
    """Whether two values are the same to the bit, of the same type."""
    if isinstance(left, bytearray):
        left = bytes(left)
    return bool(show_bits(left) == show_bits(right))


def show_bits(value: Any) -> Any:
    """A value as one that equals only itself: -0.0 is not 0.0, True not 1, and 1.50 has two decimals."""
    if isinstance(value, float):
        return "nan" if value != value else value.hex()  # noqa: PLR0124
    if isinstance(value, Decimal):
        return value.as_tuple()
    return type(value), value
