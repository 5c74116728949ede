"""Messages of the pipes' queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sandbox.snowpipe.pipes import is_covered
from sandbox.snowpipe.s3_events import FileEvent, parse_message
from sandbox.snowpipe.warehouse import StageLocation


def make_event(key: str, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """A message of S3 with one record."""
    stored = {"key": key, "size": 7}
    record = {
        "eventSource": "aws:s3",
        "eventName": name,
        "eventTime": "2026-01-02T03:04:05.000Z",
        "s3": {"bucket": {"name": "lake"}, "object": stored},
    }
    return {"Records": [record]}


def test_a_created_object_is_found_under_its_decoded_key() -> None:
    found = parse_message(json.dumps(make_event("a/b+c%3D%C3%A9%2B.parquet")))
    assert found == [FileEvent("lake", "a/b c=é+.parquet", 7, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))]


def test_sp13_copies_and_multipart_uploads_count_and_deletions_do_not() -> None:
    assert parse_message(json.dumps(make_event("k", "ObjectCreated:Copy")))
    assert parse_message(json.dumps(make_event("k", "s3:ObjectCreated:CompleteMultipartUpload")))
    assert not parse_message(json.dumps(make_event("k", "ObjectRemoved:Delete")))


def test_sp14_an_sns_envelope_is_opened() -> None:
    body = json.dumps({"Type": "Notification", "Message": json.dumps(make_event("k"))})
    assert [event.key for event in parse_message(body)] == ["k"]


def test_other_messages_are_ignored() -> None:
    assert parse_message(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})) == []
    assert parse_message("not json") == []
    assert parse_message("[]") == []


def test_sp12_a_stage_without_a_final_slash_covers_its_siblings() -> None:
    assert is_covered(StageLocation("lake", "orders", "orders"), "lake", "orders_archive/x")
    assert not is_covered(StageLocation("lake", "orders/", "orders/"), "lake", "orders_archive/x")
    assert not is_covered(StageLocation("lake", "orders/", "orders/"), "other", "orders/x")
