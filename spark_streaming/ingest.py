"""The ingest query: each micro-batch becomes raw, curated and rejected objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from connections.schema_registry import ReadSchemas
from pipeline_contract.errors import PublishConflict
from pipeline_contract.layout import name_batch
from pipeline_contract.manifest import Manifest
from pipeline_contract.model import Contract, Dedupe
from pipeline_contract.outputs import FileOutput, Output, derive_messages, derive_outputs
from spark_streaming.accepted_files import AcceptedFiles
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from spark_streaming.curated_files import ASSUMED_BYTES_PER_ROW, write_curated
from spark_streaming.dedupe import (
    find_duplicates,
    find_repeated,
    read_spans,
    reject_duplicates,
    remove_duplicates,
    select_keys,
    select_same_keys,
)
from spark_streaming.drift import observe_drift
from spark_streaming.protect import add_key
from spark_streaming.publisher import Batch, Publisher
from spark_streaming.raw_zone import RawZone
from spark_streaming.row_files import read_output, write_output
from spark_streaming.source import select_raw
from spark_streaming.staging import count_files, delete_files, limit_rows, list_files, measure_rows


def ingest_outputs(contract: Contract) -> tuple[Output, Output, Output]:
    """The three outputs of the ingest query."""
    raw, curated, rejected = derive_outputs(contract)[:3]
    return raw, curated, rejected


def staged_messages(contract: Contract) -> FileOutput:
    """The output that a batch's messages are staged as: the raw one, or one that is never published."""
    return derive_messages() if contract.raw.zone == "off" else ingest_outputs(contract)[0]


