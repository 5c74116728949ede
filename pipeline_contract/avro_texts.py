"""Values of Avro's types as the texts that Spark's own reader and casts make of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from functools import partial
from typing import Any

from pipeline_contract.json_texts import escape_text, show_double
from pipeline_contract.sql_values import show_time

ShowField = Callable[[Any], str | None]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of the lake have no zone
_EXACT = Context(prec=100)
_MAX_DIGITS = 38
# How many microseconds a time counts by, and whether it is an instant, which Spark writes with a zone in JSON.
_TIMES = {
    "timestamp-millis": (1000, True),
    "timestamp-micros": (1, True),
    "local-timestamp-millis": (1000, False),
    "local-timestamp-micros": (1, False),
}
_NUMBER_UNIONS = ({"int", "long"}, {"float", "double"})


class Unreadable(ValueError):
    """A schema that Spark does not read, such as one that contains itself."""


class Unsupported(ValueError):
    """A schema that Spark alone reads; names the part of it."""


def compile_show(schema: Any) -> ShowField:
    """What shows a field's value as text: null as none, what is no plain value as JSON.

    The schema has every named type written out; values come as they are encoded, without logical types.
    """
    kind = _leave_null(schema)
    plain = _find_plain(kind)
    if plain is not None:
        return lambda value: None if value is None else plain(value)
    write = _find_json(kind)
    return lambda value: "{}" if value is None else f'{{"value":{write(value)}}}'


def drop_logical_types(schema: Any) -> Any:
    """The schema of the encoding alone."""
    if isinstance(schema, list):
        return [drop_logical_types(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: part for key, part in schema.items() if key not in ("logicalType", "default")}
    return {key: drop_logical_types(part) if key in ("type", "items", "values", "fields") else part
            for key, part in kept.items()}  # fmt: skip


def _leave_null(schema: Any) -> dict[str, Any]:
    """The one type of a value that is not null, as an object."""
    kinds = [kind for kind in (schema if isinstance(schema, list) else [schema]) if kind != "null"]
    names = {kind if isinstance(kind, str) else str(kind.get("type")) for kind in kinds}
    if len(kinds) > 1 and names not in _NUMBER_UNIONS:
        raise Unsupported(f"a union of {', '.join(sorted(names))}")
    kind = kinds[-1] if kinds else "null"
    while isinstance(kind, dict) and isinstance(kind["type"], dict):
        kind = kind["type"]
    return kind if isinstance(kind, dict) else {"type": kind}


def _find_plain(kind: Mapping[str, Any]) -> Callable[[Any], str] | None:
    """What shows a value of a type that has a text of its own."""
    encoded, logical = kind["type"], kind.get("logicalType")
    if encoded == "int" and logical == "date":
        return lambda days: (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    if encoded == "long" and logical in _TIMES:
        unit, _ = _TIMES[logical]
        return lambda count: show_time(_EPOCH + timedelta(microseconds=count * unit))
    if encoded in ("bytes", "fixed") and logical == "decimal":
        return partial(_show_decimal, _check_scale(kind))
    return _PLAIN.get(encoded)


def _find_json(kind: Mapping[str, Any]) -> Callable[[Any], str]:
    """What writes a value as Spark's to_json does."""
    match kind["type"]:
        case "record":
            fields = [(escape_text(f["name"]), f["name"], _write_nullable(f["type"])) for f in kind["fields"]]
            return lambda value: _join_object(
                (shown, write(value[name])) for shown, name, write in fields if value[name] is not None
            )
        case "array":
            item = _write_nullable(kind["items"])
            return lambda value: f"[{','.join(map(item, value))}]"
        case "map":
            entry = _write_nullable(kind["values"])
            return lambda value: _join_object((escape_text(name), entry(part)) for name, part in value.items())
        case "null":
            return lambda _: "null"
    return _find_plain_json(kind)


def _find_plain_json(kind: Mapping[str, Any]) -> Callable[[Any], str]:
    plain = _find_plain(kind)
    if plain is None:  # the name of a type that is not known yet: the schema contains itself
        raise Unreadable(f"the type {kind['type']!r}")
    logical = kind.get("logicalType")
    match kind["type"]:
        case "boolean" | "int" | "long" if logical != "date" and logical not in _TIMES:
            return plain
        case "bytes" | "fixed" if logical != "decimal":
            return lambda value: f'"{base64.b64encode(value).decode()}"'
        case "bytes" | "fixed":
            return plain
        case "double":
            return lambda value: plain(value) if plain(value)[-1].isdigit() else f'"{plain(value)}"'
        case "float":
            raise Unsupported("a float within another type")
        case "long":
            unit, is_instant = _TIMES[str(logical)]
            return partial(_write_time, unit, "Z" if is_instant else "")
    return lambda value: escape_text(plain(value))


def _write_nullable(schema: Any) -> Callable[[Any], str]:
    write = _find_json(_leave_null(schema))
    return lambda value: "null" if value is None else write(value)


def _join_object(fields: Any) -> str:
    return "{" + ",".join(f"{name}:{value}" for name, value in fields) + "}"


def _write_time(unit: int, zone: str, count: int) -> str:
    time = _EPOCH + timedelta(microseconds=count * unit)
    return f'"{time.isoformat("T", "milliseconds")}{zone}"'


def _check_scale(kind: Mapping[str, Any]) -> int:
    if kind["precision"] > _MAX_DIGITS:
        raise Unreadable(f"a decimal of {kind['precision']} digits")
    return int(kind.get("scale", 0))


def _show_decimal(scale: int, unscaled: bytes) -> str:
    if not unscaled:
        raise ValueError("a decimal of no bytes")
    return f"{Decimal(int.from_bytes(unscaled, 'big', signed=True)).scaleb(-scale, _EXACT):f}"


_PLAIN: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("string", "enum", "int", "long"), str),
    **dict.fromkeys(("float", "double"), show_double),
    **dict.fromkeys(("bytes", "fixed"), bytes.decode),
    "boolean": lambda value: "true" if value else "false",
}
