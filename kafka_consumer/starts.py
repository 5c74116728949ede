"""Where the reading of a partition begins, and why it may not begin there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kafka_consumer.destination import Partition
from pipeline_contract.errors import TopicMismatch


class OffsetsGone(TopicMismatch):
    """Offsets that are to be read and that the topic does not have any more."""


@dataclass(frozen=True)
class Available:
    """The offsets that a partition has: from `low` up to, and without, `high`."""

    low: int
    high: int


def choose_starts(
    wanted: Mapping[Partition, int | None], available: Mapping[Partition, Available]
) -> dict[Partition, int]:
    """The offset at which each partition begins, or `OffsetsGone` that names every one that is not there."""
    starts = {p: available[p].low if offset is None else offset for p, offset in wanted.items()}
    gone = {p: start for p, start in starts.items() if not available[p].low <= start <= available[p].high}
    if gone:
        raise explain_gone(gone, available)
    return starts


def explain_gone(wanted: Mapping[Partition, int], available: Mapping[Partition, Available]) -> OffsetsGone:
    """The error for offsets that are wanted and not there."""
    lines = "\n".join(
        f"  - topic {p.topic!r} partition {p.number}: wanted {offset}, available {available[p].low} to "
        f"{available[p].high}"
        for p, offset in sorted(wanted.items())
    )
    return OffsetsGone(
        f"the topic does not have the offsets at which the consumer is to go on:\n{lines}\nThey expired "
        "(topic.retention), or the topic was cut. Nothing is skipped (docs/direct.md, troubleshooting)"
    )


def check_topic_id(partition: Partition, remembered: str, where: str) -> None:
    """Return if what is remembered is of this very topic, or raise `TopicMismatch` that names both ids."""
    if remembered != partition.topic_id:
        raise TopicMismatch(
            f"topic {partition.topic!r} partition {partition.number} was deleted and created again: {where} is of the "
            f"topic with the id {remembered}, now it is {partition.topic_id}. Nothing is read (docs/direct.md, "
            "troubleshooting)"
        )
