"""What a request to the AWS endpoint is about, read from its head: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class AwsRequest:
    """The part of a request that decides how it is handled; `key` is empty for a request about a bucket."""

    method: str
    service: str
    region: str
    bucket: str
    key: str
    parameters: dict[str, list[str]]
    headers: dict[str, str]

    @property
    def changes_something(self) -> bool:
        """Whether it may change the state, as far as its method tells."""
        return self.method not in READING_METHODS

    @property
    def path(self) -> str:
        """The path that it names, for services other than S3."""
        return f"/{self.bucket}/{self.key}" if self.key else f"/{self.bucket}"

    @property
    def is_part_of_an_upload(self) -> bool:
        """Whether it belongs to a multipart upload that it does not complete."""
        return "partNumber" in self.parameters or "uploads" in self.parameters


def read_request(environ: dict[str, Any]) -> AwsRequest:
    """Read a WSGI environment; an unsigned request counts as one to S3, as moto has it too."""
    path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace").lstrip("/")
    bucket, _, key = path.partition("/")
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    service, region = read_scope(headers.get("authorization", ""))
    return AwsRequest(
        method=environ["REQUEST_METHOD"],
        service=service,
        region=region,
        bucket=bucket,
        key=key,
        parameters=parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True),
        headers=headers,
    )


def read_scope(authorization: str) -> tuple[str, str]:
    """Service and region of a signature's credential scope (`Credential=<key>/<date>/<region>/<service>/aws4_request`)."""
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return (scope[3].lower(), scope[2]) if len(scope) > 3 else ("s3", "us-east-1")


def is_receive(request: AwsRequest, body: bytes) -> bool:
    """Say whether this asks SQS for messages, which may wait long for one."""
    return (
        request.headers.get("x-amz-target", "").endswith(".ReceiveMessage") or b"Action=ReceiveMessage" in body[:4096]
    )


def read_copy_source(request: AwsRequest) -> tuple[str, str] | None:
    """Bucket and key that a COPY reads, or None when the request is no COPY."""
    source = request.headers.get("x-amz-copy-source")
    if source is None or request.method != "PUT" or not request.key:
        return None
    bucket, _, key = unquote(source.partition("?")[0]).lstrip("/").partition("/")
    return bucket, key


def find_failed_copy_condition(request: AwsRequest, source_etag: str | None, target_etag: str | None) -> str | None:
    """The condition of a COPY that does not hold and that moto does not check; None when all hold.

    ETags are None where there is no object.
    Source: docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html (If-Match, If-None-Match, copy-source-if-match).
    """
    headers = request.headers
    wanted_source = headers.get("x-amz-copy-source-if-match")
    if wanted_source is not None and source_etag is not None and not is_same_etag(wanted_source, source_etag):
        return "x-amz-copy-source-If-Match"
    wanted_target = headers.get("if-match")
    if wanted_target is not None and (target_etag is None or not is_same_etag(wanted_target, target_etag)):
        return "If-Match"
    if headers.get("if-none-match") == "*" and target_etag is not None:
        return "If-None-Match"
    return None


def is_same_etag(left: str, right: str) -> bool:
    """Compare two ETags with or without their quotes."""
    return left.strip('"') == right.strip('"')
