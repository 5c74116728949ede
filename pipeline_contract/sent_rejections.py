"""The producer's messages about rows that it rejected, read as the Spark job reads them, whatever they hold."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import NamedTuple

from pipeline_contract.json_texts import Field, read_object
from pipeline_contract.row_reasons import Reason, make_reason

_BLANKS = re.compile(r"[ \t\r\n\x0b\f]")
_DIGITS = re.compile(r"[A-Za-z0-9+/]*")


class SentRejection(NamedTuple):
    """A row that the producer rejected: where it stood, why, and its own bytes, or the message's where it has none."""

    source_file: str | None
    source_line: int | None
    reason: Reason
    value: bytes | None


def read_rejection(value: bytes | None) -> SentRejection:
    """What a message of the topic of rejected rows says; a damaged one has the reason `producer:unknown`."""
    fields = {field.name: field for field in read_object("" if value is None else value.decode(errors="replace"))}
    line = fields.get("source_line")
    encoded = _text(fields, "raw_base64")
    raw = None if encoded is None else _decode_base64(encoded)
    return SentRejection(
        _text(fields, "source_file"),
        int(line.text) if line and line.text and line.is_whole and -(2**63) <= int(line.text) < 2**63 else None,
        make_reason(f"producer:{_text(fields, 'reason') or 'unknown'}", None, _text(fields, "detail")),
        value if raw is None else raw,
    )


def _text(fields: dict[str, Field], name: str) -> str | None:
    field = fields.get(name)
    return field.text if field else None


def _decode_base64(text: str) -> bytes | None:
    """The bytes, or null: white space may stand between the digits, and the padding be absent as a whole."""
    head, sign, padding = text.partition("=")
    digits = _BLANKS.sub("", head)
    missing = "=" * (-len(digits) % 4)
    if not _DIGITS.fullmatch(digits) or missing == "===" or sign + padding not in ("", missing):
        return None
    return b64decode(digits + missing)
