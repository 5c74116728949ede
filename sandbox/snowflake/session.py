"""One connector session: decides who answers a statement, and answers it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import duckdb
from fakesnow.statement_type import COPY, statement_type_id
from sqlglot import exp

from sandbox.snowflake import container_commands, integration_commands, pipe_commands, stage_commands
from sandbox.snowflake.acceptance import accept_statement
from sandbox.snowflake.container_shows import INFORMATION_SCHEMA, describe_columns
from sandbox.snowflake.put_command import plan_upload
from sandbox.snowflake.query_rewrite import rewrite_query
from sandbox.snowflake.results import QueryResult, make_result, make_status, widen_result
from sandbox.snowflake.services import Services
from sandbox.snowflake.show_commands import describe_objects, show_objects
from sandbox.snowflake.table_alter import check_type_changes
from sandbox.snowflake.table_ddl import PREPARED, name_table, parse_ddl, prepare_statement, quote_reserved
from sandbox.snowpipe.copy_command import run_copy
from sandbox.snowpipe.copy_statement import parse_copy
from sandbox.snowpipe.load_history import forget_table
from sandbox.snowpipe.sql_errors import SqlError, syntax_error
from sandbox.snowpipe.sql_names import ObjectName, SessionScope, qualify_name
from sandbox.snowpipe.sql_reader import StatementReader
from sandbox.snowpipe.warehouse import describe_table, ensure_history, open_transaction, retry_conflicts

_STORED_OBJECTS: dict[tuple[str, ...], Callable[[Services, StatementReader, SessionScope, str], QueryResult]] = {
    ("FILE", "FORMAT"): stage_commands.create_file_format,
    ("STAGE",): stage_commands.create_stage,
    ("PIPE",): pipe_commands.create_pipe,
}
_CONTAINERS = {"DATABASE": container_commands.create_database, "SCHEMA": container_commands.create_schema}
_TRANSACTION_VERBS = ("BEGIN", "START", "COMMIT", "ROLLBACK")


class Session:
    """A connector's session: its connection, current database and schema; one statement at a time."""

    def __init__(self, services: Services, database: str | None, schema: str | None, *, autocommit: bool) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._asked_s = time.monotonic()
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

    def abort_idle(self, idle_s: float) -> None:
        """Roll back a transaction in which nothing was asked for so long; its client is taken to be gone."""
        if time.monotonic() - self._asked_s > idle_s and self._lock.acquire(blocking=False):
            try:
                self._run_transaction("ROLLBACK")
            finally:
                self._lock.release()

    def plan_upload(self, text: str) -> dict[str, Any] | None:
        """Return what the connector needs to carry out a PUT, or None for another statement."""
        return plan_upload(self._services, text, self.scope)

    def run_statement(self, text: str, bindings: list[Any]) -> QueryResult:
        """Return the result of a statement; `bindings` holds one set of parameters, or a set a row of a batch."""
        with self._lock:
            self._asked_s = time.monotonic()
            reader = StatementReader(text)
            if reader.is_done:
                raise SqlError("Empty SQL statement.", 900, "42601")
            statement = reader.statement
            own = None if bindings else self._run_own(statement, reader)
            return own or self._run_translated(statement, bindings)

    def describe_statement(self, text: str) -> tuple[QueryResult, int] | None:
        """Return the empty result of a query and its number of binds, or None where only running it would tell."""
        with self._lock:
            tree = parse_ddl(rewrite_query(self._services, text, self.scope))
            described = self.connection.cursor()._describe_only(tree.sql("snowflake"))
            if described is None:
                return None
            types = tuple((row[0], row[1]) for row in described)
            empty = make_result([name for name, _ in types], [])
            result = QueryResult(empty.table, types, statement_type_id(tree))
            return result, len(list(tree.find_all(exp.Placeholder)))

    def _run_own(self, text: str, reader: StatementReader) -> QueryResult | None:
        """Return the result of a statement that the sandbox answers itself, or None for any other."""
        if status := accept_statement(text):
            return make_status(status)
        verb = reader.take().text.upper()
        answers: dict[str, Callable[[], QueryResult | None]] = {
            "COPY": lambda: self._run_copy(text),
            "LIST": lambda: stage_commands.list_files(self._services, reader, self.scope),
            "LS": lambda: stage_commands.list_files(self._services, reader, self.scope),
            "REMOVE": lambda: stage_commands.remove_files(self._services, reader, self.scope),
            "RM": lambda: stage_commands.remove_files(self._services, reader, self.scope),
            "USE": lambda: container_commands.run_use(self._services, self.connection, reader),
            "CREATE": lambda: self._run_create(text, reader),
            "DROP": lambda: self._run_drop(text, reader),
            "ALTER": lambda: self._run_alter(text, reader),
            "SHOW": lambda: show_objects(self._services, reader, self.scope),
            "DESC": lambda: self._run_describe(reader),
            "DESCRIBE": lambda: self._run_describe(reader),
            **dict.fromkeys(_TRANSACTION_VERBS, lambda: self._run_transaction(verb)),
        }
        return answers[verb]() if verb in answers else None

    def _run_transaction(self, verb: str) -> QueryResult:
        """Carry out BEGIN, COMMIT and ROLLBACK; without a transaction COMMIT and ROLLBACK do nothing, as in Snowflake."""
        duck = self.connection._duck_conn
        if verb in ("BEGIN", "START") and not self.connection._in_transaction:
            duck.begin()
            self.connection._in_transaction = True
        elif verb in ("COMMIT", "ROLLBACK") and self.connection._in_transaction:
            self.connection._in_transaction = False
            try:
                _ = duck.commit() if verb == "COMMIT" else duck.rollback()
            except duckdb.TransactionException as error:
                duck.rollback()
                raise SqlError(f"The transaction was rolled back: {error}", 90000, "25000") from None
        return make_status("Statement executed successfully.")

    def _run_create(self, text: str, reader: StatementReader) -> QueryResult | None:
        mode = reader.accept("OR", "REPLACE")
        _ = reader.accept("TRANSIENT") or reader.accept("TEMPORARY") or reader.accept("TEMP")
        for words, create in _STORED_OBJECTS.items():
            if reader.accept(*words):
                return create(self._services, reader, self.scope, mode)
        for word, create_container in _CONTAINERS.items():
            if reader.accept(word):
                return create_container(self._services, self.connection, reader, mode)
        if reader.peek(1) == "INTEGRATION":
            return integration_commands.create_integration(self._services, reader, mode)
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

    def _run_alter(self, text: str, reader: StatementReader) -> QueryResult | None:
        if reader.peek() == "TABLE":
            tree = parse_ddl(text)
            table = name_table(tree, self.scope)
            if isinstance(tree, exp.Alter) and table:
                check_type_changes(self.connection._duck_conn, tree, table)
            return None
        if reader.accept("PIPE"):
            return pipe_commands.alter_pipe(self._services, reader, self.scope)
        if reader.accept("STAGE"):
            return stage_commands.alter_stage(self._services, reader, self.scope)
        if reader.accept("FILE", "FORMAT"):
            return stage_commands.alter_file_format(self._services, reader, self.scope)
        if "INTEGRATION" in (reader.peek(), reader.peek(1)):
            return integration_commands.alter_integration(self._services, reader)
        return None

    def _run_describe(self, reader: StatementReader) -> QueryResult | None:
        if reader.accept("TABLE") or reader.accept("VIEW"):
            name = qualify_name(reader.take_name(), self.scope)
            is_own = name.schema != INFORMATION_SCHEMA
            return describe_columns(self.connection._duck_conn, name) if is_own else None
        return describe_objects(self._services, reader, self.scope)

    def _run_ddl(self, text: str) -> QueryResult | None:
        """Run CREATE and DROP of tables and views; COPY's history of a table ends with the table."""
        tree = parse_ddl(text)
        if isinstance(tree, exp.Command):
            return None
        table = name_table(tree, self.scope) if tree.args.get("kind") == "TABLE" else None
        is_kept = isinstance(tree, exp.Create) and not tree.args.get("replace") and table and self._has_table(table)
        result = self._run_translated(text, [])
        if table and not is_kept and self._services.account.has_database(table.database):
            ensure_history(self._services.account.duck_conn, table.database)
            with self._services.account.duck_conn.cursor() as cursor:
                forget_table(cursor, table)
        return result

    def _has_table(self, table: ObjectName) -> bool:
        try:
            describe_table(self.connection._duck_conn, table)
        except SqlError:
            return False
        return True

    def _run_copy(self, text: str) -> QueryResult:
        statement = parse_copy(text, self.scope)
        if not self._services.account.has_database(statement.target.database):
            raise SqlError(f"SQL compilation error:\nDatabase '{statement.target.database}' does not exist.", 2003)
        ensure_history(self._services.account.duck_conn, statement.target.database)
        duck = self.connection._duck_conn
        if self.connection._autocommit and not self.connection._in_transaction:
            with open_transaction(duck):
                found = run_copy(self._services.warehouse, duck, statement, self.scope)
        else:
            if not self.connection._in_transaction:
                duck.begin()
                self.connection._in_transaction = True
            found = run_copy(self._services.warehouse, duck, statement, self.scope)
        return make_result(found.columns, found.rows)._replace(type_id=COPY)

    def _run_translated(self, text: str, bindings: list[Any]) -> QueryResult:
        """Run a statement through fakesnow's translation to duckdb."""
        rewritten = rewrite_query(self._services, text, self.scope)
        tree = parse_ddl(rewritten)
        if quote_reserved(tree) or isinstance(tree, PREPARED):
            rewritten = prepare_statement(tree).sql("snowflake")
        cursor = self.connection.cursor()
        # Inside a user's transaction a conflict has undone what was done before: only its client can begin again.
        run = cursor.execute if self.connection._in_transaction else retry_conflicts(cursor.execute)
        try:
            affected = 0
            for parameters in bindings or [None]:
                run(rewritten, binding_params=parameters, server=True)
                affected += cursor.rowcount or 0
        except AssertionError as error:
            raise syntax_error(f"this statement is not emulated: {text.strip()[:200]} ({error})") from None
        type_id = statement_type_id(tree)
        if len(bindings) > 1:
            return make_result(("number of rows inserted",), [(affected,)])._replace(type_id=type_id)
        table = cursor._arrow_table
        if table is None:
            return make_status("Statement executed successfully.")
        types = [(row[0], row[1]) for row in cursor._describe_last_sql()]
        return widen_result(table, types)._replace(type_id=type_id, query_id=cursor.sfqid or "")
