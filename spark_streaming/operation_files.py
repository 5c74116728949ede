"""Files that an operation has written, looked at as they lie there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from pipeline_contract.manifest import OperationFile
from pipeline_contract.outputs import Output
from spark_streaming.staging import StagedFile, inspect_staged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def inspect_operation(s3: S3Client, bucket: str, prefix: str, outputs: Iterable[Output]) -> tuple[OperationFile, ...]:
    """Every file with rows under an attempt's prefix, read whole."""
    return describe_files(inspect_staged(s3, bucket, prefix, outputs))


def describe_files(written: Sequence[StagedFile]) -> tuple[OperationFile, ...]:
    """The entries of written files in an operation, by key."""
    return tuple(_describe(file) for file in sorted(written, key=lambda file: file.key))


def _describe(file: StagedFile) -> OperationFile:
    bounds = pc.min_max(file.passport["_event_time"]).as_py() if file.passport is not None else {}
    return OperationFile(
        output=file.output.name,
        final_key=file.key,
        bytes=file.bytes,
        rows=file.rows,
        sha256=file.sha256,
        event_time_min=bounds.get("min"),
        event_time_max=bounds.get("max"),
    )
