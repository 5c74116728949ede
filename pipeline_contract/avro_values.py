"""Avro values with a schema registry: the schema that a contract derives, and the frame around a value's bytes.

The frame is Confluent's wire format: a zero byte, the schema's id in four bytes, then the value in Avro's binary encoding.
Source: docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop, "Wire format".
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

from pipeline_contract.message import message_fields
from pipeline_contract.model import Contract
from pipeline_contract.passport import SOURCE_FILE, SOURCE_LINE

MAGIC = 0
_FRAME = struct.Struct(">bI")
FRAME_BYTES = _FRAME.size


def name_subject(topic: str) -> str:
    """The registry's subject of a topic's values."""
    return f"{topic}-value"


def derive_avro_schema(contract: Contract) -> str:
    """The schema of a value, as JSON text: the source's fields as texts that may be null, then its file and line."""
    types = {SOURCE_FILE: "string", SOURCE_LINE: "long"}
    fields = [
        {"name": name, "type": types[name]}
        if name in types
        else {"name": name, "type": ["null", "string"], "default": None}
        for name in message_fields(contract)
    ]
    return json.dumps({"type": "record", "name": contract.name, "namespace": "millrace", "fields": fields})


def encode_avro(schema_id: int, values: Sequence[str | None], source_file: str, source_line: int) -> bytes:
    """One row as a framed value of the derived schema; `values` follow the contract's columns.

    Written out by hand, as the schema is as flat as can be: a library that takes any schema is ten times slower.
    """
    file = source_file.encode()
    parts = [frame_value(schema_id, b""), _encode_long(len(file)), file, _encode_long(source_line)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            text = value.encode()
            size = len(text)
            parts.append(_TEXT_HEADS[size] if size < _SHORT_BYTES else _TEXT + _encode_long(size))
            parts.append(text)
    return b"".join(parts)


def frame_value(schema_id: int, body: bytes) -> bytes:
    """A message's value: the schema's id before the encoded body."""
    return _FRAME.pack(MAGIC, schema_id) + body


def split_value(value: bytes) -> tuple[int, bytes] | None:
    """The schema's id and the encoded body of a message's value; None for a value that has no frame."""
    if len(value) < FRAME_BYTES or value[0] != MAGIC:
        return None
    return _FRAME.unpack_from(value)[1], value[FRAME_BYTES:]


def _encode_long(number: int) -> bytes:
    """A number of 64 bits as Avro has it: zigzag, then seven bits a byte, the lowest first."""
    left = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while left > 0x7F:
        encoded.append(left & 0x7F | 0x80)
        left >>= 7
    encoded.append(left)
    return bytes(encoded)


# The branches of a text that may be null, and before each text its length.
_NULL, _TEXT = _encode_long(0), _encode_long(1)
_SHORT_BYTES = 256
_TEXT_HEADS = tuple(_TEXT + _encode_long(size) for size in range(_SHORT_BYTES))
