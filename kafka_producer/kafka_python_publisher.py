"""The client without a C library: kafka-python, for machines where no wheel of confluent-kafka fits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from kafka import KafkaProducer, errors

from connections.kafka import configure_kafka_python
from connections.settings import KafkaSettings
from kafka_producer.message_encoder import Message
from kafka_producer.publisher import MessagesRefused, ProducerFenced, TransactionAborted, transaction_timeout_s
from pipeline_contract.errors import ServiceError

REFUSALS = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidRecordError,
    errors.InvalidTimestampError,
)
CLOSE_TIMEOUT_S = 2.0
FENCINGS = (errors.ProducerFencedError, errors.InvalidProducerEpochError)


class KafkaPythonPublisher:
    """A transactional producer of kafka-python; opening it shuts out any older one of the same transactional id."""

    name: ClassVar[str] = "kafka-python"

    def __init__(self, settings: KafkaSettings, transactional_id: str, max_message_bytes: int) -> None:
        self._settings = settings
        self._transactional_id = transactional_id
        self._timeout_s = transaction_timeout_s(settings)
        self._sent: list[Any] = []
        self._is_open = False
        timeout_ms = int(self._timeout_s * 1000)
        try:
            self._producer = KafkaProducer(
                **configure_kafka_python(settings),
                transactional_id=transactional_id,
                transaction_timeout_ms=timeout_ms,
                delivery_timeout_ms=timeout_ms,
                max_block_ms=timeout_ms,
                acks="all",
                compression_type="lz4",
                linger_ms=20,
                batch_size=min(256 * 1024, max_message_bytes),
                max_request_size=max_message_bytes,
                metrics_enabled=False,
            )
            self._producer.init_transactions()
        except errors.KafkaError as error:
            self._raise("begin as a producer", error)

    def begin(self) -> None:
        """Begin a transaction."""
        self._sent = []
        self._guard("begin a transaction", self._producer.begin_transaction)
        self._is_open = True

    def send(self, messages: Sequence[Message]) -> None:
        """Hand messages over to the open transaction."""
        try:
            for message in messages:
                sent = self._producer.send(message.topic, message.value, key=message.key, partition=message.partition)
                self._sent.append(sent)
        except errors.KafkaError as error:
            self._raise("send", error)

    def commit(self, progress_topic: str, key: bytes, value: bytes) -> None:
        """Add the progress record and commit, all or nothing."""
        try:
            self._sent.append(self._producer.send(progress_topic, value, key=key, partition=0))
            self._producer.flush(self._timeout_s)
        except errors.KafkaError as error:
            self._raise("send", error)
        for sent in self._sent:
            if sent.failed():
                self._raise("send", sent.exception)
        self._guard("commit a transaction", self._producer.commit_transaction)
        self._is_open = False

    def abort(self) -> None:
        """Abort the open transaction, if there is one."""
        if self._is_open:
            self._guard("abort a transaction", self._producer.abort_transaction)
            self._is_open = False

    def close(self) -> None:
        """Let go of the connection; an open transaction is aborted, if the broker can be told so soon."""
        self._timeout_s = min(self._timeout_s, CLOSE_TIMEOUT_S)
        with suppress(ServiceError, TransactionAborted):
            self.abort()
        self._producer.close(timeout=CLOSE_TIMEOUT_S)

    def _guard(self, action: str, call: Callable[[], None]) -> None:
        """Run a call that the client would let wait for ever, for a bounded time."""
        outcome: list[BaseException] = []

        def run() -> None:
            try:
                call()
            except errors.KafkaError as error:
                outcome.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(self._timeout_s)
        if thread.is_alive():
            self._raise(action, errors.KafkaTimeoutError("no answer from the broker"))
        if outcome:
            self._raise(action, outcome[0])

    def _raise(self, action: str, error: BaseException) -> None:
        """Say what an error of the client means for the transaction."""
        if isinstance(error, FENCINGS) or isinstance(error.__cause__, FENCINGS):
            raise ProducerFenced(self._transactional_id) from error
        if isinstance(error, REFUSALS):
            raise MessagesRefused(str(error)) from error
        if self._is_open and action != "abort a transaction" and not isinstance(error, errors.KafkaTimeoutError):
            raise TransactionAborted(str(error)) from error
        raise ServiceError(
            f"Kafka at {self._settings.bootstrap_servers}: cannot {action} for {self._timeout_s:.0f} s: "
            f"{error or type(error).__name__}"
        ) from error
