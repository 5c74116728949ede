"""One run over one source: opened and checked, its topics ensured, gone on from where it was, and summed up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Event

from rich.console import Console

from connections.schema_registry import register_schema
from connections.settings import KafkaSettings
from kafka_producer.message_encoder import Message, open_encoder
from kafka_producer.outbox import Outbox
from kafka_producer.pacing import Pace
from kafka_producer.progress import begin_record, find_record, identify, name_transaction
from kafka_producer.publisher import Publisher
from kafka_producer.replay import replay_rows
from kafka_producer.report import ReplaySummary, watch_replay
from kafka_producer.row import SourceItem
from kafka_producer.row_source import RowSource, open_rows
from kafka_producer.source import SeekableSource, Source, find_source
from kafka_producer.topic import ensure_topics
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.replay_record import ReplayRecord

CLIENTS = ("confluent", "kafka-python")
COMPRESSED_SUFFIXES = (".gz", ".zip")


@dataclass(frozen=True)
class ReplayOptions:
    """What a run was asked for, besides its sources."""

    client: str
    replay_id: str | None
    interval_s: float


def open_source_rows(contract: Contract, source: Source) -> RowSource:
    """The source as rows, its header checked."""
    return open_rows(contract, source.path, source.open_chunks(), source.format)


def read_on(contract: Contract, source: Source, opened: RowSource, record: ReplayRecord) -> Iterator[list[SourceItem]]:
    """The rows that are not sent yet; a source that need not be read from its beginning is not."""
    if not record.rows or not isinstance(source, SeekableSource):
        return opened.read_rows(record.next_byte)
    chunks = source.open_chunks_after(record.next_line - 1)
    rest = open_rows(contract, source.path, chunks, source.format, record.next_line, record.next_byte)
    return rest.read_rows(record.next_byte)


def check_client(client: str) -> None:
    """Raise `ConfigurationError` for a client that there is not."""
    if client not in CLIENTS:
        raise ConfigurationError(f"--client: found {client!r}, allowed: {', '.join(CLIENTS)}")


def open_publisher(client: str, settings: KafkaSettings, transactional_id: str, max_message_bytes: int) -> Publisher:
    """A client of `CLIENTS`, which shuts out any older producer of the same transactional id.

    Only the chosen client's library is loaded.
    """
    if client == "confluent":
        from kafka_producer.confluent_publisher import ConfluentPublisher  # noqa: PLC0415

        return ConfluentPublisher(settings, transactional_id, max_message_bytes)
    from kafka_producer.kafka_python_publisher import KafkaPythonPublisher  # noqa: PLC0415

    return KafkaPythonPublisher(settings, transactional_id, max_message_bytes)


def preview_messages(contract: Contract, path: str, replay_id: str | None, count: int) -> list[Message]:
    """The first messages that a replay would send; no broker is asked."""
    source = find_source(contract, path)
    begun = begin_record(contract, source, replay_id)
    encoder = open_encoder(contract, begun.source_file)
    messages: list[Message] = []
    for items in open_source_rows(contract, source).read_rows(0):
        messages += encoder.encode_items(items[: count - len(messages)])
        if len(messages) >= count:
            break
    return messages


def replay_source(
    settings: KafkaSettings,
    contract: Contract,
    path: str,
    pace: Pace,
    limit: int | None,
    options: ReplayOptions,
    stop: Event,
    console: Console,
) -> ReplaySummary:
    """Replay one source from where it was left to its end, a limit or a stop; every row goes into the topic once."""
    source = find_source(contract, path)
    begun = begin_record(contract, source, options.replay_id)
    opened = open_source_rows(contract, source)
    if opened.is_reordered:
        console.print(
            f"{path}: its columns stand in another order than the contract's; values go by name", markup=False
        )
    ensure_topics(settings, contract)
    transactional_id = name_transaction(contract, identify(begun.fingerprint, options.replay_id))
    with closing(
        open_publisher(options.client, settings, transactional_id, contract.topic.max_message_bytes)
    ) as publisher:
        record = find_record(settings, contract, begun)
        if record.finished:
            console.print(
                f"{path}: was sent to its end already, {record.rows:,} rows as {record.source_file}; nothing is sent. "
                "To send it once more: --replay-id ID",
                markup=False,
            )
            return summarize(contract, record, Outcome(record, options.client, {}, 0, 0.0))
        if record.rows:
            console.print(f"{path}: goes on at line {record.next_line:,}, after {record.rows:,} rows", markup=False)
        encoder = open_encoder(contract, record.source_file, register_schema(settings, contract))
        outbox = Outbox(settings, publisher, encoder, record, partial(find_record, settings, contract, begun))
        total_bytes = None if path.endswith(COMPRESSED_SUFFIXES) else record.bytes
        started_s = time.monotonic()
        with watch_replay(console, record.source_file, record.rows, total_bytes, options.interval_s) as watcher:
            rows = read_on(contract, source, opened, record)
            replay_rows(rows, encoder, outbox, pace, limit, stop, watcher)
        seconds = time.monotonic() - started_s
        outcome = Outcome(outbox.record, options.client, outbox.reasons, outbox.bytes_sent, seconds)
        return summarize(contract, record, outcome)


@dataclass(frozen=True)
class Outcome:
    """What a run over one source came to."""

    record: ReplayRecord
    client: str
    reasons: dict[str, int]
    bytes_sent: int
    seconds: float


def summarize(contract: Contract, before: ReplayRecord, outcome: Outcome) -> ReplaySummary:
    """The summary of a run, from the record that it began with and the one that it ended with."""
    after = outcome.record
    rows = after.rows - before.rows
    return ReplaySummary(
        source_file=after.source_file,
        path=after.path,
        topic=contract.topic.name,
        client=outcome.client,
        rows=rows,
        sent=after.sent - before.sent,
        rejected=after.rejected - before.rejected,
        rejected_by_reason=outcome.reasons,
        bytes=outcome.bytes_sent,
        seconds=round(outcome.seconds, 3),
        rows_per_s=round(rows / outcome.seconds, 1) if outcome.seconds else 0.0,
        resumed_from_line=before.next_line if before.rows and not before.finished else None,
        total_rows=after.rows,
        total_sent=after.sent,
        total_rejected=after.rejected,
        next_line=after.next_line,
        finished=after.finished,
        replay_id=after.replay_id,
    )
