"""Rows out of JSON lines: one object a line, its values as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NoReturn

from kafka_producer.line_source import LineBlock
from kafka_producer.row import BadRow, Row, SourceItem, reject_bytes


def read_jsonl_rows(
    blocks: Iterator[LineBlock | BadRow], columns: Sequence[str], message_limit_bytes: int
) -> Iterator[list[SourceItem]]:
    """The rows of a source in lists, bad ones in their place; an empty list while a slow source has nothing new.

    Numbers keep the digits that the source has, true and false are words, an object or array is JSON text; a null or
    absent field is None. A blank line is no row.
    """
    for block in blocks:
        if isinstance(block, BadRow):
            yield [block]
            continue
        starts = accumulate(map(len, block.lines), initial=block.start)
        numbered = zip(range(block.line, block.line + len(block.lines)), starts, block.lines, strict=False)
        yield [
            parse_line(line, start, raw, columns, message_limit_bytes) for line, start, raw in numbered if raw.strip()
        ]


def parse_line(line: int, start: int, raw: bytes, columns: Sequence[str], message_limit_bytes: int) -> SourceItem:
    """One line as a row, or as the bad row that it is."""
    if len(raw) > message_limit_bytes:
        detail = f"a row of {len(raw)} bytes; the topic takes {message_limit_bytes}"
        return reject_bytes(line, start, raw, 1, "too_large", detail)._replace(raw=None)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        detail = f"byte {start + error.start} is not utf-8: {error.reason}"
        return reject_bytes(line, start, raw, 1, "invalid_encoding", detail)
    try:
        fields = json.loads(
            text, object_pairs_hook=collect_fields, parse_float=str, parse_int=str, parse_constant=refuse_constant
        )
        if not isinstance(fields, dict):
            return reject_bytes(line, start, raw, 1, "invalid_json", "is not a JSON object")
        values = [to_text(fields[name], name, text) if name in fields else None for name in columns]
        "".join(value for value in values if value).encode()
    except (ValueError, RecursionError) as error:
        detail = str(error) if isinstance(error, ValueError) else "nested too deeply"
        return reject_bytes(line, start, raw, 1, "invalid_json", detail)
    unknown = [name for name in fields if name not in columns]
    if unknown:
        detail = f"fields that the contract does not have: {', '.join(map(repr, unknown[:5]))}"
        return reject_bytes(line, start, raw, 1, "ragged_row", detail)
    return Row(line, start, raw, values)


def collect_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; `ValueError` when a name stands there twice."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twice!r} stands there twice")
    return fields


def refuse_constant(text: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    raise ValueError(f"{text} is not JSON")


def to_text(value: Any, name: str, line: str) -> str | None:
    """A field's value as text; `line` is the whole line, in which a nested value is read once more with its numbers."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(json.loads(line)[name], ensure_ascii=False, separators=(",", ":"))
