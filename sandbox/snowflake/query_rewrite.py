"""Rewrites what fakesnow does not know in queries: system functions, COPY_HISTORY, views of pipes and loads."""

# ruff: noqa: S608  names are quoted by quote_name, values by quote_text or bound
from __future__ import annotations

import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp

from sandbox.snowflake.pipe_commands import force_resume, get_pipe_status
from sandbox.snowflake.services import Services
from sandbox.snowpipe.copy_functions import rewrite_function
from sandbox.snowpipe.load_history import copy_history_sql
from sandbox.snowpipe.pipes import list_pipes
from sandbox.snowpipe.sql_errors import SqlError, not_found, syntax_error
from sandbox.snowpipe.sql_names import SessionScope, qualify_name
from sandbox.snowpipe.warehouse import ensure_history

_NEEDS_REWRITE = re.compile(
    r"SYSTEM\$|_HISTORY|VALIDATE_PIPE_LOAD|INFORMATION_SCHEMA\s*\.\s*PIPES|TRY_TO_|TO_BINARY|"
    r"CURRENT_ROLE|CURRENT_WAREHOUSE|CURRENT_ACCOUNT|CURRENT_REGION",
    re.IGNORECASE,
)
_CONSTANTS = {
    "CURRENT_ROLE": "SYSADMIN", "CURRENT_WAREHOUSE": "EMULATED", "CURRENT_ACCOUNT": "SANDBOX",
    "CURRENT_REGION": "AWS_US_EAST_1",
}  # fmt: skip
_TABLE_FUNCTIONS = ("COPY_HISTORY", "VALIDATE_PIPE_LOAD")


def rewrite_query(services: Services, text: str, scope: SessionScope) -> str:
    """Return a query with what the sandbox itself answers put in its place; other statements as they are."""
    if not _NEEDS_REWRITE.search(text):
        return text
    try:
        tree = sqlglot.parse_one(text, read="snowflake")
    except sqlglot.errors.ParseError as error:
        raise syntax_error(re.sub(r"\x1b\[\d+m", "", str(error))) from None

    def rewrite(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.TableFromRows | exp.Table) and (found := _rewrite_source(services, node, scope)):
            return found
        if isinstance(node, exp.Func):
            name = node.name.upper() if isinstance(node, exp.Anonymous) else type(node).sql_name()
            if name in _CONSTANTS:
                return exp.Literal.string(_CONSTANTS[name])
            if name.startswith("SYSTEM$"):
                return exp.Literal.string(_call_system(services, name, node, scope))
        return rewrite_function(node) if not isinstance(node, exp.Cast) else node

    return tree.transform(rewrite).sql(dialect="snowflake")


def _call_system(services: Services, name: str, node: exp.Func, scope: SessionScope) -> str:
    arguments = [argument.name for argument in node.expressions]
    calls: dict[str, Callable[[], str]] = {
        "SYSTEM$PIPE_STATUS": lambda: get_pipe_status(services, arguments[0], scope),
        "SYSTEM$PIPE_FORCE_RESUME": lambda: force_resume(services, arguments[0], ",".join(arguments[1:]), scope),
        "SYSTEM$VALIDATE_STORAGE_INTEGRATION": lambda: '{"status":"success","message":"emulated: no trust is checked"}',
        "SYSTEM$GET_AWS_SNS_IAM_POLICY": lambda: '{"Version":"2012-10-17","Statement":[]}',
    }
    if name not in calls:
        raise SqlError(f"SQL compilation error:\nUnknown function {name} (not emulated)", 2140, "42601")
    if not arguments and name.startswith("SYSTEM$PIPE"):
        raise syntax_error(f"not enough arguments for function [{name}()], expected 1, got 0")
    return calls[name]()


def _rewrite_source(services: Services, node: exp.TableFromRows | exp.Table, scope: SessionScope) -> exp.Expr | None:
    sql = _table_function_sql(services, node, scope) or _view_sql(services, node, scope)
    if sql is None:
        return None
    alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier("SANDBOX_ROWS"))
    query = sqlglot.parse_one(sql, read="snowflake")
    return exp.Subquery(this=query, alias=alias.copy(), joins=node.args.get("joins"))


def _table_function_sql(services: Services, node: exp.Expr, scope: SessionScope) -> str | None:
    call = next((found for found in node.find_all(exp.Anonymous) if found.name.upper() in _TABLE_FUNCTIONS), None)
    if call is None or (isinstance(node, exp.Table) and not isinstance(node.this, exp.Func | exp.Dot)):
        return None
    values = {item.this.name.upper(): item.expression for item in call.expressions if isinstance(item, exp.Kwarg)}
    owner = call.parent.this.name if isinstance(call.parent, exp.Dot) and call.parent.this.name else ""
    database = scope.database if owner.upper() in ("", "INFORMATION_SCHEMA") else owner.upper()
    if call.name.upper() == "VALIDATE_PIPE_LOAD":
        return _validate_sql(services, values, scope)
    if "TABLE_NAME" not in values:
        raise syntax_error("COPY_HISTORY needs TABLE_NAME => '…' and START_TIME => …")
    table = qualify_name(values["TABLE_NAME"].name, SessionScope(database, scope.schema))
    conditions = [f"TABLE_NAME = {_text(table.name)}", f"TABLE_SCHEMA_NAME = {_text(table.schema)}"]
    conditions += _time_conditions(values)
    history = _history_sql(services, table.database)
    return f"SELECT * FROM ({history}) AS LOADS WHERE {' AND '.join(conditions)} ORDER BY LAST_LOAD_TIME"


