"""Judges the messages of a pipeline's topics without Spark."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """One committed message as it lies in its topic; `timestamp_ms` is the send time."""

    topic: str
    topic_id: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
