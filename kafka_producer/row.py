"""What a source yields: rows, and rows that are none."""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

Reason = Literal["ragged_row", "invalid_encoding", "invalid_csv", "invalid_json", "too_large", "send_failed"]


class Row(NamedTuple):
    """One row: the values follow the contract's columns, the text is the source's own.

    `line` is the physical line (from 1) at which the row begins and `lines` how many it spans; `start` is the byte in
    the decompressed source at which it begins, `raw` its bytes, newline included.
    """

    line: int
    start: int
    raw: bytes
    values: list[str | None]
    lines: int = 1

    @property
    def next_line(self) -> int:
        """The physical line after the row."""
        return self.line + self.lines

    @property
    def end(self) -> int:
        """The byte after the row."""
        return self.start + len(self.raw)


class BadRow(NamedTuple):
    """A stretch of the source that cannot become a message; `raw` is None where it was too long to be kept."""

    line: int
    next_line: int
    start: int
    end: int
    raw: bytes | None
    sha256: str
    reason: Reason
    detail: str


SourceItem = Row | BadRow


def reject_bytes(line: int, start: int, raw: bytes, lines: int, reason: Reason, detail: str) -> BadRow:
    """The bad row that these bytes of the source are."""
    digest = hashlib.sha256(raw).hexdigest()
    return BadRow(line, line + lines, start, start + len(raw), raw, digest, reason, detail)


def reject_row(row: Row, reason: Reason, detail: str) -> BadRow:
    """The bad row that a parsed row turns out to be."""
    return reject_bytes(row.line, row.start, row.raw, row.lines, reason, detail)
