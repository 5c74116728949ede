"""Rows as the judge without Spark gives them, for tests that compare it with the Spark job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_contract.lookup_files import read_lookups
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT
from pipeline_contract.row_judge import Message, compile_judge
from tests.judge_cases import Judged
from tests.orders import BATCH_ID, SENT_AT, TOPIC, TOPIC_IDS


def build_messages(values: Sequence[bytes | None], topic: str = TOPIC) -> list[Message]:
    """A record for each value, at offsets from 0 of partition 0."""
    sent_ms = int(SENT_AT.timestamp() * 1000)
    return [Message(topic, TOPIC_IDS[topic], 0, offset, sent_ms, b"1", value) for offset, value in enumerate(values)]


def judge(
    contract: Contract,
    values: Sequence[bytes | None],
    topic: str = TOPIC,
    key: str | None = None,
    schemas: Mapping[int, str] | None = None,
) -> Judged:
    """The curated and the rejected rows by offset, each with the names of its columns."""
    judged = compile_judge(contract, read_lookups(contract), key, lambda: schemas or {}).judge(
        build_messages(values, topic), BATCH_ID
    )
    return (
        _name_rows(judged.curated, [*curated_columns(contract), *PASSPORT]),
        _name_rows(judged.rejected, [*REJECTED_COLUMNS, *PASSPORT]),
    )


def _name_rows(rows: list[tuple[Any, ...]], names: list[str]) -> dict[int, dict[str, Any]]:
    return {row[names.index("_offset")]: dict(zip(names, row, strict=True)) for row in rows}
