"""Objects of the lake's bucket as they lie there: listed and read, whatever the ledger says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_contract.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def list_objects(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    """The keys of every object under a prefix, in order."""
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(f"S3: cannot list s3://{bucket}/{prefix}: {error}") from error


def read_object(s3: S3Client, bucket: str, key: str) -> bytes | None:
    """An object's bytes, or None when it is gone."""
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
            return None
        raise ServiceError(f"S3: cannot read s3://{bucket}/{key}: {error}") from error
    except BotoCoreError as error:
        raise ServiceError(f"S3: cannot read s3://{bucket}/{key}: {error}") from error
