"""Files of one batch under `_staging/`, looked at as they lie there."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from connections.lake_files import parse_object
from pipeline_contract.errors import ServiceError
from pipeline_contract.manifest import PublishedFile
from pipeline_contract.outputs import FileOutput

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_PASSPORT = ["_topic", "_partition", "_event_time"]
# Reasons whose names come from a message and not from the contract: they are counted by kind, or there is no bound to them.
_OPEN_REASONS = ("producer", "unknown")
_ROWS_PER_TASK = 25_000
_ROWS_TO_MEASURE = 10_000
# S3 takes no more of them in one request.
_KEYS_PER_DELETION = 1000


@dataclass(frozen=True)
class StagedFile:
    """A file as it lies in staging; `partition_path` is what Spark's `partitionBy` put before its name."""

    output: FileOutput
    key: str
    partition_path: str
    bytes: int
    rows: int
    sha256: str
    passport: pa.Table | None


@dataclass(frozen=True)
class PartitionRows:
    """The rows of one Kafka partition in one output, and the bounds of their event time."""

    rows: int
    event_time_min: datetime | None
    event_time_max: datetime | None


def count_files(rows: int, bytes_per_row: float, target_bytes: int, cores: int) -> int:
    """In how many files to write so many rows: as few as the target size wants, but enough to keep the cores busy."""
    by_size = ceil(rows * bytes_per_row / target_bytes)
    return max(1, by_size, min(cores, rows // _ROWS_PER_TASK))


def limit_rows(bytes_per_row: float, target_bytes: int) -> int:
    """How many rows a file of the target size holds, at least one."""
    return max(1, int(target_bytes / bytes_per_row))


def inspect_staged(s3: S3Client, bucket: str, prefix: str, outputs: Iterable[FileOutput]) -> list[StagedFile]:
    """Every file with rows that lies under an attempt's prefix, read whole: nothing is taken from what Spark says."""
    found = [(output, key) for output in outputs for key in list_files(s3, bucket, f"{prefix}{output.name}/")]
    with ThreadPoolExecutor(max_workers=4) as pool:
        files = pool.map(lambda pair: _inspect(s3, bucket, prefix, *pair), found)
    return [file for file in files if file.rows]


def count_partitions(files: Iterable[StagedFile]) -> dict[tuple[str, int], PartitionRows]:
    """The rows of each topic and partition over the files of one output."""
    tables = [file.passport for file in files if file.passport is not None]
    if not tables:
        return {}
    groups = pa.concat_tables(tables).group_by(["_topic", "_partition"])
    counted = groups.aggregate([([], "count_all"), ("_event_time", "min"), ("_event_time", "max")])
    return {
        (row["_topic"], row["_partition"]): PartitionRows(
            row["count_all"], row["_event_time_min"], row["_event_time_max"]
        )
        for row in counted.to_pylist()
    }


def count_reasons(rejected: Iterable[StagedFile]) -> dict[str, int]:
    """The rejected rows of files by their first reason."""
    counted: Counter[str] = Counter()
    for file in rejected:
        if file.passport is not None:
            for group in file.passport.group_by("reason").aggregate([([], "count_all")]).to_pylist():
                kind = group["reason"].partition(":")[0]
                counted[kind if kind in _OPEN_REASONS else group["reason"]] += group["count_all"]
    return dict(sorted(counted.items()))


def delete_prefix(s3: S3Client, bucket: str, prefix: str) -> int:
    """Delete every object under a prefix and return how many there were."""
    deleted = 0
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            keys = [item["Key"] for item in page.get("Contents", [])]
            delete_files(s3, bucket, keys)
            deleted += len(keys)
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"S3: cannot sweep s3://{bucket}/{prefix}: {error}") from error
    return deleted


def delete_files(s3: S3Client, bucket: str, keys: Sequence[str]) -> None:
    """Delete these objects."""
    try:
        for first in range(0, len(keys), _KEYS_PER_DELETION):
            batch: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys[first : first + _KEYS_PER_DELETION]]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"S3: cannot delete {len(keys)} objects from s3://{bucket}/{keys[0]} on: {error}") from error


def list_files(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    """The keys of the data files under a staging prefix, in order."""
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"S3: cannot list s3://{bucket}/{prefix}: {error}") from error
    # S3A marks folders by keys that end in a slash; what a committer leaves (_SUCCESS, __magic…) begins with an underscore.
    files = (key for key in keys if not key.endswith("/"))
    return sorted(key for key in files if not any(p.startswith(("_", ".")) for p in key[len(prefix) :].split("/")))


def _inspect(s3: S3Client, bucket: str, prefix: str, output: FileOutput, key: str) -> StagedFile:
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"S3: cannot read the staged s3://{bucket}/{key}: {error}") from error
    has_passport = output.kind in ("raw", "curated", "rejected")
    columns = [*_PASSPORT, "reason"] if output.kind == "rejected" else _PASSPORT
    table = parse_object(body, output, columns if has_passport else ["window_start"])
    below = key[len(f"{prefix}{output.name}/") :]
    return StagedFile(
        output=output,
        key=key,
        partition_path=below.rpartition("/")[0] + "/" if "/" in below else "",
        bytes=len(body),
        rows=table.num_rows,
        sha256=hashlib.sha256(body).hexdigest(),
        passport=table if has_passport else None,
    )


def measure_rows(files: Iterable[PublishedFile]) -> dict[str, float]:
    """The mean size of a row as it lies in files, in bytes, by output; an output of few rows is absent.

    Of few rows the size says nothing: a Parquet file's own footer weighs more.
    """
    sizes: dict[str, tuple[int, int]] = {}
    for file in files:
        rows, size = sizes.get(file.output, (0, 0))
        sizes[file.output] = rows + file.rows, size + file.bytes
    return {output: size / rows for output, (rows, size) in sizes.items() if rows >= _ROWS_TO_MEASURE}
