"""Messages on their way into the topic, in transactions that also write how far the replay has come."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter

from connections.settings import KafkaSettings
from kafka_producer.message_encoder import Message, MessageEncoder
from kafka_producer.publisher import (
    MessagesRefused,
    ProducerFenced,
    Publisher,
    TransactionAborted,
    transaction_timeout_s,
)
from kafka_producer.row import BadRow, Row, reject_row
from pipeline_contract.errors import ServiceError
from pipeline_contract.replay_record import ReplayRecord

# A transaction stays open until one of these: what it holds is kept in memory, to be sent again if it aborts.
COMMIT_INTERVAL_S = 0.5
COMMIT_ROWS = 8_000
COMMIT_BYTES = 4 * 1024 * 1024
_KEY, _VALUE, _ITEM = itemgetter(2), itemgetter(3), itemgetter(4)


class Outbox:
    """Sends the messages of one source exactly once; `record` is what is committed, and nothing else is."""

    def __init__(
        self,
        settings: KafkaSettings,
        publisher: Publisher,
        encoder: MessageEncoder,
        record: ReplayRecord,
        read_record: Callable[[], ReplayRecord],
    ) -> None:
        self.record = record
        self.bytes_sent = 0
        self.reasons: Counter[str] = Counter()
        self._settings = settings
        self._publisher = publisher
        self._encoder = encoder
        self._read_record = read_record
        self._messages: list[Message] = []
        self._held_bytes = 0
        self._opened_at_s = 0.0
        self._broken_by: TransactionAborted | None = None

    @property
    def is_due(self) -> bool:
        """Whether the open transaction must be committed now."""
        if not self._messages:
            return False
        is_full = self._held_bytes >= COMMIT_BYTES or len(self._messages) >= COMMIT_ROWS
        return is_full or time.monotonic() - self._opened_at_s >= COMMIT_INTERVAL_S

    @property
    def rows(self) -> int:
        """Rows that were handed over so far, committed or not, since the source's beginning."""
        return self.record.rows + len(self._messages)

    def send(self, messages: Sequence[Message]) -> None:
        """Hand messages over to the open transaction; one is begun when there is none."""
        if not messages:
            return
        if not self._messages:
            self._opened_at_s = time.monotonic()
        try:
            if not self._messages:
                self._publisher.begin()
            if self._broken_by is None:
                self._publisher.send(messages)
        except TransactionAborted as aborted:
            self._broken_by = aborted  # commit sends it all again
        self._messages += messages
        self._held_bytes += measure_messages(messages)

    def commit(self) -> None:
        """Commit what was handed over, with its progress; without an open transaction nothing happens."""
        messages, self._messages, self._held_bytes = self._messages, [], 0
        broken, self._broken_by = self._broken_by, None
        if not messages:
            return
        record = advance_record(self.record, messages)
        if broken is not None:
            self._send_again(messages, broken)
            return
        try:
            self._commit_record(record)
        except TransactionAborted as aborted:
            self._send_again(messages, aborted)
        else:
            self._note_committed(record, messages)

    def finish(self) -> None:
        """Commit what is left, together with the word that the source came to its end."""
        self.commit()
        finished = self.record.model_copy(update={"finished": True})
        self._attempt([], finished)
        self.record = finished

    def _send_again(self, messages: Sequence[Message], aborted: TransactionAborted) -> None:
        """Send aborted messages again, in their order; where the broker refuses some, in ever smaller transactions.

        A message that is refused all alone goes to the topic of the rejected rows instead.
        """
        self._abort()
        if isinstance(aborted, MessagesRefused):
            if len(messages) > 1:
                half = len(messages) // 2
                parts: list[Sequence[Message]] = [messages[:half], messages[half:]]
            else:
                parts = [[self._reject(messages[0], aborted)]]
        else:
            parts = [messages]
        for part in parts:
            record = advance_record(self.record, part)
            try:
                self._attempt(part, record)
            except MessagesRefused as refused:
                self._send_again(part, refused)
            else:
                self._note_committed(record, part)

    def _attempt(self, messages: Sequence[Message], record: ReplayRecord) -> None:
        """One transaction of its own, tried until it is through or the time is over; `MessagesRefused` goes on up."""
        deadline_s = time.monotonic() + transaction_timeout_s(self._settings)
        while True:
            try:
                self._publisher.begin()
                self._publisher.send(messages)
                self._commit_record(record)
            except MessagesRefused:
                raise
            except TransactionAborted as aborted:
                self._abort()
                if time.monotonic() > deadline_s:
                    raise ServiceError(
                        f"Kafka at {self._settings.bootstrap_servers}: transaction after transaction of "
                        f"{self.record.source_file} was aborted, the last one because: {aborted}"
                    ) from aborted
            else:
                return

    def _abort(self) -> None:
        """Abort; what is committed then must still be what it was, or another producer has gone on meanwhile."""
        self._publisher.abort()
        if self._read_record().rows != self.record.rows:
            raise ProducerFenced(self.record.source_file)

    def _commit_record(self, record: ReplayRecord) -> None:
        topic = self._encoder.contract.topic.progress
        self._publisher.commit(topic, record.source_file.encode(), record.model_dump_json().encode())

    def _note_committed(self, record: ReplayRecord, messages: Sequence[Message]) -> None:
        before, self.record = self.record, record
        self.bytes_sent += measure_messages(messages)
        if record.rejected > before.rejected:
            self.reasons.update(m.item.reason for m in messages if isinstance(m.item, BadRow))

    def _reject(self, message: Message, refused: MessagesRefused) -> Message:
        if not isinstance(message.item, Row):
            raise ServiceError(
                f"Kafka at {self._settings.bootstrap_servers}: topic {message.topic!r} refuses even the report on "
                f"line {message.item.line} of {self.record.source_file}: {refused}"
            ) from refused
        return self._encoder.encode_bad_row(reject_row(message.item, "send_failed", str(refused)))


def measure_messages(messages: Sequence[Message]) -> int:
    """The bytes of their keys and values."""
    return sum(map(len, map(_KEY, messages))) + sum(map(len, map(_VALUE, messages)))


def advance_record(record: ReplayRecord, messages: Sequence[Message]) -> ReplayRecord:
    """The record after these messages."""
    sent = list(map(type, map(_ITEM, messages))).count(Row)
    last = messages[-1].item
    return record.model_copy(
        update={
            "rows": record.rows + len(messages),
            "sent": record.sent + sent,
            "rejected": record.rejected + len(messages) - sent,
            "next_line": last.next_line,
            "next_byte": last.end,
        }
    )
