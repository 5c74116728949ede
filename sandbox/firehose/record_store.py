"""Streams and the records that wait for delivery, in one SQLite file; what was committed survives a kill -9."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from sandbox.firehose.streams import DeliveryStream

SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (name TEXT PRIMARY KEY, definition TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS records
    (position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, buffer TEXT NOT NULL, arrived_s REAL NOT NULL,
     size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS records_of_buffers ON records (stream, buffer, position, size, arrived_s);
"""


class BufferId(NamedTuple):
    """A stream's name, and one of its partitions."""

    stream: str
    partition: str


class Buffered(NamedTuple):
    """What waits in one buffer."""

    records: int
    size_bytes: int
    oldest_s: float


class Part(NamedTuple):
    """The oldest records of a buffer, up to one position."""

    body: bytes
    oldest_s: float
    last_position: int


class RecordStore:
    """Each method is one transaction."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._database = sqlite3.connect(folder / "records.sqlite", isolation_level=None, check_same_thread=False)
        # As in the account's own state: a commit survives the process without a wait for the disk.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(SCHEMA)

    def load_streams(self) -> list[DeliveryStream]:
        """All streams by name."""
        with self._lock:
            rows = self._database.execute("SELECT definition FROM streams ORDER BY name").fetchall()
        return [DeliveryStream.model_validate_json(definition) for (definition,) in rows]

    def save_stream(self, stream: DeliveryStream) -> None:
        """Keep a stream in the place of the one before it."""
        with self._lock:
            self._database.execute("REPLACE INTO streams VALUES (?, ?)", (stream.name, stream.model_dump_json()))

    def delete_stream(self, name: str) -> None:
        """Forget a stream and what waits in it, as a deletion does that does not wait."""
        with self._lock, self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM streams WHERE name = ?", (name,))
            self._database.execute("DELETE FROM records WHERE stream = ?", (name,))

    def add(self, stream: str, arrived_s: float, records: Iterable[tuple[str, bytes]]) -> None:
        """Keep records, each with its partition."""
        insert = "INSERT INTO records (stream, buffer, arrived_s, size, data) VALUES (?, ?, ?, ?, ?)"
        rows = [(stream, partition, arrived_s, len(data), data) for partition, data in records]
        with self._lock, self._database:
            self._database.execute("BEGIN")
            self._database.executemany(insert, rows)

    def read_part(self, buffer: BufferId, size_bytes: int) -> Part | None:
        """The oldest records of a buffer, as few as reach a size; None where there are none."""
        query = "SELECT position, arrived_s, data FROM records WHERE stream = ? AND buffer = ? ORDER BY position"
        rows: list[tuple[int, float, bytes]] = []
        size = 0
        with self._lock:
            for row in self._database.execute(query, buffer):
                rows.append(row)
                size += len(row[2])
                if size >= size_bytes:
                    break
        return Part(b"".join(data for *_, data in rows), rows[0][1], rows[-1][0]) if rows else None

    def remove_part(self, buffer: BufferId, part: Part) -> None:
        """Forget what was delivered."""
        delete = "DELETE FROM records WHERE stream = ? AND buffer = ? AND position <= ?"
        with self._lock:
            self._database.execute(delete, (*buffer, part.last_position))

    def count(self, buffer: BufferId) -> Buffered | None:
        """What waits in a buffer; None where nothing does."""
        sums = "SELECT count(*), sum(size), min(arrived_s) FROM records WHERE stream = ? AND buffer = ?"
        with self._lock:
            records, size_bytes, oldest_s = self._database.execute(sums, buffer).fetchone()
        return Buffered(records, size_bytes, oldest_s) if records else None

    def count_all(self) -> Iterator[tuple[BufferId, Buffered]]:
        """What waits in every buffer."""
        sums = "SELECT stream, buffer, count(*), sum(size), min(arrived_s) FROM records GROUP BY stream, buffer"
        with self._lock:
            rows = self._database.execute(sums).fetchall()
        for stream, partition, records, size_bytes, oldest_s in rows:
            yield BufferId(stream, partition), Buffered(records, size_bytes, oldest_s)

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._database.close()
