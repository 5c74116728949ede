"""Where each query of a pipeline is, by its ledger, its checkpoint and the topic; no Spark is needed to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connections.kafka import read_stable_ends
from connections.ledger import Ledger
from connections.operations import read_operations
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, PublishConflict, ServiceError
from pipeline_contract.layout import name_batch, staging_folder
from pipeline_contract.manifest import Manifest
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST, queries
from spark_streaming.checkpoint import Checkpoint
from spark_streaming.checkpoint_files import open_files
from spark_streaming.offsets import Offsets, measure_lag, range_ends, range_starts, sum_offsets

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class PublishedBatch:
    """The last batch in the ledger: its rows by output, its rejected rows by reason, when its manifest was written."""

    batch: int
    batch_id: str
    at: datetime | None
    rows: dict[str, int]
    reasons: dict[str, int]
    watermark: datetime | None
    ends: Offsets


@dataclass(frozen=True)
class CheckpointState:
    """The newest batches in a checkpoint's logs, -1 for none; `trouble` says why it could not be read."""

    location: str
    planned: int = -1
    committed: int = -1
    trouble: str | None = None


@dataclass(frozen=True)
class QueryStatus:
    """Where one query is; `state` says it in words, and `conflict` what is wrong with it, if anything is.

    `lag` holds the offsets that are not published yet by topic and partition, None when the topic could not be asked.
    `attempts` counts the tries of the batch that is planned and not published.
    """

    query: str
    state: str
    conflict: str | None
    lineage: str | None
    owner: str | None
    epoch: int
    published: PublishedBatch | None
    checkpoint: CheckpointState | None
    attempts: int
    lag: Offsets | None
    operations: dict[str, int]


@dataclass(frozen=True)
class PipelineStatus:
    """Where a pipeline's queries are; `trouble` says which service could not be asked."""

    pipeline: str
    queries: tuple[QueryStatus, ...]
    trouble: str | None


def read_status(settings: Settings, contract: Contract) -> PipelineStatus:
    """Ask ledger, checkpoints and topic; `ServiceError` when there is no ledger to read, a topic alone may be away."""
    s3 = open_s3(settings.s3)
    topics, trouble = (contract.topic.name, contract.topic.rejected), None
    ends: Offsets | None = None
    try:
        ends = {topic: read_stable_ends(settings.kafka, topic) for topic in topics}
    except ServiceError as error:
        trouble = str(error)
    ledgers = (Ledger(s3, settings.s3.bucket, contract.name, query) for query in queries(contract))
    return PipelineStatus(contract.name, tuple(_read_query(s3, ledger, ends) for ledger in ledgers), trouble)


def _read_query(s3: S3Client, ledger: Ledger, ends: Offsets | None) -> QueryStatus:
    position, owner = ledger.read_position(), ledger.read_owner()
    lineage, manifest = position.lineage, position.manifest
    checkpoint = _read_checkpoint(s3, lineage.checkpoint) if lineage else None
    read = (range_ends(manifest.ranges) if manifest else range_starts(lineage.starts)) if lineage else {}
    # An aggregate reads what the ingest has published of the main topic alone.
    wanted = {t: of for t, of in ends.items() if not lineage or t in read} if ends is not None else None
    lag = measure_lag(read, wanted) if wanted is not None else None
    published = _describe_batch(ledger, manifest) if manifest else None
    return QueryStatus(
        query=ledger.query,
        state=describe_state(published, checkpoint, lag),
        conflict=find_conflict(published, checkpoint),
        lineage=lineage.lineage if lineage else None,
        owner=owner.driver if owner else None,
        epoch=owner.epoch if owner else 0,
        published=published,
        checkpoint=checkpoint,
        attempts=_count_attempts(ledger, lineage.lineage, published) if lineage else 0,
        lag=lag,
        operations=_count_operations(ledger),
    )


def _read_checkpoint(s3: S3Client, location: str) -> CheckpointState:
    try:
        checkpoint = Checkpoint(open_files(s3, location))
        if checkpoint.read_lineage() is None:
            return CheckpointState(location, trouble="is empty, or not on this machine")
        return CheckpointState(location, checkpoint.last_planned(), checkpoint.last_committed())
    except (ConfigurationError, PublishConflict, OSError) as error:
        return CheckpointState(location, trouble=str(error))


def _describe_batch(ledger: Ledger, manifest: Manifest) -> PublishedBatch:
    outputs = sorted({file.output for file in manifest.files})
    return PublishedBatch(
        batch=manifest.batch,
        batch_id=name_batch(manifest.lineage, manifest.batch),
        at=ledger.find_publication_time(manifest),
        rows={output: manifest.rows(output) for output in outputs},
        reasons=manifest.reasons,
        watermark=manifest.watermark,
        ends=range_ends(manifest.ranges),
    )


def _count_attempts(ledger: Ledger, lineage: str, published: PublishedBatch | None) -> int:
    """How many attempts at the next batch have left something in staging."""
    following = published.batch + 1 if published else 0
    folder = staging_folder(ledger.pipeline, ledger.query, name_batch(lineage, following))
    return len({key[len(folder) :].partition("/")[0] for key in ledger.objects.list_tree(folder)})


def _count_operations(ledger: Ledger) -> dict[str, int]:
    operations = read_operations(ledger) if ledger.query == INGEST else ledger.read_closes()
    kinds = [operation.kind for operation in operations]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def describe_state(published: PublishedBatch | None, checkpoint: CheckpointState | None, lag: Offsets | None) -> str:
    """Where a query is, in words; whether it runs cannot be known from what it has written."""
    if checkpoint is None:
        return "has never been started"
    done = published.batch if published else -1
    if checkpoint.trouble:
        return f"the checkpoint cannot be read: {checkpoint.trouble}"
    if checkpoint.planned > done:
        return f"batch {checkpoint.planned} is planned and not published yet"
    if checkpoint.committed < done:
        return f"batch {done} is published and not committed: the next start commits it"
    if lag is None:
        return "all that was planned is published"
    return f"{sum_offsets(lag):,} offsets behind the topic" if sum_offsets(lag) else "has published all of the topic"


def find_conflict(published: PublishedBatch | None, checkpoint: CheckpointState | None) -> str | None:
    """What keeps a query from going on: a checkpoint that is ahead of its ledger."""
    done = published.batch if published else -1
    if checkpoint is None or checkpoint.committed <= done:
        return None
    return (
        f"the checkpoint {checkpoint.location} has committed batch {checkpoint.committed}, the ledger ends at {done}: "
        "manifests are missing; restore them before you go on"
    )
