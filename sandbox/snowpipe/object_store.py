"""Reads staged files from S3, retrying what may pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

_MISSING = {"NoSuchKey", "NoSuchBucket", "404", "AccessDenied", "403"}


class AwsEndpoint(NamedTuple):
    """Where the AWS services answer, and in which region."""

    url: str
    region: str


class StagedFile(NamedTuple):
    """One object of a bucket, as a stage lists it."""

    bucket: str
    key: str
    size: int
    etag: str
    last_modified: datetime


class FileMissing(Exception):
    """The object or its bucket is gone, or may not be read; trying again will not help."""


def open_aws(endpoint: AwsEndpoint, service: str) -> Any:  # boto3's clients have no common type
    """Return a boto3 client of the endpoint; the credentials are the emulation's and open nothing else."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106
        config=Config(
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=16,
            retries={"max_attempts": 0},
        ),
    )


def is_passing(error: BaseException) -> bool:
    """Return whether an S3 or SQS error may pass by itself."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 500
    return isinstance(error, BotoCoreError)


_retry_passing = retry(
    retry=retry_if_exception(is_passing),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.1, max=1.0),
    reraise=True,
)


class ObjectStore:
    """Lists, fetches and deletes objects of the AWS endpoint's S3."""

    def __init__(self, endpoint: AwsEndpoint) -> None:
        self._client = open_aws(endpoint, "s3")

    @_retry_passing
    def fetch_file(self, bucket: str, key: str) -> tuple[StagedFile, bytes]:
        """Return an object's metadata and bytes, or raise FileMissing."""
        try:
            reply = self._client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                raise FileMissing(f"s3://{bucket}/{key}: {code}") from None
            raise
        body = reply["Body"].read()
        etag = reply["ETag"].strip('"')
        return StagedFile(bucket, key, len(body), etag, reply["LastModified"]), body

    @_retry_passing
    def list_files(self, bucket: str, prefix: str) -> list[StagedFile]:
        """Return the objects whose key begins with the prefix, by key; folder markers are left out."""
        try:
            return list(self._iterate_files(bucket, prefix))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                raise FileMissing(f"s3://{bucket}/{prefix}: {code}") from None
            raise

    def _iterate_files(self, bucket: str, prefix: str) -> Iterator[StagedFile]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", []):
                if not item["Key"].endswith("/"):
                    yield StagedFile(bucket, item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"])

    @_retry_passing
    def delete_file(self, bucket: str, key: str) -> None:
        """Delete an object, as PURGE asks."""
        self._client.delete_object(Bucket=bucket, Key=key)
