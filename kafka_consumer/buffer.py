"""What was read and is not written yet: by partition, in order, within limits of rows, bytes and age. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kafka_consumer.destination import Batch, Partition, Slice
from pipeline_contract.row_judge import Message


@dataclass(frozen=True)
class Limits:
    """When a batch is handed over: at so many rows or bytes, or when its oldest row has waited so long."""

    rows: int
    bytes: int
    age_s: float


@dataclass
class _Stretch:
    """What of one partition is held: all of its messages from `first`, where the last slice ended, up to `end`."""

    first: int
    end: int
    messages: list[Message] = field(default_factory=list)


class Buffer:
    """The messages that wait to be written. `now_s` is the caller's clock."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.rows = 0
        self.bytes = 0
        self._began_s: float | None = None
        self._stretches: dict[Partition, _Stretch] = {}

    @property
    def partitions(self) -> Iterable[Partition]:
        """The partitions that are read."""
        return self._stretches.keys()

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be taken in before a batch is cut."""
        return self.rows >= self.limits.rows or self.bytes >= self.limits.bytes

    def open(self, partition: Partition, position: int) -> None:
        """Begin to read a partition at this offset, or begin anew there."""
        self.close(partition)
        self._stretches[partition] = _Stretch(position, position)

    def close(self, partition: Partition) -> None:
        """Forget a partition with all that waits of it."""
        stretch = self._stretches.pop(partition, None)
        if stretch is not None:
            self.rows -= len(stretch.messages)
            self.bytes -= sum(map(measure_message, stretch.messages))
        if not self.rows:
            self._began_s = None

    def add(self, partition: Partition, message: Message, now_s: float) -> None:
        """Take a message in; one that lies before the position was read already and is passed over."""
        stretch = self._stretches[partition]
        if message.offset < stretch.end:
            return
        stretch.messages.append(message)
        stretch.end = message.offset + 1
        self.rows += 1
        self.bytes += measure_message(message)
        if self._began_s is None:
            self._began_s = now_s

    def pass_markers(self, partition: Partition, end: int) -> None:
        """Note that there is no message before `end` any more but transaction markers and aborted ones."""
        stretch = self._stretches[partition]
        stretch.end = max(stretch.end, end)

    def position(self, partition: Partition) -> int:
        """The offset up to which a partition was read."""
        return self._stretches[partition].end

    def written(self) -> dict[Partition, int]:
        """The offset of each partition before which nothing waits here."""
        return {p: stretch.first if stretch.messages else stretch.end for p, stretch in self._stretches.items()}

    def wait_s(self, now_s: float) -> float:
        """Seconds until a batch is due: 0 when it is, infinite without a row."""
        if self.is_full:
            return 0.0
        return float("inf") if self._began_s is None else max(0.0, self._began_s + self.limits.age_s - now_s)

    def cut(self, batch_id: str) -> Batch:
        """Hand over everything that waits. A slice begins where the one before it ended, markers between them or not."""
        slices = tuple(
            Slice(partition, stretch.first, stretch.end, tuple(stretch.messages))
            for partition, stretch in sorted(self._stretches.items())
            if stretch.messages
        )
        for piece in slices:
            self._stretches[piece.partition] = _Stretch(piece.end, piece.end)
        self.rows, self.bytes, self._began_s = 0, 0, None
        return Batch(batch_id, slices)


def measure_message(message: Message) -> int:
    """The bytes of a message's key and value."""
    return len(message.key or b"") + len(message.value or b"")
