"""What attempts at operations have left behind: objects that no operation names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from connections.ledger import Ledger
from connections.operations import read_operations
from pipeline_contract.errors import ServiceError
from pipeline_contract.layout import operation_prefix, operations_prefix
from spark_streaming.staging import delete_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# No attempt takes as long: what it wrote last is younger while it is still at work.
KEPT_FOR = timedelta(days=1)


def sweep_leftovers(s3: S3Client, ledger: Ledger, kept_for: timedelta = KEPT_FOR) -> int:
    """Delete the objects of attempts that published nothing and wrote nothing for so long; return how many."""
    oldest = datetime.now(UTC) - kept_for
    # The listing comes first: an attempt that is published meanwhile is then known.
    written = _find_attempts(s3, ledger)
    published = {operation.attempt for operation in read_operations(ledger)}
    return sum(
        delete_prefix(s3, ledger.bucket, operation_prefix(ledger.pipeline, attempt))
        for attempt, last_write in sorted(written.items())
        if attempt not in published and last_write < oldest
    )


def _find_attempts(s3: S3Client, ledger: Ledger) -> dict[str, datetime]:
    """Each attempt that has objects, and when the newest of them was written."""
    prefix, written = operations_prefix(ledger.pipeline), dict[str, datetime]()
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=ledger.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                attempt, at = item["Key"][len(prefix) :].split("/")[0], item["LastModified"]
                written[attempt] = max(at, written.get(attempt, at))
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"S3: cannot list s3://{ledger.bucket}/{prefix}: {error}") from error
    return written
