"""A message's bytes as the texts of the contract's fields, with what is odd about them: a decoder for each value format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from pipeline_contract.csv_texts import split_line
from pipeline_contract.json_texts import read_wrapped_object, show_double
from pipeline_contract.message import known_fields, message_fields
from pipeline_contract.model import Contract
from pipeline_contract.passport import SOURCE_LINE

# The parser of the Spark job takes no line of more fields.
_MAX_CSV_FIELDS = 200_000
# What the job lets its parser see of a CSV value that no parser should see.
_UNREADABLE = "unreadable"
# A longer value may hold a number or a name that only the slow reader refuses as the job does.
_MAX_NUMBER_BYTES, _MAX_NAME_BYTES = 1000, 50_000
# From here on a whole number comes as a double from the fast reader.
_WHOLE_LIMIT = 2.0**63
_TEXTS = frozenset({str, type(None)})

Texts = Sequence[str | None]
ReadSchemas = Callable[[], Mapping[int, str]]


class Oddity(NamedTuple):
    """What a value has that one of our producer has not: fields, a lack of columns, damage, bytes that are no text."""

    unknown: Mapping[str, str | None] | None = None
    missing: Sequence[str] = ()
    is_corrupt: bool = False
    is_readable: bool = True


# The texts of `message_fields` in order, and what is odd, if anything.
Decoded = tuple[Texts, Oddity | None]
Decode = Callable[[bytes | None], Decoded]


def make_decoder(contract: Contract, read_schemas: ReadSchemas) -> Callable[[], Decode]:
    """What answers the decoder of a batch's values, asked before each batch: that of Avro knows the schemas until then."""
    if contract.topic.value_format == "avro":
        from pipeline_contract.avro_decoding import AvroDecoders  # noqa: PLC0415 - its library, for Avro alone

        return AvroDecoders(contract, read_schemas).open
    decode = make_csv_decoder(contract) if contract.topic.value_format == "csv" else make_json_decoder(contract)
    return lambda: decode


def make_csv_decoder(contract: Contract) -> Decode:
    """The decoder of CSV values: lines of fields without names."""
    count = len(message_fields(contract))
    nothing = (_UNREADABLE, *[None] * (count - 1)), Oddity(is_corrupt=True)

    def decode(value: bytes | None) -> Decoded:
        if not value or (len(value) >= _MAX_CSV_FIELDS and value.count(b",") >= _MAX_CSV_FIELDS):
            return nothing
        line, is_readable = _read_utf8(value)
        texts = split_line(line)
        is_whole = len(texts) == count
        if is_whole and is_readable:
            return texts, None
        return (texts + [None] * count)[:count], Oddity(is_corrupt=not is_whole, is_readable=is_readable)

    return decode


def make_json_decoder(contract: Contract) -> Decode:
    """The decoder of JSON values: objects, of whose fields that stand twice the last counts."""
    expected = message_fields(contract)
    known = frozenset(known_fields(contract))
    columns = [column.name for column in contract.columns]

    def decode(value: bytes | None) -> Decoded:
        fields, is_readable = _read_object(value or b"")
        if fields is None:
            return [None] * len(expected), Oddity(is_corrupt=True, is_readable=is_readable)
        if tuple(fields) == expected and is_readable:
            return list(fields.values()), None
        unknown = {name: text for name, text in fields.items() if name not in known}
        missing = [name for name in columns if name not in fields]
        return [fields.get(name) for name in expected], Oddity(unknown or None, missing, is_readable=is_readable)

    return decode


class _Unclear(Exception):
    """A value whose text the fast reader does not tell."""


def _read_object(value: bytes) -> tuple[dict[str, str | None] | None, bool]:
    """An object's texts by name, None for what is no object, and whether the bytes are UTF-8."""
    try:
        fields = orjson.loads(value)
        return (_show_fields(fields, len(value)) if isinstance(fields, dict) else None), True
    except (orjson.JSONDecodeError, _Unclear):
        text, is_readable = _read_utf8(value)
        found = read_wrapped_object(text)
        return None if found is None else {field.name: field.text for field in found}, is_readable


def _show_fields(fields: dict[str, Any], size: int) -> dict[str, str | None]:
    line = fields.get(SOURCE_LINE)
    if type(line) is int:
        fields[SOURCE_LINE] = str(line)
    if _TEXTS.issuperset(map(type, fields.values())) and size <= _MAX_NAME_BYTES:
        return fields
    if size > _MAX_NAME_BYTES and max(map(len, fields), default=0) > _MAX_NAME_BYTES:
        raise _Unclear
    return {name: _show(field, size) for name, field in fields.items()}


def _show(field: Any, size: int) -> str | None:
    kind = type(field)
    if kind is str or field is None:
        return field  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if field else "false"
    if kind is int:
        return str(field)
    if kind is float and size <= _MAX_NUMBER_BYTES and abs(field) < _WHOLE_LIMIT:
        return show_double(field)
    raise _Unclear


def _read_utf8(value: bytes) -> tuple[str, bool]:
    """The text, with a sign in the place of what is none, and whether it is all UTF-8."""
    try:
        return value.decode(), True
    except UnicodeDecodeError:
        return value.decode(errors="replace"), False
