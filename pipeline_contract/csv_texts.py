"""One line of CSV as texts, with the answers of Spark's parser (univocity) to whatever the line is.

A line break is a character as any other. A quote within a field that is not quoted stands for itself; a quoted field
with more behind its closing quote than white space is taken as it stands, to the next comma.
"""

from __future__ import annotations

import re

_PLAIN_QUOTED = re.compile('"([^"]+)"(?=,)')
_COMMA, _QUOTE = ",", '"'


def split_line(line: str) -> list[str | None]:
    """The fields of a line that is not empty; null for an empty one, as CSV has no other null."""
    if _QUOTE not in line:
        return [field or None for field in line.split(_COMMA)]
    fields: list[str | None] = []
    at = 0
    while at < len(line):
        if line[at] == _QUOTE:
            field, at = _read_quoted(line, at)
        else:
            end = line.find(_COMMA, at)
            field, at = (line[at:], -1) if end < 0 else (line[at:end], end)
        fields.append(field or None)
        if at < 0:
            return fields
        at += 1
    fields.append(None)  # behind the last comma
    return fields


def _read_quoted(line: str, at: int) -> tuple[str, int]:
    """The field whose opening quote stands at a place, and where its comma is; -1 at the line's end."""
    if match := _PLAIN_QUOTED.match(line, at):
        return match[1], match.end()
    field = list[str]()
    at += 1
    while True:
        quote = line.find(_QUOTE, at)
        if quote < 0:  # never closed
            return "".join((*field, line[at:])) or _QUOTE, -1
        field.append(line[at:quote])
        if line.startswith(_QUOTE, quote + 1):
            field.append(_QUOTE)
            at = quote + 2
            continue
        end = quote + 1
        while end < len(line) and line[end] <= " ":
            end += 1
        if end == len(line):
            return "".join(field), -1
        if line[end] == _COMMA:
            return "".join(field), end
        return _read_to_comma(line, quote, "".join(field))


def _read_to_comma(line: str, quote: int, field: str) -> tuple[str, int]:
    """A field that is not what it seemed: what was read of it, its quotes, and the rest up to the next comma."""
    # The character behind the quote (or behind white space) is taken even if it is a comma; here it is none.
    end = line.find(_COMMA, quote)
    rest = line[quote:] if end < 0 else line[quote:end]
    return f"{_QUOTE}{field}{rest}", end
