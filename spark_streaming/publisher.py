"""The publish protocol: stage, manifest, publish. See docs/architecture.md.

A reader who lists the bucket sees every row of a committed batch exactly once, however often a batch was tried, by
however many drivers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from connections.ledger import Ledger
from connections.s3 import object_exists
from pipeline_contract.errors import PublishConflict, ServiceError
from pipeline_contract.layout import final_key, name_batch, staging_folder, staging_prefix
from pipeline_contract.manifest import (
    BatchPosition,
    Lineage,
    Manifest,
    OffsetRange,
    PartitionCount,
    PublishedFile,
    Seal,
)
from pipeline_contract.outputs import FileOutput
from spark_streaming.delta_log import DeltaLog
from spark_streaming.log_lines import CURRENT
from spark_streaming.staging import (
    PartitionRows,
    StagedFile,
    count_partitions,
    count_reasons,
    delete_prefix,
    inspect_staged,
    list_files,
)
from spark_streaming.steps import Listener, announce

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Writes the batch's outputs below a location of Spark's (s3a://…/).
Stage = Callable[[str], None]


@dataclass(frozen=True)
class Batch:
    """What one micro-batch read.

    An aggregate's reads `published` batches of the ingest, up to and with `read_to`; the windows that had ended at
    `late_before` take no row of it any more.
    """

    number: int
    ranges: tuple[OffsetRange, ...]
    watermark: datetime | None = None
    late_before: datetime | None = None
    read_to: BatchPosition | None = None
    published: tuple[Manifest, ...] = ()


@dataclass(frozen=True)
class Publisher:
    """Publishes the batches of one query on one lineage, as the driver that owns `epoch`.

    Files of `unpublished` outputs are counted with the others, and left in staging.
    """

    s3: S3Client
    ledger: Ledger
    lineage: Lineage
    epoch: int
    outputs: tuple[FileOutput, ...]
    contract_version: int
    contract_hash: str
    listener: Listener
    delta_log: DeltaLog | None = None
    unpublished: tuple[FileOutput, ...] = ()

    def publish(self, batch: Batch, stage: Stage) -> Manifest:
        """Publish a batch and return the manifest that stands for it: this attempt's, or an earlier one's that won."""
        standing = self.ledger.read_entry(self.lineage.lineage, batch.number)
        if standing is None:
            standing = self._attempt(batch, stage)
        manifest = self._accept(standing, batch)
        self._copy(manifest, manifest.files)
        if self.delta_log:
            with announce(self.listener, "delta", self.ledger.query, self._batch_id(batch.number)):
                self.delta_log.add_batch(manifest)
        return manifest

    def recover(self) -> None:
        """Finish the publication of each lineage's last batch: its driver may have died between the copies.

        Also of lineages that have ended, as nobody else comes back to them; their staging is swept then. What is no
        longer staged was published, and is not brought back if somebody deleted it since.
        """
        for lineage in self.ledger.read_lineages():
            last = self.ledger.read_last_manifest(lineage.lineage)
            if last is None:
                continue
            staged = set(list_files(self.s3, self.ledger.bucket, self._staging(lineage.lineage, last.batch)))
            self._copy(last, [file for file in last.files if file.staged_key in staged])
            if self.delta_log:
                self.delta_log.catch_up(self.ledger, lineage, last)
            if lineage.lineage != self.lineage.lineage:
                self._sweep(lineage.lineage, last.batch)

    def sweep(self, batch: int) -> None:
        """Delete what the attempts at a committed batch have left in staging."""
        self._sweep(self.lineage.lineage, batch)

    def _sweep(self, lineage: str, batch: int) -> None:
        delete_prefix(self.s3, self.ledger.bucket, self._staging(lineage, batch))

    def _staging(self, lineage: str, batch: int) -> str:
        return staging_folder(self.ledger.pipeline, self.ledger.query, name_batch(lineage, batch))

    def _batch_id(self, batch: int) -> str:
        return name_batch(self.lineage.lineage, batch)

    def _attempt(self, batch: Batch, stage: Stage) -> Manifest | Seal:
        attempt, batch_id = uuid4().hex, self._batch_id(batch.number)
        prefix = staging_prefix(self.ledger.pipeline, self.ledger.query, batch_id, attempt)
        with announce(self.listener, "stage", self.ledger.query, batch_id):
            stage(f"s3a://{self.ledger.bucket}/{prefix}")
        with announce(self.listener, "inspect", self.ledger.query, batch_id):
            staged = inspect_staged(self.s3, self.ledger.bucket, prefix, (*self.outputs, *self.unpublished))
            counts = count_rows(staged, batch_id)
        manifest = Manifest(
            pipeline=self.ledger.pipeline,
            query=self.ledger.query,
            lineage=self.lineage.lineage,
            batch=batch.number,
            epoch=self.epoch,
            attempt=attempt,
            contract_version=self.contract_version,
            contract_hash=self.contract_hash,
            ranges=batch.ranges,
            counts=counts,
            files=name_files((f for f in staged if f.output in self.outputs), self.ledger.pipeline, batch_id),
            watermark=batch.watermark,
            reasons=count_reasons(file for file in staged if file.output.kind == "rejected"),
            read_to=batch.read_to,
            keeps_raw=not self.unpublished,
        )
        self._check_chain(batch)
        self.ledger.check_ownership(self.epoch)
        with announce(self.listener, "manifest", self.ledger.query, batch_id):
            return self.ledger.put_entry(manifest)

    def _check_chain(self, batch: Batch) -> None:
        before = self.ledger.read_entry(self.lineage.lineage, batch.number - 1) if batch.number else None
        if batch.number and not isinstance(before, Manifest):
            raise PublishConflict(
                f"{self.ledger.pipeline}/{self.ledger.query}: the manifest of batch {self._batch_id(batch.number - 1)} is "
                f"missing under s3://{self.ledger.bucket}/{self.ledger.prefix}; restore it before you go on"
            )
        ends = before.ranges if isinstance(before, Manifest) else self.lineage.starts
        expected = {(r.topic, r.partition): r.end for r in ends}
        for r in batch.ranges:
            if r.start != expected.get((r.topic, r.partition), 0):
                raise PublishConflict(
                    f"{self.ledger.pipeline}/{self.ledger.query} batch {self._batch_id(batch.number)}: topic {r.topic!r} "
                    f"partition {r.partition} would begin at {r.start}, the ledger ends at "
                    f"{expected.get((r.topic, r.partition), 0)}; nothing was published"
                )

    def _accept(self, standing: Manifest | Seal, batch: Batch) -> Manifest:
        where = f"{self.ledger.pipeline}/{self.ledger.query} batch {self._batch_id(batch.number)}"
        if isinstance(standing, Seal):
            raise PublishConflict(
                f"{where}: this lineage was ended by {standing.successor}, which goes on from here on another checkpoint. "
                "Nothing was published; run one driver a query, on that lineage's checkpoint"
            )
        if standing.ranges != batch.ranges:
            raise PublishConflict(
                f"{where}: was published with other offsets than this checkpoint plans: published "
                f"{_show(standing.ranges)}, planned {_show(batch.ranges)}. Nothing was published again; give a new "
                "--checkpoint, which goes on where the ledger ends"
            )
        return standing

    def _copy(self, manifest: Manifest, files: Sequence[PublishedFile]) -> None:
        batch_id = name_batch(manifest.lineage, manifest.batch)
        copy_files(self.s3, self.ledger.bucket, files, self.ledger.query, batch_id, self.listener)


def copy_files(
    s3: S3Client, bucket: str, files: Sequence[PublishedFile], query: str, batch_id: str, listener: Listener
) -> None:
    """Copy each staged file to its final key where that is absent: a second copy would notify Snowpipe again."""

    def copy(file: PublishedFile) -> None:
        if object_exists(s3, bucket, file.final_key):
            return
        with announce(listener, "copy", query, batch_id, file.final_key):
            _copy_object(s3, bucket, file)

    with ThreadPoolExecutor(8, initializer=CURRENT.set, initargs=(CURRENT.get(),)) as pool:
        list(pool.map(copy, files))


def count_rows(staged: Sequence[StagedFile], batch_id: str) -> tuple[PartitionCount, ...]:
    """The rows of each partition by output, counted in the files; raw = curated + rejected, or the batch stops."""
    by_output: dict[str, dict[tuple[str, int], PartitionRows]] = {
        kind: count_partitions(f for f in staged if f.output.kind == kind) for kind in ("raw", "curated", "rejected")
    }
    none = PartitionRows(0, None, None)
    counts = []
    for place in sorted({key for counted in by_output.values() for key in counted}):
        raw, curated, rejected = (by_output[kind].get(place, none) for kind in ("raw", "curated", "rejected"))
        if raw.rows != curated.rows + rejected.rows:
            raise PublishConflict(
                f"batch {batch_id}: topic {place[0]!r} partition {place[1]} has {raw.rows} raw rows, but {curated.rows} "
                f"curated and {rejected.rows} rejected; nothing was published. A lookup or rule of the contract, or the "
                "staging area, lost or doubled rows"
            )
        counts.append(
            PartitionCount(
                topic=place[0],
                partition=place[1],
                raw=raw.rows,
                curated=curated.rows,
                rejected=rejected.rows,
                event_time_min=curated.event_time_min,
                event_time_max=curated.event_time_max,
            )
        )
    return tuple(counts)


def name_files(staged: Iterable[StagedFile], pipeline: str, batch_id: str) -> tuple[PublishedFile, ...]:
    """The manifest's entries of staged files: final keys are numbered within each output and partition path."""
    places: dict[tuple[str, str], list[StagedFile]] = defaultdict(list)
    for file in sorted(staged, key=lambda f: f.key):
        places[file.output.name, file.partition_path].append(file)
    return tuple(
        PublishedFile(
            output=output,
            staged_key=file.key,
            final_key=final_key(pipeline, output, path, batch_id, number, file.output.extension),
            bytes=file.bytes,
            rows=file.rows,
            sha256=file.sha256,
        )
        for (output, path), files in sorted(places.items())
        for number, file in enumerate(files)
    )


def _copy_object(s3: S3Client, bucket: str, file: PublishedFile) -> None:
    try:
        etag = s3.head_object(Bucket=bucket, Key=file.staged_key)["ETag"]
        source = {"Bucket": bucket, "Key": file.staged_key}
        s3.copy_object(Bucket=bucket, Key=file.final_key, CopySource=source, CopySourceIfMatch=etag)  # type: ignore[arg-type]
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(
            f"S3: cannot publish s3://{bucket}/{file.final_key} from {file.staged_key}: {error}"
        ) from error


def _show(ranges: Iterable[OffsetRange]) -> str:
    return ", ".join(f"{r.topic}[{r.partition}] {r.start}-{r.end}" for r in ranges)
