"""What the consumer writes to: the protocol of a destination, and how the built-in ones and those of others are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import NamedTuple, Protocol

from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.extensions import list_extensions
from pipeline_contract.model import Contract
from pipeline_contract.row_judge import Message

# Other packages offer destinations under this group; the name is what `--to` takes.
ENTRY_POINTS = "millrace.destinations"
BUILT_IN = {
    "lambda": "kafka_consumer.lambda_destination:open_function",
    "snowflake": "kafka_consumer.snowflake_destination:open_snowflake",
    "s3": "kafka_consumer.s3_destination:open_s3_destination",
}


class Partition(NamedTuple):
    """One partition of a topic; the id tells the topic from one that was created again under its name."""

    topic: str
    topic_id: str
    number: int


@dataclass(frozen=True)
class Slice:
    """A stretch of one partition: every committed message from offset `first` up to, and without, `end`, in order."""

    partition: Partition
    first: int
    end: int
    messages: tuple[Message, ...] = field(repr=False)


@dataclass(frozen=True)
class Batch:
    """What is handed over at once, at most one slice a partition and none without messages; `id` is the `_batch_id`."""

    id: str
    slices: tuple[Slice, ...]

    @property
    def messages(self) -> list[Message]:
        """All messages, slice by slice."""
        return [message for piece in self.slices for message in piece.messages]


@dataclass(frozen=True)
class Written:
    """What became of a batch: where each of its partitions stands now, and how many rows went to each output.

    An end that is not the slice's says that the destination had other rows than the consumer thought, such as those
    of a consumer that had the partition before: the consumer goes on from there.
    """

    ends: Mapping[Partition, int]
    rows: Mapping[str, int]


class Destination(Protocol):
    """Where batches go. One call at a time, though not always from the same thread.

    `ServiceError` means that the same call may succeed later, and it is made again: so a `write` must find out what
    an earlier attempt at the batch has left. Any other error stops the consumer.
    """

    def resume(self, committed: Mapping[Partition, int | None]) -> Mapping[Partition, int | None]:
        """Where to go on in each of these partitions; None is their beginning.

        `committed` holds the offsets that the consumer group has committed, which may lag behind what was written.
        Raise `TopicMismatch` where the destination has rows of another topic of that name.
        """
        ...

    def write(self, batch: Batch) -> Written:
        """Write a batch; it is durable when this returns."""
        ...

    def close(self) -> None:
        """Let go of connections; nothing is written."""
        ...


OpenDestination = Callable[[Contract, Settings], Destination]


def list_destinations() -> dict[str, EntryPoint]:
    """Every destination by name; one of another package cannot take the place of a built-in one."""
    return list_extensions(ENTRY_POINTS, BUILT_IN)


def open_destination(name: str, contract: Contract, settings: Settings) -> Destination:
    """The destination of this name, opened; its module is imported only now."""
    known = list_destinations()
    if name not in known:
        raise ConfigurationError(f"--to: found {name!r}, allowed: {', '.join(sorted(known))}")
    opener: OpenDestination = known[name].load()
    return opener(contract, settings)
