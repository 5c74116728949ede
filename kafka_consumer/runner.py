"""One run of the consumer: read, buffer, hand over, commit, until a stop or until the topics are drained."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as Received

from connections.kafka import open_admin
from connections.kafka_errors import explain_errors
from connections.settings import Settings
from kafka_consumer.buffer import Buffer, Limits, measure_message
from kafka_consumer.client import BrokerWatch, check_event, open_client, read_topic_ids
from kafka_consumer.destination import Batch, Destination, Partition
from kafka_consumer.offsets import GroupOffsets, place_of, read_available, read_targets
from kafka_consumer.patience import Patience
from kafka_consumer.report import Report
from kafka_consumer.starts import check_topic_id, choose_starts, explain_gone
from kafka_consumer.writer import Outcome, Writer
from pipeline_contract.errors import ServiceError
from pipeline_contract.row_judge import Message

POLL_S = 0.1
# A pause throws away what was fetched ahead, so it is not worth while for a write of usual length.
HOLD_S = 2.0
MOST_MESSAGES = 1_000
COMMITTED_LOOK_S = 1.0


@dataclass(frozen=True)
class Job:
    """What a run does: which topics for which group, in batches of which size, and for how long.

    `max_message_bytes` bounds what one call to the client brings; `patience_s` is how long the destination or the
    brokers may be away.
    """

    topics: tuple[str, ...]
    group: str
    limits: Limits
    max_message_bytes: int
    until_drained: bool
    patience_s: float = 600.0


@dataclass
class Runner:
    """A member of the consumer group at work. One thread reads; another one writes."""

    settings: Settings
    job: Job
    destination: Destination
    report: Report
    stop: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._brokers = BrokerWatch()
        self._client: Consumer = open_client(self.settings, self.job.group, self.job.limits.bytes, self._brokers)
        self._offsets = GroupOffsets(self._client, self.settings.kafka, self.job.group)
        self._buffer = Buffer(self.job.limits)
        self._patience = Patience(self.job.patience_s, self.stop, self.report.say)
        self._writer = Writer(self.destination, self._check_batch, self._patience)
        self._topic_ids: dict[str, str] = {}
        self._targets: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._looked_s = 0.0
        self._is_leaving = False
        self._run_id = secrets.token_hex(4)
        self._batches = 0
        # As large as a call may be without holding more than the limit once again.
        self._chunk = max(1, min(MOST_MESSAGES, self.job.limits.bytes // self.job.max_message_bytes))

    def run(self) -> None:
        """Read and write until `stop` is set or, if that is asked for, everything that was there at the start is written."""
        try:
            self._admin = open_admin(self.settings.kafka)
            self._topic_ids = read_topic_ids(self.settings, self.job.topics, self._admin)
            if self.job.until_drained:
                self._targets = read_targets(self.settings.kafka, self._topic_ids)
            self._client.subscribe(
                list(self.job.topics), on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose
            )
            while not self.stop.is_set() and not self._is_drained():
                self._step()
            self._finish()
        finally:
            self._writer.close()
            self._is_leaving = True
            self._client.close()

    def _step(self) -> None:
        if self._brokers.is_away_for(self.job.patience_s):
            self._look_for_brokers()
        self._settle(self._writer.take_done())
        if self._is_due():
            self._hand_over()
        self._hold_back()
        if self._paused or not self._buffer.is_full:
            self._receive()
        self.report.show(self._measure_lag, self._buffer.rows)

    def _receive(self) -> None:
        room = max(1, min(self._chunk, self.job.limits.rows - self._buffer.rows))
        # While nothing can be handed over, the call still answers the group.
        wait_s = POLL_S if self._writer.is_busy else min(POLL_S, self._buffer.wait_s(time.monotonic()))
        with explain_errors(self.settings.kafka, f"read {', '.join(self.job.topics)}"):
            received = self._client.consume(room, timeout=wait_s)
        for message in received:
            self._take(message)
        if received:
            self._brokers.clear()

    def _take(self, received: Received) -> None:
        topic, number, error = received.topic(), received.partition(), received.error()
        partition = Partition(str(topic), self._topic_ids.get(str(topic), ""), -1 if number is None else number)
        if error is not None and error.code() == KafkaError._AUTO_OFFSET_RESET:
            self._check_ids({partition})
            at = {partition: self._buffer.position(partition)}
            raise explain_gone(at, {partition: read_available(self._client, self.settings.kafka, partition)})
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            check_event(error, topic, number)
        elif partition in self._buffer.partitions:
            offset = received.offset()
            assert offset is not None  # noqa: S101 - a message and the end of a partition have one
            if error is not None:
                self._buffer.pass_markers(partition, offset)
            else:
                message = Message(*partition, offset, received.timestamp()[1], received.key(), received.value())
                self._buffer.add(partition, message, time.monotonic())
                self.report.read(measure_message(message))

    def _is_due(self) -> bool:
        """Whether a batch is to be handed over now: by its limits, or because it is the last one."""
        if self._writer.is_busy or not self._buffer.rows:
            return False
        is_last = self.job.until_drained and self._has_read_all()
        return is_last or self._buffer.wait_s(time.monotonic()) <= 0

    def _has_read_all(self) -> bool:
        return all(self._buffer.position(p) >= self._targets.get(p, 0) for p in self._buffer.partitions)

    def _hand_over(self) -> None:
        self._batches += 1
        self._writer.start(self._buffer.cut(f"{self._run_id}-{self._batches:010d}"))

    def _settle(self, outcome: Outcome | None) -> None:
        """Take note of a batch that was written, and go on in each partition where the destination says."""
        if outcome is None:
            return
        self.report.wrote(outcome)
        for piece in outcome.batch.slices:
            partition, end = piece.partition, outcome.written.ends[piece.partition]
            if partition in self._buffer.partitions and end != piece.end:
                self.report.say(
                    f"topic {partition.topic!r} partition {partition.number}: the destination stands at offset {end}, not "
                    f"at {piece.end}: another consumer has written; going on from there"
                )
                self._buffer.open(partition, end)
                self._client.seek(place_of(partition, end))
        self._commit()

    def _commit(self) -> None:
        """Commit what is written. The destination knows it already: a commit that fails is made up for by a later one."""
        moved = {p: end for p, end in self._buffer.written().items() if end > self._committed.get(p, -1)}
        if moved and not self._writer.is_busy:
            with suppress(ServiceError):
                self._offsets.commit(moved)
                self._committed |= moved

    def _hold_back(self) -> None:
        """Wait for the writer while the buffer is full; if that takes long, pause, so that the group is answered."""
        is_held = self._buffer.is_full and self._writer.is_busy
        if is_held and not self._paused:
            is_held = not self._writer.wait(HOLD_S)
        wanted = set(self._buffer.partitions) if is_held else set()
        if added := wanted - self._paused:
            self._client.pause([place_of(p) for p in added])
        if removed := self._paused - wanted:
            self._client.resume([place_of(p) for p in removed])
        self._paused = wanted

    def _finish(self) -> None:
        """Write what is under way and what waits."""
        self._settle(self._writer.take())
        if self._buffer.rows:
            self._hand_over()
            self._settle(self._writer.take())
        self._commit()

    def _is_drained(self) -> bool:
        """Whether all that was there at the start is written, by this consumer or by the group's others."""
        is_written = not self._writer.is_busy and not self._buffer.rows
        if not (self.job.until_drained and is_written and self._has_read_all()):
            return False
        others = set(self._targets) - set(self._buffer.partitions)
        if not others:
            return True
        if time.monotonic() - self._looked_s < COMMITTED_LOOK_S:
            return False
        self._looked_s = time.monotonic()
        self._commit()
        with suppress(ServiceError):  # the brokers are asked again in a moment
            return all((offset or 0) >= self._targets[p] for p, offset in self._offsets.read(others).items())
        return False

    def _assign(self, client: Consumer, places: Collection[TopicPartition]) -> None:
        """Begin to read partitions where the destination stands."""
        if self._is_leaving:
            return  # the closing client answers no question about the group, and gives the partitions back at once
        self._settle(self._writer.take())
        starts = self._patience.retrying()(self._find_starts, [self._identify(place) for place in places])
        for partition, start in starts.items():
            self._buffer.open(partition, start)
        client.incremental_assign([place_of(p, start) for p, start in starts.items()])
        self.report.assigned(starts)

    def _find_starts(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        committed = self._offsets.read(partitions)
        self._committed |= {partition: offset or -1 for partition, offset in committed.items()}
        wanted = self.destination.resume(committed)
        return choose_starts(wanted, {p: read_available(self._client, self.settings.kafka, p) for p in partitions})

    def _revoke(self, client: Consumer, places: Collection[TopicPartition]) -> None:
        """Give partitions up: what is under way is written and committed, what waits is left to their next owner."""
        self._settle(self._writer.take())
        self._let_go(places)
        client.incremental_unassign(list(places))

    def _lose(self, client: Consumer, places: Collection[TopicPartition]) -> None:
        """Partitions have another owner already; what is under way is refused or repeated by the destination's offsets."""
        self._let_go(places)
        client.incremental_unassign(list(places))

    def _let_go(self, places: Collection[TopicPartition]) -> None:
        # The client would remember a pause, and hold the partition back when it is given to this consumer again.
        self._client.resume(list(places))
        for partition in map(self._identify, places):
            self._buffer.close(partition)
            self._paused.discard(partition)

    def _identify(self, place: TopicPartition) -> Partition:
        return Partition(place.topic, self._topic_ids[place.topic], place.partition)

    def _check_batch(self, batch: Batch) -> None:
        self._check_ids({piece.partition for piece in batch.slices})

    def _check_ids(self, partitions: Set[Partition]) -> None:
        """Return if the topics are the ones that the run began with."""
        ids = read_topic_ids(self.settings, {partition.topic for partition in partitions}, self._admin)
        for partition in partitions:
            now = partition._replace(topic_id=ids[partition.topic])
            check_topic_id(now, partition.topic_id, "what was read")

    def _measure_lag(self) -> Mapping[Partition, int]:
        """Offsets still to be read in each partition, by what the client was told last."""
        lag = {}
        for partition in self._buffer.partitions:
            _, high = self._client.get_watermark_offsets(place_of(partition), cached=True)
            lag[partition] = max(0, high - self._buffer.position(partition))
        return lag

    def _look_for_brokers(self) -> None:
        with explain_errors(self.settings.kafka, f"read {', '.join(self.job.topics)}, no broker answers"):
            self._client.list_topics(timeout=self.settings.kafka.timeout_s)
        self._brokers.clear()
