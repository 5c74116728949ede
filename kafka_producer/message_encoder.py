"""Rows as messages: value, key and partition by the contract, for every client the same."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from kafka_producer.row import BadRow, Row, SourceItem, reject_row
from pipeline_contract.avro_values import encode_avro
from pipeline_contract.message import (
    RejectedMessage,
    choose_partition,
    encode_csv,
    encode_json,
    encode_key,
    message_fields,
)
from pipeline_contract.model import Contract

# What a record batch adds to key and value at most: 61 bytes of batch header, the record's own lengths and times.
RECORD_OVERHEAD_BYTES = 128
KNOWN_KEYS = 20_000


class Message(NamedTuple):
    """One message to be sent, and the item of the source that it stands for."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    item: SourceItem


@dataclass(frozen=True)
class MessageEncoder:
    """Encodes the rows of one source; `place_row` knows a row's key and partition, `encode_value` its value."""

    contract: Contract
    source_file: str
    place_row: Callable[[Sequence[str | None]], tuple[bytes, int]]
    encode_value: Callable[[Row], bytes]

    def encode_items(self, items: Iterable[SourceItem]) -> list[Message]:
        """One message for each item, in order: a row's in the data topic, a bad row's in that of the rejected."""
        topic = self.contract.topic.name
        limit = self.contract.topic.max_message_bytes - RECORD_OVERHEAD_BYTES
        messages = []
        for item in items:
            if isinstance(item, Row):
                key, partition = self.place_row(item.values)
                value = self.encode_value(item)
                if len(key) + len(value) <= limit:
                    messages.append(Message(topic, partition, key, value, item))
                else:
                    detail = f"a message of {len(key) + len(value)} bytes; the topic takes {limit}"
                    messages.append(self.encode_bad_row(reject_row(item, "too_large", detail)))
            else:
                messages.append(self.encode_bad_row(item))
        return messages

    def encode_bad_row(self, bad: BadRow) -> Message:
        """The message of a bad row; without its bytes where these would make it larger than the topic takes."""
        limit = self.contract.topic.max_message_bytes
        raw = bad.raw if bad.raw is not None and len(bad.raw) * 4 // 3 + 2048 < limit else None
        value = RejectedMessage(
            source_file=self.source_file,
            source_line=bad.line,
            reason=bad.reason,
            detail=bad.detail[:500],
            raw_base64=None if raw is None else base64.b64encode(raw).decode(),
            sha256=bad.sha256,
            length=bad.end - bad.start,
            byte_start=bad.start,
            byte_end=bad.end,
        )
        topic = self.contract.topic.rejected
        return Message(topic, 0, self.source_file.encode(), value.model_dump_json().encode(), bad)


def open_encoder(contract: Contract, source_file: str, schema_id: int = 0) -> MessageEncoder:
    """The encoder of one source's rows; `schema_id` is the registry's for Avro values, and 0 where nothing is sent."""
    names = [column.name for column in contract.columns]
    places = [names.index(name) for name in contract.topic.key]
    partitions = contract.topic.partitions

    # Most data sets have far fewer keys than rows.
    @lru_cache(maxsize=KNOWN_KEYS)
    def place_key(*key_values: str | None) -> tuple[bytes, int]:
        key = encode_key(key_values)
        return key, choose_partition(key, partitions)

    if len(places) == 1:
        place = places[0]

        def place_row(values: Sequence[str | None]) -> tuple[bytes, int]:
            return place_key(values[place])
    else:
        pick = itemgetter(*places)

        def place_row(values: Sequence[str | None]) -> tuple[bytes, int]:
            return place_key(*pick(values))

    return MessageEncoder(contract, source_file, place_row, open_value_encoder(contract, source_file, schema_id))


def open_value_encoder(contract: Contract, source_file: str, schema_id: int) -> Callable[[Row], bytes]:
    """What makes a message's value of a row, in the contract's format."""
    fields = message_fields(contract)

    def encode_as_json(row: Row) -> bytes:
        return encode_json(fields, row.values, source_file, row.line)

    def encode_as_csv(row: Row) -> bytes:
        return encode_csv(row.values, source_file, row.line)

    def encode_as_avro(row: Row) -> bytes:
        return encode_avro(schema_id, row.values, source_file, row.line)

    encoders = {"json": encode_as_json, "csv": encode_as_csv, "avro": encode_as_avro}
    return encoders[contract.topic.value_format]
