"""What a Kafka client must do for a replay: transactions, under an id that shuts out any older producer of the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from connections.settings import KafkaSettings
from kafka_producer.message_encoder import Message
from pipeline_contract.errors import ServiceError


class ProducerFenced(ServiceError):
    """Another producer of the same source took over: this one must end, and has sent nothing since."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"{source}: another producer is replaying the same source and has taken over from where this one was: "
            "let that one go on; nothing was sent twice"
        )


class TransactionAborted(Exception):
    """The transaction came to nothing and may be tried again."""


class MessagesRefused(TransactionAborted):
    """The broker refused one of the transaction's messages or more: the same again would fail again."""


class Publisher(Protocol):
    """One client's transactional producer. Any method may raise `ServiceError`, after which it can only be closed."""

    name: ClassVar[str]

    def begin(self) -> None:
        """Begin a transaction."""

    def send(self, messages: Sequence[Message]) -> None:
        """Hand messages over to the open transaction, without waiting; may raise `TransactionAborted`."""

    def commit(self, progress_topic: str, key: bytes, value: bytes) -> None:
        """Add the progress record and commit, all or nothing; may raise `TransactionAborted`."""

    def abort(self) -> None:
        """Abort the open transaction, if there is one."""

    def close(self) -> None:
        """Let go of the connection; an open transaction is aborted, if the broker can be told so soon."""


def transaction_timeout_s(settings: KafkaSettings) -> float:
    """For how long a client keeps trying, and the broker keeps a dead producer's transaction open."""
    return 2 * settings.timeout_s
