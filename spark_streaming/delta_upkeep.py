"""Upkeep of a Delta table, planned before it is done: small files merged, and files that nothing needs any more deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from connections.delta_table import DataFile, LakeTable, is_merged
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.model import Contract

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 deletes so many objects in one call.
_KEYS_PER_CALL = 1000


@dataclass(frozen=True)
class Merge:
    """The small files of one partition that are to become fewer."""

    partition: str
    files: int
    bytes: int


@dataclass(frozen=True)
class Vacuum:
    """Files that no reader sees: those to delete, and how many stay because the ledger names them."""

    keys: tuple[str, ...]
    needed: int


def open_delta(settings: Settings, contract: Contract) -> LakeTable:
    """The pipeline's Delta table, or `ConfigurationError` where it has none."""
    if contract.lake.format != "delta":
        raise ConfigurationError(
            f'{contract.name}: lake.format is "{contract.lake.format}"; only a Delta table is optimised and vacuumed'
        )
    table = LakeTable(settings.s3, contract.name, "curated")
    if not table.exists():
        raise ConfigurationError(f"{contract.name}: there is no Delta table at {table.uri} yet; run the job first")
    return table


def plan_merges(files: Iterable[DataFile], target: int) -> list[Merge]:
    """The partitions that hold more than one file below the target size. Pure."""
    small: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        if file.bytes < target:
            small["/".join(f"{name}={value}" for name, value in file.partition.items())].append(file)
    return [
        Merge(partition, len(found), sum(file.bytes for file in found))
        for partition, found in sorted(small.items())
        if len(found) > 1
    ]


def plan_vacuum(table: LakeTable, older_than: timedelta) -> Vacuum:
    """The files to delete: those that earlier merges have written, and that count no more in the log since so long.

    A batch's own files stay although larger ones have taken their place: aggregates, backfills and the reconciliation read
    what the ledger names, and a file that a dead driver has published may still wait for its commit.
    """
    dropped = table.list_dropped(older_than)
    keys = tuple(key for key in dropped if is_merged(key))
    return Vacuum(keys, len(dropped) - len(keys))


def delete_files(s3: S3Client, bucket: str, keys: Sequence[str]) -> None:
    """Delete these objects."""
    for first in range(0, len(keys), _KEYS_PER_CALL):
        chunk = [{"Key": key} for key in keys[first : first + _KEYS_PER_CALL]]
        try:
            reply = s3.delete_objects(Bucket=bucket, Delete={"Objects": chunk, "Quiet": True})  # type: ignore[typeddict-item]
        except (ClientError, BotoCoreError) as error:
            raise ServiceError(f"S3: objects of s3://{bucket} cannot be deleted: {error}") from error
        if failed := reply.get("Errors"):
            raise ServiceError(f"S3: cannot delete s3://{bucket}/{failed[0].get('Key')}: {failed[0].get('Message')}")
