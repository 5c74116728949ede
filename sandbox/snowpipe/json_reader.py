"""Reads JSON bytes as Snowflake reads them: documents one after the other, or the elements of one outer array."""

from __future__ import annotations

import json
import re

import orjson
import pyarrow as pa

from sandbox.snowpipe.file_formats import FileFormat
from sandbox.snowpipe.staged_rows import ROW_NUMBER, RowError, StagedRows, name_column

_SPACE = re.compile(r"[\s,]*")
_BLANK = re.compile(r"\s*")


def read_json(data: bytes, file_format: FileFormat) -> StagedRows:
    """Return one row a document, as JSON text in C1; documents count from 1.

    A document that does not parse is one bad row: reading goes on at the next line.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace" if file_format.ignore_utf8_errors else "strict")
    documents, errors = _split_lines(text) or _scan_documents(text)
    if file_format.strip_outer_array:
        documents = _strip_arrays(documents)
    numbers = pa.array([number for number, _ in documents], pa.int64())
    bodies = pa.array([body for _, body in documents], pa.string())
    return StagedRows(pa.table([bodies, numbers], [name_column(1), ROW_NUMBER]), errors)


def _split_lines(text: str) -> tuple[list[tuple[int, str]], list[RowError]] | None:
    """Return the documents of a file with one document a line, or None where a line is not a document."""
    documents: list[tuple[int, str]] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        documents.append((len(documents) + 1, line.strip()))
    return documents, []


def _scan_documents(text: str) -> tuple[list[tuple[int, str]], list[RowError]]:
    decoder = json.JSONDecoder()
    documents: list[tuple[int, str]] = []
    errors: list[RowError] = []
    position = _end_of_match(_BLANK, text, 0)
    number = 0
    while position < len(text):
        number += 1
        try:
            _, end = decoder.raw_decode(text, position)
            documents.append((number, text[position:end]))
        except json.JSONDecodeError as error:
            errors.append(RowError(number, f"Error parsing JSON: {error.msg}", None, error.pos))
            line_end = text.find("\n", position)
            end = len(text) if line_end < 0 else line_end
        position = _end_of_match(_BLANK, text, end)
    return documents, errors


def _strip_arrays(documents: list[tuple[int, str]]) -> list[tuple[int, str]]:
    decoder = json.JSONDecoder()
    elements: list[str] = []
    for _, body in documents:
        if not body.startswith("["):
            elements.append(body)
            continue
        position = _end_of_match(_BLANK, body, 1)
        while body[position] != "]":
            _, end = decoder.raw_decode(body, position)
            elements.append(body[position:end])
            position = _end_of_match(_SPACE, body, end)
    return list(enumerate(elements, 1))


def _end_of_match(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
