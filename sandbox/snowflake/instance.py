"""The emulated Snowflake account as files of duckdb in one folder; what is committed survives a kill."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import duckdb
from fakesnow import info_schema, macros
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.instance import GLOBAL_DATABASE_NAME, FakeSnow
from fakesnow.transforms import show

from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import quote_name, quote_text
from sandbox.snowpipe.warehouse import ensure_history

_DATABASE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_RESULTS_KEPT = 64


def _read_identity(path: Path) -> str:
    """Return the account's identity, drawn when the state folder is new."""
    if not path.exists():
        path.write_text(secrets.token_hex(6))
    return path.read_text().strip()


class RecentResults(dict[str, tuple[Any, ...]]):
    """The last results by query id, for RESULT_SCAN; older ones are forgotten so that memory does not grow."""

    def __setitem__(self, key: str, value: tuple[Any, ...]) -> None:
        super().__setitem__(key, value)
        while len(self) > _RESULTS_KEPT:
            self.pop(next(iter(self)))


class Account(FakeSnow):
    """A fakesnow instance whose account data and databases lie in `state_dir` and are opened again at the next start."""

    def __init__(self, state_dir: Path) -> None:
        # Not super().__init__(): it would open the account's data in memory.
        self.state_dir = state_dir
        self.databases_dir = state_dir / "databases"
        self.db_path = self.databases_dir
        self.databases_dir.mkdir(parents=True, exist_ok=True)
        self.temp_dir = state_dir / "tmp"
        self.temp_dir.mkdir(exist_ok=True)
        for leftover in self.temp_dir.iterdir():
            leftover.unlink()
        self.identity = _read_identity(state_dir / "account_identity")
        self.nop_regexes = None
        self.create_database_on_connect = False
        self.create_schema_on_connect = False
        self.results_cache = RecentResults()
        self.duck_conn = duckdb.connect(":memory:")
        self.duck_conn.execute("SET GLOBAL TimeZone = 'UTC'")
        # It takes an expression that two TRYs share out of both, and then it raises.
        self.duck_conn.execute("SET disabled_optimizers = 'common_subexpressions'")
        self._attach(GLOBAL_DATABASE_NAME, state_dir / "account.db")
        self.duck_conn.execute(info_schema.fs_global_creation_sql())
        self.duck_conn.execute(show.fs_global_creation_sql())
        for path in sorted(self.databases_dir.glob("*.db")):
            self._attach(path.stem, path)

    def _attach(self, name: str, path: Path) -> None:
        self.duck_conn.execute(f"ATTACH IF NOT EXISTS {quote_text(str(path))} AS {quote_name(name)}")

    def open_connection(self, *, autocommit: bool) -> FakeSnowflakeConnection:
        """Return a connection of its own, without database and schema."""
        return FakeSnowflakeConnection(
            self.duck_conn.cursor(),
            self.results_cache,
            create_database=False,
            create_schema=False,
            db_path=self.db_path,
            autocommit=autocommit,
        )

    def has_database(self, name: str) -> bool:
        """Return whether a database exists."""
        return name in self.list_databases()

    def list_databases(self) -> list[str]:
        """Return the names of all databases."""
        with self.duck_conn.cursor() as cursor:
            rows = cursor.execute(
                "SELECT database_name FROM duckdb_databases() WHERE NOT internal ORDER BY 1"
            ).fetchall()
        return [name for (name,) in rows if name not in ("memory", GLOBAL_DATABASE_NAME)]

    def has_schema(self, database: str, schema: str) -> bool:
        """Return whether a schema exists."""
        with self.duck_conn.cursor() as cursor:
            found = cursor.execute(
                "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND schema_name = ?", [database, schema]
            ).fetchone()
        return found is not None

    def create_database(self, name: str) -> None:
        """Create a database with the schema PUBLIC."""
        if not _DATABASE_NAME.fullmatch(name):
            raise SqlError(f"database name {name!r}: the emulated Snowflake takes letters, digits, _ and $ only", 1003)
        if self.has_database(name):
            return
        with self.duck_conn.cursor() as cursor:
            path = self.databases_dir / f"{name}.db"
            cursor.execute(f"ATTACH {quote_text(str(path))} AS {quote_name(name)}")
            cursor.execute(info_schema.per_db_creation_sql(name))
            cursor.execute(macros.creation_sql(name))
        ensure_history(self.duck_conn, name)
        self.create_schema(name, "PUBLIC")

    def drop_database(self, name: str) -> None:
        """Drop a database and delete its files."""
        with self.duck_conn.cursor() as cursor:
            cursor.execute(f"DETACH {quote_name(name)}")
        for suffix in (".db", ".db.wal"):
            (self.databases_dir / f"{name}{suffix}").unlink(missing_ok=True)

    def create_schema(self, database: str, schema: str) -> None:
        """Create a schema unless it is there."""
        with self.duck_conn.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(database)}.{quote_name(schema)}")

    def close(self) -> None:
        """Close everything; what is committed is in the files."""
        self.duck_conn.close()
