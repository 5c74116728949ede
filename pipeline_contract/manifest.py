"""What the ledger holds: manifests, lineages, seals, operations and the owner, as frozen models that are stored as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """A ledger object; written once and never changed, but for the owner."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OffsetRange(Record):
    """A half-open range of offsets of one partition: `start` is the first one, `end` the one after the last."""

    topic: str
    topic_id: str
    partition: int
    start: int
    end: int


class PartitionCount(Record):
    """The rows that one batch wrote of one partition, and the bounds of their event time; null where it has none."""

    topic: str
    partition: int
    raw: int
    curated: int
    rejected: int
    event_time_min: datetime | None
    event_time_max: datetime | None


class PublishedFile(Record):
    """One file of a batch: where it was staged, where it is published, and what it holds."""

    output: str
    staged_key: str
    final_key: str
    bytes: int
    rows: int
    sha256: str


class Manifest(Record):
    """One batch of one query: what was read and what is published of it."""

    kind: Literal["batch"] = "batch"
    pipeline: str
    query: str
    lineage: str
    batch: int
    epoch: int
    attempt: str
    contract_version: int
    contract_hash: str
    ranges: tuple[OffsetRange, ...]
    counts: tuple[PartitionCount, ...]
    files: tuple[PublishedFile, ...]
    watermark: datetime | None = None

    def rows(self, output: str) -> int:
        """The rows of one output, over its files."""
        return sum(file.rows for file in self.files if file.output == output)


class Seal(Record):
    """Ends a lineage: stands where its next manifest would, so that a driver that still runs on it cannot publish."""

    kind: Literal["seal"] = "seal"
    pipeline: str
    query: str
    lineage: str
    batch: int
    successor: str


class Lineage(Record):
    """The begin of a checkpoint's life: its id, and the offsets that its first batch starts at."""

    kind: Literal["lineage"] = "lineage"
    pipeline: str
    query: str
    lineage: str
    number: int
    checkpoint: str
    contract_hash: str
    starts: tuple[OffsetRange, ...]


class Owner(Record):
    """The driver that may publish for one query; a greater epoch fences a smaller one."""

    kind: Literal["owner"] = "owner"
    epoch: int
    driver: str
    lineage: str | None = None


class Close(Record):
    """A numbered operation: the windows that the watermark held open, computed as of an end of the ledger."""

    kind: Literal["close"] = "close"
    pipeline: str
    query: str
    number: int
    lineage: str
    as_of: int
    watermark: datetime | None
    attempt: str
    files: tuple[PublishedFile, ...]


LedgerEntry = Annotated[Manifest | Seal, Field(discriminator="kind")]
