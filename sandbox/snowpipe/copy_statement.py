"""COPY INTO as a model: one parser for a user's COPY and for the COPY inside a pipe."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from sandbox.snowpipe.load_rules import OnError, parse_on_error
from sandbox.snowpipe.sql_errors import SqlError, invalid_option, syntax_error
from sandbox.snowpipe.sql_names import ObjectName, SessionScope, qualify_name, split_name
from sandbox.snowpipe.sql_reader import (
    Options,
    StatementReader,
    get_list,
    get_options,
    get_text,
    is_true,
)
from sandbox.snowpipe.user_stage import USER_STAGE

FILE_TABLE = "_SANDBOX_FILE"
_OPTIONS = {
    "FILES", "PATTERN", "FILE_FORMAT", "ON_ERROR", "MATCH_BY_COLUMN_NAME", "INCLUDE_METADATA", "FORCE", "PURGE",
    "SIZE_LIMIT", "RETURN_FAILED_ONLY", "LOAD_UNCERTAIN_FILES", "ENFORCE_LENGTH", "TRUNCATECOLUMNS",
    "VALIDATION_MODE",
}  # fmt: skip
# SP09: docs.snowflake.com/en/sql-reference/sql/create-pipe, usage notes.
_FORBIDDEN_IN_PIPE = (
    "FILES", "VALIDATION_MODE", "FORCE", "LOAD_UNCERTAIN_FILES", "PURGE", "RETURN_FAILED_ONLY", "SIZE_LIMIT",
)  # fmt: skip


class StagePath(NamedTuple):
    """A stage and the path below it, as COPY, LIST and pipes name it."""

    stage: ObjectName
    path: str


class CopyStatement(NamedTuple):
    """A parsed COPY INTO <table>; `select` is its transformation, reading from FILE_TABLE, or None."""

    target: ObjectName
    columns: tuple[str, ...]
    source: StagePath
    select: str | None
    options: Options

    @property
    def on_error(self) -> OnError:
        """The parsed ON_ERROR, ABORT_STATEMENT where none is given (SP07)."""
        return parse_on_error(get_text(self.options, "ON_ERROR", "ABORT_STATEMENT"))

    @property
    def match_by_name(self) -> str:
        """NONE, CASE_SENSITIVE or CASE_INSENSITIVE."""
        return get_text(self.options, "MATCH_BY_COLUMN_NAME", "NONE").upper()


def parse_stage_path(text: str, scope: SessionScope) -> StagePath:
    """Return the stage and path of `@stage/path`; `@~` is the user's own stage."""
    if match := re.fullmatch(r"@~(?:/(.*))?", text, re.DOTALL):
        return StagePath(USER_STAGE, match[1] or "")
    match = re.match(r'@((?:"(?:[^"]|"")+"|[^\s"./]+)(?:\.(?:"(?:[^"]|"")+"|[^\s"./]+))*)(?:/(.*))?$', text, re.DOTALL)
    if match is None:
        raise syntax_error(f"invalid stage '{text}'")
    return StagePath(qualify_name(match[1], scope), match[2] or "")


@lru_cache(maxsize=512)
def parse_copy(text: str, scope: SessionScope) -> CopyStatement:
    """Return the model of a COPY INTO <table> statement, its names completed from the scope."""
    reader = StatementReader(text)
    reader.expect("COPY", "INTO")
    if reader.peek() == "@" or reader.peek().startswith("'"):
        raise SqlError("SQL compilation error:\nCOPY INTO <location> (unloading) is not emulated.", 2, "0A000")
    target = qualify_name(reader.take_name(), scope)
    columns: tuple[str, ...] = ()
    if reader.peek() == "(":
        columns = tuple(split_name(part)[0] for part in reader.take_parenthesis().split(","))
    reader.expect("FROM")
    select = None
    if reader.peek() == "(":
        source_text, select = _split_select(reader.take_parenthesis())
    else:
        source_text = reader.take_stage_path()
    options = reader.take_options()
    if not reader.is_done:
        raise reader.unexpected("a COPY option")
    statement = CopyStatement(target, columns, parse_stage_path(source_text, scope), select, options)
    _check_options(statement)
    return statement


