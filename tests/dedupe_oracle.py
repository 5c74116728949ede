"""The rule of duplicates in plain Python, for the tests to compare with; written from docs/contract.md."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple


class KeyedRow(NamedTuple):
    """A valid row: where it stands, its key and its event time."""

    topic_id: str
    partition: int
    offset: int
    key: tuple[Any, ...]
    time: datetime


def find_first_rows(rows: Sequence[KeyedRow], within: timedelta) -> dict[KeyedRow, KeyedRow]:
    """Each duplicate with the first accepted row that makes it one; `rows` are in the order of topic, partition, offset."""
    accepted: list[KeyedRow] = []
    duplicates: dict[KeyedRow, KeyedRow] = {}
    for row in rows:
        fellows = [
            other
            for other in accepted
            if other.key == row.key
            and abs(other.time - row.time) <= within
            and (other.topic_id != row.topic_id or other.partition == row.partition)
        ]
        if fellows:
            duplicates[row] = fellows[0]
        else:
            accepted.append(row)
    return duplicates
