"""The default client: librdkafka, through confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connections.kafka_clients import configure_confluent
from connections.kafka_errors import advise_access
from connections.settings import KafkaSettings
from kafka_producer import message_encoder
from kafka_producer.publisher import MessagesRefused, ProducerFenced, TransactionAborted, transaction_timeout_s
from pipeline_contract.errors import ServiceError

# What the broker says of a message that it would refuse again.
REFUSALS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_TIMESTAMP,
    }
)
CLOSE_TIMEOUT_S = 2.0
FENCINGS = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})


class ConfluentPublisher:
    """A transactional producer of librdkafka; opening it shuts out any older one of the same transactional id."""

    name: ClassVar[str] = "confluent"

    def __init__(self, settings: KafkaSettings, transactional_id: str, max_message_bytes: int) -> None:
        self._settings = settings
        self._transactional_id = transactional_id
        self._timeout_s = transaction_timeout_s(settings)
        self._refused = ""
        self._trouble: KafkaError | None = None
        timeout_ms = int(self._timeout_s * 1000)
        self._producer = Producer(
            {
                **configure_confluent(settings),
                "transactional.id": transactional_id,
                "transaction.timeout.ms": timeout_ms,
                "message.timeout.ms": timeout_ms,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 20,
                "batch.size": 1_000_000,
                "message.max.bytes": max_message_bytes,
                "queue.buffering.max.kbytes": 16 * 1024,
                # A callback for each of some hundred thousand messages a second would cost more than sending them.
                "delivery.report.only.error": True,
                "on_delivery": self._note_delivery,
                "error_cb": self._note_error,
            }
        )
        self._call("begin as a producer", self._producer.init_transactions, settings.timeout_s)

    def begin(self) -> None:
        """Begin a transaction."""
        self._refused = ""
        self._call("begin a transaction", self._producer.begin_transaction)

    def send(self, messages: Sequence[message_encoder.Message]) -> None:
        """Hand messages over to the open transaction, without waiting for the broker but for room in the queue."""
        for topic, group in groupby(messages, key=itemgetter(0)):
            batch = [{"value": m.value, "key": m.key, "partition": m.partition} for m in group]
            self._call("send", self._enqueue, topic, batch)
        self._call("send", self._producer.poll, 0)

    def commit(self, progress_topic: str, key: bytes, value: bytes) -> None:
        """Add the progress record and commit, all or nothing."""
        self._call("send", self._enqueue, progress_topic, [{"value": value, "key": key, "partition": 0}])
        deadline_s = time.monotonic() + self._timeout_s
        while True:
            try:
                self._producer.commit_transaction(self._timeout_s)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline_s:
                    self._raise("commit a transaction", error)
            else:
                return

    def abort(self) -> None:
        """Abort the open transaction, if there is one."""
        try:
            self._producer.abort_transaction(self._timeout_s)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                self._raise("abort a transaction", error)

    def close(self) -> None:
        """Let go of the connection; an open transaction is aborted, if the broker can be told so soon."""
        with suppress(KafkaException):
            self._producer.abort_transaction(CLOSE_TIMEOUT_S)

    def _enqueue(self, topic: str, batch: list[dict[str, Any]]) -> None:
        deadline_s = time.monotonic() + self._timeout_s
        while batch:
            queued = self._producer.produce_batch(topic, batch)
            if queued == len(batch):
                return
            failed = [message for message in batch if "_error" in message]
            error = failed[0]["_error"]
            if error.code() != KafkaError._QUEUE_FULL or time.monotonic() > deadline_s:
                raise KafkaException(error)
            for message in failed:
                del message["_error"]
            batch = failed
            self._producer.poll(0.05)

    def _call(self, action: str, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except KafkaException as error:
            self._raise(action, error)

    def _raise(self, action: str, raised: KafkaException) -> None:
        """Say what an error of the client means for the transaction."""
        errors = [raised.args[0]]
        # Delivery reports and connection errors know the reason; behind a fatal error, only the next call names it.
        for call in (
            (self._producer.poll, self._producer.abort_transaction) if errors[0].fatal() else (self._producer.poll,)
        ):
            try:
                call(0)
            except KafkaException as further:
                errors.append(further.args[0])
        error = errors[0]
        if any(error.code() in FENCINGS for error in errors):
            raise ProducerFenced(self._transactional_id) from raised
        if self._refused:
            raise MessagesRefused(self._refused) from raised
        if error.txn_requires_abort():
            raise TransactionAborted(error.str()) from raised
        trouble = self._trouble
        advice = advise_access(self._settings, trouble or error)
        raise ServiceError(
            f"Kafka at {self._settings.bootstrap_servers}: cannot {action} for {self._timeout_s:.0f} s: {error.str()}"
            f"{f' ({trouble.str()})' if trouble else ''}. {advice or 'Once the broker is well, the same command goes on'}"
        ) from raised

    def _note_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() in REFUSALS:
            self._refused = f"{message.topic()}: {error.str()}"

    def _note_error(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._trouble = error
