"""What every command of the emulated Snowflake works with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sandbox.snowflake.instance import Account
from sandbox.snowpipe.catalog import CatalogObject
from sandbox.snowpipe.pipe_queue import PipeQueue
from sandbox.snowpipe.pipes import PendingFiles
from sandbox.snowpipe.sql_names import ObjectName, SessionScope, qualify_name, split_name
from sandbox.snowpipe.sql_reader import StatementReader
from sandbox.snowpipe.warehouse import Warehouse


class Services(NamedTuple):
    """The account's databases, what loading needs, the pipes' queue, and a way to wake the local Snowpipe."""

    account: Account
    warehouse: Warehouse
    queue: PipeQueue
    pending: PendingFiles
    wake_snowpipe: Callable[[], None]


def accept_mode(reader: StatementReader) -> str:
    """Move past IF [NOT] EXISTS and return it, or return ''."""
    return reader.accept("IF", "NOT", "EXISTS") or reader.accept("IF", "EXISTS")


def take_object(reader: StatementReader, scope: SessionScope) -> ObjectName:
    """Return the fully qualified object name that comes next."""
    return qualify_name(reader.take_name(), scope)


def select_shown(reader: StatementReader, objects: Iterable[CatalogObject], scope: SessionScope) -> list[CatalogObject]:
    """Return the objects that a SHOW's LIKE, IN, STARTS WITH and LIMIT leave."""
    return select_named(reader, objects, lambda shown: _select_scope(reader, shown, scope))


def select_named(
    reader: StatementReader,
    objects: Iterable[CatalogObject],
    select_scope: Callable[[list[CatalogObject]], list[CatalogObject]],
) -> list[CatalogObject]:
    """Return the objects that LIKE, STARTS WITH and LIMIT leave; `select_scope` reads IN, which stands between them."""
    shown = list(objects)
    if reader.accept("LIKE"):
        pattern = like_pattern(reader.take_string())
        shown = [stored for stored in shown if pattern.fullmatch(stored.name.name)]
    shown = select_scope(shown)
    if reader.accept("STARTS", "WITH"):
        prefix = reader.take_string()
        shown = [stored for stored in shown if stored.name.name.startswith(prefix)]
    if reader.accept("LIMIT"):
        shown = shown[: int(reader.take().text)]
    if not reader.is_done:
        raise reader.unexpected("LIKE, IN, STARTS WITH or LIMIT")
    return shown


def _select_scope(reader: StatementReader, shown: list[CatalogObject], scope: SessionScope) -> list[CatalogObject]:
    database, schema = scope
    if reader.accept("IN"):
        if reader.accept("ACCOUNT"):
            return shown
        kind = reader.accept("DATABASE") or reader.accept("SCHEMA")
        if kind == "DATABASE":
            schema = None
            if not reader.is_done and reader.peek() not in ("STARTS", "LIMIT"):
                database = split_name(reader.take_name())[0]
        elif not reader.is_done:
            parts = split_name(reader.take_name())
            database, schema = ([database, *parts] if len(parts) == 1 else parts)[:2]
    if database is None:
        return shown
    return [
        stored
        for stored in shown
        if stored.name.database == database and (schema is None or stored.name.schema == schema)
    ]


def like_pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of a SHOW … LIKE, which ignores case."""
    parts = [{"%": ".*", "_": "."}.get(char, re.escape(char)) for char in text]
    return re.compile("".join(parts), re.IGNORECASE)
