"""How far a source's replay has come, as the progress topic knows it: the truth over restarts."""

from __future__ import annotations

import hashlib
import uuid

from pydantic import ValidationError

from connections.kafka import describe_topic_ids, read_topic, read_watermarks
from connections.settings import KafkaSettings
from kafka_producer.publisher import transaction_timeout_s
from kafka_producer.source import Source
from pipeline_contract.errors import ConfigurationError, TopicMismatch
from pipeline_contract.model import Contract
from pipeline_contract.passport import name_source
from pipeline_contract.replay_record import ReplayRecord


def draw_replay_id() -> str:
    """A fresh id for standard input, which has no content to be known by."""
    return uuid.uuid4().hex[:12]


def identify(fingerprint: str | None, replay_id: str | None) -> str:
    """The identity of a replay, 64 hexadecimal digits: the content's, and the replay id's where one was given."""
    if fingerprint and replay_id is None:
        return fingerprint
    return hashlib.sha256(f"{fingerprint or ''}\n{replay_id or ''}".encode()).hexdigest()


def name_transaction(contract: Contract, identity: str) -> str:
    """The transactional id of a replay: one for each topic and source."""
    return f"millrace-{contract.topic.name}-{identity[:12]}"


def begin_record(contract: Contract, source: Source, replay_id: str | None) -> ReplayRecord:
    """The record of a replay that has sent nothing yet."""
    return ReplayRecord(
        source_file=name_source(source.name, identify(source.fingerprint, replay_id)),
        path=source.path,
        fingerprint=source.fingerprint,
        replay_id=replay_id,
        contract_version=contract.version,
        rows=0,
        sent=0,
        rejected=0,
        next_line=1,
        next_byte=0,
        bytes=source.size,
        finished=False,
    )


def find_record(settings: KafkaSettings, contract: Contract, begun: ReplayRecord) -> ReplayRecord:
    """The last committed record of this replay, or `begun` when there is none.

    A source is known by its content and replay id: a file that was renamed meanwhile goes on under its first name.
    The topic is read to its very end, past other producers' open transactions: a record of ours may lie behind them.
    """
    topic = contract.topic.progress
    ends = {partition: high for partition, (_, high) in read_watermarks(settings, topic).items()}
    found = None
    for record in read_topic(settings, topic, ends, stall_s=transaction_timeout_s(settings) + 30):
        if record.value is None:
            continue
        try:
            candidate = ReplayRecord.model_validate_json(record.value)
        except ValidationError as error:
            raise TopicMismatch(
                f"topic {topic!r} partition {record.partition} offset {record.offset} is not a record of this "
                f"producer: {error.errors()[0]['msg']}; was it written by another program?"
            ) from error
        if (candidate.fingerprint, candidate.replay_id) == (begun.fingerprint, begun.replay_id):
            found = candidate
    topic_id = describe_topic_ids(settings, [contract.topic.name])[contract.topic.name]
    if found is None:
        return begun.model_copy(update={"topic_id": topic_id})
    check_record(contract, found, topic_id)
    return found.model_copy(update={"path": begun.path})


def check_record(contract: Contract, record: ReplayRecord, topic_id: str) -> None:
    """Raise where a replay cannot go on from its record: another contract, or another topic under the same name."""
    if not record.finished and record.contract_version != contract.version:
        raise ConfigurationError(
            f"{record.path}: its replay was begun with version {record.contract_version} of contract "
            f"{contract.name!r}, which is version {contract.version} now: go on with the old one, or send the source "
            "once more with --replay-id ID"
        )
    if record.topic_id != topic_id:
        raise TopicMismatch(
            f"topic {contract.topic.name!r} was deleted and created again since {record.sent} rows of "
            f"{record.source_file} were sent to it (its id was {record.topic_id}, now it is {topic_id}). Delete "
            f"{contract.topic.progress!r} too to begin afresh, or send the source once more with --replay-id ID"
        )
