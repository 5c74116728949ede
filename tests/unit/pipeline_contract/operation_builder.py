"""Manifests and operations of a small ledger, each with defaults, for tests that change one thing."""

from __future__ import annotations

from datetime import datetime

from pipeline_contract.manifest import Backfill, Compaction, Manifest, OffsetRange, OperationFile, PublishedFile

LINEAGE = "0001-abc"
START, END = datetime(2013, 1, 1), datetime(2013, 2, 1)  # noqa: DTZ001 - times of rows have no zone


def build_file(key: str, output: str = "curated", rows: int = 1, size: int = 100) -> PublishedFile:
    """A published file."""
    return PublishedFile(output=output, staged_key=f"_staging/{key}", final_key=key, bytes=size, rows=rows, sha256=key)


def build_operation_file(key: str, output: str = "curated", rows: int = 1, size: int = 100) -> OperationFile:
    """A file of an operation, whose rows lie in January 2013."""
    return OperationFile(
        output=output, final_key=key, bytes=size, rows=rows, sha256=key, event_time_min=START, event_time_max=END
    )


def build_manifest(batch: int, *files: PublishedFile) -> Manifest:
    """The manifest of a batch of ten offsets."""
    ranges = (OffsetRange(topic="orders", topic_id="id", partition=0, start=batch * 10, end=batch * 10 + 10),)
    return Manifest(
        pipeline="orders", query="ingest", lineage=LINEAGE, batch=batch, epoch=1, attempt="first", contract_version=1,
        contract_hash="h", ranges=ranges, counts=(), files=files,
    )  # fmt: skip


def build_compaction(number: int, superseded: list[str], *files: OperationFile, attempt: str = "first") -> Compaction:
    """A compaction of curated files."""
    return Compaction(
        pipeline="orders", query="ingest", number=number, attempt=attempt, contract_version=1, contract_hash="h",
        files=files, superseded={"curated": tuple(superseded)},
    )  # fmt: skip


def build_backfill(
    number: int, superseded: list[str], replacements: list[OperationFile], carried: list[OperationFile]
) -> Backfill:
    """A backfill of January 2013 over the first hundred offsets."""
    return Backfill(
        pipeline="orders", query="ingest", number=number, attempt="first", contract_version=1, contract_hash="h",
        source="raw", event_from=START, event_to=END, with_rejected=False,
        snapshot=(OffsetRange(topic="orders", topic_id="id", partition=0, start=0, end=100),), counts=(), aggregates=(),
        replacements=tuple(replacements), carried=tuple(carried), superseded={"curated": tuple(superseded)},
    )  # fmt: skip
