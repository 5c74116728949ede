"""What the ledger holds: manifests, lineages, seals, operations and the owner, as frozen models that are stored as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline_contract.model import Contract


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


class LakeFile(Record):
    """One file of the lake: its output, where it lies, and what it holds."""

    output: str
    final_key: str
    bytes: int
    rows: int
    sha256: str


class PublishedFile(LakeFile):
    """One file of a batch, and where it was staged before it was published."""

    staged_key: str


class OperationFile(LakeFile):
    """One file of an operation, and the bounds of its rows' event time; null where it has none."""

    event_time_min: datetime | None
    event_time_max: datetime | None


class BatchPosition(Record):
    """A place in a ledger's order: behind this batch of this lineage; batch -1 is the place before its first."""

    lineage: str
    batch: int


class Manifest(Record):
    """One batch of one query: what was read and what is published of it.

    `reasons` counts the rejected rows by their first reason. Where the contract has no raw zone, `keeps_raw` is false:
    the messages are counted, and no file has them.
    An aggregate's query reads what the ingest has published: `read_to` is the last batch of the ingest that it has read.
    """

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
    reasons: dict[str, int] = Field(default_factory=dict)
    read_to: BatchPosition | None = None
    keeps_raw: bool = True

    @property
    def position(self) -> BatchPosition:
        """The place behind this batch."""
        return BatchPosition(lineage=self.lineage, batch=self.batch)

    def files_of(self, output: str) -> tuple[PublishedFile, ...]:
        """The files of one output."""
        return tuple(file for file in self.files if file.output == output)

    def rows(self, output: str) -> int:
        """The rows of one output, over its files."""
        return sum(file.rows for file in self.files_of(output))


class Seal(Record):
    """Ends a lineage: stands where its next manifest would, so that a driver that still runs on it cannot publish."""

    kind: Literal["seal"] = "seal"
    pipeline: str
    query: str
    lineage: str
    batch: int
    successor: str


class Lineage(Record):
    """The begin of a checkpoint's life: its id, and the offsets that its first batch starts at.

    Of an aggregate, `begins_after` is the same place in the ledger of the ingest, and `definition` all that decides what
    its state means, of which `contract_hash` is the hash.
    """

    kind: Literal["lineage"] = "lineage"
    pipeline: str
    query: str
    lineage: str
    number: int
    checkpoint: str
    contract_hash: str
    starts: tuple[OffsetRange, ...]
    begins_after: BatchPosition | None = None
    definition: dict[str, str] = Field(default_factory=dict)


class ContractRecord(Record):
    """A contract that the pipeline has run with; there is one for each version."""

    kind: Literal["contract"] = "contract"
    version: int
    contract_hash: str
    contract: Contract


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


class Compaction(Record):
    """A numbered operation: the same rows in fewer files; `superseded` names those it replaces, by output."""

    kind: Literal["compact"] = "compact"
    pipeline: str
    query: str
    number: int
    attempt: str
    contract_version: int
    contract_hash: str
    files: tuple[OperationFile, ...]
    superseded: dict[str, tuple[str, ...]]


class AggregateState(Record):
    """How far an aggregate's query had come when a backfill computed its windows anew."""

    name: str
    lineage: str
    as_of: int
    watermark: datetime | None
    closes: int


class Backfill(Record):
    """A numbered operation: the rows of a half-open range of event time, judged again and published anew.

    `replacements` hold the rows judged again, and the aggregates' windows over them: what the warehouse loads.
    `carried` hold the rows beside them in the superseded files, unchanged: the warehouse has these already.
    `snapshot` is how far the ledger went: rows from there on are not concerned.
    """

    kind: Literal["backfill"] = "backfill"
    pipeline: str
    query: str
    number: int
    attempt: str
    contract_version: int
    contract_hash: str
    source: Literal["kafka", "raw"]
    event_from: datetime
    event_to: datetime
    with_rejected: bool
    snapshot: tuple[OffsetRange, ...]
    counts: tuple[PartitionCount, ...]
    aggregates: tuple[AggregateState, ...]
    replacements: tuple[OperationFile, ...]
    carried: tuple[OperationFile, ...]
    superseded: dict[str, tuple[str, ...]]

    @property
    def files(self) -> tuple[OperationFile, ...]:
        """Every file that the operation adds to the lake."""
        return self.replacements + self.carried


Operation = Annotated[Compaction | Backfill, Field(discriminator="kind")]
LedgerEntry = Annotated[Manifest | Seal, Field(discriminator="kind")]
