"""The contract applied to Kafka messages without Spark, with the answers of the Spark job: curated and rejected rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from operator import getitem
from typing import Any, NamedTuple

from pipeline_contract.lookup_files import LookupRows
from pipeline_contract.model import Contract
from pipeline_contract.raw_encryption import Place, encrypt_value, require_keys
from pipeline_contract.row_decoding import Decode, Oddity, ReadSchemas, Texts, make_decoder
from pipeline_contract.row_reasons import Reason, make_reason, write_reasons
from pipeline_contract.row_steps import RowSteps, compile_steps, to_time
from pipeline_contract.schema_drift import (
    DriftPlace,
    failing_reasons,
    find_csv_drift,
    find_drift_reasons,
    make_drift_error,
)
from pipeline_contract.sent_rejections import read_rejection
from pipeline_contract.text_casts import read_bigint

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of the lake have no zone


class Message(NamedTuple):
    """One committed message as it lies in its topic; `timestamp_ms` is when it was sent, in milliseconds since 1970."""

    topic: str
    topic_id: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


# The bytes that a rejected row has of a message.
KeepBytes = Callable[[Message, bytes | None], bytes | None]


class JudgedRows(NamedTuple):
    """Rows as tuples: curated in the order of `curated_columns`, rejected in that of `REJECTED_COLUMNS`, then the passport.

    Values are str, int, float, bool, Decimal, date, naive datetime in UTC, bytes and None.
    """

    curated: list[tuple[Any, ...]]
    rejected: list[tuple[Any, ...]]


def compile_judge(
    contract: Contract,
    lookups: LookupRows,
    protect_key: str | None,
    read_schemas: ReadSchemas,
    raw_key: str | None = None,
) -> RowJudge:
    """The judge of a contract's messages; `ConfigurationError` where it needs Spark, or a key that is not given.

    `protect_key` is that of hashed columns, `raw_key` that of the rejected rows' bytes.

    `lookups` holds each lookup's rows as `lookup_files.read_lookup_rows` gives them, by the lookup's name; `read_schemas`
    answers the schemas of Avro values by their ids, and is asked before each batch.
    """
    keep, steps = compile_keeping(contract, raw_key), compile_steps(contract, lookups, protect_key)
    return RowJudge(contract, steps, make_decoder(contract, read_schemas), keep)


class RowJudge:
    """Judges messages of the topic and of the producer's rejected rows; keeps what it has cast of late, nothing else."""

    def __init__(self, contract: Contract, steps: RowSteps, open_batch: Callable[[], Decode], keep: KeepBytes) -> None:
        self._contract = contract
        self._steps = steps
        self._open_batch = open_batch
        self._keep = keep
        self._failing = failing_reasons(contract)
        self._hides = contract.topic.value_format == "avro" or any(column.protect for column in contract.columns)

    def judge(self, messages: Iterable[Message], batch_id: str) -> JudgedRows:
        """Every message as a curated row or a rejected one, in their order.

        `SchemaDrift` names the first message that the contract's policy stops at; all are judged before.
        """
        judged = JudgedRows([], [])
        decode, of_producer = self._open_batch(), self._contract.topic.rejected
        steps, memories, wrong, finish = self._steps, self._steps.memories, self._steps.wrong, self._steps.finish
        stops: list[DriftPlace] = []
        for message in messages:
            if message.topic == of_producer:
                judged.rejected.append(self._reject_sent(message, batch_id))
                continue
            all_texts, oddity = decode(message.value)
            file, line, *texts = all_texts
            row = list(map(getitem, memories, texts))
            broken = steps.complete(row)
            if wrong or broken or oddity:
                reasons = self._find_reasons(message, oddity, [*wrong, *broken])
                wrong.clear()
                if reasons:
                    stops += self._find_stop(message, reasons)
                    judged.rejected.append(self._reject(message, all_texts, reasons, batch_id))
                    continue
            time = self._event_time(message, row)
            unknown = oddity.unknown if oddity else None
            source_line = None if line is None else read_bigint(line)
            judged.curated.append((*finish(row, unknown), file, source_line, *message[:4], time, batch_id))
        if stops:
            raise make_drift_error(self._contract.name, min(stops))
        return judged

    def _find_reasons(self, message: Message, oddity: Oddity | None, own: list[Reason]) -> list[Reason]:
        """The reasons in the Spark job's order: what is no text or damaged has that one alone."""
        if oddity is None:
            return own
        if not oddity.is_readable:
            return [make_reason("decode:utf8")]
        if oddity.is_corrupt:
            return [self._find_damage(message.value)]
        return find_drift_reasons(self._contract, oddity) + own

    def _find_damage(self, value: bytes | None) -> Reason:
        value_format = self._contract.topic.value_format
        text = None if value is None or value_format == "avro" else value.decode()
        shown = None if self._hides else text
        if value_format == "csv" and text is not None and (drift := find_csv_drift(self._contract, text, shown)):
            return drift
        return make_reason(f"decode:{value_format}", None, shown)

    def _find_stop(self, message: Message, reasons: list[Reason]) -> list[DriftPlace]:
        names = [reason.reason for reason in reasons if self._failing and reason.reason.startswith(self._failing)]
        return [DriftPlace(message.topic, message.partition, message.offset, name) for name in names[:1]]

    def _event_time(self, message: Message, row: list[Any]) -> datetime | None:
        if self._steps.read_event_time:
            return to_time(row[self._steps.event_place])
        return _EPOCH + timedelta(milliseconds=message.timestamp_ms)

    def _reject(self, message: Message, texts: Texts, reasons: list[Reason], batch_id: str) -> tuple[Any, ...]:
        """A rejected row; its event time is that of the text, whatever becomes of the column."""
        file, line, *columns = texts
        stage = "rules" if reasons[0].reason.startswith("rule:") else "decode"
        time: datetime | None = _EPOCH + timedelta(milliseconds=message.timestamp_ms)
        if self._steps.read_event_time:
            text = columns[self._steps.event_place]
            time = None if text is None else to_time(self._steps.read_event_time(text))
        source_line = None if line is None else read_bigint(line)
        return (
            stage, reasons[0].reason, write_reasons(reasons), self._keep(message, message.value),
            file, source_line, *message[:4], time, batch_id,
        )  # fmt: skip

    def _reject_sent(self, message: Message, batch_id: str) -> tuple[Any, ...]:
        """The row of a message in which the producer says why it rejected one; it has no event time."""
        sent = read_rejection(message.value)
        return (
            "producer", sent.reason.reason, write_reasons([sent.reason]), self._keep(message, sent.value),
            sent.source_file, sent.source_line, *message[:4], None, batch_id,
        )  # fmt: skip


def compile_keeping(contract: Contract, raw_key: str | None) -> KeepBytes:
    """What a rejected row has of its bytes: all of them, the same encrypted, or none; `ConfigurationError` without the key."""
    if contract.raw.zone == "off":
        return lambda _, __: None
    keys = require_keys(contract, raw_key)
    if keys is None:
        return lambda _, value: value

    def encrypt(message: Message, value: bytes | None) -> bytes | None:
        place = Place(message.topic_id, message.partition, message.offset)
        return None if value is None else encrypt_value(keys, place, "value", value)

    return encrypt
