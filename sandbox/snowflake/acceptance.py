"""Answers the statements that the emulated Snowflake accepts and does not enforce."""

from __future__ import annotations

import re

from sandbox.snowflake.accepted import ACCEPTED_NOT_ENFORCED
from sandbox.snowpipe.sql_reader import StatementReader

_NAMED = re.compile(r"^(CREATE|DROP) (ROLE|WAREHOUSE|USER|TASK|ALERT|TAG|RESOURCE MONITOR|NETWORK POLICY|EVENT TABLE)$")
_NOT_KEPT = ("TABLE", "COLUMN", "VIEW")


def accept_statement(text: str) -> str | None:
    """Return the status line of a statement that is accepted and not enforced, or None for any other."""
    reader = StatementReader(text)
    verb = reader.take().text.upper()
    mode = reader.accept("OR", "REPLACE") or reader.accept("OR", "ALTER")
    for accepted in ACCEPTED_NOT_ENFORCED:
        verbs, _, kind = accepted.statement.partition(" ")
        if verb not in verbs.split("|") or "INTEGRATION" in kind:
            continue
        if verb == "COMMENT" and reader.peek(1) in _NOT_KEPT:
            return None
        if not kind or reader.accept(*kind.split()):
            return _status_line(reader, f"{verb} {kind}", mode)
    return None


def _status_line(reader: StatementReader, head: str, mode: str) -> str:
    match = _NAMED.match(head)
    if match is None:
        return "Statement executed successfully."
    mode = mode or reader.accept("IF", "NOT", "EXISTS") or reader.accept("IF", "EXISTS")
    name = "" if reader.is_done else reader.take_name().strip('"')
    shown = name if name.islower() and '"' in reader.text else name.upper()
    if match[1] == "DROP":
        return f"{shown} successfully dropped."
    return f"{match[2].capitalize()} {shown} successfully created."
