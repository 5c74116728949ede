"""The sources as a party: each file that a replay names is read again, row by row, as the producer read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from kafka_producer.byte_source import fingerprint_file, open_file_chunks
from kafka_producer.row_source import open_rows
from pipeline_contract.errors import ConfigurationError
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
    if record.fingerprint is None:
        return SourceSight(record, None, "was read from standard input, which cannot be read again")
    path = moved_to or Path(record.path)
    try:
        found = fingerprint_file(path).fingerprint
        if found != record.fingerprint:
            trouble = (
                f"{path} has changed since it was replayed (SHA-256 {found[:12]}…, was {record.fingerprint[:12]}…)"
            )
            return SourceSight(record, None, trouble)
        return SourceSight(record, read_lines(contract, path))
    except ConfigurationError as error:
        return SourceSight(record, None, f"{error}; give its place with --source")


def read_lines(contract: Contract, path: Path) -> pa.Array:
    """The physical line, from 1, at which each row of a file begins, rows that the producer rejects included."""
    rows = open_rows(contract, str(path), open_file_chunks(path)).read_rows(0)
    return pa.array([item.line for items in rows for item in items], pa.int64())
