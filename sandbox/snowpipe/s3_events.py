"""Reads the messages of the pipes' queue: S3 events, as S3 sends them or inside an SNS envelope."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote_plus


class FileEvent(NamedTuple):
    """One object that was created, and when."""

    bucket: str
    key: str
    size: int
    occurred_at: datetime


def parse_message(body: str) -> list[FileEvent]:
    """Return the created objects that a message names; test events, deletions and unknown messages have none."""
    try:
        message = json.loads(body)
    except json.JSONDecodeError:
        return []
    if not isinstance(message, dict):
        return []
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        return parse_message(message["Message"])
    records = message.get("Records", [])
    return [
        _read_record(record)
        for record in records
        if record.get("eventSource") == "aws:s3" and "ObjectCreated:" in record.get("eventName", "")
    ]


def _read_record(record: dict[str, Any]) -> FileEvent:
    stored = record["s3"]["object"]
    text = record.get("eventTime", "")
    occurred_at = datetime.fromisoformat(text) if text else datetime.now(UTC)
    return FileEvent(
        record["s3"]["bucket"]["name"], unquote_plus(stored["key"]), int(stored.get("size", 0)), occurred_at
    )
