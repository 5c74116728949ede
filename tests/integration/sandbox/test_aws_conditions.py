"""Conditional writes hold under threads, as they do in S3: one writer wins."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest
from botocore.exceptions import ClientError

from connections.s3 import open_s3
from connections.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREADS = 20


@pytest.fixture
def s3(session_settings: Settings, unique_bucket: str) -> S3Client:
    """A client of the running endpoint."""
    return open_s3(session_settings.s3)


def call_in_threads(call: Callable[[int], object]) -> list[str]:
    """Call from 20 threads at once; what each got: "" or S3's error code."""

    def call_once(number: int) -> str:
        try:
            call(number)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call_once, range(THREADS)))


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_that_create_one_key_one_wins(s3: S3Client, unique_bucket: str, attempt: int) -> None:
    answers = call_in_threads(
        lambda number: s3.put_object(Bucket=unique_bucket, Key="one", Body=str(number).encode(), IfNoneMatch="*")
    )
    assert sorted(answers) == ["", *["PreconditionFailed"] * (THREADS - 1)]
    winner = answers.index("")
    assert s3.get_object(Bucket=unique_bucket, Key="one")["Body"].read() == str(winner).encode()


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_that_replace_one_etag_one_wins(s3: S3Client, unique_bucket: str, attempt: int) -> None:
    etag = s3.put_object(Bucket=unique_bucket, Key="one", Body=b"before")["ETag"]
    answers = call_in_threads(
        lambda number: s3.put_object(Bucket=unique_bucket, Key="one", Body=str(number).encode(), IfMatch=etag)
    )
    assert sorted(answers) == ["", *["PreconditionFailed"] * (THREADS - 1)]
    winner = answers.index("")
    assert s3.get_object(Bucket=unique_bucket, Key="one")["Body"].read() == str(winner).encode()


def test_of_many_that_copy_to_one_absent_key_one_wins(s3: S3Client, unique_bucket: str) -> None:
    s3.put_object(Bucket=unique_bucket, Key="source", Body=b"x")
    answers = call_in_threads(
        lambda _: s3.copy_object(Bucket=unique_bucket, Key="c", CopySource=f"{unique_bucket}/source", IfNoneMatch="*")
    )
    assert sorted(answers) == ["", *["PreconditionFailed"] * (THREADS - 1)]


class CopyCase(NamedTuple):
    name: str
    is_current: bool
    code: str


@pytest.mark.parametrize(
    "case",
    [CopyCase("current", True, ""), CopyCase("changed", False, "PreconditionFailed")],
    ids=lambda case: case.name,
)
def test_a_copy_is_made_only_of_the_source_that_was_meant(s3: S3Client, unique_bucket: str, case: CopyCase) -> None:
    etag = s3.put_object(Bucket=unique_bucket, Key="ä b+c%", Body=b"first")["ETag"]
    if not case.is_current:
        s3.put_object(Bucket=unique_bucket, Key="ä b+c%", Body=b"second")
    source = {"Bucket": unique_bucket, "Key": "ä b+c%"}
    code = ""
    try:
        s3.copy_object(Bucket=unique_bucket, Key="copy", CopySource=source, CopySourceIfMatch=etag)  # type: ignore[arg-type]
    except ClientError as error:
        code = error.response["Error"]["Code"]
    assert code == case.code
    listed = s3.list_objects_v2(Bucket=unique_bucket, Prefix="copy")
    assert listed["KeyCount"] == int(case.is_current)


def test_listings_stay_whole_while_others_write(s3: S3Client, unique_bucket: str) -> None:
    def write_or_list(number: int) -> None:
        for step in range(15):
            if number % 4:
                s3.put_object(Bucket=unique_bucket, Key=f"{number}/{step}", Body=b"x")
            else:
                s3.list_objects_v2(Bucket=unique_bucket)

    assert set(call_in_threads(write_or_list)) == {""}
    assert s3.list_objects_v2(Bucket=unique_bucket)["KeyCount"] == THREADS * 3 // 4 * 15
