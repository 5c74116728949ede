"""The sources as a party: each file that a replay names is read again, row by row, as the producer read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from kafka_producer.byte_source import fingerprint_file
from kafka_producer.row_source import open_rows
from kafka_producer.source import STANDARD_INPUT, Source, find_source
from pipeline_contract.errors import ConfigurationError, PipelineError
from pipeline_contract.model import Contract
from pipeline_contract.replay_record import ReplayRecord


@dataclass(frozen=True)
class SourceSight:
    """One replayed source: its record, and the lines at which its rows begin, or why it cannot be read again."""

    record: ReplayRecord
    lines: pa.Array | None
    trouble: str | None = None


def read_sources(
    contract: Contract, records: Mapping[str, ReplayRecord], other_paths: Iterable[Path]
) -> list[SourceSight]:
    """Every replayed source, read again where its file is unchanged; `other_paths` are files that have moved.

    `ConfigurationError` when one of `other_paths` was never replayed.
    """
    moved = {fingerprint_file(path).fingerprint: path for path in other_paths}
    known = {record.fingerprint for record in records.values()}
    for fingerprint, path in moved.items():
        if fingerprint not in known:
            raise ConfigurationError(
                f"{path}: no replay has sent a file of this content (SHA-256 {fingerprint[:12]}…); "
                f"replayed were: {', '.join(sorted(records)) or 'none'}"
            )
    return [_read_source(contract, record, moved.get(record.fingerprint or "")) for record in records.values()]


def _read_source(contract: Contract, record: ReplayRecord, moved_to: Path | None) -> SourceSight:
    if record.bytes is None:
        kind = "standard input" if record.path == STANDARD_INPUT else f"the feed {record.path}"
        return SourceSight(record, None, f"was read from {kind}, which cannot be read again")
    try:
        source = find_source(contract, str(moved_to or record.path))
        if source.fingerprint != record.fingerprint:
            found, known = str(source.fingerprint)[:12], str(record.fingerprint)[:12]
            trouble = f"{source.path} has changed since it was replayed (SHA-256 {found}…, was {known}…)"
            return SourceSight(record, None, trouble)
        return SourceSight(record, read_lines(contract, source))
    except PipelineError as error:
        return SourceSight(record, None, f"{error}; give its place with --source")


def read_lines(contract: Contract, source: Source) -> pa.Array:
    """The physical line, from 1, at which each row of a source begins, rows that the producer rejects included."""
    rows = open_rows(contract, source.path, source.open_chunks(), source.format).read_rows(0)
    return pa.array([item.line for items in rows for item in items], pa.int64())
