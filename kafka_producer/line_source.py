"""Physical lines out of a stream of bytes, in blocks; a line beyond all bounds is skimmed, never held."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import NamedTuple

from kafka_producer.row import BadRow


class LineBlock(NamedTuple):
    """Whole physical lines, newlines included; empty while a slow source has nothing new."""

    line: int
    start: int
    lines: list[bytes]


def cut_lines(chunks: Iterator[bytes], limit_bytes: int, line: int, start: int) -> Iterator[LineBlock | BadRow]:
    """Cut a stream into blocks of lines, beginning with line `line` at byte `start`.

    A line of more than `limit_bytes` comes as a `too_large` bad row: hash, length and span, without its bytes. The
    last line may end without a newline.
    """
    parts: list[bytes] = []
    held = 0
    pushed_back = b""
    while (chunk := pushed_back or next(chunks, None)) is not None:
        pushed_back = b""
        cut = chunk.rfind(b"\n") + 1
        if cut:
            lines = io.BytesIO(b"".join([*parts, chunk[:cut]])).readlines()
            yield LineBlock(line, start, lines)
            line += len(lines)
            start += held + cut
            parts, held = [chunk[cut:]], len(chunk) - cut
        elif chunk:
            parts.append(chunk)
            held += len(chunk)
        else:
            yield LineBlock(line, start, [])
        if held > limit_bytes:
            bad, pushed_back = skim_line(parts, chunks, line, start)
            yield bad
            line, start, parts, held = bad.next_line, bad.end, [], 0
    if held:
        yield LineBlock(line, start, [b"".join(parts)])


def skim_line(parts: list[bytes], chunks: Iterator[bytes], line: int, start: int) -> tuple[BadRow, bytes]:
    """Read on to the end of a line without keeping it; returns it as a bad row, and the bytes read beyond it."""
    digest = hashlib.sha256()
    length = 0
    for part in parts:
        digest.update(part)
        length += len(part)
    rest = b""
    for chunk in chunks:
        cut = chunk.find(b"\n") + 1
        digest.update(chunk[: cut or len(chunk)])
        length += cut or len(chunk)
        if cut:
            rest = chunk[cut:]
            break
    detail = f"a line of {length} bytes"
    return BadRow(line, line + 1, start, start + length, None, digest.hexdigest(), "too_large", detail), rest
