"""What a request to the AWS endpoint is about, and which conditions of a COPY fail."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from sandbox.aws.requests import find_failed_copy_condition, is_receive, read_copy_source, read_request, read_scope


def build_environ(method: str = "PUT", path: str = "/bucket/key", query: str = "", **headers: str) -> dict[str, Any]:
    """A WSGI environment as a server builds it: the path's bytes as latin-1, headers in upper case."""
    named = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    raw_path = path.encode().decode("latin-1")
    return {"REQUEST_METHOD": method, "PATH_INFO": raw_path, "QUERY_STRING": query, **named}


class CopyCase(NamedTuple):
    name: str
    headers: dict[str, str]
    source: str | None
    target: str | None
    failed: str | None


COPY_CASES = [
    CopyCase("no condition", {}, '"s"', '"t"', None),
    CopyCase("source matches", {"x_amz_copy_source_if_match": '"s"'}, '"s"', None, None),
    CopyCase("source matches without quotes", {"x_amz_copy_source_if_match": "s"}, '"s"', None, None),
    CopyCase("source differs", {"x_amz_copy_source_if_match": '"old"'}, '"s"', None, "x-amz-copy-source-If-Match"),
    CopyCase("no source is moto's own error", {"x_amz_copy_source_if_match": '"s"'}, None, None, None),
    CopyCase("target absent as wanted", {"if_none_match": "*"}, '"s"', None, None),
    CopyCase("target present", {"if_none_match": "*"}, '"s"', '"t"', "If-None-Match"),
    CopyCase("target matches", {"if_match": '"t"'}, '"s"', '"t"', None),
    CopyCase("target differs", {"if_match": '"x"'}, '"s"', '"t"', "If-Match"),
    CopyCase("target to match is absent", {"if_match": '"t"'}, '"s"', None, "If-Match"),
]


@pytest.mark.parametrize("case", COPY_CASES, ids=lambda case: case.name)
def test_copy_conditions(case: CopyCase) -> None:
    request = read_request(build_environ(x_amz_copy_source="/b/k", **case.headers))
    assert find_failed_copy_condition(request, case.source, case.target) == case.failed


def test_keys_are_read_as_the_utf8_that_they_are() -> None:
    request = read_request(build_environ(path="/bucket/ä b/水.csv"))
    assert (request.bucket, request.key) == ("bucket", "ä b/水.csv")


def test_a_copy_source_is_decoded_once() -> None:
    request = read_request(build_environ(x_amz_copy_source="/bucket/a%20%2525b?versionId=null"))
    assert read_copy_source(request) == ("bucket", "a %25b")


def test_a_plain_put_copies_nothing() -> None:
    assert read_copy_source(read_request(build_environ())) is None


class ScopeCase(NamedTuple):
    name: str
    authorization: str
    scope: tuple[str, str]


@pytest.mark.parametrize(
    "case",
    [
        ScopeCase(
            "s3",
            "AWS4-HMAC-SHA256 Credential=a/20250101/us-east-1/s3/aws4_request, SignedHeaders=h",
            ("s3", "us-east-1"),
        ),
        ScopeCase(
            "sqs",
            "AWS4-HMAC-SHA256 Credential=a/20250101/eu-west-1/sqs/aws4_request,SignedHeaders=h",
            ("sqs", "eu-west-1"),
        ),
        ScopeCase("unsigned", "", ("s3", "us-east-1")),
        ScopeCase("old signature", "AWS a:b", ("s3", "us-east-1")),
    ],
    ids=lambda case: case.name,
)
def test_service_and_region_are_in_the_signature(case: ScopeCase) -> None:
    assert read_scope(case.authorization) == case.scope


class UploadCase(NamedTuple):
    query: str
    is_part: bool


@pytest.mark.parametrize(
    "case",
    [UploadCase("uploads", True), UploadCase("partNumber=1&uploadId=u", True), UploadCase("uploadId=u", False)],
    ids=lambda case: case.query,
)
def test_only_the_completion_of_an_upload_makes_an_object(case: UploadCase) -> None:
    assert read_request(build_environ(query=case.query)).is_part_of_an_upload == case.is_part


def test_both_protocols_of_receive_message_are_known() -> None:
    assert is_receive(read_request(build_environ("POST", "/", x_amz_target="AmazonSQS.ReceiveMessage")), b"{}")
    assert is_receive(read_request(build_environ("POST", "/")), b"Action=ReceiveMessage&Version=2012-11-05")
    assert not is_receive(read_request(build_environ("POST", "/", x_amz_target="AmazonSQS.SendMessage")), b"{}")
