"""The statements that the emulated Snowflake accepts and does not enforce."""

from __future__ import annotations

import re
from typing import NamedTuple

from sandbox.snowpipe.sql_reader import StatementReader


class AcceptedStatement(NamedTuple):
    """A kind of statement, and what its acceptance does not mean."""

    statement: str
    explanation: str


ACCEPTED_NOT_ENFORCED: tuple[AcceptedStatement, ...] = (
    AcceptedStatement("CREATE|ALTER|DROP ROLE", "there are no roles: every session may do everything"),
    AcceptedStatement("CREATE|ALTER|DROP USER", "there are no users: every name and password may log in"),
    AcceptedStatement("GRANT", "no privilege is checked"),
    AcceptedStatement("REVOKE", "no privilege is checked"),
    AcceptedStatement("USE ROLE", "no privilege is checked"),
    AcceptedStatement("USE SECONDARY ROLES", "no privilege is checked"),
    AcceptedStatement("CREATE|ALTER|DROP WAREHOUSE", "the sandbox process does all the work, whatever the size"),
    AcceptedStatement("USE WAREHOUSE", "the sandbox process does all the work"),
    AcceptedStatement("CREATE|ALTER|DROP RESOURCE MONITOR", "nothing is billed and nothing is stopped"),
    AcceptedStatement("CREATE STORAGE INTEGRATION", "stored and described; no trust and no bucket policy is checked"),
    AcceptedStatement("ALTER STORAGE INTEGRATION", "no trust and no allowed location is checked"),
    AcceptedStatement("CREATE NOTIFICATION INTEGRATION", "stored and described; error notifications are not sent"),
    AcceptedStatement("ALTER NOTIFICATION INTEGRATION", "error notifications are not sent"),
    AcceptedStatement("CREATE|ALTER|DROP|EXECUTE TASK", "tasks are not run"),
    AcceptedStatement("CREATE|ALTER|DROP ALERT", "alerts are not run"),
    AcceptedStatement("CREATE|ALTER|DROP TAG", "tags are not kept"),
    AcceptedStatement("CREATE|ALTER|DROP NETWORK POLICY", "only loopback can connect anyway"),
    AcceptedStatement("CREATE|ALTER|DROP EVENT TABLE", "pipe events are not recorded"),
    AcceptedStatement("ALTER ACCOUNT", "account parameters have no effect"),
    AcceptedStatement("ALTER DATABASE", "database parameters have no effect"),
    AcceptedStatement("ALTER SCHEMA", "schema parameters have no effect"),
    AcceptedStatement("COMMENT", "comments on objects other than tables and columns are not kept"),
)

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
