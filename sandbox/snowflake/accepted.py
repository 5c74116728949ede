"""The statements that the emulated Snowflake accepts and does not enforce."""

from __future__ import annotations

from typing import NamedTuple


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
