"""Parquet files as JSON lines: each value as the text from which the contract's casts read it back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kafka_producer.byte_source import FileSource, check_unchanged, fingerprint_file
from kafka_producer.header import check_header
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract

_BATCH_ROWS = 5_000


@dataclass(frozen=True)
class ParquetSource(FileSource):
    """A Parquet file whose columns are the contract's; memory grows with its row groups alone."""

    def open_chunks(self) -> Iterator[bytes]:
        """The rows as JSON lines; a null is left out."""
        try:
            with pq.ParquetFile(self.file.path) as parquet:
                names = parquet.schema_arrow.names
                for batch in parquet.iter_batches(_BATCH_ROWS):
                    columns = [list_texts(column) for column in batch.columns]
                    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
                    yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        except (pa.ArrowException, OSError) as error:
            raise ConfigurationError(f"{self.file.path}: cannot be read as Parquet: {error}") from error
        check_unchanged(self.file)


def open_parquet(contract: Contract, address: str) -> ParquetSource:
    """The Parquet file at a path; `ConfigurationError` where it is none, or its columns are not the contract's."""
    file = fingerprint_file(Path(address))
    try:
        names = pq.read_schema(file.path).names
    except (pa.ArrowException, OSError) as error:
        raise ConfigurationError(f"{address}: cannot be read as Parquet: {error}") from error
    check_header(address, names, contract.headers)
    return ParquetSource(file, str(file.path.resolve()), file.path.name, "jsonl")


def list_texts(column: pa.Array) -> Sequence[str | None]:
    """A column's values as texts: times in UTC, decimals with all digits, what is nested as JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return list_texts(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        # Of nanoseconds the last three digits go where they are zero; other ones the contract's cast refuses.
        texts = pc.cast(pc.cast(column, pa.timestamp(kind.unit)), pa.string())
        return list(pc.replace_substring_regex(texts, r"(\.\d{6})000$", r"\1").to_pylist())
    if pa.types.is_decimal(kind):
        return [None if value is None else f"{value:f}" for value in column.to_pylist()]
    if pa.types.is_nested(kind):
        return [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()]
    if pa.types.is_date64(kind):
        return list_texts(pc.cast(column, pa.date32()))
    return list(pc.cast(column, pa.string()).to_pylist())
