"""Rows of the small pipeline's source, as a test wants them, and what the contract makes of them in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

BEGIN = datetime(2024, 1, 1)  # noqa: DTZ001 - times of rows have no zone
Window = tuple[datetime, str]
Session = tuple[datetime, datetime, str]


@dataclass(frozen=True)
class EventRow:
    """One row: its id, when it happened, its kind."""

    id: int
    at: datetime
    kind: str


def build_rows(
    first_id: int, count: int, begin: datetime = BEGIN, step: timedelta = timedelta(minutes=1)
) -> list[EventRow]:
    """Rows one step apart; every tenth has a kind that the contract's rule refuses."""
    return [EventRow(first_id + n, begin + n * step, "x" if n % 10 == 0 else "ab"[n % 2]) for n in range(count)]


def write_source(path: Path, rows: Iterable[EventRow]) -> Path:
    """The rows as a CSV file."""
    lines = [f"{row.id},{row.at:%Y-%m-%d %H:%M:%S},{row.kind}" for row in rows]
    path.write_text("\n".join(["id,at,kind", *lines]) + "\n")
    return path


def count_sessions(rows: Iterable[EventRow], gap: timedelta) -> dict[Session, int]:
    """The rows of each session by kind: a row goes on with the one before it unless that one's gap has passed."""
    sessions: list[tuple[Session, int]] = []
    for row in sorted(rows, key=lambda row: (row.kind, row.at)):
        if sessions and sessions[-1][0][2] == row.kind and row.at <= sessions[-1][0][1]:
            (start, _, _), count = sessions.pop()
            sessions.append(((start, row.at + gap, row.kind), count + 1))
        else:
            sessions.append(((row.at, row.at + gap, row.kind), 1))
    return dict(sessions)


def count_windows(rows: Iterable[EventRow]) -> dict[Window, int]:
    """The rows of each hour by kind."""
    return dict(Counter((row.at.replace(minute=0, second=0), row.kind) for row in rows))
