"""SHOW and DESC of what the sandbox keeps itself; the rest is fakesnow's."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.snowflake.container_shows import show_schemas
from sandbox.snowflake.integration_commands import describe_integration, show_integrations
from sandbox.snowflake.pipe_commands import describe_pipe, show_pipes
from sandbox.snowflake.results import QueryResult, make_result
from sandbox.snowflake.services import Services
from sandbox.snowflake.stage_commands import describe_object, show_file_formats, show_stages
from sandbox.snowpipe.sql_names import SessionScope
from sandbox.snowpipe.sql_reader import StatementReader

_NOT_KEPT = ("ROLES", "GRANTS", "TASKS", "TAGS", "ALERTS", "RESOURCE")


def show_objects(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult | None:
    """Return the result of a SHOW, or None for a kind that fakesnow shows."""
    reader.accept("TERSE")
    shown: dict[tuple[str, ...], Callable[[Services, StatementReader, SessionScope], QueryResult]] = {
        ("PIPES",): show_pipes,
        ("STAGES",): show_stages,
        ("FILE", "FORMATS"): show_file_formats,
        ("SCHEMAS",): show_schemas,
    }
    for words, show in shown.items():
        if reader.accept(*words):
            return show(services, reader, scope)
    if "INTEGRATIONS" in (reader.peek(), reader.peek(1)):
        return show_integrations(services, reader)
    return make_result(("created_on", "name", "comment"), []) if reader.peek() in _NOT_KEPT else None


def describe_objects(services: Services, reader: StatementReader, scope: SessionScope) -> QueryResult | None:
    """Return the result of a DESC, or None for a kind that fakesnow describes."""
    for words in (("STAGE",), ("FILE", "FORMAT")):
        if kind := reader.accept(*words):
            return describe_object(services, reader, scope, kind)
    if reader.accept("PIPE"):
        return describe_pipe(services, reader, scope)
    _ = reader.accept("STORAGE") or reader.accept("NOTIFICATION")
    return describe_integration(services, reader) if reader.accept("INTEGRATION") else None
