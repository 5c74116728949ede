"""What a Kafka message of a pipeline holds: the one description that producers, consumers and the Spark job share.

A value is a JSON object, or one line of CSV, of text fields exactly as the source has them. Provenance stands inside
the value (a header per message would cost the producer as much as all the rest): first the passport's source file and
line, then the contract's columns in order.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Sequence
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict

from pipeline_contract.model import Contract
from pipeline_contract.passport import SOURCE_FILE, SOURCE_LINE

# Between the values of a key of several columns: the ASCII unit separator, which no text column is likely to hold.
KEY_SEPARATOR = "\x1f"
_LINE_END = "\r\n"


def message_fields(contract: Contract) -> tuple[str, ...]:
    """The names of a value's fields, in order."""
    return (SOURCE_FILE, SOURCE_LINE, *(column.name for column in contract.columns))


def known_fields(contract: Contract) -> tuple[str, ...]:
    """The names that a value's fields may have: those in order, then those that the contract passes over."""
    return (*message_fields(contract), *contract.drift.ignored_columns)


def encode_json(fields: Sequence[str], values: Sequence[str | None], source_file: str, source_line: int) -> bytes:
    """One row as a JSON object; `fields` are those of `message_fields`, `values` follow the contract's columns.

    A None is left out of the object: the source had no such field.
    """
    row = dict(zip(fields, (source_file, source_line, *values), strict=True))
    encoded = orjson.dumps(row)
    # Looking for None among the values first would cost as much as encoding them.
    if b":null" in encoded:
        encoded = orjson.dumps({name: value for name, value in row.items() if value is not None})
    return encoded


def encode_csv(values: Sequence[str | None], source_file: str, source_line: int) -> bytes:
    """One row as a line of CSV (comma, double quotes doubled, no newline at its end)."""
    line = io.StringIO(newline="")
    # The writer quotes a newline within a field only where newlines end its lines.
    csv.writer(line, lineterminator=_LINE_END).writerow([source_file, source_line, *values])
    return line.getvalue().removesuffix(_LINE_END).encode()


def encode_key(values: Sequence[str | None]) -> bytes:
    """The message key: the key columns' text, in order."""
    return KEY_SEPARATOR.join(value or "" for value in values).encode()


def choose_partition(key: bytes, partitions: int) -> int:
    """The partition of a key, 0 to `partitions` - 1: CRC-32 modulo, for every client the same.

    It is what librdkafka calls `consistent`; the clients' own defaults differ from each other.
    """
    return zlib.crc32(key) % partitions


class RejectedMessage(BaseModel):
    """The value of a message in the topic of rejected rows: why, and the row's own bytes.

    `raw_base64` is null where the row is beyond the size limit; then hash, length and place in the file stand for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_file: str
    source_line: int
    reason: Literal["ragged_row", "invalid_encoding", "invalid_csv", "invalid_json", "too_large", "send_failed"]
    detail: str
    raw_base64: str | None
    sha256: str
    length: int
    byte_start: int
    byte_end: int
