"""JSON objects of the ledger on S3: read as what their keys say, put under a condition that one writer alone can meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from pipeline_contract.errors import PublishConflict, ServiceError
from pipeline_contract.manifest import Record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

R = TypeVar("R", bound=Record)
_DELETE_AT_ONCE = 1000


class _UnderWay(ServiceError):
    """A conditional write that met another one of the same key: S3 asks to try again, and who won is not known yet."""


@dataclass(frozen=True)
class LedgerObjects:
    """The objects of one bucket in which a ledger is kept.

    Every method raises `ServiceError` when S3 cannot be reached, and `PublishConflict` when an object cannot be read as
    what its key says.
    """

    s3: S3Client
    bucket: str

    def parse(self, key: str, model: type[R]) -> R:
        """The record at a key."""
        return parse_record(key, self.get(key) or b"", model)

    def list_keys(self, prefix: str, start_after: str = "") -> list[str]:
        """The keys directly below a prefix, in S3's order."""
        try:
            pages = self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/", StartAfter=start_after
            )
            return [item["Key"] for page in pages for item in page.get("Contents", [])]
        except (ClientError, BotoCoreError) as error:
            raise self.failed("list", prefix, error) from error

    def list_tree(self, prefix: str) -> list[str]:
        """Every key below a prefix, in S3's order."""
        try:
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return [item["Key"] for page in pages for item in page.get("Contents", [])]
        except (ClientError, BotoCoreError) as error:
            raise self.failed("list", prefix, error) from error

    def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects; one that is not there is no error."""
        try:
            for first in range(0, len(keys), _DELETE_AT_ONCE):
                entries: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys[first : first + _DELETE_AT_ONCE]]
                self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": entries, "Quiet": True})
        except (ClientError, BotoCoreError) as error:
            raise self.failed("delete", keys[0], error) from error

    def find_time(self, key: str) -> datetime | None:
        """When an object was written, by S3's clock; None when there is none."""
        try:
            return self.s3.head_object(Bucket=self.bucket, Key=key)["LastModified"]
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "404"):
                return None
            raise self.failed("look for", key, error) from error
        except BotoCoreError as error:
            raise self.failed("look for", key, error) from error

    def get(self, key: str) -> bytes | None:
        """An object's bytes, or None when there is none."""
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) in ("NoSuchKey", "404"):
                return None
            raise self.failed("read", key, error) from error
        except BotoCoreError as error:
            raise self.failed("read", key, error) from error

    def put_once(self, key: str, record: Record) -> bool:
        """Write a record unless its key is taken; False when it is."""
        body = orjson.dumps(orjson.loads(record.model_dump_json()), option=orjson.OPT_INDENT_2)
        return self.put_if(key, body, {"IfNoneMatch": "*"})

    def put(self, key: str, body: bytes) -> None:
        """Write an object, whatever was there."""
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise self.failed("write", key, error) from error

    @retry(retry=retry_if_exception_type(_UnderWay), stop=stop_after_attempt(10), wait=wait_fixed(0.3), reraise=True)
    def put_if(self, key: str, body: bytes, condition: dict[str, str]) -> bool:
        """Write an object under a condition of S3's; False when it is not met."""
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **condition)  # type: ignore[arg-type]
        except ClientError as error:
            if error_code(error) in ("PreconditionFailed", "412"):
                return False
            if error_code(error) in ("ConditionalRequestConflict", "409"):
                raise _UnderWay(f"S3: another write of s3://{self.bucket}/{key} is under way") from error
            raise self.failed("write", key, error) from error
        except BotoCoreError as error:
            raise self.failed("write", key, error) from error
        return True

    def failed(self, what: str, key: str, error: Exception) -> ServiceError:
        """The error that names what could not be done to which object."""
        return ServiceError(f"S3: cannot {what} s3://{self.bucket}/{key}: {error}")


def parse_record(key: str, body: bytes, model: type[R]) -> R:
    """The record that a body holds, or `PublishConflict` naming its key."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise PublishConflict(f"{key}: not a {model.__name__.lower()}: {error.errors()[0]['msg']}") from error


def error_code(error: ClientError) -> str:
    """S3's name of what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))
