"""The errors that a Snowflake client receives as ProgrammingError, with the codes that Snowflake uses."""

from __future__ import annotations


class SqlError(Exception):
    """A statement that Snowflake would refuse; carries the error number and SQL state that a client reads."""

    def __init__(self, message: str, errno: int = 1003, sqlstate: str = "42000") -> None:
        super().__init__(message)
        self.message = message
        self.errno = errno
        self.sqlstate = sqlstate


class LoadAborted(SqlError):
    """A COPY that ended at a bad row because its ON_ERROR is ABORT_STATEMENT."""

    def __init__(self, message: str) -> None:
        super().__init__(message, errno=100038, sqlstate="22018")


def syntax_error(message: str) -> SqlError:
    """Return the error for a statement that does not parse."""
    return SqlError(f"SQL compilation error:\n{message}", 1003, "42000")


def invalid_option(message: str) -> SqlError:
    """Return the error for an option that does not exist here or has a wrong value."""
    return SqlError(f"SQL compilation error:\n{message}", 1420, "22023")


def not_found(kind: str, name: str) -> SqlError:
    """Return the error for an object that does not exist."""
    return SqlError(f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.", 2003, "02000")


def already_exists(name: str) -> SqlError:
    """Return the error for an object that is there already."""
    return SqlError(f"SQL compilation error:\nObject '{name}' already exists.", 2002, "42710")
