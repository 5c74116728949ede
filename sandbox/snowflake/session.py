"""One connector session: decides who answers a statement, and answers it."""

from __future__ import annotations

import threading
from typing import Any

import duckdb
from fakesnow.statement_type import COPY, statement_type_id
from sqlglot import exp

from sandbox.snowflake import container_commands, integration_commands, pipe_commands, stage_commands
from sandbox.snowflake.accepted import accept_statement
from sandbox.snowflake.query_rewrite import rewrite_query
from sandbox.snowflake.results import QueryResult, make_result, make_status, widen_result
from sandbox.snowflake.services import Services
from sandbox.snowflake.table_ddl import name_table, parse_ddl, strip_unenforced
from sandbox.snowpipe.copy_command import run_copy
from sandbox.snowpipe.copy_statement import parse_copy
from sandbox.snowpipe.load_history import forget_table
from sandbox.snowpipe.sql_errors import SqlError, syntax_error
from sandbox.snowpipe.sql_names import ObjectName, SessionScope
from sandbox.snowpipe.sql_reader import StatementReader
from sandbox.snowpipe.warehouse import describe_table, ensure_history, open_transaction, retry_conflicts

_OWN_VERBS = {
    "ALTER", "COMMENT", "COPY", "CREATE", "DESC", "DESCRIBE", "DROP", "EXECUTE", "GRANT", "LIST", "LS", "REVOKE",
    "SHOW", "USE",
}  # fmt: skip