def _split_select(text: str) -> tuple[str, str]:
    """Return the stage of a transformation, and the transformation with FILE_TABLE in the stage's place."""
    reader = StatementReader(text)
    depth = 0
    while not reader.is_done and not (depth == 0 and reader.peek() == "FROM"):
        depth += {"(": 1, ")": -1}.get(reader.peek(), 0)
        reader.take()
    reader.expect("FROM")
    start = reader.tokens[reader.position].start if not reader.is_done else len(text)
    source = reader.take_stage_path()
    end = reader.tokens[reader.position - 1].end + 1
    if reader.peek() == "(":
        raise syntax_error("FILE_FORMAT and PATTERN belong after the transformation of a COPY, not behind its stage")
    rest = text[end:]
    if re.match(r"\s*(?:AS\s+)?[\w\"]*\s*(WHERE|GROUP|ORDER|LIMIT|JOIN|HAVING|QUALIFY|,)", rest, re.IGNORECASE):
        # SP28: docs.snowflake.com/en/sql-reference/sql/copy-into-table, transformation parameters.
        raise SqlError(f"SQL compilation error:\nCOPY statement only supports simple SELECT: '{rest.strip()}'", 2)
    return source, f'{text[:start]}"{FILE_TABLE}"{rest}'


def _check_options(statement: CopyStatement) -> None:
    options = statement.options
    for name in options:
        if name not in _OPTIONS:
            raise invalid_option(f"invalid parameter '{name}' for COPY")
    _ = statement.on_error
    if statement.match_by_name not in ("NONE", "CASE_SENSITIVE", "CASE_INSENSITIVE"):
        raise invalid_option(f"invalid value '{statement.match_by_name}' for parameter 'MATCH_BY_COLUMN_NAME'")
    if statement.match_by_name != "NONE" and statement.select:
        raise invalid_option("MATCH_BY_COLUMN_NAME copy option is not supported with copy transform.")  # SP18
    if "INCLUDE_METADATA" in options and statement.match_by_name == "NONE":
        raise invalid_option("INCLUDE_METADATA can only be used with MATCH_BY_COLUMN_NAME.")  # SP19
    if "VALIDATION_MODE" in options:
        raise invalid_option("VALIDATION_MODE is not emulated.")
    get_options(options, "FILE_FORMAT")
    get_list(options, "FILES")


def check_pipe_copy(statement: CopyStatement) -> None:
    """Raise for a COPY option that a pipe cannot use (SP09)."""
    for name in _FORBIDDEN_IN_PIPE:
        if name in statement.options and get_text_or_set(statement.options, name) != "FALSE":
            raise invalid_option(f"{name} copy option is not supported in a pipe's COPY statement.")
    if "ON_ERROR" in statement.options and statement.on_error.kind == "ABORT_STATEMENT":
        raise invalid_option("ON_ERROR = ABORT_STATEMENT copy option is not supported in a pipe's COPY statement.")


def get_text_or_set(options: Options, name: str) -> str:
    """Return an option's text in upper case, or SET for a list or nested options."""
    value = options[name]
    return value.upper() if isinstance(value, str) else "SET"


def get_pipe_on_error(statement: CopyStatement) -> OnError:
    """Return the ON_ERROR of a pipe's COPY: SKIP_FILE where none is given (SP07)."""
    return parse_on_error(get_text(statement.options, "ON_ERROR", "SKIP_FILE"))


def select_files(statement: CopyStatement, names: list[str]) -> list[str]:
    """Return those of the names (relative to the COPY's path) that FILES and PATTERN leave; PATTERN matches whole (SP28)."""
    files = get_list(statement.options, "FILES")
    chosen = files or names
    if pattern := get_text(statement.options, "PATTERN"):
        compiled = re.compile(pattern)
        chosen = [name for name in chosen if compiled.fullmatch(name)]
    return chosen


def is_forced(statement: CopyStatement) -> bool:
    """Return whether the COPY loads files that it has loaded before."""
    return is_true(statement.options.get("FORCE"))
