"""The client without a C library: kafka-python, for machines where no wheel of confluent-kafka fits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, NoReturn

from kafka import KafkaAdminClient, KafkaProducer, errors

from connections.broker_certificates import find_expired_certificate
from connections.kafka_clients import configure_kafka_python
from connections.msk_sign_in import advise_iam
from connections.settings import KafkaSettings
from kafka_producer.message_encoder import Message
from kafka_producer.publisher import MessagesRefused, ProducerFenced, TransactionAborted, transaction_timeout_s
from kafka_producer.signed_tokens import configure_signing
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
        self._max_message_bytes = max_message_bytes
        self._timeout_s = transaction_timeout_s(settings)
        self._sent: list[Any] = []
        self._is_open = False
        self._producer = self._open_producer()
        self._epoch = self._describe_epoch()

    def begin(self) -> None:
        """Begin a transaction."""
        self._sent = []
        self._guard("begin a transaction", self._producer.begin_transaction)
        self._is_open = True

    def send(self, messages: Sequence[Message]) -> None:
        """Hand messages over to the open transaction."""
        try:
            for message in messages:
                self._sent.append(
                    self._producer.send(message.topic, message.value, key=message.key, partition=message.partition)
                )
        except errors.KafkaError as error:
            self._raise_aborted(error)

    def commit(self, progress_topic: str, key: bytes, value: bytes) -> None:
        """Add the progress record and commit, all or nothing."""
        try:
            self._sent.append(self._producer.send(progress_topic, value, key=key, partition=0))
            self._producer.flush(self._timeout_s)
        except errors.KafkaTimeoutError as error:
            raise self._explain("send", error) from error
        except errors.KafkaError as error:
            self._raise_aborted(error)
        if failed := next((sent for sent in self._sent if sent.failed()), None):
            self._raise_aborted(failed.exception)
        # An error from here on may hide a commit that went through: only the next run's look at the progress tells.
        self._guard("commit a transaction", self._producer.commit_transaction)
        self._is_open = False

    def abort(self) -> None:
        """Abort the open transaction, if there is one.

        A new producer of the same id makes the broker do it: after a refused message this client (3.0.12) may be in
        the middle of getting a new epoch, and then cannot abort by itself.
        """
        if self._is_open:
            self._is_open = False
            self._close_producer()
            self._producer = self._open_producer()
            self._epoch = self._describe_epoch()

    def close(self) -> None:
        """Let go of the connection; an open transaction is aborted, if the broker can be told so soon."""
        if self._is_open:
            self._timeout_s = CLOSE_TIMEOUT_S
            with suppress(ServiceError):
                self._guard("abort a transaction", self._producer.abort_transaction)
        self._close_producer()

    def _close_producer(self) -> None:
        with suppress(errors.KafkaError):  # what is still queued is not waited for, and the client complains of that
            self._producer.close(timeout=0)

    def _open_producer(self) -> KafkaProducer:
        timeout_ms = int(self._timeout_s * 1000)
        try:
            producer = KafkaProducer(
                **self._configure(),
                transactional_id=self._transactional_id,
                transaction_timeout_ms=timeout_ms,
                delivery_timeout_ms=timeout_ms,
                max_block_ms=timeout_ms,
                acks="all",
                compression_type="lz4",
                linger_ms=20,
                batch_size=min(256 * 1024, self._max_message_bytes),
                max_request_size=self._max_message_bytes,
                metrics_enabled=False,
            )
            producer.init_transactions()
        except errors.KafkaError as error:
            raise self._explain("begin as a producer", error, self._advise()) from error
        return producer

    def _configure(self) -> dict[str, Any]:
        return configure_kafka_python(self._settings) | configure_signing(self._settings)

    def _advise(self) -> str | None:
        """What may be wrong where the client does not say: it keeps to itself why a broker did not let it in."""
        expired = find_expired_certificate(self._settings)
        return expired or (f"If the broker is up: {advise_iam(self._settings)}" if self._settings.uses_iam else None)

    def _describe_epoch(self) -> tuple[int, int]:
        """The producer id and epoch that the broker knows under this transactional id."""
        try:
            admin = KafkaAdminClient(**self._configure())
            try:
                described = admin.describe_transactions([self._transactional_id])[self._transactional_id]
            finally:
                admin.close()
        except errors.KafkaError as error:
            raise self._explain("describe the transactions", error) from error
        return described.producer_id, described.producer_epoch

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
            outcome.append(errors.KafkaTimeoutError("no answer from the broker"))
        if outcome:
            self._raise_fenced(outcome[0])
            raise self._explain(action, outcome[0]) from outcome[0]

    def _raise_aborted(self, error: BaseException) -> NoReturn:
        """Say why an open transaction cannot be committed."""
        causes = [error, *error.args, *(sent.exception for sent in self._sent if sent.failed())]
        if refusal := next((cause for cause in causes if isinstance(cause, REFUSALS)), None):
            raise MessagesRefused(str(refusal)) from error
        self._raise_fenced(error)
        raise TransactionAborted(str(error)) from error

    def _raise_fenced(self, error: BaseException) -> None:
        """Raise `ProducerFenced` when another producer has taken over; the client hides that behind other errors."""
        if isinstance(error, errors.KafkaTimeoutError):
            return
        if isinstance(error, FENCINGS) or self._describe_epoch() != self._epoch:
            raise ProducerFenced(self._transactional_id) from error

    def _explain(self, action: str, error: BaseException, advice: str | None = None) -> ServiceError:
        return ServiceError(
            f"Kafka at {self._settings.bootstrap_servers}: cannot {action} for {self._timeout_s:.0f} s: "
            f"{str(error) or type(error).__name__}. {advice or 'Once the broker is well, the same command goes on'}"
        )