class IngestStage:
    """Writes the staged files of ingest batches; it keeps the mean size of a row, to choose how many files to write."""

    def __init__(
        self, spark: SparkSession, contract: Contract, references: Mapping[str, DataFrame], protect_key: str | None,
        zone: RawZone, read_schemas: ReadSchemas, accepted: AcceptedFiles,
    ) -> None:  # fmt: skip
        self._spark = spark
        self._contract = contract
        self._references = references
        self._protect_key = protect_key
        self._zone = zone
        self._read_schemas = read_schemas
        self._accepted = accepted
        self._bytes_per_row: dict[str, float] | None = None
        self._cores = spark.sparkContext.defaultParallelism

    def publish(self, publisher: Publisher, batch: Batch, messages: DataFrame) -> Manifest:
        """Publish one micro-batch and return the manifest that stands for it."""
        manifest = publisher.publish(batch, lambda location: self._stage(publisher, batch, messages, location))
        self._accepted.add(manifest)
        self._bytes_per_row = (self._bytes_per_row or {}) | measure_rows(manifest.files)
        return manifest

    def _stage(self, publisher: Publisher, batch: Batch, messages: DataFrame, location: str) -> None:
        messages_output, rejected_output = staged_messages(self._contract), ingest_outputs(self._contract)[2]
        if self._bytes_per_row is None:
            last = publisher.ledger.read_position().manifest
            self._bytes_per_row = measure_rows(last.files) if last else {}
        ids = {r.topic: r.topic_id for r in batch.ranges}
        batch_id = F.lit(name_batch(publisher.lineage.lineage, batch.number))
        # Whoever sent a message of this batch has registered its schema before.
        schemas = self._read_schemas()
        raw = select_raw(messages, self._contract, ids, batch_id, schemas)
        place = f"{location}{messages_output.name}"
        self._write_raw(self._zone.seal_messages(raw), messages_output, place, batch)
        # Kafka is read once: all else comes from the raw files, as in a backfill from the raw zone.
        staged = self._zone.open_messages(self._spark.read.schema(raw.schema).parquet(place))
        keyed = add_key(staged, self._spark, self._contract, self._protect_key)
        judged = judge_rows(keyed, self._contract, self._references, schemas)
        # Telling whether there is any rejected row costs nothing here; how many there are is counted in the files.
        watched, failed = observe_failures(judged)
        watched, check_drift = observe_drift(watched, self._contract)
        self._write_curated(select_curated(watched, self._contract), location, batch)
        check_drift()
        rejected = [select_rejected(judged, self._contract)] if failed() else []
        if self._contract.dedupe:
            written = self._list_curated(publisher, location)
            duplicates = self._find_duplicates(publisher, self._contract.dedupe, written, location) if written else None
            if duplicates is not None:
                self._rewrite_curated(publisher, duplicates, written, location, batch)
                rejected.append(reject_duplicates(staged, duplicates))
        if rejected:
            rows = self._zone.seal_rejected(reduce(DataFrame.union, rejected))
            write_output(rows, rejected_output, f"{location}rejected", 1)

    def _write_curated(self, curated: DataFrame, location: str, batch: Batch) -> None:
        _, output, _ = ingest_outputs(self._contract)
        row_bytes = self._row_bytes(output)
        write_curated(curated, self._contract, output, f"{location}curated", count_offsets(batch), row_bytes)

    def _list_curated(self, publisher: Publisher, location: str) -> list[str]:
        bucket = publisher.ledger.bucket
        return list_files(publisher.s3, bucket, f"{location.removeprefix(f's3a://{bucket}/')}curated/")

    def _read_curated(self, publisher: Publisher, keys: Sequence[str]) -> DataFrame:
        _, output, _ = ingest_outputs(self._contract)
        try:
            return read_output(self._spark, output, [f"s3a://{publisher.ledger.bucket}/{key}" for key in keys])
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise
            raise PublishConflict(
                f"{self._contract.name}/ingest: a curated file that the ledger names is gone, so that duplicates of its "
                f"rows cannot be told: {error.getMessage()}. Nothing was published; restore it, then start again"
            ) from error

    def _find_duplicates(
        self, publisher: Publisher, dedupe: Dedupe, written: Sequence[str], location: str
    ) -> DataFrame | None:
        """The duplicates among the valid rows, which have been written already; None when there is none.

        Hardly any batch has one: a few columns of files that were just written are read much faster than all rows are
        judged a second time.
        """
        rows = select_keys(self._read_curated(publisher, written), dedupe)
        published = self._accepted.find(read_spans(rows, dedupe))
        accepted = select_same_keys(select_keys(self._read_curated(publisher, published), dedupe), rows, dedupe)
        same = accepted.persist()
        try:
            if find_repeated(rows, same, dedupe).isEmpty():
                return None
            # In a file, so that what is taken out of one output and put into the other is the same.
            find_duplicates(rows, same, dedupe).write.parquet(f"{location}duplicates")
        finally:
            same.unpersist()
        return self._spark.read.parquet(f"{location}duplicates")

    def _rewrite_curated(
        self, publisher: Publisher, duplicates: DataFrame, written: Sequence[str], location: str, batch: Batch
    ) -> None:
        """Put the valid rows without the duplicates in the place of all valid rows."""
        rows = self._read_curated(publisher, written)
        self._write_curated(remove_duplicates(rows, duplicates), location, batch)
        delete_files(publisher.s3, publisher.ledger.bucket, written)

    def _write_raw(self, raw: DataFrame, output: FileOutput, location: str, batch: Batch) -> None:
        target_bytes, row_bytes = self._contract.lake.target_file_bytes, self._row_bytes(output)
        files = count_files(count_offsets(batch), row_bytes, target_bytes, self._cores)
        write_output(raw, output, location, files, limit_rows(row_bytes, target_bytes))

    def _row_bytes(self, output: FileOutput) -> float:
        return (self._bytes_per_row or {}).get(output.name, ASSUMED_BYTES_PER_ROW)


def count_offsets(batch: Batch) -> int:
    """How many offsets a batch spans, at least as many as it has rows."""
    return sum(r.end - r.start for r in batch.ranges)


def observe_failures(judged: DataFrame) -> tuple[DataFrame, Callable[[], bool]]:
    """The frame, and a question to ask once it has been written: did any row of it fail?"""
    observation = Observation()
    failures = F.count_if(F.size("reasons") > 0).alias("failures")
    return judged.observe(observation, failures), lambda: bool(observation.get["failures"])
