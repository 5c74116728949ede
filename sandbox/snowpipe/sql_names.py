"""Snowflake identifiers: how they are read from SQL, completed from the session, and quoted for duckdb."""

from __future__ import annotations

import re
from typing import NamedTuple

from sandbox.snowpipe.sql_errors import SqlError, syntax_error

_PART = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^\s".()]+))\s*')


class SessionScope(NamedTuple):
    """The current database and schema of a session, or None where none is set."""

    database: str | None
    schema: str | None


class ObjectName(NamedTuple):
    """A fully qualified object name, each part as Snowflake stores it."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(part if re.fullmatch(r"[A-Z_][A-Z0-9_$]*", part) else quote_name(part) for part in self)


def quote_name(name: str) -> str:
    """Return the name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(value: str) -> str:
    """Return the value as a SQL string literal of duckdb."""
    return "'" + value.replace("'", "''") + "'"


def split_name(text: str) -> list[str]:
    """Return the parts of a dotted name: unquoted parts in upper case, quoted parts as they are."""
    parts: list[str] = []
    position = 0
    while match := _PART.match(text, position):
        quoted, plain = match.groups()
        parts.append(quoted.replace('""', '"') if quoted is not None else plain.upper())
        position = match.end()
        if position == len(text):
            return parts
        if text[position] != ".":
            break
        position += 1
    raise syntax_error(f"invalid identifier '{text}'")


def qualify_name(text: str, scope: SessionScope) -> ObjectName:
    """Return the full name of an object, completed from the session's current database and schema."""
    parts = split_name(text)
    if len(parts) > 3:
        raise syntax_error(f"invalid identifier '{text}': at most database.schema.name")
    if len(parts) < 3 and scope.database is None:
        raise SqlError(
            "Cannot perform this operation. This session does not have a current database. "
            "Call 'USE DATABASE', or use a qualified name.",
            90105,
            "22000",
        )
    if len(parts) < 2 and scope.schema is None:
        raise SqlError(
            "Cannot perform this operation. This session does not have a current schema. "
            "Call 'USE SCHEMA', or use a qualified name.",
            90106,
            "22000",
        )
    filled = [scope.database or "", scope.schema or ""][: 3 - len(parts)] + parts
    return ObjectName(*filled)
