"""The record of one replay of one source, kept in the topic `<topic>.progress`: where a restart goes on from, and what
reconciliation compares with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ReplayRecord(BaseModel):
    """How far a replay has come; written in one transaction with the rows that it counts, under the key `source_file`.

    `rows` counts source rows after the header, sent ones and rejected ones alike; `next_line` is the physical line
    (from 1) at which the next row begins.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_file: str  # the passport's value: base name and identity
    path: str  # where the source was read from: a file, an address; "-" for standard input
    fingerprint: str | None  # SHA-256 of the file as it lies there, of a feed's address; null for standard input
    replay_id: str | None
    contract_version: int
    topic_id: str | None = None  # of the data topic; null until the replay has looked at it
    rows: int
    sent: int
    rejected: int
    next_line: int
    next_byte: int
    bytes: int | None  # size of the file as it lies there; null for a source without an end
    finished: bool