class Session:
    """A connector's session: its connection, current database and schema; one statement at a time."""

    def __init__(self, services: Services, database: str | None, schema: str | None, *, autocommit: bool) -> None:
        self._services = services
        self._lock = threading.Lock()
        self.connection = services.account.open_connection(autocommit=autocommit)
        if database:
            services.account.create_database(database)
            if schema and schema != "INFORMATION_SCHEMA":
                services.account.create_schema(database, schema)
            container_commands.use_schema(services, self.connection, database, schema or "PUBLIC")

    @property
    def scope(self) -> SessionScope:
        """The session's current database and schema."""
        return SessionScope(self.connection.database, self.connection.schema)

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""
        with self._lock:
            self.connection.close()

    def run_statement(self, text: str, bindings: list[Any]) -> QueryResult:
        """Return the result of a statement; `bindings` holds one set of parameters, or a set a row of a batch."""
        with self._lock:
            own = None if bindings else self._run_own(text)
            return own or self._run_translated(text, bindings)

    def describe_statement(self, text: str) -> tuple[QueryResult, int] | None:
        """Return the empty result of a query and its number of binds, or None where only running it would tell."""
        with self._lock:
            tree = parse_ddl(rewrite_query(self._services, text, self.scope))
            described = self.connection.cursor()._describe_only(tree.sql("snowflake"))  # noqa: SLF001
            if described is None:
                return None
            types = tuple((row[0], row[1]) for row in described)
            empty = make_result([name for name, _ in types], [])
            result = QueryResult(empty.table, types, statement_type_id(tree))
            return result, len(list(tree.find_all(exp.Placeholder)))

    def _run_own(self, text: str) -> QueryResult | None:
        if text.lstrip()[:9].split("(")[0].split()[:1] and text.split(None, 1)[0].upper() not in _OWN_VERBS:
            head = text.lstrip()
            if not head.startswith(("--", "/*", "//")):
                return None
        reader = StatementReader(text)
        if reader.is_done:
            raise SqlError("Empty SQL statement.", 900, "42601")
        if reader.peek() not in _OWN_VERBS:
            return None
        if status := accept_statement(text):
            return make_status(status)
        verb = reader.take().text.upper()
        if verb == "COPY":
            return self._run_copy(text)
        if verb in ("LIST", "LS"):
            return stage_commands.list_files(self._services, reader, self.scope)
        if verb == "USE":
            return container_commands.run_use(self._services, self.connection, reader)
        if verb == "CREATE":
            return self._run_create(text, reader)
        if verb == "DROP":
            return self._run_drop(text, reader)
        if verb == "ALTER":
            return self._run_alter(reader)
        return self._run_show(verb, reader)

    def _run_create(self, text: str, reader: StatementReader) -> QueryResult | None:
        services, scope = self._services, self.scope
        mode = reader.accept("OR", "REPLACE")
        _ = reader.accept("TRANSIENT") or reader.accept("TEMPORARY") or reader.accept("TEMP")
        if reader.accept("FILE", "FORMAT"):
            return stage_commands.create_file_format(services, reader, scope, mode)
        if reader.accept("STAGE"):
            return stage_commands.create_stage(services, reader, scope, mode)
        if reader.accept("PIPE"):
            return pipe_commands.create_pipe(services, reader, scope, mode)
        if reader.accept("DATABASE"):
            return container_commands.create_database(services, self.connection, reader, mode)
        if reader.accept("SCHEMA"):
            return container_commands.create_schema(services, self.connection, reader, mode)
        if reader.peek(1) == "INTEGRATION":
            return integration_commands.create_integration(services, reader, mode)
        return self._run_ddl(text)

    def _run_drop(self, text: str, reader: StatementReader) -> QueryResult | None:
        services, scope = self._services, self.scope
        for words in (("STAGE",), ("FILE", "FORMAT"), ("PIPE",)):
            if kind := reader.accept(*words):
                return stage_commands.drop_object(services, reader, scope, kind)
        if kind := reader.accept("DATABASE") or reader.accept("SCHEMA"):
            return container_commands.drop_container(services, self.connection, reader, kind)
        if "INTEGRATION" in (reader.peek(), reader.peek(1)):
            return integration_commands.drop_integration(services, reader)
        return self._run_ddl(text)

    def _run_alter(self, reader: StatementReader) -> QueryResult | None:
        if reader.accept("PIPE"):
            return pipe_commands.alter_pipe(self._services, reader, self.scope)
        if reader.accept("STAGE"):
            return stage_commands.alter_stage(self._services, reader, self.scope)
        if "INTEGRATION" in (reader.peek(), reader.peek(1)):
            return integration_commands.alter_integration(self._services, reader)
        return None

    def _run_show(self, verb: str, reader: StatementReader) -> QueryResult | None:
        services, scope = self._services, self.scope
        if verb == "SHOW":
            reader.accept("TERSE")
            if reader.accept("PIPES"):
                return pipe_commands.show_pipes(services, reader, scope)
            if reader.accept("STAGES"):
                return stage_commands.show_stages(services, reader, scope)
            if reader.accept("FILE", "FORMATS"):
                return stage_commands.show_file_formats(services, reader, scope)
            if "INTEGRATIONS" in (reader.peek(), reader.peek(1)):
                return integration_commands.show_integrations(services, reader)
            if reader.peek() in ("ROLES", "GRANTS", "TASKS", "TAGS"):
                return make_result(("created_on", "name", "comment"), [])
            return None
        for words in (("STAGE",), ("FILE", "FORMAT")):
            if kind := reader.accept(*words):
                return stage_commands.describe_object(services, reader, scope, kind)
        if reader.accept("PIPE"):
            return pipe_commands.describe_pipe(services, reader, scope)
        _ = reader.accept("STORAGE") or reader.accept("NOTIFICATION")
        if reader.accept("INTEGRATION"):
            return integration_commands.describe_integration(services, reader)
        return None

    def _run_ddl(self, text: str) -> QueryResult | None:
        """Run CREATE and DROP of tables and views; COPY's history of a table ends with the table."""
        tree = parse_ddl(text)
        if isinstance(tree, exp.Command):
            return None
        if isinstance(tree, exp.Create) and tree.kind in ("TABLE", "VIEW"):
            strip_unenforced(tree)
        table = name_table(tree, self.scope) if tree.args.get("kind") == "TABLE" else None
        is_kept = isinstance(tree, exp.Create) and not tree.args.get("replace") and table and self._has_table(table)
        result = self._run_translated(tree.sql("snowflake"), [])
        if table and not is_kept and self._services.account.has_database(table.database):
            ensure_history(self._services.account.duck_conn, table.database)
            with self._services.account.duck_conn.cursor() as cursor:
                forget_table(cursor, table)
        return result

    def _has_table(self, table: ObjectName) -> bool:
        try:
            describe_table(self.connection._duck_conn, table)  # noqa: SLF001
        except SqlError:
            return False
        return True

    def _run_copy(self, text: str) -> QueryResult:
        statement = parse_copy(text, self.scope)
        if not self._services.account.has_database(statement.target.database):
            raise SqlError(f"SQL compilation error:\nDatabase '{statement.target.database}' does not exist.", 2003)
        ensure_history(self._services.account.duck_conn, statement.target.database)
        duck = self.connection._duck_conn  # noqa: SLF001
        if self._is_in_transaction(duck):
            found = run_copy(self._services.warehouse, duck, statement, self.scope)
        else:
            with open_transaction(duck):
                found = run_copy(self._services.warehouse, duck, statement, self.scope)
        return make_result(found.columns, found.rows)._replace(type_id=COPY)

    def _is_in_transaction(self, duck: duckdb.DuckDBPyConnection) -> bool:
        try:
            duck.begin()
        except duckdb.TransactionException:
            return True
        duck.rollback()
        return False

    def _run_translated(self, text: str, bindings: list[Any]) -> QueryResult:
        """Run a statement through fakesnow's translation to duckdb."""
        rewritten = rewrite_query(self._services, text, self.scope)
        cursor = self.connection.cursor()
        run = retry_conflicts(cursor.execute)
        try:
            affected = 0
            for parameters in bindings or [None]:
                run(rewritten, binding_params=parameters, server=True)
                affected += cursor.rowcount or 0
        except AssertionError as error:
            raise syntax_error(f"this statement is not emulated: {text.strip()[:200]} ({error})") from None
        type_id = statement_type_id(parse_ddl(rewritten))
        if len(bindings) > 1:
            return make_result(("number of rows inserted",), [(affected,)])._replace(type_id=type_id)
        types = [(row[0], row[1]) for row in cursor._describe_last_sql()]  # noqa: SLF001
        table = cursor._arrow_table  # noqa: SLF001
        return widen_result(table, types)._replace(type_id=type_id, query_id=cursor.sfqid or "")
