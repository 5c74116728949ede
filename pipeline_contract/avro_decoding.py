"""Avro values as texts without Spark: each decoded to its end with the schema that wrote it, or damaged."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import SchemaParseException, UnknownType, expand_schema

from pipeline_contract.avro_texts import ShowField, Unreadable, Unsupported, compile_show, drop_logical_types
from pipeline_contract.avro_values import split_value
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.message import known_fields, message_fields
from pipeline_contract.model import Contract
from pipeline_contract.row_decoding import Decode, Decoded, Oddity, ReadSchemas

# What fastavro and the texts raise for bytes that are not of the schema.
_DAMAGES = (EOFError, ValueError, IndexError, OverflowError, KeyError, TypeError)


class _Shape(NamedTuple):
    """One schema: what reads a body, the texts of the contract's fields, those of unknown ones, and missing columns."""

    parsed: Any
    shows: tuple[tuple[str, ShowField | None], ...]
    unknown: tuple[tuple[str, ShowField], ...]
    missing: tuple[str, ...]


class AvroDecoders:
    """Decoders of the values of a contract's topic; a schema is compiled once."""

    def __init__(self, contract: Contract, read_schemas: ReadSchemas) -> None:
        self._contract = contract
        self._read_schemas = read_schemas
        self._shapes: dict[int, _Shape | None] = {}
        self._damaged: Decoded = [None] * len(message_fields(contract)), Oddity(is_corrupt=True)

    def open(self) -> Decode:
        """A decoder that knows the schemas of now: whoever sent a message has registered its schema before."""
        for number, schema in self._read_schemas().items():
            if number not in self._shapes:
                self._shapes[number] = _read_shape(self._contract, number, schema)
        return self._decode

    def _decode(self, value: bytes | None) -> Decoded:
        framed = split_value(value or b"")
        shape = self._shapes.get(framed[0]) if framed else None
        if framed is None or shape is None:
            return self._damaged
        body = BytesIO(framed[1])
        try:
            fields: Any = schemaless_reader(body, shape.parsed, None)
            texts = [show(fields[name]) if show else None for name, show in shape.shows]
            unknown = {name: show(fields[name]) for name, show in shape.unknown}
        except _DAMAGES:
            return self._damaged
        if body.read(1):
            return self._damaged
        return texts, Oddity(unknown or None, shape.missing) if unknown or shape.missing else None


def _read_shape(contract: Contract, number: int, schema: str) -> _Shape | None:
    """What Spark makes of a schema; None for one that it does not read, or that is no record."""
    tree = json.loads(schema)
    if not isinstance(tree, dict) or tree.get("type") != "record":
        return None
    try:
        expanded: Any = expand_schema(tree)
        shows: dict[str, ShowField] = {field["name"]: compile_show(field["type"]) for field in expanded["fields"]}
        parsed = parse_schema(drop_logical_types(tree))
    except (Unreadable, SchemaParseException, UnknownType):
        return None
    except Unsupported as error:
        raise ConfigurationError(
            f"contract {contract.name!r}: the Avro schema {number} has {error}, which only the lake way reads "
            "(`python -m spark_streaming run`)"
        ) from error
    known = known_fields(contract)
    return _Shape(
        parsed,
        tuple((name, shows.get(name)) for name in message_fields(contract)),
        tuple((name, show) for name, show in shows.items() if name not in known),
        tuple(column.name for column in contract.columns if column.name not in shows),
    )
