"""What a way without Spark should have: the topic's messages, judged once more by the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa

from connections.kafka import describe_topic_ids, read_topic
from connections.lake_files import arrow_schema
from connections.row_judging import open_judge
from connections.settings import Settings
from pipeline_contract.column_types import ColumnType
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT
from pipeline_contract.row_judge import Message
from reconciliation.compared_values import compare_as

MESSAGES_AT_ONCE = 20_000
# Drawn by the consumer, and so not to be derived again.
DRAWN = "_batch_id"


@dataclass(frozen=True)
class JudgedTopic:
    """The rows that the contract makes of the messages that are still in the topics; columns, passport, no batch."""

    curated: pa.Table
    rejected: pa.Table


def judge_topics(settings: Settings, contract: Contract) -> JudgedTopic:
    """Judge every committed message of the topic and of its rejected rows, with the rules that the consumer has."""
    judge = open_judge(contract, settings)
    curated, rejected = curated_columns(contract) | PASSPORT, REJECTED_COLUMNS | PASSPORT
    parts: tuple[list[pa.Table], list[pa.Table]] = ([], [])
    for messages in _read_messages(settings, contract):
        judged = judge.judge(messages, DRAWN)
        parts[0].append(tabulate(curated, judged.curated))
        parts[1].append(tabulate(rejected, judged.rejected))
    empty = (tabulate(curated, []), tabulate(rejected, []))
    return JudgedTopic(*(pa.concat_tables([none, *some]) for none, some in zip(empty, parts, strict=True)))


def tabulate(columns: Mapping[str, ColumnType], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows whose values follow these columns as a table of the values that are compared, without the batch."""
    schema = arrow_schema(columns)
    values = zip(*rows, strict=True) if rows else ([] for _ in schema)
    chunks = [pa.chunked_array([pa.array(v, field.type)]) for v, field in zip(values, schema, strict=True)]
    table = pa.table([compare_as(c, field.type) for c, field in zip(chunks, schema, strict=True)], schema=schema)
    return table.drop_columns([DRAWN])


def _read_messages(settings: Settings, contract: Contract) -> Iterator[list[Message]]:
    ids = describe_topic_ids(settings.kafka, (contract.topic.name, contract.topic.rejected))
    for topic, topic_id in ids.items():
        records = read_topic(settings.kafka, topic)
        messages: Iterable[Message] = (
            Message(topic, topic_id, r.partition, r.offset, r.timestamp_ms, r.key, r.value) for r in records
        )
        while chunk := list(islice(messages, MESSAGES_AT_ONCE)):
            yield chunk
