"""What the outbox makes of aborts and refusals, and what the replay loop hands it; the publisher is one in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event
from typing import ClassVar

import pytest

from connections.settings import KafkaSettings
from kafka_producer.byte_source import open_input
from kafka_producer.message_encoder import Message, open_encoder
from kafka_producer.outbox import Outbox
from kafka_producer.pacing import EvenPace, FullSpeed
from kafka_producer.progress import begin_record
from kafka_producer.publisher import MessagesRefused, ProducerFenced, TransactionAborted
from kafka_producer.replay import replay_rows
from kafka_producer.report import Silence
from kafka_producer.row import SourceItem
from kafka_producer.row_source import open_rows
from kafka_producer.source import STANDARD_INPUT
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.message import RejectedMessage
from pipeline_contract.replay_record import ReplayRecord
from tests.unit.kafka_producer.source_builder import build_contract, split_bytes

CONTRACT = build_contract()
DATA = b"id,name,value\n" + b"".join(b"%d,name,value\n" % number for number in range(8))


class MemoryPublisher:
    """Keeps what was committed; fails as it is told to."""

    name: ClassVar[str] = "memory"

    def __init__(self, abort_commits: int = 0, refused: Sequence[bytes] = ()) -> None:
        self.committed: list[tuple[list[Message], ReplayRecord]] = []
        self._open: list[Message] | None = None
        self._abort_commits = abort_commits
        self._refused = refused

    def begin(self) -> None:
        assert self._open is None
        self._open = []

    def send(self, messages: Sequence[Message]) -> None:
        assert self._open is not None
        self._open += messages

    def commit(self, progress_topic: str, key: bytes, value: bytes) -> None:
        assert self._open is not None
        record = ReplayRecord.model_validate_json(value)
        assert (progress_topic, key) == ("things.progress", record.source_file.encode())
        if any(message.topic == "things" and message.key in self._refused for message in self._open):
            raise MessagesRefused("too strange")
        if self._abort_commits:
            self._abort_commits -= 1
            raise TransactionAborted("try again")
        self.committed.append((self._open, record))
        self._open = None

    def abort(self) -> None:
        self._open = None

    def close(self) -> None:
        self._open = None

    @property
    def messages(self) -> list[Message]:
        return [message for messages, _ in self.committed for message in messages]


def open_outbox(publisher: MemoryPublisher) -> Outbox:
    record = begin_record(CONTRACT, open_input(CONTRACT, STANDARD_INPUT), "test")

    def read_record() -> ReplayRecord:
        return publisher.committed[-1][1] if publisher.committed else record

    return Outbox(KafkaSettings(), publisher, open_encoder(CONTRACT, record.source_file), record, read_record)


def run_replay(
    publisher: MemoryPublisher, outbox: Outbox, rows: Iterator[list[SourceItem]] | None = None, limit: int | None = None
) -> None:
    rows = rows or open_rows(CONTRACT, "test", split_bytes(DATA, 20)).read_rows(outbox.record.next_byte)
    encoder = open_encoder(CONTRACT, outbox.record.source_file)
    replay_rows(rows, encoder, outbox, FullSpeed(), limit, Event(), Silence())


def test_an_aborted_transaction_is_sent_again_whole() -> None:
    publisher = MemoryPublisher(abort_commits=2)
    outbox = open_outbox(publisher)
    run_replay(publisher, outbox)
    assert [message.key for message in publisher.messages] == [b"%d" % number for number in range(8)]
    assert (outbox.record.rows, outbox.record.sent, outbox.record.finished) == (8, 8, True)
    assert outbox.record.next_byte == len(DATA)


def test_a_refused_row_is_rejected_alone_and_every_commit_knows_its_rows() -> None:
    publisher = MemoryPublisher(refused=[b"2", b"7"])
    outbox = open_outbox(publisher)
    run_replay(publisher, outbox)
    rejected = [
        RejectedMessage.model_validate_json(m.value) for m in publisher.messages if m.topic == "things.rejected"
    ]
    assert [(row.source_line, row.reason) for row in rejected] == [(4, "send_failed"), (9, "send_failed")]
    assert [m.key for m in publisher.messages if m.topic == "things"] == [b"0", b"1", b"3", b"4", b"5", b"6"]
    assert (outbox.record.rows, outbox.record.sent, outbox.record.rejected) == (8, 6, 2)
    assert outbox.reasons == {"send_failed": 2}
    rows = 0
    for messages, record in publisher.committed:
        rows += len(messages)
        assert record.rows == rows
    assert [record.finished for _, record in publisher.committed][-1]


def test_a_broker_that_aborts_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kafka_producer.outbox.transaction_timeout_s", lambda _: 0.05)
    publisher = MemoryPublisher(abort_commits=10**9)
    with pytest.raises(ServiceError, match="transaction after transaction"):
        run_replay(publisher, open_outbox(publisher))
    assert publisher.committed == []


@pytest.mark.parametrize("limit", [0, 1, 5, 8, 9])
def test_a_limit_ends_the_run_and_the_next_one_goes_on(limit: int) -> None:
    publisher = MemoryPublisher()
    outbox = open_outbox(publisher)
    run_replay(publisher, outbox, limit=limit)
    assert outbox.record.rows == min(limit, 8)
    assert outbox.record.finished == (limit >= 8)
    if not outbox.record.finished:
        run_replay(publisher, outbox)
    assert [message.item.line for message in publisher.messages] == list(range(2, 10))
    assert outbox.record.finished


def test_an_abort_behind_which_another_producer_went_on_is_the_end() -> None:
    publisher = MemoryPublisher(abort_commits=1)
    outbox = open_outbox(publisher)
    publisher.committed.append(([], outbox.record.model_copy(update={"rows": 3})))
    with pytest.raises(ProducerFenced, match="taken over"):
        run_replay(publisher, outbox)
    assert publisher.messages == []


def test_a_source_that_turns_out_damaged_commits_what_came_before() -> None:
    def break_off() -> Iterator[bytes]:
        yield DATA[:60]
        raise ConfigurationError("cut")

    publisher = MemoryPublisher()
    outbox = open_outbox(publisher)
    with pytest.raises(ConfigurationError, match="cut"):
        run_replay(publisher, outbox, open_rows(CONTRACT, "test", break_off()).read_rows(0))
    assert outbox.record.rows == 3
    assert len(publisher.messages) == 3
    assert not outbox.record.finished


def test_rows_far_apart_are_committed_one_by_one() -> None:
    publisher = MemoryPublisher()
    outbox = open_outbox(publisher)
    rows = open_rows(CONTRACT, "test", split_bytes(DATA, 1000)).read_rows(0)
    encoder = open_encoder(CONTRACT, outbox.record.source_file)
    replay_rows(rows, encoder, outbox, EvenPace(0.06), 4, Event(), Silence())
    assert [len(messages) for messages, _ in publisher.committed] == [1, 1, 1, 1]


def test_a_stop_commits_what_was_handed_over() -> None:
    publisher = MemoryPublisher()
    outbox = open_outbox(publisher)
    stop = Event()

    def stop_soon() -> Iterator[list[SourceItem]]:
        for items in open_rows(CONTRACT, "test", split_bytes(DATA, 20)).read_rows(0):
            yield items
            if outbox.rows >= 3:
                stop.set()

    encoder = open_encoder(CONTRACT, outbox.record.source_file)
    replay_rows(stop_soon(), encoder, outbox, FullSpeed(), None, stop, Silence())
    assert 3 <= outbox.record.rows < 8
    assert len(publisher.messages) == outbox.record.rows
    assert not outbox.record.finished