def _time_conditions(values: dict[str, exp.Expr]) -> list[str]:
    bounds = (("START_TIME", ">="), ("END_TIME", "<="))
    given = [
        f"LAST_LOAD_TIME {sign} CAST({values[name].sql('snowflake')} AS TIMESTAMP_TZ)"
        for name, sign in bounds
        if name in values
    ]
    # SP23: the function reaches back 14 days.
    return [*given, "LAST_LOAD_TIME >= DATEADD(DAY, -14, CURRENT_TIMESTAMP())"]


def _validate_sql(services: Services, values: dict[str, exp.Expr], scope: SessionScope) -> str:
    if "PIPE_NAME" not in values:
        raise syntax_error("VALIDATE_PIPE_LOAD needs PIPE_NAME => '…' and START_TIME => …")
    name = qualify_name(values["PIPE_NAME"].name, scope)
    pipe = next((pipe for pipe in list_pipes(services.warehouse.catalog) if pipe.name == name), None)
    if pipe is None:
        raise not_found("Pipe", str(name))
    conditions = [f"PIPE_NAME = {_text(name.name)}", f"PIPE_SCHEMA_NAME = {_text(name.schema)}", "ERROR_COUNT > 0"]
    conditions += _time_conditions(values)
    return (
        "SELECT FIRST_ERROR_MESSAGE AS ERROR, SANDBOX_FILE_KEY AS FILE, FIRST_ERROR_LINE_NUMBER AS LINE, "
        "FIRST_ERROR_CHARACTER_POS AS CHARACTER, FIRST_ERROR_COLUMN_NAME AS COLUMN_NAME, "
        "FIRST_ERROR_LINE_NUMBER AS ROW_NUMBER "
        f"FROM ({_history_sql(services, pipe.statement.target.database)}) AS LOADS WHERE {' AND '.join(conditions)}"
    )


def _view_sql(services: Services, node: exp.Expr, scope: SessionScope) -> str | None:
    if not isinstance(node, exp.Table):
        return None
    schema, name = node.db.upper(), node.name.upper()
    if schema == "INFORMATION_SCHEMA" and name == "PIPES":
        return _pipes_sql(services, node.catalog.upper() or scope.database)
    if schema == "ACCOUNT_USAGE" and name in ("COPY_HISTORY", "LOAD_HISTORY"):
        parts = [_history_sql(services, database) for database in services.account.list_databases()]
        return " UNION ALL ".join(parts) if parts else None
    if schema == "ACCOUNT_USAGE" and name == "PIPE_USAGE_HISTORY":
        parts = [_pipe_usage_sql(_history_sql(services, database)) for database in services.account.list_databases()]
        return " UNION ALL ".join(parts) if parts else None
    if schema == "INFORMATION_SCHEMA" and name == "LOAD_HISTORY":
        database = node.catalog.upper() or scope.database or ""
        return (
            "SELECT TABLE_SCHEMA_NAME AS SCHEMA_NAME, 's3://' || SANDBOX_BUCKET || '/' || SANDBOX_FILE_KEY AS FILE_NAME, "
            "TABLE_NAME, LAST_LOAD_TIME, STATUS, ROW_COUNT, ROW_PARSED, FIRST_ERROR_MESSAGE, FIRST_ERROR_LINE_NUMBER, "
            "FIRST_ERROR_CHARACTER_POS AS FIRST_ERROR_CHARACTER_POSITION, "
            "FIRST_ERROR_COLUMN_NAME AS FIRST_ERROR_COL_NAME, ERROR_COUNT, ERROR_LIMIT "
            f"FROM ({_history_sql(services, database)}) AS LOADS WHERE PIPE_NAME IS NULL"
        )
    return None


def _pipe_usage_sql(history: str) -> str:
    # SP30: 0.0037 credits per GB. One row a file, where Snowflake has one an hour.
    return (
        "SELECT PIPE_NAME, LAST_LOAD_TIME AS START_TIME, LAST_LOAD_TIME AS END_TIME, "
        "FILE_SIZE / 1000000000 * 0.0037 AS CREDITS_USED, FILE_SIZE AS BYTES_INSERTED, 1 AS FILES_INSERTED "
        f"FROM ({history}) AS LOADS WHERE PIPE_NAME IS NOT NULL"
    )


def _pipes_sql(services: Services, database: str | None) -> str:
    rows = [
        f"SELECT {_text(pipe.name.database)} AS PIPE_CATALOG, {_text(pipe.name.schema)} AS PIPE_SCHEMA, "
        f"{_text(pipe.name.name)} AS PIPE_NAME, 'SYSADMIN' AS PIPE_OWNER, "
        f"{_text(pipe.definition['copy'])} AS DEFINITION, "
        f"{_text('YES' if pipe.definition['auto_ingest'] else 'NO')} AS IS_AUTOINGEST_ENABLED, "
        f"{_text(services.queue.arn)} AS NOTIFICATION_CHANNEL_NAME, {_text(pipe.definition['comment'])} AS COMMENT"
        for pipe in list_pipes(services.warehouse.catalog)
        if pipe.name.database == database
    ]
    names = [
        "PIPE_CATALOG",
        "PIPE_SCHEMA",
        "PIPE_NAME",
        "PIPE_OWNER",
        "DEFINITION",
        "IS_AUTOINGEST_ENABLED",
        "NOTIFICATION_CHANNEL_NAME",
        "COMMENT",
    ]
    empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in names)
    return " UNION ALL ".join(rows) or f"SELECT {empty} WHERE FALSE"


def _history_sql(services: Services, database: str) -> str:
    if not services.account.has_database(database):
        raise not_found("Database", database)
    ensure_history(services.account.duck_conn, database)
    return copy_history_sql(database, [pipe.id for pipe in list_pipes(services.warehouse.catalog)])


def _text(value: str) -> str:
    return exp.Literal.string(value).sql("snowflake")
