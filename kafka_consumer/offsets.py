"""The group's offsets and the partitions' ends, as the consumer's own client sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from connections.kafka import read_stable_ends, read_watermarks
from connections.kafka_errors import explain_errors
from connections.settings import KafkaSettings
from kafka_consumer.destination import Partition
from kafka_consumer.starts import Available, check_topic_id

_MOVING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}


class GroupOffsets:
    """What the group has committed, each offset with the topic's id beside it."""

    def __init__(self, client: Consumer, settings: KafkaSettings, group: str) -> None:
        self._client = client
        self._settings = settings
        self._group = group

    def read(self, partitions: Iterable[Partition]) -> dict[Partition, int | None]:
        """The committed offset of each partition, None without one; `TopicMismatch` where it is of another topic."""
        wanted = list(partitions)
        if not wanted:
            return {}
        places = [place_of(p) for p in wanted]
        asking = Retrying(
            retry=retry_if_exception(is_moving), wait=wait_fixed(0.1), stop=stop_after_delay(self._settings.timeout_s),
            reraise=True,
        )  # fmt: skip
        with explain_errors(self._settings, f"read the offsets of group {self._group}"):
            found = asking(self._client.committed, places, timeout=self._settings.timeout_s)
        offsets: dict[Partition, int | None] = {}
        for partition, place in zip(wanted, found, strict=True):
            known = place.offset != OFFSET_INVALID
            if known and place.metadata:
                check_topic_id(partition, place.metadata, f"what group {self._group} has committed")
            offsets[partition] = place.offset if known else None
        return offsets

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit these offsets and wait for the broker's word."""
        places = [place_of(p, offset) for p, offset in offsets.items()]
        with explain_errors(self._settings, f"commit the offsets of group {self._group}"):
            self._client.commit(offsets=places, asynchronous=False)


def is_moving(error: BaseException) -> bool:
    """Whether the group has no coordinator for the moment, as while the brokers make or move its offsets."""
    return isinstance(error, KafkaException) and error.args[0].code() in _MOVING


def place_of(partition: Partition, offset: int = OFFSET_INVALID) -> TopicPartition:
    """A partition as the client names it; a committed offset carries the topic's id."""
    return TopicPartition(partition.topic, partition.number, offset, metadata=partition.topic_id)


def read_available(client: Consumer, settings: KafkaSettings, partition: Partition) -> Available:
    """The offsets that a partition has now, up to the first open transaction."""
    with explain_errors(settings, f"read the ends of topic {partition.topic!r} partition {partition.number}"):
        low, high = client.get_watermark_offsets(place_of(partition), timeout=settings.timeout_s)
    return Available(low, high)


def read_targets(settings: KafkaSettings, topic_ids: Mapping[str, str]) -> dict[Partition, int]:
    """The last stable offset of each partition that has anything to read."""
    targets = {}
    for topic, topic_id in topic_ids.items():
        lows = read_watermarks(settings, topic)
        for number, end in read_stable_ends(settings, topic).items():
            if end > lows[number][0]:
                targets[Partition(topic, topic_id, number)] = end
    return targets
